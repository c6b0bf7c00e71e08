// SPDX-License-Identifier: Apache-2.0
//! The requests to the worker of forks, and the result of serving one.

use crate::{
    Source, StateMode, exposed,
    snapshot::{GenesisRequest, PruneRequest, SnapshotRequest},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request to the worker of forks and snapshots.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    Genesis(GenesisRequest),
    Snapshot(SnapshotRequest),
    Prune(PruneRequest),
    Serve(ServeRequest),
}

/// A request to serve a fork over JSON-RPC until the process is stopped.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeRequest {
    /// The source of the state: a raw chain spec, a snapshot or a node.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    #[serde(default)]
    pub at: Option<String>,
    /// The replacement of the state's own code, as in a dry run.
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub state_mode: Option<StateMode>,
    /// The port on the loopback interface; 0 uses a free port.
    #[serde(default)]
    pub port: u16,
    /// Whether blocks are built only on request, not for every extrinsic.
    #[serde(default)]
    pub manual: bool,
    /// The origins of web pages that may connect, besides those of this machine.
    #[serde(default)]
    pub allow_origin: Vec<String>,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// The directory of the cache of trie nodes.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

/// The address of a served fork, and its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServedFork {
    pub url: String,
    /// A file, or a node with its scheme and host only.
    pub source: String,
    pub number: u32,
    pub block_hash: String,
    pub state_root: String,
    pub mode: StateMode,
    pub verified: bool,
}
