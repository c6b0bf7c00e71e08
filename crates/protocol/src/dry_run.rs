// SPDX-License-Identifier: Apache-2.0
//! The dry run of an upgrade: the requests to the worker, and the report.

use crate::{
    Check, RpcUsage, RuntimeIdentity, Source, StateIdentity, StateMode, Verdict, Weight,
    block::{BlockRequest, migration_blocks},
    explanation::ExplainCallRequest,
    exposed, format,
    keys::KeysRequest,
    rehearse::RehearseRequest,
    support::SupportRequest,
    xcm::ExplainRequest,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// A request to the worker of the dry run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Rehearse an upgrade. The result is a `DryRunReport`.
    DryRun(Box<DryRunRequest>),
    /// Dispatch a proposal on forks. The result is a `RehearsalReport`.
    Rehearse(Box<RehearseRequest>),
    /// Find the keys that suffice for a call of Sudo. The result is a `KeysReport`.
    Keys(Box<KeysRequest>),
    /// Find out what is wrong with a parachain. The result is a `Diagnosis`, a `RepairReport` if repairs are tried, or a
    /// `TaskReport` if a single task is.
    Support(Box<SupportRequest>),
    /// Explain a message, or those that a call sends. The result is an `Explanation`.
    Explain(Box<ExplainRequest>),
    /// Decode a proposal, and say what its calls are for. The result is a `CallExplanation`.
    ExplainCall(Box<ExplainCallRequest>),
    /// Execute a block of a live chain again.
    Block(BlockRequest),
    /// Prepare a code as validators do.
    Prepare(PrepareRequest),
    /// Validate a block with a prepared code.
    Validate(ValidateRequest),
}

/// A request to rehearse an upgrade.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DryRunRequest {
    /// The blob of the release: a file or another source.
    pub runtime: String,
    /// The same runtime built with the feature `try-runtime`.
    #[serde(default)]
    pub try_runtime: Option<String>,
    /// The source of the state: a raw chain spec, a snapshot or a node.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    /// The block whose state is read from a node: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// The replacement of the state's own code: a code substitute of its chain spec, by its block
    /// or BLAKE2-256 hash, or a blob.
    #[serde(default)]
    pub code: Option<String>,
    /// How a node's state is read. By default lazily.
    #[serde(default)]
    pub state_mode: Option<StateMode>,
    /// Whether to accept a node's state without verifying its root.
    #[serde(default)]
    pub unverified: bool,
    /// The directory of the cache of trie nodes.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
    /// Other chains that exchange messages with the upgraded one, given like its state.
    #[serde(default, serialize_with = "exposed::list")]
    pub with: Vec<Source>,
    /// The relay chain of a parachain, given like its state. Its runtime decides about the upgrade.
    #[serde(default)]
    pub relay: Option<RelayRequest>,
    /// Whether a parachain that its relay chain does not know is onboarded on the fork first.
    #[serde(default)]
    pub onboard: bool,
    /// Checks that may fail, each with the reason.
    #[serde(default)]
    pub allow: BTreeMap<String, String>,
    /// Checks whose hazards count as failures.
    #[serde(default)]
    pub deny: Vec<String>,
    /// Whether the hazards of every check count as failures.
    #[serde(default)]
    pub strict: bool,
    /// The only checks to make: all, where it is empty.
    #[serde(default)]
    pub only: Vec<String>,
    /// Checks not to make.
    #[serde(default)]
    pub skip: Vec<String>,
    /// The number of blocks to build after the migrations.
    #[serde(default = "healthy_blocks")]
    pub blocks: u32,
    /// The most blocks that multi-block migrations may take.
    #[serde(default = "migration_blocks")]
    pub migration_blocks: u32,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// A file that the report is also written to.
    #[serde(default)]
    pub out: Option<PathBuf>,
}

impl DryRunRequest {
    /// Returns a request with all defaults.
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
            relay: None,
            onboard: false,
            allow: BTreeMap::new(),
            deny: Vec::new(),
            strict: false,
            only: Vec::new(),
            skip: Vec::new(),
            blocks: healthy_blocks(),
            migration_blocks: migration_blocks(),
            cache: None,
            out: None,
        }
    }
}

/// The relay chain of a parachain in a dry run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayRequest {
    /// The source of the relay chain's state.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    /// The block whose state is read from a node: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// The relay chain's own new code: a blob. Both upgrades are then rehearsed in each order.
    #[serde(default)]
    pub runtime: Option<String>,
}

fn healthy_blocks() -> u32 {
    10
}

/// A request to prepare a code as validators do. The dry run uses a separate process for it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareRequest {
    /// The deployed code, in hex.
    pub code: String,
    /// The file that the machine code is written to.
    pub artifact: PathBuf,
}

/// A request to validate a block with a prepared code. The dry run uses a separate process for it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidateRequest {
    /// The machine code that `prepare` wrote.
    pub artifact: PathBuf,
    /// The encoded `ValidationParams`, in hex.
    pub parameters: String,
}

/// The report of a dry run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DryRunReport {
    /// The format of the document: `cutover/dry-run/v2`.
    #[schemars(schema_with = "format::dry_run")]
    pub format: String,
    /// The state that the dry run started from.
    pub state: StateIdentity,
    /// The runtime before the upgrade.
    pub from: RuntimeIdentity,
    /// The runtime of the release.
    pub to: RuntimeIdentity,
    /// The BLAKE2-256 hash of the try-runtime build, if there was one.
    pub try_runtime: Option<String>,
    /// The chains that messages were delivered to.
    pub with: Vec<Counterpart>,
    /// The relay chain whose runtime decided about the upgrade, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Counterpart>,
    /// The relay chain's own new runtime, if its upgrade was rehearsed in the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_to: Option<RuntimeIdentity>,
    /// The relay blocks of the upgrade, if other chains of the network took part in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// Every check, in the order of the table of checks.
    pub checks: Vec<Check>,
    /// The names of the checks that this run did not make, because the request left them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// All blocks that were built, in their order.
    pub blocks: Vec<Block>,
    /// The weight limits of a block.
    pub limits: Weight,
    /// The changes from the upgrade to the end of its migrations, by storage item.
    pub storage_changes: Vec<StorageChange>,
    /// The changed weights of calls. Null if the weights were not read.
    pub call_weights: Option<Vec<CallWeight>>,
    /// Not in evidence.
    #[serde(default)]
    pub rpc: RpcUsage,
    /// Not in evidence.
    #[serde(default)]
    pub seconds: f64,
    /// The combined verdict of all checks. Allowed hazards do not count.
    pub verdict: Verdict,
    /// The number of hazards that are not allowed.
    pub hazards: usize,
}

/// The phase of the upgrade in which a block was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Blocks of the old code, up to the one that sets the new code.
    Enactment,
    /// The first block of the new code, which runs the single-block migrations.
    Upgrade,
    /// Blocks of the multi-block migrations.
    Migration,
    /// Blocks after the migrations.
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
    /// The number of the block on the fork.
    pub number: u32,
    /// The hash of the block, `0x` and hex.
    pub hash: String,
    /// The state root in the header, `0x` and hex.
    pub state_root: String,
    /// The phase of the upgrade that the block belongs to.
    pub phase: Phase,
    /// The computation time that the block declares, in picoseconds.
    pub ref_time: u64,
    /// The measured size of the storage proof of its import, in bytes.
    pub proof_size: u64,
    /// The size of the proof in the compact form that nodes exchange, in bytes.
    pub compact_proof_size: u64,
    /// The proof size that the block declares, in bytes.
    pub declared_proof_size: u64,
    /// Whether the runtime accepted only inherents, because multi-block migrations were in
    /// progress.
    pub only_inherents: bool,
    /// The measured time of the import. It differs between runs.
    #[serde(default)]
    pub import_seconds: f64,
}

/// Another chain in the dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counterpart {
    /// `parachain 1000 (asset-hub-paseo)`.
    pub chain: String,
    /// The `spec_version` of the chain's runtime.
    pub spec_version: u32,
    /// The BLAKE2-256 hash of the chain's deployed code, `0x` and hex.
    pub blake2_256: String,
    /// The hash of the block whose state was used, `0x` and hex.
    pub block_hash: String,
    /// The number of the block whose state was used.
    pub number: u32,
    /// The root of the state that was used, `0x` and hex.
    pub state_root: String,
}

/// The relay blocks of an upgrade, with the candidates of parachains in them. All numbers but those of
/// parachains' blocks are those of relay blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// The relay block that the rehearsal began on.
    pub began: u32,
    /// The last relay block.
    pub ended: u32,
    /// The parachains, in the order of their numbers.
    pub parachains: Vec<ParachainTimeline>,
    /// What happened, in the order of the relay blocks.
    pub milestones: Vec<Milestone>,
}

/// The candidates of a parachain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParachainTimeline {
    /// The number of the parachain on its relay chain.
    pub id: u32,
    /// The candidates that the relay chain backed, in the order of the relay blocks.
    pub candidates: Vec<CandidateTimeline>,
}

/// A candidate that the relay chain backed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateTimeline {
    /// The number of the parachain's block.
    pub number: u32,
    /// The relay block that backed it.
    pub backed: u32,
    /// The relay block that included it. None did if the relay chain dropped it, or if it was pending at the end.
    pub included: Option<u32>,
}

/// Something that happened to an upgrade in a relay block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Milestone {
    /// The relay block.
    pub block: u32,
    /// What happened: `go-ahead`.
    pub name: String,
}

/// The numbers of keys of a storage item that the upgrade added, changed and removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StorageChange {
    /// The pallet and its storage item: `System.Account`.
    pub item: String,
    /// Whether every block writes these keys, also without an upgrade.
    pub every_block: bool,
    /// The number of keys that did not exist before.
    pub added: usize,
    /// The number of keys with another value.
    pub changed: usize,
    /// The number of keys that no longer exist.
    pub removed: usize,
}

/// A call whose weight changes with the upgrade, with the simplest arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallWeight {
    /// `Balances.transfer_allow_death`.
    pub call: String,
    /// The weight before the upgrade.
    pub old: Weight,
    /// The weight after the upgrade.
    pub new: Weight,
}
