// SPDX-License-Identifier: Apache-2.0
//! The outcome of each step of an upgrade, in one line each.

use crate::Bundle;
use protocol::{
    Check, Verdict,
    build::BuildResult,
    diff::{DiffOutcome, Severity},
    dry_run::DryRunReport,
    proposal::ProposeOutcome,
    rehearse::RehearseOutcome,
    weights::check::StepResult,
};

/// The status of a step. Its word is fixed and does not depend on the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pass,
    Warn,
    Fail,
    /// It applies, but was not judged.
    NotJudged,
    /// It did not run, or it does not apply.
    Skip,
}

impl Status {
    /// Returns the word for the status.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotJudged => "not judged",
            Self::Skip => "skip",
        }
    }
}

impl From<protocol::Status> for Status {
    fn from(status: protocol::Status) -> Self {
        match status {
            protocol::Status::Pass => Self::Pass,
            protocol::Status::Warn => Self::Warn,
            protocol::Status::Fail => Self::Fail,
            protocol::Status::NotJudged => Self::NotJudged,
            protocol::Status::Skip => Self::Skip,
        }
    }
}

impl From<Verdict> for Status {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass | Verdict::PassWithHazards => Self::Pass,
            Verdict::Fail => Self::Fail,
            Verdict::NotJudged => Self::NotJudged,
            Verdict::Skip => Self::Skip,
        }
    }
}

/// The outcome of one step.
pub struct Step {
    pub name: &'static str,
    pub status: Status,
    pub summary: String,
}

/// Returns the verdict of the whole upgrade: passed, failed or not judged. Returns `None` if no
/// step failed but no dry run passed, because then there is no verdict.
pub fn verdict(bundle: &Bundle) -> Option<Status> {
    let any = |status: Status| steps(bundle).iter().any(|step| step.status == status);
    match (any(Status::Fail), any(Status::NotJudged)) {
        (true, _) => Some(Status::Fail),
        (false, true) => Some(Status::NotJudged),
        (false, false) => bundle.dry_run.as_ref().filter(|report| report.verdict.passed()).map(|_| Status::Pass),
    }
}

/// Returns the outcome of every step, in the order of the pipeline.
pub fn steps(bundle: &Bundle) -> Vec<Step> {
    vec![
        step("Build", bundle.build.as_ref().map(build)),
        step("Comparison with the present runtime", bundle.diff.as_ref().map(diff)),
        step("Dry run on the chain's state", bundle.dry_run.as_ref().map(dry_run)),
        step("Weights in the source", bundle.weights.as_ref().map(weights)),
        step("Proposal", bundle.propose.as_ref().map(propose)),
        step("Proposal dispatched on forks", bundle.rehearse.as_ref().map(rehearse)),
    ]
}

fn step(name: &'static str, done: Option<(Status, String)>) -> Step {
    let (status, summary) = done.unwrap_or_else(|| (Status::Skip, "not done".into()));
    Step { name, status, summary }
}

fn build(BuildResult { record, .. }: &BuildResult) -> (Status, String) {
    let built = format!("{} by {}", record.package, record.rustc);
    match record.dirty {
        Some(true) => (Status::Warn, format!("{built}, from source with uncommitted changes")),
        _ => (Status::Pass, built),
    }
}

fn diff(diff: &DiffOutcome) -> (Status, String) {
    match diff {
        DiffOutcome::NotCompared(_) => (Status::Skip, "not compared: the metadata of one is too old".into()),
        DiffOutcome::Compared(report) => {
            let breaking = report.changes.iter().filter(|change| change.severity == Severity::Breaking).count();
            let summary = format!(
                "{}, {breaking} of them breaking; of the rules {}",
                counted(report.changes.len(), "change"),
                statuses(&report.rules)
            );
            (report.verdict.into(), summary)
        }
    }
}

fn dry_run(report: &DryRunReport) -> (Status, String) {
    let summary = format!("of {}: {}", counted(report.checks.len(), "check"), statuses(&report.checks));
    (report.verdict.into(), summary)
}

fn weights(StepResult { check, .. }: &StepResult) -> (Status, String) {
    let findings = counted(check.findings.len(), "finding");
    let summary =
        format!("{} with {}, {findings}", counted(check.files, "weight file"), counted(check.extrinsics, "extrinsic"));
    (check.verdict.into(), summary)
}

fn propose(propose: &ProposeOutcome) -> (Status, String) {
    match propose {
        ProposeOutcome::Refused { error } => (Status::Fail, format!("refused: {}", error.message)),
        ProposeOutcome::Proposed(proposal) => {
            let calls = counted(proposal.calls.len(), "call");
            (Status::Pass, format!("{calls} by the route {}, decoded back", proposal.route))
        }
    }
}

fn rehearse(outcome: &RehearseOutcome) -> (Status, String) {
    match outcome {
        RehearseOutcome::NotDispatched { not_dispatched, .. } => (outcome.verdict().into(), not_dispatched.clone()),
        RehearseOutcome::Rehearsed(report) => {
            let live = report.upgrades.iter().filter(|upgrade| upgrade.live).count();
            let changed = report.differences.len() as u64 + report.more_differences;
            let summary = format!(
                "of {}: {}; {} live, {} changed",
                counted(report.checks.len(), "check"),
                statuses(&report.checks),
                counted(live, "upgrade"),
                counted(changed as usize, "value"),
            );
            (report.verdict.into(), summary)
        }
    }
}

/// Formats a count with the singular or plural of a noun: `2 calls`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Formats the statuses of checks: `21 passed, 1 warns, 2 do not apply`.
fn statuses(checks: &[Check]) -> String {
    let with = |status| checks.iter().filter(|check| Status::from(check.status) == status).count();
    let plural = |count: usize, one: &'static str, several: &'static str| if count == 1 { one } else { several };
    let (warn, skip) = (with(Status::Warn), with(Status::Skip));
    let parts = [
        (with(Status::Pass), "passed"),
        (warn, plural(warn, "warns", "warn")),
        (with(Status::Fail), "failed"),
        (with(Status::NotJudged), "not judged"),
        (skip, plural(skip, "does not apply", "do not apply")),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

/// Returns the verdict in capitals for the head of a report: `PASSED WITH 2 HAZARDS`. `None` means
/// that there is no verdict.
pub(crate) fn headline(status: Option<Status>, hazards: usize) -> String {
    match (status, hazards) {
        (Some(Status::Pass), 0) => "PASSED".into(),
        (Some(Status::Pass), 1) => "PASSED WITH 1 HAZARD".into(),
        (Some(Status::Pass), hazards) => format!("PASSED WITH {hazards} HAZARDS"),
        (Some(Status::NotJudged), _) => "NOT JUDGED".into(),
        (Some(_), _) => "FAILED".into(),
        (None, _) => "NOT REHEARSED".into(),
    }
}

/// Returns the number of hazards that the dry run and the rehearsal of the proposal counted.
pub(crate) fn hazards(bundle: &Bundle) -> usize {
    let rehearsed = bundle.rehearse.as_ref().and_then(RehearseOutcome::report);
    bundle.dry_run.as_ref().map_or(0, |report| report.hazards) + rehearsed.map_or(0, |report| report.hazards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use protocol::Failure;

    #[test]
    fn each_step_has_a_summary_of_one_line() {
        let summary: Vec<_> = steps(&samples::bundle())
            .into_iter()
            .map(|step| format!("{} {}", step.status.word(), step.summary))
            .collect();
        assert_eq!(
            summary,
            [
                "pass standalone-runtime by rustc 1",
                "pass 2 changes, 1 of them breaking; of the rules 1 passed, 1 warns",
                "pass of 3 checks: 2 passed, 1 does not apply",
                "pass 1 weight file with 2 extrinsics, 1 finding",
                "pass 1 call by the route sudo, decoded back",
                "pass of 2 checks: 1 passed, 1 does not apply; 1 upgrade live, 1 value changed",
            ]
        );
    }

    #[test]
    fn one_step_that_failed_fails_the_upgrade() {
        let changed = |change: &dyn Fn(&mut Bundle)| {
            let mut bundle = samples::bundle();
            change(&mut bundle);
            verdict(&bundle)
        };
        let rehearsed = |verdict: Verdict| changed(&|bundle| samples::dry_run_of(bundle).verdict = verdict);
        assert_eq!(changed(&|_| ()), Some(Status::Pass));
        assert_eq!(rehearsed(Verdict::PassWithHazards), Some(Status::Pass));
        assert_eq!(rehearsed(Verdict::NotJudged), Some(Status::NotJudged));
        assert_eq!(rehearsed(Verdict::Fail), Some(Status::Fail));
        assert_eq!(rehearsed(Verdict::Skip), None, "no verdict");
        assert_eq!(changed(&|bundle| samples::diff_of(bundle).verdict = Verdict::Fail), Some(Status::Fail));
        let weights = |bundle: &mut Bundle| bundle.weights.as_mut().expect("checked").check.verdict = Verdict::Fail;
        assert_eq!(changed(&weights), Some(Status::Fail));
        let refused = ProposeOutcome::Refused { error: Failure::check("old") };
        assert_eq!(changed(&|bundle| bundle.propose = Some(refused.clone())), Some(Status::Fail));
        assert_eq!(changed(&|bundle| bundle.dry_run = None), None, "not rehearsed");
    }
}
