// SPDX-License-Identifier: Apache-2.0
//! Did the migrations end, do their blocks fit, and does the chain live on?

use crate::{
    ask::ask,
    input::Runtime,
    rehearsal::Rehearsal,
    result::{self, TimedBlock, errors_logged},
    time_limit,
};
use codec::Decode;
use fork::{Chain, Executor, Layout, processor::MeasuredTime};
use protocol::{Check, Finding, Rank, Weight, dry_run::Phase};
use worker::{Failure, Result};

pub fn migrations(rehearsal: &mut Rehearsal, layout: &Layout) -> Result<Check> {
    const NAME: &str = "migrations";
    match rehearsal.failure.take() {
        Some(failure) => {
            // Blocks that were built are still told in the report; what went wrong is told here.
            rehearsal.failure = Some(failure.clone());
            result::from_failure(NAME, failure)
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

/// How long a block may take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Importing it takes no longer, or the chain falls behind.
    pub limit: f64,
    pub why: &'static str,
}

/// What validators give a parachain's block before they back it.
const BACKING: f64 = 2.0;

impl Pace {
    /// From the slots that the runtime tells; six seconds where it tells none.
    pub fn of(to: &Runtime, chain: &Chain, executor: &Executor) -> Result<Self> {
        if to.layout.parachain_system().is_some() {
            return Ok(Self { limit: BACKING, why: "validators give a parachain's block" });
        }
        let mut slot = 6_000;
        for function in ["AuraApi_slot_duration", "BabeApi_configuration"] {
            let answer = ask(to, chain, executor, function, &[])?.value();
            if let Some(told) = answer.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()).filter(|told| *told > 0) {
                slot = told;
                break;
            }
        }
        Ok(Self { limit: slot as f64 / 1_000.0, why: "a slot lasts" })
    }
}

pub fn fit(blocks: &[TimedBlock], limits: Option<Weight>, pace: Pace) -> Check {
    const NAME: &str = "block-limits";
    let Some(limits) = limits else {
        return Check::not_judged(NAME, "the runtime's metadata does not tell System.BlockWeights");
    };
    let mut findings = Vec::new();
    let (mut most_time, mut most_proof) = (0u64, 0u64);
    // Inherents of old runtimes declare no proof: what blocks without a migration lack as well is not the migration's.
    let lacking = |block: &TimedBlock| block.proof_size.saturating_sub(block.declared_proof_size);
    let always = blocks.iter().filter(|block| block.phase == Phase::Healthy).map(lacking).max().unwrap_or_default();
    let mut slowest = MeasuredTime::default();
    for block in blocks.iter().filter(|block| block.phase != Phase::Enactment) {
        let number = block.number;
        let time = percent(block.ref_time, limits.ref_time);
        // Chains that are not parachains have no limit of proof: u64::MAX.
        let proof = percent(block.proof_size, limits.proof_size);
        let compact = percent(block.compact_proof_size, limits.proof_size);
        let declared = percent(block.declared_proof_size, limits.proof_size);
        most_time = most_time.max(time);
        most_proof = most_proof.max(proof.max(declared));
        for (share, what, beyond) in [
            // Blocks travel with the compact form: what is above the limit only as it is recorded is refused by nobody.
            (proof, "proof_size", if compact > 100 { Rank::Seen } else { Rank::Hazard }),
            // What is only declared takes room from transactions, and stops no block: hooks are not asked to fit. How
            // long the block takes is measured below.
            (time, "declared ref_time", Rank::Hazard),
            (if declared > proof { declared } else { 0 }, "declared proof_size", Rank::Hazard),
        ] {
            let rank = match share {
                101.. => beyond,
                80.. => Rank::Hazard,
                _ => continue,
            };
            findings.push(Finding::new(rank, format!("block {number}: {what} at {share} % of the limit")));
        }
        if let Some(rank) = time_limit::judge(block.took, pace.limit) {
            findings.push(Finding::new(
                rank,
                format!(
                    "block {number}: importing it took {} that {}: a migration that does too much in one block",
                    time_limit::told(rank, pace.limit),
                    pace.why
                ),
            ));
            slowest = time_limit::longer(slowest, block.took);
        }
        if block.phase != Phase::Healthy && limits.proof_size != u64::MAX && lacking(block) > always {
            findings.push(Finding::hazard(format!(
                "block {number}: declares {} bytes of proof and needs {}: a migration's weight is too low",
                block.declared_proof_size, block.proof_size
            )));
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
    findings.truncate(40);
    let proof = if limits.proof_size == u64::MAX {
        "no limit of proof".into()
    } else {
        format!("{most_proof} % of proof_size")
    };
    let check = Check::judged(NAME, format!("at most {most_time} % of ref_time and {proof} in a block"), findings);
    match slowest == MeasuredTime::default() {
        true => check,
        false => check.measured(format!("importing a block took up to {}", time_limit::measured(slowest))),
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(u64::MAX)
}

pub fn healthy(asked: u32, built: &[TimedBlock], failure: Option<Failure>, migrations_ended: bool) -> Result<Check> {
    const NAME: &str = "healthy-blocks";
    if !migrations_ended {
        return Ok(Check::not_judged(NAME, super::UNREACHED));
    }
    if let Some(failure) = failure {
        return result::from_failure(NAME, failure);
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
    use crate::time_limit::tests::took;
    use protocol::{Status, dry_run::Block};

    fn block(phase: Phase, ref_time: u64, proof_size: u64, declared_proof_size: u64) -> TimedBlock {
        let block = Block {
            number: 7,
            hash: String::new(),
            state_root: String::new(),
            phase,
            ref_time,
            proof_size,
            compact_proof_size: proof_size,
            declared_proof_size,
            only_inherents: false,
            import_seconds: 0.0,
        };
        TimedBlock { block, took: MeasuredTime::default() }
    }

    const LIMITS: Weight = Weight { ref_time: 1_000, proof_size: 1_000 };
    const PACE: Pace = Pace { limit: 2.0, why: "validators give a parachain's block" };

    #[test]
    fn a_block_that_takes_the_processor_longer_than_there_is_fails() {
        for (seconds, status) in [(0.9, Status::Pass), (1.5, Status::Warn), (2.5, Status::Warn), (3.5, Status::Fail)] {
            let block = TimedBlock { took: took(seconds), ..block(Phase::Upgrade, 1, 1, 1) };
            let check = fit(&[block], Some(LIMITS), PACE);
            assert_eq!((check.status, check.measured.is_some()), (status, status != Status::Pass));
        }
    }

    #[test]
    fn a_busy_machine_and_a_slow_network_change_no_word_of_the_verdict() {
        let told = |took| {
            let check = fit(&[TimedBlock { took, ..block(Phase::Upgrade, 1, 1, 1) }], Some(LIMITS), PACE);
            (check.status, check.detail, check.findings)
        };
        assert_eq!(told(MeasuredTime { clock: 600.0, ..took(0.1) }), told(took(0.1)));
        assert_eq!(told(MeasuredTime { clock: 600.0, ..took(4.0) }), told(took(5.0)));
        let by_the_clock = MeasuredTime { processor: None, ..took(600.0) };
        assert_eq!(told(by_the_clock).0, Status::Warn);
    }

    #[test]
    fn a_block_that_needs_more_proof_than_there_is_fails_and_is_named() {
        let check = fit(&[block(Phase::Migration, 10, 1_011, 1_011)], Some(LIMITS), PACE);
        assert_eq!(check.status, Status::Fail);
        assert!(check.findings[0].text.starts_with("block 7"));
        let mut compact = block(Phase::Migration, 10, 1_011, 1_011);
        compact.block.compact_proof_size = 900;
        assert_eq!(fit(&[compact], Some(LIMITS), PACE).status, Status::Warn, "it travels in 900 bytes");
    }

    /// Migrations that declare a whole block, so that nothing else gets into it: Hydration's at 140, with the block's own on top.
    #[test]
    fn a_block_that_only_declares_more_than_there_is_warns() {
        for (ref_time, declared) in [(1_011, 10), (10, 1_011), (1_011, 1_011)] {
            let check = fit(&[block(Phase::Migration, ref_time, 10, declared)], Some(LIMITS), PACE);
            assert_eq!(check.status, Status::Warn, "the block was built and imported: {check:?}");
            assert!(check.findings[0].text.starts_with("block 7: declared"));
        }
    }

    #[test]
    fn a_block_near_a_limit_warns() {
        assert_eq!(fit(&[block(Phase::Upgrade, 800, 10, 10)], Some(LIMITS), PACE).status, Status::Warn);
        assert_eq!(fit(&[block(Phase::Upgrade, 799, 10, 10)], Some(LIMITS), PACE).status, Status::Pass);
    }

    #[test]
    fn a_migration_that_declares_too_little_proof_warns_where_proof_counts() {
        assert_eq!(fit(&[block(Phase::Migration, 1, 20, 10)], Some(LIMITS), PACE).status, Status::Warn);
        let unlimited = Weight { ref_time: 1_000, proof_size: u64::MAX };
        assert_eq!(fit(&[block(Phase::Migration, 1, 20, 10)], Some(unlimited), PACE).status, Status::Pass);
    }

    /// Bridge Hub Kusama at its first runtime, with an upgrade that changes nothing.
    #[test]
    fn proof_that_no_block_of_the_chain_declares_is_no_migrations() {
        let blocks = |upgrade| {
            [block(Phase::Upgrade, 1, upgrade, 0), block(Phase::Healthy, 1, 30, 0), block(Phase::Healthy, 1, 40, 0)]
        };
        assert_eq!(fit(&blocks(25), Some(LIMITS), PACE).status, Status::Pass);
        assert_eq!(fit(&blocks(41), Some(LIMITS), PACE).status, Status::Warn);
    }

    #[test]
    fn without_limits_nothing_is_claimed() {
        assert_eq!(fit(&[block(Phase::Upgrade, 1, 1, 1)], None, PACE).status, Status::NotJudged);
    }
}
