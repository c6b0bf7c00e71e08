// SPDX-License-Identifier: Apache-2.0
//! `dev_*`: what only a fork can do, named and called as chopsticks has it.

use super::{
    Fork,
    rpc::{Bytes, Error, Parameters, Reply},
};
use crate::keys;
use codec::{Decode, Encode};
use serde::Deserialize;
use serde_json::{Value, json};
use sp_core::H256;
use sp_runtime::traits::Header as _;

pub const METHODS: &[&str] = &["dev_newBlock", "dev_setHead", "dev_setStorage", "dev_timeTravel"];

/// Blocks built for one request.
const BLOCK_LIMIT: u32 = 10_000;

pub fn call(fork: &mut Fork<'_>, method: &str, parameters: &Parameters) -> Option<Reply> {
    Some(match method {
        "dev_newBlock" => new_block(fork, parameters),
        "dev_setStorage" => set_storage(fork, parameters),
        "dev_timeTravel" => time_travel(fork, parameters),
        "dev_setHead" => set_head(fork, parameters),
        _ => return None,
    })
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBlock {
    /// How many blocks.
    count: Option<u32>,
    /// Up to the block with this number.
    to: Option<u32>,
    /// Extrinsics for the first of them.
    #[serde(default)]
    transactions: Vec<Bytes>,
}

fn new_block(fork: &mut Fork<'_>, parameters: &Parameters) -> Reply {
    let wish: NewBlock = parameters.optional(0, "what to build")?.unwrap_or_default();
    let number = fork.chain(None)?.number();
    let count = match (wish.count, wish.to) {
        (Some(_), Some(_)) => return Err(Error::parameters("either `count` or `to`, not both")),
        (Some(count), None) => count,
        (None, Some(to)) => to.saturating_sub(number),
        (None, None) => 1,
    };
    if count > BLOCK_LIMIT {
        return Err(Error::parameters(format!("{count} blocks: at most {BLOCK_LIMIT} are built at once")));
    }
    for extrinsic in wish.transactions {
        fork.submit(extrinsic.0)?;
    }
    for _ in 0..count {
        fork.build(Vec::new())?;
    }
    Ok(json!(fork.head()))
}

fn set_storage(fork: &mut Fork<'_>, parameters: &Parameters) -> Reply {
    let values: Value = parameters.required(0, "values")?;
    if parameters.at(1)?.is_some_and(|at| at != fork.head()) {
        return Err(Error::parameters("parameter 1 (block hash): only the head's state can be changed"));
    }
    let values = Vec::<(Bytes, Option<Bytes>)>::deserialize(values)
        .map_err(|error| Error::parameters(format!("parameter 0 (values): pairs of key and value in hex: {error}")))?;
    fork.set_storage(values.into_iter().map(|(key, value)| (key.0, value.map(|value| value.0))).collect())?;
    Ok(json!(fork.head()))
}

/// The next block is of this moment, in milliseconds since 1970, or of the slot that it is in.
fn time_travel(fork: &mut Fork<'_>, parameters: &Parameters) -> Reply {
    let date: Value = parameters.required(0, "date")?;
    let target = match &date {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let target = target.ok_or_else(|| Error::parameters("parameter 0 (date): milliseconds since 1970 are expected"))?;
    let key = keys::item("Timestamp", "Now");
    let now = |fork: &Fork<'_>| -> Result<u64, Error> {
        let bytes = fork.chain(None)?.storage(&key)?.unwrap_or_default();
        u64::decode(&mut &bytes[..]).map_err(|_| Error::new(-32000, "the chain keeps no time under Timestamp.Now"))
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
    // The author takes the slot after the one that the state says it is.
    fork.build(vec![(key.clone(), Some(target.saturating_sub(slot).max(before).encode()))])?;
    now(fork).map(|now| json!(now))
}

/// A block by hash or number; a negative number counts back from the head.
fn set_head(fork: &mut Fork<'_>, parameters: &Parameters) -> Reply {
    let which: Value = parameters.required(0, "block")?;
    let hash = match &which {
        Value::Number(number) => {
            let number = number
                .as_i64()
                .ok_or_else(|| Error::parameters(format!("parameter 0 (block): {which} is no block number")))?;
            let head = i64::from(*fork.chain(None)?.header().number());
            let number = if number < 0 { head + number } else { number };
            u32::try_from(number).ok().map(|number| fork.hash_of(number)).transpose()?.flatten()
        }
        text => H256::deserialize(text).ok(),
    };
    let hash = hash.ok_or_else(|| Error::parameters(format!("parameter 0 (block): this fork has no block {which}")))?;
    fork.entry(Some(hash))?;
    fork.set_head(hash);
    Ok(json!(hash))
}
