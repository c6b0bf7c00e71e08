// SPDX-License-Identifier: Apache-2.0
use crate::skipped;
use std::{path::PathBuf, process::Command};

/// Returns the directory of a published package, unpacked in Cargo's registry. A missing package is
/// downloaded by `cargo info`. Returns `None`, and reports that the test is skipped, if that fails
/// too. In CI it panics.
pub fn registry_package(name: &str, version: &str) -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    let sources = home.join("registry/src");
    let find = || {
        let registries = std::fs::read_dir(&sources).ok()?;
        let mut packages = registries.flatten().map(|entry| entry.path().join(format!("{name}-{version}")));
        // Cargo writes this file last. Without it another process is still unpacking the package.
        packages.find(|path| path.join(".cargo-ok").is_file())
    };
    let found = find().or_else(|| {
        let _ = Command::new("cargo").args(["info", "--quiet", &format!("{name}@{version}")]).output();
        find()
    });
    if found.is_none() {
        skipped(&format!("{name} {version} is not in {} nor to be fetched", sources.display()));
    }
    found
}
