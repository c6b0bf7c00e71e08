// SPDX-License-Identifier: Apache-2.0
//! The engines that build blobs: the compilers of this machine, a container, or an installed
//! srtool.
//!
//! Every blob is hashed here, also blobs from the cache. The result of an engine is not trusted.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod binaryen;
mod build_root;
pub mod container;
mod fingerprints;
pub mod host;
pub mod options;
mod part;
mod passes;
mod record;
mod rustc_wrapper;
mod sccache;
pub mod srtool;
pub mod toolchain;
mod wasm_builder;

use console::printer::Task;
pub use host::Builder;
pub use part::run as run_as_part;
use process::{Tool, interrupt};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};
use worker::{Code, Failure, Result};
use workspace::{
    cargo::{self, Refusal, build_errors, fetching},
    context::Context,
    inputs::{self, Variant},
    metadata::Reader,
    runtimes::{Runtime, Workspace},
};

const BLOB_LIMIT: u64 = 256 * 1024 * 1024;
/// The size limit of a log that is searched for an error, in bytes.
const LOG_LIMIT: u64 = 64 * 1024 * 1024;

/// A blob in the cache, and how it was built.
#[derive(Debug)]
pub struct Blob {
    /// The path in the cache, whose name is its digest.
    pub path: PathBuf,
    /// The file name outside the cache.
    pub file_name: String,
    /// The BLAKE2-256 hash of the blob, `0x` and hex.
    pub blake2_256: String,
    /// The version of the compiler that compiled the Wasm.
    pub rustc: String,
    /// The compiler cache that provided crates compiled elsewhere, if one was used.
    pub compiler_cache: Option<String>,
    /// Whether the cache already had the blob of these inputs.
    pub cached: bool,
}

/// A builder image, identified by its digest and not by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The reference that was requested.
    pub reference: String,
    /// The reference without tag and digest.
    pub name: String,
    /// The tag of the reference, if it has one.
    pub tag: Option<String>,
    /// The digest: `sha256:` and hex.
    pub digest: String,
    /// The reference that names exactly this image to the container engine.
    pub pin: String,
}

/// A way to build blobs.
pub trait Engine: Sync {
    /// Returns the context of the workspace that is built.
    fn context(&self) -> &Context;
    /// Returns the name on the command line and in evidence: `podman`.
    fn name(&self) -> &'static str;
    /// Returns the digest of the blob's inputs. The same key means the same blob.
    fn key(&self, runtime: &Runtime, variant: &Variant) -> Result<String>;
    /// Builds the blob, or returns it from the cache. `task` shows the progress, and the output of
    /// programs goes to `log`. Fails with the kind `Input` if the source does not compile.
    fn build(&self, runtime: &Runtime, variant: &Variant, task: &Task, log: &Path) -> Result<Blob>;

    /// Returns the builder image; `None` for engines without a container of their own.
    fn image(&self) -> Option<&Image> {
        None
    }

    /// Returns whether symbols contain cargo's own hashes of srtool's paths.
    fn plain(&self, _runtime: &Runtime) -> bool {
        true
    }

    /// Returns whether several builds may run in parallel.
    fn parallel(&self) -> bool {
        false
    }
}

/// The purpose of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Only the blob is needed.
    Blob,
    /// The build verifies that the source gives the blob: no earlier results are used.
    Verification,
    /// A dry run follows, in a worker that shares many dependencies with the build.
    Rehearsal,
}

/// Opens the engine of the options, else the one of the workspace's configuration.
pub fn open<'context>(
    context: &'context Context,
    workspace: &'context Workspace,
    options: &options::EngineOptions,
    purpose: Purpose,
) -> Result<Box<dyn Engine + 'context>> {
    let anew = purpose == Purpose::Verification;
    let engine = match options.engine {
        Some(engine) => engine,
        None => named(workspace.config.engine.as_deref())?,
    };
    if options.sccache && engine != options::Engine::Host {
        return Err(Failure::usage("--sccache works only with the host engine")
            .hint("a container has its own directory for compiled crates; leave --sccache out"));
    }
    if options.sccache && anew {
        return Err(Failure::usage("--sccache cannot be used in a build that compiles everything again")
            .expected("everything compiled here, so that nothing has to be trusted"));
    }
    if options.symbols == Some(options::Symbols::Canonical) && engine != options::Engine::Host {
        return Err(Failure::usage("only the host engine makes canonical symbols")
            .found(format!("--symbols canonical with a build at {}", build_root::WORKSPACE))
            .hint("--engine host, or leave --symbols out"));
    }
    Ok(match engine {
        options::Engine::Host => {
            if options.image.is_some() {
                return Err(Failure::usage("the host engine uses no image").hint("add --engine podman or docker"));
            }
            let builder = Builder::new(context, workspace)?.with_symbols(options.symbols);
            let builder = if purpose == Purpose::Rehearsal { builder } else { builder.alone() };
            Box::new(match (anew, options.sccache) {
                (true, _) => builder.anew(),
                (false, true) => builder.with_sccache()?,
                (false, false) => builder,
            })
        }
        options::Engine::Docker | options::Engine::Podman => {
            let program = if engine == options::Engine::Docker { "docker" } else { "podman" };
            Box::new(container::Container::open(context, workspace, program, options, anew)?)
        }
        options::Engine::Srtool => Box::new(srtool::Srtool::open(context, workspace, options)?),
    })
}

/// Returns the engine of a workspace's configuration; the host if it names none.
pub fn named(name: Option<&str>) -> Result<options::Engine> {
    let Some(name) = name else { return Ok(options::Engine::Host) };
    <options::Engine as clap::ValueEnum>::from_str(name, false).map_err(|_| {
        Failure::input("[workspace.metadata.cutover] names an unknown engine")
            .found(name)
            .expected("host, docker, podman or srtool")
    })
}

/// Fetches all packages of the lock file while the network is available. The index is not updated.
fn fetch(context: &Context, toolchain: Option<&str>, task: &Task) -> Result<()> {
    let tool = match toolchain {
        Some(name) => Tool::new("cargo").only_env(fetching()).env("RUSTUP_TOOLCHAIN", name),
        None => Reader::find(context)?.cargo_with(fetching()),
    };
    fetch_by(context, tool.args(["fetch", "--locked"]), task)
}

/// Fetches also what a toolchain's standard library depends on, for builders that compile it.
fn fetch_std(context: &Context, toolchain: &str, task: &Task) -> Result<()> {
    let tool = Tool::new("cargo").only_env(fetching()).env("RUSTUP_TOOLCHAIN", toolchain);
    // As the builder does: a stable cargo takes no unstable option otherwise.
    fetch_by(context, tool.args(["fetch", "--locked", "-Zbuild-std"]).env("RUSTC_BOOTSTRAP", "1"), task)
}

fn fetch_by(context: &Context, tool: Tool, task: &Task) -> Result<()> {
    let log = context.log("fetch");
    let _ = std::fs::remove_file(&log);
    let tool = tool.arg("--manifest-path").arg(context.workspace.join("Cargo.toml")).directory(&context.workspace);
    tool.logged(&log, |line| task.tick(line)).map_err(|failure| {
        let text = files::read_bounded(&log, LOG_LIMIT).unwrap_or_default();
        match Refusal::of(&String::from_utf8_lossy(&text)) {
            Refusal::LockFile => other_lock_file(failure),
            Refusal::Sources { line, .. } => {
                Failure { message: "the sources cannot be fetched".into(), ..failure }.found(line)
            }
            _ => Failure { message: "the sources cannot be fetched".into(), ..failure },
        }
    })
}

/// Checks that the runtime has the features. An unknown feature is an error of the command line
/// with every engine.
fn check_features(runtime: &Runtime, variant: &Variant) -> Result<()> {
    let known = |feature: &&String| {
        let feature = runtime.own_feature(feature);
        feature.contains('/') || runtime.features.contains(feature)
    };
    if let Some(unknown) = variant.features.iter().find(|feature| !known(feature)) {
        let list = runtime.features.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(
            Failure::usage(format!("{} has no feature {unknown:?}", runtime.package)).expected(format!("of {list}"))
        );
    }
    // Cargo turns on features of the packages that it is told to build. A published runtime is a
    // dependency of such a package, and its own dependencies are out of reach.
    let of_dependency = |feature: &&String| runtime.own_feature(feature).contains('/');
    match (&runtime.through, variant.features.iter().find(of_dependency)) {
        (Some(member), Some(feature)) => Err(Failure::usage(format!(
            "the feature {feature:?} cannot be turned on: {} is not a package of the workspace",
            runtime.package
        ))
        .hint(format!("turn it on in the manifest of {member}"))),
        _ if runtime.through.is_some() && !variant.default_features => Err(Failure::usage(format!(
            "--no-default-features cannot be used: {} is not a package of the workspace",
            runtime.package
        ))
        .hint("set `default-features = false` in the manifest that depends on it")),
        _ => Ok(()),
    }
}

/// Waits for the lock of a target directory. It is released when the file is dropped.
fn lock(path: &Path, task: &Task) -> Result<File> {
    let io = |error: std::io::Error| Failure::io("lock", path, &error);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(io)?;
    }
    let file = File::create(path).map_err(io)?;
    let mut announced = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(io(error)),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut announced, true) {
                    task.say(&format!("waiting for another build, which has {}", path.display()));
                }
                interrupt::check()?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Returns the files outside the packages that were compiled into a blob (for example with
/// `include_bytes!`), with their digests, from the dep-info file of its library. `seen` is the
/// directory at which the build saw the workspace `root`, and `generated` one whose files are made
/// by the build. Paths in the workspace are relative to it, so that a record of one clone fits
/// another one's files only if they are the same.
fn extra_sources(
    workspace: &Workspace,
    runtime: &Runtime,
    dep_info: &str,
    seen: &Path,
    generated: &Path,
) -> Result<Vec<(PathBuf, String)>> {
    let root = workspace.metadata.workspace_root.as_std_path();
    let covered = inputs::covered(&workspace.metadata, runtime)?;
    let sources = cargo::dep_info_sources(dep_info).into_iter().filter(|path| !path.starts_with(generated));
    let real = sources.map(|path| path.strip_prefix(seen).map(|inside| root.join(inside)).unwrap_or(path));
    let outside = real.filter(|path| !path.starts_with(generated) && !covered.contains(path));
    let named = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_path_buf();
    outside.map(|path| Ok((named(&path), inputs::file_digest(&path)?))).collect()
}

/// Refuses a runtime whose blob has a name of its own: the interface of srtool's images finds only
/// the blob that has the library's name.
fn refuse_blob_name(runtime: &Runtime) -> Result<()> {
    match &runtime.config.blob {
        Some(blob) if *blob != runtime.library => {
            Err(Failure::usage(format!("the blob {blob:?} of {} is built by the host engine only", runtime.package))
                .found("an image of srtool, which finds the blob of the library's name")
                .hint("--engine host"))
        }
        _ => Ok(()),
    }
}

fn other_lock_file(failure: Failure) -> Failure {
    Failure { found: failure.found, ..Failure::input("the lock file does not fit the manifests") }
        .hint("cargo update --workspace")
}

/// Returns the failure of a build. A runtime that does not compile is invalid input.
fn explain(failure: Failure, runtime: &Runtime, root: &Path, log: &Path) -> Failure {
    let found = failure.found.clone().unwrap_or_default();
    if Refusal::of_failure(&failure) == Refusal::LockFile {
        return other_lock_file(failure);
    }
    if !failure.is(Code::ProgramFailed) || interrupt::happened() {
        return failure;
    }
    let errors = std::fs::File::open(log).map(build_errors).unwrap_or_default();
    let found = if errors.is_empty() { found } else { errors };
    // The compiler was given another path for the workspace. The message names the real one, so
    // that the file can be opened.
    let found = found.replace("--> /build/", &format!("--> {}/", root.display()));
    let explained =
        Failure::input(format!("{} {} cannot be built to Wasm", runtime.package, runtime.version)).found(found);
    Failure { hint: failure.hint, ..explained }
}

/// Copies a blob from the cache, unless the copy exists already.
pub fn copy_blob(blob: &Blob, directory: &Path, file_name: &str) -> Result<PathBuf> {
    let path = directory.join(file_name);
    if path.is_file() && inputs::file_digest(&path)? == blob.blake2_256 {
        return Ok(path);
    }
    files::write_whole(&path, &files::read_bounded(&blob.path, BLOB_LIMIT)?)?;
    Ok(path)
}
