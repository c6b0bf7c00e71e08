// SPDX-License-Identifier: Apache-2.0
//! The checks of a run as they come in, kept where a run that has to end early finds them.
//!
//! A call into a runtime that does not end can only be left by ending the process (see [`fork::watchdog`]). The report is
//! complete all the same: the check under way failed, and what comes after it could not be judged.

use fork::watchdog::OverdueCall;
use protocol::CHECKS;
use protocol::Check;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Clone, Default)]
pub struct Verdicts(Arc<Mutex<Progress>>);

#[derive(Default)]
struct Progress {
    checks: Vec<Check>,
    under_way: Option<&'static str>,
}

impl Verdicts {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, what happens belongs to this check.
    pub fn begin(&self, name: &'static str) {
        self.progress().under_way = Some(name);
    }

    pub fn push(&self, check: Check) {
        self.progress().checks.push(check);
    }

    pub fn extend(&self, checks: impl IntoIterator<Item = Check>) {
        self.progress().checks.extend(checks);
    }

    pub fn all(&self) -> Vec<Check> {
        self.progress().checks.clone()
    }

    /// All checks of a run that ends with a call which does not. `new` are the builds of the new code; what another code
    /// does is no fault of the upgrade.
    pub fn ended_by(&self, overdue: &OverdueCall, new: &[Vec<u8>]) -> Vec<Check> {
        let progress = self.progress();
        let mut checks = progress.checks.clone();
        let under_way = progress.under_way.unwrap_or("migrations");
        let told = overdue.failure.to_string();
        checks.retain(|check| check.name != under_way);
        checks.push(match new.contains(&overdue.code) {
            true => Check::fail(under_way, told),
            false => Check::not_judged(under_way, format!("not in the new code: {told}")),
        });
        let missing: Vec<_> =
            CHECKS.into_iter().filter(|name| !checks.iter().any(|check| check.name == *name)).collect();
        let why = format!("the run ended at {under_way}: a call into the runtime did not end");
        checks.extend(missing.into_iter().map(|name| Check::not_judged(name, why.clone())));
        checks.sort_by_key(|check| CHECKS.iter().position(|name| *name == check.name));
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;
    use worker::Failure;

    fn after(code: u8) -> Vec<Check> {
        let checks = Verdicts::default();
        checks.push(Check::pass("versions", "1 to 2"));
        checks.begin("migrations");
        let failure = Failure::check("BlockBuilder_finalize_block does not end");
        checks.ended_by(&OverdueCall { failure, code: vec![code] }, &[vec![8]])
    }

    #[test]
    fn a_call_that_does_not_end_is_one_failed_check_of_a_complete_report() {
        let checks = after(8);
        assert_eq!(checks.iter().map(|check| check.name.as_str()).collect::<Vec<_>>(), CHECKS);
        let with = |status| checks.iter().filter(move |check| check.status == status).map(|check| check.name.as_str());
        assert_eq!(with(Status::Pass).collect::<Vec<_>>(), ["versions"]);
        assert_eq!(with(Status::Fail).collect::<Vec<_>>(), ["migrations"]);
        assert_eq!(with(Status::NotJudged).count(), CHECKS.len() - 2);
    }

    #[test]
    fn a_present_code_that_does_not_end_is_no_fault_of_the_upgrade() {
        assert!(after(7).iter().all(|check| check.status != Status::Fail));
    }
}
