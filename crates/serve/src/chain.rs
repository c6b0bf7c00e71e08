// SPDX-License-Identifier: Apache-2.0
//! `chain_*`: headers, blocks and their hashes.

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Notifications, Params, Queue, Registered, Subscriber, at},
};
use codec::Encode;
use fork::Header;
use serde::{Deserialize, Serialize};
use sp_core::H256;

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("chain_getBlock", block)?;
    methods.method("chain_getBlockHash", block_hash)?;
    methods.alias("chain_getHead", "chain_getBlockHash")?;
    // The blocks of a fork are never reverted, so the head is final.
    methods.method("chain_getFinalizedHead", |fork, _| Ok(fork.head()))?;
    methods.alias("chain_getFinalisedHead", "chain_getFinalizedHead")?;
    // Nodes return null for an unknown block.
    methods.method("chain_getHeader", |fork, mut params| Ok(fork.header(at(&mut params)?).cloned()))?;
    for names in [
        ["chain_subscribeAllHeads", "chain_allHead", "chain_unsubscribeAllHeads"],
        ["chain_subscribeFinalizedHeads", "chain_finalizedHead", "chain_unsubscribeFinalizedHeads"],
        ["chain_subscribeNewHeads", "chain_newHead", "chain_unsubscribeNewHeads"],
    ] {
        methods.subscription(names, heads)?;
    }
    methods.alias("chain_subscribeFinalisedHeads", "chain_subscribeFinalizedHeads")?;
    methods.alias("chain_unsubscribeFinalisedHeads", "chain_unsubscribeFinalizedHeads")?;
    methods.alias("chain_subscribeNewHead", "chain_subscribeNewHeads")?;
    methods.alias("chain_unsubscribeNewHead", "chain_unsubscribeNewHeads")
}

#[derive(Clone, Serialize)]
struct SignedBlock {
    block: Block,
    /// The blocks of a fork have no finality proofs.
    justifications: Option<()>,
}

#[derive(Clone, Serialize)]
struct Block {
    header: Header,
    extrinsics: Vec<Bytes>,
}

fn block(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Option<SignedBlock>, Error> {
    let Ok(entry) = fork.entry(at(&mut params)?) else { return Ok(None) };
    let extrinsics = entry.body()?.iter().map(|extrinsic| Bytes(extrinsic.encode())).collect();
    let block = Block { header: entry.chain.header().clone(), extrinsics };
    Ok(Some(SignedBlock { block, justifications: None }))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum BlockNumbers {
    List(Vec<BlockNumber>),
    One(BlockNumber),
}

/// A block number. Text is hexadecimal, as for nodes.
#[derive(Deserialize)]
#[serde(untagged)]
enum BlockNumber {
    Number(u64),
    Hex(String),
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum BlockHashes {
    List(Vec<Option<H256>>),
    One(Option<H256>),
}

fn block_hash(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<BlockHashes, Error> {
    let one = |number: BlockNumber| -> Result<Option<H256>, Error> {
        let number = match number {
            BlockNumber::Number(number) => Some(number),
            BlockNumber::Hex(text) => u64::from_str_radix(text.strip_prefix("0x").unwrap_or(&text), 16).ok(),
        };
        let number = number.ok_or_else(|| Error::parameters("parameter 0 is not a block number"))?;
        // The fork has no blocks with numbers above 32 bits.
        Ok(u32::try_from(number).ok().map(|number| fork.hash_of(number)).transpose()?.flatten())
    };
    Ok(match params.optional_next()? {
        None => BlockHashes::One(Some(fork.head())),
        Some(BlockNumbers::List(numbers)) => BlockHashes::List(numbers.into_iter().map(one).collect::<Result<_, _>>()?),
        Some(BlockNumbers::One(number)) => BlockHashes::One(one(number)?),
    })
}

fn heads(fork: &mut Fork<'_>, _: Subscriber, _: Params<'_>) -> Result<Queue, Error> {
    let (notifications, queue) = Notifications::channel();
    notifications.send(fork.chain(None)?.header());
    fork.subscriptions.heads(notifications);
    Ok(queue)
}
