// SPDX-License-Identifier: Apache-2.0
//! `dev_*`: what only a fork can do, with the names and parameters of chopsticks.

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Params, Registered, at},
};
use codec::{Decode, Encode};
use fork::keys;
use serde::Deserialize;
use sp_core::H256;
use sp_runtime::traits::Header as _;

/// The maximum number of blocks built for one request.
const BLOCK_LIMIT: u32 = 10_000;

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("dev_newBlock", new_block)?;
    methods.method("dev_setHead", set_head)?;
    methods.method("dev_setStorage", set_storage)?;
    methods.method("dev_timeTravel", time_travel)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBlock {
    /// The number of blocks.
    count: Option<u32>,
    /// The number of the last block to build.
    to: Option<u32>,
    /// Extrinsics for the first of these blocks.
    #[serde(default)]
    transactions: Vec<Bytes>,
}

fn new_block(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<H256, Error> {
    let request: NewBlock = params.optional_next()?.unwrap_or_default();
    let number = fork.chain(None)?.number();
    let count = match (request.count, request.to) {
        (Some(_), Some(_)) => return Err(Error::parameters("either `count` or `to`, not both")),
        (Some(count), None) => count,
        (None, Some(to)) => to.saturating_sub(number),
        (None, None) => 1,
    };
    if count > BLOCK_LIMIT {
        return Err(Error::parameters(format!("{count} blocks: at most {BLOCK_LIMIT} are built at once")));
    }
    for extrinsic in request.transactions {
        fork.submit(extrinsic.0)?;
    }
    let last = number.saturating_add(count);
    while fork.chain(None)?.number() < last {
        fork.build_next()?;
    }
    Ok(fork.head())
}

fn set_storage(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<H256, Error> {
    let values: Vec<(Bytes, Option<Bytes>)> = params.next()?;
    if at(&mut params)?.is_some_and(|at| at != fork.head()) {
        return Err(Error::parameters("parameter 1 (block hash): only the head's state can be changed"));
    }
    fork.set_storage(values.into_iter().map(|(key, value)| (key.0, value.map(|value| value.0))).collect())?;
    Ok(fork.head())
}

/// Milliseconds since 1970, as a number or as decimal text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Date {
    Number(u64),
    Text(String),
}

/// Builds a block at a time, or in the slot that contains it. Returns the new time in milliseconds.
fn time_travel(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<u64, Error> {
    let target = match params.next()? {
        Date::Number(number) => Some(number),
        Date::Text(text) => text.parse().ok(),
    };
    let target = target.ok_or_else(|| Error::parameters("parameter 0 (date): milliseconds since 1970 are expected"))?;
    let key = keys::item("Timestamp", "Now");
    let now = |fork: &Fork<'_>| -> Result<u64, Error> {
        let bytes = fork.chain(None)?.storage(&key)?.unwrap_or_default();
        u64::decode(&mut &bytes[..]).map_err(|_| Error::new(-32000, "the chain has no time in Timestamp.Now"))
    };
    let before = now(fork)?;
    if target <= before {
        return Err(Error::parameters(format!("parameter 0 (date): {target} is not after the head's time {before}")));
    }
    let slot = ["AuraApi_slot_duration", "BabeApi_configuration"]
        .into_iter()
        .find_map(|method| fork.call(None, method, &[]).ok())
        .and_then(|answer| u64::decode(&mut &answer[..]).ok())
        .unwrap_or(6_000);
    if let Some(seat) = fork.seat() {
        if !seat.is_relay_chain() {
            return Err(Error::new(-32000, "the time of a parachain follows its relay chain: travel there"));
        }
        fork.build_together((target.saturating_sub(before) / slot.max(1)).saturating_sub(1))?;
        return now(fork);
    }
    // The author uses the slot after the one in the state.
    fork.build(vec![(key.clone(), Some(target.saturating_sub(slot).max(before).encode()))])?;
    now(fork)
}

/// A block by hash or number. A negative number counts back from the head.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum BlockId {
    Number(i64),
    Hash(H256),
}

fn set_head(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<H256, Error> {
    if fork.seat().is_some() {
        return Err(Error::new(-32000, "a chain that is served with others cannot go back alone"));
    }
    let block: BlockId = params.next()?;
    let hash = match block {
        BlockId::Number(number) => {
            let head = i64::from(*fork.chain(None)?.header().number());
            let number = if number < 0 { head.saturating_add(number) } else { number };
            u32::try_from(number).ok().map(|number| fork.hash_of(number)).transpose()?.flatten()
        }
        BlockId::Hash(hash) => Some(hash),
    };
    let hash =
        hash.ok_or_else(|| Error::parameters(format!("parameter 0 (block): this fork has no block {block:?}")))?;
    fork.entry(Some(hash))?;
    fork.set_head(hash);
    Ok(hash)
}
