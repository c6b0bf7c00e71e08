// SPDX-License-Identifier: Apache-2.0
//! Where a blob is built: by the compilers of this machine, in a container, or by an installed srtool.
//!
//! Whatever the engine says about its result, the blob is hashed here, and what is in the cache was hashed here.

pub mod container;
pub mod host;
mod record;
mod sccache;
pub mod srtool;

use crate::{
    cargo::{compiler_errors, fetching},
    cli,
    context::Context,
    inputs::{self, Variant},
    interrupt,
    printer::Task,
    process::{Tool, lock_file_is_old},
    runtimes::{Runtime, Workspace},
};
pub use host::Builder;
use std::path::{Path, PathBuf};
use worker::{Code, Failure, Result};

const BLOB_LIMIT: u64 = 256 * 1024 * 1024;

#[derive(Debug)]
pub struct Blob {
    /// In the cache, under a name made of its digest.
    pub path: PathBuf,
    /// The name it has outside.
    pub file_name: String,
    pub blake2_256: String,
    /// The compiler of the Wasm, in its own words.
    pub rustc: String,
    /// What gave parts that were compiled elsewhere, if anything did.
    pub compiler_cache: Option<String>,
    pub cached: bool,
}

/// A builder image, known by what it is and not by what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// As it was asked for.
    pub reference: String,
    pub name: String,
    pub tag: Option<String>,
    /// `sha256:` and hex.
    pub digest: String,
}

/// One way of building.
pub trait Engine: Sync {
    fn context(&self) -> &Context;
    fn name(&self) -> &'static str;
    /// What the blob is made from: the same key, the same blob.
    fn key(&self, runtime: &Runtime, variant: &Variant) -> Result<String>;
    fn build(&self, runtime: &Runtime, variant: &Variant, task: &Task, log: &Path) -> Result<Blob>;

    fn image(&self) -> Option<&Image> {
        None
    }

    /// Whether symbols are those that cargo gives, as srtool has them.
    fn plain(&self) -> bool {
        false
    }

    /// Whether several builds may run side by side.
    fn parallel(&self) -> bool {
        false
    }
}

/// What a blob is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The blob is all that is wanted.
    Blob,
    /// The same, to see whether source gives blob: nothing that was compiled before is taken for granted.
    Verification,
    /// It is tried next, by a worker that needs much of what building it needs.
    Rehearsal,
}

/// The engine that the options ask for, else the one that the workspace's configuration names.
pub fn open<'context>(
    context: &'context Context,
    workspace: &'context Workspace,
    options: &cli::EngineOptions,
    purpose: Purpose,
) -> Result<Box<dyn Engine + 'context>> {
    let anew = purpose == Purpose::Verification;
    let engine = match options.engine {
        Some(engine) => engine,
        None => named(workspace.config.engine.as_deref())?,
    };
    if options.sccache && engine != cli::Engine::Host {
        return Err(Failure::usage("--sccache is for builds of the host engine")
            .hint("a container keeps what it compiled in a directory of its own, without it"));
    }
    if options.sccache && anew {
        return Err(Failure::usage("--sccache and a build anew exclude each other")
            .expected("to compile everything here, so that nothing has to be trusted"));
    }
    Ok(match engine {
        cli::Engine::Host => {
            if options.image.is_some() {
                return Err(Failure::usage("the host engine takes no image").hint("add --engine podman or docker"));
            }
            let builder = Builder::new(context, workspace)?;
            let builder = if purpose == Purpose::Rehearsal { builder } else { builder.alone() };
            Box::new(match (anew, options.sccache) {
                (true, _) => builder.anew(),
                (false, true) => builder.with_sccache()?,
                (false, false) => builder,
            })
        }
        cli::Engine::Docker | cli::Engine::Podman => {
            let program = if engine == cli::Engine::Docker { "docker" } else { "podman" };
            Box::new(container::Container::open(context, workspace, program, options, anew)?)
        }
        cli::Engine::Srtool => Box::new(srtool::Srtool::open(context, workspace, options)?),
    })
}

/// The engine that a workspace's configuration names; the host where it names none.
pub fn named(name: Option<&str>) -> Result<cli::Engine> {
    let Some(name) = name else { return Ok(cli::Engine::Host) };
    <cli::Engine as clap::ValueEnum>::from_str(name, false).map_err(|_| {
        Failure::input("[workspace.metadata.cutover] names an engine that is none")
            .found(name)
            .expected("host, docker, podman or srtool")
    })
}

/// Fetches all packages that the lock file names, while there is a network. The index is not asked for newer ones.
fn fetch(context: &Context, toolchain: Option<&str>, task: &Task) -> Result<()> {
    let log = context.log("fetch");
    let _ = std::fs::remove_file(&log);
    let mut tool = Tool::new("cargo").args(["fetch", "--locked", "--manifest-path"]);
    tool = tool.arg(context.workspace.join("Cargo.toml")).directory(&context.workspace).only_env(fetching());
    if let Some(name) = toolchain {
        tool = tool.env("RUSTUP_TOOLCHAIN", name);
    }
    tool.logged(&log, |line| task.tick(line)).map_err(|failure| match lock_file_is_old(&failure) {
        true => other_lock_file(failure),
        false => Failure { message: "the sources cannot be fetched".into(), ..failure },
    })
}

/// A feature that the runtime lacks is a mistake of the command line, whatever engine would have said about it.
fn check_features(runtime: &Runtime, variant: &Variant) -> Result<()> {
    let unknown =
        variant.features.iter().find(|feature| !feature.contains('/') && !runtime.features.contains(*feature));
    let Some(unknown) = unknown else { return Ok(()) };
    let known = runtime.features.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    Err(Failure::usage(format!("{} has no feature {unknown:?}", runtime.package)).expected(format!("of {known}")))
}

fn other_lock_file(failure: Failure) -> Failure {
    Failure { found: failure.found, ..Failure::input("the lock file does not fit the manifests") }
        .hint("cargo update --workspace")
}

/// A runtime that does not compile is the input's fault.
fn explain(failure: Failure, runtime: &Runtime, root: &Path, log: &Path) -> Failure {
    let found = failure.found.clone().unwrap_or_default();
    if lock_file_is_old(&failure) {
        return other_lock_file(failure);
    }
    if !failure.is(Code::ProgramFailed) || interrupt::happened() {
        return failure;
    }
    let errors = std::fs::File::open(log).map(compiler_errors).unwrap_or_default();
    let found = if errors.is_empty() { found } else { errors };
    // The compiler was told to call the workspace by another name; a person wants to open the file.
    let found = found.replace("--> /build/", &format!("--> {}/", root.display()));
    let explained =
        Failure::input(format!("{} {} cannot be built to Wasm", runtime.package, runtime.version)).found(found);
    Failure { hint: failure.hint, ..explained }
}

/// Copies a blob out of the cache, unless it is there already.
pub fn place(blob: &Blob, directory: &Path, file_name: &str) -> Result<PathBuf> {
    let path = directory.join(file_name);
    if path.is_file() && inputs::file_digest(&path)? == blob.blake2_256 {
        return Ok(path);
    }
    files::write_whole(&path, &files::read_bounded(&blob.path, BLOB_LIMIT)?)?;
    Ok(path)
}
