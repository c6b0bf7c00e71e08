// SPDX-License-Identifier: Apache-2.0
//! Do all migrations end?

use crate::{
    outcome::{errors_logged, of_failure},
    rehearsal::Rehearsal,
};
use artifact::pace::counted;
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let migration = rehearsal.migration()?;
    if let Some(failure) = &migration.failure {
        return of_failure(failure.clone(), rehearsal.executor.log());
    }
    // Errors that the runtime logged and that stopped nothing belong to no later check.
    let _ = errors_logged(rehearsal.executor.log());
    let multi_block = match (rehearsal.to.layout.migrations(), migration.steps) {
        (None, _) => "no multi-block migrations pallet".to_string(),
        (Some(_), 0) => "no multi-block migration ran".to_string(),
        (Some(_), steps) => format!("multi-block migrations ended after {}", counted(steps as u128, "more block")),
    };
    Ok(CheckOutcome::pass(format!("single-block migrations ran in the first block; {multi_block}")))
}
