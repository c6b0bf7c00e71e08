// SPDX-License-Identifier: Apache-2.0
use crate::result::{Identity, Rpc, State};
use serde::{Serialize, Serializer};
use std::fmt;

#[derive(Debug, Serialize)]
pub struct Report {
    pub format: &'static str,
    pub block: Block,
    /// Of the block's parent.
    pub state: State,
    /// The chain's own code at that state.
    pub runtime: Identity,
    pub executed: Executed,
    /// Of what the block's events tell.
    pub failed_dispatches: Vec<FailedDispatch>,
    pub extrinsics: Vec<Extrinsic>,
    /// Where another runtime was asked for, and the block holds.
    pub other: Option<Other>,
    pub rpc: Rpc,
    pub seconds: f64,
    pub verdict: &'static str,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.verdict == "pass"
    }
}

#[derive(Debug, Serialize)]
pub struct Block {
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
#[derive(Debug, Default, Serialize)]
pub struct Executed {
    pub holds: bool,
    pub differences: Vec<Difference>,
    pub failure: Option<String>,
    /// What the block declares, in picoseconds.
    pub ref_time: Option<u64>,
    /// The storage proof that executing it needs, measured, in bytes.
    pub proof_size: Option<u64>,
    pub compact_proof_size: Option<u64>,
    pub declared_proof_size: Option<u64>,
    pub import_seconds: Option<f64>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub what: &'static str,
    pub header: String,
    pub computed: String,
}

#[derive(Debug, Serialize)]
pub struct FailedDispatch {
    pub phase: String,
    pub extrinsic: Option<u32>,
    pub event: String,
    pub error: String,
}

#[derive(Debug, Serialize)]
pub struct Extrinsic {
    pub index: usize,
    /// Nothing where the metadata does not tell how to read it.
    pub call: Option<String>,
    pub inherent: bool,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// It is in the block, and its call failed.
    Failed(String),
    /// The runtime does not let it into the block.
    Refused(String),
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => formatter.write_str("success"),
            Self::Failed(error) => write!(formatter, "failed: {error}"),
            Self::Refused(error) => write!(formatter, "refused: {error}"),
            Self::Unknown => formatter.write_str("unknown"),
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What another runtime makes of the block's transactions.
#[derive(Debug, Serialize)]
pub struct Other {
    pub runtime: Identity,
    /// Blocks that its migrations took first.
    pub migration_blocks: usize,
    /// Why the transactions could not be tried.
    pub failure: Option<String>,
    /// How many were tried: all but the inherents.
    pub transactions: usize,
    pub changed: Vec<Changed>,
}

impl Other {
    /// Whether something that went well does no longer.
    pub fn is_worse(&self) -> bool {
        self.failure.is_some() || self.changed.iter().any(|changed| changed.before == Outcome::Success)
    }
}

#[derive(Debug, Serialize)]
pub struct Changed {
    pub index: usize,
    pub call: Option<String>,
    pub before: Outcome,
    pub after: Outcome,
}
