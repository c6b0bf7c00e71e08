// SPDX-License-Identifier: Apache-2.0
//! The job `diff`: compares the chain's runtime with the new one and checks that the versions fit
//! the changes.

use super::{super::diff, bundle::inputs, plan::Plan};
use console::jobs::{JobContext, JobOutcome};
use protocol::{
    Source, Verdict,
    diff::{DiffOutcome, DiffReport, NotCompared, Request},
};
use worker::{Code, Outcome, Result};
use workers::Worker;
use workspace::inputs::file_digest;

impl Plan<'_> {
    /// Compares the chain's current runtime (`:code` of its state) with the new one.
    pub(super) fn diff(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        let allow = diff::allowances(self.context, &self.options.allow)?;
        let key = inputs(&[
            ("blob", &file_digest(&self.blob())?),
            ("state", &self.state_digest()?),
            ("allow", &diff::text(&allow)),
            ("tool", &self.tool(Worker::Compat, job_context)?),
        ]);
        if self.bundle.is_up_to_date("diff", &key) {
            return Ok(JobOutcome::Unchanged);
        }
        let (old, new) = (self.state.place.source(), Source::File(self.blob()));
        let request = Request::Diff { old, new, allow, parameters: true };
        let outcome =
            workers::ask::<DiffReport>(self.context, Worker::Compat, &request, job_context.task, job_context.log);
        let (verdict, result): (Verdict, _) = match outcome {
            Ok(Outcome { passed, value: mut report }) => {
                report.old.source = self.state.place.name();
                report.new.source = self.blob_name();
                (passed.into(), DiffOutcome::Compared(Box::new(report)))
            }
            // Metadata that is too old to compare skips this step; the dry run still checks the
            // upgrade. Any other error means that the state cannot be the start of an upgrade.
            Err(failure) if failure.is(Code::OldMetadata) => {
                (Verdict::Skip, DiffOutcome::NotCompared(NotCompared::new(failure)))
            }
            Err(failure) => return Err(failure),
        };
        let step = self.step(verdict, &result)?.input("state", self.state.input()?);
        self.bundle.write_step(step, &[])?;
        self.bundle.record_job("diff", &key, &["diff.json".into()])?;
        let outcome = match verdict {
            Verdict::Skip => "not compared",
            Verdict::Pass => "passed",
            _ => "FAILED",
        };
        Ok(JobOutcome::Completed(outcome.into()))
    }
}
