// SPDX-License-Identifier: Apache-2.0
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use weights::{constants::DatabaseSettings, raw::PovMode};

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    Run(Run),
    /// What there is to run: pallets and their benchmarks.
    List(Run),
    Machine(Machine),
    Overhead(Overhead),
    Database(Database),
}

/// Run benchmarks and write their raw results, a file for each pallet.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
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
    pub machine: Machine,
    /// Where compiled runtimes are kept between runs.
    #[serde(default)]
    pub cache: Option<PathBuf>,
}

/// How benchmarks are run. The defaults of steps, trie layers and map values are those of `frame-benchmarking-cli`, so
/// that results can be compared.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Overhead {
    /// The blob that ships.
    pub runtime: String,
    /// Where raw results are written.
    pub out: PathBuf,
    /// Whose genesis state blocks are executed on.
    #[serde(default = "preset")]
    pub preset: String,
    #[serde(default)]
    pub settings: OverheadSettings,
    pub machine: Machine,
    #[serde(default)]
    pub cache: Option<PathBuf>,
}

/// The defaults of warm-up and repetitions are those of `frame-benchmarking-cli`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverheadSettings {
    /// Executions before the first that counts.
    pub warmup: u32,
    pub repeat_min: u32,
    pub repeat_max: u32,
    /// The relative half-width of the confidence interval below which repeating ends.
    pub tolerance: f64,
    /// None: as the chain's nodes do, a parachain's with and others without.
    pub record_proof: Option<bool>,
    /// None: as many as fit into a block.
    pub max_extrinsics: Option<u32>,
}

impl Default for OverheadSettings {
    fn default() -> Self {
        Self { warmup: 10, repeat_min: 100, repeat_max: 500, tolerance: 0.02, record_proof: None, max_extrinsics: None }
    }
}

/// Measure what reads and writes of a database cost.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A chain spec or a snapshot.
    pub state: String,
    pub out: PathBuf,
    #[serde(default)]
    pub settings: DatabaseSettings,
    pub machine: Machine,
}

/// Measure this machine and hold it against a profile.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// A TOML file of the folder `hardware/`; None measures only.
    #[serde(default)]
    pub profile: Option<PathBuf>,
    /// Where the disk is measured: files of 64 MiB are written there and removed.
    pub directory: PathBuf,
}

/// `sp_genesis_builder::DEV_RUNTIME_PRESET`.
fn preset() -> String {
    "development".to_string()
}
