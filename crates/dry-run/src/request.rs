// SPDX-License-Identifier: Apache-2.0
use protocol::Endpoint;
use protocol::Source;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use worker::{Failure, Result};

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    DryRun(DryRun),
    Block(crate::block::Replay),
    Genesis(Genesis),
    Snapshot(Snapshot),
    Prune(Prune),
    Serve(Serve),
    Prepare(Prepare),
    Validate(Validate),
}

/// Rehearse an upgrade.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DryRun {
    /// The blob that ships: a file or another source of a blob.
    pub runtime: String,
    /// The same runtime built with the feature `try-runtime`.
    #[serde(default)]
    pub try_runtime: Option<String>,
    /// Where the state comes from: a raw chain spec, a snapshot, a node.
    pub state: Source,
    /// The block of a node whose state is taken: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// What takes the place of the state's own code: a substitute of its chain spec, by its block or blake2-256, or a blob.
    #[serde(default)]
    pub code: Option<String>,
    /// How a node's state is taken: lazily unless this says otherwise.
    #[serde(default)]
    pub state_mode: Option<fork::Mode>,
    /// Go on with what a node tells, whatever its root is.
    #[serde(default)]
    pub unverified: bool,
    /// Where trie nodes are kept between runs.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
    /// Other chains that the upgraded one exchanges messages with, given like its state.
    #[serde(default)]
    pub with: Vec<Source>,
    /// Checks that may fail, each with the reason.
    #[serde(default)]
    pub allow: crate::allowance::Allowed,
    /// Checks whose hazards count as failures.
    #[serde(default)]
    pub deny: Vec<String>,
    /// The hazards of every check count as failures.
    #[serde(default)]
    pub strict: bool,
    /// Healthy blocks to build after the migrations have ended.
    #[serde(default = "healthy_blocks")]
    pub blocks: u32,
    /// The most blocks that multi-block migrations may take.
    #[serde(default = "migration_blocks")]
    pub migration_blocks: u32,
    /// Where compiled runtimes are kept between runs.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// Where the report is written as well.
    #[serde(default)]
    pub out: Option<PathBuf>,
}

/// Make a snapshot of a chain that begins with a runtime's genesis preset.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    pub runtime: String,
    #[serde(default = "preset")]
    pub preset: String,
    /// Blocks to build on the genesis state.
    #[serde(default)]
    pub blocks: u32,
    pub out: PathBuf,
}

/// Take the whole state of a block from nodes.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Nodes of one chain.
    pub nodes: Vec<Endpoint>,
    /// The block: a number, a hash or `finalized`.
    #[serde(default = "finalized")]
    pub at: String,
    /// Where trie nodes are kept between runs.
    pub store: PathBuf,
    pub out: PathBuf,
    #[serde(default)]
    pub format: fork::snapshot::Format,
}

/// Forget the trie nodes that were kept.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    pub store: PathBuf,
}

/// Serve a fork over JSON-RPC until the process is ended.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Serve {
    /// Where the state comes from: a raw chain spec, a snapshot, a node.
    pub state: Source,
    #[serde(default)]
    pub at: Option<String>,
    /// What takes the place of the state's own code, as in a dry run.
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub state_mode: Option<fork::Mode>,
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

/// Prepare a code as validators do: what a dry run asks a process of its own for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prepare {
    /// The code as deployed, in hex.
    pub code: String,
    /// Where the machine code is left.
    pub artifact: PathBuf,
}

/// Have a prepared code check a block: the other thing that a dry run asks a process of its own for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Validate {
    /// What `prepare` left.
    pub artifact: PathBuf,
    /// `ValidationParams`, in hex.
    pub parameters: String,
}

pub fn bytes(hex: &str) -> Result<Vec<u8>> {
    sp_core::bytes::from_hex(hex)
        .map_err(|error| Failure::usage("what the request gives as bytes is not in hex").found(error.to_string()))
}

fn healthy_blocks() -> u32 {
    10
}

/// What try-runtime allows too.
pub fn migration_blocks() -> u32 {
    600
}

fn finalized() -> String {
    "finalized".into()
}

fn preset() -> String {
    "development".into()
}
