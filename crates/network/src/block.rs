// SPDX-License-Identifier: Apache-2.0
//! Blocks of the chains of a network, and what a relay block says about parachains.

use cumulus_primitives_core::{ParaId, relay_chain::CandidateEvent};
use fork::{BuiltBlock, Chain, block::RefusedExtrinsics};
use sp_runtime::OpaqueExtrinsic;

/// A block of a chain of the network.
#[derive(Clone)]
pub struct Block {
    /// The chain after it.
    pub after: Chain,
    /// Its inherents and its other extrinsics.
    pub extrinsics: Vec<OpaqueExtrinsic>,
    /// The keys whose values it changed.
    pub keys: Vec<Vec<u8>>,
    /// The offered extrinsics that the runtime refused, each with its answer.
    pub refused: RefusedExtrinsics,
}

impl Block {
    /// Returns the block that led to this state of a chain.
    pub(crate) fn of(after: Chain, built: BuiltBlock) -> Self {
        let changes = built.changes.main_storage_changes;
        let keys = changes.into_iter().map(|(key, _)| key).collect();
        Self { after, extrinsics: built.extrinsics, keys, refused: built.refused }
    }
}

/// A block of the relay chain, with what it says about parachains.
pub struct RelayBlock {
    /// The block.
    pub block: Block,
    /// What happened to candidates in this block, in order.
    pub events: Vec<ParachainEvent>,
    /// What the runtime logged about parachains, if it was built to log.
    pub log: Vec<String>,
}

/// What happened to a candidate in a relay block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParachainEvent {
    /// The candidate with this head was backed, and occupies a core.
    Backed(ParaId, Vec<u8>),
    /// The candidate with this head was available. The head is the parachain's now.
    Included(ParaId, Vec<u8>),
}

impl RelayBlock {
    /// Returns whether the block backs the candidate with this head.
    pub fn backs(&self, para: ParaId, head: &[u8]) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event, ParachainEvent::Backed(id, backed) if *id == para && backed == head))
    }

    /// Returns what the runtime logged about candidates that it left out. Runtimes of live networks
    /// are often built without logging.
    pub fn reasons(&self) -> Vec<String> {
        reasons_in(&self.log)
    }

    /// Returns whether the block includes a candidate of the parachain.
    pub fn includes(&self, para: ParaId) -> bool {
        self.events.iter().any(|event| matches!(event, ParachainEvent::Included(id, _) if *id == para))
    }
}

impl ParachainEvent {
    pub(crate) fn of(event: CandidateEvent) -> Option<Self> {
        match event {
            CandidateEvent::CandidateBacked(receipt, head, ..) => {
                Some(Self::Backed(receipt.descriptor.para_id(), head.0))
            }
            CandidateEvent::CandidateIncluded(receipt, head, ..) => {
                Some(Self::Included(receipt.descriptor.para_id(), head.0))
            }
            CandidateEvent::CandidateTimedOut(..) => None,
        }
    }
}

/// Returns the lines of the log that are not in the log of every block, each once.
fn reasons_in(log: &[String]) -> Vec<String> {
    const USUAL: [&str; 8] = [
        "[process_inherent_data]",
        ": Size before filter",
        ": Size after filter",
        ": Time weight before filter",
        ": Time weight after filter",
        ": Max block weight",
        ": Used max block",
        "ParentBlockRandomness did not provide entropy",
    ];
    let mut reasons = Vec::new();
    for line in log.iter().filter(|line| !USUAL.iter().any(|usual| line.contains(usual))) {
        if !reasons.contains(line) {
            reasons.push(line.clone());
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_about_candidates_are_reasons() {
        let usual = "DEBUG runtime::inclusion-inherent: Max block weight: Weight(..)";
        let reason = "DEBUG runtime::inclusion-inherent: Dropping candidate 0x12 for its weight";
        assert_eq!(reasons_in(&[usual, reason, reason].map(str::to_owned)), [reason]);
    }
}
