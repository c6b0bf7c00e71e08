// SPDX-License-Identifier: Apache-2.0
//! The request and the report of a block that is executed again.

use crate::{RpcUsage, RuntimeIdentity, Source, StateIdentity, Verdict, exposed, format};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, path::PathBuf};

/// A request to execute a block of a chain with its own runtime, and optionally with another one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockRequest {
    /// The block's number or hash.
    pub block: String,
    /// The nodes of the chain.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    /// Another runtime, to compare the outcomes of the extrinsics.
    #[serde(default)]
    pub runtime: Option<String>,
    /// The most blocks that the other runtime's multi-block migrations may take.
    #[serde(default = "migration_blocks")]
    pub migration_blocks: u32,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// The directory of the cache of trie nodes.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

/// The report of a block that was executed again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlockReport {
    /// The format of the document: `cutover/block/v1`.
    #[schemars(schema_with = "format::block")]
    pub format: String,
    /// The block that was executed.
    pub block: BlockIdentity,
    /// The state of the block's parent.
    pub state: StateIdentity,
    /// The chain's own runtime in that state.
    pub runtime: RuntimeIdentity,
    /// The result of executing the block with the chain's own runtime.
    pub executed: Execution,
    /// The failed dispatches, from the block's events. Empty if the events cannot be decoded.
    pub failed_dispatches: Vec<FailedDispatch>,
    /// The extrinsics of the block, in its order.
    pub extrinsics: Vec<Extrinsic>,
    /// The outcomes with another runtime. Null if none was given, or if the execution did not
    /// reproduce the block.
    pub other: Option<OtherRuntime>,
    /// The use of the nodes.
    pub rpc: RpcUsage,
    /// The duration of the run, in seconds of wall-clock time.
    pub seconds: f64,
    /// `fail` if the execution did not reproduce the block, or if the outcome with the other
    /// runtime is worse. Else `pass`.
    pub verdict: Verdict,
}

/// The identity of a block, from its header. Hashes are `0x` and hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockIdentity {
    /// The block number.
    pub number: u32,
    /// The hash of the block, with its seal.
    pub hash: String,
    /// The hash of the parent block.
    pub parent_hash: String,
    /// The root of the state after the block.
    pub state_root: String,
    /// The root of the trie of the block's extrinsics.
    pub extrinsics_root: String,
    /// Whether the header has a seal, which is removed for the execution.
    pub sealed: bool,
    /// Whether the block is finalized, as the node reports it.
    pub finalized: bool,
}

/// The result of executing the block with the chain's own runtime. The figures are null if it
/// failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    /// Whether the execution gives the header of the block.
    pub holds: bool,
    /// The fields of the header that differ. Empty if the execution gives the header, or if the
    /// computed values are not known.
    pub differences: Vec<HeaderDifference>,
    /// Why the runtime rejects the block. Null if it was executed to its end.
    pub failure: Option<String>,
    /// The computation time that the block declares, in picoseconds.
    pub ref_time: Option<u64>,
    /// The measured size of the storage proof of the execution, in bytes.
    pub proof_size: Option<u64>,
    /// The size of this proof in the compact form that parachain blocks carry, in bytes.
    pub compact_proof_size: Option<u64>,
    /// The proof size that the block declares, in bytes.
    pub declared_proof_size: Option<u64>,
    /// The duration of the execution, in seconds of wall-clock time.
    #[serde(default)]
    pub import_seconds: Option<f64>,
}

/// A field of the header whose value differs from the one that the execution computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderDifference {
    /// The name of the field: `state root`, `extrinsics root`, `parent hash` or `digest`.
    pub what: String,
    /// The value in the header: `0x` and hex digits.
    pub header: String,
    /// The value that the execution gives: `0x` and hex digits.
    pub computed: String,
}

/// An event that reports a failed dispatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedDispatch {
    /// The phase of the block: `Initialization`, `ApplyExtrinsic` or `Finalization`.
    pub phase: String,
    /// The index of the extrinsic. Null in the other phases.
    pub extrinsic: Option<u32>,
    /// The event, as `PALLET.NAME`.
    pub event: String,
    /// The dispatch error, by name.
    pub error: String,
}

/// An extrinsic of the block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extrinsic {
    /// The index of the extrinsic in the block, from 0.
    pub index: usize,
    /// The call. Null if the metadata cannot decode it.
    pub call: Option<String>,
    /// Whether its dispatch is mandatory by the block's events, as that of inherents is.
    pub inherent: bool,
    /// The outcome, from the block's events: `success`, `unknown` or `failed: …`.
    #[schemars(with = "String")]
    pub outcome: DispatchOutcome,
}

/// The outcome of an extrinsic: in documents `success`, `unknown`, `failed: …` or `refused: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DispatchOutcome {
    /// It was applied, and its call succeeded.
    Success,
    /// It was applied, and its call failed.
    Failed(String),
    /// The runtime rejected it from the block.
    Refused(String),
    /// The events do not show the outcome.
    Unknown,
}

impl fmt::Display for DispatchOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => formatter.write_str("success"),
            Self::Failed(error) => write!(formatter, "failed: {error}"),
            Self::Refused(error) => write!(formatter, "refused: {error}"),
            Self::Unknown => formatter.write_str("unknown"),
        }
    }
}

impl Serialize for DispatchOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DispatchOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (text.as_str(), text.split_once(": ")) {
            ("success", _) => Ok(Self::Success),
            ("unknown", _) => Ok(Self::Unknown),
            (_, Some(("failed", error))) => Ok(Self::Failed(error.to_owned())),
            (_, Some(("refused", error))) => Ok(Self::Refused(error.to_owned())),
            _ => Err(serde::de::Error::custom(format!("{text:?} is not the outcome of an extrinsic"))),
        }
    }
}

/// The outcomes of the block's transactions with another runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherRuntime {
    /// The other runtime.
    pub runtime: RuntimeIdentity,
    /// The number of blocks that its migrations took before.
    pub migration_blocks: usize,
    /// Why the transactions could not be applied, such as a failed migration. Null if they were.
    pub failure: Option<String>,
    /// The number of transactions that were applied: all extrinsics but the inherents.
    pub transactions: usize,
    /// The transactions whose outcome changes.
    pub changed: Vec<ChangedOutcome>,
}

impl OtherRuntime {
    /// Returns whether a transaction that succeeded before no longer does.
    pub fn is_worse(&self) -> bool {
        self.failure.is_some() || self.changed.iter().any(|changed| changed.before == DispatchOutcome::Success)
    }
}

/// A transaction whose outcome changes with another runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedOutcome {
    /// The index of the extrinsic in the block, from 0.
    pub index: usize,
    /// The call. Null if the metadata cannot decode it.
    pub call: Option<String>,
    /// The outcome with the chain's own runtime: `success`, `unknown` or `failed: …`.
    #[schemars(with = "String")]
    pub before: DispatchOutcome,
    /// The outcome with the other runtime: `success`, `unknown`, `failed: …` or `refused: …`.
    #[schemars(with = "String")]
    pub after: DispatchOutcome,
}

/// Returns the default limit of blocks for multi-block migrations. It is that of try-runtime.
pub fn migration_blocks() -> u32 {
    600
}
