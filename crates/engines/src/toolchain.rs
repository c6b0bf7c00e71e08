// SPDX-License-Identifier: Apache-2.0
//! Finds or installs a compiler that can build Wasm.
//!
//! 1. The active rustup toolchain, if it has the target.
//! 2. The same toolchain after `rustup target add`, if that is safe and can work.
//! 3. The distribution's compiler with Cutover's own sysroot in the cache.

pub mod distribution;
pub mod rustup;

use console::printer::Task;
use process::tool;
use rustup::ActiveToolchain;
use serde::Serialize;
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::context::Context;

/// The target of polkadot-sdk's Wasm builder: WebAssembly without the features that its executor
/// lacks.
pub const TARGET: &str = "wasm32v1-none";

/// A compiler that can build Wasm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WasmToolchain {
    /// The toolchain's name in rustup.
    pub name: String,
    /// The directory of the toolchain, with the core library for the target.
    pub sysroot: PathBuf,
    /// The full output of `rustc -vV`, as a build by another compiler is another build.
    pub rustc: String,
    /// Where the compiler comes from.
    pub by: Origin,
}

/// The origin of a toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A toolchain of rustup that has the target.
    Rustup,
    /// The distribution's compiler with Cutover's own sysroot.
    Distribution,
}

impl WasmToolchain {
    /// Returns the version line of rustc, for example `rustc 1.96.0 (…)`.
    pub fn version(&self) -> &str {
        self.rustc.lines().next().unwrap_or_default()
    }
}

/// Whether a toolchain with the target exists.
#[derive(Debug)]
pub enum State {
    /// A toolchain with the target exists.
    Ready(WasmToolchain),
    /// No toolchain has the target.
    Missing {
        /// The active toolchain of the workspace.
        active: ActiveToolchain,
        /// The way to get the target.
        plan: Plan,
    },
}

/// The way to get a toolchain with the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Add the target with rustup.
    RustupTarget,
    /// Install packages if they are missing, then build a sysroot.
    Distribution {
        /// The packages to install with apt-get. Empty if all are installed.
        install: Vec<String>,
    },
    /// Link an existing sysroot that rustup does not know.
    Link {
        /// The directory of the sysroot.
        directory: PathBuf,
    },
    /// There is no automatic way on this machine.
    Impossible {
        /// The reasons, one for each way that was tried.
        why: Vec<String>,
    },
}

impl Plan {
    /// Returns the plan in words, for users. `active` is the toolchain that lacks the target.
    pub fn describe(&self, active: &ActiveToolchain) -> String {
        match self {
            Self::RustupTarget => format!("run `rustup target add {TARGET} --toolchain {}`", active.name),
            Self::Distribution { install } if install.is_empty() => {
                format!("build the core library for {TARGET} with the distribution's rustc into a separate directory")
            }
            Self::Distribution { install } => format!(
                "install {} with apt-get, then build the core library for {TARGET} with it into a separate directory",
                install.join(", ")
            ),
            Self::Link { directory } => format!("register {} with rustup", directory.display()),
            Self::Impossible { .. } => "nothing: it cannot be installed automatically on this machine".into(),
        }
    }
}

/// Returns the state of the toolchain, without changes.
pub fn probe(context: &Context) -> Result<State> {
    let active = rustup::active(context)?;
    if has_target(&active.directory) {
        let rustc = verbose_version(&active.directory.join("bin/rustc"))?;
        let toolchain = WasmToolchain { name: active.name, sysroot: active.directory, rustc, by: Origin::Rustup };
        return Ok(State::Ready(toolchain));
    }
    if let Some((directory, rustc)) = distribution::newest_complete(&context.cache) {
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

/// Returns the toolchain, and installs it if it is missing. All other commands call this.
pub fn ensure(context: &Context) -> Result<WasmToolchain> {
    match probe(context)? {
        State::Ready(toolchain) => Ok(toolchain),
        State::Missing { active, plan } => {
            let task = context.printer.task("setup");
            task.say(&format!("the Wasm target {TARGET} is missing; will {}", plan.describe(&active)));
            let toolchain = make(context, &active, &plan, &task)?;
            task.done(&format!("the Wasm target is installed: {}", toolchain.version()));
            Ok(toolchain)
        }
    }
}

/// Installs the toolchain according to the plan.
pub fn make(context: &Context, active: &ActiveToolchain, plan: &Plan, task: &Task) -> Result<WasmToolchain> {
    let log = context.log("setup");
    match plan {
        Plan::RustupTarget => {
            if let Err(failure) = rustup::add_target(active, &log, task) {
                process::interrupt::check()?;
                task.warning(&format!(
                    "rustup could not add the target ({}); using the distribution's compiler",
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
    active: &ActiveToolchain,
    install: &[String],
    log: &Path,
    task: &Task,
) -> Result<()> {
    if !install.is_empty() {
        distribution::refresh_lists(log, task)?;
        // The new lists may offer other packages.
        let install = distribution::packages_to_install().unwrap_or_else(|_| install.to_vec());
        if !install.is_empty() {
            distribution::install(&install, log, task)?;
        }
    }
    let directory = distribution::make(context, active, log, task)?;
    rustup::link(&directory, log)
}

/// Returns whether a toolchain has the target's core library. Unlike the Wasm builder it does not
/// only look at the directory, which an interrupted installation leaves behind.
fn has_target(directory: &Path) -> bool {
    let libraries = directory.join("lib/rustlib").join(TARGET).join("lib");
    ["libcore-", "liballoc-", "libcompiler_builtins-"].iter().all(|prefix| find_rlib(&libraries, prefix).is_some())
}

/// Returns the library in a directory whose name starts with `prefix`.
fn find_rlib(directory: &Path, prefix: &str) -> Option<PathBuf> {
    let names = std::fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path());
    names.into_iter().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(".rlib")
    })
}

/// Returns the output of `rustc -vV`.
pub fn verbose_version(rustc: &Path) -> Result<String> {
    Ok(tool!("{rustc} -vV")?.env_remove("RUSTUP_TOOLCHAIN").output()?.trim().to_owned())
}

/// Returns a field of `rustc -vV`.
pub(crate) fn field<'text>(rustc: &'text str, name: &str) -> Option<&'text str> {
    rustc.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_needs_all_three_libraries() {
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
