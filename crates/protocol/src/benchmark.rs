// SPDX-License-Identifier: Apache-2.0
//! Benchmarks of runtimes, blocks, databases and machines: what is asked for and what came of it.

use crate::{
    format,
    weights::{
        Rendered,
        constants::{DatabaseSettings, StateFacts},
        raw::{Machine, PovMode},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// What the worker for benchmarks is asked to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// The result is a [`RunSummary`].
    Run(RunRequest),
    /// List what there is to run: the result is a list of [`Pallet`].
    List(RunRequest),
    /// The result is a [`Machine`].
    Machine(MachineRequest),
    /// The result is an [`OverheadSummary`].
    Overhead(OverheadRequest),
    /// The result is a [`DatabaseSummary`].
    Database(DatabaseRequest),
}

/// Run benchmarks and write their raw results, a file for each pallet.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The blob built with `runtime-benchmarks`.
    pub runtime: String,
    /// Where raw results are written, and taken from where they are of this blob and these settings.
    pub out: PathBuf,
    /// What to run; empty is all.
    #[serde(default)]
    pub pallets: Vec<String>,
    #[serde(default)]
    pub extrinsics: Vec<String>,
    /// `pallet` or `pallet::extrinsic`.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Benchmarks that the runtime marks as extra.
    #[serde(default)]
    pub extra: bool,
    /// Whose genesis state the benchmarks begin with.
    #[serde(default = "preset")]
    pub preset: String,
    #[serde(default)]
    pub settings: Settings,
    /// Settings of single pallets, where they differ.
    #[serde(default)]
    pub per_pallet: BTreeMap<String, Settings>,
    #[serde(default)]
    pub continue_on_fail: bool,
    /// Run what has been run before as well.
    #[serde(default)]
    pub anew: bool,
    pub machine: MachineRequest,
    /// Where compiled runtimes are kept between runs.
    #[serde(default)]
    pub cache: Option<PathBuf>,
}

/// How benchmarks are run. The defaults of steps, trie layers and map values are those of `frame-benchmarking-cli`, so
/// that results can be compared.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Values of each component, from the lowest to the highest.
    pub steps: u32,
    /// Repetitions of each value, at least and at most.
    pub repeat_min: u32,
    pub repeat_max: u32,
    /// The relative half-width of the confidence interval of the worst case below which repeating ends; 0 repeats
    /// `repeat_max` times.
    pub tolerance: f64,
    /// Pages of 64 KiB that the executor gives the runtime on top of its own. Null: as many as it takes.
    pub heap_pages: Option<u32>,
    pub additional_trie_layers: u8,
    pub worst_case_map_values: u32,
    pub default_pov_mode: PovMode,
    /// Whether the proof is recorded while time is measured, as it is where a node makes or checks a block of a
    /// parachain. It costs time, which a relay chain or a solo chain does not spend.
    pub record_proof: bool,
    /// The most bytes of proof that a block has room for.
    pub block_proof_size: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            steps: 50,
            repeat_min: 3,
            repeat_max: 20,
            tolerance: 0.02,
            heap_pages: None,
            additional_trie_layers: 2,
            worst_case_map_values: 1_000_000,
            default_pov_mode: PovMode::MaxEncodedLen,
            record_proof: true,
            // polkadot-primitives: MAX_POV_SIZE.
            block_proof_size: 10 << 20,
        }
    }
}

/// Measure what blocks and extrinsics cost by themselves.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OverheadRequest {
    /// The blob that ships.
    pub runtime: String,
    /// Where raw results are written.
    pub out: PathBuf,
    /// Whose genesis state blocks are executed on.
    #[serde(default = "preset")]
    pub preset: String,
    #[serde(default)]
    pub settings: OverheadSettings,
    pub machine: MachineRequest,
    #[serde(default)]
    pub cache: Option<PathBuf>,
}

/// How blocks are executed. The defaults of warm-up and repetitions are those of `frame-benchmarking-cli`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverheadSettings {
    /// Executions before the first that counts.
    pub warmup: u32,
    pub repeat_min: u32,
    pub repeat_max: u32,
    /// The relative half-width of the confidence interval below which repeating ends.
    pub tolerance: f64,
    /// Null: as the chain's nodes do, a parachain's with and others without.
    pub record_proof: Option<bool>,
    /// Null: as many as fit into a block.
    pub max_extrinsics: Option<u32>,
}

impl Default for OverheadSettings {
    fn default() -> Self {
        Self { warmup: 10, repeat_min: 100, repeat_max: 500, tolerance: 0.02, record_proof: None, max_extrinsics: None }
    }
}

/// Measure what reads and writes of a database cost.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseRequest {
    /// A chain spec or a snapshot.
    pub state: String,
    pub out: PathBuf,
    #[serde(default)]
    pub settings: DatabaseSettings,
    pub machine: MachineRequest,
}

/// Measure this machine and compare it with a profile.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MachineRequest {
    /// A TOML file of the folder `hardware/`; null measures only.
    #[serde(default)]
    pub profile: Option<PathBuf>,
    /// Where the disk is measured: files of 64 MiB are written there and removed.
    pub directory: PathBuf,
}

/// Returns the preset that is meant where none is named: `sp_genesis_builder::DEV_RUNTIME_PRESET`.
pub fn preset() -> String {
    "development".to_string()
}

/// A pallet of a runtime with its benchmarks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pallet {
    pub pallet: String,
    pub instance: String,
    pub benchmarks: Vec<Benchmark>,
}

/// A benchmark by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmark {
    pub extrinsic: String,
}

/// What a run of benchmarks gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    pub spec_name: String,
    pub spec_version: u32,
    /// `0x` and hex, of the blob built with `runtime-benchmarks`.
    pub blob_blake2_256: String,
    pub machine: Machine,
    pub pallets: Vec<Measured>,
    /// What failed, with why.
    pub failed: Vec<Failed>,
}

/// A pallet that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    pub pallet: String,
    pub instance: String,
    /// The raw results.
    pub path: PathBuf,
    /// How many benchmarks are in them.
    pub benchmarks: usize,
    /// Whether all benchmarks of the pallet are in the file, so that a weight file can be made of it.
    pub complete: bool,
    /// Taken as it was measured before.
    pub unchanged: bool,
    /// Benchmarks that the runtime says cannot be run here.
    pub skipped: Vec<String>,
    pub seconds: f64,
}

/// A benchmark that failed, `*` for all of a pallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    pub pallet: String,
    pub extrinsic: String,
    pub why: String,
}

/// What blocks and extrinsics cost by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverheadSummary {
    pub spec_name: String,
    pub spec_version: u32,
    /// `0x` and hex, of the blob that ships.
    pub blob_blake2_256: String,
    pub machine: Machine,
    /// The raw results.
    pub path: PathBuf,
    pub record_proof: bool,
    /// Of an empty block.
    pub block: Timing,
    /// Null where no extrinsic was measured.
    pub extrinsic: Option<Timing>,
    /// Extrinsics in the full block. Null where no extrinsic was measured.
    pub extrinsics: Option<u64>,
    /// Why no extrinsic was measured. Null where one was.
    pub not_measured: Option<String>,
}

/// A measurement in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// The median, in nanoseconds.
    pub time: u64,
    /// Half of its 95 % confidence interval, in nanoseconds.
    pub half_width: u64,
    pub executions: usize,
}

/// What reads and writes of a database cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseSummary {
    pub state: StateFacts,
    pub machine: Machine,
    /// The raw results.
    pub path: PathBuf,
    /// How many keys were read.
    pub reads: usize,
    /// How many batches were written.
    pub writes: usize,
    /// The median of a read, in nanoseconds.
    pub read_time: u64,
    /// The median of a write, in nanoseconds.
    pub write_time: u64,
}

/// What `weights run` made of each runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Runs {
    #[schemars(schema_with = "format::benchmarks")]
    pub format: String,
    pub runtimes: Vec<Run>,
}

/// One runtime. What was not asked for is not there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub runtime: String,
    /// Where raw results are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<PathBuf>,
    /// The benchmarks that there are, where a list was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pallets: Option<Vec<Pallet>>,
    /// What was measured of pallets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunSummary>,
    /// What was measured of blocks and extrinsics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead: Option<OverheadSummary>,
    /// What was measured of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseSummary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
}

/// The weight files that a run made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Files {
    /// Why none were made.
    Left { left: String },
    Written {
        /// Where weight files are.
        directory: PathBuf,
        rendered: Rendered,
        /// Pallets of which not all benchmarks were run, so that their files stay as they are.
        #[serde(default)]
        incomplete: Vec<String>,
    },
}
