// SPDX-License-Identifier: Apache-2.0
//! What a check found.

use fork::runtime_log::RuntimeLog;
use protocol::{Check, Finding, Status, checks::Need};
use worker::{Failure, Kind, Result};

/// The outcome of a check. Its name comes from the table.
#[derive(Clone, Debug)]
pub struct CheckOutcome {
    pub status: Status,
    /// One sentence: what was found.
    pub detail: String,
    pub findings: Vec<Finding>,
    /// What a clock or meter of this machine showed. It differs from run to run.
    pub measured: Option<String>,
}

impl CheckOutcome {
    fn new(status: Status, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), findings: Vec::new(), measured: None }
    }

    pub fn pass(detail: impl Into<String>) -> Self {
        Self::new(Status::Pass, detail)
    }

    pub fn warn(detail: impl Into<String>) -> Self {
        Self::new(Status::Warn, detail)
    }

    pub fn fail(detail: impl Into<String>) -> Self {
        Self::new(Status::Fail, detail)
    }

    pub fn skip(detail: impl Into<String>) -> Self {
        Self::new(Status::Skip, detail)
    }

    pub fn not_judged(detail: impl Into<String>) -> Self {
        Self::new(Status::NotJudged, detail)
    }

    /// Returns the outcome whose status is that of its gravest finding. Without findings it passes.
    pub fn judged(detail: impl Into<String>, findings: Vec<Finding>) -> Self {
        let status = Status::of(&findings);
        Self { findings, ..Self::new(status, detail) }
    }

    /// Returns the outcome of a check that needs what is not there.
    pub fn missing(need: Need) -> Self {
        let (status, detail) = need.missing();
        Self::new(status, detail)
    }

    /// Returns the outcome that a failure stands for. What the runtime did fails, with the errors that it logged, and a
    /// limit of the tool is not judged.
    ///
    /// # Errors
    ///
    /// Any other failure is an error of the run.
    pub fn of(failure: Failure, log: &RuntimeLog) -> Result<Self> {
        match failure.kind {
            Kind::Check => Ok(Self::fail(failure.to_string()).with(errors_logged(log))),
            Kind::NotJudged => Ok(Self::not_judged(failure.to_string())),
            _ => Err(failure),
        }
    }

    /// Adds findings of the rank that the status stands for.
    pub fn with(mut self, findings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let rank = self.status.rank();
        self.findings.extend(findings.into_iter().map(|text| Finding::new(rank, text)));
        self
    }

    /// Adds facts that do not change the status.
    pub fn noting(mut self, notes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.findings.extend(notes.into_iter().map(Finding::note));
        self
    }

    pub fn measured(self, measured: impl Into<String>) -> Self {
        Self { measured: Some(measured.into()), ..self }
    }

    /// Returns the check of the report.
    pub fn named(self, name: &str) -> Check {
        let Self { status, detail, findings, measured } = self;
        Check { findings, measured, ..Check::new(name, status, detail) }
    }
}

/// Returns the errors that runtimes logged since they were last taken, at most 20.
pub fn errors_logged(log: &RuntimeLog) -> Vec<String> {
    let lines = log.take().into_iter();
    lines.filter(|(level, _)| *level <= log::Level::Error).map(|(_, line)| line).take(20).collect()
}
