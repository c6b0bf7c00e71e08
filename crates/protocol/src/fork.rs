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
    /// Whether development accounts get funds, and one of them sudo.
    #[serde(default)]
    pub dev: bool,
    /// The file that keeps the blocks of the chains.
    #[serde(default)]
    pub pin: Option<PinRequest>,
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

/// The file that keeps the blocks of a fork's chains. It is written if it does not exist. Otherwise the chains are
/// read at its blocks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinRequest {
    /// The path of the file.
    pub file: PathBuf,
    /// The chains as they were named, without keys: the first chain, then its parachains.
    pub names: Vec<String>,
}

/// The blocks of the chains of a fork. A later fork of the same chains is one of the same blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The version of this document: always 1.
    pub version: u32,
    /// The first chain, then its parachains in their order.
    pub chains: Vec<PinnedChain>,
}

/// A chain at a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinnedChain {
    /// The name of a network, a file, or a node with its scheme and host only.
    pub source: String,
    /// The hash of the chain's first block: `0x` and hex digits. Absent if the state does not contain it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis: Option<String>,
    /// The number of the block.
    pub number: u32,
    /// The hash of the block: `0x` and hex digits.
    pub block_hash: String,
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
    /// The state root at the start of the fork, `0x` and hex. A replaced code is included, and so are
    /// the funds of development accounts.
    pub state_root: String,
    /// How the state is read.
    pub mode: StateMode,
    /// Whether the state was verified against a separate state root of its source.
    pub verified: bool,
    /// The development accounts that were given funds and sudo. Absent without `--dev`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<DevAccounts>,
    /// The parachains that are served with their relay chain, each at its own URL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<ServedFork>,
}

/// The development accounts of a fork. Their secret keys are public.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevAccounts {
    /// The accounts that have funds. Empty if the chain has no balances or accounts of an unknown kind.
    pub accounts: Vec<DevAccount>,
    /// The address of the account that has sudo. Null if the chain has no sudo.
    pub sudo: Option<String>,
}

/// A development account that has funds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevAccount {
    /// The name by which tools know the key, such as `Alice`.
    pub name: String,
    /// The address: SS58 with the chain's prefix, or `0x` and hex for accounts of 20 bytes.
    pub address: String,
    /// The free balance in the smallest unit, a decimal number.
    pub free: String,
}
