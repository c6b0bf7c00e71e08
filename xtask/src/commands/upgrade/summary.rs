// SPDX-License-Identifier: Apache-2.0
//! The summary of a finished upgrade.

use super::{
    super::{signing::BundleSignatures, utf8},
    plan::Plan,
};
use console::jobs::{FinishedJob, JobOutcome};
use protocol::{
    Check, Status, Verdict,
    diff::DiffOutcome,
    dry_run::DryRunReport,
    proposal::{Proposal, ProposeOutcome},
    rehearse::RehearseOutcome,
    step::StepResult,
    upgrade::{JobReport, ProposalSummary, RuntimeUpgrade, UpgradeBlob, UpgradedRuntime},
    verify::Verification,
    weights::check::{self as weights, Severity},
};
use worker::{Failure, Result};
use workspace::inputs::file_digest;

impl Plan<'_> {
    /// Returns the summary and the verdict. The verdict is a pass if the upgrade can be proposed.
    pub fn summary(&self, finished: &[FinishedJob]) -> Result<(Verdict, RuntimeUpgrade)> {
        let dry_run: DryRunReport = self.bundle.result()?;
        let proposal: ProposeOutcome = self.bundle.result()?;
        let path = self.bundle.work.join("verified.json");
        let verified: Verification =
            serde_json::from_slice(&files::read_bounded(&path, 16 << 20)?).map_err(|error| {
                Failure::internal(format!("{} is not a verification", path.display())).found(error.to_string())
            })?;
        let steps = self.verdict()?;
        // Missing signatures do not fail the upgrade: signers on other machines may still sign.
        let sound = verified.subjects.iter().all(|subject| subject.ok);
        let verdict = steps.and(sound.into());
        let mut checks = dry_run.checks;
        checks.extend(proposal.refusal().map(|error| Check::fail("proposal", &error.message)));
        checks.push(compared(&self.bundle.result()?));
        let outcome: RehearseOutcome = self.bundle.result()?;
        let hazards = dry_run.hazards + outcome.report().map_or(0, |report| report.hazards);
        checks.push(rehearsed(outcome));
        if self.checks_weights() {
            checks.extend(weights_failure(&self.bundle.result()?));
        }
        let proposal = proposal.proposal();
        let signing = BundleSignatures::of(&verified.agreement, verified.signed_off);
        let summary = UpgradedRuntime {
            name: self.runtime.name.clone(),
            package: self.runtime.package.clone(),
            spec_name: dry_run.to.spec_name,
            from_spec_version: dry_run.from.spec_version,
            to_spec_version: dry_run.to.spec_version,
            blob: UpgradeBlob {
                path: utf8(&self.bundle.place.join(self.blob_name()))?.to_owned(),
                blake2_256: file_digest(&self.blob())?,
                size: std::fs::metadata(self.blob()).map(|metadata| metadata.len()).unwrap_or_default(),
            },
            checks,
            hazards,
            proposal: ProposalSummary {
                route: proposal.map(|proposal| proposal.route),
                hash: proposal.and_then(Proposal::decided_hash).map(str::to_owned),
            },
            signing: signing.summary(steps == Verdict::Pass),
            bundle: utf8(&self.bundle.place)?.to_owned(),
            logs: utf8(&self.bundle.logs)?.to_owned(),
            jobs: self.finished(finished),
            verdict,
        };
        Ok((verdict, RuntimeUpgrade::Whole(Box::new(summary))))
    }

    /// Returns the reports of this runtime's jobs.
    pub(super) fn finished(&self, all: &[FinishedJob]) -> Vec<JobReport> {
        let seconds = |job: &FinishedJob| (job.seconds * 1000.0).round() / 1000.0;
        let own = all.iter().filter_map(|job| Some((job.name.strip_prefix(&self.prefix)?, job)));
        own.map(|(name, job)| JobReport {
            name: name.to_owned(),
            unchanged: job.outcome == JobOutcome::Unchanged,
            seconds: seconds(job),
        })
        .collect()
    }
}

/// Returns the rules of the comparison as one check, listed with the checks of the dry run.
fn compared(diff: &DiffOutcome) -> Check {
    if let DiffOutcome::NotCompared(not) = diff {
        return Check::skip("diff", format!("not compared: {}", not.error.message));
    }
    let rules = diff.rules();
    joined("diff", rules, || format!("{} kept", report::counted(rules.len(), "rule")))
}

/// Returns the checks of the rehearsal as one check.
fn rehearsed(outcome: RehearseOutcome) -> Check {
    let name = RehearseOutcome::STEP;
    match outcome {
        RehearseOutcome::NotDispatched { not_dispatched, applies: true } => Check::not_judged(name, not_dispatched),
        RehearseOutcome::NotDispatched { not_dispatched, applies: false } => Check::skip(name, not_dispatched),
        RehearseOutcome::Rehearsed(report) => joined(name, &report.checks, || {
            let changed = report.differences.len() as u64 + report.more_differences;
            let live = report.upgrades.iter().filter(|upgrade| upgrade.live).count();
            format!(
                "the proposal was dispatched on forks: {} live, {}, hash {}",
                report::counted(live, "upgrade"),
                report::counted(changed as usize, "changed value"),
                report.difference_hash
            )
        }),
    }
}

/// Returns several checks as one: the gravest of them with their details, or what all of them passed.
fn joined(name: &str, checks: &[Check], passed: impl FnOnce() -> String) -> Check {
    let of = |status: Status| -> Vec<String> {
        let those = checks.iter().filter(|check| check.status == status);
        those.map(|check| format!("{} ({})", check.name, check.detail)).collect()
    };
    let (broken, unjudged, warned) = (of(Status::Fail), of(Status::NotJudged), of(Status::Warn));
    if !broken.is_empty() {
        Check::fail(name, format!("broken: {}", broken.join("; ")))
    } else if !unjudged.is_empty() {
        Check::not_judged(name, unjudged.join("; "))
    } else if !warned.is_empty() {
        Check::warn(name, warned.join("; "))
    } else {
        Check::pass(name, passed())
    }
}

/// Returns a failed check if the weights in the source have failures: their number and the first
/// one.
fn weights_failure(result: &weights::StepResult) -> Option<Check> {
    let failures = result.check.findings.iter().filter(|finding| finding.severity == Severity::Failure);
    let failures: Vec<_> = failures.collect();
    let first = failures.first()?.to_string();
    let findings = report::counted(failures.len(), "finding");
    Some(Check::fail("weights-in-source", format!("{findings}, see weights.json; the first: {first}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::diff::{DiffReport, NotCompared};
    use serde_json::json;

    #[test]
    fn the_comparison_is_one_check_and_names_what_is_broken() {
        let check = |rules: Vec<Check>| {
            compared(&DiffOutcome::Compared(Box::new(DiffReport { rules, ..DiffReport::default() })))
        };
        assert_eq!(check(vec![Check::pass("a", "")]).status, Status::Pass);
        let mut allowed = Check::warn("b", "");
        allowed.allowed = Some("ana knows".into());
        assert_eq!(check(vec![Check::pass("a", ""), allowed]).status, Status::Warn);
        assert_eq!(check(vec![Check::not_judged("a", "")]).status, Status::NotJudged);
        let old = compared(&DiffOutcome::NotCompared(NotCompared::new(Failure::input("version 13"))));
        assert_eq!((old.status, old.detail.as_str()), (Status::Skip, "not compared: version 13"));
        let broken = check(vec![Check::warn("a", "why"), Check::fail("spec-name", "why")]);
        assert_eq!((broken.status, broken.detail.as_str()), (Status::Fail, "broken: spec-name (why)"));
    }

    #[test]
    fn failures_of_the_weights_are_reported_and_warnings_are_not() {
        let of = |severities: &[&str]| -> weights::StepResult {
            let finding =
                |severity: &&str| json!({"rule": "zero-proof", "severity": severity, "pallet": "p", "detail": "x"});
            let findings: Vec<_> = severities.iter().map(finding).collect();
            let result = json!({"format": protocol::format::WEIGHTS, "runtime": "r", "pallets": 1, "wires": [], "files": 1,
                "extrinsics": 1, "findings": findings, "verdict": "fail", "comparison": null});
            serde_json::from_value(result).expect("a result")
        };
        assert_eq!(weights_failure(&of(&["warning"])), None);
        let failed = weights_failure(&of(&["failure", "warning"])).expect("a failed check");
        assert_eq!(failed.detail, "1 finding, see weights.json; the first: zero-proof  p: x");
    }
}
