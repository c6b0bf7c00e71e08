// SPDX-License-Identifier: Apache-2.0
//! Do the blocks of the upgrade fit into what a block may use and take?

use crate::{ask::ask, input::Runtime, rehearsal::Rehearsal, timed_block::TimedBlock, weight};
use codec::Decode;
use fork::{Chain, Executor, processor::MeasuredTime};
use protocol::{CheckOutcome, Finding, Rank, Weight, dry_run::Phase};
use validator::time_limit;
use worker::Result;

/// The time limit of importing a block.
#[derive(Clone, Copy, Debug)]
struct ImportLimit {
    /// In seconds. Beyond it the chain falls behind.
    limit: f64,
    why: &'static str,
}

/// The time that validators give a block of a parachain before they back it, in seconds.
const BACKING: f64 = 2.0;

impl ImportLimit {
    /// Returns the limit that follows from the slots of the runtime; six seconds where it does not
    /// give them.
    fn of(to: &Runtime, chain: &Chain, executor: &Executor) -> Result<Self> {
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

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { to, executor, .. } = rehearsal;
    rehearsal.life()?;
    let import = ImportLimit::of(to, rehearsal.enacted()?, executor)?;
    Ok(fit(&rehearsal.blocks(), weight::block_limit(&to.layout), import))
}

fn fit(blocks: &[TimedBlock], limits: Option<Weight>, import: ImportLimit) -> CheckOutcome {
    let Some(limits) = limits else {
        return CheckOutcome::not_judged("the runtime's metadata does not tell System.BlockWeights");
    };
    let mut findings = Vec::new();
    let (mut most_time, mut most_proof) = (0u64, 0u64);
    // Inherents of old runtimes declare no proof. A lack that blocks without a migration have too
    // is not a fault of the migration.
    let lacking = |block: &TimedBlock| block.proof_size.saturating_sub(block.declared_proof_size);
    let always = blocks.iter().filter(|block| block.phase == Phase::Healthy).map(lacking).max().unwrap_or_default();
    let mut slowest = MeasuredTime::default();
    for block in blocks.iter().filter(|block| block.phase != Phase::Enactment) {
        let number = block.number;
        let time = percent(block.ref_time, limits.ref_time);
        // Chains that are not parachains have no limit on the proof size: `u64::MAX`.
        let proof = percent(block.proof_size, limits.proof_size);
        let compact = percent(block.compact_proof_size, limits.proof_size);
        let declared = percent(block.declared_proof_size, limits.proof_size);
        most_time = most_time.max(time);
        most_proof = most_proof.max(proof.max(declared));
        for (share, what, beyond) in [
            // Blocks are sent in the compact form. A recorded proof above the limit that is not in
            // that form is refused by no node.
            (proof, "proof_size", if compact > 100 { Rank::Seen } else { Rank::Hazard }),
            // Declared weight leaves less room for transactions and stops no block: hooks need not
            // fit. The time that the block takes is measured below.
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
        if let Some(rank) = time_limit::judge(block.took, import.limit) {
            findings.push(Finding::new(
                rank,
                format!(
                    "block {number}: importing it took {} that {}: a migration that does too much in one block",
                    time_limit::excess(rank, import.limit),
                    import.why
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
    let check = CheckOutcome::judged(format!("at most {most_time} % of ref_time and {proof} in a block"), findings);
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

#[cfg(test)]
mod tests {
    use super::*;
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
    const IMPORT: ImportLimit = ImportLimit { limit: 2.0, why: "validators give a parachain's block" };

    #[test]
    fn a_block_that_takes_the_processor_longer_than_there_is_fails() {
        for (seconds, status) in [(0.9, Status::Pass), (1.5, Status::Warn), (2.5, Status::Warn), (3.5, Status::Fail)] {
            let block = TimedBlock { took: MeasuredTime::from_reference(seconds), ..block(Phase::Upgrade, 1, 1, 1) };
            let check = fit(&[block], Some(LIMITS), IMPORT);
            assert_eq!((check.status, check.measured.is_some()), (status, status != Status::Pass));
        }
    }

    #[test]
    fn a_busy_machine_and_a_slow_network_change_no_word_of_the_verdict() {
        let told = |took| {
            let check = fit(&[TimedBlock { took, ..block(Phase::Upgrade, 1, 1, 1) }], Some(LIMITS), IMPORT);
            (check.status, check.detail, check.findings)
        };
        assert_eq!(
            told(MeasuredTime { clock: 600.0, ..MeasuredTime::from_reference(0.1) }),
            told(MeasuredTime::from_reference(0.1))
        );
        assert_eq!(
            told(MeasuredTime { clock: 600.0, ..MeasuredTime::from_reference(4.0) }),
            told(MeasuredTime::from_reference(5.0))
        );
        let by_the_clock = MeasuredTime { processor: None, ..MeasuredTime::from_reference(600.0) };
        assert_eq!(told(by_the_clock).0, Status::Warn);
    }

    #[test]
    fn a_block_that_needs_more_proof_than_there_is_fails_and_is_named() {
        let check = fit(&[block(Phase::Migration, 10, 1_011, 1_011)], Some(LIMITS), IMPORT);
        assert_eq!(check.status, Status::Fail);
        assert!(check.findings[0].text.starts_with("block 7"));
        let mut compact = block(Phase::Migration, 10, 1_011, 1_011);
        compact.block.compact_proof_size = 900;
        assert_eq!(fit(&[compact], Some(LIMITS), IMPORT).status, Status::Warn, "it travels in 900 bytes");
    }

    /// Some migrations declare a whole block, to keep everything else out: those of Hydration at
    /// 140. With the weight of the block itself they exceed the limit.
    #[test]
    fn a_block_that_only_declares_more_than_there_is_warns() {
        for (ref_time, declared) in [(1_011, 10), (10, 1_011), (1_011, 1_011)] {
            let check = fit(&[block(Phase::Migration, ref_time, 10, declared)], Some(LIMITS), IMPORT);
            assert_eq!(check.status, Status::Warn, "the block was built and imported: {check:?}");
            assert!(check.findings[0].text.starts_with("block 7: declared"));
        }
    }

    #[test]
    fn a_block_near_a_limit_warns() {
        assert_eq!(fit(&[block(Phase::Upgrade, 800, 10, 10)], Some(LIMITS), IMPORT).status, Status::Warn);
        assert_eq!(fit(&[block(Phase::Upgrade, 799, 10, 10)], Some(LIMITS), IMPORT).status, Status::Pass);
    }

    #[test]
    fn a_migration_that_declares_too_little_proof_warns_where_proof_counts() {
        assert_eq!(fit(&[block(Phase::Migration, 1, 20, 10)], Some(LIMITS), IMPORT).status, Status::Warn);
        let unlimited = Weight { ref_time: 1_000, proof_size: u64::MAX };
        assert_eq!(fit(&[block(Phase::Migration, 1, 20, 10)], Some(unlimited), IMPORT).status, Status::Pass);
    }

    /// Bridge Hub Kusama at its first runtime, with an upgrade that changes nothing.
    #[test]
    fn proof_that_no_block_of_the_chain_declares_is_no_migrations() {
        let blocks = |upgrade| {
            [block(Phase::Upgrade, 1, upgrade, 0), block(Phase::Healthy, 1, 30, 0), block(Phase::Healthy, 1, 40, 0)]
        };
        assert_eq!(fit(&blocks(25), Some(LIMITS), IMPORT).status, Status::Pass);
        assert_eq!(fit(&blocks(41), Some(LIMITS), IMPORT).status, Status::Warn);
    }

    #[test]
    fn without_limits_nothing_is_claimed() {
        assert_eq!(fit(&[block(Phase::Upgrade, 1, 1, 1)], None, IMPORT).status, Status::NotJudged);
    }
}
