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
    /// The source of the runtime, as on the command line.
    pub runtime: String,
    /// The name of the preset. By default it is `development`.
    #[serde(default = "preset")]
    pub preset: String,
    /// The number of blocks to build on the genesis state.
    #[serde(default)]
    pub blocks: u32,
    /// The path of the snapshot to write.
    pub out: PathBuf,
}

fn preset() -> String {
    "development".into()
}

/// The snapshot of a genesis preset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenesisSnapshot {
    /// The path of the snapshot.
    pub out: String,
    /// The spec_name of the runtime.
    pub spec_name: String,
    /// The spec_version of the runtime.
    pub spec_version: u32,
    /// The number of the last block.
    pub number: u32,
    /// The hash of the last block: `0x` and hex digits.
    pub block_hash: String,
    /// The root of the state after this block: `0x` and hex digits.
    pub state_root: String,
    /// The number of entries of the main trie.
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
    /// The path of the snapshot to write.
    pub out: PathBuf,
    /// The format of the snapshot.
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
    /// The path of the snapshot.
    pub out: String,
    /// The spec_name of the runtime in the state. Null if it is not known.
    pub spec_name: Option<String>,
    /// The spec_version of the runtime in the state. Null if it is not known.
    pub spec_version: Option<u32>,
    /// The number of the block.
    pub number: u64,
    /// The hash of the block: `0x` and hex digits.
    pub block_hash: String,
    /// The root of the state after the block: `0x` and hex digits.
    pub state_root: String,
    /// Whether the block is finalized, as the node reports it.
    pub finalized: bool,
    /// The number of entries of the main trie.
    pub entries: usize,
    /// The number of child tries.
    pub child_tries: usize,
    /// The number of entries of all child tries.
    pub child_entries: usize,
    /// The number of trie nodes that were fetched.
    pub fetched: u64,
    /// The number of requests to the nodes.
    pub requests: u64,
    /// The size of the received data, in bytes.
    pub bytes: u64,
    /// The nodes that were dropped during the run, each with the reason.
    pub dropped: Vec<String>,
    /// The size of the file, in bytes.
    pub size: u64,
    /// The duration of the run, in seconds of wall-clock time.
    pub seconds: f64,
}

/// A request to delete the cached trie nodes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneRequest {
    /// The directory of the cache of trie nodes.
    pub store: PathBuf,
}

/// The result of deleting the cached trie nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pruned {
    /// The version of this document: always 1.
    pub version: u32,
    /// The directory of the cache of trie nodes.
    pub store: PathBuf,
    /// The size of the deleted files, in bytes.
    pub freed: u64,
}
