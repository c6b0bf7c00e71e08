// SPDX-License-Identifier: Apache-2.0
//! The weights of calls against those the chain has, call by call: benchmarks run with the wrong flags or on the wrong
//! machine give blobs that work, until blocks are overfull.

use crate::{
    ask::{Answer, ask},
    input::Runtime,
    result::{CallWeight, Check, Status},
    types::read,
};
use codec::{Decode, Encode};
use fork::{Chain, Executor, Weight};
use std::collections::BTreeMap;
use worker::Result;

const NAME: &str = "weights";
const FUNCTION: &str = "TransactionPaymentCallApi_query_call_info";
/// Real runtimes have some five hundred calls.
const MOST_CALLS: usize = 3_000;
/// Below this the base of a call's own cost is noise: 10 microseconds.
const SMALL: u64 = 10_000_000;
/// A machine is not four times another.
const FACTOR: u64 = 4;

#[derive(Default)]
struct Tally {
    compared: usize,
    /// Calls that had a proof, and those of them that have none now.
    proving: usize,
    lost: Vec<String>,
    /// Whether the pallet keeps anything: a call of one that does not may well prove nothing, as in `pallet-utility`, whose
    /// published weights prove what another runtime reads.
    stores: bool,
}

/// The verdict, and the calls whose weight changed, where they could be asked for.
pub fn weights(
    from: &Runtime,
    to: &Runtime,
    chain: &Chain,
    migrated: &Chain,
    executor: &Executor,
) -> Result<(Check, Option<Vec<CallWeight>>)> {
    let (Some(old), Some(new)) = (from.interface(), to.interface()) else {
        return Ok((Check::skip(NAME, "one of the runtimes has metadata from before version 14"), None));
    };
    let limits = [from, to].map(|runtime| super::blocks::limits(&runtime.layout));
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
                let fields = call.fields.iter().map(|field| read::plainest(types, field.ty.id));
                let fields = fields.collect::<Option<Vec<_>>>()?.concat();
                Some([&[index, call.index], fields.as_slice()].concat())
            };
            let (Some(old_bytes), Some(new_bytes)) =
                (plain(old.types, old_pallet.index, old_call), plain(new.types, new_pallet.index, new_call))
            else {
                continue;
            };
            let (Some(before), Some(after)) =
                (weight(from, chain, executor, &old_bytes)?, weight(to, migrated, executor, &new_bytes)?)
            else {
                continue;
            };
            compared += 1;
            let name = format!("{}.{}", new_pallet.name, new_call.name);
            if before != after {
                changed.push(CallWeight { call: name.clone(), old: before, new: after });
            }
            let tally = pallets.entry(new_pallet.name).or_default();
            tally.compared += 1;
            tally.stores = !new_pallet.items.is_empty();
            if before.proof_size > 0 {
                tally.proving += 1;
                if after.proof_size == 0 {
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
            if before.ref_time > SMALL && after.ref_time < before.ref_time / FACTOR {
                cheaper.push(told());
            } else if after.ref_time > SMALL && before.ref_time < after.ref_time / FACTOR {
                dearer.push(told());
            }
        }
    }
    let changed = (compared > 0).then_some(changed);
    Ok((verdict(compared, pallets.into_values().collect(), cheaper, dearer, stuck), changed))
}

fn fits(weight: Weight, limit: Weight) -> bool {
    weight.ref_time <= limit.ref_time && weight.proof_size <= limit.proof_size
}

/// `Weight::MAX`, by which a runtime says that a call is not for it; through a benchmark it comes cut to whole nanoseconds.
fn is_refused_on_purpose(weight: Weight) -> bool {
    weight.ref_time >= u64::MAX / 1_000 * 1_000
}

fn verdict(
    compared: usize,
    pallets: Vec<Tally>,
    cheaper: Vec<String>,
    dearer: Vec<String>,
    stuck: Vec<String>,
) -> Check {
    if compared == 0 {
        return Check::skip(NAME, format!("the runtimes do not tell the weights of their calls: no {FUNCTION}"));
    }
    // One call may have been rewritten; most of a pallet's losing their proofs is a benchmark that measured none.
    let unmeasured =
        pallets.iter().any(|tally| tally.stores && tally.lost.len() >= 2 && tally.lost.len() * 2 > tally.proving);
    let lost: Vec<_> = pallets.into_iter().flat_map(|tally| tally.lost).collect();
    let many = |list: &[String]| list.len() >= 3 && list.len() * 3 > compared;
    let (status, detail) = if !stuck.is_empty() {
        (Status::Fail, format!("{} calls that fitted into a block do not any more", stuck.len()))
    } else if unmeasured {
        (Status::Fail, "pallets lost the proof sizes of their calls: benchmarked without measuring proofs?".to_string())
    } else if many(&cheaper) {
        (Status::Warn, format!("{} of {compared} calls cost less than a quarter: another machine?", cheaper.len()))
    } else if many(&dearer) {
        (Status::Warn, format!("{} of {compared} calls cost more than four times: another machine?", dearer.len()))
    } else if !lost.is_empty() {
        (Status::Warn, format!("{} calls lost their proof size", lost.len()))
    } else {
        (Status::Pass, format!("the weights of {compared} calls are of the order they were"))
    };
    let mut findings = [stuck, lost, cheaper, dearer].concat();
    findings.truncate(20);
    Check::new(NAME, status, detail).with(findings)
}

/// `RuntimeDispatchInfo` begins with the call's weight.
fn weight(runtime: &Runtime, chain: &Chain, executor: &Executor, call: &[u8]) -> Result<Option<Weight>> {
    let length = u32::try_from(call.len()).unwrap_or(u32::MAX);
    let arguments = [call, &length.encode()].concat();
    match ask(runtime, chain, executor, FUNCTION, &arguments)? {
        Answer::Value(answer, _) => Ok(Weight::decode(&mut &answer[..]).ok()),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(proving: usize, lost: usize) -> Tally {
        Tally { compared: proving, proving, lost: vec!["Pallet.call".to_string(); lost], stores: true }
    }

    #[test]
    fn a_pallet_whose_calls_lost_their_proofs_fails() {
        assert_eq!(verdict(20, vec![tally(10, 10), tally(10, 0)], vec![], vec![], vec![]).status, Status::Fail);
        assert_eq!(verdict(20, vec![tally(10, 1), tally(10, 0)], vec![], vec![], vec![]).status, Status::Warn);
        assert_eq!(verdict(20, vec![tally(10, 0), tally(0, 0)], vec![], vec![], vec![]).status, Status::Pass);
    }

    #[test]
    fn a_pallet_that_keeps_nothing_may_prove_nothing() {
        let utility = Tally { stores: false, ..tally(10, 10) };
        assert_eq!(verdict(20, vec![utility, tally(10, 0)], vec![], vec![], vec![]).status, Status::Warn);
    }

    #[test]
    fn a_whole_runtime_at_a_quarter_of_its_cost_warns() {
        let cheaper = vec!["Pallet.call".to_string(); 10];
        assert_eq!(verdict(20, vec![tally(20, 0)], cheaper.clone(), vec![], vec![]).status, Status::Warn);
        assert_eq!(verdict(200, vec![tally(200, 0)], cheaper, vec![], vec![]).status, Status::Pass);
    }

    #[test]
    fn a_call_that_no_block_takes_any_more_fails() {
        let stuck = vec!["Pallet.call".to_string()];
        assert_eq!(verdict(20, vec![tally(10, 0)], vec![], vec![], stuck).status, Status::Fail);
        let weight = |ref_time, proof_size| Weight { ref_time, proof_size };
        assert!(fits(weight(10, 10), weight(10, 10)));
        assert!(!fits(weight(11, 10), weight(10, 10)) && !fits(weight(10, 11), weight(10, 10)));
        assert!(
            is_refused_on_purpose(weight(u64::MAX / 1_000 * 1_000, 0)) && !is_refused_on_purpose(weight(1, u64::MAX))
        );
    }

    #[test]
    fn without_an_answer_nothing_is_claimed() {
        assert_eq!(verdict(0, vec![], vec![], vec![], vec![]).status, Status::Skip);
    }
}
