// SPDX-License-Identifier: Apache-2.0
//! The `ci matrix` command: the upgrade jobs of the workspace's runtimes, for CI systems with many
//! machines.

use super::render;
use crate::cli::{self, MatrixFormat, Stage, UpgradeJob};
use protocol::ci::Matrix;
use worker::{Failure, Result};
use workspace::{
    changes,
    context::Context,
    runtimes::{Runtime, Workspace},
};

/// GitHub's limit of jobs in one matrix.
const MAX_GITHUB_JOBS: usize = 256;

/// The jobs of one upgrade that run on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixJob {
    pub runtime: String,
    pub package: String,
    pub stage: Stage,
    pub job: &'static str,
    pub only: String,
}

/// The jobs grouped by machine. Jobs of a group depend on each other or are short.
const JOB_GROUPS: [(Stage, &str, &[UpgradeJob]); 6] = [
    (Stage::Build, "build", &[UpgradeJob::Build, UpgradeJob::Inspect]),
    (Stage::Check, "diff", &[UpgradeJob::Diff]),
    (Stage::Check, "dry-run", &[UpgradeJob::BuildTryRuntime, UpgradeJob::DryRun]),
    (Stage::Check, "propose", &[UpgradeJob::Propose, UpgradeJob::Rehearse]),
    (Stage::Check, "weights", &[UpgradeJob::Weights]),
    (Stage::Join, "join", &[UpgradeJob::Report, UpgradeJob::Manifest, UpgradeJob::Sign, UpgradeJob::Verify]),
];

pub fn run(context: &Context, options: &cli::CiMatrix) -> Result<bool> {
    // A runtime that could not be read would be a job that is missing, which nobody would notice.
    let workspace = Workspace::load(context)?;
    let mut selected = workspace.select(&options.runtimes)?;
    if let Some(base) = &options.base {
        let change = changes::since(context, &workspace, base)?;
        selected.retain(|runtime| !change.reasons(runtime).is_empty());
    }
    let (ready, without): (Vec<_>, Vec<_>) = selected.into_iter().partition(|runtime| runtime.state().is_some());
    for note in ready.iter().filter_map(|runtime| runtime.network_note()) {
        context.printer.status(&note);
    }
    for runtime in without {
        context.printer.warning(&format!(
            "{} is left out: there is no state to upgrade it from (set `state` in its [package.metadata.cutover])",
            runtime.name
        ));
    }
    let mut jobs = Vec::new();
    for (stage, job, parts) in JOB_GROUPS {
        for runtime in &ready {
            if job != "weights" || runtime.through.is_none() {
                jobs.push(matrix_job(runtime, stage, job, parts)?);
            }
        }
    }
    jobs.retain(|job| options.stages.is_empty() || options.stages.contains(&job.stage));
    match options.format {
        None => {
            let document = include(jobs.iter());
            context.printer.result(&document, || report::terminal::matrix(&document))?;
        }
        Some(MatrixFormat::Github) => context.printer.data(&github(&jobs)?)?,
        Some(MatrixFormat::Gitlab) => context.printer.data(&render::gitlab(&jobs, options.image.as_deref()))?,
        Some(MatrixFormat::Kubernetes) => {
            let image = options.image.as_deref().ok_or_else(|| {
                Failure::usage("Kubernetes jobs need an image").hint(
                    "--image IMAGE: it must contain the workspace at the commit, and its toolchain; see docs/ci.md",
                )
            })?;
            context.printer.data(&render::kubernetes(&jobs, image, &options.claim))?;
        }
    }
    Ok(true)
}

/// Returns the matrix entry of a runtime. Returns an error if its name is not usable.
fn matrix_job(runtime: &Runtime, stage: Stage, job: &'static str, parts: &[UpgradeJob]) -> Result<MatrixJob> {
    // The name is used in paths, artifact names and command lines.
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let name = &runtime.name;
    if name.is_empty() || name.len() > 64 || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        return Err(Failure::input(format!(
            "the name of the runtime {} cannot be used as a job name",
            runtime.package
        ))
        .found(format!("{name:?}"))
        .expected("at most 64 letters, digits, dots, hyphens and underscores, a letter or digit first")
        .hint("change `name` in runtimes-matrix.json"));
    }
    Ok(MatrixJob {
        runtime: name.clone(),
        package: runtime.package.clone(),
        stage,
        job,
        only: parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(","),
    })
}

/// Returns the jobs in the format of GitHub's `strategy.matrix`.
fn include<'job>(jobs: impl Iterator<Item = &'job MatrixJob>) -> Matrix {
    let entries = jobs.map(|job| protocol::ci::MatrixJob {
        runtime: job.runtime.clone(),
        package: job.package.clone(),
        stage: job.stage.name().to_owned(),
        job: job.job.to_owned(),
        only: job.only.clone(),
    });
    Matrix { include: entries.collect() }
}

/// Returns the jobs as `name=value` lines for GITHUB_OUTPUT, one matrix per stage. `any` is false
/// if there are no jobs, because GitHub rejects an empty matrix.
fn github(jobs: &[MatrixJob]) -> Result<String> {
    let mut text = String::new();
    for stage in [Stage::Build, Stage::Check, Stage::Join] {
        let stage_jobs: Vec<_> = jobs.iter().filter(|job| job.stage == stage).collect();
        if stage_jobs.len() > MAX_GITHUB_JOBS {
            return Err(Failure::input(format!("the stage {} has too many jobs for GitHub", stage.name()))
                .found(stage_jobs.len().to_string())
                .expected(format!("at most {MAX_GITHUB_JOBS} in one matrix"))
                .hint("select runtimes with --runtime, in several workflows"));
        }
        let matrix = serde_json::to_string(&include(stage_jobs.into_iter()))
            .map_err(|error| Failure::internal("a matrix cannot be written as JSON").found(error.to_string()))?;
        text.push_str(&format!("{}={matrix}\n", stage.name()));
    }
    text.push_str(&format!("any={}\n", !jobs.is_empty()));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(runtime: &str, stage: Stage) -> MatrixJob {
        MatrixJob {
            runtime: runtime.into(),
            package: format!("{runtime}-runtime"),
            stage,
            job: "build",
            only: "build,inspect".into(),
        }
    }

    #[test]
    fn every_job_is_in_one_group_after_the_jobs_that_it_needs() {
        use clap::ValueEnum;
        let all: Vec<(usize, UpgradeJob)> = JOB_GROUPS
            .iter()
            .enumerate()
            .flat_map(|(at, (_, _, parts))| parts.iter().map(move |part| (at, *part)))
            .collect();
        for job in UpgradeJob::value_variants() {
            let places: Vec<_> = all.iter().filter(|(_, part)| part == job).collect();
            assert_eq!(places.len(), 1, "{job:?}");
            let stage = JOB_GROUPS[places[0].0].0;
            for before in job.after() {
                let other = all.iter().find(|(_, part)| part == before).expect("in a group").0;
                assert!(JOB_GROUPS[other].0 < stage || other == places[0].0, "{before:?} before {job:?}");
            }
        }
    }

    #[test]
    fn outputs_are_lines_with_a_flag_for_any_jobs() {
        let text = github(&[job("a", Stage::Build)]).expect("few jobs");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].starts_with("build={\"include\":[{"), "{text}");
        assert_eq!((lines[1], lines[3]), ("check={\"include\":[]}", "any=true"));
        assert!(github(&[]).expect("none").ends_with("any=false\n"));
        let many: Vec<_> = (0..257).map(|at| job(&at.to_string(), Stage::Build)).collect();
        assert_eq!(github(&many).expect_err("too many").kind, worker::Kind::Input);
    }
}
