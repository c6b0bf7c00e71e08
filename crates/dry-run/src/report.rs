// SPDX-License-Identifier: Apache-2.0
//! The report of a dry run.

use crate::{
    allowance::Allowance,
    messages::Counterpart,
    migration::{self, Routine},
    rehearsal::Rehearsal,
    weight,
};
use fork::watchdog::TimeoutHandler;
use protocol::{CHECKS, Check, RpcUsage, Verdict, Weight, dry_run::DryRunReport, format};
use std::{path::Path, time::Instant};
use worker::{Event, Failure, Result};

/// Returns the report of a rehearsal whose checks were made.
pub fn complete(rehearsal: &Rehearsal<'_>, allowance: &Allowance, began: Instant) -> Result<DryRunReport> {
    let storage_changes = match rehearsal.migration_if_built() {
        Some(migration) => {
            let mut routine = rehearsal.routine()?.clone();
            if migration.failure.is_none() {
                // Items that the new code writes with every block, and the old one did not have.
                routine.join(Routine::of(&rehearsal.to, &migration.chain, &mut *rehearsal.author()?)?);
            }
            migration::storage_changes(migration, &routine, &rehearsal.to.layout, &rehearsal.from.layout)
        }
        None => Vec::new(),
    };
    for (level, line) in rehearsal.executor.log().take() {
        rehearsal.reporter.log(format!("{level} {line}"));
    }
    // A part of the state that could not be read makes every verdict void, whatever used it as an answer.
    rehearsal.chain.checked(Ok(()))?;
    for warning in rehearsal.chain.take_warnings() {
        rehearsal.reporter.warning(warning);
    }
    let mut checks = rehearsal.progress.checks();
    if let Some(check) = checks.iter_mut().find(|check| check.name == "enactment") {
        check.outcome = check.outcome.clone().noting(rehearsal.author()?.notes());
    }
    Ok(allowance.judge(DryRunReport {
        checks,
        blocks: rehearsal.blocks().into_iter().map(|timed| timed.block).collect(),
        limits: weight::block_limit(&rehearsal.to.layout).unwrap_or_default(),
        storage_changes,
        call_weights: rehearsal.call_weights.get().cloned(),
        timeline: rehearsal.timeline().cloned(),
        rpc: rehearsal.rpc(),
        seconds: seconds(began),
        ..begun(rehearsal)?
    }))
}

/// Returns the report where the new code cannot even give its metadata: the checks that do not run it, and why it fails.
pub fn of_unusable(rehearsal: &Rehearsal<'_>, failure: &Failure, began: Instant) -> Result<DryRunReport> {
    let mut why = vec![failure.to_string()];
    why.extend(rehearsal.validator().and_then(|prepared| prepared.as_ref().err()).map(Failure::to_string));
    let mut checks = rehearsal.progress.checks();
    checks.push(Check::fail("validator-preparation", "the code cannot be run: every node stops at it").with(why));
    Ok(DryRunReport { checks, rpc: rehearsal.rpc(), seconds: seconds(began), ..begun(rehearsal)? })
}

/// Makes a call that does not end leave the report of what was judged until then.
pub fn rescue(rehearsal: &Rehearsal<'_>, allowance: &Allowance, began: Instant) -> Result<TimeoutHandler> {
    let (progress, left_out, allowance) = (rehearsal.progress.clone(), rehearsal.left_out.clone(), allowance.clone());
    let new = [Some(&rehearsal.to), rehearsal.tested.as_ref()].into_iter().flatten();
    let new = new.map(|runtime| runtime.code.hash().to_vec());
    let relay = rehearsal.relay_to.as_ref().and_then(|relay| hex::decode(&relay.blake2_256).ok());
    let new: Vec<_> = new.chain(relay).collect();
    let out = rehearsal.request.out.clone();
    let mut report = begun(rehearsal)?;
    Ok(TimeoutHandler::install(move |overdue| {
        report.checks = progress.ended_by(&overdue, &new, &left_out);
        report.seconds = seconds(began);
        match write(out.as_deref(), allowance.judge(report)).and_then(crate::value) {
            Ok(value) => Event::Done { passed: false, value },
            Err(failure) => Event::Failed(failure),
        }
    }))
}

/// Returns the report of a rehearsal whose checks were not made yet. Its verdict is a failure.
fn begun(rehearsal: &Rehearsal<'_>) -> Result<DryRunReport> {
    let Rehearsal { from, to, tested, counterparts, left_out, .. } = rehearsal;
    Ok(DryRunReport {
        format: format::DRY_RUN.into(),
        state: rehearsal.state()?,
        from: from.identity(),
        to: to.identity(),
        try_runtime: tested.as_ref().map(|tested| hex::encode_prefixed(tested.code.hash())),
        with: counterparts.iter().map(Counterpart::identity).collect(),
        relay: rehearsal.relay.clone(),
        relay_to: rehearsal.relay_to.clone(),
        timeline: None,
        checks: Vec::new(),
        left_out: CHECKS.into_iter().filter(|name| left_out.contains(name)).map(str::to_owned).collect(),
        blocks: Vec::new(),
        limits: Weight::default(),
        storage_changes: Vec::new(),
        call_weights: None,
        rpc: RpcUsage::default(),
        seconds: 0.0,
        verdict: Verdict::Fail,
        hazards: 0,
    })
}

fn seconds(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}

/// Writes the report to a file as well, where the request names one.
pub fn write(out: Option<&Path>, report: DryRunReport) -> Result<DryRunReport> {
    if let Some(out) = out {
        let json = serde_json::to_vec_pretty(&report)
            .map_err(|error| Failure::internal("the report cannot be written as JSON").found(error.to_string()))?;
        files::write_whole(out, &json)?;
    }
    Ok(report)
}
