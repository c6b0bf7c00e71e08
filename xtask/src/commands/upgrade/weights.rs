// SPDX-License-Identifier: Apache-2.0
//! The job `weights`: whether the weights in the runtime's source can be trusted, and how they differ from those of the
//! release before. Where it is asked for, they are measured anew before anything is built.

use super::{
    super::{
        build,
        release::plan as release,
        utf8,
        weights::{check, check::Base, run::Run},
    },
    bundle::{Step, inputs},
    plan::Plan,
};
use crate::{
    cli::{self, Profile},
    context::Context,
    engines::Builder,
    git,
    inputs::file_digest,
    jobs::{Desk, Done},
    revision,
    runtimes::{Runtime, Workspace},
    workers::{self, Worker},
};
use serde_json::{Value, json};
use std::path::Path;
use worker::{Failure, Result};

pub const STEP: &str = "weights";

/// Runs a runtime's benchmarks and makes its weight files; what was measured, for the evidence.
pub fn measure(context: &Context, workspace: &Workspace, runtime: &Runtime) -> Result<Value> {
    if runtime.through.is_some() {
        return Err(Failure::usage(format!("the weights of {} cannot be made anew", runtime.name))
            .found("its source is a registry's")
            .hint("leave --weights out"));
    }
    let (builder, options) = (Builder::new(context, workspace)?, cli::WeightsRun::default());
    let run = Run { context, builder: &builder, workspace, runtime, options: &options };
    let (passed, document) = run.pallets()?;
    let pallets = document.pointer("/run/pallets").and_then(Value::as_array).into_iter().flatten();
    let pallets = pallets.map(|pallet| {
        let raw = pallet["path"].as_str().map(|path| file_digest(Path::new(path))).transpose()?;
        Ok(json!({"pallet": pallet["pallet"], "instance": pallet["instance"], "raw_results": raw}))
    });
    let measured =
        json!({"machine": document.pointer("/run/machine"), "pallets": pallets.collect::<Result<Vec<_>>>()?});
    match passed {
        true => Ok(measured),
        false => Err(Failure::check(format!("the weights of {} were not made anew", runtime.name))
            .found(document.pointer("/files/left").and_then(Value::as_str).unwrap_or("a benchmark failed"))
            .hint(format!("cargo xtask weights run --runtime {}", runtime.name))),
    }
}

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
        let base = self.release_before(source.commit.is_some())?;
        let key = inputs(&[
            ("sources", &sources),
            ("commit", &format!("{source:?}")),
            ("base", &format!("{base:?}")),
            ("benchmarked", &self.measured.to_string()),
            ("tool", &self.tool(Worker::Weights, desk)?),
            ("blob", &file_digest(&self.blob())?),
        ]);
        if self.bundle.is_done(STEP, &key) {
            return Ok(Done::Unchanged);
        }
        let mut request = check::request(self.context, self.workspace, self.runtime, desk.task, desk.log)?;
        let mut comparison = Value::Null;
        // Its files are there for as long as it is: the worker reads them.
        let mut before = None;
        if let Some((name, commit)) = &base {
            let old = Base::of(self.context, self.runtime, commit);
            // A release in which the runtime was not there yet has nothing to say.
            match old {
                Ok(old) => {
                    old.add_to(self.context, &mut request)?;
                    comparison = self.compare(&old, name, desk)?;
                    before = Some(old);
                }
                Err(failure) if failure.kind == worker::Kind::Input => {
                    comparison = json!({"skipped": failure.to_string()})
                }
                Err(failure) => return Err(failure),
            }
        }
        let outcome = workers::call(self.context, Worker::Weights, &request, desk.task, desk.log)?;
        drop(before);
        let mut result = outcome.value;
        result["comparison"] = comparison;
        if !self.measured.is_null() {
            result["benchmarked"] = self.measured.clone();
        }
        let step = Step {
            name: STEP,
            runtime: &self.runtime.name,
            inputs: json!({
                "blob": self.blob_input()?,
                "source": {"digest": source.commit.unwrap_or_else(|| "no commit".into()), "dirty": source.dirty},
                "release_before": {"digest": base.as_ref().map_or("none", |(_, commit)| commit), "name": base.as_ref().map(|(name, _)| name)},
            }),
            result,
            verdict: outcome.passed.into(),
            outputs: Vec::new(),
        };
        self.bundle.write_step(step)?;
        self.bundle.done(STEP, &key, &[format!("{STEP}.json")])?;
        Ok(Done::Now(if outcome.passed { "passed" } else { "FAILED" }.into()))
    }

    /// The revision that was named, else the last release's tag, with its commit.
    fn release_before(&self, has_commit: bool) -> Result<Option<(String, String)>> {
        let root = &self.context.workspace;
        if let Some(name) = &self.options.weights_base {
            return Ok(Some((name.clone(), revision::commit(root, name)?)));
        }
        if !has_commit {
            return Ok(None);
        }
        let last = release::before(self.workspace, root, self.runtime)?;
        Ok(last.map(|last| (last.tag, last.commit)))
    }

    /// The weights of then and now, without what did not change.
    fn compare(&self, old: &Base, name: &str, desk: &Desk<'_>) -> Result<Value> {
        let inside = self.runtime.config.weights.directory.as_deref().unwrap_or(Path::new("src/weights"));
        let (before, now) = (old.directory.join(inside), self.runtime.directory.join(inside));
        for (whose, directory) in [(name, &before), ("the source", &now)] {
            if !directory.is_dir() {
                return Ok(json!({"skipped": format!("{whose} has no weight files in {}", inside.display())}));
            }
        }
        let request = json!({
            "command": "compare",
            "old": {"name": name, "path": utf8(&before)?},
            "new": {"name": "the source", "path": utf8(&now)?},
        });
        let mut comparison = workers::call(self.context, Worker::Weights, &request, desk.task, desk.log)?.value;
        if let Some(extrinsics) = comparison["extrinsics"].as_array_mut() {
            extrinsics.retain(|one| one["change"] != "unchanged");
        }
        Ok(comparison)
    }
}
