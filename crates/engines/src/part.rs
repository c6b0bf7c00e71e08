// SPDX-License-Identifier: Apache-2.0
//! The parts of a build that are this program under another name: cargo and the builds start them
//! as programs.

use crate::{build_root, rustc_wrapper};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::ExitCode,
};
use worker::{Failure, Result};

/// A part of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Starts cargo with the workspace at `/build`.
    BuildRoot,
    /// Starts rustc with paths and symbols that do not depend on the directory.
    RustcWrapper,
}

impl Part {
    const ALL: [Self; 2] = [Self::BuildRoot, Self::RustcWrapper];

    fn name(self) -> &'static str {
        match self {
            Self::BuildRoot => "cutover-build-root",
            Self::RustcWrapper => "cutover-rustc",
        }
    }
}

/// Installs this program as a part into the cache and returns its path. It is a hard link, so it
/// stays the same when cargo builds a newer program.
pub fn install(cache: &Path, part: Part) -> Result<PathBuf> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::internal("the path of this program is unknown").found(error.to_string()))?;
    let directory = cache.join("bin");
    let io = |error: std::io::Error| Failure::own_io("write into", &directory, &error);
    std::fs::create_dir_all(&directory).map_err(io)?;
    let path = directory.join(part.name());
    let fresh = tempfile::Builder::new().prefix(".partial-").tempdir_in(&directory).map_err(io)?;
    let link = fresh.path().join(part.name());
    std::fs::hard_link(&own, &link).or_else(|_| std::fs::copy(&own, &link).map(drop)).map_err(io)?;
    std::fs::rename(&link, &path).map_err(io)?;
    Ok(path)
}

/// Runs a part of a build if this program was started under its name, and returns its exit code.
pub fn run() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let own = arguments.next()?;
    let name = Path::new(&own).file_name()?;
    let part = Part::ALL.into_iter().find(|part| name == OsStr::new(part.name()))?;
    Some(match part {
        Part::BuildRoot => build_root::run(arguments),
        Part::RustcWrapper => rustc_wrapper::run(arguments),
    })
}
