// SPDX-License-Identifier: Apache-2.0
//! The raw results of a pallet's benchmarks: everything that was measured, so that weight files can be made again
//! without running anything.
//!
//! The fields of a [`Repetition`] are those of `frame_benchmarking::BenchmarkResult`, with their units.

use crate::hexadecimal;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};
use worker::{Code, Failure, Result};

/// Raw results of another format are refused: a field that means something else would make wrong weights.
pub const FORMAT: &str = "cutover-raw-weights/1";

/// Fifty steps of twenty repetitions of a pallet with a hundred benchmarks, all their keys included, stay below this.
pub(crate) const SIZE_LIMIT: u64 = 512 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RawResults {
    /// [`FORMAT`].
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    pub spec_name: String,
    pub spec_version: u32,
    /// `0x` and hex, of the blob built with `runtime-benchmarks`.
    pub blob_blake2_256: String,
}

/// How the benchmarks were run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    pub blake2_256: Option<f64>,
    pub sr25519_verify: Option<f64>,
    pub memory_copy: Option<f64>,
    pub disk_sequential_write: Option<f64>,
    pub disk_random_write: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentRange {
    pub name: String,
    pub min: u32,
    pub max: u32,
}

/// One run of a benchmark at one value of each component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The first 32 bytes of a storage key: its item's prefix, where it has one.
    #[serde(with = "hexadecimal")]
    pub key: Vec<u8>,
    pub reads: u32,
    pub writes: u32,
    /// Whether the key is in the overlay of every block anyway, so that it costs nothing.
    pub whitelisted: bool,
}

/// What the runtime tells of a storage item (`frame_support::traits::StorageInfo`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageItem {
    pub pallet: String,
    pub item: String,
    #[serde(with = "hexadecimal")]
    pub prefix: Vec<u8>,
    /// How many values there can be; None is unbounded.
    pub max_values: Option<u32>,
    /// How many bytes key and value can have; None is unbounded.
    pub max_size: Option<u32>,
}

impl RawResults {
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&files::read_bounded(path, SIZE_LIMIT)?, &path.display().to_string())
    }

    /// Parses raw results; `name` is how the file is called in messages.
    pub fn parse(text: &[u8], name: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let none = |error: serde_json::Error| {
            Failure::input(format!("{name} holds no raw results of benchmarks"))
                .found(error.to_string())
                .expected(format!("a JSON document of the format {FORMAT}"))
        };
        let head: Head = serde_json::from_slice(text).map_err(none)?;
        if head.format != FORMAT {
            // Beside those of pallets lie those of blocks, extrinsics and databases.
            let of_pallets = head.format.split('/').next() == FORMAT.split('/').next();
            let what =
                if of_pallets { "holds raw results of another version" } else { "holds no raw results of pallets" };
            let failure = Failure::input(format!("{name} {what}"));
            let failure = if of_pallets { failure.code(Code::OtherVersion) } else { failure };
            return Err(failure
                .found(head.format.chars().take(100).collect::<String>())
                .expected(FORMAT)
                .hint("run the benchmarks again, or take the Cutover that made the file"));
        }
        let results: Self = serde_json::from_slice(text).map_err(none)?;
        results.validate(name)?;
        Ok(results)
    }

    /// One line a benchmark would be unreadable, so it is indented; the same results are the same bytes.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::internal("raw results cannot be written as JSON").found(error.to_string()))?;
        text.push(b'\n');
        files::write_whole(path, &text)
    }

    /// What later steps rely on: names that can stand in Rust source, a value for each component in each repetition.
    fn validate(&self, name: &str) -> Result<()> {
        let refuse = |message: String| Err(Failure::input(format!("{name} {message}")));
        if !is_path(&self.pallet) {
            return refuse(format!("names a pallet {:?}, which is no Rust path", self.pallet));
        }
        let mut names = std::collections::BTreeSet::new();
        for benchmark in &self.benchmarks {
            if !is_identifier(&benchmark.extrinsic) {
                return refuse(format!("names a benchmark {:?}, which is no Rust identifier", benchmark.extrinsic));
            }
            if !names.insert(&benchmark.extrinsic) {
                return refuse(format!("holds the benchmark {} twice", benchmark.extrinsic));
            }
            if benchmark.time.is_empty() || benchmark.proof.is_empty() {
                return refuse(format!("holds no measurement of {}", benchmark.extrinsic));
            }
            if let Some(component) = benchmark.components.iter().find(|component| !is_identifier(&component.name)) {
                return refuse(format!("names a component {:?}, which is no Rust identifier", component.name));
            }
            for repetition in benchmark.time.iter().chain(&benchmark.proof) {
                let complete = repetition.components.len() == benchmark.components.len()
                    && benchmark.components.iter().all(|one| repetition.components.contains_key(&one.name));
                if !complete {
                    return refuse(format!(
                        "holds a repetition of {} whose components are not the benchmark's",
                        benchmark.extrinsic
                    ));
                }
            }
        }
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
        && name.len() <= 200
}

/// `pallet_balances`, or `pallet_xcm_benchmarks::fungible` of a pallet that is a module.
fn is_path(name: &str) -> bool {
    name.split("::").all(is_identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> RawResults {
        let repetition = Repetition { components: BTreeMap::from([("n".into(), 3)]), ..Default::default() };
        RawResults {
            format: FORMAT.into(),
            runtime: Runtime::default(),
            settings: Settings {
                steps: 50,
                repeat_min: 20,
                repeat_max: 20,
                external_repeat: None,
                tolerance: None,
                heap_pages: Some(4096),
                additional_trie_layers: 2,
                worst_case_map_values: 1_000_000,
                default_pov_mode: PovMode::MaxEncodedLen,
            },
            machine: Machine::default(),
            pallet: "pallet_balances".into(),
            instance: "Balances".into(),
            benchmarks: vec![Benchmark {
                extrinsic: "transfer".into(),
                components: vec![ComponentRange { name: "n".into(), min: 1, max: 10 }],
                pov_modes: BTreeMap::from([("ALL".into(), PovMode::Measured)]),
                time: vec![repetition.clone()],
                proof: vec![Repetition {
                    keys: vec![Key { key: vec![0xab; 32], reads: 1, writes: 0, whitelisted: false }],
                    ..repetition
                }],
            }],
            storage: vec![StorageItem {
                pallet: "System".into(),
                item: "Account".into(),
                prefix: vec![1, 2],
                max_values: None,
                max_size: Some(128),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("raw.json");
        results().write(&path).expect("written");
        assert_eq!(RawResults::read(&path).expect("read"), results());
        let text = std::fs::read_to_string(&path).expect("read");
        assert!(text.contains("\"prefix\": \"0x0102\"") && text.contains("\"default_pov_mode\": \"max_encoded_len\""));
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let text = serde_json::to_string(&results()).expect("JSON").replace(FORMAT, "cutover-raw-weights/9");
        let failure = RawResults::parse(text.as_bytes(), "a.json").expect_err("refused");
        assert_eq!(failure.found.as_deref(), Some("cutover-raw-weights/9"));
        assert_eq!(failure.expected.as_deref(), Some(FORMAT));
        assert_eq!(failure.kind, worker::Kind::Input);
    }

    #[test]
    fn what_is_no_result_is_refused() {
        let broken = |change: &dyn Fn(&mut RawResults)| {
            let mut results = results();
            change(&mut results);
            let text = serde_json::to_vec(&results).expect("JSON");
            RawResults::parse(&text, "a.json").expect_err("refused").message
        };
        assert!(broken(&|raw| raw.pallet = "a; fn main".into()).contains("no Rust path"));
        assert!(broken(&|raw| raw.benchmarks[0].extrinsic = "a()".into()).contains("no Rust identifier"));
        assert!(broken(&|raw| raw.benchmarks.push(raw.benchmarks[0].clone())).contains("twice"));
        assert!(broken(&|raw| raw.benchmarks[0].time.clear()).contains("no measurement of transfer"));
        assert!(broken(&|raw| raw.benchmarks[0].proof[0].components.clear()).contains("components"));
        for text in ["", "[]", "{}", "null", "{\"format\": \"cutover-raw-weights/1\"}"] {
            let failure = RawResults::parse(text.as_bytes(), "a.json").expect_err(text);
            assert!(failure.message.starts_with("a.json"), "{failure}");
        }
    }
}
