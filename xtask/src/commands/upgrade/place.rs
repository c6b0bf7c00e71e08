// SPDX-License-Identifier: Apache-2.0
//! Moves a finished bundle to its final directory: as a whole, or not at all.

use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

pub const MANIFEST: &str = "manifest.json";
/// The prefix of the id of a throw-away key, which is made for one run.
const THROW_AWAY: &str = "throw-away:";

/// Moves the directory `from` to `place`. An existing directory is moved to `old`.
pub fn put(from: &Path, place: &Path, old: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Failure::io("put the bundle into", place, &error);
    remove(old)?;
    match std::fs::rename(place, old) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        // `place` is a mount point, which cannot be renamed.
        Err(error) if matches!(error.kind(), ErrorKind::ResourceBusy | ErrorKind::CrossesDevices) => {
            copy(place, old)?;
            return replace_files(from, place);
        }
        Err(error) => return Err(failed(error)),
    }
    if let Err(error) = std::fs::rename(from, place) {
        let _ = std::fs::rename(old, place);
        return Err(failed(error));
    }
    // The renames are durable only when their directory is.
    if let Some(Ok(parent)) = place.parent().map(File::open) {
        let _ = parent.sync_all();
    }
    Ok(())
}

/// Replaces the files of `place` one by one. The manifest is removed first and written last, so
/// that it never belongs to a mixture of files.
fn replace_files(from: &Path, place: &Path) -> Result<()> {
    let (new, existing) = (files(from)?, files(place)?);
    remove(&place.join(MANIFEST))?;
    for (name, path) in existing.iter().filter(|(name, _)| !new.contains_key(*name)) {
        std::fs::remove_file(path).map_err(|error| Failure::io("remove", &place.join(name), &error))?;
    }
    let (manifest, others): (Vec<_>, Vec<_>) = new.iter().partition(|(name, _)| name.as_path() == Path::new(MANIFEST));
    for (name, path) in others.into_iter().chain(manifest) {
        files::write_whole(&place.join(name), &read(path)?)?;
    }
    remove(from)
}

/// Copies all regular files of a directory.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(|error| Failure::io("make", to, &error))?;
    for (name, path) in files(from)? {
        files::write_whole(&to.join(name), &read(&path)?)?;
    }
    Ok(())
}

/// Returns whether both directories contain the same files, byte for byte.
pub fn same(one: &Path, other: &Path) -> Result<bool> {
    if !other.is_dir() {
        return Ok(false);
    }
    let (one, other) = (files(one)?, files(other)?);
    if !one.keys().eq(other.keys()) {
        return Ok(false);
    }
    for (one, other) in one.values().zip(other.values()) {
        if read(one)? != read(other)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes a file, or a directory with its contents, if it exists.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Err(_) => return Ok(()),
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
    };
    removed.map_err(|error| Failure::io("remove", path, &error))
}

/// Returns all regular files below a directory, by their relative paths.
fn files(directory: &Path) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in files::below(directory) {
        let entry = files::listed(entry)?;
        if entry.file_type().is_file() {
            let path = entry.into_path();
            found.insert(path.strip_prefix(directory).unwrap_or(&path).to_path_buf(), path);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::io("read", path, &error))
}

/// The parts of a bundle's manifest that `upgrade` needs.
#[derive(Default)]
pub struct Manifest {
    pub payload: String,
    pub key_ids: Vec<String>,
}

/// The DSSE envelope. Unknown fields are accepted, so that signatures made by people are always
/// seen.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    payload: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EnvelopeSignature {
    keyid: String,
}

impl Manifest {
    /// Parses a manifest. Invalid input gives an empty payload and no signatures.
    pub fn parse(text: &[u8]) -> Self {
        let Envelope { payload, signatures } = serde_json::from_slice(text).unwrap_or_default();
        Self { payload, key_ids: signatures.into_iter().map(|signature| signature.keyid).collect() }
    }

    /// Returns the number of signatures that were not made with throw-away keys.
    pub fn by_people(&self) -> usize {
        self.key_ids.iter().filter(|id| !id.starts_with(THROW_AWAY)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            files::write_whole(&directory.path().join(name), text.as_bytes()).expect("written");
        }
        directory
    }

    #[test]
    fn a_directory_is_replaced_and_the_previous_one_is_kept() {
        let base = directory_with(&[("new/a", "2"), ("new/calls/b", "2"), ("place/a", "1"), ("place/c", "1")]);
        let at = |name: &str| base.path().join(name);
        assert!(!same(&at("new"), &at("place")).expect("compared"));
        put(&at("new"), &at("place"), &at("old")).expect("put");
        assert!(!at("new").exists() && !at("place/c").exists() && at("place/calls/b").exists());
        assert_eq!(std::fs::read(at("old/a")).expect("kept"), b"1");
        // The place does not exist yet.
        copy(&at("place"), &at("new")).expect("copied");
        assert!(same(&at("new"), &at("place")).expect("compared"));
        put(&at("new"), &at("elsewhere"), &at("old")).expect("put");
        assert!(at("elsewhere/a").exists() && !at("old").exists());
    }

    #[test]
    fn a_mount_point_is_replaced_file_by_file_with_the_manifest_last() {
        let base = directory_with(&[
            ("new/manifest.json", "2"),
            ("new/a", "2"),
            ("place/manifest.json", "1"),
            ("place/c", "1"),
        ]);
        let at = |name: &str| base.path().join(name);
        replace_files(&at("new"), &at("place")).expect("filled");
        let names: Vec<_> = files(&at("place")).expect("listed").into_keys().collect();
        assert_eq!(names, ["a", "manifest.json"].map(PathBuf::from));
        assert_eq!(std::fs::read(at("place/manifest.json")).expect("read"), b"2");
        assert!(!at("new").exists());
    }

    #[test]
    fn signatures_of_people_and_of_throw_away_keys_are_counted_apart() {
        let text =
            br#"{"payload": "x", "signatures": [{"keyid": "throw-away:ed25519:0x1"}, {"keyid": "ssh:SHA256:a"}]}"#;
        let manifest = Manifest::parse(text);
        assert_eq!((manifest.payload.as_str(), manifest.by_people(), manifest.key_ids.len()), ("x", 1, 2));
        assert_eq!(Manifest::parse(b"no").by_people(), 0);
    }
}
