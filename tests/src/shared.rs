// SPDX-License-Identifier: Apache-2.0
//! Directories that all tests of a checkout share, across processes.

use crate::repository;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Returns a shared directory of this checkout. Other checkouts have other sources and directories.
pub fn shared(name: &str) -> PathBuf {
    let checkout = artifact::hashes::blake2_64(repository().as_os_str().as_encoded_bytes());
    let checkout = hex::encode_prefixed(checkout);
    let directory = std::env::temp_dir().join("cutover-tests").join(&checkout[2..]).join(name);
    fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// Returns the lock of a file, and waits for it.
pub fn locked(path: PathBuf) -> File {
    let lock = File::create(path).expect("a lock file");
    lock.lock().expect("locked");
    lock
}

/// Copies a directory with its content.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(|_| ()).expect("copied") }
    }
}
