// SPDX-License-Identifier: Apache-2.0
//! The raw results of a pallet's benchmarks: all measurements, so that weight files can be
//! generated again without running benchmarks.
//!
//! The fields of a [`Repetition`] are those of `frame_benchmarking::BenchmarkResult`, with their
//! units.

use crate::format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The raw results of one instance of a pallet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RawResults {
    /// The format of the document: `cutover/raw-weights/v1`.
    #[schemars(schema_with = "format::raw_weights")]
    pub format: String,
    /// The runtime whose benchmarks were run.
    pub runtime: Runtime,
    /// The settings that the run used for this pallet.
    pub settings: Settings,
    /// The machine of the run, with its measured speeds.
    pub machine: Machine,
    /// The pallet's name in benchmarks: `pallet_balances`.
    pub pallet: String,
    /// The instance's name in the runtime: `Balances`.
    pub instance: String,
    /// The results of the pallet's benchmarks, in the order of the runtime.
    pub benchmarks: Vec<Benchmark>,
    /// The runtime's storage items, with the bounds that estimated proof sizes depend on.
    pub storage: Vec<StorageItem>,
}

/// The measured runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Runtime {
    /// The name in the runtime's version.
    pub spec_name: String,
    /// The `spec_version` of the runtime's version.
    pub spec_version: u32,
    /// The hash of the blob built with `runtime-benchmarks`, `0x` and hex.
    pub blob_blake2_256: String,
}

/// The settings of the benchmarks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// The number of values of each component.
    pub steps: u32,
    /// The minimum number of repetitions of each value. Without adaptive repetition it equals
    /// `repeat_max`.
    pub repeat_min: u32,
    /// The maximum number of repetitions of each value.
    pub repeat_max: u32,
    /// The repetitions of the whole benchmark outside of the runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_repeat: Option<u32>,
    /// Repetition ended when the relative half-width of the confidence interval of the worst case
    /// was below this; 0.02 is two percent. Null without adaptive repetition.
    pub tolerance: Option<f64>,
    /// The additional heap pages of 64 KiB for the runtime.
    pub heap_pages: Option<u64>,
    /// The trie layers in addition to those of a pallet's own items, for the estimated proof size.
    pub additional_trie_layers: u8,
    /// The assumed number of values of a map without a bound, for the estimated proof size.
    pub worst_case_map_values: u32,
    /// The method to estimate the proof size of storage items for which the benchmark names none.
    pub default_pov_mode: PovMode,
}

/// The method to estimate the proof size of a storage item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PovMode {
    /// By the largest encoded value of its type, if it is bounded.
    #[default]
    MaxEncodedLen,
    /// By the recorded proof.
    Measured,
    /// Without an estimate.
    Ignored,
}

/// The machine of the measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The CPU model, as the kernel names it.
    pub cpu: String,
    /// The number of processors that are available to the process.
    pub cores: u32,
    /// The size of the memory, in bytes. 0 if the kernel does not report it.
    pub memory_bytes: u64,
    /// The release of the kernel, or `unknown`.
    pub kernel: String,
    /// The frequency governor, if the kernel reports it.
    pub governor: Option<String>,
    /// The virtualisation: `kvm`, `container`, `none`. Null if it is not known.
    pub virtualisation: Option<String>,
    /// The load average of the last minute when the run began.
    pub load: Option<f64>,
    /// The hardware profile that the machine was compared with.
    pub profile: Option<String>,
    /// The measured speeds.
    pub scores: Scores,
    /// Whether every score reaches that of the profile. Null without a profile.
    pub within_profile: Option<bool>,
}

/// The speeds in MiB/s, as `sc-sysinfo` measures them. Null if not measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scores {
    /// BLAKE2-256 of 32 KiB at a time.
    pub blake2_256: Option<f64>,
    /// The verification of sr25519 signatures. The bytes are those of the messages, 32 each.
    pub sr25519_verify: Option<f64>,
    /// The copying of 64 MiB of memory.
    pub memory_copy: Option<f64>,
    /// The writing of a file of 64 MiB as a whole.
    pub disk_sequential_write: Option<f64>,
    /// The writing of half of each block of 4 KiB of a file of 64 MiB, in a scattered order.
    pub disk_random_write: Option<f64>,
}

/// The results of one benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmark {
    /// The benchmark's name, which is the name of its weight function.
    pub extrinsic: String,
    /// The components, in the order of the benchmark's signature.
    pub components: Vec<ComponentRange>,
    /// The modes by `Pallet::Item`, `Pallet` or `ALL`. The most specific name applies; other items
    /// have the default mode.
    #[serde(default)]
    pub pov_modes: BTreeMap<String, PovMode>,
    /// The runs that measured the time, without recording.
    pub time: Vec<Repetition>,
    /// The runs that recorded reads, writes, keys and the proof. Their time is not meaningful.
    pub proof: Vec<Repetition>,
}

/// A component of a benchmark, with its range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentRange {
    /// The component's letter: `n`.
    pub name: String,
    /// The lowest value.
    pub min: u32,
    /// The greatest value.
    pub max: u32,
}

/// One run of a benchmark at one value of each component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repetition {
    /// The value of each component, by its letter.
    pub components: BTreeMap<String, u32>,
    /// The time of the extrinsic, in nanoseconds.
    pub extrinsic_time: u64,
    /// The time of computing the storage root, in nanoseconds.
    pub storage_root_time: u64,
    /// The number of first reads of keys.
    pub reads: u32,
    /// The number of repeated reads of keys.
    pub repeat_reads: u32,
    /// The number of first writes of keys.
    pub writes: u32,
    /// The number of repeated writes of keys.
    pub repeat_writes: u32,
    /// The size of the recorded proof, in bytes.
    pub proof_size: u32,
    /// The keys that were accessed. Absent if none were recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
}

/// The reads and writes of a storage key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// The first 32 bytes of a storage key, which are the prefix of its storage item.
    #[serde(with = "hexadecimal")]
    #[schemars(with = "String")]
    pub key: Vec<u8>,
    /// The number of reads of the key.
    pub reads: u32,
    /// The number of writes of the key.
    pub writes: u32,
    /// Whether the key is in the overlay of every block, so that accessing it costs nothing.
    pub whitelisted: bool,
}

/// The runtime's information about a storage item (`frame_support::traits::StorageInfo`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StorageItem {
    /// The pallet's name in the runtime: `Balances`.
    pub pallet: String,
    /// The name of the storage item: `TotalIssuance`.
    pub item: String,
    /// The first bytes of the item's storage keys, `0x` and hex.
    #[serde(with = "hexadecimal")]
    #[schemars(with = "String")]
    pub prefix: Vec<u8>,
    /// The maximum number of values. Null if unbounded.
    pub max_values: Option<u32>,
    /// The maximum size of key and value, in bytes. Null if unbounded.
    pub max_size: Option<u32>,
}

/// Serializes bytes as `0x` and lower-case hex.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Write;

    /// Serializes bytes.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(2 + 2 * bytes.len());
        text.push_str("0x");
        for byte in bytes {
            // Writing to a `String` does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        serializer.serialize_str(&text)
    }

    /// Deserializes bytes. Upper-case digits are accepted too.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").ok_or_else(|| D::Error::custom("missing prefix `0x` of hex bytes"))?;
        bytes(digits).ok_or_else(|| D::Error::custom("invalid hex bytes"))
    }

    pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let digit = |digit: u8| char::from(digit).to_digit(16);
        let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
        rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::hexadecimal::bytes;

    #[test]
    fn pairs_of_digits_are_bytes_and_nothing_else_is() {
        assert_eq!(bytes("00ffAb"), Some(vec![0, 255, 0xab]));
        assert_eq!(bytes(""), Some(Vec::new()));
        for broken in ["0", "0g", "é", "+1"] {
            assert_eq!(bytes(broken), None, "{broken}");
        }
    }
}
