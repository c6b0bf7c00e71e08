// SPDX-License-Identifier: Apache-2.0
use crate::{Xtask, copy, locked, shared};
use std::{
    ops::Deref,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A bundle for one test, gone with it.
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

/// The bundle of an upgrade of `standalone`, with what the command keeps beside it: the first test to come makes it, each gets a
/// copy, since every run writes into its bundle.
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
