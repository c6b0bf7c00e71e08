// SPDX-License-Identifier: Apache-2.0
//! Checks that each weight file is plausible, and that the files of a runtime were made in the same
//! way.

use super::{finding, finding_at};
use crate::{
    formula::Cost,
    parse::{Extrinsic, WeightFile},
};
use protocol::weights::{
    check::{Finding, Rule},
    compare::{DatabasePrice, Limits},
};
use std::collections::BTreeMap;

/// Returns the findings of one file.
pub fn sanity(file: &WeightFile, price: DatabasePrice, limits: Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    for extrinsic in file.extrinsics() {
        match &extrinsic.cost {
            Ok(cost) => check_extrinsic(extrinsic, cost, price, limits, &mut |rule, detail| {
                findings.push(finding_at(rule, detail, file, extrinsic));
            }),
            Err(problem) => {
                findings.push(finding_at(Rule::Unreadable, problem.reason.clone(), file, extrinsic));
            }
        }
    }
    findings
}

/// Checks the weight of one extrinsic, and passes each violated rule with its detail to `found`.
fn check_extrinsic(
    extrinsic: &Extrinsic,
    cost: &Cost,
    price: DatabasePrice,
    limits: Limits,
    found: &mut dyn FnMut(Rule, String),
) {
    let named = |pick: &dyn Fn(&crate::parse::comments::AccessedItem) -> bool| {
        let items: Vec<&str> =
            extrinsic.storage.iter().filter(|item| pick(item)).map(|item| item.item.as_str()).take(3).collect();
        (!items.is_empty()).then(|| items.join(", "))
    };
    let read = named(&|item| item.reads > 0);
    let written = named(&|item| item.writes > 0);
    // The benchmark can ignore the proof of an item on purpose.
    let proven = named(&|item| item.reads > 0 && item.mode != "Ignored");
    if cost.proof.is_zero()
        && let Some(items) = proven.or_else(|| (!cost.reads.is_zero() && read.is_none()).then(|| "storage".into()))
    {
        found(Rule::ZeroProof, format!("reads {items}, but its proof size is zero"));
    }
    if cost.reads.is_zero()
        && let Some(items) = &read
    {
        found(Rule::NoReads, format!("reads {items} according to its comments, but charges no read"));
    }
    if cost.writes.is_zero()
        && let Some(items) = &written
    {
        found(Rule::NoWrites, format!("writes {items} according to its comments, but charges no write"));
    }
    if let Some(estimated) = extrinsic.estimated_proof.as_ref().filter(|estimated| **estimated != cost.proof) {
        let detail =
            format!("charges at least {} bytes of proof, but its comment says {}", cost.proof.base, estimated.base);
        found(Rule::ProofDiffers, detail);
    }
    // `Weight::MAX` disables a call on purpose. A benchmark truncates it to whole nanoseconds.
    if cost.time.base >= u64::MAX / 1000 * 1000 {
        found(Rule::NeverFits, "weighs Weight::MAX: it fits in no block".into());
        return;
    }
    let greatest: BTreeMap<String, u64> = extrinsic
        .components
        .iter()
        .map(|component| (component.name.clone(), component.range.map_or(0, |(_, greatest)| greatest)))
        .collect();
    let sides = [
        ("ps of ref_time", cost.ref_time(price).at(&greatest), limits.ref_time),
        ("bytes of proof_size", cost.proof.at(&greatest), limits.proof_size),
    ];
    for (unit, value, limit) in sides.into_iter().filter(|(_, value, limit)| value > limit) {
        found(
            Rule::TooHeavy,
            format!("{value} {unit} with its components at their maximum; the limit of a block is {limit}"),
        );
    }
}

/// Returns findings about files that were made on another machine or with other settings than most
/// files of the runtime.
pub fn agreement(files: &[&WeightFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let of_machine = |file: &WeightFile| file.header.profile.clone().or_else(|| file.header.cpu.clone());
    findings.extend(minority(files, Rule::OtherMachine, "machine", &of_machine));
    findings.extend(minority(files, Rule::OtherSettings, "steps", &|file| {
        file.header.steps.clone().or_else(|| file.header.option("--steps").map(str::to_owned))
    }));
    findings.extend(minority(files, Rule::OtherSettings, "repeat", &|file| {
        file.header.repeat.clone().or_else(|| file.header.option("--repeat").map(str::to_owned))
    }));
    findings.extend(minority(files, Rule::OtherSettings, "wasm execution", &|file| {
        file.header.wasm_execution.as_ref().map(|text| text.to_lowercase())
    }));
    findings.extend(minority(files, Rule::OtherSettings, "heap pages", &|file| {
        file.header.option("--heap-pages").map(str::to_owned)
    }));
    findings
}

/// Returns findings about files whose value differs from the most frequent one.
fn minority(
    files: &[&WeightFile],
    rule: Rule,
    what: &str,
    value: &dyn Fn(&WeightFile) -> Option<String>,
) -> Vec<Finding> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for value in files.iter().filter_map(|file| value(file)) {
        *counted.entry(value).or_default() += 1;
    }
    let Some((usual, _)) = counted.iter().max_by_key(|(_, count)| **count) else { return Vec::new() };
    let other = files.iter().filter_map(|file| Some((file, value(file)?))).filter(|(_, value)| value != usual);
    other
        .map(|(file, value)| {
            let found = finding(rule, format!("its {what} is {value}, but that of most files is {usual}"));
            Finding { file: Some(file.name.clone()), pallet: file.pallet(), ..found }
        })
        .collect()
}
