// SPDX-License-Identifier: Apache-2.0
//! Are calls as heavy as before? Benchmarks with the wrong flags or on the wrong machine give blobs
//! that work, until blocks are too full.

use crate::{
    input::Runtime,
    rehearsal::Rehearsal,
    types::read,
    weight::{self, CALL_INFO, Form, charged},
};
use artifact::pace::counted;
use codec::Decode;
use protocol::{CheckOutcome, Finding, Rank, Weight, dry_run::CallWeight};
use std::collections::BTreeMap;
use worker::Result;

/// The most calls that are compared. Real runtimes have about five hundred.
const MOST_CALLS: usize = 3_000;
/// In picoseconds. A smaller cost of a call is noise: 10 microseconds.
const SMALL: u64 = 10_000_000;
/// No machine is four times as fast as another.
const FACTOR: u64 = 4;

/// The least calls with a proof from which a pallet shows how its benchmarks were run.
/// `System.set_code` of a relay chain, which has no proof any more, was the only one of its pallet
/// with a proof.
const SEVERAL: usize = 3;

#[derive(Default)]
struct Tally {
    /// Calls that had a proof.
    proving: usize,
    /// Those of them that have no proof now and still pay for reads and writes.
    lost: Vec<String>,
    /// Those that lost both, as a benchmark without a recorder measures them.
    bare: Vec<String>,
    /// Whether the pallet has storage. A call of a pallet without storage may have no proof, as in
    /// `pallet-utility`, whose published weights include the reads of another runtime.
    stores: bool,
}

impl Tally {
    /// Returns whether most calls of the pallet were charged neither proof nor reads: a known
    /// incident.
    fn is_unmeasured(&self) -> bool {
        self.stores && self.proving >= SEVERAL && self.bare.len() >= SEVERAL && self.bare.len() * 2 > self.proving
    }
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let [old, new] = rehearsal.interfaces()?;
    let Rehearsal { from, to, executor, .. } = rehearsal;
    let (chain, migrated) = (rehearsal.enacted()?, &rehearsal.migration()?.chain);
    let read = read_price(to);
    let limits = [from, to].map(|runtime| weight::block_limit(&runtime.layout));
    let (Some(old_form), Some(new_form)) = (Form::of(&from.layout), Form::of(&to.layout)) else {
        return Ok(CheckOutcome::skip("the metadata of one of the runtimes does not tell how weights are written"));
    };
    let mut changed = Vec::new();
    let mut pallets = BTreeMap::<&str, Tally>::new();
    let (mut cheaper, mut dearer, mut stuck, mut compared) = (Vec::new(), Vec::new(), Vec::new(), 0);
    'all: for new_pallet in &new.pallets {
        let Some(old_pallet) = old.pallet(new_pallet.name) else { continue };
        for new_call in new.calls(new_pallet) {
            let Some(old_call) = old.calls(old_pallet).iter().find(|call| call.name == new_call.name) else { continue };
            if compared >= MOST_CALLS {
                break 'all;
            }
            let plain = |types, index: u8, call: &scale_info::Variant<scale_info::form::PortableForm>| {
                let fields = call.fields.iter().map(|field| read::default_value(types, field.ty.id));
                let fields = fields.collect::<Option<Vec<_>>>()?.concat();
                Some([&[index, call.index], fields.as_slice()].concat())
            };
            let (Some(old_bytes), Some(new_bytes)) =
                (plain(old.types, old_pallet.index, old_call), plain(new.types, new_pallet.index, new_call))
            else {
                continue;
            };
            let (Some(before), Some(after)) = (
                charged(from, old_form, chain, executor, &old_bytes)?,
                charged(to, new_form, migrated, executor, &new_bytes)?,
            ) else {
                continue;
            };
            compared += 1;
            let name = format!("{}.{}", new_pallet.name, new_call.name);
            if before != after {
                changed.push(CallWeight { call: name.clone(), old: before, new: after });
            }
            let tally = pallets.entry(new_pallet.name).or_default();
            tally.stores = !new_pallet.items.is_empty();
            if before.proof_size > 0 && !is_refused_on_purpose(before) {
                tally.proving += 1;
                if after.proof_size == 0 && lost_reads(before, after, read) {
                    let fell = format!("and ref_time fell from {} to {}", before.ref_time, after.ref_time);
                    tally.bare.push(format!("{name}: proof_size {} became 0, {fell}", before.proof_size));
                } else if after.proof_size == 0 {
                    tally.lost.push(format!("{name}: proof_size {} became 0", before.proof_size));
                }
            }
            if let [Some(old), Some(new)] = limits
                && fits(before, old)
                && !fits(after, new)
                && !is_refused_on_purpose(after)
            {
                stuck.push(format!(
                    "{name}: ref_time {} and proof_size {} with the least arguments: no block takes it any more, which takes {} and {}",
                    after.ref_time, after.proof_size, new.ref_time, new.proof_size
                ));
            }
            let told = || format!("{name}: ref_time {} became {}", before.ref_time, after.ref_time);
            match trend(before, after) {
                Some(Trend::Cheaper) => cheaper.push(told()),
                Some(Trend::Dearer) => dearer.push(told()),
                None => {}
            }
        }
    }
    if compared > 0 {
        rehearsal.call_weights.get_or_init(|| changed);
    }
    Ok(verdict(compared, pallets.into_values().collect(), cheaper, dearer, stuck))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trend {
    Cheaper,
    Dearer,
}

/// A change beyond the difference of machines.
fn trend(before: Weight, after: Weight) -> Option<Trend> {
    if is_refused_on_purpose(before) || is_refused_on_purpose(after) {
        None
    } else if before.ref_time > SMALL && after.ref_time < before.ref_time / FACTOR {
        Some(Trend::Cheaper)
    } else if after.ref_time > SMALL && before.ref_time < after.ref_time / FACTOR {
        Some(Trend::Dearer)
    } else {
        None
    }
}

fn fits(weight: Weight, limit: Weight) -> bool {
    weight.ref_time <= limit.ref_time && weight.proof_size <= limit.proof_size
}

/// Returns whether a weight is `Weight::MAX`, with which a runtime refuses a call. A benchmark
/// rounds it to whole nanoseconds. It cannot be compared.
fn is_refused_on_purpose(weight: Weight) -> bool {
    weight.ref_time >= u64::MAX / 1_000 * 1_000
}

/// Returns the cost of a read in picoseconds; nothing where the runtime does not give it.
fn read_price(runtime: &Runtime) -> u64 {
    runtime.layout.constant("System", "DbWeight").and_then(|mut bytes| u64::decode(&mut bytes).ok()).unwrap_or_default()
}

/// Returns whether a call costs less by a read or more.
fn lost_reads(before: Weight, after: Weight, read: u64) -> bool {
    read > 0 && after.ref_time.saturating_add(read) <= before.ref_time
}

fn verdict(
    compared: usize,
    pallets: Vec<Tally>,
    cheaper: Vec<String>,
    dearer: Vec<String>,
    stuck: Vec<String>,
) -> CheckOutcome {
    if compared == 0 {
        return CheckOutcome::skip(format!("the runtimes do not tell the weights of their calls: no {CALL_INFO}"));
    }
    let many = |list: &[String]| list.len() >= 3 && list.len() * 3 > compared;
    let unmeasured = pallets.iter().filter(|tally| tally.is_unmeasured()).count();
    let lost: usize = pallets.iter().map(|tally| tally.lost.len() + tally.bare.len()).sum();
    let detail = if !stuck.is_empty() {
        match stuck.len() {
            1 => "1 call that fitted into a block does not any more".to_owned(),
            count => format!("{count} calls that fitted into a block do not any more"),
        }
    } else if unmeasured > 0 {
        let pallets = counted(unmeasured as u128, "pallet");
        format!("most calls of {pallets} lost their proof size and their reads: benchmarked without them?")
    } else if many(&cheaper) {
        format!("{} of {compared} calls cost less than a quarter: another machine?", cheaper.len())
    } else if many(&dearer) {
        format!("{} of {compared} calls cost more than four times: another machine?", dearer.len())
    } else if lost > 0 {
        format!("{} lost a proof size", counted(lost as u128, "call"))
    } else {
        format!("the weights of {} are of the order they were", counted(compared as u128, "call"))
    };
    // Single calls are rewritten. For many at once somebody must know the reason.
    let of_many = |list: Vec<String>| {
        let rank = if many(&list) { Rank::Hazard } else { Rank::Note };
        list.into_iter().map(move |text| Finding::new(rank, text))
    };
    let mut findings: Vec<_> = stuck.into_iter().map(Finding::seen).collect();
    for tally in pallets {
        let rank = if tally.is_unmeasured() { Rank::Seen } else { Rank::Hazard };
        findings.extend(tally.bare.into_iter().map(|text| Finding::new(rank, text)));
        findings.extend(tally.lost.into_iter().map(Finding::hazard));
    }
    findings.extend(of_many(cheaper).chain(of_many(dearer)));
    // The gravest come first, and are never cut off.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
    findings.truncate(20);
    CheckOutcome::judged(detail, findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    use protocol::Status;

    fn tally(proving: usize, lost: usize, bare: usize) -> Tally {
        let calls = |count| vec!["Pallet.call".to_string(); count];
        Tally { proving, lost: calls(lost), bare: calls(bare), stores: true }
    }

    fn status_of(pallets: Vec<Tally>) -> Status {
        verdict(20, pallets, vec![], vec![], vec![]).status
    }

    #[test]
    fn a_pallet_whose_calls_lost_proofs_and_reads_fails() {
        assert_eq!(status_of(vec![tally(10, 0, 10), tally(10, 0, 0)]), Status::Fail);
        assert_eq!(status_of(vec![tally(10, 0, 6)]), Status::Fail);
        assert_eq!(status_of(vec![tally(10, 0, 5)]), Status::Warn);
        assert_eq!(status_of(vec![tally(10, 0, 0), tally(0, 0, 0)]), Status::Pass);
    }

    /// A relay chain's `System.set_code` and `Initializer.force_approve`.
    #[test]
    fn pallets_of_one_or_two_such_calls_only_warn() {
        let check = verdict(20, vec![tally(1, 0, 1), tally(1, 1, 0), tally(2, 0, 2)], vec![], vec![], vec![]);
        assert_eq!(check.status, Status::Warn);
        assert!(check.findings.iter().all(|finding| finding.rank == Rank::Hazard), "{check:?}");
    }

    #[test]
    fn proofs_lost_alone_only_warn() {
        assert_eq!(status_of(vec![tally(10, 10, 0)]), Status::Warn);
        assert_eq!(status_of(vec![tally(10, 8, 2)]), Status::Warn);
    }

    #[test]
    fn reads_are_lost_where_a_call_costs_less_by_one() {
        let weight = |ref_time| Weight { ref_time, proof_size: 0 };
        assert!(lost_reads(weight(30), weight(5), 25) && lost_reads(weight(25), weight(0), 25));
        assert!(!lost_reads(weight(30), weight(6), 25), "another machine, but no read less");
        assert!(!lost_reads(weight(30), weight(0), 0), "reads cost nothing here");
    }

    #[test]
    fn what_breaks_is_told_first_however_much_else_there_is() {
        let cheaper = vec!["Pallet.cheaper".to_string(); 30];
        let check = verdict(40, vec![tally(40, 30, 0)], cheaper, vec![], vec!["Pallet.stuck".to_string()]);
        assert_eq!((check.status, check.findings.len()), (Status::Fail, 20));
        assert_eq!(check.findings[0], Finding::seen("Pallet.stuck"));
    }

    #[test]
    fn a_pallet_that_keeps_nothing_may_prove_nothing() {
        let utility = Tally { stores: false, ..tally(10, 0, 10) };
        assert_eq!(status_of(vec![utility, tally(10, 0, 0)]), Status::Warn);
    }

    #[test]
    fn a_whole_runtime_at_a_quarter_of_its_cost_warns() {
        let cheaper = vec!["Pallet.call".to_string(); 10];
        assert_eq!(verdict(20, vec![tally(20, 0, 0)], cheaper.clone(), vec![], vec![]).status, Status::Warn);
        assert_eq!(verdict(200, vec![tally(200, 0, 0)], cheaper, vec![], vec![]).status, Status::Pass);
    }

    #[test]
    fn a_call_that_no_block_takes_any_more_fails() {
        let stuck = vec!["Pallet.call".to_string()];
        assert_eq!(verdict(20, vec![tally(10, 0, 0)], vec![], vec![], stuck).status, Status::Fail);
        let weight = |ref_time, proof_size| Weight { ref_time, proof_size };
        assert!(fits(weight(10, 10), weight(10, 10)));
        assert!(!fits(weight(11, 10), weight(10, 10)) && !fits(weight(10, 11), weight(10, 10)));
        assert!(
            is_refused_on_purpose(weight(u64::MAX / 1_000 * 1_000, 0)) && !is_refused_on_purpose(weight(1, u64::MAX))
        );
    }

    /// `XcmPallet.execute` of Paseo, from `Weight::MAX` to a benchmark.
    #[test]
    fn a_call_that_is_refused_on_purpose_gets_neither_cheaper_nor_dearer() {
        let weight = |ref_time| Weight { ref_time, proof_size: 0 };
        let (most, some) = (u64::MAX / 1_000 * 1_000, 37_010_000);
        assert_eq!((trend(weight(most), weight(some)), trend(weight(some), weight(u64::MAX))), (None, None));
        assert_eq!(trend(weight(some * 5), weight(some)), Some(Trend::Cheaper));
        assert_eq!(trend(weight(some), weight(some * 5)), Some(Trend::Dearer));
        assert_eq!(trend(weight(some * 4), weight(some)), None);
    }

    #[test]
    fn without_an_answer_nothing_is_claimed() {
        assert_eq!(verdict(0, vec![], vec![], vec![], vec![]).status, Status::Skip);
    }
}
