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
    /// Write a snapshot of the state of a genesis preset.
    Genesis(GenesisRequest),
    /// Write a snapshot of a live chain.
    Snapshot(SnapshotRequest),
    /// Delete the cached trie nodes.
    Prune(PruneRequest),
    /// Serve a fork over JSON-RPC until the process is stopped.
    Serve(ServeRequest),
}

/// A request to serve a fork over JSON-RPC until the process is stopped.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeRequest {
    /// The source of the state: a raw chain spec, a snapshot or a node.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    /// The block whose state is read from a node: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// The replacement of the state's own code, as in a dry run.
    #[serde(default)]
    pub code: Option<String>,
    /// The states of parachains that are served with their relay chain.
    #[serde(default, serialize_with = "exposed::list")]
    pub with: Vec<Source>,
    /// Whether parachains that the relay chain does not know are onboarded on its fork first.
    #[serde(default)]
    pub onboard: bool,
    /// How a node's state is read. By default lazily.
    #[serde(default)]
    pub state_mode: Option<StateMode>,
    /// The port on the loopback interface; 0 uses a free port. Parachains have the ports after it.
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
    /// The WebSocket URL of the fork on the loopback interface. It serves HTTP as well.
    pub url: String,
    /// A file, or a node with its scheme and host only.
    pub source: String,
    /// The number of the forked block.
    pub number: u32,
    /// The hash of the forked block, `0x` and hex.
    pub block_hash: String,
    /// The state root at the start of the fork, `0x` and hex. A replaced code is included.
    pub state_root: String,
    /// How the state is read.
    pub mode: StateMode,
    /// Whether the state was verified against a separate state root of its source.
    pub verified: bool,
    /// The parachains that are served with their relay chain, each at its own URL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<ServedFork>,
}
