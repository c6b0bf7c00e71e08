// SPDX-License-Identifier: Apache-2.0
//! What the tests of one checkout make once for all of them, whatever processes they run in.

use crate::repository;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// A directory of this checkout's own: another one is another source.
pub fn shared(name: &str) -> PathBuf {
    let checkout = artifact::hashes::blake2_64(repository().as_os_str().as_encoded_bytes());
    let checkout = hex::encode_prefixed(checkout);
    let directory = std::env::temp_dir().join("cutover-tests").join(&checkout[2..]).join(name);
    fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// Waits until nobody else has it.
pub fn locked(path: PathBuf) -> File {
    let lock = File::create(path).expect("a lock file");
    lock.lock().expect("locked");
    lock
}

/// A directory with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(|_| ()).expect("copied") }
    }
}
