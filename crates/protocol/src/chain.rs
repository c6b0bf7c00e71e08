// SPDX-License-Identifier: Apache-2.0
//! The identities of runtimes and states in documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The weight of a call or a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Weight {
    /// The computation time, in picoseconds.
    pub ref_time: u64,
    /// The size of the storage proof, in bytes.
    pub proof_size: u64,
}

impl std::ops::Add for Weight {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            ref_time: self.ref_time.saturating_add(other.ref_time),
            proof_size: self.proof_size.saturating_add(other.proof_size),
        }
    }
}

/// The identity of a runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeIdentity {
    /// The name in the runtime's version.
    pub spec_name: String,
    /// The version that must rise with each upgrade.
    pub spec_version: u32,
    /// Null in runtimes from before mid-2020.
    pub transaction_version: Option<u32>,
    /// The version of the trie's encoding, 0 or 1. With 1, larger values are hashed in their nodes.
    pub state_version: u8,
    /// The size of the deployed code, in bytes.
    pub code_size: usize,
    /// The hash of the deployed code.
    pub blake2_256: String,
}

/// The identity of the state that a dry run starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateIdentity {
    /// A file, or a node with its scheme and host only.
    pub source: String,
    /// The hash of the chain's genesis block. Null if the state does not contain it.
    pub genesis_hash: Option<String>,
    /// The hash of the state's block, `0x` and hex.
    pub block_hash: String,
    /// The number of the state's block.
    pub number: u32,
    /// The state root of the source, before its code is replaced.
    pub state_root: String,
    /// The replacement of the state's own code, as the user named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether the state was verified against a separate state root of its source.
    pub verified: bool,
    /// Whether the block is finalized. Null for files.
    pub finalized: Option<bool>,
    /// How the state was read.
    pub mode: StateMode,
    /// The number of storage entries. Null if only a part of the state was read.
    pub entries: Option<usize>,
}

/// How a state is read from a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateMode {
    /// On demand; each trie node is verified by its hash.
    Lazy,
    /// Completely before the run; verified by the state root.
    #[default]
    Full,
}

impl StateMode {
    /// Returns the name in documents and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Full => "full",
        }
    }
}

/// The use of the network. It differs between runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RpcUsage {
    /// The number of JSON-RPC requests that were sent to nodes.
    pub requests: u64,
    /// The received bytes.
    pub bytes: u64,
}

/// A constant that is a duration, in its own unit and as time: `Babe.EpochDuration`,
/// `2,400 slots = 4 h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pace {
    /// The pallet and its constant: `Babe.EpochDuration`.
    pub constant: String,
    /// The value as text.
    pub told: String,
    /// The duration in milliseconds. Null if the duration of the unit is unknown.
    pub milliseconds: Option<u64>,
}
