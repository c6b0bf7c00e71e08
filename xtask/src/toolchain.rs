// SPDX-License-Identifier: Apache-2.0
//! The compiler that builds Wasm: which one there is, and how to get one.
//!
//! 1. The active rustup toolchain, if it has the target.
//! 2. The same, once `rustup target add` has added it: only where that is safe and can work.
//! 3. The distribution's compiler with a sysroot of our own in the cache.

pub mod distribution;
pub mod rustup;

use crate::{context::Context, printer::Task, process::tool};
use rustup::Active;
use serde::Serialize;
use std::path::{Path, PathBuf};
use worker::{Failure, Result};

/// What polkadot-sdk's Wasm builder compiles for: WebAssembly without the features its executor lacks.
pub const TARGET: &str = "wasm32v1-none";

/// A compiler that can build Wasm now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WasmToolchain {
    /// Its name at rustup.
    pub name: String,
    pub sysroot: PathBuf,
    /// `rustc -vV`, whole: a build by another compiler is another build.
    pub rustc: String,
    pub by: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Rustup,
    Distribution,
}

impl WasmToolchain {
    /// `rustc 1.96.0 (…)`, the first line of what it says.
    pub fn version(&self) -> &str {
        self.rustc.lines().next().unwrap_or_default()
    }
}

#[derive(Debug)]
pub enum State {
    Ready(WasmToolchain),
    Missing { active: Active, plan: Plan },
}

/// What will be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    RustupTarget,
    /// Packages first where they are not installed, then a sysroot.
    Distribution {
        install: Vec<String>,
    },
    /// The sysroot is there; rustup only does not know it.
    Link {
        directory: PathBuf,
    },
    Impossible {
        why: Vec<String>,
    },
}

impl Plan {
    pub fn describe(&self, active: &Active) -> String {
        match self {
            Self::RustupTarget => format!("run `rustup target add {TARGET} --toolchain {}`", active.name),
            Self::Distribution { install } if install.is_empty() => {
                format!("build the core library for {TARGET} with the distribution's rustc into a directory of its own")
            }
            Self::Distribution { install } => format!(
                "install {} with apt-get, then build the core library for {TARGET} with it into a directory of its own",
                install.join(", ")
            ),
            Self::Link { directory } => format!("make {} known to rustup", directory.display()),
            Self::Impossible { .. } => "nothing: it cannot be had automatically here".into(),
        }
    }
}

/// Looks, and changes nothing.
pub fn probe(context: &Context) -> Result<State> {
    let active = rustup::active(context)?;
    if has_target(&active.directory) {
        let rustc = verbose_version(&active.directory.join("bin/rustc"))?;
        let toolchain = WasmToolchain { name: active.name, sysroot: active.directory, rustc, by: Origin::Rustup };
        return Ok(State::Ready(toolchain));
    }
    if let Some((directory, rustc)) = distribution::newest_whole(&context.cache) {
        return Ok(match rustup::linked_name(&directory) {
            Some(name) => State::Ready(WasmToolchain { name, sysroot: directory, rustc, by: Origin::Distribution }),
            None => State::Missing { active, plan: Plan::Link { directory } },
        });
    }
    let mut why = Vec::new();
    match rustup::can_add_target(&active) {
        Ok(()) => return Ok(State::Missing { active, plan: Plan::RustupTarget }),
        Err(reason) => why.push(format!("rustup cannot add it: {reason}")),
    }
    let plan = match distribution::packages_to_install() {
        Ok(install) => Plan::Distribution { install },
        Err(reason) => {
            why.push(format!("the distribution's compiler cannot be used: {reason}"));
            Plan::Impossible { why }
        }
    };
    Ok(State::Missing { active, plan })
}

/// The toolchain, made first if it is missing. This is what every other command calls.
pub fn ensure(context: &Context) -> Result<WasmToolchain> {
    match probe(context)? {
        State::Ready(toolchain) => Ok(toolchain),
        State::Missing { active, plan } => {
            let task = context.printer.task("setup");
            task.say(&format!("the Wasm target {TARGET} is missing; will {}", plan.describe(&active)));
            let toolchain = make(context, &active, &plan, &task)?;
            task.done(&format!("the Wasm target is there: {}", toolchain.version()));
            Ok(toolchain)
        }
    }
}

pub fn make(context: &Context, active: &Active, plan: &Plan, task: &Task) -> Result<WasmToolchain> {
    let log = context.log("setup");
    match plan {
        Plan::RustupTarget => {
            if let Err(failure) = rustup::add_target(active, &log, task) {
                crate::interrupt::check()?;
                task.warning(&format!(
                    "rustup could not add the target ({}); taking the distribution's compiler",
                    failure.message
                ));
                let install = distribution::packages_to_install().map_err(|_| failure)?;
                make_from_distribution(context, active, &install, &log, task)?;
            }
        }
        Plan::Distribution { install } => make_from_distribution(context, active, install, &log, task)?,
        Plan::Link { directory } => rustup::link(directory, &log)?,
        Plan::Impossible { why } => {
            return Err(Failure::environment(format!("the Wasm target {TARGET} is missing"))
                .found(why.join("\n"))
                .expected(format!("a Rust toolchain with the target {TARGET}"))
                .hint(format!(
                    "with access to a toolchain server: rustup target add {TARGET} --toolchain {}",
                    active.name
                )));
        }
    }
    match probe(context)? {
        State::Ready(toolchain) => Ok(toolchain),
        State::Missing { .. } => {
            Err(Failure::internal(format!("the Wasm target {TARGET} is still missing after it was set up"))
                .hint(format!("the log is {}", log.display())))
        }
    }
}

fn make_from_distribution(
    context: &Context,
    active: &Active,
    install: &[String],
    log: &Path,
    task: &Task,
) -> Result<()> {
    if !install.is_empty() {
        distribution::refresh_lists(log, task)?;
        // What is there may have become another line of packages.
        let install = distribution::packages_to_install().unwrap_or_else(|_| install.to_vec());
        if !install.is_empty() {
            distribution::install(&install, log, task)?;
        }
    }
    let directory = distribution::make(context, active, log, task)?;
    rustup::link(&directory, log)
}

/// Whether a toolchain's directory has the target's core library: what the Wasm builder asks too, but not by the
/// directory alone, which an interrupted installation leaves behind.
fn has_target(directory: &Path) -> bool {
    let libraries = directory.join("lib/rustlib").join(TARGET).join("lib");
    ["libcore-", "liballoc-", "libcompiler_builtins-"].iter().all(|prefix| find_rlib(&libraries, prefix).is_some())
}

/// The one library in a directory whose name begins so.
fn find_rlib(directory: &Path, prefix: &str) -> Option<PathBuf> {
    let names = std::fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path());
    names.into_iter().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(".rlib")
    })
}

pub fn verbose_version(rustc: &Path) -> Result<String> {
    Ok(tool!("{rustc} -vV")?.env_remove("RUSTUP_TOOLCHAIN").output()?.trim().to_owned())
}

/// A field of `rustc -vV`.
fn field<'text>(rustc: &'text str, name: &str) -> Option<&'text str> {
    rustc.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_there_only_with_all_three_libraries() {
        let directory = tempfile::tempdir().expect("a directory");
        let libraries = directory.path().join("lib/rustlib").join(TARGET).join("lib");
        std::fs::create_dir_all(&libraries).expect("made");
        for name in ["libcore-1.rlib", "liballoc-2.rlib", "libcompiler_builtins-3.rmeta"] {
            std::fs::write(libraries.join(name), "").expect("written");
            assert!(!has_target(directory.path()));
        }
        std::fs::write(libraries.join("libcompiler_builtins-3.rlib"), "").expect("written");
        assert!(has_target(directory.path()));
    }

    #[test]
    fn fields_of_the_version_are_read() {
        let text = "rustc 1.96.0 (abc)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.96.0";
        assert_eq!(field(text, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(field(text, "release"), Some("1.96.0"));
        assert_eq!(field(text, "LLVM version"), None);
    }
}
