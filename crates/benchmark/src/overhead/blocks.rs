// SPDX-License-Identifier: Apache-2.0
//! Builds blocks on a genesis state, and executes them repeatedly.

use super::{CALL, signer::Signer};
use crate::state::StateDatabase;
use fork::{Author, BlockRequest, BuiltBlock, Chain, Code, Executor, block, block::Plan};
use protocol::{benchmark::OverheadSettings, weights::constants::Timed};
use sp_state_machine::OverlayedChanges;
use sp_trie::recorder::Recorder;
use std::time::Instant;
use weights::constants::stats;
use worker::{Failure, Reporter, Result};

/// The maximum number of extrinsics in a block, for runtimes without a limit of their own.
const MAX_EXTRINSICS: u32 = 1 << 17;
/// The number of extrinsics in the first attempt to fill a block. It doubles until some do not fit.
const INITIAL_EXTRINSICS: u32 = 1 << 10;

/// An encoded block that can be executed repeatedly.
pub struct Block {
    encoded: Vec<u8>,
    proof_size: u64,
}

impl Block {
    /// Builds a block with inherents only.
    pub fn empty(chain: &Chain, executor: &Executor, code: &Code, plan: Plan) -> Result<Self> {
        block::build(chain, executor, code, plan).map(Self::of)
    }

    fn of(built: BuiltBlock) -> Self {
        Self { encoded: built.encode(), proof_size: built.proof_size }
    }

    /// Builds a block with as many signed extrinsics as fit, and returns it with their number.
    pub fn full(
        timer: &BlockTimer<'_>,
        chain: &Chain,
        author: &mut Author<'_>,
        signer: &Signer,
    ) -> Result<(Self, u64)> {
        let BlockTimer { executor, code, settings, .. } = *timer;
        let plan = |author: &mut Author<'_>, count: u32| {
            let extrinsics = (0..count).map(|nonce| signer.remark(nonce)).collect();
            author.plan(chain, code, BlockRequest { extrinsics, ..BlockRequest::default() })
        };
        // A single extrinsic has to succeed. A call that is included but fails would be cheaper.
        block::build(chain, executor, code, plan(author, 1)?).map_err(|failure| {
            Failure::check(format!("the runtime rejects a {CALL} signed by {}", super::signer::SIGNER))
                .found(failure.found.unwrap_or(failure.message))
                .expected("a genesis preset in which the development account exists and can pay")
        })?;
        let most = settings.max_extrinsics.unwrap_or(MAX_EXTRINSICS);
        let mut count = INITIAL_EXTRINSICS.min(most);
        loop {
            let built = block::build_from_pool(chain, executor, code, plan(author, count)?)?;
            if let Some((_, answer)) = built.refused.first()
                && !answer.starts_with(&block::NO_ROOM)
            {
                return Err(Failure::check(format!("the runtime rejects {CALL} before the block is full"))
                    .found(format!("BlockBuilder_apply_extrinsic returned {}", hex::encode_prefixed(answer)))
                    .expected(format!("{}: the block is full", hex::encode_prefixed(block::NO_ROOM))));
            }
            if !built.refused.is_empty() || count == most {
                let fitted = u64::from(count) - built.refused.len() as u64;
                return Ok((Self::of(built), fitted));
            }
            count = count.saturating_mul(2).min(most);
        }
    }
}

/// Executes blocks and measures their time.
pub struct BlockTimer<'a> {
    pub executor: &'a Executor,
    pub code: &'a Code,
    pub stored: &'a StateDatabase,
    pub settings: &'a OverheadSettings,
    pub record_proof: bool,
    pub reporter: &'a Reporter,
}

impl BlockTimer<'_> {
    /// Executes a block repeatedly until its time minus `base` is known within the tolerance.
    /// `base` is in nanoseconds.
    pub fn measure(&self, name: &str, block: &Block, base: Option<u64>) -> Result<Timed> {
        let OverheadSettings { warmup, repeat_min, repeat_max, tolerance, .. } = *self.settings;
        for _ in 0..warmup {
            self.execute(block)?;
        }
        let mut time = Vec::new();
        let mut next = repeat_min;
        while time.len() < repeat_max as usize {
            for _ in 0..next {
                time.push(self.execute(block)?);
                self.reporter.progress(name, time.len() as u64, None, "executions");
            }
            let stats = stats(&time);
            let of_interest = stats.median.saturating_sub(base.unwrap_or_default()) as f64;
            if tolerance > 0.0 && stats.half_width <= tolerance * of_interest {
                break;
            }
            let done = time.len() as u32;
            // The number of executions doubles, because the interval narrows with the square root
            // of their number.
            next = done.min(repeat_max - done);
        }
        Ok(Timed { time, proof_size: if self.record_proof { block.proof_size } else { 0 } })
    }

    /// Executes a block once, and returns the time in nanoseconds.
    fn execute(&self, block: &Block) -> Result<u64> {
        let recorder = Recorder::default();
        let backend = self.stored.backend(self.record_proof.then(|| recorder.clone()));
        let mut overlay = OverlayedChanges::default();
        let mut extensions = self.executor.extensions(recorder);
        let began = Instant::now();
        let answer = self.executor.call(
            &backend,
            &mut overlay,
            &mut extensions,
            self.code,
            "Core_execute_block",
            &block.encoded,
        );
        let time = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        answer.map(|_| time)
    }
}
