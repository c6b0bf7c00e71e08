// SPDX-License-Identifier: Apache-2.0
//! Reads a workspace with cargo.
//!
//! Reading needs no compiler of the workspace. If its toolchain is not installed, the toolchain
//! that runs this program reads it. Rustup installs nothing for that.

use crate::{
    cargo::{Refusal, first_error},
    context::Context,
    toolchain_file,
};
use cargo_metadata::{Metadata, MetadataCommand};
use process::Tool;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

/// The largest manifest that is read, in bytes.
const MANIFEST_LIMIT: u64 = 4 << 20;

/// A cargo that can read the workspace.
pub struct Reader<'context> {
    context: &'context Context,
    /// The directory of the toolchain's programs; `None` for those in `PATH`.
    programs: Option<PathBuf>,
    /// The host of its compiler.
    host: Option<String>,
}

impl<'context> Reader<'context> {
    /// Finds the workspace's own toolchain, else the one that runs this program.
    pub fn find(context: &'context Context) -> Result<Self> {
        let own = own(context, Tool::new("rustc").arg("-vV")).capture();
        process::interrupt::check()?;
        let refused = match own {
            Ok(captured) if captured.status.success() => {
                let host = host(&String::from_utf8_lossy(&captured.stdout));
                return Ok(Self { context, programs: None, host });
            }
            Ok(_) => None,
            Err(failure) => Some(failure),
        };
        for directory in [context.home.as_path(), Path::new("/")] {
            if let Some((programs, host)) = programs(directory)? {
                return Ok(Self { context, programs: Some(programs), host });
            }
        }
        Err(match (refused, toolchain_file::find(&context.workspace)) {
            (Some(refused), _) => refused,
            (None, Some(named)) => Failure::environment("there is no Rust toolchain that could read the workspace")
                .found(format!("{}, named by {}, is not installed", named.channel, named.file.display()))
                .hint(format!("rustup toolchain install {}", named.channel)),
            (None, None) => Failure::environment("there is no Rust toolchain that could read the workspace")
                .found("`rustc -vV` failed")
                .hint("rustup toolchain install stable"),
        })
    }

    /// Returns a call of cargo in the workspace.
    pub fn cargo(&self) -> Tool {
        self.configure(Tool::new(self.program()))
    }

    /// Returns a call of cargo with exactly these variables and those that choose its compiler.
    pub fn cargo_with(&self, variables: Vec<(OsString, OsString)>) -> Tool {
        self.configure(Tool::new(self.program()).only_env(variables))
    }

    fn program(&self) -> PathBuf {
        self.programs.as_ref().map_or_else(|| "cargo".into(), |programs| programs.join("cargo"))
    }

    fn configure(&self, cargo: Tool) -> Tool {
        match &self.programs {
            None => own(self.context, cargo),
            Some(programs) => cargo.env("RUSTC", programs.join("rustc")).directory(&self.context.workspace),
        }
    }
}

/// Lets the workspace choose the toolchain of a program. `RUSTUP_TOOLCHAIN` is set by the cargo that
/// runs this program. It would override the choice of another workspace.
fn own(context: &Context, tool: Tool) -> Tool {
    let tool = tool.directory(&context.workspace).env("RUSTUP_AUTO_INSTALL", "0");
    if context.foreign() { tool.env_remove("RUSTUP_TOOLCHAIN") } else { tool }
}

/// Returns the directory of the programs of the toolchain in a directory, and its host.
fn programs(directory: &Path) -> Result<Option<(PathBuf, Option<String>)>> {
    let answer = |arguments: &[&str]| {
        let rustc = Tool::new("rustc").args(arguments).directory(directory).env("RUSTUP_AUTO_INSTALL", "0");
        let captured = rustc.capture().ok().filter(|captured| captured.status.success());
        captured.map(|captured| String::from_utf8_lossy(&captured.stdout).into_owned())
    };
    let found = answer(&["--print", "sysroot"]).map(|sysroot| Path::new(sysroot.trim()).join("bin"));
    let found = found.filter(|programs| programs.join("cargo").is_file() && programs.join("rustc").is_file());
    let found = found.map(|programs| (programs, answer(&["-vV"]).as_deref().and_then(host)));
    process::interrupt::check()?;
    Ok(found)
}

fn host(version: &str) -> Option<String> {
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

/// The reason why a workspace was not read.
#[derive(Debug)]
pub enum Unread {
    /// The sources of a dependency cannot be fetched. The manifests alone can be read.
    Sources(Failure),
    /// Any other failure.
    Failed(Failure),
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Sources(failure) | Unread::Failed(failure) => failure,
        }
    }
}

/// Returns cargo's metadata of the workspace with its dependencies. The lock file is not changed.
pub fn metadata(context: &Context) -> std::result::Result<Metadata, Unread> {
    let reader = Reader::find(context)?;
    let mut cargo = reader.cargo().args(["metadata", "--format-version", "1", "--locked"]);
    if let Some(host) = &reader.host {
        cargo = cargo.args(["--filter-platform", host]);
    }
    read(context, cargo, |text| match Refusal::of(text) {
        // What the manifests alone do not need is what cargo did not get, however it says so.
        Refusal::Other if !first_error(text).is_empty() && members(context).is_ok() => Refusal::sources(text),
        refusal => refusal,
    })
}

/// Returns cargo's metadata of the workspace without its dependencies, which take a second and need
/// a lock file.
pub fn members(context: &Context) -> Result<Metadata> {
    let cargo = Reader::find(context)?.cargo().args(["metadata", "--format-version", "1", "--no-deps"]);
    Ok(read(context, cargo, Refusal::of)?)
}

/// Returns the package names of `[profile.dev.package]` in the manifest of a workspace: `"*"` and
/// those with settings of their own.
pub fn profiled_packages(workspace: &Path) -> Result<Vec<String>> {
    let path = workspace.join("Cargo.toml");
    let text = files::read_bounded(&path, MANIFEST_LIMIT)?;
    let manifest = String::from_utf8_lossy(&text)
        .parse::<toml_edit::DocumentMut>()
        .map_err(|error| Failure::input(format!("{} cannot be read", path.display())).found(error.to_string()))?;
    let packages = ["profile", "dev", "package"].iter().try_fold(manifest.as_item(), |item, key| item.get(key));
    let table = packages.and_then(toml_edit::Item::as_table_like);
    Ok(table.into_iter().flat_map(|table| table.iter().map(|(name, _)| name.to_owned())).collect())
}

/// Reads what cargo writes. `reason` finds the reason of a failure in its messages.
fn read(context: &Context, cargo: Tool, reason: impl Fn(&str) -> Refusal) -> std::result::Result<Metadata, Unread> {
    let cargo = cargo.arg("--manifest-path").arg(context.workspace.join("Cargo.toml"));
    let argv = cargo.argv();
    let captured = cargo.capture()?;
    process::interrupt::check()?;
    if !captured.status.success() {
        return Err(explain(captured.failure(&argv), reason(&captured.stderr), context));
    }
    MetadataCommand::parse(String::from_utf8_lossy(&captured.stdout)).map_err(|error| {
        let failure = Failure::environment("`cargo metadata` returned an unknown result");
        Unread::Failed(failure.found(error.to_string()))
    })
}

/// Explains a failure of cargo. A missing or outdated lock file is invalid input for the user to
/// fix, because Cutover never writes it.
fn explain(failure: Failure, refusal: Refusal, context: &Context) -> Unread {
    let path = context.workspace.join("Cargo.toml");
    let manifest = process::quote(path.as_os_str());
    let found = failure.found.clone().unwrap_or_default();
    Unread::Failed(match refusal {
        Refusal::LockFile => {
            let (state, mend) = match context.workspace.join("Cargo.lock").exists() {
                false => ("has no lock file", "generate-lockfile"),
                true => ("has a lock file that does not fit its manifests", "update --workspace"),
            };
            Failure::input(format!("the workspace {} {state}", context.workspace.display()))
                .found(found)
                .expected("a Cargo.lock, as a build without one is not reproducible")
                .hint(format!("cargo {mend} --manifest-path {manifest}"))
        }
        Refusal::LockFileFormat => {
            Failure::input(format!("the lock file of {} cannot be read", context.workspace.display()))
                .found(found)
                .expected("a Cargo.lock of a version that the workspace's cargo reads")
                .hint("name the compiler that wrote it in rust-toolchain.toml")
        }
        Refusal::Manifest => Failure::input(format!("{} cannot be read", path.display())).found(found),
        Refusal::Sources { dependency, line } => {
            let what = dependency.map_or_else(|| "a dependency".to_owned(), |name| format!("the dependency {name}"));
            return Unread::Sources(
                Failure::environment(format!("{what} of the workspace cannot be fetched"))
                    .found(line)
                    .hint(format!("cargo fetch --locked --manifest-path {manifest}")),
            );
        }
        Refusal::Other => failure,
    })
}
