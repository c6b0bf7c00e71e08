// SPDX-License-Identifier: Apache-2.0
//! What the try-runtime build says: its pre- and post-upgrade hooks, and the invariants of every pallet before and after.

use crate::{
    input::Runtime,
    result::{Check, Status, errors_logged},
};
use codec::{Decode, Encode};
use fork::{Author, Chain, Executor, Weight, Wish, block, keys};
use std::collections::BTreeMap;
use worker::{Kind, Reporter, Result};

/// Variants of `frame_try_runtime::UpgradeCheckSelect` and `TryStateSelect`.
const PRE_AND_POST: u8 = 2;
const ALL: u8 = 1;
const ONLY: u8 = 3;

/// The state that the old code left, the new code's single-block migrations and their hooks on it.
pub fn hooks(chain: &Chain, executor: &Executor, tested: &Runtime) -> Result<Check> {
    const NAME: &str = "pre-post-hooks";
    let _ = errors_logged();
    match chain.call(executor, &tested.code, "TryRuntime_on_runtime_upgrade", &[PRE_AND_POST]) {
        Ok(answer) => {
            let weights = <(Weight, Weight)>::decode(&mut &answer[..]).ok();
            let detail = weights.map_or_else(
                || "passed".to_string(),
                |(used, _)| {
                    format!(
                        "passed on the state before the upgrade; the migrations declare {} ps of ref_time and {} bytes of proof_size",
                        used.ref_time, used.proof_size
                    )
                },
            );
            Ok(Check::pass(NAME, detail))
        }
        Err(failure) => Check::from_failure(NAME, failure),
    }
}

/// Whether the hooks failed for nothing but storage versions that are behind the code's: so the SDK's own check sees
/// every pallet whose version a multi-block migration will raise, which runs later.
pub fn only_versions_behind(check: &Check) -> bool {
    let version =
        |text: &str| text.contains("in-code storage version") || text.contains("storage version do not match");
    // The runtime's panic repeats it, or says that there were errors.
    let expected = |text: &String| version(text) || text.contains("panicked at");
    check.status == Status::Fail
        && check.findings.iter().any(|line| version(line))
        && check.findings.iter().all(expected)
}

/// The hooks once more where all migrations have ended: by then the versions must be those of the code.
pub fn after_all(before: Check, migrated: &Chain, executor: &Executor, tested: &Runtime) -> Result<Check> {
    let after = hooks(migrated, executor, tested)?;
    if after.status != Status::Pass {
        return Ok(after);
    }
    let detail =
        "passed; storage versions that were behind the code's agree with it since the multi-block migrations ended";
    let behind = before.findings.into_iter().filter(|line| line.contains("in-code storage version")).collect();
    Ok(Check::pass(before.name, detail).with(behind))
}

/// What `try_state` says of each pallet: nothing where it holds.
type Failures = BTreeMap<String, String>;

/// The invariants on the state before the upgrade, with the migrations held back.
pub fn before(
    chain: &Chain,
    author: &mut Author<'_>,
    executor: &Executor,
    tested: &Runtime,
    reporter: &Reporter,
) -> Result<Failures> {
    reporter.status("checking the invariants of every pallet before the upgrade");
    let mut chain = chain.clone();
    // `LastRuntimeUpgradeInfo`: the runtime then takes itself for already upgraded.
    let upgraded = (codec::Compact(tested.version.spec_version), &tested.version.spec_name).encode();
    chain.set(vec![(keys::item("System", "LastRuntimeUpgrade"), Some(upgraded))])?;
    try_state(&chain, author, executor, tested)
}

fn try_state(chain: &Chain, author: &mut Author<'_>, executor: &Executor, tested: &Runtime) -> Result<Failures> {
    let plan = author.plan(chain, &tested.code, Wish::default())?;
    let built = block::build(chain, executor, &tested.code, plan)?;
    let _ = errors_logged();
    let ask = |select: Vec<u8>| {
        // State root and signatures checked: two booleans.
        let arguments = (Raw(built.encode()), true, true, Raw(select)).encode();
        chain.call(executor, &tested.code, "TryRuntime_execute_block", &arguments)
    };
    match ask(vec![ALL]) {
        Ok(_) => return Ok(Failures::new()),
        Err(failure) if failure.kind == Kind::Check => {}
        Err(failure) => return Err(failure),
    }
    let mut failures = Failures::new();
    let mut undecodable = errors_logged();
    undecodable.retain(|line| line.contains("- ") && line.contains("error"));
    for pallet in tested.layout.pallets.iter() {
        let select = (ONLY, vec![pallet.name.as_bytes()]).encode();
        let Err(failure) = ask(select) else { continue };
        let mut lines = errors_logged();
        let decoding = failure.to_string().contains("try_decode_entire_state");
        if decoding {
            // Every pallet fails alike when any value cannot be decoded: told once.
            if undecodable.is_empty() {
                undecodable = lines;
            }
            failures.entry("values that do not decode".into()).or_insert_with(|| undecodable.join("; "));
        } else {
            lines.truncate(3);
            let why = if lines.is_empty() { failure.to_string() } else { lines.join("; ") };
            failures.insert(pallet.name.clone(), why);
        }
    }
    if failures.is_empty() {
        failures.insert("the runtime as a whole".into(), "try-state fails, although no pallet alone does".into());
    }
    Ok(failures)
}

/// The invariants after the upgrade, against those before: an old failure is not this upgrade's.
pub fn after(
    before: Failures,
    migrated: &Chain,
    author: &mut Author<'_>,
    executor: &Executor,
    tested: &Runtime,
    reporter: &Reporter,
) -> Result<Check> {
    const NAME: &str = "try-state";
    reporter.status("checking the invariants of every pallet after the upgrade");
    let after = match try_state(migrated, author, executor, tested) {
        Ok(after) => after,
        Err(failure) => return Check::from_failure(NAME, failure),
    };
    let (old, new): (Vec<_>, Vec<_>) = after.into_iter().partition(|(pallet, _)| before.contains_key(pallet));
    let told = |failures: Vec<(String, String)>, when: &str| {
        failures.into_iter().map(|(pallet, why)| format!("{pallet} ({when}): {why}")).collect::<Vec<_>>()
    };
    let pallets = tested.layout.pallets.iter().count();
    if !new.is_empty() {
        let mut findings = told(new, "new");
        findings.extend(told(old, "failed before the upgrade too"));
        return Ok(Check::fail(NAME, "invariants that held before the upgrade fail after it").with(findings));
    }
    if !old.is_empty() {
        return Ok(Check::warn(NAME, "invariants fail that failed before the upgrade too")
            .with(told(old, "failed before the upgrade too")));
    }
    let healed = match before.len() {
        0 => String::new(),
        _ => format!(
            "; on the state before the upgrade it does not yet hold for {}",
            before.keys().cloned().collect::<Vec<_>>().join(", ")
        ),
    };
    Ok(Check::pass(NAME, format!("holds for all {pallets} pallets after the upgrade, and every value decodes{healed}")))
}

struct Raw(Vec<u8>);

impl Encode for Raw {
    fn encode_to<T: codec::Output + ?Sized>(&self, destination: &mut T) {
        destination.write(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_a_later_migration_raises_are_told_from_other_failures() {
        let line = |text: &str| format!("ERROR runtime::frame-support: {text}");
        let behind =
            line("Pallet: On chain storage version StorageVersion(0) doesn't match in-code storage version 2.");
        let panic =
            line("panicked at lib.rs:1: On chain and in-code storage version do not match. Missing runtime upgrade?");
        let check = |lines: &[&String]| {
            Check::fail("pre-post-hooks", "x").with(lines.iter().map(|line| (*line).clone()).collect())
        };
        assert!(only_versions_behind(&check(&[&behind, &panic])));
        assert!(!only_versions_behind(&check(&[])));
        assert!(!only_versions_behind(&check(&[&behind, &line("post_upgrade: an account was lost")])));
        assert!(!only_versions_behind(&Check::pass("pre-post-hooks", "x")));
    }
}
