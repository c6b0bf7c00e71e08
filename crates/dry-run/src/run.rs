// SPDX-License-Identifier: Apache-2.0
//! Rehearses an upgrade, and makes the checks of the table.

use crate::{allowance::Allowance, checks, rehearsal::Rehearsal, report, selection};
use fork::Executor;
use protocol::{
    CheckOutcome,
    checks::{Need, TABLE},
    dry_run::{DryRunReport, DryRunRequest},
};
use std::time::Instant;
use worker::{Kind, Reporter, Result};

/// The checks that read the new code and do not run it.
const WITHOUT_RUNNING: [&str; 3] = ["versions", "code-size", "host-functions"];

/// Answers the question of a check.
type Run = fn(&Rehearsal<'_>) -> Result<CheckOutcome>;

macro_rules! bind {
    ($($module:ident = $name:literal { $($row:tt)* })*) => {
        /// The function of each row of [`TABLE`]: `run` of the module that the row names.
        const RUNS: [Run; TABLE.len()] = [$(checks::$module::run),*];
    };
}

protocol::for_each_check!(bind);

/// Rehearses an upgrade and makes the checks of the table.
pub fn dry_run(request: &DryRunRequest, reporter: &Reporter) -> Result<DryRunReport> {
    let began = Instant::now();
    let allowance = Allowance::of(request)?;
    let left_out = selection::left_out(request)?;
    let executor = Executor::new(request.cache.as_deref());
    let of_relay = executor.beside();
    let rehearsal = Rehearsal::begin(request, left_out, (&executor, &of_relay), reporter)?;
    let report = if let Some(failure) = &rehearsal.unusable {
        run_checks(&rehearsal, |name| WITHOUT_RUNNING.contains(&name))?;
        report::of_unusable(&rehearsal, failure, began)?
    } else {
        let _rescue = report::rescue(&rehearsal, &allowance, began)?;
        run_checks(&rehearsal, |_| true)?;
        report::complete(&rehearsal, &allowance, began)?
    };
    report::write(request.out.as_deref(), report)
}

/// Makes the checks whose names are asked for and not left out, in the order of the table.
///
/// # Errors
///
/// An error of the run. What is wrong with the upgrade is in the checks, and so is what the tool
/// cannot judge.
fn run_checks(rehearsal: &Rehearsal<'_>, asked: impl Fn(&str) -> bool) -> Result<()> {
    let left_out = |name: &str| rehearsal.left_out.contains(name) || !asked(name);
    for (entry, run) in TABLE.iter().zip(RUNS).filter(|(entry, _)| !left_out(entry.name)) {
        rehearsal.progress.begin(Some(entry.name));
        let outcome = match missing(rehearsal, entry.needs)? {
            Some(need) => need.missing(),
            None => or_not_judged(run(rehearsal))?,
        };
        rehearsal.progress.push(outcome.named(entry.name));
    }
    Ok(())
}

/// Returns the first of the needs that the rehearsal does not have.
fn missing(rehearsal: &Rehearsal<'_>, needs: &[Need]) -> Result<Option<Need>> {
    for need in needs {
        if !rehearsal.has(*need)? {
            return Ok(Some(*need));
        }
    }
    Ok(None)
}

/// A limit of the tool that one check meets does not end the others.
fn or_not_judged(outcome: Result<CheckOutcome>) -> Result<CheckOutcome> {
    match outcome {
        Err(failure) if failure.kind == Kind::NotJudged => Ok(CheckOutcome::not_judged(failure.to_string())),
        outcome => outcome,
    }
}
