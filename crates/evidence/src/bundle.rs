// SPDX-License-Identifier: Apache-2.0
//! The files of a bundle directory, by their names in the manifest.

use crate::MANIFEST;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

/// The most files that a bundle may hold. A bundle has tens of files. A directory with more is
/// probably a mistake.
const FILE_LIMIT: usize = 10_000;
const DEPTH_LIMIT: usize = 16;

/// The files of the directory without the manifest.
#[derive(Debug, Default)]
pub struct Listing {
    /// Regular files: the name relative to the bundle, with `/` between its parts, and the path.
    pub files: BTreeMap<String, PathBuf>,
    /// Files that a bundle must not hold, and why: links, pipes, partly written files.
    pub refused: BTreeMap<String, &'static str>,
}

/// Returns the path of a bundle's manifest.
pub fn manifest(bundle: &Path) -> Result<PathBuf> {
    match bundle.is_file() {
        false => Ok(bundle.join(MANIFEST)),
        true => Err(Failure::input(format!("{} is not a bundle", bundle.display()))
            .found("a file")
            .expected(format!("a directory with a {MANIFEST}"))
            .hint(format!("if it is an archive, unpack it: tar xf {}", bundle.display()))),
    }
}

/// Lists the files of a bundle. Opens no file and follows no link.
pub fn list(bundle: &Path) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut entries = files::below(bundle).into_iter();
    let mut directories = 0;
    while let Some(entry) = entries.next() {
        let entry = files::listed(entry)?;
        let kind = entry.file_type();
        let name = entry.path().strip_prefix(bundle).unwrap_or(entry.path()).to_string_lossy().into_owned();
        if listing.files.len() + listing.refused.len() + directories >= FILE_LIMIT {
            return Err(Failure::input(format!("{} is not a bundle", bundle.display()))
                .found(format!("more than {FILE_LIMIT} files"))
                .hint("name the directory that holds manifest.json"));
        }
        let mut refuse = |name: String, reason| {
            listing.refused.insert(name, reason);
            if kind.is_dir() {
                entries.skip_current_dir();
            }
        };
        if let Some(reason) = refused_name(entry.file_name(), &name) {
            refuse(name.escape_default().to_string(), reason);
        } else if kind.is_symlink() {
            refuse(name, "is a symbolic link");
        } else if kind.is_dir() && entry.depth() > DEPTH_LIMIT {
            refuse(name, "is nested too deeply");
        } else if kind.is_dir() {
            directories += 1;
        } else if !kind.is_file() {
            refuse(name, "is not a regular file");
        } else if name != MANIFEST {
            listing.files.insert(name, entry.into_path());
        }
    }
    Ok(listing)
}

/// Removes the temporary files of an interrupted signing. The caller must hold the bundle's lock.
pub fn remove_partial_files(bundle: &Path) {
    let entries = std::fs::read_dir(bundle).into_iter().flatten().flatten();
    let is_partial = |entry: &std::fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with(PARTIAL) && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    for entry in entries.filter(is_partial) {
        // A file that cannot be removed is reported when the files are compared.
        let _ = std::fs::remove_file(entry.path());
    }
}

/// The prefix of the names of temporary files.
const PARTIAL: &str = ".partial-";

/// The greatest size of a file that is read into memory, in bytes. A runtime in hex is smaller.
const CONTENT_LIMIT: u64 = 64 << 20;

/// Returns the content of a file of a bundle, if it can be read.
pub fn content(path: &Path) -> Option<Vec<u8>> {
    files::read_bounded(path, CONTENT_LIMIT).ok()
}

fn refused_name(file_name: &std::ffi::OsStr, name: &str) -> Option<&'static str> {
    if file_name.to_str().is_none() {
        Some("has a name that is not UTF-8")
    } else if name.chars().any(|character| character.is_control() || character == '\\') {
        Some("has a name with control characters or backslashes")
    } else if file_name.to_string_lossy().starts_with(PARTIAL) {
        Some("is a partly written file, which the next `sign` removes")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_bundle_on_and_the_manifest_is_left_out() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(at("calls/relay")).expect("made");
        for name in ["a.wasm", "calls/relay/upgrade.hex", "calls/manifest.json", MANIFEST, ".partial-x1", "b\n"] {
            std::fs::write(at(name), "x").expect("written");
        }
        let listing = list(directory.path()).expect("listed");
        let names: Vec<_> = listing.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["a.wasm", "calls/manifest.json", "calls/relay/upgrade.hex"]);
        let refused: Vec<_> = listing.refused.keys().map(String::as_str).collect();
        assert_eq!(refused, [".partial-x1", "b\\n"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_and_directories_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/", directory.path().join("root")).expect("linked");
        std::os::unix::fs::symlink("nowhere", directory.path().join("dangling")).expect("linked");
        let listing = list(directory.path()).expect("listed");
        assert!(listing.files.is_empty());
        assert_eq!(listing.refused.len(), 2);
    }

    #[test]
    fn a_missing_bundle_is_named() {
        let failure = list(Path::new("/no/such/bundle")).expect_err("missing");
        assert_eq!(failure.kind, worker::Kind::Input);
        assert!(failure.message.contains("/no/such/bundle"));
    }
}
