// SPDX-License-Identifier: Apache-2.0
//! The rehearsal of an upgrade: what is asked of the worker, and the report.

use crate::{Check, RpcUsage, RuntimeIdentity, Source, StateIdentity, StateMode, Verdict, Weight, exposed, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// What the worker of the dry run is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    DryRun(DryRunRequest),
    Block(crate::block::BlockRequest),
    Prepare(PrepareRequest),
    Validate(ValidateRequest),
}

/// Rehearse an upgrade.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DryRunRequest {
    /// The blob that ships: a file or another source of a blob.
    pub runtime: String,
    /// The same runtime built with the feature `try-runtime`.
    #[serde(default)]
    pub try_runtime: Option<String>,
    /// Where the state comes from: a raw chain spec, a snapshot, a node.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    /// The block of a node whose state is taken: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// What takes the place of the state's own code: a substitute of its chain spec, by its block or blake2-256, or a blob.
    #[serde(default)]
    pub code: Option<String>,
    /// How a node's state is taken: lazily unless this says otherwise.
    #[serde(default)]
    pub state_mode: Option<StateMode>,
    /// Go on with what a node tells, whatever its root is.
    #[serde(default)]
    pub unverified: bool,
    /// Where trie nodes are kept between runs.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
    /// Other chains that the upgraded one exchanges messages with, given like its state.
    #[serde(default, serialize_with = "exposed::list")]
    pub with: Vec<Source>,
    /// Checks that may fail, each with the reason.
    #[serde(default)]
    pub allow: BTreeMap<String, String>,
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

impl DryRunRequest {
    /// Returns the request that rehearses an upgrade with all defaults.
    pub fn new(runtime: impl Into<String>, state: Source) -> Self {
        Self {
            runtime: runtime.into(),
            try_runtime: None,
            state,
            at: None,
            code: None,
            state_mode: None,
            unverified: false,
            nodes: None,
            with: Vec::new(),
            allow: BTreeMap::new(),
            deny: Vec::new(),
            strict: false,
            blocks: healthy_blocks(),
            migration_blocks: migration_blocks(),
            cache: None,
            out: None,
        }
    }
}

fn healthy_blocks() -> u32 {
    10
}

/// What try-runtime allows too.
pub fn migration_blocks() -> u32 {
    600
}

/// Prepare a code as validators do: what a dry run asks a process of its own for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareRequest {
    /// The code as deployed, in hex.
    pub code: String,
    /// Where the machine code is left.
    pub artifact: PathBuf,
}

/// Have a prepared code check a block: the other thing that a dry run asks a process of its own for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidateRequest {
    /// What `prepare` left.
    pub artifact: PathBuf,
    /// `ValidationParams`, in hex.
    pub parameters: String,
}

/// The report of a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DryRunReport {
    #[schemars(schema_with = "format::dry_run")]
    pub format: String,
    pub state: StateIdentity,
    /// The runtime before the upgrade.
    pub from: RuntimeIdentity,
    /// The runtime that ships.
    pub to: RuntimeIdentity,
    /// The blake2-256 of the try-runtime build, where there was one.
    pub try_runtime: Option<String>,
    /// Chains that messages were delivered to.
    pub with: Vec<Counterpart>,
    /// Every check, in the order of the table of checks.
    pub checks: Vec<Check>,
    pub blocks: Vec<Block>,
    /// Of one block.
    pub limits: Weight,
    pub storage_changes: Vec<StorageChange>,
    /// Null where the runtimes were not asked.
    pub call_weights: Option<Vec<CallWeight>>,
    pub rpc: RpcUsage,
    pub seconds: f64,
    pub verdict: Verdict,
    /// Checks that warn and that nobody has answered for.
    pub hazards: usize,
}

/// When in the life of the upgrade a block was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// By the old code, up to the one that puts the new code in place.
    Enactment,
    /// The first block of the new code: single-block migrations run in it.
    Upgrade,
    /// A step of the multi-block migrations.
    Migration,
    /// After the migrations.
    Healthy,
}

impl Phase {
    /// Returns the name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enactment => "enactment",
            Self::Upgrade => "upgrade",
            Self::Migration => "migration",
            Self::Healthy => "healthy",
        }
    }
}

/// A block that was built on the fork.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    pub number: u32,
    pub hash: String,
    pub state_root: String,
    pub phase: Phase,
    /// What the block declares, in picoseconds.
    pub ref_time: u64,
    /// The storage proof that its import needs, measured, in bytes.
    pub proof_size: u64,
    /// The same in the compact form that travels between nodes, in bytes.
    pub compact_proof_size: u64,
    /// The proof size that the block declares, in bytes.
    pub declared_proof_size: u64,
    /// Whether the runtime took inherents and no transactions: multi-block migrations were under way.
    pub only_inherents: bool,
    /// By the clock. It differs from run to run.
    #[serde(default)]
    pub import_seconds: f64,
}

/// Another chain that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counterpart {
    /// `parachain 1000 (asset-hub-paseo)`.
    pub chain: String,
    pub spec_version: u32,
    pub blake2_256: String,
    pub block_hash: String,
    pub number: u32,
    pub state_root: String,
}

/// How many keys of a storage item the upgrade added, changed and removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StorageChange {
    pub item: String,
    /// Whether every block writes these keys, with an upgrade or without.
    pub every_block: bool,
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
}

/// A call whose weight is another after the upgrade, with the plainest arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallWeight {
    /// `Balances.transfer_allow_death`.
    pub call: String,
    pub old: Weight,
    pub new: Weight,
}
