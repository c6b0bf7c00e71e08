// SPDX-License-Identifier: Apache-2.0
//! The job `diff`: compares the chain's runtime with the new one and checks that the versions fit
//! the changes.

use super::{super::diff, bundle::inputs, plan::Plan};
use crate::{
    inputs::file_digest,
    jobs::{JobContext, JobOutcome},
    workers::{self, Worker},
};
use protocol::{
    Source, Verdict,
    diff::{DiffOutcome, DiffReport, NotCompared, Request},
};
use worker::{Code, Outcome, Result};

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
        if self.bundle.is_done("diff", &key) {
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
            // The dry run judges the upgrade all the same; this says that it did not. Whatever else cannot be compared is no
            // state that an upgrade starts from.
            Err(failure) if failure.is(Code::OldMetadata) => {
                (Verdict::Skip, DiffOutcome::NotCompared(NotCompared::new(failure)))
            }
            Err(failure) => return Err(failure),
        };
        let step = self.step(verdict, &result)?.input("state", self.state.input()?);
        self.bundle.write_step(step, &[])?;
        self.bundle.done("diff", &key, &["diff.json".into()])?;
        let told = match verdict {
            Verdict::Skip => "not compared",
            Verdict::Pass => "passed",
            _ => "FAILED",
        };
        Ok(JobOutcome::Completed(told.into()))
    }
}
