// SPDX-License-Identifier: Apache-2.0
//! The closing words of an upgrade.

use super::{
    super::{reports::read_result, signing::Signing, utf8},
    plan::Plan,
    result_of,
};
use crate::{
    inputs::file_digest,
    jobs::{Done, Finished},
};
use protocol::{
    Verdict,
    weights::check::{Severity, StepResult},
};
use serde_json::{Value, json};
use worker::{Failure, Result};

impl Plan<'_> {
    /// What a person wants to know at the end; it passed if the upgrade can be proposed.
    pub fn summary(&self, finished: &[Finished]) -> Result<(Verdict, Value)> {
        let dry_run = result_of(&self.bundle.read_step("dry-run")?);
        let proposal = result_of(&self.bundle.read_step("propose")?);
        let verified: Value =
            serde_json::from_slice(&files::read_bounded(&self.bundle.work.join("verified.json"), 16 << 20)?)
                .map_err(|error| Failure::internal("the verification is no JSON").found(error.to_string()))?;
        let steps = self.verdict()?;
        // More signatures than one machine has may be asked for; that they are missing does not make the upgrade bad.
        let sound = verified
            .get("subjects")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .all(|subject| subject.get("ok") == Some(&json!(true)));
        let verdict = steps.and(sound.into());
        let mut checks = dry_run.get("checks").cloned().unwrap_or_default();
        if let (Some(error), Some(list)) = (proposal.pointer("/error/message"), checks.as_array_mut()) {
            list.push(json!({"name": "proposal", "status": "fail", "detail": error}));
        }
        if let Some(list) = checks.as_array_mut() {
            list.push(compared(&result_of(&self.bundle.read_step("diff")?)));
            if self.checks_weights() {
                let result = result_of(&self.bundle.read_step(super::weights::STEP)?);
                list.extend(read_result(super::weights::STEP, result)?.and_then(|result| weights_failure(&result)));
            }
        }
        let first = proposal.pointer("/calls/0").cloned().unwrap_or_default();
        let hash = first.pointer("/preimage/hash").or_else(|| first.get("hash")).cloned().unwrap_or_default();
        let signing = Signing::of(&verified);
        let summary = json!({
            "name": self.runtime.name,
            "package": self.runtime.package,
            "spec_name": dry_run.pointer("/to/spec_name"),
            "from_spec_version": dry_run.pointer("/from/spec_version"),
            "to_spec_version": dry_run.pointer("/to/spec_version"),
            "blob": {
                "path": utf8(&self.bundle.place.join(self.blob_name()))?,
                "blake2_256": file_digest(&self.blob())?,
                "size": std::fs::metadata(self.blob()).map(|metadata| metadata.len()).unwrap_or_default(),
            },
            "checks": checks,
            "hazards": dry_run.get("hazards"),
            "proposal": {"route": proposal.get("route"), "hash": hash},
            "signatures": signing.told(steps == Verdict::Pass),
            "signed_off": signing.signed_off,
            "needed": signing.needed,
            "counted": signing.counted,
            "missing": signing.missing,
            "bundle": utf8(&self.bundle.place)?,
            "logs": utf8(&self.bundle.logs)?,
            "jobs": self.finished(finished),
            "verdict": verdict,
        });
        Ok((verdict, summary))
    }

    pub(super) fn finished(&self, all: &[Finished]) -> Vec<Value> {
        let seconds = |job: &Finished| (job.seconds * 1000.0).round() / 1000.0;
        let own = all.iter().filter_map(|job| Some((job.name.strip_prefix(&self.prefix)?, job)));
        own.map(|(name, job)| json!({"name": name, "unchanged": job.done == Done::Unchanged, "seconds": seconds(job)}))
            .collect()
    }
}

/// The rules of the comparison as one check among those of the dry run.
fn compared(diff: &Value) -> Value {
    if let Some(error) = diff.pointer("/error/message").and_then(Value::as_str) {
        return json!({"name": "diff", "status": "skip", "detail": format!("not compared: {error}")});
    }
    let rules = diff.get("rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |rule: &Value, field: &str| rule.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |status: &str| -> Vec<String> {
        let those = rules.iter().filter(|rule| text(rule, "status") == status);
        those.map(|rule| format!("{} ({})", text(rule, "name"), text(rule, "detail"))).collect()
    };
    let (broken, allowed, warned) = (of("fail"), of("allowed"), of("warn"));
    let (status, detail) = if !broken.is_empty() {
        ("fail", format!("broken: {}", broken.join("; ")))
    } else if !allowed.is_empty() || !warned.is_empty() {
        ("warn", [allowed, warned].concat().join("; "))
    } else {
        ("pass", format!("{} rules kept", rules.len()))
    };
    json!({"name": "diff", "status": status, "detail": detail})
}

/// What the check of the runtime's source says against it: its first failure and how many there are.
fn weights_failure(result: &StepResult) -> Option<Value> {
    let failures = result.check.findings.iter().filter(|finding| finding.severity == Severity::Failure);
    let failures: Vec<_> = failures.collect();
    let first = report::weights::finding_line(failures.first()?);
    let detail = format!("{} findings, see weights.json; the first: {first}", failures.len());
    Some(json!({"name": "weights-in-source", "status": "fail", "detail": detail}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comparison_is_one_check_and_names_what_is_broken() {
        let rule = |name: &str, status: &str| json!({"name": name, "status": status, "detail": "why"});
        let check = |rules: Vec<Value>| compared(&json!({ "rules": rules }));
        assert_eq!(check(vec![rule("a", "pass")])["status"], "pass");
        assert_eq!(check(vec![rule("a", "pass"), rule("b", "allowed")])["status"], "warn");
        let old = compared(&json!({"error": {"message": "version 13"}, "rules": [rule("comparable", "skip")]}));
        assert_eq!((&old["status"], &old["detail"]), (&json!("skip"), &json!("not compared: version 13")));
        let broken = check(vec![rule("a", "warn"), rule("spec-name", "fail")]);
        assert_eq!((&broken["status"], &broken["detail"]), (&json!("fail"), &json!("broken: spec-name (why)")));
    }

    #[test]
    fn failures_of_the_weights_are_told_and_warnings_are_not() {
        let of = |severities: &[&str]| -> StepResult {
            let finding =
                |severity: &&str| json!({"rule": "zero-proof", "severity": severity, "pallet": "p", "detail": "x"});
            let findings: Vec<_> = severities.iter().map(finding).collect();
            let result = json!({"format": protocol::format::WEIGHTS, "runtime": "r", "pallets": 1, "wires": [], "files": 1,
                "extrinsics": 1, "findings": findings, "verdict": "fail", "comparison": null});
            serde_json::from_value(result).expect("a result")
        };
        assert_eq!(weights_failure(&of(&["warning"])), None);
        let failed = weights_failure(&of(&["failure", "warning"])).expect("told");
        assert_eq!(failed["detail"], "1 findings, see weights.json; the first: zero-proof  p: x");
    }
}
