// SPDX-License-Identifier: Apache-2.0
//! Renders one pull request comment from the evidence of bundles.
//!
//! A bundle may come from an untrusted pull request: its size is limited, its parts are checked
//! against each other, and its contents are rendered as text, never as markup.

use crate::{cli, commands::sign::integrity};
use evidence::step;
use protocol::{
    Verdict,
    build::BuildResult,
    ci::{Comment, CommentFile, CommentReport},
    diff::DiffOutcome,
    dry_run::DryRunReport,
    format,
    inspect::RuntimeFacts,
    proposal::ProposeOutcome,
    rehearse::RehearseOutcome,
    step::{Step, StepResult as StepDocument},
    weights::{check::StepResult, compare::Comparison},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};
use workspace::{context::Context, inputs::file_digest};

/// The maximum number of bundles. More than any workspace has runtimes.
const MAX_BUNDLES: usize = 64;

pub fn run(context: &Context, options: &cli::CiComment) -> Result<bool> {
    let mut directories = Vec::new();
    for given in &options.bundles {
        directories.extend(bundles_in(given)?);
    }
    if directories.len() > MAX_BUNDLES {
        return Err(Failure::input("there are too many bundles for one comment")
            .found(directories.len().to_string())
            .expected(format!("at most {MAX_BUNDLES}")));
    }
    let bundles = directories.iter().map(|directory| read(context, directory)).collect::<Result<Vec<_>>>()?;
    let mut names = BTreeSet::new();
    if let Some(duplicate) = bundles.iter().find(|bundle| !names.insert(&bundle.name)) {
        return Err(
            Failure::input(format!("there are two bundles of the runtime {}", duplicate.name)).expected("one of each")
        );
    }
    let weights = options.weights.as_deref().map(compared_weights).transpose()?;
    let comment = report::comment::render(&bundles, weights.as_ref());
    match &options.out {
        Some(path) => {
            files::write_whole(path, comment.as_bytes())?;
            context.printer.status(&format!("{} bytes written to {}", comment.len(), path.display()));
            if context.printer.is_json() {
                let written =
                    CommentFile { format: format::COMMENT.into(), comment: path.clone(), size: comment.len() };
                context.printer.result(&CommentReport::Written(written), String::new)?;
            }
        }
        None => {
            let (format, size) = (format::COMMENT.into(), comment.len());
            let document = CommentReport::Printed(Comment { format, body: comment.clone(), size });
            context.printer.result(&document, || comment)?;
        }
    }
    Ok(true)
}

/// Returns the bundle, or the bundles in a directory: `upgrade --out` writes one or several.
fn bundles_in(given: &Path) -> Result<Vec<PathBuf>> {
    if given.join("build.json").is_file() {
        return Ok(vec![given.to_path_buf()]);
    }
    let io = |error: std::io::Error| Failure::io("read the bundle", given, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(given).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.join("build.json").is_file() {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Failure::input(format!("{} is not a bundle", given.display()))
            .found("no build.json in it")
            .expected("a directory that `cargo xtask upgrade` wrote, or one that holds several"));
    }
    Ok(found)
}

/// Checks the files against the manifest, if there is one. Files missing from the bundle are
/// accepted here.
fn check_files(context: &Context, directory: &Path) -> Result<()> {
    if !directory.join("manifest.json").is_file() {
        return Ok(());
    }
    let task = context.printer.task("comment");
    let verified = integrity(context, directory, &task, &context.log("comment"))?;
    let wrong = verified.subjects.iter().find(|subject| !subject.ok && directory.join(&subject.name).exists());
    match wrong {
        None => Ok(()),
        Some(subject) => {
            let reason = subject.reason.as_deref().unwrap_or("does not match");
            Err(Failure::check(format!("{} in {} does not match its manifest", subject.name, directory.display()))
                .found(format!("it {reason}"))
                .hint("use the files of a single upgrade"))
        }
    }
}

/// Reads a bundle and checks that its parts belong together.
fn read(context: &Context, directory: &Path) -> Result<report::Bundle> {
    let build = read_step(directory, BuildResult::STEP)?;
    let result: BuildResult = step::result(&build)?;
    let subject = BundleSubject { runtime: build.runtime.unwrap_or_default(), blob: result.blob.blake2_256.clone() };
    if subject.blob.is_empty() || subject.runtime.is_empty() {
        return Err(Failure::input(format!(
            "build.json in {} does not name its runtime and blob",
            directory.display()
        ))
        .hint("run the step again"));
    }
    // The bundle of a runtime from a registry has no weights.
    let weights = directory.join("weights.json").is_file();
    let weights = weights.then(|| subject.result(directory, |weights: &StepResult| Some(weights.check.verdict)));
    let compared = |diff: &DiffOutcome| diff.report().map(|report| report.verdict);
    let bundle = report::Bundle {
        name: subject.runtime.clone(),
        build: Some(subject.result(directory, |_: &BuildResult| None)?),
        inspect: Some(subject.result(directory, |_: &RuntimeFacts| None)?),
        dry_run: Some(subject.result(directory, |report: &DryRunReport| Some(report.verdict))?),
        diff: Some(subject.result(directory, compared)?),
        propose: Some(subject.result(directory, |_: &ProposeOutcome| None)?),
        rehearse: Some(subject.result(directory, |outcome: &RehearseOutcome| Some(outcome.verdict()))?),
        weights: weights.transpose()?,
    };
    // The blob may be missing. If it exists, it must be the one in the evidence.
    let file = directory.join(Path::new(&result.blob.path).file_name().unwrap_or_default());
    if file.is_file() && file_digest(&file)? != subject.blob {
        return Err(Failure::check(format!("{} is not the blob that the evidence is about", file.display()))
            .found(file_digest(&file)?)
            .expected(subject.blob));
    }
    check_files(context, directory)?;
    Ok(bundle)
}

/// The runtime and the blob that all steps of a bundle must be about.
struct BundleSubject {
    runtime: String,
    /// The blake2-256 of the blob.
    blob: String,
}

impl BundleSubject {
    /// Returns the result of a step. Returns an error if it is about another runtime or blob.
    /// `verdict` returns the result's own verdict, if it has one, which must agree with the step's.
    fn result<T: StepDocument>(&self, directory: &Path, verdict: impl Fn(&T) -> Option<Verdict>) -> Result<T> {
        let name = T::STEP;
        let evidence = read_step(directory, name)?;
        let claims = step::blobs(&evidence);
        let blob = claims.first().map_or("no blob", |claim| claim.blake2_256.as_str());
        if blob != self.blob || evidence.runtime.as_ref() != Some(&self.runtime) {
            return Err(Failure::check(format!(
                "{name}.json in {} is about another blob than build.json",
                directory.display()
            ))
            .found(format!("{blob} of {:?}", evidence.runtime.unwrap_or_default()))
            .expected(format!("{} of {:?}", self.blob, self.runtime))
            .hint("use the files of a single upgrade"));
        }
        // Older evidence contains time fields. They would change the comment on every run.
        let result = protocol::without_volatile(evidence.result.clone());
        let result = step::result(&Step { result, ..evidence.clone() })?;
        match verdict(&result) {
            Some(verdict) if !same_verdict(evidence.verdict, verdict) => {
                Err(Failure::check(format!("{name}.json in {} has two verdicts", directory.display()))
                    .found(format!("the step: {}, its result: {}", evidence.verdict.name(), verdict.name()))
                    .hint("run the step again"))
            }
            _ => Ok(result),
        }
    }
}

/// Returns whether the verdict of a step agrees with the verdict of its result.
fn same_verdict(step: Verdict, result: Verdict) -> bool {
    match result {
        Verdict::Pass | Verdict::PassWithHazards => step == Verdict::Pass,
        // A skipped result does not decide the step's verdict.
        Verdict::Skip => true,
        other => step == other,
    }
}

/// Reads the evidence of a step.
fn read_step(directory: &Path, name: &str) -> Result<Step> {
    let path = directory.join(format!("{name}.json"));
    // A symbolic link could point to other files of this machine.
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(Failure::input(format!("the bundle {} is incomplete", directory.display()))
            .found(format!("no file {name}.json"))
            .expected("the evidence of every step")
            .hint(format!("cargo xtask upgrade --only {name}, or use the joined bundle")));
    }
    step::read(&path)
}

/// Reads a comparison of weights.
fn compared_weights(path: &Path) -> Result<Comparison> {
    serde_json::from_slice(&files::read_bounded(path, step::SIZE_LIMIT)?).map_err(|error| {
        Failure::input(format!("{} is not a comparison of weights", path.display()))
            .found(error.to_string())
            .expected("the output of `cargo xtask weights compare --json`")
    })
}
