// SPDX-License-Identifier: Apache-2.0
//! Blocks on a genesis state: built once, executed again and again.

use super::{CALL, signer::Signer};
use crate::state::Stored;
use fork::{Author, BlockRequest, BuiltBlock, Chain, Code, Executor, block, block::Plan};
use protocol::{benchmark::OverheadSettings, weights::constants::Timed};
use sp_state_machine::OverlayedChanges;
use sp_trie::recorder::Recorder;
use std::time::Instant;
use weights::constants::stats;
use worker::{Failure, Reporter, Result};

/// `Err(Invalid(ExhaustsResources))` as `BlockBuilder_apply_extrinsic` answers it: the block is full.
const FULL: [u8; 3] = [1, 0, 6];
/// A runtime whose blocks have no end is not filled.
const MOST_EXTRINSICS: u32 = 1 << 17;
/// So many are tried at first, then twice as many, until some find no room.
const FIRST_EXTRINSICS: u32 = 1 << 10;

pub struct Block {
    encoded: Vec<u8>,
    proof_size: u64,
}

impl Block {
    /// With nothing but inherents.
    pub fn empty(chain: &Chain, executor: &Executor, code: &Code, plan: Plan) -> Result<Self> {
        block::build(chain, executor, code, plan).map(Self::of)
    }

    fn of(built: BuiltBlock) -> Self {
        Self { encoded: built.encode(), proof_size: built.proof_size }
    }

    /// With as many signed extrinsics as fit in, and how many these are.
    pub fn full(measure: &Measure<'_>, chain: &Chain, author: &mut Author<'_>, signer: &Signer) -> Result<(Self, u64)> {
        let Measure { executor, code, settings, .. } = *measure;
        let plan = |author: &mut Author<'_>, count: u32| {
            let extrinsics = (0..count).map(|nonce| signer.remark(nonce)).collect();
            author.plan(chain, code, BlockRequest { extrinsics, ..BlockRequest::default() })
        };
        // One alone has to succeed: a call that is let in and then refused would be cheaper than it may be.
        block::build(chain, executor, code, plan(author, 1)?).map_err(|failure| {
            Failure::check(format!("the runtime takes no {CALL} of {}", super::signer::SIGNER))
                .found(failure.found.unwrap_or(failure.message))
                .expected("a genesis preset in which the development account exists and can pay")
        })?;
        let most = settings.max_extrinsics.unwrap_or(MOST_EXTRINSICS);
        let mut count = FIRST_EXTRINSICS.min(most);
        loop {
            let (built, refused) = block::build_from_pool(chain, executor, code, plan(author, count)?)?;
            if let Some((_, answer)) = refused.first()
                && !answer.starts_with(&FULL)
            {
                return Err(Failure::check(format!("the runtime does not take {CALL} until a block is full"))
                    .found(format!("BlockBuilder_apply_extrinsic answered {}", hex::encode_prefixed(answer)))
                    .expected(format!("{}: the block is full", hex::encode_prefixed(FULL))));
            }
            if !refused.is_empty() || count == most {
                let fitted = u64::from(count) - refused.len() as u64;
                return Ok((Self::of(built), fitted));
            }
            count = count.saturating_mul(2).min(most);
        }
    }
}

/// How blocks are executed.
pub struct Measure<'a> {
    pub executor: &'a Executor,
    pub code: &'a Code,
    pub stored: &'a Stored,
    pub settings: &'a OverheadSettings,
    pub record_proof: bool,
    pub reporter: &'a Reporter,
}

impl Measure<'_> {
    /// Executes the block until its time beyond `base` is known well enough.
    pub fn timed(&self, name: &str, block: &Block, base: Option<u64>) -> Result<Timed> {
        let OverheadSettings { warmup, repeat_min, repeat_max, tolerance, .. } = *self.settings;
        for _ in 0..warmup {
            self.once(block)?;
        }
        let mut time = Vec::new();
        let mut next = repeat_min;
        while time.len() < repeat_max as usize {
            for _ in 0..next {
                time.push(self.once(block)?);
                self.reporter.progress(name, time.len() as u64, None, "executions");
            }
            let stats = stats(&time);
            let of_interest = stats.median.saturating_sub(base.unwrap_or_default()) as f64;
            if tolerance > 0.0 && stats.half_width <= tolerance * of_interest {
                break;
            }
            let done = time.len() as u32;
            // As many again: the interval narrows with the root of their number.
            next = done.min(repeat_max - done);
        }
        Ok(Timed { time, proof_size: if self.record_proof { block.proof_size } else { 0 } })
    }

    fn once(&self, block: &Block) -> Result<u64> {
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
