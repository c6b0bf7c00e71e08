// SPDX-License-Identifier: Apache-2.0
//! A run of some of an upgrade's jobs (`--only`), with evidence that other jobs wrote on other
//! machines.
//!
//! Existing evidence is used only after it was compared with the blob and the commit here: steps
//! about different upgrades must not be joined.

use super::{
    super::utf8,
    plan::{Plan, RELAY_RUNTIME},
    verdict_of,
};
use crate::cli::UpgradeJob;
use console::jobs::FinishedJob;
use evidence::step;
use protocol::{
    Verdict,
    build::BuildResult,
    proposal::ProposeOutcome,
    step::{Step, StepResult},
    upgrade::{PartOfUpgrade, RuntimeUpgrade, StepVerdict},
};
use worker::{Failure, Result};
use workspace::{git, inputs::file_digest};

impl Plan<'_> {
    /// Checks that the evidence this run needs from other runs exists and belongs to the same
    /// upgrade.
    pub fn check_carried(&self) -> Result<()> {
        let only = &self.options.only;
        if !self.includes(UpgradeJob::Build) {
            self.check_build()?;
        }
        if self.includes(UpgradeJob::DryRun)
            && !self.includes(UpgradeJob::BuildTryRuntime)
            && self.runtime.features.contains("try-runtime")
            && !self.try_runtime_blob().is_file()
        {
            return Err(Failure::input(format!("the try-runtime build of {} is missing", self.runtime.name))
                .found(format!("no {}", self.try_runtime_blob().display()))
                .expected("the job build-try-runtime on the same machine, or its files copied")
                .hint("--only build-try-runtime,dry-run"));
        }
        if self.includes(UpgradeJob::Rehearse) && !self.includes(UpgradeJob::Propose) {
            self.carried(ProposeOutcome::STEP)?;
        }
        let joins = [UpgradeJob::Report, UpgradeJob::Manifest, UpgradeJob::Sign, UpgradeJob::Verify];
        let made = |step: &str| only.iter().any(|job| job.name() == step);
        if only.iter().any(|job| joins.contains(job)) {
            for step in self.steps().into_iter().filter(|step| !made(step)) {
                let evidence = self.carried(step)?;
                self.check_relay(&evidence)?;
            }
        }
        Ok(())
    }

    /// Checks that a dry run upgraded the relay chain to the blob that is there now.
    fn check_relay(&self, evidence: &Step) -> Result<()> {
        let (Some(input), Some(relay)) = (evidence.inputs.get(RELAY_RUNTIME), &self.relay) else { return Ok(()) };
        let found = file_digest(&relay.blob)?;
        match found == input.digest {
            true => Ok(()),
            false => Err(Failure::check(format!("{}.json is about another runtime of the relay chain", evidence.step))
                .found(input.digest.clone())
                .expected(format!("{found}, {}", relay.blob.display()))
                .hint("run the job dry-run again")),
        }
    }

    /// Reads the evidence of a step that another run wrote.
    fn carried(&self, step: &str) -> Result<Step> {
        if !self.bundle.path(&format!("{step}.json")).is_file() {
            let out = self.bundle.directory.display();
            return Err(Failure::input(format!("the evidence of {step} is missing from {out}"))
                .expected(format!("{step}.json, written by that job"))
                .hint(format!(
                    "cargo xtask upgrade --runtime {} --only {} --out {out}",
                    self.runtime.name,
                    // The job `build` resolves the state too.
                    if step == super::state::STEP { "build" } else { step }
                )));
        }
        let evidence = self.bundle.read_step(step)?;
        if evidence.runtime.as_ref() != Some(&self.runtime.name) {
            return Err(Failure::input(format!(
                "{step}.json in {} is about another runtime",
                self.bundle.directory.display()
            ))
            .found(evidence.runtime.as_deref().unwrap_or("no runtime"))
            .expected(&self.runtime.name));
        }
        Ok(evidence)
    }

    /// Checks that the blob is the one in `build.json` and was built from the current commit.
    fn check_build(&self) -> Result<()> {
        let build: BuildResult = step::result(&self.carried(BuildResult::STEP)?)?;
        let found = file_digest(&self.blob())?;
        if found != build.blob.blake2_256 {
            return Err(Failure::check(format!("{} is not the blob that build.json is about", self.blob().display()))
                .found(found)
                .expected(build.blob.blake2_256)
                .hint("use the files of a single build"));
        }
        let source = git::source(&self.context.workspace);
        let same = build.record.commit == source.commit && build.record.dirty == source.dirty;
        if !same && self.options.only.iter().any(|job| job.reads_source()) {
            let state = |commit: Option<String>, dirty: Option<bool>| {
                let changed = if dirty == Some(true) { " with changes" } else { "" };
                format!("{}{changed}", commit.as_deref().unwrap_or("no commit"))
            };
            return Err(Failure::check(format!("the blob of {} was built from another source", self.runtime.name))
                .found(state(source.commit, source.dirty))
                .expected(state(build.record.commit, build.record.dirty))
                .hint("check out the commit that the blob was built from"));
        }
        Ok(())
    }

    /// Returns the report of a run of some jobs, and the combined verdict of their steps.
    pub fn part(&self, finished: &[FinishedJob]) -> Result<(Verdict, RuntimeUpgrade)> {
        let mut steps = Vec::new();
        let mut verdict = Verdict::Pass;
        for name in self.steps().into_iter().filter(|step| self.options.only.iter().any(|job| job.name() == *step)) {
            let evidence = self.bundle.read_step(name)?;
            verdict = verdict.and(verdict_of(&evidence));
            steps.push(StepVerdict { name: name.to_owned(), verdict: evidence.verdict });
        }
        let part = PartOfUpgrade {
            name: self.runtime.name.clone(),
            package: self.runtime.package.clone(),
            steps,
            bundle: utf8(&self.bundle.place)?.to_owned(),
            logs: utf8(&self.bundle.logs)?.to_owned(),
            jobs: self.finished(finished),
            verdict,
        };
        Ok((verdict, RuntimeUpgrade::Part(part)))
    }
}
