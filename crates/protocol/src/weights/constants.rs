// SPDX-License-Identifier: Apache-2.0
//! Raw results without a pallet: the base costs of blocks and extrinsics, and the reads and
//! writes of a database.

use super::raw::{Machine, Runtime};
use crate::format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The raw results of blocks and extrinsics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    /// The format of the document: `cutover/raw-overhead/v1`.
    #[schemars(schema_with = "format::raw_overhead")]
    pub format: String,
    /// The measured runtime. Its hash is that of the released blob, without benchmarks.
    pub runtime: Runtime,
    /// The settings that the measurement used.
    pub settings: OverheadSettings,
    /// The machine of the measurement, with its measured speeds.
    pub machine: Machine,
    /// The database of the state while blocks were executed.
    pub database: String,
    /// The result of a block that contains only inherents.
    pub block: Timed,
    /// The result of extrinsics. Null if no signed extrinsic could be created for the runtime.
    pub extrinsic: Option<Filled>,
}

/// The settings of the executed blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverheadSettings {
    /// The number of warm-up executions, which are not counted.
    pub warmup: u32,
    /// The minimum number of executions of each block.
    pub repeat_min: u32,
    /// The maximum number of executions of each block.
    pub repeat_max: u32,
    /// The tolerance, as in the raw results of pallets.
    pub tolerance: Option<f64>,
    /// Whether the storage proof was recorded while time was measured, as nodes do for blocks of a
    /// parachain.
    pub record_proof: bool,
    /// The genesis preset on whose state the blocks were executed.
    pub preset: String,
}

/// A block that was executed repeatedly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timed {
    /// The time of each execution, in nanoseconds.
    pub time: Vec<u64>,
    /// The size of the block's storage proof, in bytes. 0 if none was recorded.
    pub proof_size: u64,
}

/// A full block of signed extrinsics with the same call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Filled {
    /// The call, such as `System.remark`.
    pub call: String,
    /// The secret URI of the development account that signed the extrinsics: `//Alice`.
    pub signer: String,
    /// The number of extrinsics in the block.
    pub count: u64,
    /// The result of the full block.
    #[serde(flatten)]
    pub timed: Timed,
}

/// The raw results of a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Database {
    /// The format of the document: `cutover/raw-database/v1`.
    #[schemars(schema_with = "format::raw_database")]
    pub format: String,
    /// The database, such as `ParityDb`.
    pub database: String,
    /// The state that was written to the database.
    pub state: StateFacts,
    /// The settings that the measurement used. The batch is smaller than the requested one for a
    /// small state.
    pub settings: DatabaseSettings,
    /// The machine of the measurement, with its measured speeds.
    pub machine: Machine,
    /// The reads. Each key was read once, in a random order.
    pub read: Vec<Access>,
    /// The writes. Each time is the batch's time divided by its entries.
    pub write: Vec<Access>,
}

/// The facts of the state in a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateFacts {
    /// The chain's name. Null if the state does not contain it.
    pub chain: Option<String>,
    /// The block's number. Null if the state does not contain it.
    pub block: Option<u64>,
    /// The state root, `0x` and hex.
    pub root: String,
    /// The number of storage entries, without those of child tries.
    pub entries: u64,
    /// The version of the trie's encoding, 0 or 1.
    pub state_version: u8,
}

/// The settings of a database measurement. The defaults are those of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSettings {
    /// The number of warm-up rounds that read every key. They are not counted.
    pub warmup: u32,
    /// The maximum number of keys. From a larger state, this many keys are chosen at random.
    pub keys: u32,
    /// The seed of the random choice and order.
    pub seed: u64,
    /// The number of entries that are read with one recorder and written together, as in one block.
    pub batch: u32,
    /// Whether the storage proof is recorded while keys are read and written.
    pub record_proof: bool,
}

impl Default for DatabaseSettings {
    /// The batches are smaller than those of `frame-benchmarking-cli`. Its 100,000 entries are more
    /// than a block writes, and more than small states have.
    fn default() -> Self {
        Self { warmup: 1, keys: 1_000_000, seed: 0, batch: 1_000, record_proof: true }
    }
}

/// A read or write of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// The size of the value, in bytes.
    pub size: u32,
    /// The time, in nanoseconds.
    pub time: u64,
}
