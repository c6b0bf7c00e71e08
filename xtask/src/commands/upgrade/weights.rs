// SPDX-License-Identifier: Apache-2.0
//! The job `weights`: checks the weights in the runtime's source and compares them with those of
//! the previous release. With `--weights`, they are measured again before anything is built.

use super::{
    super::{
        build,
        weights::{check, check::Base, run::Run},
    },
    bundle::inputs,
    plan::Plan,
};
use crate::cli::{self, Profile};
use console::jobs::{JobContext, JobOutcome};
use engines::Builder;
use protocol::{
    benchmark::Files,
    step::{Input, StepResult as _},
    weights::{
        CompareRequest, Request, Side,
        check::{AgainstRelease, Benchmarked, BenchmarkedPallet, Report, StepResult},
        compare::{Change, Comparison, Options},
    },
};
use std::path::Path;
use worker::{Failure, Outcome, Result};
use workers::Worker;
use workspace::{
    context::Context,
    git,
    inputs::file_digest,
    revision,
    runtimes::{Runtime, Workspace},
};

pub const STEP: &str = StepResult::STEP;

/// Runs a runtime's benchmarks and writes its weight files. Returns the benchmark results for the
/// evidence.
pub fn measure(context: &Context, workspace: &Workspace, runtime: &Runtime) -> Result<Benchmarked> {
    if runtime.through.is_some() {
        return Err(Failure::usage(format!("the weights of {} cannot be measured", runtime.name))
            .found("its source comes from a registry")
            .hint("leave --weights out"));
    }
    let (builder, options) = (Builder::new(context, workspace)?, cli::WeightsRun::default());
    let run = Run { context, builder: &builder, workspace, runtime, options: &options };
    let (passed, document) = run.pallets()?;
    let left = match document.files {
        Some(Files::Left { left }) => left,
        _ => "a benchmark failed".into(),
    };
    match document.run.filter(|_| passed) {
        Some(run) => {
            let pallets = run.pallets.into_iter().map(|pallet| {
                let raw_results = file_digest(&pallet.path)?;
                Ok(BenchmarkedPallet { pallet: pallet.pallet, instance: pallet.instance, raw_results })
            });
            Ok(Benchmarked { machine: run.machine, pallets: pallets.collect::<Result<_>>()? })
        }
        None => Err(Failure::check(format!("the weights of {} were not measured", runtime.name))
            .found(left)
            .hint(format!("cargo xtask weights run --runtime {}", runtime.name))),
    }
}

impl Plan<'_> {
    /// Returns whether the weights are checked. The source of a runtime from a registry is not.
    pub fn checks_weights(&self) -> bool {
        self.runtime.through.is_none()
    }

    /// Checks the weights in the source and compares them with those of the previous release.
    pub fn weights(&self, job_context: &JobContext<'_>) -> Result<JobOutcome> {
        if !self.checks_weights() {
            return Ok(JobOutcome::Completed("the runtime is not part of the workspace".into()));
        }
        let variant = build::release_variant(self.runtime, Profile::Production);
        // The check reads only the source, so the key does not contain the engine.
        let sources = workspace::inputs::key(&self.workspace.metadata, self.runtime, &[], &variant)?;
        let source = git::source(&self.context.workspace);
        let base = self.release_before(source.commit.is_some())?;
        let key = inputs(&[
            ("sources", &sources),
            ("commit", &format!("{source:?}")),
            ("base", &format!("{base:?}")),
            ("benchmarked", &format!("{:?}", self.measured)),
            ("tool", &self.tool(Worker::Weights, job_context)?),
            ("blob", &file_digest(&self.blob())?),
        ]);
        if self.bundle.is_up_to_date(STEP, &key) {
            return Ok(JobOutcome::Unchanged);
        }
        let mut request =
            check::request(self.context, self.workspace, self.runtime, job_context.task, job_context.log)?;
        let mut comparison = None;
        // Keeps the old release's files until the worker has read them.
        let mut before = None;
        if let Some((name, commit)) = &base {
            let old = Base::of(self.context, self.runtime, commit);
            // The runtime may not exist in the previous release.
            match old {
                Ok(old) => {
                    old.add_to(self.context, &mut request);
                    comparison = Some(self.compare(&old, name, job_context)?);
                    before = Some(old);
                }
                Err(failure) if failure.kind == worker::Kind::Input => {
                    comparison = Some(AgainstRelease::Skipped { skipped: failure.to_string() });
                }
                Err(failure) => return Err(failure),
            }
        }
        let request = Request::Check(Box::new(request));
        let outcome: Outcome<Report> =
            workers::ask(self.context, Worker::Weights, &request, job_context.task, job_context.log)?;
        drop(before);
        let result = StepResult { check: outcome.value, comparison, benchmarked: self.measured.clone() };
        let before = Input {
            name: base.as_ref().map(|(name, _)| name.clone()),
            ..Input::new(base.as_ref().map_or("none", |(_, commit)| commit))
        };
        let step = self.step(outcome.passed.into(), &result)?;
        let step = step.input("source", super::plan::source_input(&source)).input("release_before", before);
        self.bundle.write_step(step, &[])?;
        self.bundle.record_job(STEP, &key, &[format!("{STEP}.json")])?;
        Ok(JobOutcome::Completed(if outcome.passed { "passed" } else { "FAILED" }.into()))
    }

    /// Returns the revision given with `--weights-base`, else the tag of the previous release, with
    /// its commit.
    fn release_before(&self, has_commit: bool) -> Result<Option<(String, String)>> {
        let root = &self.context.workspace;
        if let Some(name) = &self.options.weights_base {
            return Ok(Some((name.clone(), revision::commit(root, name)?)));
        }
        if !has_commit {
            return Ok(None);
        }
        let last = release::plan::before(self.workspace, root, self.runtime)?;
        Ok(last.map(|last| (last.tag, last.commit)))
    }

    /// Compares the weights with those of the previous release. Unchanged extrinsics are left out.
    fn compare(&self, old: &Base, name: &str, job_context: &JobContext<'_>) -> Result<AgainstRelease> {
        let inside = self.runtime.config.weights.directory.as_deref().unwrap_or(Path::new("src/weights"));
        let (before, now) = (old.directory.join(inside), self.runtime.directory.join(inside));
        for (whose, directory) in [(name, &before), ("the source", &now)] {
            if !directory.is_dir() {
                let skipped = format!("{whose} has no weight files in {}", inside.display());
                return Ok(AgainstRelease::Skipped { skipped });
            }
        }
        let request = Request::Compare(Box::new(CompareRequest {
            old: Side { name: name.to_owned(), path: before },
            new: Side { name: "the source".into(), path: now },
            options: Options::default(),
        }));
        let outcome: Outcome<Comparison> =
            workers::ask(self.context, Worker::Weights, &request, job_context.task, job_context.log)?;
        let mut comparison = outcome.value;
        comparison.extrinsics.retain(|one| one.change != Change::Unchanged);
        Ok(AgainstRelease::Compared(Box::new(comparison)))
    }
}
