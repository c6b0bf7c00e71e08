// SPDX-License-Identifier: Apache-2.0
//! Findings that somebody answers for, and hazards that nobody may pass over.
//!
//! Some of what a check finds is for people to know: whether every validator runs a node that knows a feature, whether the
//! wallets have learnt an extension. Who knows says so, by the check's name and with the reason; the report keeps both.
//! The other way round, a team may decide that a hazard of a check counts as a failure.

use protocol::{CHECKS, Check, Status, Verdict, dry_run::DryRunReport};
use std::collections::BTreeMap;
use worker::{Failure, Result};

/// Checks that may fail, each with the reason.
pub type Allowed = BTreeMap<String, String>;

/// Refuses names that no check has, so that one that was renamed does not go unnoticed, and reasons that say nothing.
pub fn expect_checks(allowed: &Allowed) -> Result<()> {
    for (name, reason) in allowed {
        if !CHECKS.contains(&name.as_str()) {
            return Err(Failure::usage(format!("there is no check {name:?} that could be allowed to fail"))
                .expected(format!("one of {}", CHECKS.join(", ")))
                .hint("checks are allowed by --allow CHECK=REASON and in [package.metadata.cutover.dry-run.allow]"));
        }
        if reason.trim().is_empty() {
            return Err(Failure::usage(format!("the check {name} is to be allowed to fail without a reason"))
                .expected("who knows that it is well, and why")
                .hint(format!("--allow {name}=REASON")));
        }
    }
    Ok(())
}

/// Returns the report with what its checks come to, given what somebody answers for and which hazards are denied.
pub fn judged(mut report: DryRunReport, allowed: &Allowed, denied: &Denied<'_>) -> DryRunReport {
    apply(&mut report.checks, allowed, denied);
    report.verdict = Verdict::of(&report.checks);
    report.hazards = protocol::hazards(&report.checks);
    report
}

/// Whose hazards count as failures.
#[derive(Clone, Debug, Default)]
pub struct Denied<'a> {
    pub all: bool,
    pub named: &'a [String],
}

impl Denied<'_> {
    pub fn expect_checks(&self) -> Result<()> {
        match self.named.iter().find(|name| !CHECKS.contains(&name.as_str())) {
            Some(name) => Err(Failure::usage(format!("there is no check {name:?} whose hazards could be denied"))
                .expected(format!("one of {}", CHECKS.join(", ")))
                .hint(
                    "hazards are denied by --deny CHECK, by --strict and in [package.metadata.cutover.dry-run] deny",
                )),
            None => Ok(()),
        }
    }

    fn denies(&self, name: &str) -> bool {
        self.all || self.named.iter().any(|named| named == name)
    }
}

/// What failed, warned or could not be judged is a warning with the reason where somebody answers for it. A hazard that is
/// denied, and that nobody answers for, is a failure.
fn apply(checks: &mut [Check], allowed: &Allowed, denied: &Denied<'_>) {
    for check in checks {
        match (check.status, allowed.get(&check.name)) {
            (Status::Fail | Status::Warn | Status::NotJudged, Some(reason)) => {
                check.status = Status::Warn;
                check.detail.push_str(&format!("; allowed: {reason}"));
                check.allowed = Some(reason.clone());
            }
            (Status::Warn, None) if denied.denies(&check.name) => {
                check.status = Status::Fail;
                check.detail.push_str("; this hazard is denied");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(name: &str, reason: &str) -> Allowed {
        Allowed::from([(name.to_string(), reason.to_string())])
    }

    #[test]
    fn a_failure_that_somebody_answers_for_warns_and_keeps_the_reason() {
        let mut checks = [Check::fail("node-demands", "a feature"), Check::fail("weights", "lost")];
        apply(&mut checks, &allowed("node-demands", "all validators are renewed"), &Denied::default());
        assert_eq!(checks[0].status, Status::Warn);
        assert_eq!(checks[0].allowed.as_deref(), Some("all validators are renewed"));
        assert_eq!(checks[1].status, Status::Fail, "what nobody answers for");
    }

    #[test]
    fn what_passed_needs_no_reason() {
        let mut checks = [Check::pass("weights", "well")];
        apply(&mut checks, &allowed("weights", "in case"), &Denied { all: true, named: &[] });
        assert_eq!((checks[0].status, checks[0].allowed.as_deref()), (Status::Pass, None));
    }

    #[test]
    fn a_hazard_that_is_denied_fails_unless_somebody_answers_for_it() {
        let checks = || [Check::warn("weights", "a quarter"), Check::warn("leftovers", "behind")];
        let statuses = |allowed: &Allowed, denied: &Denied<'_>| {
            let mut checks = checks();
            apply(&mut checks, allowed, denied);
            checks.map(|check| check.status)
        };
        let named = ["leftovers".to_string()];
        let one = Denied { all: false, named: &named };
        assert_eq!(statuses(&Allowed::new(), &Denied::default()), [Status::Warn, Status::Warn]);
        assert_eq!(statuses(&Allowed::new(), &one), [Status::Warn, Status::Fail]);
        assert_eq!(statuses(&Allowed::new(), &Denied { all: true, named: &[] }), [Status::Fail, Status::Fail]);
        assert_eq!(statuses(&allowed("leftovers", "emptied by hand"), &one), [Status::Warn, Status::Warn]);
        assert!(one.expect_checks().is_ok());
        assert!(Denied { all: false, named: &["leftover".to_string()] }.expect_checks().is_err());
    }

    #[test]
    fn what_could_not_be_judged_passes_where_somebody_answers_for_it() {
        let mut checks = [Check::not_judged("migrations", "proof of work")];
        apply(&mut checks, &allowed("migrations", "rehearsed on a testnet, log 7"), &Denied::default());
        assert_eq!(checks[0].status, Status::Warn);
    }

    #[test]
    fn names_of_no_check_and_empty_reasons_are_refused() {
        assert!(expect_checks(&allowed("weights", "measured anew")).is_ok());
        let unknown = expect_checks(&allowed("wieghts", "measured anew")).expect_err("no such check");
        assert!(unknown.message.contains("wieghts"), "{unknown}");
        assert!(expect_checks(&allowed("weights", " ")).is_err());
    }
}
