// SPDX-License-Identifier: Apache-2.0
//! What a check found where a call into a runtime failed, and what runtimes logged.

use fork::runtime_log::RuntimeLog;
use protocol::CheckOutcome;
use worker::{Failure, Kind, Result};

/// Returns the outcome of a check whose call into a runtime failed. What the runtime did is a
/// failure, with the errors that it logged. A limit of the tool is not judged.
///
/// # Errors
///
/// Any other failure is an error of the run.
pub fn of_failure(failure: Failure, log: &RuntimeLog) -> Result<CheckOutcome> {
    match failure.kind {
        Kind::Check => Ok(CheckOutcome::fail(failure.to_string()).with(errors_logged(log))),
        Kind::NotJudged => Ok(CheckOutcome::not_judged(failure.to_string())),
        _ => Err(failure),
    }
}

/// Keeps a failure that says something about the chains, to be judged.
///
/// # Errors
///
/// Any other failure is an error of the run.
pub fn kept<T>(result: Result<T>) -> Result<Result<T>> {
    match result {
        Err(failure) if failure.is_verdict() => Ok(Err(failure)),
        result => result.map(Ok),
    }
}

/// Returns the errors that runtimes logged since they were last taken, at most 20.
pub fn errors_logged(log: &RuntimeLog) -> Vec<String> {
    let lines = log.take().into_iter();
    lines.filter(|(level, _)| *level <= log::Level::Error).map(|(_, line)| line).take(20).collect()
}
