// SPDX-License-Identifier: Apache-2.0
//! Support for parachains: what is wrong with one, and the calls that repair it, tried on forks.

use crate::{Check, RpcUsage, Source, Verdict, dry_run::Counterpart, exposed, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

pub use crate::support_task::{SovereignOf, Task, TaskCondition, TaskOptions, TaskReport};

/// A request to find out what is wrong with a parachain. The result is a [`Diagnosis`], a [`RepairReport`] if repairs are
/// to be tried, or a [`TaskReport`] if a single task is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupportRequest {
    /// The state of the relay chain.
    #[serde(serialize_with = "exposed::one")]
    pub relay: Source,
    /// The block of the relay chain whose state is read from a node: a number, a hash or `finalized`.
    #[serde(default)]
    pub relay_at: Option<String>,
    /// The identifier of the parachain.
    pub para: u32,
    /// The state of the parachain. Without it, only what the relay chain knows is told.
    #[serde(default, serialize_with = "exposed::optional")]
    pub state: Option<Source>,
    /// The block of the parachain whose state is read from a node. By default the head that the relay chain has.
    #[serde(default)]
    pub at: Option<String>,
    /// How repairs are tried; nothing if none is.
    #[serde(default)]
    pub repair: Option<RepairOptions>,
    /// The task to try in place of all that; nothing if none is.
    #[serde(default)]
    pub task: Option<TaskOptions>,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// The directory of the cache of trie nodes.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

/// How repairs are tried.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairOptions {
    /// A blob that mends the parachain: the relay chain gets it as the code, and collators as a code substitute.
    #[serde(default)]
    pub code: Option<String>,
    /// The candidates that must be included after a repair.
    pub heads: u32,
    /// The directory that the calls of the proposed repair are written to.
    #[serde(default)]
    pub out: Option<PathBuf>,
}

/// What is wrong with a parachain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The format of the document: `cutover/diagnosis/v1`.
    #[schemars(schema_with = "format::diagnosis")]
    pub format: String,
    /// The identifier of the parachain.
    pub para: u32,
    /// The relay chain with its block.
    pub relay: Counterpart,
    /// The parachain with its block; nothing if its state was not given.
    pub parachain: Option<Counterpart>,
    /// What both chains know of the parachain, in the order of the groups.
    pub facts: Vec<Fact>,
    /// The checks, in their order.
    pub checks: Vec<Check>,
    /// What is wrong, the gravest first. Empty if nothing was found.
    pub causes: Vec<Cause>,
    /// The use of the nodes. Not in evidence.
    #[serde(default)]
    pub rpc: RpcUsage,
    /// The duration of the run. Not in evidence.
    #[serde(default)]
    pub seconds: f64,
    /// The combined verdict of all checks.
    pub verdict: Verdict,
    /// The number of hazards.
    pub hazards: usize,
}

/// A fact about a parachain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is about: `registration`, `head`, `code`, `cores`, `messages`, `channels` or `accounts`.
    pub group: String,
    /// The name of the fact: `lifecycle`.
    pub name: String,
    /// The value in words.
    pub value: String,
}

/// Something that is wrong with a parachain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The kind of the cause. Repairs are chosen by it.
    pub kind: CauseKind,
    /// What was found, in words.
    pub told: String,
}

/// The kinds of what can be wrong with a parachain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// The relay chain does not know the parachain.
    NotRegistered,
    /// The parachain is being onboarded or offboarded: sessions must pass.
    LifecycleChanges,
    /// The relay chain has no code of it, or lacks the code whose hash it has.
    CodeMissing,
    /// A dispute froze the relay chain: it backs no candidate.
    Frozen,
    /// No core is assigned to it.
    NoCore,
    /// The relay chain's head of it is no block that its node has.
    OtherHead,
    /// The parachain's own code is not the one that the relay chain has.
    OtherCode,
    /// The relay chain signals an upgrade, and the parachain has no code that waits for it, or the other way round.
    UpgradeSignal,
    /// An upgrade waits for the votes of validators, or for a relay block.
    UpgradePending,
    /// The messages from the relay chain do not continue the last one that the parachain received.
    DownwardMessages,
    /// The messages of a channel do not continue the last one that the parachain received.
    ChannelMessages,
    /// The queue of messages to the relay chain is full.
    UpwardQueue,
    /// The parachain was built on a relay block that the relay chain has not reached.
    RelayBlock,
    /// Its next block cannot be built: its runtime fails.
    BlockFails,
    /// Its next block is built, and the code that the relay chain has refuses it.
    ValidationFails,
    /// Its next candidate is valid, and the relay chain does not back or include it.
    CandidateRefused,
}

/// Repairs that were tried on forks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepairReport {
    /// The format of the document: `cutover/repair/v1`.
    #[schemars(schema_with = "format::repair")]
    pub format: String,
    /// What was wrong before.
    pub diagnosis: Diagnosis,
    /// The repairs that were tried, the safest first. The last one works, if any does.
    pub attempts: Vec<Attempt>,
    /// The position of the repair that is proposed in `attempts`; nothing if none works, or none is needed.
    pub proposed: Option<usize>,
    /// The duration of the run. Not in evidence.
    #[serde(default)]
    pub seconds: f64,
    /// `pass` if a repair works or none is needed, `fail` if something is wrong and none works, `not_judged` if that could
    /// not be told.
    pub verdict: Verdict,
}

/// The name of the repair that needs a blob: a report says so where it was not tried.
pub const REPLACE_CODE: &str = "replace-code";

/// A repair that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The name of the repair: `close-channels`.
    pub name: String,
    /// What it does, in words.
    pub told: String,
    /// What it costs the parachain and others: messages that are lost, a key that only the root has.
    pub costs: Vec<String>,
    /// The calls, in their order.
    pub calls: Vec<RepairCall>,
    /// The entry of `codeSubstitutes` in the chain spec of the parachain's nodes, if they need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub substitute: Option<CodeSubstitute>,
    /// The sessions of the relay chain that end before it has its effect.
    pub sessions: u32,
    /// The candidates that were included after it.
    pub heads: u32,
    /// Whether as many were included as were asked for.
    pub works: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// The names of the files that were written, of the proposed repair.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// A call of a repair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairCall {
    /// The chain that dispatches it.
    pub chain: String,
    /// The origin that dispatches it: `root`, or `anyone` for a call that any account may submit.
    pub origin: String,
    /// The pallet and the call: `Hrmp.force_clean_hrmp`.
    pub name: String,
    /// The encoded call, `0x` and hex. Absent if it is longer than 64 KiB, because it has a code: the files have it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    /// The length of the encoded call in bytes.
    pub length: u64,
    /// The BLAKE2-256 hash of the encoded call, `0x` and hex. It is the hash of its preimage.
    pub hash: String,
    /// The call in words. Absent with the bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub decoded: String,
}

/// A code that the nodes of a parachain execute in place of the one in its state (`codeSubstitutes` of a chain spec).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeSubstitute {
    /// The number of the parachain's block from whose child on the code is executed.
    pub block: u32,
    /// The BLAKE2-256 hash of the code, `0x` and hex.
    pub blake2_256: String,
}

/// The part of a chain spec that has code substitutes.
#[derive(Debug, Serialize)]
pub struct CodeSubstitutes {
    /// The codes, `0x` and hex, by the number of the block from whose child on each is executed.
    #[serde(rename = "codeSubstitutes")]
    pub codes: BTreeMap<String, String>,
}
