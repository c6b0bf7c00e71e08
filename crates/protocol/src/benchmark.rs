// SPDX-License-Identifier: Apache-2.0
//! Requests and results of benchmarks of runtimes, blocks, databases and machines.

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

/// A request to the worker of benchmarks.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Run benchmarks; the result is a [`RunSummary`].
    Run(RunRequest),
    /// Run benchmarks with the library `frame-benchmarking-cli`; the result is a [`RunSummary`].
    RunLibrary(Box<LibraryRequest>),
    /// List the benchmarks; the result is a list of [`Pallet`].
    List(RunRequest),
    /// Measure the machine; the result is a [`Machine`].
    Machine(MachineRequest),
    /// Measure blocks and extrinsics; the result is an [`OverheadSummary`].
    Overhead(OverheadRequest),
    /// Measure a database; the result is a [`DatabaseSummary`].
    Database(DatabaseRequest),
}

/// A request to run benchmarks and write their raw results, one file for each pallet.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The blob built with `runtime-benchmarks`.
    pub runtime: String,
    /// The directory of the raw results. Existing results of the same blob and settings are reused.
    pub out: PathBuf,
    /// The pallets to run. All are run if it is empty.
    #[serde(default)]
    pub pallets: Vec<String>,
    /// The benchmarks to run in the selected pallets, by name. All are run if it is empty.
    #[serde(default)]
    pub extrinsics: Vec<String>,
    /// `pallet` or `pallet::extrinsic`.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Whether to run the benchmarks that the runtime marks as extra, too.
    #[serde(default)]
    pub extra: bool,
    /// The genesis preset whose state the benchmarks start from.
    #[serde(default = "preset")]
    pub preset: String,
    /// The settings of all pallets that are not in `per_pallet`.
    #[serde(default)]
    pub settings: Settings,
    /// The settings of single pallets that differ, by the pallet's name.
    #[serde(default)]
    pub per_pallet: BTreeMap<String, Settings>,
    /// Whether to run the remaining benchmarks after one failed. Otherwise the run ends with the
    /// first failure.
    #[serde(default)]
    pub continue_on_fail: bool,
    /// Whether to run benchmarks again that already have results.
    #[serde(default)]
    pub anew: bool,
    /// The hardware profile of the machine, and the directory in which its disk is measured.
    pub machine: MachineRequest,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
}

/// A request to run benchmarks with the library `frame-benchmarking-cli`. It writes the results and
/// the weight file of each pallet to `run.out`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LibraryRequest {
    /// The benchmarks and their settings. The library does not have `tolerance`, `repeat_min` and
    /// `block_proof_size`, and measures always anew.
    pub run: RunRequest,
    /// The program that runs the library with the arguments of `frame-omni-bencher`.
    pub program: PathBuf,
    /// A file whose text is put at the top of weight files.
    #[serde(default)]
    pub preamble: Option<PathBuf>,
    /// A Handlebars template instead of the library's own.
    #[serde(default)]
    pub template: Option<PathBuf>,
    /// Templates of single pallets, by their names.
    #[serde(default)]
    pub templates: BTreeMap<String, PathBuf>,
    /// Whether weight files contain the machine's host name.
    #[serde(default)]
    pub hostname: bool,
    /// The least time that each benchmark is repeated, in seconds. Null: the library's default.
    #[serde(default)]
    pub min_duration: Option<u64>,
    /// The lowest values of the components, in their order, instead of those of each benchmark.
    #[serde(default)]
    pub low: Vec<u32>,
    /// The highest values of the components, in their order.
    #[serde(default)]
    pub high: Vec<u32>,
}

impl LibraryRequest {
    /// Returns the template of a pallet. `None`: the library's own.
    pub fn template_of(&self, pallet: &str) -> Option<&PathBuf> {
        self.templates.get(pallet).or(self.template.as_ref())
    }
}

/// The settings of benchmarks. The defaults of steps, trie layers and map values are those of
/// `frame-benchmarking-cli`, so that results can be compared.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The number of values of each component, from the lowest to the highest.
    pub steps: u32,
    /// The minimum number of repetitions of each value.
    pub repeat_min: u32,
    /// The maximum number of repetitions of each value.
    pub repeat_max: u32,
    /// Repetition ends when the relative half-width of the confidence interval of the worst case is
    /// below this. With 0 every value is repeated `repeat_max` times.
    pub tolerance: f64,
    /// The additional heap pages of 64 KiB for the runtime. Null: no limit.
    pub heap_pages: Option<u32>,
    /// The trie layers in addition to those of a pallet's own items, for the estimated proof size.
    pub additional_trie_layers: u8,
    /// The assumed number of values of a map without a bound, for the estimated proof size.
    pub worst_case_map_values: u32,
    /// The method to estimate the proof size of storage items for which the benchmark names none.
    pub default_pov_mode: PovMode,
    /// Whether the storage proof is recorded while time is measured. Nodes record it when they
    /// author or validate blocks of a parachain. Relay chains and solo chains do not.
    pub record_proof: bool,
    /// The maximum proof size of a block, in bytes.
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

/// A request to measure the base costs of blocks and extrinsics.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OverheadRequest {
    /// The blob of the release.
    pub runtime: String,
    /// The directory of the raw results.
    pub out: PathBuf,
    /// The genesis preset on whose state blocks are executed.
    #[serde(default = "preset")]
    pub preset: String,
    /// The numbers of executions, and what is recorded and filled in.
    #[serde(default)]
    pub settings: OverheadSettings,
    /// The hardware profile of the machine, and the directory in which its disk is measured.
    pub machine: MachineRequest,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
}

/// The settings of executed blocks. The defaults of warm-up and repetitions are those of
/// `frame-benchmarking-cli`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverheadSettings {
    /// The number of warm-up executions, which are not counted.
    pub warmup: u32,
    /// The minimum number of executions of each block, at least 1.
    pub repeat_min: u32,
    /// The maximum number of executions of each block, at least `repeat_min`.
    pub repeat_max: u32,
    /// Repetition ends when the relative half-width of the confidence interval is below this.
    pub tolerance: f64,
    /// Whether the storage proof is recorded. Null: only for parachains, whose nodes record it.
    pub record_proof: Option<bool>,
    /// The maximum number of extrinsics in a block. Null: as many as fit.
    pub max_extrinsics: Option<u32>,
}

impl Default for OverheadSettings {
    fn default() -> Self {
        Self { warmup: 10, repeat_min: 100, repeat_max: 500, tolerance: 0.02, record_proof: None, max_extrinsics: None }
    }
}

/// A request to measure reads and writes of a database.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseRequest {
    /// A chain spec or a snapshot.
    pub state: String,
    /// The directory of the raw results, which are written to `database.json` in it.
    pub out: PathBuf,
    /// The numbers of keys, rounds and entries of a batch.
    #[serde(default)]
    pub settings: DatabaseSettings,
    /// The hardware profile of the machine, and the directory in which its disk is measured and the
    /// database is written.
    pub machine: MachineRequest,
}

/// A request to measure this machine and compare it with a hardware profile.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MachineRequest {
    /// A TOML file of the directory `hardware/`. Null: only measure.
    #[serde(default)]
    pub profile: Option<PathBuf>,
    /// The directory in which the disk is measured: files of 64 MiB are written and removed.
    pub directory: PathBuf,
}

/// Returns the default preset: `sp_genesis_builder::DEV_RUNTIME_PRESET`.
pub fn preset() -> String {
    "development".to_string()
}

/// A pallet and its benchmarks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pallet {
    /// The pallet's name in benchmarks: `pallet_balances`.
    pub pallet: String,
    /// The instance's name in the runtime: `Balances`.
    pub instance: String,
    /// The selected benchmarks, in the order of the runtime.
    pub benchmarks: Vec<Benchmark>,
}

/// A benchmark, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmark {
    /// The benchmark's name, which is the name of its weight function.
    pub extrinsic: String,
}

/// The results of a run of benchmarks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// The name in the version of the measured runtime.
    pub spec_name: String,
    /// The `spec_version` of the measured runtime.
    pub spec_version: u32,
    /// The hash of the blob built with `runtime-benchmarks`, `0x` and hex.
    pub blob_blake2_256: String,
    /// The library that ran the benchmarks. Absent if Cutover ran them itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// The machine of the run, with its measured speeds.
    pub machine: Machine,
    /// The results of each selected pallet, in the order of the runtime.
    pub pallets: Vec<Measured>,
    /// The benchmarks that failed.
    pub failed: Vec<Failed>,
}

/// A library of others that runs benchmarks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// The name of its crate.
    pub name: String,
    /// The version of its crate in the lock file.
    pub version: String,
}

/// A measured pallet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// The pallet's name in benchmarks: `pallet_balances`.
    pub pallet: String,
    /// The instance's name in the runtime: `Balances`.
    pub instance: String,
    /// The file of the raw results. The results of another engine are in its own format.
    pub path: PathBuf,
    /// The weight file that another engine wrote. Absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_file: Option<PathBuf>,
    /// The number of benchmarks in the file.
    pub benchmarks: usize,
    /// Whether the file has all benchmarks of the pallet. A weight file needs all of them.
    pub complete: bool,
    /// Whether the results of an earlier run were reused.
    pub unchanged: bool,
    /// The benchmarks that the runtime skips.
    pub skipped: Vec<String>,
    /// The duration of the pallet's benchmarks, in seconds of real time.
    pub seconds: f64,
}

/// A benchmark that failed. The extrinsic `*` means the whole pallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// The pallet's name in benchmarks: `pallet_balances`.
    pub pallet: String,
    /// The benchmark's name, or `*` for the whole pallet.
    pub extrinsic: String,
    /// The reason in words, such as the message of a panic in the runtime.
    pub why: String,
}

/// The base costs of blocks and extrinsics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverheadSummary {
    /// The name in the version of the measured runtime.
    pub spec_name: String,
    /// The `spec_version` of the measured runtime.
    pub spec_version: u32,
    /// The hash of the released blob, `0x` and hex.
    pub blob_blake2_256: String,
    /// The machine of the measurement, with its measured speeds.
    pub machine: Machine,
    /// The file of the raw results.
    pub path: PathBuf,
    /// Whether the storage proof was recorded while time was measured.
    pub record_proof: bool,
    /// The time of an empty block.
    pub block: Timing,
    /// The time of an extrinsic. Null if none was measured.
    pub extrinsic: Option<Timing>,
    /// The number of extrinsics in the full block. Null if none was measured.
    pub extrinsics: Option<u64>,
    /// Why no extrinsic was measured. Null if one was.
    pub not_measured: Option<String>,
}

/// The summary of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// The median, in nanoseconds.
    pub time: u64,
    /// The half-width of the median's 95 % confidence interval, in nanoseconds.
    pub half_width: u64,
    /// The number of executions that were measured, without those to warm up.
    pub executions: usize,
}

/// The costs of reads and writes of a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseSummary {
    /// The state that was written to the database.
    pub state: StateFacts,
    /// The machine of the measurement, with its measured speeds.
    pub machine: Machine,
    /// The file of the raw results.
    pub path: PathBuf,
    /// The number of keys that were read.
    pub reads: usize,
    /// The number of batches that were written.
    pub writes: usize,
    /// The median time of a read, in nanoseconds.
    pub read_time: u64,
    /// The median time of a write, in nanoseconds.
    pub write_time: u64,
}

/// The results of `weights run` for each runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Runs {
    /// The format of the document: `cutover/benchmarks/v1`.
    #[schemars(schema_with = "format::benchmarks")]
    pub format: String,
    /// The results of the selected runtimes, one entry for each.
    pub runtimes: Vec<Run>,
}

/// The results of one runtime. Results that were not requested are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The runtime's name in the workspace.
    pub runtime: String,
    /// The directory of the raw results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<PathBuf>,
    /// The benchmarks, if a list was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pallets: Option<Vec<Pallet>>,
    /// The results of pallets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunSummary>,
    /// The results of blocks and extrinsics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead: Option<OverheadSummary>,
    /// The results of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseSummary>,
    /// The weight files that were made from the results, or why none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
}

/// The weight files that a run generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Files {
    /// The reason why no files were generated.
    Left {
        /// The reason, as a phrase for people.
        left: String,
    },
    /// The files that were generated.
    Written {
        /// The directory of the weight files.
        directory: PathBuf,
        /// The written files, with the values and edits of the previous files that were kept.
        rendered: Rendered,
        /// The pallets without results of all benchmarks. Their files are unchanged.
        #[serde(default)]
        incomplete: Vec<String>,
    },
}
