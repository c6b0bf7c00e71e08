// SPDX-License-Identifier: Apache-2.0
//! The transactions of a block under another runtime.
//!
//! The runtime takes the chain over at the parent of the block: its migrations run in blocks of
//! their own, and then the transactions of the block are applied in their order. The block itself
//! is not executed: its header holds a state root that other code does not reach, and its inherents
//! belong to an earlier moment. Signatures that were valid are accepted as valid.

use super::{extrinsics as listed, records};
use crate::{input::Runtime, migration};
use codec::{Decode, Encode};
use fork::{Author, BlockRequest, Chain, Executor, LiveBlock};
use protocol::{
    Source,
    block::{ChangedOutcome, DispatchOutcome, Extrinsic, OtherRuntime},
};
use source::ReadSource;
use sp_core::storage::well_known_keys;
use sp_runtime::{OpaqueExtrinsic, transaction_validity::TransactionValidityError};
use std::collections::VecDeque;
use worker::{Reporter, Result};

pub struct Replayed<'a> {
    /// The chain at the parent of the block.
    pub chain: &'a Chain,
    pub executor: &'a Executor,
    pub block: &'a LiveBlock,
    /// The extrinsics with their results under the code of the chain.
    pub extrinsics: &'a [Extrinsic],
}

pub fn under(name: &str, replayed: &Replayed<'_>, limit: u32, reporter: &Reporter) -> Result<OtherRuntime> {
    reporter.status(format!("asking {name} what it would have made of the block"));
    let blob = name.parse::<Source>()?.blob()?;
    let to = Runtime::read(name, blob, replayed.chain, replayed.executor)?;
    let mut chain = replayed.chain.clone();
    chain.set(vec![(well_known_keys::CODE.to_vec(), Some(to.code.bytes().to_vec()))])?;
    chain.set_state_version(to.version.effective_state_version());
    let mut author = Author::new(replayed.executor);
    let migrated = migration::migrate(&chain, &mut author, &to.code, &to.layout, limit, "migration blocks", reporter)?;
    let transactions: Vec<_> = replayed.extrinsics.iter().filter(|extrinsic| !extrinsic.inherent).collect();
    let mut other = OtherRuntime {
        runtime: to.identity(),
        migration_blocks: migrated.blocks.len(),
        failure: migrated.failure.map(|failure| failure.to_string()),
        transactions: transactions.len(),
        changed: Vec::new(),
    };
    if other.failure.is_some() {
        return Ok(other);
    }
    let given: Vec<_> = transactions.iter().map(|extrinsic| &replayed.block.extrinsics[extrinsic.index]).collect();
    let outcomes = match outcomes(&to, migrated.chain, &mut author, replayed.executor, &given) {
        Ok(outcomes) => outcomes,
        Err(failure) if failure.is_verdict() => {
            other.failure = Some(failure.to_string());
            return Ok(other);
        }
        Err(failure) => return Err(failure),
    };
    other.changed = transactions
        .into_iter()
        .zip(outcomes)
        .filter(|(extrinsic, after)| extrinsic.outcome != *after)
        .map(|(extrinsic, after)| ChangedOutcome {
            index: extrinsic.index,
            call: extrinsic.call.clone(),
            before: extrinsic.outcome.clone(),
            after,
        })
        .collect();
    Ok(other)
}

/// Returns the result of each transaction in one block of the new code.
fn outcomes(
    to: &Runtime,
    mut chain: Chain,
    author: &mut Author<'_>,
    executor: &Executor,
    transactions: &[&OpaqueExtrinsic],
) -> Result<Vec<DispatchOutcome>> {
    let extrinsics = transactions.iter().map(|extrinsic| extrinsic.encode()).collect();
    author.prepare_state(&mut chain, &to.code)?;
    let plan = author.plan(&chain, &to.code, BlockRequest { extrinsics, ..BlockRequest::default() })?;
    let _replay = executor.signatures().replay();
    let mut built = fork::block::build_from_pool(&chain, executor, &to.code, plan)?;
    let changes = std::mem::take(&mut built.changes);
    let refused = std::mem::take(&mut built.refused);
    chain.advance(built.header.clone(), changes);
    let records = match to.interface() {
        Some(interface) => records::of(&chain, &interface)?,
        None => None,
    };
    let block = LiveBlock {
        hash: built.hash(),
        header: built.header,
        extrinsics: built.extrinsics,
        finalized: false,
        traffic: Default::default(),
    };
    // The accepted ones are last in the block, in their order.
    let accepted = transactions.len() - refused.len();
    let in_block = listed(to, &block, records.as_deref());
    let first = in_block.len().saturating_sub(accepted);
    let mut accepted: VecDeque<_> = in_block.into_iter().skip(first).collect();
    let mut refused = VecDeque::from(refused);
    let decided = transactions.iter().map(|extrinsic| {
        let encoded = extrinsic.encode();
        match accepted.front() {
            Some(front) if block.extrinsics[front.index].encode() == encoded => {
                accepted.pop_front().map_or(DispatchOutcome::Unknown, |extrinsic| extrinsic.outcome)
            }
            _ => refused
                .pop_front()
                .map_or(DispatchOutcome::Unknown, |(_, answer)| DispatchOutcome::Refused(reason(&answer))),
        }
    });
    Ok(decided.collect())
}

/// Returns the name of an `Err(TransactionValidityError)`.
fn reason(answer: &[u8]) -> String {
    match answer.get(1..).map(|mut bytes| TransactionValidityError::decode(&mut bytes)) {
        Some(Ok(error)) => format!("{error:?}"),
        _ => hex::encode_prefixed(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_names() {
        assert_eq!(reason(&[1, 0, 4]), "Invalid(BadProof)");
        assert_eq!(reason(&[1, 0, 7, 9]), "Invalid(Custom(9))");
        assert_eq!(reason(&[1, 0, 200]), "0x0100c8");
    }
}
