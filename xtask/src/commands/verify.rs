// SPDX-License-Identifier: Apache-2.0
//! The `verify` command: verifies the files, the signatures and the reports of a bundle, and
//! rebuilds its blobs.

use super::{
    accepted_signers, bundle_directory,
    rebuild::{RebuildRequest, Sources, rebuild},
    reports, root_file, utf8,
};
use crate::cli::{self, EngineOptions, Symbols};
use clap::ValueEnum as _;
use console::printer::Task;
use evidence::step;
use protocol::{
    Source, Verdict,
    build::{BuildRecord, BuildResult},
    bytes::BuildFacts,
    step::StepResult as _,
    verify::{EvidenceRequest, RebuiltBundle, RebuiltRuntime, Verification, VerifyRequest},
};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use worker::{Failure, Outcome, Result};
use workers::Worker;
use workspace::{context::Context, inputs::Variant, runtimes::Workspace};

pub fn run(context: &Context, options: &cli::Verify) -> Result<Verdict> {
    match &options.command {
        Some(cli::VerifyCommand::Build(options)) => {
            return super::verify_build::run(context, options).map(Verdict::from);
        }
        Some(cli::VerifyCommand::Referendum(options)) => return super::verify_referendum::run(context, options),
        None => {}
    }
    let Some(bundle) = options.bundle.as_deref() else { return Err(Failure::usage("no bundle is named")) };
    bundle_directory(bundle)?;
    if !options.rebuild && options.engine != EngineOptions::default() {
        return Err(Failure::usage("an option of the build is given without --rebuild").hint("add --rebuild"));
    }
    let task = context.printer.task("verify");
    let log = context.log("verify");
    let root = root_file(context, options.root.as_deref())?;
    let mut outcome = ask(context, bundle, root.as_deref(), options.integrity_only, &task, &log)?;
    // A rebuild takes up to half an hour, so only a verified bundle is rebuilt.
    if options.rebuild && outcome.passed {
        let (same, rebuilt) = rebuild_all(context, bundle, &outcome.value, &options.engine, &task, &log)?;
        outcome.passed &= same;
        outcome.value.rebuilt = Some(rebuilt);
        outcome.value.verdict = outcome.passed.into();
    }
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::verify(&outcome.value))?;
    Ok(outcome.passed.into())
}

/// Verifies a bundle and whether it is signed off.
pub fn verify(
    context: &Context,
    bundle: &Path,
    root: Option<&Path>,
    task: &Task,
    log: &Path,
) -> Result<Outcome<Verification>> {
    ask(context, bundle, root, false, task, log)
}

/// Verifies a bundle in the evidence worker, then checks its reports.
fn ask(
    context: &Context,
    bundle: &Path,
    root: Option<&Path>,
    integrity_only: bool,
    task: &Task,
    log: &Path,
) -> Result<Outcome<Verification>> {
    let request = EvidenceRequest::Verify(VerifyRequest {
        bundle: utf8(bundle)?.into(),
        root: root.map(utf8).transpose()?.map(PathBuf::from),
        accepted: Some(accepted_signers(context)),
        integrity_only,
    });
    let mut outcome: Outcome<Verification> = workers::ask(context, Worker::Evidence, &request, task, log)?;
    if outcome.value.integrity {
        check_reports(bundle, &mut outcome)?;
    }
    Ok(outcome)
}

/// Checks that the reports match the evidence. Many voters read only the reports.
fn check_reports(bundle: &Path, outcome: &mut Outcome<Verification>) -> Result<()> {
    let same_version = reports::made_by_this_version(&outcome.value);
    for name in reports::differing(bundle, &outcome.value)? {
        let verified = &mut outcome.value;
        if !same_version {
            let warning =
                format!("{name} differs from what this version of Cutover renders; another version made the bundle");
            verified.warnings.push(warning);
            continue;
        }
        for subject in verified.subjects.iter_mut().filter(|subject| subject.name == name) {
            subject.ok = false;
            subject.reason = Some("does not match the evidence that `upgrade` rendered it from".into());
        }
        outcome.passed = false;
        (verified.integrity, verified.signed_off, verified.verdict) = (false, false, Verdict::Fail);
        verified.hint = None;
    }
    Ok(())
}

/// Rebuilds every blob of the bundle from a clean checkout of its stated commit, without the cache.
pub fn rebuild_all(
    context: &Context,
    bundle: &Path,
    verified: &Verification,
    options: &EngineOptions,
    task: &Task,
    log: &Path,
) -> Result<(bool, RebuiltBundle)> {
    let recorded = RecordedBuild::read(bundle, verified)?;
    let stated = verified.predicate.as_ref().ok_or_else(|| Failure::input("the bundle's manifest cannot be read"))?;
    let (Some(commit), Some(false)) = (&stated.source.commit, stated.source.dirty) else {
        return Err(Failure::check("the bundle was not built from a commit and cannot be rebuilt")
            .found(match &stated.source.commit {
                None => "no commit in its manifest".to_owned(),
                Some(commit) => format!("uncommitted changes on top of the commit {commit}"),
            })
            .expected("a bundle of committed sources")
            .hint("make it again from a clean work tree; `verify` without --rebuild checks the rest"));
    };
    let sources = Sources::open(context, Some(commit), None, task)?;
    let options = recorded.options(options, &Workspace::load(context)?.config.images);
    let engine = sources.engine(&options)?;
    let mut runtimes = Vec::new();
    for shipped in &stated.runtimes {
        let request = RebuildRequest {
            runtime: sources.workspace.find(&shipped.name)?,
            variant: &recorded.variant,
            blake2_256: &shipped.blake2_256,
            blob: Some(Source::File(utf8(&bundle.join(&shipped.file))?.into())),
            stated: Some(recorded.stated.clone()),
        };
        let build = rebuild(&*engine, &sources, &request, task, log)?;
        runtimes.push(RebuiltRuntime { name: shipped.name.clone(), blake2_256: build.rebuilt.clone(), build });
    }
    if runtimes.is_empty() {
        return Err(Failure::input("the bundle names no runtime to rebuild"));
    }
    let same = runtimes.iter().all(|runtime| runtime.build.same);
    Ok((same, RebuiltBundle { same, runtimes }))
}

/// The build of the blob, as recorded in the bundle's `build.json`.
struct RecordedBuild {
    variant: Variant,
    /// The stated engine and image. They are claims: used only if the verifier's workspace lists
    /// the image.
    engine: Option<cli::Engine>,
    image: Option<String>,
    image_digest: Option<String>,
    plain: bool,
    stated: BuildFacts,
}

impl RecordedBuild {
    /// Reads `build.json` once, and checks that it is the file that was just verified.
    fn read(bundle: &Path, verified: &Verification) -> Result<Self> {
        let name = format!("{}.json", BuildResult::STEP);
        let path = bundle.join(&name);
        let text = files::read_bounded(&path, step::SIZE_LIMIT)?;
        let signed = verified.subjects.iter().find(|subject| subject.name == name);
        let found = hex::encode_prefixed(Sha256::digest(&text));
        if signed.and_then(|subject| subject.sha256.as_ref()) != Some(&found) {
            return Err(Failure::check(format!("{} is not the file that was verified", path.display()))
                .found(format!("sha256 {found}"))
                .expected("a bundle that does not change while it is verified"));
        }
        let result: BuildResult = step::result(&step::parse(&text, &path.display().to_string())?)?;
        Self::of(result.record, &path)
    }

    fn of(record: BuildRecord, path: &Path) -> Result<Self> {
        let profiles = [cli::Profile::Production, cli::Profile::Release, cli::Profile::Dev].map(cli::Profile::name);
        let profile = profiles.into_iter().find(|name| *name == record.profile).ok_or_else(|| {
            Failure::input(format!("{} does not say how the blob was built", path.display()))
                .found(format!("profile {:?}", record.profile))
                .expected("production, release or dev")
        })?;
        Ok(Self {
            engine: cli::Engine::from_str(&record.engine, false).ok(),
            image: record.image.filter(|image| image.contains('@')).or_else(|| record.image_digest.clone()),
            plain: record.plain,
            stated: BuildFacts {
                rustc: Some(record.rustc),
                profile: Some(record.profile),
                commit: record.commit,
                image: record.image_digest.clone(),
                ..BuildFacts::default()
            },
            image_digest: record.image_digest,
            variant: Variant {
                profile,
                features: record.features,
                default_features: record.default_features,
                native: false,
            },
        })
    }

    /// Returns the options of the rebuild. The verifier's options take precedence. The stated
    /// engine and image are used only if the verifier's workspace lists the image. The hashes in
    /// symbols are taken from the bundle: they change the blob, but need no trust.
    fn options(&self, own: &EngineOptions, images: &[String]) -> EngineOptions {
        let recorded = if self.plain { Symbols::Srtool } else { Symbols::Canonical };
        let mut options = EngineOptions { symbols: own.symbols.or(Some(recorded)), ..own.clone() };
        let listed = self.image_digest.as_deref();
        if own.engine.is_none()
            && own.image.is_none()
            && listed.is_some_and(|digest| images.iter().any(|one| one == digest))
        {
            options.engine = self.engine;
            options.image.clone_from(&self.image);
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::verify::SubjectCheck;

    const PINNED: &str = "docker.io/evil/srtool@sha256:11";

    fn record() -> BuildRecord {
        BuildRecord {
            profile: "production".into(),
            features: vec!["a".into()],
            engine: "docker".into(),
            image: Some(PINNED.into()),
            image_digest: Some("sha256:11".into()),
            plain: true,
            ..BuildRecord::default()
        }
    }

    fn recorded() -> RecordedBuild {
        RecordedBuild::of(record(), Path::new("build.json")).expect("a record")
    }

    #[test]
    fn the_verifier_chooses_the_engine_of_a_rebuild() {
        let nothing = EngineOptions::default();
        let chosen = recorded().options(&nothing, &[]);
        assert_eq!((chosen.engine, chosen.image), (None, None), "the bundle chooses nothing");
        assert_eq!(chosen.symbols, Some(Symbols::Srtool), "but the hashes in symbols");
        let chosen = recorded().options(&nothing, &["sha256:11".to_owned()]);
        assert_eq!((chosen.engine, chosen.image.as_deref()), (Some(cli::Engine::Docker), Some(PINNED)), "it is listed");
        let own = EngineOptions { engine: Some(cli::Engine::Host), ..EngineOptions::default() };
        let chosen = recorded().options(&own, &["sha256:11".to_owned()]);
        assert_eq!((chosen.engine, chosen.image), (Some(cli::Engine::Host), None), "the command line takes precedence");
    }

    #[test]
    fn a_record_that_changed_after_it_was_verified_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let result = BuildResult { record: record(), ..BuildResult::default() };
        let written = step::write(&step::of(Verdict::Pass, &result).expect("a step"), directory.path());
        let text = std::fs::read(written.expect("written")).expect("read");
        let verified = |name: &str, text: &[u8]| Verification {
            subjects: vec![SubjectCheck {
                name: name.into(),
                ok: true,
                reason: None,
                sha256: Some(hex::encode_prefixed(Sha256::digest(text))),
                blake2_256: None,
            }],
            ..Verification::default()
        };
        assert!(RecordedBuild::read(directory.path(), &verified("build.json", &text)).is_ok());
        let failure =
            RecordedBuild::read(directory.path(), &verified("build.json", b"another")).err().expect("refused");
        assert_eq!(failure.kind, worker::Kind::Check, "{failure}");
        assert!(
            RecordedBuild::read(directory.path(), &verified("other.json", &text)).is_err(),
            "not a file of the bundle"
        );
    }
}
