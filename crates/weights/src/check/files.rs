// SPDX-License-Identifier: Apache-2.0
//! Whether weight files are sane by themselves, and one like the other.

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

/// The findings of one file.
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

fn check_extrinsic(
    extrinsic: &Extrinsic,
    cost: &Cost,
    price: DatabasePrice,
    limits: Limits,
    found: &mut dyn FnMut(Rule, String),
) {
    let named = |pick: &dyn Fn(&crate::parse::comments::Touched) -> bool| {
        let items: Vec<&str> =
            extrinsic.storage.iter().filter(|item| pick(item)).map(|item| item.item.as_str()).take(3).collect();
        (!items.is_empty()).then(|| items.join(", "))
    };
    let read = named(&|item| item.reads > 0);
    let written = named(&|item| item.writes > 0);
    // An item whose proof is ignored on purpose adds none.
    let proven = named(&|item| item.reads > 0 && item.mode != "Ignored");
    if cost.proof.is_zero()
        && let Some(items) = proven.or_else(|| (!cost.reads.is_zero() && read.is_none()).then(|| "storage".into()))
    {
        found(Rule::ZeroProof, format!("reads {items}, and its proof size is zero"));
    }
    if cost.reads.is_zero()
        && let Some(items) = &read
    {
        found(Rule::NoReads, format!("reads {items} by its comments, and charges no read"));
    }
    if cost.writes.is_zero()
        && let Some(items) = &written
    {
        found(Rule::NoWrites, format!("writes {items} by its comments, and charges no write"));
    }
    if let Some(estimated) = extrinsic.estimated_proof.as_ref().filter(|estimated| **estimated != cost.proof) {
        let detail =
            format!("charges {} bytes of proof at least, and its comment says {}", cost.proof.base, estimated.base);
        found(Rule::ProofDiffers, detail);
    }
    // `Weight::MAX` says on purpose that no block takes it. Through a benchmark it comes cut to whole nanoseconds.
    if cost.time.base >= u64::MAX / 1000 * 1000 {
        found(Rule::NeverFits, "weighs Weight::MAX: no block ever takes it".into());
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
        found(Rule::TooHeavy, format!("{value} {unit} at its greatest components, and a block takes {limit}"));
    }
}

/// Files of one runtime that were made in another way than most of them.
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
            let found = finding(rule, format!("its {what} is {value}, and that of most files {usual}"));
            Finding { file: Some(file.name.clone()), pallet: file.pallet(), ..found }
        })
        .collect()
}
