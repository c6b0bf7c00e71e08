// SPDX-License-Identifier: Apache-2.0
//! Do the hooks `pre_upgrade` and `post_upgrade` of the try-runtime build pass?

use crate::{
    input::Runtime,
    outcome::{errors_logged, of_failure},
    rehearsal::Rehearsal,
    weight::Form,
};
use fork::{Chain, Executor};
use protocol::{CheckOutcome, Status};
use worker::Result;

/// `frame_try_runtime::UpgradeCheckSelect::PreAndPost`.
const PRE_AND_POST: u8 = 2;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let (executor, tested) = (rehearsal.executor, rehearsal.tested()?);
    let shipping = rehearsal.migration()?;
    rehearsal.reporter.status("running the hooks of the try-runtime build");
    let outcome = hooks(rehearsal.enacted()?, executor, tested)?;
    let trial = rehearsal.trial()?;
    match &trial.failure {
        // The hooks of multi-block migrations run inside the blocks and stop them.
        Some(failure) if outcome.status == Status::Pass && shipping.failure.is_none() => {
            of_failure(failure.clone(), executor.log())
        }
        None if trial.steps > 0 && only_versions_behind(&outcome) => after_all(outcome, &trial.chain, executor, tested),
        _ => Ok(outcome),
    }
}

/// Runs the single-block migrations of the new code with their hooks.
fn hooks(chain: &Chain, executor: &Executor, tested: &Runtime) -> Result<CheckOutcome> {
    let _ = errors_logged(executor.log());
    match chain.call(executor, &tested.code, "TryRuntime_on_runtime_upgrade", &[PRE_AND_POST]) {
        Ok(answer) => {
            let used = Form::of(&tested.layout).and_then(|form| form.read(&mut &answer[..]));
            let detail = used.map_or_else(
                || "passed".to_string(),
                |used| {
                    format!(
                        "passed on the state before the upgrade; the migrations declare {} ps of ref_time and {} bytes of proof_size",
                        used.ref_time, used.proof_size
                    )
                },
            );
            Ok(CheckOutcome::pass(detail))
        }
        Err(failure) => of_failure(failure, executor.log()),
    }
}

/// Returns whether the hooks failed only because storage versions are behind those of the code. The
/// check of the SDK fails so for every pallet whose version a later multi-block migration raises.
fn only_versions_behind(check: &CheckOutcome) -> bool {
    let version =
        |text: &str| text.contains("in-code storage version") || text.contains("storage version do not match");
    // The panic of the runtime repeats it, or says that there were errors.
    let expected = |text: &str| version(text) || text.contains("panicked at");
    check.status == Status::Fail
        && check.findings.iter().any(|line| version(&line.text))
        && check.findings.iter().all(|line| expected(&line.text))
}

/// Runs the hooks once more after all migrations: by then the versions must be those of the code.
fn after_all(before: CheckOutcome, migrated: &Chain, executor: &Executor, tested: &Runtime) -> Result<CheckOutcome> {
    let after = hooks(migrated, executor, tested)?;
    if after.status != Status::Pass {
        return Ok(after);
    }
    let detail =
        "passed; storage versions that were behind the code's agree with it since the multi-block migrations ended";
    let behind = before.findings.into_iter().map(|line| line.text);
    let behind = behind.filter(|line| line.contains("in-code storage version"));
    Ok(CheckOutcome::pass(detail).with(behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_a_later_migration_raises_are_told_from_other_failures() {
        let line = |text: &str| format!("ERROR runtime::frame-support: {text}");
        let behind =
            line("Pallet: On chain storage version StorageVersion(0) doesn't match in-code storage version 2.");
        let panic =
            line("panicked at lib.rs:1: On chain and in-code storage version do not match. Missing runtime upgrade?");
        let check = |lines: &[&String]| CheckOutcome::fail("x").with(lines.iter().map(|line| (*line).clone()));
        assert!(only_versions_behind(&check(&[&behind, &panic])));
        assert!(!only_versions_behind(&check(&[])));
        assert!(!only_versions_behind(&check(&[&behind, &line("post_upgrade: an account was lost")])));
        assert!(!only_versions_behind(&CheckOutcome::pass("x")));
    }
}
