// SPDX-License-Identifier: Apache-2.0
//! Raw results that belong to no pallet: what a block and an extrinsic cost by themselves, and the reads and writes of a
//! database.

use super::raw::{Machine, Runtime};
use crate::format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was measured of blocks and extrinsics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    #[schemars(schema_with = "format::raw_overhead")]
    pub format: String,
    pub runtime: Runtime,
    pub settings: OverheadSettings,
    pub machine: Machine,
    /// What the state was read from while blocks were executed.
    pub database: String,
    pub block: Timed,
    /// Null where no signed extrinsic could be made for the runtime.
    pub extrinsic: Option<Filled>,
}

/// How blocks were executed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverheadSettings {
    /// Executions before the first that counts.
    pub warmup: u32,
    pub repeat_min: u32,
    pub repeat_max: u32,
    /// As in raw results of pallets.
    pub tolerance: Option<f64>,
    /// Whether the proof was recorded while time was measured, as where a parachain's blocks are made and checked.
    pub record_proof: bool,
    pub preset: String,
}

/// A block, executed again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timed {
    /// Nanoseconds of each execution.
    pub time: Vec<u64>,
    /// Bytes of the block's storage proof; 0 where none was recorded.
    pub proof_size: u64,
}

/// A block full of the same call, each signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Filled {
    /// `System.remark`.
    pub call: String,
    pub signer: String,
    /// How many fitted in.
    pub count: u64,
    #[serde(flatten)]
    pub timed: Timed,
}

/// What was measured of a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Database {
    #[schemars(schema_with = "format::raw_database")]
    pub format: String,
    /// `ParityDb`.
    pub database: String,
    pub state: StateFacts,
    pub settings: DatabaseSettings,
    pub machine: Machine,
    pub read: Vec<Access>,
    /// Each the share of one entry in a batch that was written together.
    pub write: Vec<Access>,
}

/// The state that a database held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateFacts {
    /// Null where the state does not name its chain.
    pub chain: Option<String>,
    /// Its number. Null where the state does not tell it.
    pub block: Option<u64>,
    /// `0x` and hex.
    pub root: String,
    pub entries: u64,
    pub state_version: u8,
}

/// How a database is measured. The defaults are those of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSettings {
    /// Rounds of reading every key before the first that counts.
    pub warmup: u32,
    /// Of more keys than these so many were chosen by chance.
    pub keys: u32,
    /// What the choice and the order began with.
    pub seed: u64,
    /// So many entries are read through one recorder and written together, as in one block.
    pub batch: u32,
    pub record_proof: bool,
}

impl Default for DatabaseSettings {
    /// Batches as large as `frame-benchmarking-cli`'s, 100,000, are more than a block writes, and than small states have.
    fn default() -> Self {
        Self { warmup: 1, keys: 1_000_000, seed: 0, batch: 1_000, record_proof: true }
    }
}

/// One read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// Bytes of the value.
    pub size: u32,
    /// Nanoseconds.
    pub time: u64,
}
