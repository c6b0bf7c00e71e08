// SPDX-License-Identifier: Apache-2.0
//! A block of a chain, executed once more.

use crate::{RpcUsage, RuntimeIdentity, Source, StateIdentity, Verdict, exposed, format};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, path::PathBuf};

/// Execute a block of a chain by its own runtime, and by another where one is given.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockRequest {
    /// A number or a hash.
    pub block: String,
    /// Nodes of the chain.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    /// Another runtime, whose outcomes are compared.
    #[serde(default)]
    pub runtime: Option<String>,
    /// The most blocks that the other runtime's multi-block migrations may take.
    #[serde(default = "crate::dry_run::migration_blocks")]
    pub migration_blocks: u32,
    /// Where compiled runtimes are kept between runs.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// Where trie nodes are kept between runs.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlockReport {
    #[schemars(schema_with = "format::block")]
    pub format: String,
    pub block: BlockIdentity,
    /// Of the block's parent.
    pub state: StateIdentity,
    /// The chain's own code at that state.
    pub runtime: RuntimeIdentity,
    pub executed: Execution,
    /// Of what the block's events tell.
    pub failed_dispatches: Vec<FailedDispatch>,
    pub extrinsics: Vec<Extrinsic>,
    /// Where another runtime was asked for, and the block holds.
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
    /// Whether the header carries its author's signature, which was taken off for the execution.
    pub sealed: bool,
    /// The node's word.
    pub finalized: bool,
}

/// What came of executing the block by the chain's own code. Where that failed there are no figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    pub holds: bool,
    pub differences: Vec<HeaderDifference>,
    pub failure: Option<String>,
    /// What the block declares, in picoseconds.
    pub ref_time: Option<u64>,
    /// The storage proof that executing it needs, measured, in bytes.
    pub proof_size: Option<u64>,
    pub compact_proof_size: Option<u64>,
    pub declared_proof_size: Option<u64>,
    #[serde(default)]
    pub import_seconds: Option<f64>,
}

/// A field of the header that executing the block does not come to.
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
    /// Null where the metadata does not tell how to read it.
    pub call: Option<String>,
    pub inherent: bool,
    #[schemars(with = "String")]
    pub outcome: DispatchOutcome,
}

/// What came of an extrinsic: in documents `success`, `unknown`, `failed: …` or `refused: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DispatchOutcome {
    Success,
    /// It is in the block, and its call failed.
    Failed(String),
    /// The runtime does not let it into the block.
    Refused(String),
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
            _ => Err(serde::de::Error::custom(format!("{text:?} is no outcome of an extrinsic"))),
        }
    }
}

/// What another runtime makes of the block's transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherRuntime {
    pub runtime: RuntimeIdentity,
    /// Blocks that its migrations took first.
    pub migration_blocks: usize,
    /// Why the transactions could not be tried.
    pub failure: Option<String>,
    /// How many were tried: all but the inherents.
    pub transactions: usize,
    pub changed: Vec<ChangedOutcome>,
}

impl OtherRuntime {
    /// Returns whether something that went well does no longer.
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
