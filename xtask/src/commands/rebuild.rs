// SPDX-License-Identifier: Apache-2.0
//! Rebuilds a blob from source, for `verify build` and `verify --rebuild`.
//!
//! The verifier trusts no claim: the engine and the image are the verifier's choice, and the source
//! is a clean checkout of the commit.

use super::build::{Built, build_into};
use crate::cli::{self, EngineOptions};
use console::printer::Task;
use engines::{Engine, Purpose};
use process::tool;
use protocol::{Source, bytes::BuildFacts, inspect::Request, rebuild::Rebuilt};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workers::Worker;
use workspace::{
    context::Context,
    git,
    inputs::Variant,
    runtimes::{Runtime, Workspace},
};

/// A build to repeat, and its expected result.
pub struct RebuildRequest<'a> {
    pub runtime: &'a Runtime,
    pub variant: &'a Variant,
    pub blake2_256: &'a str,
    /// The blob, if it is available, to explain a difference.
    pub blob: Option<Source>,
    /// The facts that the digest states about the build.
    pub stated: Option<BuildFacts>,
}

/// The sources to build: the current work tree, or an exported commit.
pub struct Sources {
    context: Context,
    pub workspace: Workspace,
    pub commit: Option<String>,
    directory: Option<tempfile::TempDir>,
    /// The engine and the image configured in the verifier's workspace. Those of the sources are
    /// ignored.
    configured: (Option<String>, Option<String>),
}

impl Sources {
    /// Opens the sources of a commit: `requested` by the user, else `stated` by a digest or a
    /// bundle. Returns an error if git does not have it. Uses the work tree if that is clean and at
    /// this commit.
    pub fn open(context: &Context, requested: Option<&str>, stated: Option<&str>, task: &Task) -> Result<Self> {
        let here = git::source(&context.workspace);
        let own = Workspace::load(context)?;
        let configured = (own.config.engine.clone(), own.config.image.clone());
        let work_tree = |commit: Option<String>, own: Workspace| Self {
            context: copy(context, &context.workspace),
            workspace: own,
            commit,
            directory: None,
            configured: configured.clone(),
        };
        let Some(name) = requested.or(stated) else { return Ok(work_tree(here.commit, own)) };
        let commit = git::commit(&context.workspace, name).ok_or_else(|| {
            let which = if requested.is_some() { "the" } else { "the stated" };
            Failure::input(format!("{which} commit {name} is not in {}", context.workspace.display()))
                .hint("git fetch, or name another one with --commit")
        })?;
        if here.commit.as_ref() == Some(&commit) && here.dirty == Some(false) {
            return Ok(work_tree(Some(commit), own));
        }
        task.say(&format!("exporting {commit} from git"));
        let directory = export(context, &commit)?;
        let root =
            std::fs::canonicalize(directory.path()).map_err(|error| Failure::io("use", directory.path(), &error))?;
        let context = copy(context, &root);
        let mut workspace = Workspace::load(&context)?;
        // The shared target directory avoids compiling build scripts for each commit.
        workspace.metadata.target_directory = own.metadata.target_directory;
        Ok(Self { context, workspace, commit: Some(commit), directory: Some(directory), configured })
    }

    /// Opens the engine given by the verifier's options, else by the configuration of the
    /// verifier's workspace. It does not use cached builds.
    pub fn engine<'a>(&'a self, options: &EngineOptions) -> Result<Box<dyn Engine + 'a>> {
        let mut options = options.clone();
        // An exported commit has no uncommitted changes.
        options.allow_dirty |= self.directory.is_some();
        let (engine, image) = &self.configured;
        if options.engine.is_none() {
            options.engine = Some(engines::named(engine.as_deref())?);
        }
        // Only container engines use an image.
        if options.engine != Some(cli::Engine::Host) {
            options.image = options.image.or_else(|| image.clone());
        }
        engines::open(&self.context, &self.workspace, &options, Purpose::Verification)
    }
}

/// Rebuilds the runtime and compares the hashes. Explains the difference if the expected blob is
/// available.
pub fn rebuild(
    engine: &dyn Engine,
    sources: &Sources,
    request: &RebuildRequest<'_>,
    task: &Task,
    log: &Path,
) -> Result<Rebuilt> {
    let RebuildRequest { runtime, variant, blake2_256, blob, stated } = request;
    let out = tempfile::tempdir()
        .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
    task.say(&format!("rebuilding {}", runtime.package));
    let Built { path, runtime: built, .. } = build_into(engine, runtime, variant, out.path(), task, log)?;
    let same = built.blake2_256 == *blake2_256;
    let difference = match (blob, same) {
        (Some(blob), false) => {
            // Without stated facts there is nothing to compare the build facts with.
            let facts = stated.as_ref().map(|_| BuildFacts {
                rustc: Some(built.record.rustc.clone()),
                profile: Some(variant.profile.to_owned()),
                commit: sources.commit.clone(),
                ..BuildFacts::default()
            });
            let request = Request::DiffBytes {
                old: blob.clone(),
                new: Source::File(path),
                old_build: Box::new(stated.clone().unwrap_or_default()),
                new_build: Box::new(facts.unwrap_or_default()),
                features: runtime.features.iter().cloned().collect(),
            };
            Some(workers::ask(&sources.context, Worker::Inspect, &request, task, log)?.value)
        }
        _ => None,
    };
    Ok(Rebuilt {
        package: runtime.package.clone(),
        engine: engine.name().to_owned(),
        plain: engine.plain(runtime),
        image_digest: engine.image().map(|image| image.digest.clone()),
        commit: sources.commit.clone(),
        dirty: built.record.dirty.filter(|_| sources.directory.is_none()),
        profile: variant.profile.to_owned(),
        features: variant.features.clone(),
        rustc: Some(built.record.rustc),
        expected: (*blake2_256).to_owned(),
        rebuilt: built.blake2_256,
        same,
        difference,
    })
}

/// Returns the context for another workspace directory.
fn copy(context: &Context, workspace: &Path) -> Context {
    Context {
        printer: context.printer.clone(),
        home: context.home.clone(),
        adopted: context.adopted,
        workspace: workspace.to_path_buf(),
        cache: context.cache.clone(),
        nodes: context.nodes.clone(),
    }
}

/// Exports the files of a commit to a temporary directory. A git work tree would need to be removed
/// from git afterwards.
fn export(context: &Context, commit: &str) -> Result<tempfile::TempDir> {
    let parent: PathBuf = context.cache.join("sources");
    let io = |error: std::io::Error| Failure::own_io("write into", &parent, &error);
    std::fs::create_dir_all(&parent).map_err(io)?;
    let directory = tempfile::Builder::new().prefix("commit-").tempdir_in(&parent).map_err(io)?;
    let archive = tempfile::Builder::new().suffix(".tar").tempfile_in(&parent).map_err(io)?;
    let (workspace, from, to) = (&context.workspace, archive.path(), directory.path());
    tool!("git -C {workspace} archive --format=tar --output {from} {commit}")?.output()?;
    tool!("tar -C {to} -xf {from}")?.output()?;
    Ok(directory)
}
