// SPDX-License-Identifier: Apache-2.0
use crate::Xtask;
use std::{
    fs::{self, File},
    path::PathBuf,
};

/// The bundle of an upgrade of `standalone`. One serves all tests: the first to come makes it, and nobody spoils it.
pub fn bundle() -> PathBuf {
    let base = std::env::temp_dir().join("cutover-tests").join("bundle");
    fs::create_dir_all(&base).expect("a directory");
    let lock = File::create(base.join(".lock")).expect("a lock file");
    lock.lock().expect("locked");
    let out = base.join("standalone");
    Xtask::new(["upgrade", "--quiet", "--out", &out.display().to_string()]).run().expect_code(0);
    out
}
