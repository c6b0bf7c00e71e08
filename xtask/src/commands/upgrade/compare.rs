// SPDX-License-Identifier: Apache-2.0
//! The job `diff`: what the upgrade changes, and whether the versions say so.

use super::{
    super::{diff, utf8},
    bundle::{Step, inputs},
    plan::{Plan, hide_directory},
};
use crate::{
    inputs::file_digest,
    jobs::{Desk, Done},
    workers::{self, Worker},
};
use serde_json::json;
use worker::{Kind, Result};

impl Plan<'_> {
    /// The chain's present runtime, which is the `:code` of its state, against the one that ships.
    pub(super) fn diff(&self, desk: &Desk<'_>) -> Result<Done> {
        let allow = diff::allowances(self.context, &self.options.allow)?;
        let key = inputs(&[
            ("blob", &file_digest(&self.blob())?),
            ("state", &self.state_digest(self.state)?),
            ("allow", &allow.to_string()),
            ("tool", &self.tool(Worker::Compat, desk)?),
        ]);
        if self.bundle.is_done("diff", &key) {
            return Ok(Done::Unchanged);
        }
        let request = json!({"command": "diff", "old": self.state, "new": utf8(&self.blob())?, "allow": allow, "parameters": true});
        let outcome = workers::call(self.context, Worker::Compat, &request, desk.task, desk.log);
        let (passed, mut result) = match outcome {
            Ok(outcome) => (outcome.passed, outcome.value),
            // A runtime too old to tell its types, say. The dry run judges the upgrade all the same; this says it did not.
            Err(failure) if failure.kind == Kind::Input => {
                let rule = json!({"name": "comparable", "status": "warn", "detail": failure.to_string()});
                (true, json!({"rules": [rule], "verdict": "none", "error": failure}))
            }
            Err(failure) => return Err(failure),
        };
        hide_directory(&mut result, "/old/source", self.state);
        hide_directory(&mut result, "/new/source", utf8(&self.blob())?);
        let step = Step {
            name: "diff",
            runtime: &self.runtime.name,
            inputs: json!({"blob": self.blob_input()?, "state": self.state_input()?}),
            result,
            verdict: passed.into(),
            outputs: Vec::new(),
        };
        self.bundle.write_step(step)?;
        self.bundle.done("diff", &key, &["diff.json".into()])?;
        Ok(Done::Now(if passed { "passed" } else { "FAILED" }.into()))
    }
}
