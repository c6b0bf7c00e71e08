// SPDX-License-Identifier: Apache-2.0
//! Documents held against the published schemas, by the program of `tests/peers/json-schema`.

use crate::repository;
use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The directory of the published schemas.
fn directory() -> PathBuf {
    repository().join("docs/schema")
}

/// Returns the names of the published schemas.
pub fn published() -> BTreeSet<String> {
    let entries = fs::read_dir(directory()).expect("the schemas");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    names.map(|name| name.strip_suffix(".json").expect("a schema").to_owned()).collect()
}

/// Documents in the files of a temporary directory, each with the name of its schema.
pub struct Documents {
    directory: tempfile::TempDir,
    pairs: Vec<(String, PathBuf)>,
}

impl Default for Documents {
    fn default() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), pairs: Vec::new() }
    }
}

impl Documents {
    pub fn add(&mut self, schema: &str, document: impl AsRef<[u8]>) {
        let path = self.directory.path().join(format!("{}-{schema}.json", self.pairs.len()));
        fs::write(&path, document).expect("written");
        self.pairs.push((schema.to_owned(), path));
    }

    /// Returns the names of the schemas that have a document.
    pub fn schemas(&self) -> BTreeSet<String> {
        self.pairs.iter().map(|(schema, _)| schema.clone()).collect()
    }

    /// Validates all documents. Fields that a schema does not name are errors, too.
    ///
    /// # Errors
    ///
    /// The errors, one a line, each with the document and the JSON pointer of the value.
    pub fn validate(&self) -> Result<(), String> {
        let mut command = Command::new(validator());
        command.arg("--closed").stdin(Stdio::null());
        for (schema, path) in &self.pairs {
            command.arg(directory().join(format!("{schema}.json"))).arg(path);
        }
        let output = command.output().expect("the validator starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.code() {
            Some(0) => Ok(()),
            Some(1) => Err(text.replace(&format!("{}/", self.directory.path().display()), "")),
            code => panic!("the validator ended with {code:?}:\n{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

/// Builds the program that validates documents, into the cache, and returns its path. It has a lock
/// file of its own, because its dependencies would change the features of this workspace's.
fn validator() -> PathBuf {
    let target = cache().join("peers/json-schema");
    let output = Command::new("cargo")
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(repository().join("tests/peers/json-schema/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .stdin(Stdio::null())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("debug/cutover-peer-json-schema")
}

/// Returns the cache directory, which `cargo xtask` uses too.
fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let in_home = || variable("HOME").map(|home| home.join(".cache/cutover"));
    variable("CUTOVER_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|directory| directory.join("cutover")))
        .or_else(in_home)
        .expect("a cache directory")
}
