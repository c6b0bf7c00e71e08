// SPDX-License-Identifier: Apache-2.0
//! Failures that somebody answers for.
//!
//! Some of what a check finds is for people to know: whether every validator runs a node that knows a feature, whether the
//! wallets have learnt an extension. Who knows says so, by the check's name and with the reason; the report keeps both.

use crate::result::{Check, Status};
use std::collections::BTreeMap;
use worker::{Failure, Result};

/// Checks that may fail, each with the reason.
pub type Allowed = BTreeMap<String, String>;

/// Every check there is.
const NAMES: [&str; 28] = [
    "versions",
    "code-size",
    "host-functions",
    "transaction-signing",
    "enactment",
    "migrations",
    "consensus",
    "node-demands",
    "authorities",
    "runtime-apis",
    "migration-failure",
    "block-limits",
    "healthy-blocks",
    "message-queues",
    "message-delivery",
    "storage-versions",
    "next-upgrade",
    "sessions",
    "storage-layout",
    "kept-fields",
    "leftovers",
    "weights",
    "idempotency",
    "pre-post-hooks",
    "try-state",
    "equivalence",
    "validator-preparation",
    "validator-execution",
];

/// Refuses names that no check has, so that one that was renamed does not go unnoticed, and reasons that say nothing.
pub fn expect_checks(allowed: &Allowed) -> Result<()> {
    for (name, reason) in allowed {
        if !NAMES.contains(&name.as_str()) {
            return Err(Failure::usage(format!("there is no check {name:?} that could be allowed to fail"))
                .expected(format!("one of {}", NAMES.join(", ")))
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

/// A failure that somebody answers for is a warning with the reason.
pub fn apply(checks: &mut [Check], allowed: &Allowed) {
    for check in checks.iter_mut().filter(|check| check.status == Status::Fail) {
        if let Some(reason) = allowed.get(check.name) {
            check.status = Status::Warn;
            check.detail.push_str(&format!("; allowed: {reason}"));
            check.allowed = Some(reason.clone());
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
        apply(&mut checks, &allowed("node-demands", "all validators are renewed"));
        assert_eq!(checks[0].status, Status::Warn);
        assert_eq!(checks[0].allowed.as_deref(), Some("all validators are renewed"));
        assert_eq!(checks[1].status, Status::Fail, "what nobody answers for");
    }

    #[test]
    fn what_passed_needs_no_reason() {
        let mut checks = [Check::pass("weights", "well")];
        apply(&mut checks, &allowed("weights", "in case"));
        assert_eq!((checks[0].status, checks[0].allowed.as_deref()), (Status::Pass, None));
    }

    #[test]
    fn names_of_no_check_and_empty_reasons_are_refused() {
        assert!(expect_checks(&allowed("weights", "measured anew")).is_ok());
        let unknown = expect_checks(&allowed("wieghts", "measured anew")).expect_err("no such check");
        assert!(unknown.message.contains("wieghts"), "{unknown}");
        assert!(expect_checks(&allowed("weights", " ")).is_err());
    }
}
