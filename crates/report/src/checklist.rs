// SPDX-License-Identifier: Apache-2.0
//! The checklist of an upgrade, after Paseo's upgrade template. The evidence ticks tasks. Tasks
//! that only people can judge stay open.

use crate::Bundle;
use protocol::{Check, Status, Verdict};

/// The title of the section in both reports.
pub const TITLE: &str = "What is done, and what people still have to do";

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

/// The tasks that need other chains of the network, and their checks.
const BY_NETWORK: [(&str, &[&str]); 2] = [
    (
        "The relay chain takes the parachain's code: votes, go-ahead, promotion",
        &["authorised", "code-backed", "pvf-votes", "go-ahead", "promoted"],
    ),
    (
        "The relay chain includes blocks of parachains after the upgrade, when sessions end too",
        &["ten-heads", "boundaries", "both-sides-agree", "upgrade-orders", "queues", "messages-before-and-after"],
    ),
];
/// A check that every parachain has.
const OF_PARACHAINS: &str = "validator-preparation";

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

/// A task of the checklist.
pub struct Task {
    /// The task, with the reason if it is open or does not apply.
    pub text: String,
    /// Whether it is done.
    pub state: TaskState,
}

/// Whether a task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// The evidence shows that it is done.
    Done,
    /// It is not done, or nobody knows.
    Open,
    /// The chain has nothing that it is about.
    DoesNotApply,
}

impl Task {
    fn new(done: bool, text: impl Into<String>) -> Self {
        Self { text: text.into(), state: if done { TaskState::Done } else { TaskState::Open } }
    }
}

/// A part of the checklist.
pub struct Part {
    /// The title of the part.
    pub title: &'static str,
    /// The tasks in their order.
    pub tasks: Vec<Task>,
}

/// Returns the checklist of a bundle.
pub fn parts(bundle: &Bundle) -> [Part; 4] {
    let open = |tasks: &[&str]| tasks.iter().map(|task| Task::new(false, *task)).collect();
    [
        Part { title: "Ticked by the evidence", tasks: by_evidence(bundle) },
        Part { title: "For people, before", tasks: open(&BEFORE) },
        Part { title: "On the day", tasks: open(&ON_THE_DAY) },
        Part { title: "After", tasks: open(&AFTER) },
    ]
}

/// Returns the tasks that the evidence can tick.
fn by_evidence(bundle: &Bundle) -> Vec<Task> {
    let built = bundle.build.as_ref().is_some_and(|build| build.record.dirty != Some(true));
    let compared = bundle.diff.as_ref().and_then(|diff| diff.report());
    let compared = compared.is_some_and(|report| report.verdict == Verdict::Pass);
    let proposed = bundle.propose.as_ref().and_then(|propose| propose.proposal());
    let mut tasks = vec![
        Task::new(built, "The blob was built from a commit, without uncommitted changes"),
        Task::new(compared, "It is known what changes and who is affected, and the versions match"),
    ];
    let checks = bundle.dry_run.as_ref().map(|report| report.checks.as_slice()).unwrap_or_default();
    tasks.extend(BY_CHECKS.iter().map(|(task, names)| by_checks(checks, task, names)));
    tasks.extend(BY_NETWORK.iter().map(|(task, names)| by_network(checks, task, names)));
    let made = proposed.is_some_and(|proposal| !proposal.calls.is_empty());
    tasks.push(Task::new(made, "The calls of the proposal were made and decoded again"));
    tasks
}

/// Ticks a task by checks that need other chains of the network. A parachain always has a relay chain:
/// if it was not named, the task stays open.
fn by_network(checks: &[Check], task: &str, names: &[&str]) -> Task {
    let skipped = |name: &str| checks.iter().any(|check| check.name == name && check.status == Status::Skip);
    let is_parachain = checks.iter().any(|check| check.name == OF_PARACHAINS && check.status != Status::Skip);
    match is_parachain && names.iter().all(|name| skipped(name)) {
        true => Task::new(false, format!("{task} (the relay chain was not named: --relay)")),
        false => by_checks(checks, task, names),
    }
}

/// The checks without which an upgrade was not rehearsed. If they are skipped, a task stays open.
const NEVER_SKIPPED: [&str; 3] = ["pre-post-hooks", "try-state", "equivalence"];

/// Ticks a task by its checks. It does not apply if none of its checks does. A check that is
/// missing, not judged, failed or that found a hazard leaves it open.
fn by_checks(checks: &[Check], task: &str, names: &[&str]) -> Task {
    let (mut open, mut skipped, mut passed) = (Vec::new(), Vec::new(), false);
    for name in names {
        match checks.iter().find(|check| check.name == *name) {
            None => open.push(format!("{name}: not run")),
            Some(check) => match check.status {
                Status::Pass => passed = true,
                Status::Skip if !NEVER_SKIPPED.contains(name) => skipped.push(check),
                status => open.push(format!("{name}: {status}")),
            },
        }
    }
    if !open.is_empty() {
        return Task::new(false, format!("{task} ({})", open.join(", ")));
    }
    let reasons = |reason: fn(&Check) -> String| {
        let mut reasons: Vec<_> = skipped.iter().map(|check| reason(check)).collect();
        reasons.dedup();
        reasons
    };
    match (passed, skipped.is_empty()) {
        (_, true) => Task::new(true, task),
        (true, false) => {
            let reasons = reasons(|check| format!("{} does not apply: {}", check.name, check.detail));
            Task::new(true, format!("{task} ({})", reasons.join("; ")))
        }
        (false, false) => {
            let reasons = reasons(|check| check.detail.clone());
            Task { text: format!("{task} (does not apply: {})", reasons.join("; ")), state: TaskState::DoesNotApply }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parachain_whose_relay_chain_was_not_named_has_an_open_task() {
        let skip = |name: &str| Check::skip(name, "not named");
        let names = ["ten-heads", "boundaries"];
        let state = |checks: &[Check]| by_network(checks, "Task", &names).state;
        let [heads, boundaries] = names.map(skip);
        let parachain = Check::pass(OF_PARACHAINS, "");
        assert_eq!(state(&[parachain.clone(), heads.clone(), boundaries.clone()]), TaskState::Open);
        let other = by_network(&[skip(OF_PARACHAINS), heads, boundaries], "Task", &names);
        assert_eq!((other.state, other.text.as_str()), (TaskState::DoesNotApply, "Task (does not apply: not named)"));
        let passed = names.map(|name| Check::pass(name, ""));
        assert_eq!(state(&[&[parachain], &passed[..]].concat()), TaskState::Done);
    }

    #[test]
    fn a_skipped_check_is_not_done() {
        let skip = |name: &str| Check::skip(name, format!("no {name} here"));
        let judged = |checks: &[Check]| {
            let task = by_checks(checks, "Task", &["sessions", "weights"]);
            (task.state, task.text)
        };
        let pass = Check::pass;
        for (checks, state, text) in [
            (vec![pass("sessions", ""), pass("weights", "")], TaskState::Done, "Task"),
            (
                vec![skip("sessions"), pass("weights", "")],
                TaskState::Done,
                "Task (sessions does not apply: no sessions here)",
            ),
            (
                vec![skip("sessions"), skip("weights")],
                TaskState::DoesNotApply,
                "Task (does not apply: no sessions here; no weights here)",
            ),
            (vec![skip("sessions")], TaskState::Open, "Task (weights: not run)"),
            (vec![skip("sessions"), Check::warn("weights", "")], TaskState::Open, "Task (weights: warn)"),
            (
                vec![pass("sessions", ""), Check::not_judged("weights", "")],
                TaskState::Open,
                "Task (weights: not judged)",
            ),
        ] {
            assert_eq!(judged(&checks), (state, text.to_owned()));
        }
        let try_state = by_checks(&[skip("try-state")], "Task", &["try-state"]);
        assert_eq!((try_state.state, try_state.text.as_str()), (TaskState::Open, "Task (try-state: skip)"));
    }
}
