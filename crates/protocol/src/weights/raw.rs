// SPDX-License-Identifier: Apache-2.0
//! The raw results of a pallet's benchmarks: everything that was measured, so that weight files can be made again
//! without running anything.
//!
//! The fields of a [`Repetition`] are those of `frame_benchmarking::BenchmarkResult`, with their units.

use crate::{format, hexadecimal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was measured of one pallet and instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RawResults {
    #[schemars(schema_with = "format::raw_weights")]
    pub format: String,
    pub runtime: Runtime,
    pub settings: Settings,
    pub machine: Machine,
    /// The pallet as benchmarks name it: `pallet_balances`.
    pub pallet: String,
    /// The instance as the runtime names it: `Balances`.
    pub instance: String,
    pub benchmarks: Vec<Benchmark>,
    /// What the runtime says about its storage: the bounds that an estimated proof size stands on.
    pub storage: Vec<StorageItem>,
}

/// The runtime whose code was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Runtime {
    pub spec_name: String,
    pub spec_version: u32,
    /// `0x` and hex, of the blob built with `runtime-benchmarks`.
    pub blob_blake2_256: String,
}

/// How the benchmarks were run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// How many values of each component were measured.
    pub steps: u32,
    /// At least so many repetitions of each value, and at most `repeat_max`. They are equal without adaptive repetition.
    pub repeat_min: u32,
    pub repeat_max: u32,
    /// How often the whole was repeated from outside the runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_repeat: Option<u32>,
    /// Repetition stopped where the relative half-width of the confidence interval of the worst case fell below this:
    /// 0.02 is two percent. None without adaptive repetition.
    pub tolerance: Option<f64>,
    /// Pages of 64 KiB that the executor gave the runtime on top of its own.
    pub heap_pages: Option<u64>,
    /// Layers of the trie above those that a pallet's own items make, for the estimated proof size.
    pub additional_trie_layers: u8,
    /// How many values a map without a bound is taken to hold, for the estimated proof size.
    pub worst_case_map_values: u32,
    pub default_pov_mode: PovMode,
}

/// How the proof size of a storage item is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PovMode {
    /// By the largest encoded value that its type allows, where that is bounded.
    #[default]
    MaxEncodedLen,
    /// By the proof that was recorded.
    Measured,
    /// Not at all.
    Ignored,
}

/// The machine that the time was measured on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The model, as the kernel names it.
    pub cpu: String,
    pub cores: u32,
    pub memory_bytes: u64,
    pub kernel: String,
    /// The frequency governor, where the kernel tells it.
    pub governor: Option<String>,
    /// `kvm`, `container`, `none`, as far as it can be told.
    pub virtualisation: Option<String>,
    /// The load average of the last minute when the run began.
    pub load: Option<f64>,
    /// The hardware profile that the machine was held against.
    pub profile: Option<String>,
    pub scores: Scores,
    /// Whether every score reaches the profile's; None where there was no profile.
    pub within_profile: Option<bool>,
}

/// Speeds in MiB/s, as `sc-sysinfo` measures them. None: not measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scores {
    pub blake2_256: Option<f64>,
    pub sr25519_verify: Option<f64>,
    pub memory_copy: Option<f64>,
    pub disk_sequential_write: Option<f64>,
    pub disk_random_write: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmark {
    /// The benchmark's name, which is the name of its weight function.
    pub extrinsic: String,
    /// In the order of the benchmark's signature.
    pub components: Vec<ComponentRange>,
    /// By `Pallet::Item`, `Pallet` or `ALL`, the more specific name first; what is not named has the default mode.
    #[serde(default)]
    pub pov_modes: BTreeMap<String, PovMode>,
    /// Runs that measured time, nothing recorded.
    pub time: Vec<Repetition>,
    /// Runs that recorded reads, writes, keys and the proof; their time means nothing.
    pub proof: Vec<Repetition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentRange {
    pub name: String,
    pub min: u32,
    pub max: u32,
}

/// One run of a benchmark at one value of each component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repetition {
    pub components: BTreeMap<String, u32>,
    /// Nanoseconds.
    pub extrinsic_time: u64,
    /// Nanoseconds.
    pub storage_root_time: u64,
    /// First reads of a key; `repeat_reads` are those after.
    pub reads: u32,
    pub repeat_reads: u32,
    /// First writes of a key; `repeat_writes` are those after.
    pub writes: u32,
    pub repeat_writes: u32,
    /// Bytes of the recorded proof.
    pub proof_size: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// The first 32 bytes of a storage key: its item's prefix, where it has one.
    #[serde(with = "hexadecimal")]
    #[schemars(with = "String")]
    pub key: Vec<u8>,
    pub reads: u32,
    pub writes: u32,
    /// Whether the key is in the overlay of every block anyway, so that it costs nothing.
    pub whitelisted: bool,
}

/// What the runtime tells of a storage item (`frame_support::traits::StorageInfo`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StorageItem {
    pub pallet: String,
    pub item: String,
    #[serde(with = "hexadecimal")]
    #[schemars(with = "String")]
    pub prefix: Vec<u8>,
    /// How many values there can be; None is unbounded.
    pub max_values: Option<u32>,
    /// How many bytes key and value can have; None is unbounded.
    pub max_size: Option<u32>,
}
