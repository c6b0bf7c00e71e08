// SPDX-License-Identifier: Apache-2.0
//! Did the migrations end, do their blocks fit, and does the chain live on?

use crate::{
    rehearsal::Rehearsal,
    result::{Block, Check, Phase, Status, errors_logged},
};
use codec::Decode;
use fork::{Layout, Weight};
use worker::{Failure, Result};

/// `System.BlockWeights` begins with the base weight of a block and the most a block may weigh.
pub fn limits(layout: &Layout) -> Option<Weight> {
    let bytes = layout.constant("System", "BlockWeights")?;
    <(Weight, Weight)>::decode(&mut &bytes[..]).ok().map(|(_, limit)| limit)
}

pub fn migrations(rehearsal: &mut Rehearsal, layout: &Layout) -> Result<Check> {
    const NAME: &str = "migrations";
    match rehearsal.failure.take() {
        Some(failure) => {
            // Blocks that were built are still told in the report; what went wrong is told here.
            rehearsal.failure = Some(failure.clone());
            Check::from_failure(NAME, failure)
        }
        None => {
            let _ = errors_logged();
            let multi_block = match (layout.migrations(), rehearsal.steps) {
                (None, _) => "no multi-block migrations pallet".to_string(),
                (Some(_), 0) => "no multi-block migration ran".to_string(),
                (Some(_), steps) => format!("multi-block migrations ended after {steps} more blocks"),
            };
            Ok(Check::pass(NAME, format!("single-block migrations ran in the first block; {multi_block}")))
        }
    }
}

pub fn fit(blocks: &[Block], limits: Option<Weight>) -> Check {
    const NAME: &str = "block-limits";
    let Some(limits) = limits else {
        return Check::skip(NAME, "the runtime's metadata does not tell System.BlockWeights");
    };
    let mut status = Status::Pass;
    let mut findings = Vec::new();
    let (mut most_time, mut most_proof) = (0u64, 0u64);
    for block in blocks.iter().filter(|block| block.phase != Phase::Enactment) {
        let time = percent(block.ref_time, limits.ref_time);
        // Chains that are not parachains have no limit of proof: u64::MAX.
        let proof = percent(block.proof_size.max(block.declared_proof_size), limits.proof_size);
        most_time = most_time.max(time);
        most_proof = most_proof.max(proof);
        for (share, what) in [(time, "ref_time"), (proof, "proof_size")] {
            let level = match share {
                101.. => Status::Fail,
                80.. => Status::Warn,
                _ => continue,
            };
            if level == Status::Fail || status == Status::Pass {
                status = level;
            }
            findings.push(format!("block {}: {what} at {share} % of the limit", block.number));
        }
        if block.phase != Phase::Healthy
            && limits.proof_size != u64::MAX
            && block.proof_size > block.declared_proof_size
        {
            if status == Status::Pass {
                status = Status::Warn;
            }
            findings.push(format!(
                "block {}: declares {} bytes of proof and needs {}: a migration's weight is too low",
                block.number, block.declared_proof_size, block.proof_size
            ));
        }
    }
    findings.truncate(40);
    let proof = if limits.proof_size == u64::MAX {
        "no limit of proof".into()
    } else {
        format!("{most_proof} % of proof_size")
    };
    Check::new(NAME, status, format!("at most {most_time} % of ref_time and {proof} in a block")).with(findings)
}

fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(u64::MAX)
}

pub fn healthy(asked: u32, built: &[Block], failure: Option<Failure>, migrations_ended: bool) -> Result<Check> {
    const NAME: &str = "healthy-blocks";
    if !migrations_ended {
        return Ok(Check::skip(NAME, "the migrations did not end"));
    }
    if let Some(failure) = failure {
        return Check::from_failure(NAME, failure);
    }
    let closed: Vec<_> = built
        .iter()
        .filter(|block| block.only_inherents)
        .map(|block| format!("block {} takes no transaction", block.number))
        .collect();
    if closed.is_empty() {
        Ok(Check::pass(NAME, format!("{asked} blocks built and imported, transactions welcome in each")))
    } else {
        Ok(Check::fail(NAME, "the chain takes no transactions although its migrations ended").with(closed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(phase: Phase, ref_time: u64, proof_size: u64, declared_proof_size: u64) -> Block {
        Block {
            number: 7,
            hash: String::new(),
            state_root: String::new(),
            phase,
            ref_time,
            proof_size,
            compact_proof_size: 0,
            declared_proof_size,
            only_inherents: false,
            import_seconds: 0.0,
        }
    }

    const LIMITS: Weight = Weight { ref_time: 1_000, proof_size: 1_000 };

    #[test]
    fn a_block_beyond_either_limit_fails_and_is_named() {
        for (ref_time, proof) in [(1_011, 10), (10, 1_011)] {
            let check = fit(&[block(Phase::Migration, ref_time, proof, 2_000.min(proof))], Some(LIMITS));
            assert_eq!(check.status, Status::Fail);
            assert!(check.findings[0].starts_with("block 7"));
        }
    }

    #[test]
    fn a_block_near_a_limit_warns() {
        assert_eq!(fit(&[block(Phase::Upgrade, 800, 10, 10)], Some(LIMITS)).status, Status::Warn);
        assert_eq!(fit(&[block(Phase::Upgrade, 799, 10, 10)], Some(LIMITS)).status, Status::Pass);
    }

    #[test]
    fn a_migration_that_declares_too_little_proof_warns_where_proof_counts() {
        assert_eq!(fit(&[block(Phase::Migration, 1, 20, 10)], Some(LIMITS)).status, Status::Warn);
        let unlimited = Weight { ref_time: 1_000, proof_size: u64::MAX };
        assert_eq!(fit(&[block(Phase::Migration, 1, 20, 10)], Some(unlimited)).status, Status::Pass);
    }

    #[test]
    fn without_limits_nothing_is_claimed() {
        assert_eq!(fit(&[block(Phase::Upgrade, 1, 1, 1)], None).status, Status::Skip);
    }
}
