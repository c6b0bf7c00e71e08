// SPDX-License-Identifier: Apache-2.0
//! The blocks that a rehearsal built.

use crate::weight;
use codec::Encode;
use fork::{BuiltBlock, Layout, block_weight, processor::MeasuredTime};
use protocol::{
    Weight,
    dry_run::{Block, Phase},
};

/// A block of the report, with the time that its import took.
#[derive(Clone, Debug)]
pub struct TimedBlock {
    pub block: Block,
    /// By the clock and by the processor. The report holds the rounded time by the clock alone.
    pub took: MeasuredTime,
}

impl TimedBlock {
    /// Describes a block that was built. `layout` belongs to the code that built it.
    pub fn of(built: &BuiltBlock, phase: Phase, layout: &Layout) -> Self {
        let Weight { ref_time, proof_size } = weight::declared(layout, block_weight(&built.changes));
        let block = Block {
            number: built.header.number,
            hash: hex::encode_prefixed(built.hash().as_bytes()),
            state_root: hex::encode_prefixed(built.header.state_root.as_bytes()),
            phase,
            ref_time,
            proof_size: built.proof_size,
            compact_proof_size: built.proof.encoded_size() as u64,
            declared_proof_size: proof_size,
            only_inherents: built.only_inherents,
            import_seconds: (built.took.clock * 1e6).round() / 1e6,
        };
        Self { block, took: built.took }
    }
}

impl std::ops::Deref for TimedBlock {
    type Target = Block;

    fn deref(&self) -> &Block {
        &self.block
    }
}
