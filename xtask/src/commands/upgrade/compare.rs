// SPDX-License-Identifier: Apache-2.0
//! The job `diff`: what the upgrade changes, and whether the versions say so.

use super::{
    super::diff,
    bundle::{Step, inputs},
    plan::{Plan, name_source},
};
use crate::{
    inputs::file_digest,
    jobs::{Desk, Done},
    workers::{self, Worker},
};
use protocol::{Source, Verdict, diff::Request};
use serde_json::json;
use worker::{Code, Result};

impl Plan<'_> {
    /// The chain's present runtime, which is the `:code` of its state, against the one that ships.
    pub(super) fn diff(&self, desk: &Desk<'_>) -> Result<Done> {
        let allow = diff::allowances(self.context, &self.options.allow)?;
        let key = inputs(&[
            ("blob", &file_digest(&self.blob())?),
            ("state", &self.state_digest()?),
            ("allow", &diff::text(&allow)),
            ("tool", &self.tool(Worker::Compat, desk)?),
        ]);
        if self.bundle.is_done("diff", &key) {
            return Ok(Done::Unchanged);
        }
        let (old, new) = (self.state.place.source(), Source::File(self.blob()));
        let request = Request::Diff { old, new, allow, parameters: true };
        let outcome = workers::call(self.context, Worker::Compat, &request, desk.task, desk.log);
        let (verdict, mut result): (Verdict, _) = match outcome {
            Ok(outcome) => (outcome.passed.into(), outcome.value),
            // The dry run judges the upgrade all the same; this says that it did not. Whatever else cannot be compared is no
            // state that an upgrade starts from.
            Err(failure) if failure.is(Code::OldMetadata) => {
                let rule = json!({"name": "comparable", "status": "skip", "detail": failure.to_string()});
                (Verdict::Skip, json!({"rules": [rule], "verdict": "none", "error": failure}))
            }
            Err(failure) => return Err(failure),
        };
        name_source(&mut result, "/old/source", &self.state.place.name());
        name_source(&mut result, "/new/source", &self.blob_name());
        let step = Step {
            name: "diff",
            runtime: &self.runtime.name,
            inputs: json!({"blob": self.blob_input()?, "state": self.state.input()?}),
            result,
            verdict,
            outputs: Vec::new(),
        };
        self.bundle.write_step(step)?;
        self.bundle.done("diff", &key, &["diff.json".into()])?;
        let told = match verdict {
            Verdict::Skip => "not compared",
            Verdict::Pass => "passed",
            _ => "FAILED",
        };
        Ok(Done::Now(told.into()))
    }
}
