// SPDX-License-Identifier: Apache-2.0
//! Loads the weights of a file, of a directory or of raw results.

use crate::{
    parse::{Extrinsic, WeightFile},
    raw, render,
};
use files::DirEntry;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
};
use worker::{Code, Failure, Result};

/// The maximum number of files in a directory of weights. It bounds the walk through an unrelated
/// directory.
const FILE_LIMIT: usize = 5_000;
const DEPTH_LIMIT: usize = 12;

/// Weight files by name: the name of the file, or of the pallet if the file has a generic name such
/// as `weights.rs`.
pub type Weights = BTreeMap<String, WeightFile>;

/// Loads the weights at a path: a weight file, raw results, or a directory of them. `name` is the
/// name in messages.
pub fn load(path: &Path, name: &str) -> Result<Weights> {
    if !path.is_dir() {
        let file = if is_raw(path) { render::extrinsics(&raw::read(path)?)? } else { WeightFile::read(path)? };
        return Ok(Weights::from([(file_key(path, &file), file)]));
    }
    let mut weights = Weights::new();
    for path in walk(path)? {
        let file = if is_raw(&path) {
            match raw::read(&path) {
                Ok(results) => render::extrinsics(&results)?,
                // Other documents in the directory are skipped, but raw results of another version
                // are refused.
                Err(failure) if failure.is(Code::OtherVersion) => return Err(failure),
                Err(_) => continue,
            }
        } else {
            read_source(&path)?
        };
        if file.implementations.is_empty() {
            continue;
        }
        let key = file_key(&path, &file);
        if let Some(other) = weights.get(&key) {
            return Err(Failure::input(format!("{name} contains the weights of {key} twice"))
                .found(format!("{} and {}", other.name, file.name))
                .hint("compare directories with the weights of one runtime each"));
        }
        weights.insert(key, file);
    }
    if weights.is_empty() {
        return Err(Failure::input(format!("{name} contains no weight file"))
            .expected("Rust files with implementations of weight functions, or raw results"));
    }
    Ok(weights)
}

/// Reads any Rust source. The result of a source without weights is empty.
pub fn read_source(path: &Path) -> Result<WeightFile> {
    let name = path.display().to_string();
    let text = files::read_bounded(path, 8 * 1024 * 1024)?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::input(format!("{name} is not Rust source")).found("bytes that are not UTF-8"))?;
    WeightFile::parse_any(&text, &name)
}

/// Collects Rust files and JSON documents under a directory, in a fixed order. Symbolic links are
/// not followed, because they can form cycles.
pub fn walk(directory: &Path) -> Result<Vec<PathBuf>> {
    let hidden = |name: &OsStr| name.to_string_lossy().starts_with('.');
    let visible = |entry: &DirEntry| !entry.file_type().is_dir() || !hidden(entry.file_name());
    let entries = files::below(directory).max_depth(DEPTH_LIMIT + 1).sort_by_file_name();
    let mut found = Vec::new();
    for entry in entries.into_iter().filter_entry(visible) {
        let entry = files::listed(entry)?;
        let is_rust = entry.path().extension().is_some_and(|extension| extension == "rs");
        if entry.file_type().is_file() && (is_rust || is_raw(entry.path())) {
            found.push(entry.into_path());
        }
        if found.len() > FILE_LIMIT {
            return Err(Failure::input(format!("{} contains too many files", directory.display()))
                .expected(format!("at most {FILE_LIMIT}"))
                .hint("name the directory of the weights"));
        }
    }
    Ok(found)
}

fn is_raw(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Returns the name by which the two sides of a comparison are matched.
fn file_key(path: &Path, file: &WeightFile) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match (stem.as_ref(), file.pallet()) {
        ("weights" | "mod" | "lib" | "default_weights", Some(pallet)) => pallet,
        _ => stem.into_owned(),
    }
}

/// Returns the extrinsic with this name.
pub fn find_extrinsic<'file>(file: Option<&'file WeightFile>, name: &str) -> Option<&'file Extrinsic> {
    file?.extrinsics().iter().find(|extrinsic| extrinsic.name == name)
}
