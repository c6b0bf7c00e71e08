// SPDX-License-Identifier: Apache-2.0
//! What identifies runtimes and states, wherever they stand in a document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Weight as runtimes count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Weight {
    /// Computation, in picoseconds.
    pub ref_time: u64,
    /// Storage proof, in bytes.
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

/// A runtime that took part in a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeIdentity {
    pub spec_name: String,
    pub spec_version: u32,
    /// Null in runtimes from before mid-2020.
    pub transaction_version: Option<u32>,
    pub state_version: u8,
    /// Of the code as deployed, in bytes.
    pub code_size: usize,
    /// Of the code as deployed.
    pub blake2_256: String,
}

/// The state that a dry run began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateIdentity {
    /// A file, or a node as it may be shown: without what is behind its host.
    pub source: String,
    /// The chain, by the hash of its first block. Null where the state does not tell it.
    pub genesis_hash: Option<String>,
    pub block_hash: String,
    pub number: u32,
    /// As the source has it, whatever code takes the place of its own.
    pub state_root: String,
    /// What took the place of the state's own code, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether the state was compared with a root that its source gave apart from it.
    pub verified: bool,
    /// Whether the block is known to be final. Null for files, which do not tell.
    pub finalized: Option<bool>,
    pub mode: StateMode,
    /// Null where only a part of the state was taken.
    pub entries: Option<usize>,
}

/// How much of a state is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateMode {
    /// What is read, when it is read, each trie node proven by its hash.
    Lazy,
    /// All of it at first, proven by its root.
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

/// How the network was used. It differs from run to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RpcUsage {
    pub requests: u64,
    /// Received.
    pub bytes: u64,
}
