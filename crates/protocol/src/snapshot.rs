// SPDX-License-Identifier: Apache-2.0
//! Requests and results of snapshots.

use crate::{Endpoint, exposed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request to create a snapshot of a chain from a genesis preset of a runtime.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisRequest {
    pub runtime: String,
    #[serde(default = "preset")]
    pub preset: String,
    /// The number of blocks to build on the genesis state.
    #[serde(default)]
    pub blocks: u32,
    pub out: PathBuf,
}

fn preset() -> String {
    "development".into()
}

/// The snapshot of a genesis preset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenesisSnapshot {
    pub out: String,
    pub spec_name: String,
    pub spec_version: u32,
    pub number: u32,
    pub block_hash: String,
    pub state_root: String,
    pub entries: usize,
    /// The size of the file, in bytes.
    pub size: u64,
}

/// A request to read the complete state of a block from nodes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRequest {
    /// The nodes, all of one chain.
    #[serde(serialize_with = "exposed::list")]
    pub nodes: Vec<Endpoint>,
    /// The block: a number, a hash or `finalized`.
    #[serde(default = "finalized")]
    pub at: String,
    /// The directory of the cache of trie nodes.
    pub store: PathBuf,
    pub out: PathBuf,
    #[serde(default)]
    pub format: SnapshotFormat,
}

fn finalized() -> String {
    "finalized".into()
}

/// The format of the snapshot file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotFormat {
    /// The format of Cutover.
    #[default]
    Cutover,
    /// The format of try-runtime.
    TryRuntime,
}

/// The snapshot of a live chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveSnapshot {
    pub out: String,
    pub spec_name: Option<String>,
    pub spec_version: Option<u32>,
    pub number: u64,
    pub block_hash: String,
    pub state_root: String,
    pub finalized: bool,
    /// The number of entries of the main trie.
    pub entries: usize,
    pub child_tries: usize,
    pub child_entries: usize,
    /// The number of trie nodes that were fetched.
    pub fetched: u64,
    pub requests: u64,
    /// The received bytes.
    pub bytes: u64,
    /// The nodes that were dropped during the run, each with the reason.
    pub dropped: Vec<String>,
    /// The size of the file, in bytes.
    pub size: u64,
    pub seconds: f64,
}

/// A request to delete the cached trie nodes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneRequest {
    pub store: PathBuf,
}

/// The result of deleting the cached trie nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pruned {
    pub version: u32,
    pub store: PathBuf,
    /// The freed bytes.
    pub freed: u64,
}
