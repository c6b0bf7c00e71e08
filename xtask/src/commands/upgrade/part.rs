// SPDX-License-Identifier: Apache-2.0
//! Some of an upgrade's jobs, on evidence that the others left elsewhere.
//!
//! What came with the bundle is believed to be what it says only after it was held against the blob and the commit here:
//! a step about something else must not be joined to these.

use super::{super::utf8, plan::Plan, verdict_of};
use crate::{cli::UpgradeJob, git, inputs::file_digest, jobs::Finished};
use protocol::Verdict;
use serde_json::{Value, json};
use worker::{Failure, Result};

impl Plan<'_> {
    /// Whether what the jobs of this run need, and do not make themselves, is there and belongs together.
    pub fn check_carried(&self) -> Result<()> {
        let only = &self.options.only;
        if !self.does(UpgradeJob::Build) {
            self.check_build()?;
        }
        if self.does(UpgradeJob::DryRun)
            && !self.does(UpgradeJob::BuildTryRuntime)
            && self.runtime.features.contains("try-runtime")
            && !self.try_runtime_blob().is_file()
        {
            return Err(Failure::input(format!("the try-runtime build of {} is not there", self.runtime.name))
                .found(format!("no {}", self.try_runtime_blob().display()))
                .expected("the job build-try-runtime on the same machine, or its files copied")
                .hint("--only build-try-runtime,dry-run"));
        }
        let joins = [UpgradeJob::Report, UpgradeJob::Manifest, UpgradeJob::Sign, UpgradeJob::Verify];
        let made = |step: &str| only.iter().any(|job| job.name() == step);
        if only.iter().any(|job| joins.contains(job)) {
            for step in self.steps().into_iter().filter(|step| !made(step)) {
                self.carried(step)?;
            }
        }
        Ok(())
    }

    /// The evidence of a step that another run made.
    fn carried(&self, step: &str) -> Result<Value> {
        if !self.bundle.path(&format!("{step}.json")).is_file() {
            let out = self.bundle.directory.display();
            return Err(Failure::input(format!("the evidence of {step} is missing from {out}"))
                .expected(format!("{step}.json, written by that job"))
                .hint(format!(
                    "cargo xtask upgrade --runtime {} --only {} --out {out}",
                    self.runtime.name,
                    // The first job looks which state is meant.
                    if step == super::state::STEP { "build" } else { step }
                )));
        }
        let evidence = self.bundle.read_step(step)?;
        if evidence.get("runtime").and_then(Value::as_str) != Some(&self.runtime.name) {
            return Err(Failure::input(format!(
                "{step}.json in {} is of another runtime",
                self.bundle.directory.display()
            ))
            .found(evidence.get("runtime").cloned().unwrap_or_default().to_string())
            .expected(&self.runtime.name));
        }
        Ok(evidence)
    }

    /// The blob must be the one that was built, of the commit that is here.
    fn check_build(&self) -> Result<()> {
        let build = self.carried("build")?;
        let said = build.pointer("/result/blob/blake2_256").and_then(Value::as_str).unwrap_or("nothing");
        let found = file_digest(&self.blob())?;
        if found != said {
            return Err(Failure::check(format!("{} is not the blob that build.json is about", self.blob().display()))
                .found(found)
                .expected(said)
                .hint("take the files of one build"));
        }
        let source = git::source(&self.context.workspace);
        let of = |pointer: &str| build.pointer(pointer).cloned().unwrap_or_default();
        let same = of("/result/commit") == json!(source.commit) && of("/result/dirty") == json!(source.dirty);
        if !same && self.options.only.iter().any(|job| job.reads_source()) {
            let state = |commit: &Value, dirty: &Value| {
                let changed = if dirty == &json!(true) { " with changes" } else { "" };
                format!("{}{changed}", commit.as_str().unwrap_or("no commit"))
            };
            return Err(Failure::check(format!("the blob of {} is of another source than this", self.runtime.name))
                .found(state(&json!(source.commit), &json!(source.dirty)))
                .expected(state(&of("/result/commit"), &of("/result/dirty")))
                .hint("check out the commit that the blob was built from"));
        }
        Ok(())
    }

    /// What a run of some jobs tells, and the verdict of their steps.
    pub fn part(&self, finished: &[Finished]) -> Result<(Verdict, Value)> {
        let mut steps = Vec::new();
        let mut verdict = Verdict::Pass;
        for step in self.steps().into_iter().filter(|step| self.options.only.iter().any(|job| job.name() == *step)) {
            let evidence = self.bundle.read_step(step)?;
            verdict = verdict.and(verdict_of(&evidence));
            steps.push(json!({"name": step, "verdict": evidence.get("verdict")}));
        }
        let part = json!({
            "name": self.runtime.name,
            "package": self.runtime.package,
            "steps": steps,
            "bundle": utf8(&self.bundle.place)?,
            "logs": utf8(&self.bundle.logs)?,
            "jobs": self.finished(finished),
            "verdict": verdict,
        });
        Ok((verdict, part))
    }
}
