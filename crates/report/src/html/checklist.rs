// SPDX-License-Identifier: Apache-2.0
//! The checklist of an upgrade, after Paseo's upgrade template. The evidence ticks tasks. Tasks
//! that only people can judge stay open.

use super::element::{class, tag, text};
use crate::Bundle;
use protocol::{Check, Status, Verdict};

/// A task, and the checks of the dry run that tick it if all of them passed.
const BY_CHECKS: [(&str, &[&str]); 8] = [
    ("The blob is newer than what the chain runs, and small enough", &["versions", "code-size"]),
    (
        "Nodes can run it, and validators accept its blocks",
        &["host-functions", "runtime-apis", "authorities", "consensus", "validator-preparation", "validator-execution"],
    ),
    ("Wallets can sign for it", &["transaction-signing", "metadata-hash"]),
    ("Weights of calls are unchanged, or were benchmarked again", &["weights"]),
    (
        "Migrations end, fit into blocks and change nothing a second time",
        &["migrations", "block-limits", "idempotency"],
    ),
    (
        "try-runtime: hooks and invariants hold for the exact blob that ships",
        &["pre-post-hooks", "try-state", "equivalence"],
    ),
    ("The chain keeps producing healthy blocks after the migrations", &["healthy-blocks"]),
    ("Sessions end under the new code", &["sessions"]),
];

/// The tasks that no evidence can tick: before the upgrade, on the day, and after it.
const BEFORE: [&str; 4] = [
    "The proposal was reviewed by someone who did not write it",
    "Everyone who is affected by breaking changes was informed and can be ready in time",
    "Messages to and from other chains were tested: a teleport, a reserve transfer",
    "The upgrade ran on a test instance for a day",
];
const ON_THE_DAY: [&str; 4] = [
    "Databases were backed up",
    "Stakeholders were informed, and the window was agreed on",
    "The hashes above were compared with those on chain, immediately before the vote or the call",
    "Someone monitors that blocks are produced and finalized during the enactment",
];
const AFTER: [&str; 3] = [
    "The version on chain is the one above, and blocks are produced and finalized",
    "The upgrade was announced",
    "A retrospective was held: what to do better next time",
];

type Task = (bool, String);

/// Returns the tasks that the evidence can tick. An open task states the reason.
fn by_evidence(bundle: &Bundle) -> Vec<Task> {
    let built = bundle.build.as_ref().is_some_and(|build| build.record.dirty != Some(true));
    let compared = bundle.diff.as_ref().and_then(|diff| diff.report());
    let compared = compared.is_some_and(|report| report.verdict == Verdict::Pass);
    let proposed = bundle.propose.as_ref().and_then(|propose| propose.proposal());
    let mut tasks = vec![
        (built, "The blob was built from a commit, without uncommitted changes".to_owned()),
        (compared, "It is known what changes and who is affected, and the versions match".to_owned()),
    ];
    let checks = bundle.dry_run.as_ref().map(|report| report.checks.as_slice()).unwrap_or_default();
    tasks.extend(BY_CHECKS.iter().map(|(task, names)| by_checks(checks, task, names)));
    let made = proposed.is_some_and(|proposal| !proposal.calls.is_empty());
    tasks.push((made, "The calls of the proposal were made and decoded again".to_owned()));
    tasks
}

/// Ticks a task by its checks. A check that does not apply to the chain is ignored, but a missing
/// check leaves the task open.
fn by_checks(checks: &[Check], task: &str, names: &[&str]) -> Task {
    let open: Vec<_> = names
        .iter()
        .filter_map(|name| {
            let Some(check) = checks.iter().find(|check| check.name == *name) else {
                return Some(format!("{name}: not run"));
            };
            let fine = match check.status {
                Status::Pass => true,
                Status::Skip => !["pre-post-hooks", "try-state", "equivalence"].contains(name),
                Status::Warn | Status::Fail | Status::NotJudged => false,
            };
            (!fine).then(|| format!("{name}: {}", check.status))
        })
        .collect();
    match open.is_empty() {
        true => (true, task.to_owned()),
        false => (false, format!("{task} ({})", open.join(", "))),
    }
}

fn listed(tasks: impl IntoIterator<Item = Task>) -> String {
    let items: String = tasks
        .into_iter()
        .map(|(done, task)| {
            let (mark, class_name) = if done { ("&#9745;", "pass") } else { ("&#9744;", "open") };
            format!("<li><span class=\"{class_name}\">{mark}</span>{}</li>\n", text(&task))
        })
        .collect();
    class("ul", "tasks", &items)
}

/// Renders the checklist.
pub fn section(bundle: &Bundle) -> String {
    let open = |tasks: &[&str]| listed(tasks.iter().map(|task| (false, (*task).to_owned())));
    let content = [
        tag("h3", "Ticked by the evidence"),
        listed(by_evidence(bundle)),
        tag("h3", "For people, before"),
        open(&BEFORE),
        tag("h3", "On the day"),
        open(&ON_THE_DAY),
        tag("h3", "After"),
        open(&AFTER),
    ];
    super::element::section("What is done, and what people still have to do", &content.concat())
}
