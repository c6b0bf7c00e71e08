// SPDX-License-Identifier: Apache-2.0
//! A fork that clients connect to.

use crate::{
    Source, StateMode, exposed,
    snapshot::{GenesisRequest, PruneRequest, SnapshotRequest},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The requests of the fork's worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    Genesis(GenesisRequest),
    Snapshot(SnapshotRequest),
    Prune(PruneRequest),
    Serve(ServeRequest),
}

/// Serve a fork over JSON-RPC until the process is ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeRequest {
    /// Where the state comes from: a raw chain spec, a snapshot, a node.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    #[serde(default)]
    pub at: Option<String>,
    /// What takes the place of the state's own code, as in a dry run.
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub state_mode: Option<StateMode>,
    /// The port on loopback; 0 takes one that is free.
    #[serde(default)]
    pub port: u16,
    /// Build a block only when asked for one, not for every extrinsic.
    #[serde(default)]
    pub manual: bool,
    /// Origins of pages that may use it, besides those of this machine.
    #[serde(default)]
    pub allow_origin: Vec<String>,
    /// Where compiled runtimes are kept between runs.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// Where trie nodes are kept between runs.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

/// Where a fork is reached, and what it is a fork of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServedFork {
    pub url: String,
    /// A file, or a node as it may be shown.
    pub source: String,
    pub number: u32,
    pub block_hash: String,
    pub state_root: String,
    pub mode: StateMode,
    pub verified: bool,
}
