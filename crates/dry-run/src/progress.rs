// SPDX-License-Identifier: Apache-2.0
//! The checks that were made so far, kept where a run that must end early finds them.
//!
//! A call into a runtime that does not end can only be stopped by ending the process (see [`fork::watchdog`]). The report is
//! complete all the same: the check under way failed, and those after it are not judged.

use crate::selection::LeftOut;
use fork::watchdog::OverdueCall;
use protocol::{CHECKS, Check};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Clone, Default)]
pub struct Progress(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    checks: Vec<Check>,
    under_way: Option<&'static str>,
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attributes what happens from now on to a check. Returns the one that was under way.
    pub fn begin(&self, name: Option<&'static str>) -> Option<&'static str> {
        std::mem::replace(&mut self.state().under_way, name)
    }

    pub fn push(&self, check: Check) {
        self.state().checks.push(check);
    }

    /// Returns the checks that were made.
    pub fn checks(&self) -> Vec<Check> {
        self.state().checks.clone()
    }

    /// Returns the checks of a run that a call ended. `new` are the hashes of the builds of the new code: what other code
    /// does is not the upgrade's fault.
    pub fn ended_by(&self, overdue: &OverdueCall, new: &[Vec<u8>], left_out: &LeftOut) -> Vec<Check> {
        let state = self.state();
        let mut checks = state.checks.clone();
        let under_way = state.under_way.unwrap_or("migrations");
        let failure = overdue.failure.to_string();
        checks.retain(|check| check.name != under_way);
        checks.push(match new.contains(&overdue.code) {
            true => Check::fail(under_way, failure),
            false => Check::not_judged(under_way, format!("not in the new code: {failure}")),
        });
        let why = format!("the run ended at {under_way}: a call into the runtime did not end");
        for name in CHECKS.into_iter().filter(|name| !left_out.contains(name)) {
            if !checks.iter().any(|check| check.name == name) {
                checks.push(Check::not_judged(name, why.clone()));
            }
        }
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
        let progress = Progress::default();
        progress.push(Check::pass("versions", "1 to 2"));
        progress.begin(Some("migrations"));
        let failure = Failure::check("BlockBuilder_finalize_block does not end");
        progress.ended_by(&OverdueCall { failure, code: vec![code] }, &[vec![8]], &LeftOut::from(["weights"]))
    }

    #[test]
    fn a_call_that_does_not_end_is_one_failed_check_of_a_complete_report() {
        let checks = after(8);
        let made: Vec<_> = checks.iter().map(|check| check.name.as_str()).collect();
        let expected: Vec<_> = CHECKS.into_iter().filter(|name| *name != "weights").collect();
        assert_eq!(made, expected, "all but the one that was left out");
        let with = |status| checks.iter().filter(move |check| check.status == status).map(|check| check.name.as_str());
        assert_eq!(with(Status::Pass).collect::<Vec<_>>(), ["versions"]);
        assert_eq!(with(Status::Fail).collect::<Vec<_>>(), ["migrations"]);
        assert_eq!(with(Status::NotJudged).count(), CHECKS.len() - 3);
    }

    #[test]
    fn a_present_code_that_does_not_end_is_no_fault_of_the_upgrade() {
        assert!(after(7).iter().all(|check| check.status != Status::Fail));
    }
}
