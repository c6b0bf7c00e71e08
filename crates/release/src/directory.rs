// SPDX-License-Identifier: Apache-2.0
//! The directory of a release. It is written to a temporary directory and then renamed. Its
//! `release.json` describes the other files.

use crate::{
    names::{NOTES, RECORD, SUMS},
    template::{check_asset, check_tag},
};
use protocol::{
    format,
    release::{Asset, Record},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, map::Entry};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

/// The maximum size of a file, in bytes. GitHub accepts files below 2 GiB.
pub const FILE_LIMIT: u64 = 512 << 20;
const RECORD_LIMIT: u64 = 16 << 20;

/// Returns the sha256 as hex digits without 0x.
pub fn sha256(content: &[u8]) -> String {
    hex::encode_prefixed(Sha256::digest(content)).trim_start_matches("0x").to_owned()
}

/// The files of a release, by name.
#[derive(Default)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Adds a file. Returns an error if the name is invalid or used already.
    pub fn add(&mut self, name: impl Into<String>, content: Vec<u8>) -> Result<()> {
        let name = name.into();
        check_asset(&name)?;
        match self.0.insert(name.clone(), content) {
            None => Ok(()),
            Some(_) => Err(Failure::input(format!("two files of the release would be called {name}"))
                .hint("see `asset-name` of [workspace.metadata.cutover.release]")),
        }
    }

    /// Adds the checksums of the current files, in the format of `sha256sum --check`.
    fn add_sums(&mut self) -> Result<()> {
        let lines = self.0.iter().map(|(name, content)| format!("{}  {name}\n", sha256(content)));
        let text: String = lines.collect();
        self.add(SUMS, text.into_bytes())
    }

    /// Reads the files of a release that [`read`] verified, without those that [`Files::seal`]
    /// makes.
    pub fn of(record: &Record, directory: &Path) -> Result<Self> {
        let mut files = Self::default();
        for asset in record.assets.iter().filter(|asset| asset.name != SUMS) {
            files.add(asset.name.clone(), files::read_bounded(&directory.join(&asset.name), FILE_LIMIT)?)?;
        }
        Ok(files)
    }

    /// Replaces a file, or adds it.
    pub fn replace(&mut self, name: &str, content: Vec<u8>) -> Result<()> {
        self.0.remove(name);
        self.add(name, content)
    }

    /// Adds checksums, notes and the record, which lists the files. The notes are rendered from the
    /// record. `unknown` are the fields of a record that it replaces.
    pub fn seal(&mut self, record: &mut Record, unknown: &UnknownFields) -> Result<()> {
        self.add_sums()?;
        record.assets = self.assets();
        let notes = report::release_notes::notes(record).into_bytes();
        record.notes = Asset { name: NOTES.into(), size: notes.len() as u64, sha256: sha256(&notes) };
        self.add(NOTES, notes)?;
        self.add(RECORD, text(record, unknown)?)
    }

    /// Returns name, size and checksum of each file.
    fn assets(&self) -> Vec<Asset> {
        let asset = |(name, content): (&String, &Vec<u8>)| Asset {
            name: name.clone(),
            size: content.len() as u64,
            sha256: sha256(content),
        };
        self.0.iter().map(asset).collect()
    }

    /// Writes the directory. Returns `false` if it exists already with the same content.
    pub fn place(self, out: &Path) -> Result<bool> {
        if self.is_at(out) {
            return Ok(false);
        }
        let io = |error: std::io::Error| Failure::io("write", out, &error);
        let parent = out.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(io)?;
        let temporary = tempfile::Builder::new().prefix(".partial-").tempdir_in(parent).map_err(io)?;
        let (new, old) = (temporary.path().join("new"), temporary.path().join("old"));
        for (name, content) in &self.0 {
            files::write_whole(&new.join(name), content)?;
        }
        if out.exists() {
            std::fs::rename(out, &old).map_err(io)?;
        }
        if let Err(error) = std::fs::rename(&new, out) {
            let _ = std::fs::rename(&old, out);
            return Err(io(error));
        }
        Ok(true)
    }

    /// Returns whether the directory contains exactly these files.
    fn is_at(&self, out: &Path) -> bool {
        let Ok(names) = names(out) else { return false };
        names.iter().eq(self.0.keys())
            && self
                .0
                .iter()
                .all(|(name, content)| std::fs::read(out.join(name)).is_ok_and(|existing| existing == *content))
    }
}

/// Returns the names of a directory's entries.
fn names(directory: &Path) -> Result<BTreeSet<String>> {
    let io = |error: std::io::Error| Failure::io("list", directory, &error);
    let entries = std::fs::read_dir(directory).map_err(io)?;
    entries.map(|entry| Ok(entry.map_err(io)?.file_name().to_string_lossy().into_owned())).collect()
}

/// Checks that the directory does not exist, is empty, or contains a release of an earlier run.
pub fn check_place(out: &Path) -> Result<()> {
    if !out.exists() || out.join(RECORD).is_file() {
        return Ok(());
    }
    match names(out)?.first() {
        None => Ok(()),
        Some(name) => {
            Err(Failure::usage(format!("{} is not empty and not a release of an earlier run", out.display()))
                .found(name)
                .hint("name an empty or a new directory with --out"))
        }
    }
}

/// Locks the directory of a release until the returned file is dropped, so that two signers at the
/// same time do not lose a signature.
pub fn lock(directory: &Path) -> Result<File> {
    let file = File::open(directory).map_err(|error| Failure::io("open", directory, &error))?;
    // On a file system without locks, signing one after the other still works.
    let _ = file.lock();
    Ok(file)
}

/// Checks, under the lock, that a release still has the record that was read before.
pub fn check_unchanged(directory: &Path, before: &Record) -> Result<()> {
    let (now, _) = read(directory)?;
    match now == *before {
        true => Ok(()),
        false => Err(Failure::environment("the release changed meanwhile")
            .found(format!("another {RECORD} in {}", directory.display()))
            .expected("the one that was read when the command began")
            .hint("run the command again")),
    }
}

/// Reads the record of a release and verifies every file against it.
pub fn read(directory: &Path) -> Result<(Record, PathBuf)> {
    let directory = std::fs::canonicalize(directory)
        .map_err(|error| Failure::io("open", directory, &error).hint("cargo xtask release prepare"))?;
    let path = directory.join(RECORD);
    let bad = |found: String| {
        Failure::input(format!("{} is not a release", directory.display()))
            .found(found)
            .expected(format!("a directory with the {RECORD} that `release prepare` writes"))
    };
    let text = files::read_bounded(&path, RECORD_LIMIT)?;
    let record: Record = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    if record.format != format::RELEASE {
        return Err(bad(format!("the format {:?}", record.format)));
    }
    let release = &record.release;
    check_tag(&release.tag).map_err(|failure| bad(failure.message))?;
    if release.commit.len() < 40 || !release.commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad(format!("the commit {:?}", release.commit)));
    }
    let listed: BTreeSet<String> = record.assets.iter().map(|asset| asset.name.clone()).collect();
    let mut expected = listed.clone();
    expected.extend([RECORD.to_owned(), NOTES.to_owned()]);
    let existing = names(&directory)?;
    if let Some(extra) = existing.difference(&expected).next() {
        return Err(bad(format!("the file {extra}, which {RECORD} does not name")));
    }
    if listed.len() != record.assets.len() || record.notes.name != NOTES {
        return Err(bad(format!("a {RECORD} that names a file twice, or other notes")));
    }
    let bundles = record.runtimes.iter().filter_map(|released| Some(&released.bundle.as_ref()?.asset));
    if let Some(name) = bundles.chain(record.runtimes.iter().map(|one| &one.asset)).find(|name| !listed.contains(*name))
    {
        return Err(bad(format!("a runtime with {name}, which is not a file of the release")));
    }
    for asset in record.assets.iter().chain([&record.notes]) {
        check_asset(&asset.name)?;
        let content = files::read_bounded(&directory.join(&asset.name), FILE_LIMIT)?;
        let found = sha256(&content);
        if found != asset.sha256 || content.len() as u64 != asset.size {
            return Err(Failure::input(format!("{} was changed", directory.join(&asset.name).display()))
                .found(format!("{} bytes, sha256 {found}", content.len()))
                .expected(format!("{} bytes, sha256 {}", asset.size, asset.sha256))
                .hint("cargo xtask release prepare"));
        }
    }
    Ok((record, directory))
}

/// The fields of a record that a later version wrote and this one does not know. `release sign`
/// keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownFields(Map<String, Value>);

impl UnknownFields {
    /// Reads them from the record of a release.
    pub fn read(directory: &Path) -> Result<Self> {
        /// A record without the parts that are made anew whenever it is written.
        #[derive(Deserialize)]
        struct KeptFields {
            #[serde(rename = "assets")]
            _assets: IgnoredAny,
            #[serde(rename = "notes")]
            _notes: IgnoredAny,
            #[serde(flatten)]
            kept: Map<String, Value>,
        }
        let path = directory.join(RECORD);
        let fields: KeptFields =
            serde_json::from_slice(&files::read_bounded(&path, RECORD_LIMIT)?).map_err(|error| {
                Failure::input(format!("{} is not valid JSON", path.display())).found(error.to_string())
            })?;
        Ok(Self(fields.kept))
    }
}

/// Returns the text of a record: indented, with sorted fields.
fn text(record: &Record, unknown: &UnknownFields) -> Result<Vec<u8>> {
    let not_json = |error: serde_json::Error| {
        Failure::internal("the record of a release cannot be written as JSON").found(error.to_string())
    };
    let mut document = serde_json::to_value(record).map_err(not_json)?;
    if let Value::Object(fields) = &mut document {
        add_missing(fields, &unknown.0);
    }
    let mut text = serde_json::to_vec_pretty(&document).map_err(not_json)?;
    text.push(b'\n');
    Ok(text)
}

/// Adds the fields that only the earlier version of an object has, at any depth.
fn add_missing(fields: &mut Map<String, Value>, earlier: &Map<String, Value>) {
    for (key, earlier) in earlier {
        match fields.entry(key) {
            Entry::Vacant(place) => {
                place.insert(earlier.clone());
            }
            Entry::Occupied(mut field) => add_missing_below(field.get_mut(), earlier),
        }
    }
}

fn add_missing_below(value: &mut Value, earlier: &Value) {
    match (value, earlier) {
        (Value::Object(fields), Value::Object(earlier)) => add_missing(fields, earlier),
        (Value::Array(items), Value::Array(earlier)) if items.len() == earlier.len() => {
            items.iter_mut().zip(earlier).for_each(|(item, earlier)| add_missing_below(item, earlier));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        Pace,
        release::{Release, ReleasedBundle, ReleasedRuntime},
    };
    use serde_json::json;

    fn record() -> Record {
        let release = Release { tag: "v1.0.0".into(), commit: "a".repeat(40), ..Release::default() };
        Record { format: format::RELEASE.into(), release, ..Record::default() }
    }

    fn files(blob: &[u8]) -> Files {
        let mut files = Files::default();
        files.add("a.wasm", blob.to_vec()).expect("added");
        files.seal(&mut record(), &UnknownFields::default()).expect("sealed");
        files
    }

    #[test]
    fn unknown_fields_are_kept_when_a_record_is_written_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut before = Record {
            runtimes: vec![ReleasedRuntime {
                bundle: Some(ReleasedBundle::default()),
                pace: Some(vec![Pace { constant: "c".into(), told: "1 slot".into(), milliseconds: None }]),
                ..ReleasedRuntime::default()
            }],
            ..record()
        };
        let mut document = serde_json::to_value(&before).expect("JSON");
        let unknown = json!({"later": [1, {"a": null}]});
        for pointer in ["", "/runtimes/0", "/runtimes/0/bundle", "/runtimes/0/pace/0", "/notes"] {
            document.pointer_mut(pointer).expect("an object")["unknown"] = unknown.clone();
        }
        std::fs::write(directory.path().join(RECORD), document.to_string()).expect("written");
        let read: Record = serde_json::from_value(document.clone()).expect("a record");
        assert_eq!(read, before);
        before.runtimes[0].bundle.as_mut().expect("a bundle").signing.signed_off = true;
        document["runtimes"][0]["bundle"]["signed_off"] = json!(true);
        // The notes are described anew.
        document["notes"].as_object_mut().expect("an object").remove("unknown");
        let kept = UnknownFields::read(directory.path()).expect("read");
        let text = text(&before, &kept).expect("JSON");
        assert_eq!(String::from_utf8(text).expect("UTF-8"), format!("{document:#}\n"));
    }

    #[test]
    fn a_release_is_written_as_a_whole_and_not_rewritten_if_unchanged() {
        let directory = tempfile::tempdir().expect("a directory");
        let out = directory.path().join("v1.0.0");
        assert!(files(b"one").place(&out).expect("placed"));
        assert!(!files(b"one").place(&out).expect("there"));
        assert!(files(b"two").place(&out).expect("replaced"));
        let (record, _) = read(&out).expect("read");
        assert_eq!(record.assets.iter().map(|asset| asset.name.as_str()).collect::<Vec<_>>(), [SUMS, "a.wasm"]);
        assert_eq!(std::fs::read_dir(directory.path()).expect("listed").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_release_that_changed_meanwhile_is_not_written_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let out = directory.path().join("v1.0.0");
        files(b"one").place(&out).expect("placed");
        let (before, _) = read(&out).expect("read");
        check_unchanged(&out, &before).expect("unchanged");
        files(b"two").place(&out).expect("replaced");
        let failure = check_unchanged(&out, &before).expect_err("changed");
        assert_eq!(failure.message, "the release changed meanwhile");
    }

    #[test]
    fn a_changed_added_or_removed_file_is_reported() {
        let directory = tempfile::tempdir().expect("a directory");
        let out = directory.path().join("v1.0.0");
        files(b"one").place(&out).expect("placed");
        std::fs::write(out.join("a.wasm"), "two").expect("written");
        assert!(read(&out).expect_err("changed").message.ends_with("a.wasm was changed"));
        std::fs::write(out.join("a.wasm"), "one").expect("written");
        std::fs::write(out.join("b.wasm"), "").expect("written");
        assert!(read(&out).expect_err("added").found.unwrap_or_default().contains("b.wasm"));
        std::fs::remove_file(out.join("b.wasm")).expect("removed");
        std::fs::remove_file(out.join("a.wasm")).expect("removed");
        assert!(read(&out).expect_err("removed").message.contains("a.wasm"));
    }

    #[test]
    fn a_directory_with_other_files_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        check_place(directory.path()).expect("empty");
        std::fs::write(directory.path().join("letter"), "").expect("written");
        assert_eq!(check_place(directory.path()).expect_err("refused").kind, worker::Kind::Usage);
    }
}
