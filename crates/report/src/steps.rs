// SPDX-License-Identifier: Apache-2.0
//! What became of each step of an upgrade, in one line each.

use crate::{
    Bundle,
    field::{list, text},
};
use protocol::{Verdict, weights::check::StepResult};
use serde_json::Value;

/// A word that the tool itself uses, whatever the evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pass,
    Warn,
    Fail,
    /// It applies, and could not be looked at.
    NotJudged,
    /// Not done, or it does not apply.
    Skip,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotJudged => "not judged",
            Self::Skip => "skip",
        }
    }

    /// Of a check or a rule. One that is broken on purpose warns.
    pub fn of(check: &Value) -> Self {
        match text(check, "/status").as_str() {
            "pass" => Self::Pass,
            "warn" | "allowed" => Self::Warn,
            "fail" => Self::Fail,
            "not_judged" => Self::NotJudged,
            _ => Self::Skip,
        }
    }

    fn of_verdict(result: &Value) -> Self {
        match text(result, "/verdict").as_str() {
            "pass" | "pass_with_hazards" => Self::Pass,
            "not_judged" => Self::NotJudged,
            "fail" => Self::Fail,
            _ => Self::Warn,
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

pub struct Step {
    pub name: &'static str,
    pub status: Status,
    pub told: String,
}

/// What all of it comes to: passed, failed or not judged. Nothing where it was not rehearsed, and so nobody can tell.
pub fn verdict(bundle: &Bundle) -> Option<Status> {
    let any = |status: Status| steps(bundle).iter().any(|step| step.status == status);
    match (any(Status::Fail), any(Status::NotJudged)) {
        (true, _) => Some(Status::Fail),
        (false, true) => Some(Status::NotJudged),
        (false, false) => Some(Status::of_verdict(&bundle.dry_run)).filter(|verdict| *verdict == Status::Pass),
    }
}

pub fn steps(bundle: &Bundle) -> Vec<Step> {
    vec![
        build(bundle),
        diff(&bundle.diff),
        dry_run(&bundle.dry_run),
        weights(bundle.weights.as_ref()),
        propose(&bundle.propose),
    ]
}

fn step(name: &'static str, result: &Value, tell: impl FnOnce() -> (Status, String)) -> Step {
    let (status, told) = if result.is_null() { (Status::Skip, "not done".into()) } else { tell() };
    Step { name, status, told }
}

fn build(bundle: &Bundle) -> Step {
    let build = &bundle.build;
    step("Build", build, || {
        let built = format!("{} by {}", text(build, "/package"), text(build, "/rustc"));
        match text(build, "/dirty").as_str() {
            "yes" => (Status::Warn, format!("{built}, from source with uncommitted changes")),
            _ => (Status::Pass, built),
        }
    })
}

fn diff(diff: &Value) -> Step {
    step("Comparison with the present runtime", diff, || {
        let changes = list(diff, "/changes");
        let breaking = changes.iter().filter(|change| text(change, "/severity") == "breaking").count();
        match diff.get("error") {
            Some(_) => (Status::Skip, "not compared: the metadata of one is too old".into()),
            None => {
                let told = format!(
                    "{}, {breaking} of them breaking; of the rules {}",
                    counted(changes.len(), "change"),
                    statuses(list(diff, "/rules"))
                );
                (Status::of_verdict(diff), told)
            }
        }
    })
}

fn dry_run(dry_run: &Value) -> Step {
    step("Dry run on the chain's state", dry_run, || {
        let told =
            format!("of {}: {}", counted(list(dry_run, "/checks").len(), "check"), statuses(list(dry_run, "/checks")));
        (Status::of_verdict(dry_run), told)
    })
}

fn weights(weights: Option<&StepResult>) -> Step {
    let (status, told) = match weights.map(|weights| &weights.check) {
        None => (Status::Skip, "not done".into()),
        Some(check) => {
            let findings = counted(check.findings.len(), "finding");
            let told = format!("{} weight files with {} extrinsics, {findings}", check.files, check.extrinsics);
            (check.verdict.into(), told)
        }
    };
    Step { name: "Weights in the source", status, told }
}

fn propose(propose: &Value) -> Step {
    step("Proposal", propose, || match propose.get("error") {
        Some(error) => (Status::Fail, format!("refused: {}", text(error, "/message"))),
        None => {
            let calls = counted(list(propose, "/calls").len(), "call");
            (Status::Pass, format!("{calls} by the route {}, decoded back", text(propose, "/route")))
        }
    })
}

pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `21 passed, 1 warns, 2 do not apply`.
fn statuses(checks: &[Value]) -> String {
    let with = |status: &str| checks.iter().filter(|check| text(check, "/status") == status).count();
    let plural = |count: usize, one: &'static str, several: &'static str| if count == 1 { one } else { several };
    let (warn, skip) = (with("warn"), with("skip"));
    let told = [
        (with("pass"), "passed"),
        (warn, plural(warn, "warns", "warn")),
        (with("allowed"), "broken on purpose"),
        (with("fail"), "failed"),
        (with("not_judged"), "not judged"),
        (skip, plural(skip, "does not apply", "do not apply")),
    ];
    let told: Vec<_> =
        told.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if told.is_empty() { "none".into() } else { told.join(", ") }
}

/// The verdict in capitals, for the head of a report: `PASSED WITH 2 HAZARDS`. `None` stands for no verdict.
pub(crate) fn headline(status: Option<Status>, hazards: u64) -> String {
    match (status, hazards) {
        (Some(Status::Pass), 0) => "PASSED".into(),
        (Some(Status::Pass), 1) => "PASSED WITH 1 HAZARD".into(),
        (Some(Status::Pass), hazards) => format!("PASSED WITH {hazards} HAZARDS"),
        (Some(Status::NotJudged), _) => "NOT JUDGED".into(),
        (Some(_), _) => "FAILED".into(),
        (None, _) => "NOT REHEARSED".into(),
    }
}

/// The hazards that a dry run counted.
pub(crate) fn hazards(dry_run: &Value) -> u64 {
    dry_run.get("hazards").and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bundle() -> Bundle {
        Bundle {
            name: "standalone".into(),
            build: json!({"package": "p", "rustc": "rustc 1", "dirty": false}),
            dry_run: json!({"verdict": "pass", "checks": [{"status": "pass"}, {"status": "skip"}, {"status": "warn"}]}),
            diff: json!({"verdict": "pass", "rules": [{"status": "allowed"}], "changes": [{"severity": "breaking"}]}),
            propose: json!({"route": "sudo", "calls": [{}]}),
            weights: Some(crate::weights::tests::passed(Vec::new())),
            ..Bundle::default()
        }
    }

    #[test]
    fn each_step_is_told_in_a_line() {
        let told: Vec<_> =
            steps(&bundle()).into_iter().map(|step| format!("{} {}", step.status.word(), step.told)).collect();
        assert_eq!(
            told,
            [
                "pass p by rustc 1",
                "pass 1 change, 1 of them breaking; of the rules 1 broken on purpose",
                "pass of 3 checks: 1 passed, 1 warns, 1 does not apply",
                "pass 1 weight files with 2 extrinsics, 0 findings",
                "pass 1 call by the route sudo, decoded back",
            ]
        );
    }

    #[test]
    fn one_step_that_failed_fails_the_upgrade() {
        let changed = |change: fn(&mut Bundle)| {
            let mut bundle = bundle();
            change(&mut bundle);
            verdict(&bundle)
        };
        assert_eq!(changed(|_| ()), Some(Status::Pass));
        let hazards = |bundle: &mut Bundle| bundle.dry_run["verdict"] = json!("pass_with_hazards");
        assert_eq!(changed(hazards), Some(Status::Pass));
        let not_judged = |bundle: &mut Bundle| bundle.dry_run["verdict"] = json!("not_judged");
        assert_eq!(changed(not_judged), Some(Status::NotJudged));
        assert_eq!(changed(|bundle| bundle.diff["verdict"] = json!("fail")), Some(Status::Fail));
        let failed_weights = |bundle: &mut Bundle| {
            bundle.weights.as_mut().expect("checked").check.verdict = Verdict::Fail;
        };
        assert_eq!(changed(|bundle| bundle.dry_run["verdict"] = json!("fail")), Some(Status::Fail));
        assert_eq!(changed(failed_weights), Some(Status::Fail));
        assert_eq!(changed(|bundle| bundle.propose = json!({"error": {"message": "old"}})), Some(Status::Fail));
        assert_eq!(changed(|bundle| bundle.dry_run = Value::Null), None, "not rehearsed");
        assert_eq!(changed(|bundle| bundle.dry_run = json!({})), None, "no verdict");
    }
}
