// SPDX-License-Identifier: Apache-2.0
//! Checks that may fail, and checks whose hazards count as failures.
//!
//! Some findings are for people to judge: whether every validator runs a node that knows a feature, whether wallets have
//! learnt an extension. A person who knows allows the check to fail, by its name and with the reason, and the report keeps
//! both. The other way round, a team may decide that a hazard of a check counts as a failure.

use crate::selection;
use protocol::{
    Check, Status, Verdict,
    dry_run::{DryRunReport, DryRunRequest},
};
use std::collections::BTreeMap;
use worker::{Failure, Result};

/// What a request says of checks that may fail, and of hazards.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    /// Checks that may fail, each with the reason.
    allowed: BTreeMap<String, String>,
    /// Checks whose hazards count as failures.
    denied: Vec<String>,
    /// The hazards of every check count as failures.
    strict: bool,
}

impl Allowance {
    /// Returns the allowance of a request.
    ///
    /// # Errors
    ///
    /// A name that no check has, so that a renamed check does not go unnoticed, and an empty reason.
    pub fn of(request: &DryRunRequest) -> Result<Self> {
        let hint = "checks are allowed by --allow CHECK=REASON and in [package.metadata.cutover.dry-run.allow]";
        for (name, reason) in &request.allow {
            selection::expect_check(name, "that could be allowed to fail", hint)?;
            if reason.trim().is_empty() {
                return Err(Failure::usage(format!("the check {name} is allowed to fail without a reason"))
                    .expected("who accepts the failure, and why")
                    .hint(format!("--allow {name}=REASON")));
            }
        }
        let hint = "hazards are denied by --deny CHECK, by --strict and in [package.metadata.cutover.dry-run] deny";
        for name in &request.deny {
            selection::expect_check(name, "whose hazards could be denied", hint)?;
        }
        Ok(Self { allowed: request.allow.clone(), denied: request.deny.clone(), strict: request.strict })
    }

    /// Returns the report with the verdict that its checks come to.
    pub fn judge(&self, mut report: DryRunReport) -> DryRunReport {
        self.apply(&mut report.checks);
        report.verdict = Verdict::of(&report.checks);
        report.hazards = protocol::hazards(&report.checks);
        report
    }

    /// Turns what is allowed into a warning that keeps the reason, and other hazards that are denied into failures.
    fn apply(&self, checks: &mut [Check]) {
        for check in checks {
            match (check.status, self.allowed.get(&check.name)) {
                (Status::Fail | Status::Warn | Status::NotJudged, Some(reason)) => {
                    check.status = Status::Warn;
                    check.detail.push_str(&format!("; allowed: {reason}"));
                    check.allowed = Some(reason.clone());
                }
                (Status::Warn, None) if self.strict || self.denied.contains(&check.name) => {
                    check.status = Status::Fail;
                    check.detail.push_str("; this hazard is denied");
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(name: &str, reason: &str) -> Allowance {
        Allowance { allowed: [(name.to_string(), reason.to_string())].into(), ..Allowance::default() }
    }

    fn denied(name: &str) -> Allowance {
        Allowance { denied: vec![name.to_string()], ..Allowance::default() }
    }

    fn strict() -> Allowance {
        Allowance { strict: true, ..Allowance::default() }
    }

    #[test]
    fn an_allowed_failure_warns_and_keeps_the_reason() {
        let mut checks = [Check::fail("node-demands", "a feature"), Check::fail("weights", "lost")];
        allowed("node-demands", "all validators are renewed").apply(&mut checks);
        assert_eq!(checks[0].status, Status::Warn);
        assert_eq!(checks[0].allowed.as_deref(), Some("all validators are renewed"));
        assert_eq!(checks[1].status, Status::Fail, "nobody allowed it");
    }

    #[test]
    fn what_passed_needs_no_reason() {
        let mut checks = [Check::pass("weights", "well")];
        Allowance { strict: true, ..allowed("weights", "in case") }.apply(&mut checks);
        assert_eq!((checks[0].status, checks[0].allowed.as_deref()), (Status::Pass, None));
    }

    #[test]
    fn a_denied_hazard_fails_unless_it_is_allowed() {
        let statuses = |allowance: Allowance| {
            let mut checks = [Check::warn("weights", "a quarter"), Check::warn("leftovers", "behind")];
            allowance.apply(&mut checks);
            checks.map(|check| check.status)
        };
        let both = Allowance { denied: vec!["leftovers".to_string()], ..allowed("leftovers", "emptied by hand") };
        assert_eq!(statuses(Allowance::default()), [Status::Warn, Status::Warn]);
        assert_eq!(statuses(denied("leftovers")), [Status::Warn, Status::Fail]);
        assert_eq!(statuses(strict()), [Status::Fail, Status::Fail]);
        assert_eq!(statuses(both), [Status::Warn, Status::Warn]);
    }

    #[test]
    fn what_could_not_be_judged_passes_where_it_is_allowed() {
        let mut checks = [Check::not_judged("migrations", "proof of work")];
        allowed("migrations", "rehearsed on a testnet, log 7").apply(&mut checks);
        assert_eq!(checks[0].status, Status::Warn);
    }

    #[test]
    fn unknown_names_and_empty_reasons_are_refused() {
        let source = || "state.json".parse().expect("a source");
        let allow = |name: &str, reason: &str| DryRunRequest {
            allow: allowed(name, reason).allowed,
            ..DryRunRequest::new("new.wasm", source())
        };
        let deny = |name: &str| DryRunRequest { deny: vec![name.into()], ..DryRunRequest::new("new.wasm", source()) };
        assert!(Allowance::of(&allow("weights", "measured anew")).is_ok());
        let unknown = Allowance::of(&allow("wieghts", "measured anew")).expect_err("no such check");
        assert!(unknown.message.contains("wieghts"), "{unknown}");
        assert!(unknown.hint.is_some_and(|hint| hint.contains("did you mean weights?")), "the nearest is named");
        assert!(Allowance::of(&allow("weights", " ")).is_err());
        assert!(Allowance::of(&deny("leftovers")).is_ok());
        assert!(Allowance::of(&deny("leftover")).is_err());
    }
}
