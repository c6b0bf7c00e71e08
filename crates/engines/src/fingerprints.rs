// SPDX-License-Identifier: Apache-2.0
//! Cargo's records of what is compiled, its fingerprints. Cargo compares times of files and paths
//! only. Where these are the same for different code, a record is removed, and cargo compiles again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

/// Lets cargo compile these packages again, for all targets and profiles. `shared` are the
/// directories in the target directory that are target directories of their own.
pub fn forget(target: &Path, shared: &[&str], packages: &BTreeSet<String>) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    for directory in directories(target, shared) {
        let io = |error: std::io::Error| Failure::io("empty", &directory, &error);
        for entry in std::fs::read_dir(&directory).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            let package = name.to_str().and_then(|name| name.rsplit_once('-')).map(|(name, _)| name);
            if package.is_some_and(|package| packages.contains(package)) {
                std::fs::remove_dir_all(entry.path()).map_err(io)?;
            }
        }
    }
    Ok(())
}

/// Returns the directories with the records of all targets and profiles.
fn directories(target: &Path, shared: &[&str]) -> Vec<PathBuf> {
    let within = |directory: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let profiles = within(target).into_iter().chain(
        shared.iter().flat_map(|shared| within(&target.join(shared))).flat_map(|target| {
            let mut all = within(&target);
            all.push(target);
            all
        }),
    );
    profiles.map(|profile| profile.join(".fingerprint")).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_packages_are_compiled_again_and_in_every_profile() {
        let directory = tempfile::tempdir().expect("a directory");
        let places = ["debug", "wasm/release", "wasm/wasm32v1-none/release"];
        let record = |place: &str, name: &str| directory.path().join(place).join(".fingerprint").join(name);
        for place in places {
            for name in ["solo-1a2b", "solo-runtime-3c4d"] {
                std::fs::create_dir_all(record(place, name)).expect("made");
            }
        }
        forget(directory.path(), &["wasm"], &BTreeSet::new()).expect("nothing to do");
        assert!(record("debug", "solo-1a2b").exists());
        forget(directory.path(), &["wasm"], &BTreeSet::from(["solo".to_owned()])).expect("removed");
        for place in places {
            assert!(!record(place, "solo-1a2b").exists(), "{place}");
            assert!(record(place, "solo-runtime-3c4d").exists(), "{place}");
        }
    }
}
