// SPDX-License-Identifier: Apache-2.0
//! The cache of blobs. Each blob is stored under its own digest, and a record for each digest of
//! inputs names its blob.

use super::{BLOB_LIMIT, Blob};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::inputs;

/// The record of a build in the cache.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record {
    pub blake2_256: String,
    /// The file name outside the cache. [`Record::keep`] takes that of the built file if it is
    /// empty.
    pub file_name: String,
    pub seconds: f64,
    /// The version of the compiler.
    #[serde(default)]
    pub rustc: String,
    /// The compiler cache that was used, if any.
    #[serde(default)]
    pub compiler_cache: Option<String>,
    /// The files outside the packages that the blob was built from, which the key does not cover,
    /// with their digests. Those in the workspace are relative to it.
    pub sources: Vec<(PathBuf, String)>,
}

impl Record {
    /// Returns the blob of a key, if neither the blob nor its extra sources in the workspace `root`
    /// have changed.
    pub fn find(cache: &Path, key: &str, root: &Path) -> Option<Blob> {
        let text = std::fs::read(record_path(cache, key)).ok()?;
        let record: Self = serde_json::from_slice(&text).ok()?;
        let same =
            |(path, digest): &(PathBuf, String)| inputs::file_digest(&root.join(path)).is_ok_and(|now| now == *digest);
        let path = blob_path(cache, &record.blake2_256);
        if !record.sources.iter().all(same) || inputs::file_digest(&path).ok()? != record.blake2_256 {
            return None;
        }
        Some(Blob {
            path,
            file_name: record.file_name,
            blake2_256: record.blake2_256,
            rustc: record.rustc,
            compiler_cache: record.compiler_cache,
            cached: true,
        })
    }

    /// Hashes a built blob and stores it in the cache with this record.
    pub fn keep(self, cache: &Path, key: &str, built: &Path) -> Result<Blob> {
        let blake2_256 = inputs::file_digest(built)?;
        let path = blob_path(cache, &blake2_256);
        files::write_whole(&path, &files::read_bounded(built, BLOB_LIMIT)?)?;
        let file_name = match self.file_name.is_empty() {
            true => built.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            false => self.file_name,
        };
        let record = Self { blake2_256, file_name, ..self };
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| Failure::internal("the record of a build cannot be written").found(error.to_string()))?;
        files::write_whole(&record_path(cache, key), &text)?;
        let Self { blake2_256, file_name, rustc, compiler_cache, .. } = record;
        Ok(Blob { path, file_name, blake2_256, rustc, compiler_cache, cached: false })
    }
}

fn record_path(cache: &Path, key: &str) -> PathBuf {
    cache.join("builds").join(format!("{}.json", key.trim_start_matches("0x")))
}

fn blob_path(cache: &Path, blake2_256: &str) -> PathBuf {
    cache.join("blobs").join(format!("{}.wasm", blake2_256.trim_start_matches("0x")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_while_blob_and_sources_are_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("built.wasm"), "blob").expect("written");
        std::fs::write(at("included"), "one").expect("written");
        let sources = vec![(at("included"), inputs::file_digest(&at("included")).expect("read"))];
        assert!(Record::find(directory.path(), "0x12", Path::new("/")).is_none());
        let record = Record { sources, seconds: 1.5, ..Record::default() };
        let kept = record.keep(directory.path(), "0x12", &at("built.wasm")).expect("kept");
        let found = Record::find(directory.path(), "0x12", Path::new("/")).expect("found");
        assert_eq!((found.blake2_256, found.file_name, found.cached), (kept.blake2_256, "built.wasm".into(), true));

        // The file of another clone is another one.
        let relative = vec![(PathBuf::from("included"), inputs::file_digest(&at("included")).expect("read"))];
        let record = Record { sources: relative, ..Record::default() };
        record.keep(directory.path(), "0x13", &at("built.wasm")).expect("kept");
        assert!(Record::find(directory.path(), "0x13", directory.path()).is_some());
        assert!(Record::find(directory.path(), "0x13", &at("other")).is_none());

        std::fs::write(at("included"), "two").expect("written");
        assert!(Record::find(directory.path(), "0x12", Path::new("/")).is_none(), "a source changed");
        std::fs::write(at("included"), "one").expect("written");
        std::fs::write(kept.path, "tampered").expect("written");
        assert!(Record::find(directory.path(), "0x12", Path::new("/")).is_none(), "the blob changed");
    }
}
