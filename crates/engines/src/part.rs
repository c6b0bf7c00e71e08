// SPDX-License-Identifier: Apache-2.0
//! The parts of a build that are this program under another name: cargo and the builds start them
//! as programs.

use crate::{build_root, rustc_wrapper};
use std::{
    ffi::OsStr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
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

/// The age after which a part of an older program is removed.
const OUTDATED: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Installs this program as a part into the cache and returns its path. It is a hard link in a
/// directory of this very program: a newer program, or that of another workspace, does not replace
/// a part that a build uses.
pub fn install(cache: &Path, part: Part) -> Result<PathBuf> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::internal("the path of this program is unknown").found(error.to_string()))?;
    let failed = |error: std::io::Error| Failure::internal("this program cannot be read").found(error.to_string());
    let metadata = std::fs::metadata(&own).map_err(failed)?;
    let programs = cache.join("bin");
    remove_outdated(&programs);
    let identity = format!("{:x}-{:x}-{:x}", metadata.ino(), metadata.len(), metadata.mtime_nsec());
    let directory = programs.join(identity);
    let io = |error: std::io::Error| Failure::own_io("write into", &directory, &error);
    std::fs::create_dir_all(&directory).map_err(io)?;
    let path = directory.join(part.name());
    if path.is_file() {
        return Ok(path);
    }
    let fresh = tempfile::Builder::new().prefix(".partial-").tempdir_in(&directory).map_err(io)?;
    let link = fresh.path().join(part.name());
    std::fs::hard_link(&own, &link).or_else(|_| std::fs::copy(&own, &link).map(drop)).map_err(io)?;
    std::fs::rename(&link, &path).map_err(io)?;
    Ok(path)
}

fn remove_outdated(programs: &Path) {
    let old = |path: &PathBuf| {
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        path.is_dir() && modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > OUTDATED))
    };
    for path in std::fs::read_dir(programs).into_iter().flatten().flatten().map(|entry| entry.path()).filter(old) {
        // If it stays, only disk space is wasted.
        let _ = std::fs::remove_dir_all(path);
    }
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
