// SPDX-License-Identifier: Apache-2.0
//! Snapshots of chains.

use crate::{Endpoint, exposed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Make a snapshot of a chain that begins with a runtime's genesis preset.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisRequest {
    pub runtime: String,
    #[serde(default = "preset")]
    pub preset: String,
    /// Blocks to build on the genesis state.
    #[serde(default)]
    pub blocks: u32,
    pub out: PathBuf,
}

fn preset() -> String {
    "development".into()
}

/// What was made of a genesis preset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenesisSnapshot {
    pub out: String,
    pub spec_name: String,
    pub spec_version: u32,
    pub number: u32,
    pub block_hash: String,
    pub state_root: String,
    pub entries: usize,
    /// Of the file, in bytes.
    pub size: u64,
}

/// Take the whole state of a block from nodes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRequest {
    /// Nodes of one chain.
    #[serde(serialize_with = "exposed::list")]
    pub nodes: Vec<Endpoint>,
    /// The block: a number, a hash or `finalized`.
    #[serde(default = "finalized")]
    pub at: String,
    /// Where trie nodes are kept between runs.
    pub store: PathBuf,
    pub out: PathBuf,
    #[serde(default)]
    pub format: SnapshotFormat,
}

fn finalized() -> String {
    "finalized".into()
}

/// The kind of file that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotFormat {
    #[default]
    Cutover,
    /// What try-runtime reads.
    TryRuntime,
}

/// What was taken from nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveSnapshot {
    pub out: String,
    pub spec_name: Option<String>,
    pub spec_version: Option<u32>,
    pub number: u64,
    pub block_hash: String,
    pub state_root: String,
    pub finalized: bool,
    /// Of the main trie.
    pub entries: usize,
    pub child_tries: usize,
    pub child_entries: usize,
    /// Trie nodes that had to be fetched.
    pub fetched: u64,
    pub requests: u64,
    /// Received.
    pub bytes: u64,
    /// Nodes that were given up, each with the reason.
    pub dropped: Vec<String>,
    /// Of the file, in bytes.
    pub size: u64,
    pub seconds: f64,
}

/// Forget the trie nodes that were kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneRequest {
    pub store: PathBuf,
}

/// What forgetting them freed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pruned {
    pub version: u32,
    pub store: PathBuf,
    /// In bytes.
    pub freed: u64,
}
