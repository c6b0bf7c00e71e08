// SPDX-License-Identifier: Apache-2.0
//! Workers that were built on another machine, in one archive.

use crate::format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// The first file of an archive of workers, `workers.json`: what the workers were built from and
/// where they run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersManifest {
    /// The format of the document: `cutover/workers/v1`.
    #[schemars(schema_with = "format::workers")]
    pub format: String,
    /// The version of Cutover.
    pub version: String,
    /// The SHA-256 of the sources and of the lock file: `0x` and hex digits. Workers are only used
    /// beside a command line of the same sources.
    pub sources: String,
    /// The architecture, the operating system and the C library: `x86_64-linux-gnu`.
    pub target: String,
    /// The SHA-256 of each program, by its name: `0x` and hex digits.
    pub workers: BTreeMap<String, String>,
}

/// What `dist` prints: the archive that it wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DistReport {
    /// The format of the document: `cutover/dist/v1`.
    #[schemars(schema_with = "format::dist")]
    pub format: String,
    /// The path of the archive.
    pub file: PathBuf,
    /// The size of the archive, in bytes.
    pub size: u64,
    /// The SHA-256 of the archive: `sha256:` and hex digits.
    pub digest: String,
    /// The content of its first file.
    pub manifest: WorkersManifest,
}

/// What `setup --workers` prints: the workers that it installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstalledWorkers {
    /// The format of the document: `cutover/installed-workers/v1`.
    #[schemars(schema_with = "format::installed_workers")]
    pub format: String,
    /// The directory of the programs.
    pub directory: PathBuf,
    /// What the archive says about them.
    pub manifest: WorkersManifest,
}
