// SPDX-License-Identifier: Apache-2.0
use crate::{Xtask, copy, locked, shared};
use std::{
    ops::Deref,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A bundle for one test, deleted when it is dropped.
pub struct Bundle {
    _directory: TempDir,
    path: PathBuf,
}

impl Deref for Bundle {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

/// Returns a copy of the bundle of an upgrade of `standalone`, with its work and log directories.
/// The first test makes the bundle. Each test gets a copy, because every run writes into its
/// bundle.
pub fn bundle() -> Bundle {
    let base = shared("bundle");
    let _lock = locked(base.join(".lock"));
    let out = base.join("standalone");
    Xtask::new(["upgrade", "--quiet", "--out", &out.display().to_string()]).run().expect_code(0);
    let own = tempfile::tempdir().expect("a directory");
    for name in ["standalone", "standalone.work", "standalone.logs"] {
        copy(&base.join(name), &own.path().join(name));
    }
    let path = own.path().join("standalone");
    Bundle { _directory: own, path }
}
