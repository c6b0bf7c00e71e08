// SPDX-License-Identifier: Apache-2.0
//! What the try-runtime build says: its pre- and post-upgrade hooks, and the invariants of every pallet before and after.

use crate::{
    input::Runtime,
    result::{self, errors_logged},
    weight::Form,
};
use codec::Encode;
use fork::{Author, BlockRequest, Chain, Executor, block, keys};
use protocol::{Check, Finding, Status};
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
            let used = Form::of(&tested.layout).and_then(|form| form.read(&mut &answer[..]));
            let detail = used.map_or_else(
                || "passed".to_string(),
                |used| {
                    format!(
                        "passed on the state before the upgrade; the migrations declare {} ps of ref_time and {} bytes of proof_size",
                        used.ref_time, used.proof_size
                    )
                },
            );
            Ok(Check::pass(NAME, detail))
        }
        Err(failure) => result::from_failure(NAME, failure),
    }
}

/// Whether the hooks failed for nothing but storage versions that are behind the code's: so the SDK's own check sees
/// every pallet whose version a multi-block migration will raise, which runs later.
pub fn only_versions_behind(check: &Check) -> bool {
    let version =
        |text: &str| text.contains("in-code storage version") || text.contains("storage version do not match");
    // The runtime's panic repeats it, or says that there were errors.
    let expected = |text: &str| version(text) || text.contains("panicked at");
    check.status == Status::Fail
        && check.findings.iter().any(|line| version(&line.text))
        && check.findings.iter().all(|line| expected(&line.text))
}

/// The hooks once more where all migrations have ended: by then the versions must be those of the code.
pub fn after_all(before: Check, migrated: &Chain, executor: &Executor, tested: &Runtime) -> Result<Check> {
    let after = hooks(migrated, executor, tested)?;
    if after.status != Status::Pass {
        return Ok(after);
    }
    let detail =
        "passed; storage versions that were behind the code's agree with it since the multi-block migrations ended";
    let behind = before.findings.into_iter().map(|line| line.text);
    let behind = behind.filter(|line| line.contains("in-code storage version"));
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

/// How values that do not decode are told among the pallets that fail.
const UNDECODABLE: &str = "values that do not decode";

/// What some pallets answered together.
enum Answer {
    Holds,
    /// Their invariants hold; some value of the state, theirs or not, does not decode.
    Undecodable(String),
    Fails(String),
}

fn try_state(chain: &Chain, author: &mut Author<'_>, executor: &Executor, tested: &Runtime) -> Result<Failures> {
    let mut chain = chain.clone();
    author.prepare_state(&mut chain, &tested.code)?;
    let chain = &chain;
    let plan = author.plan(chain, &tested.code, BlockRequest::default())?;
    let built = block::build(chain, executor, &tested.code, plan)?;
    let _ = errors_logged();
    let ask = |select: Vec<u8>| {
        // State root and signatures checked: two booleans.
        let arguments = (Raw(built.encode()), true, true, Raw(select)).encode();
        let failure = match chain.call(executor, &tested.code, "TryRuntime_execute_block", &arguments) {
            Ok(_) => return Ok(Answer::Holds),
            Err(failure) if failure.kind == Kind::Check => failure.to_string(),
            Err(failure) => return Err(failure),
        };
        let mut lines = errors_logged();
        // The runtime decodes the state when all that it was asked about holds. (`try_execute_block` in frame-executive)
        if failure.contains("try_decode_entire_state") {
            lines.retain(|line| line.contains("- ") && line.contains("error"));
            return Ok(Answer::Undecodable(lines.join("; ")));
        }
        lines.truncate(3);
        Ok(Answer::Fails(if lines.is_empty() { failure } else { lines.join("; ") }))
    };
    let mut failures = Failures::new();
    match ask(vec![ALL])? {
        Answer::Holds => {}
        Answer::Undecodable(values) => drop(failures.insert(UNDECODABLE.into(), values)),
        Answer::Fails(_) => {
            let pallets: Vec<_> = tested.layout.pallets.iter().map(|pallet| pallet.name.as_str()).collect();
            let named =
                |pallets: &[&str]| (ONLY, pallets.iter().map(|name| name.as_bytes()).collect::<Vec<_>>()).encode();
            failing(&pallets, &mut |pallets| ask(named(pallets)), &mut failures)?;
            if failures.keys().all(|pallet| pallet == UNDECODABLE) {
                failures
                    .insert("the runtime as a whole".into(), "try-state fails, although no pallet alone does".into());
            }
        }
    }
    Ok(failures)
}

/// Finds the pallets that fail, each with its own reason. By halves: the whole state is decoded for each answer that all of
/// some pallets hold, which is what takes long on a large state, and for none that one of them fails.
fn failing(pallets: &[&str], ask: &mut dyn FnMut(&[&str]) -> Result<Answer>, failures: &mut Failures) -> Result<()> {
    if pallets.is_empty() {
        return Ok(());
    }
    match (ask(pallets)?, pallets) {
        (Answer::Holds, _) => {}
        (Answer::Undecodable(values), _) => drop(failures.entry(UNDECODABLE.into()).or_insert(values)),
        (Answer::Fails(why), [pallet]) => drop(failures.insert((*pallet).to_owned(), why)),
        (Answer::Fails(_), _) => {
            let (first, second) = pallets.split_at(pallets.len() / 2);
            failing(first, ask, failures)?;
            failing(second, ask, failures)?;
        }
    }
    Ok(())
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
        Err(failure) => return result::from_failure(NAME, failure),
    };
    let (old, new): (Vec<_>, Vec<_>) = after.into_iter().partition(|(pallet, _)| before.contains_key(pallet));
    let told = |failures: Vec<(String, String)>, when: &str| {
        failures.into_iter().map(|(pallet, why)| format!("{pallet} ({when}): {why}")).collect::<Vec<_>>()
    };
    let pallets = tested.layout.pallets.iter().count();
    let detail = match (new.is_empty(), old.is_empty()) {
        (false, _) => Some("invariants that held before the upgrade fail after it"),
        (true, false) => Some("invariants fail that failed before the upgrade too"),
        (true, true) => None,
    };
    if let Some(detail) = detail {
        let new = told(new, "new").into_iter().map(Finding::seen);
        let old = told(old, "failed before the upgrade too").into_iter().map(Finding::hazard);
        return Ok(Check::judged(NAME, detail, new.chain(old).collect()));
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
        let check =
            |lines: &[&String]| Check::fail("pre-post-hooks", "x").with(lines.iter().map(|line| (*line).clone()));
        assert!(only_versions_behind(&check(&[&behind, &panic])));
        assert!(!only_versions_behind(&check(&[])));
        assert!(!only_versions_behind(&check(&[&behind, &line("post_upgrade: an account was lost")])));
        assert!(!only_versions_behind(&Check::pass("pre-post-hooks", "x")));
    }

    #[test]
    fn pallets_that_fail_are_found_among_those_that_hold() {
        let names: Vec<_> = (0..60).map(|number| format!("P{number}")).collect();
        let pallets: Vec<_> = names.iter().map(String::as_str).collect();
        for (bad, held_at_most) in
            [(vec![], 1), (vec!["P7"], 6), (vec!["P0", "P59"], 11), (vec!["P30", "P31", "P32"], 9)]
        {
            for undecodable in [false, true] {
                let (mut failures, mut held) = (Failures::new(), 0);
                let mut ask = |pallets: &[&str]| {
                    if let Some(pallet) = pallets.iter().find(|pallet| bad.contains(pallet)) {
                        return Ok(Answer::Fails(format!("{pallet} is wrong")));
                    }
                    held += 1;
                    Ok(if undecodable { Answer::Undecodable("a value".into()) } else { Answer::Holds })
                };
                failing(&pallets, &mut ask, &mut failures).expect("asked");
                assert!(held <= held_at_most, "{held} times the whole state was decoded for {bad:?}");
                let mut expected: Failures =
                    bad.iter().map(|pallet| ((*pallet).to_owned(), format!("{pallet} is wrong"))).collect();
                if undecodable {
                    expected.insert(UNDECODABLE.into(), "a value".into());
                }
                assert_eq!(failures, expected);
            }
        }
        let all_fail = &mut |pallets: &[&str]| Ok(Answer::Fails(pallets.join(" ")));
        let mut failures = Failures::new();
        failing(&pallets, all_fail, &mut failures).expect("asked");
        assert_eq!(failures.len(), 60);
    }
}
