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
    #[schemars(schema_with = "format::block")]
    pub format: String,
    pub block: BlockIdentity,
    /// The state of the block's parent.
    pub state: StateIdentity,
    /// The chain's own runtime in that state.
    pub runtime: RuntimeIdentity,
    pub executed: Execution,
    /// The failed dispatches, from the block's events.
    pub failed_dispatches: Vec<FailedDispatch>,
    pub extrinsics: Vec<Extrinsic>,
    /// The outcome of another runtime, if one was given and the block could be reproduced.
    pub other: Option<OtherRuntime>,
    pub rpc: RpcUsage,
    pub seconds: f64,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockIdentity {
    pub number: u32,
    pub hash: String,
    pub parent_hash: String,
    pub state_root: String,
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
    pub holds: bool,
    pub differences: Vec<HeaderDifference>,
    pub failure: Option<String>,
    /// The computation time that the block declares, in picoseconds.
    pub ref_time: Option<u64>,
    /// The measured size of the storage proof of the execution, in bytes.
    pub proof_size: Option<u64>,
    pub compact_proof_size: Option<u64>,
    pub declared_proof_size: Option<u64>,
    #[serde(default)]
    pub import_seconds: Option<f64>,
}

/// A field of the header whose value differs from the one that the execution computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderDifference {
    pub what: String,
    pub header: String,
    pub computed: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedDispatch {
    pub phase: String,
    pub extrinsic: Option<u32>,
    pub event: String,
    pub error: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extrinsic {
    pub index: usize,
    /// The call. Null if the metadata cannot decode it.
    pub call: Option<String>,
    pub inherent: bool,
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
    pub runtime: RuntimeIdentity,
    /// The number of blocks that its migrations took before.
    pub migration_blocks: usize,
    /// Why the transactions could not be applied.
    pub failure: Option<String>,
    /// The number of transactions that were applied: all extrinsics but the inherents.
    pub transactions: usize,
    pub changed: Vec<ChangedOutcome>,
}

impl OtherRuntime {
    /// Returns whether a transaction that succeeded before no longer does.
    pub fn is_worse(&self) -> bool {
        self.failure.is_some() || self.changed.iter().any(|changed| changed.before == DispatchOutcome::Success)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedOutcome {
    pub index: usize,
    pub call: Option<String>,
    #[schemars(with = "String")]
    pub before: DispatchOutcome,
    #[schemars(with = "String")]
    pub after: DispatchOutcome,
}

/// Returns the default limit of blocks for multi-block migrations. It is that of try-runtime.
pub fn migration_blocks() -> u32 {
    600
}
