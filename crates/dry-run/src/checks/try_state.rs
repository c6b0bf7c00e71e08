// SPDX-License-Identifier: Apache-2.0
//! Do the invariants of every pallet hold after the upgrade, and did they before?

use crate::{
    input::Runtime,
    outcome::{errors_logged, of_failure},
    rehearsal::Rehearsal,
};
use codec::Encode;
use fork::{Author, BlockRequest, Chain, block, keys};
use protocol::{CheckOutcome, Finding, Status};
use std::{cmp::Reverse, collections::BTreeMap};
use worker::{Failure, Kind, Result};

/// Variants of `frame_try_runtime::TryStateSelect`.
const ALL: u8 = 1;
const ONLY: u8 = 3;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { executor, reporter, .. } = rehearsal;
    let tested = rehearsal.tested()?;
    let migration = rehearsal.trial()?;
    if migration.failure.is_some() {
        return Ok(CheckOutcome::not_judged("the migrations of the try-runtime build did not end"));
    }
    // The invariants read every entry.
    rehearsal.take_whole_state();
    let enacted = rehearsal.enacted()?;
    // Authors of their own: they read the try-runtime build, not the blob that ships.
    let author = rehearsal.author()?;
    reporter.status("checking the invariants of every pallet before the upgrade and after");
    // Both read the whole state, each on a thread and with an executor of its own.
    let beside = executor.beside();
    let (before, after) = std::thread::scope(|scope| {
        let author_beside = author.fresh_with(&beside);
        let before = scope.spawn(|| try_state_before(enacted, author_beside, tested));
        let after = try_state(&migration.chain, author.fresh(), tested);
        (before.join(), after)
    });
    let before = before.map_err(|_| Failure::internal("the thread that checks the invariants has panicked"))?;
    match after {
        Ok(after) => Ok(judge(&or_unknown(before)?, after, tested.layout.pallets.iter().count())),
        Err(failure) => of_failure(failure, executor.log()),
    }
}

/// The failure of each pallet whose `try_state` fails.
type Failures = BTreeMap<String, String>;

/// The invariants before the upgrade: the failures, or why they could not be checked.
type Before = std::result::Result<Failures, String>;

/// The state before the upgrade cannot be checked if the new code builds no block on it, or if the
/// tool meets a limit. Any other failure is an error of the run.
fn or_unknown(before: Result<Failures>) -> Result<Before> {
    match before {
        Ok(failures) => Ok(Ok(failures)),
        Err(failure) if failure.is_verdict() => Ok(Err(failure.to_string())),
        Err(failure) => Err(failure),
    }
}

/// Checks the invariants on the state before the upgrade, without its migrations.
fn try_state_before(chain: &Chain, author: Author<'_>, tested: &Runtime) -> Result<Failures> {
    let mut chain = chain.clone();
    // `LastRuntimeUpgradeInfo` of the new version: the runtime then runs no migrations.
    let upgraded = (codec::Compact(tested.version.spec_version), &tested.version.spec_name).encode();
    chain.set(vec![(keys::item("System", "LastRuntimeUpgrade"), Some(upgraded))])?;
    try_state(&chain, author, tested)
}

/// The name for values that do not decode, among the pallets that fail. Each value has a key of its
/// own, see [`value_key`].
const UNDECODABLE: &str = "values that do not decode";

/// Returns the key of a value that does not decode. A value that the upgrade breaks must not hide
/// behind one that did not decode before.
fn value_key(value: &str) -> String {
    format!("{UNDECODABLE}: {value}")
}

/// Returns how a failure is named: a pallet by its name, a value without the line that follows.
fn title(key: &str) -> &str {
    if key.starts_with(UNDECODABLE) { UNDECODABLE } else { key }
}

/// Returns a logged line `- 3. error: VALUE` without its number, which is another one as soon as the
/// number of values changes.
fn without_number(line: &str) -> String {
    line.split_once("error: ").map_or(line, |(_, value)| value).trim().to_owned()
}

/// The result of some pallets together.
enum Answer {
    Holds,
    /// Their invariants hold, and some value of the state does not decode, whether it is theirs or
    /// not. One text for each value.
    Undecodable(Vec<String>),
    Fails(String),
}

fn try_state(chain: &Chain, mut author: Author<'_>, tested: &Runtime) -> Result<Failures> {
    let executor = author.executor();
    let mut chain = chain.clone();
    author.prepare_state(&mut chain, &tested.code)?;
    let chain = &chain;
    let plan = author.plan(chain, &tested.code, BlockRequest::default())?;
    let built = block::build(chain, executor, &tested.code, plan)?;
    let _ = errors_logged(executor.log());
    let ask = |select: Vec<u8>| {
        // Whether to check the state root and the signatures: two booleans.
        let arguments = (Raw(built.encode()), true, true, Raw(select)).encode();
        let failure = match chain.call(executor, &tested.code, "TryRuntime_execute_block", &arguments) {
            Ok(_) => return Ok(Answer::Holds),
            Err(failure) if failure.kind == Kind::Check => failure.to_string(),
            Err(failure) => return Err(failure),
        };
        // The runtime decodes the state if all selected invariants hold (`try_execute_block` in
        // frame-executive). All lines are compared: a limit could cut off a new one.
        if failure.contains("try_decode_entire_state") {
            let lines = executor.log().take().into_iter();
            let errors = lines.filter(|(level, _)| *level <= log::Level::Error).map(|(_, line)| line);
            let values = errors.filter(|line| line.contains("- ") && line.contains("error"));
            let values: Vec<_> = values.map(|line| without_number(&line)).collect();
            return Ok(Answer::Undecodable(if values.is_empty() { vec![failure] } else { values }));
        }
        let mut lines = errors_logged(executor.log());
        lines.truncate(3);
        Ok(Answer::Fails(if lines.is_empty() { failure } else { lines.join("; ") }))
    };
    let mut failures = Failures::new();
    match ask(vec![ALL])? {
        Answer::Holds => {}
        Answer::Undecodable(values) => failures.extend(by_key(values)),
        Answer::Fails(_) => {
            let pallets: Vec<_> = tested.layout.pallets.iter().map(|pallet| pallet.name.as_str()).collect();
            let named =
                |pallets: &[&str]| (ONLY, pallets.iter().map(|name| name.as_bytes()).collect::<Vec<_>>()).encode();
            failing(&pallets, &mut |pallets| ask(named(pallets)), &mut failures)?;
            if failures.keys().all(|key| key.starts_with(UNDECODABLE)) {
                failures
                    .insert("the runtime as a whole".into(), "try-state fails, although no pallet alone does".into());
            }
        }
    }
    Ok(failures)
}

/// Returns the values that do not decode with their keys.
fn by_key(values: Vec<String>) -> impl Iterator<Item = (String, String)> {
    values.into_iter().map(|value| (value_key(&value), value))
}

/// Finds the pallets that fail, each with its own reason, by halves. The runtime decodes the whole
/// state for each selection that holds, which takes long on a large state, and for none that fails.
fn failing(pallets: &[&str], ask: &mut dyn FnMut(&[&str]) -> Result<Answer>, failures: &mut Failures) -> Result<()> {
    if pallets.is_empty() {
        return Ok(());
    }
    match (ask(pallets)?, pallets) {
        (Answer::Holds, _) => {}
        (Answer::Undecodable(values), _) => failures.extend(by_key(values)),
        (Answer::Fails(why), [pallet]) => drop(failures.insert((*pallet).to_owned(), why)),
        (Answer::Fails(_), _) => {
            let (first, second) = pallets.split_at(pallets.len() / 2);
            failing(first, ask, failures)?;
            failing(second, ask, failures)?;
        }
    }
    Ok(())
}

/// Compares the invariants after the upgrade with those before. An old failure is not a fault of
/// this upgrade. If the state before could not be checked, nobody knows whether a failure is old.
fn judge(before: &Before, after: Failures, pallets: usize) -> CheckOutcome {
    let finding = |(key, why): (String, String)| match (before, title(&key)) {
        (Ok(before), title) if before.contains_key(&key) => {
            Finding::hazard(format!("{title} (failed before the upgrade too): {why}"))
        }
        (Ok(_), title) => Finding::seen(format!("{title} (new): {why}")),
        (Err(_), title) => {
            Finding::not_judged(format!("{title} (not known whether it held before the upgrade): {why}"))
        }
    };
    let mut findings: Vec<_> = after.into_iter().map(finding).collect();
    findings.sort_by_key(|finding| Reverse(finding.rank));
    let detail = match Status::of(&findings) {
        Status::Fail => "invariants that held before the upgrade fail after it".into(),
        Status::NotJudged => "invariants fail after the upgrade, and those before it could not be checked".into(),
        Status::Warn => "invariants fail that failed before the upgrade too".into(),
        Status::Pass | Status::Skip => {
            let healed = match before {
                Ok(before) if !before.is_empty() => {
                    // The keys are sorted, so those of values follow each other.
                    let mut titles: Vec<_> = before.keys().map(|key| title(key)).collect();
                    titles.dedup();
                    format!("; on the state before the upgrade it does not yet hold for {}", titles.join(", "))
                }
                _ => String::new(),
            };
            format!("holds for all {pallets} pallets after the upgrade, and every value decodes{healed}")
        }
    };
    let unknown = before.as_ref().err().map(|why| format!("the state before the upgrade could not be checked: {why}"));
    CheckOutcome::judged(detail, findings).noting(unknown)
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
    use protocol::Rank;

    fn failures(pallets: &[&str]) -> Failures {
        pallets.iter().map(|pallet| ((*pallet).to_owned(), "a sum differs".to_owned())).collect()
    }

    #[test]
    fn a_failure_counts_against_the_upgrade_if_the_invariant_held_before() {
        let outcome = judge(&Ok(failures(&["Assets"])), failures(&["Assets", "Balances"]), 9);
        assert_eq!(outcome.status, Status::Fail);
        let expected = [
            Finding::seen("Balances (new): a sum differs"),
            Finding::hazard("Assets (failed before the upgrade too): a sum differs"),
        ];
        assert_eq!(outcome.findings, expected);
        // The twin: nothing new fails.
        let outcome = judge(&Ok(failures(&["Assets"])), failures(&["Assets"]), 9);
        assert_eq!((outcome.status, outcome.findings.len()), (Status::Warn, 1));
        let outcome = judge(&Ok(failures(&["Assets"])), Failures::new(), 9);
        assert_eq!((outcome.status, outcome.findings.len()), (Status::Pass, 0));
        assert!(outcome.detail.ends_with("it does not yet hold for Assets"), "{}", outcome.detail);
    }

    fn undecodable(values: &[&str]) -> Failures {
        by_key(values.iter().map(|value| (*value).to_owned()).collect()).collect()
    }

    #[test]
    fn a_value_that_the_upgrade_breaks_does_not_hide_behind_an_old_one() {
        let (old, new) = ("`Assets::Asset` key `0x01` is undecodable", "`Session::NextKeys` key `0x02` is undecodable");
        let outcome = judge(&Ok(undecodable(&[old])), undecodable(&[old, new]), 9);
        assert_eq!(outcome.status, Status::Fail);
        let expected = [
            Finding::seen(format!("values that do not decode (new): {new}")),
            Finding::hazard(format!("values that do not decode (failed before the upgrade too): {old}")),
        ];
        assert_eq!(outcome.findings, expected);
        // The twin: only the old values do not decode, whatever their numbers in the log are.
        let logged = |number: u32| without_number(&format!("- {number}. error: {old}"));
        assert_eq!((logged(0), logged(17)), (old.to_owned(), old.to_owned()));
        let outcome = judge(&Ok(undecodable(&[new, old])), undecodable(&[old]), 9);
        assert_eq!((outcome.status, outcome.findings.len()), (Status::Warn, 1));
        // Values that decode again are named once.
        let before: Before = Ok([undecodable(&[new, old]), failures(&["Assets"])].into_iter().flatten().collect());
        let outcome = judge(&before, Failures::new(), 9);
        assert_eq!(outcome.status, Status::Pass);
        let healed = "it does not yet hold for Assets, values that do not decode";
        assert!(outcome.detail.ends_with(healed), "{}", outcome.detail);
    }

    #[test]
    fn a_failure_is_not_judged_if_the_state_before_could_not_be_checked() {
        let before = Err("the block cannot be built".into());
        let note = Finding::note("the state before the upgrade could not be checked: the block cannot be built");
        let outcome = judge(&before, failures(&["Balances"]), 9);
        assert_eq!(outcome.status, Status::NotJudged);
        let unknown = "Balances (not known whether it held before the upgrade): a sum differs";
        assert_eq!(outcome.findings, [Finding::not_judged(unknown), note.clone()]);
        // The twin: where nothing fails after the upgrade, the state before decides nothing.
        let outcome = judge(&before, Failures::new(), 9);
        assert_eq!((outcome.status, outcome.findings), (Status::Pass, vec![note]));
        // The other twin: the state before was checked, and everything held.
        let outcome = judge(&Ok(Failures::new()), failures(&["Balances"]), 9);
        assert_eq!((outcome.status, outcome.findings[0].rank), (Status::Fail, Rank::Seen));
    }

    #[test]
    fn an_error_of_the_run_is_no_answer_about_the_state_before() {
        for unknown in [Failure::check("a trap"), Failure::not_judged("too many calls")] {
            let why = unknown.to_string();
            assert_eq!(or_unknown(Err(unknown)), Ok(Err(why)));
        }
        for error in [Failure::environment("the node is gone"), Failure::internal("a defect")] {
            assert_eq!(or_unknown(Err(error.clone())), Err(error));
        }
        assert_eq!(or_unknown(Ok(failures(&["Assets"]))), Ok(Ok(failures(&["Assets"]))));
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
                    Ok(if undecodable { Answer::Undecodable(vec!["a value".into()]) } else { Answer::Holds })
                };
                failing(&pallets, &mut ask, &mut failures).expect("asked");
                assert!(held <= held_at_most, "{held} times the whole state was decoded for {bad:?}");
                let mut expected: Failures =
                    bad.iter().map(|pallet| ((*pallet).to_owned(), format!("{pallet} is wrong"))).collect();
                if undecodable {
                    expected.extend(by_key(vec!["a value".into()]));
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
