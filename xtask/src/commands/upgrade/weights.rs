// SPDX-License-Identifier: Apache-2.0
//! The job `weights`: whether the weights in the runtime's source can be trusted.

use super::{
    super::{build, weights},
    bundle::{Step, inputs},
    plan::Plan,
};
use crate::{
    cli::Profile,
    git,
    jobs::{Desk, Done},
    workers::{self, Worker},
};
use serde_json::json;
use worker::Result;

pub const STEP: &str = "weights";

impl Plan<'_> {
    /// A runtime that comes from a registry is not ours to change: its source is not checked.
    pub fn checks_weights(&self) -> bool {
        self.runtime.through.is_none()
    }

    pub fn weights(&self, desk: &Desk<'_>) -> Result<Done> {
        if !self.checks_weights() {
            return Ok(Done::Now("the runtime is not of the workspace".into()));
        }
        let variant = build::release_variant(self.runtime, Profile::Production);
        // Whatever compiles it: the source alone is checked.
        let sources = crate::inputs::key(&self.workspace.metadata, self.runtime, &[], &variant)?;
        let source = git::source(&self.context.workspace);
        let key = inputs(&[
            ("sources", &sources),
            ("commit", &format!("{source:?}")),
            ("tool", &self.tool(Worker::Weights, desk)?),
            ("blob", &crate::inputs::file_digest(&self.blob())?),
        ]);
        if self.bundle.is_done(STEP, &key) {
            return Ok(Done::Unchanged);
        }
        let request = weights::check::request(self.runtime)?;
        let outcome = workers::call(self.context, Worker::Weights, &request, desk.task, desk.log)?;
        let step = Step {
            name: STEP,
            runtime: &self.runtime.name,
            inputs: json!({
                "blob": self.blob_input()?,
                "source": {"digest": source.commit.unwrap_or_else(|| "no commit".into()), "dirty": source.dirty},
            }),
            result: outcome.value,
            passed: outcome.passed,
            outputs: Vec::new(),
        };
        self.bundle.write_step(step)?;
        self.bundle.done(STEP, &key, &[format!("{STEP}.json")])?;
        Ok(Done::Now(if outcome.passed { "passed" } else { "FAILED" }.into()))
    }
}
