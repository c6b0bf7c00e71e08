// SPDX-License-Identifier: Apache-2.0
use crate::{allowance::Allowance, rehearsal::Rehearsal, report, selection, table};
use fork::Executor;
use protocol::dry_run::{DryRunReport, DryRunRequest};
use std::time::Instant;
use worker::{Reporter, Result};

/// The checks that read the new code and do not run it.
const WITHOUT_RUNNING: [&str; 3] = ["versions", "code-size", "host-functions"];

/// Rehearses an upgrade and makes the checks of the table.
pub fn dry_run(request: &DryRunRequest, reporter: &Reporter) -> Result<DryRunReport> {
    let began = Instant::now();
    let allowance = Allowance::of(request)?;
    let left_out = selection::left_out(request)?;
    let executor = Executor::new(request.cache.as_deref());
    let rehearsal = Rehearsal::begin(request, left_out, &executor, reporter)?;
    let report = if let Some(failure) = &rehearsal.unusable {
        table::run(&rehearsal, |name| WITHOUT_RUNNING.contains(&name))?;
        report::of_unusable(&rehearsal, failure, began)?
    } else {
        let _rescue = report::rescue(&rehearsal, &allowance, began)?;
        table::run(&rehearsal, |_| true)?;
        report::complete(&rehearsal, &allowance, began)?
    };
    report::write(request.out.as_deref(), report)
}
