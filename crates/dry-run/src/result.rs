// SPDX-License-Identifier: Apache-2.0
//! Checks and blocks of the report, made from what the fork and the runtime said.

use crate::weight;
use codec::Encode;
use fork::{BuiltBlock, Layout, block_weight, processor::MeasuredTime};
use protocol::{
    Check, Weight,
    dry_run::{Block, Phase},
};
use worker::{Failure, Kind, Result};

/// Returns what came of a check, which is not judged where the tool came to a limit of its own.
pub fn or_not_judged(name: &str, check: Result<Check>) -> Result<Check> {
    match check {
        Err(failure) if failure.kind == Kind::NotJudged => Ok(Check::not_judged(name, failure.to_string())),
        check => check,
    }
}

/// Returns the check that a failure decides. The runtime's own failure is a verdict, and so is a limit of the tool; anything
/// else is an error of the run.
pub fn from_failure(name: &str, failure: Failure) -> Result<Check> {
    match failure.kind {
        Kind::Check => Ok(Check::fail(name, failure.to_string()).with(errors_logged())),
        Kind::NotJudged => Ok(Check::not_judged(name, failure.to_string())),
        _ => Err(failure),
    }
}

/// Returns the errors that the runtime logged since they were last taken.
pub fn errors_logged() -> Vec<String> {
    let mut lines: Vec<_> = fork::runtime_log::take()
        .into_iter()
        .filter(|(level, _)| *level <= log::Level::Error)
        .map(|(_, line)| line)
        .collect();
    lines.truncate(20);
    lines
}

/// A block of the report, with the time that its import took.
#[derive(Clone, Debug)]
pub struct TimedBlock {
    pub block: Block,
    /// By the clock and the processor: the report holds the clock's alone, rounded.
    pub took: MeasuredTime,
}

impl TimedBlock {
    /// `layout` is that of the code which built the block.
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
