// SPDX-License-Identifier: Apache-2.0
//! Reads and writes the raw results of a pallet's benchmarks.

use protocol::{format::RAW_WEIGHTS, weights::raw::RawResults};
use serde::Deserialize;
use std::path::Path;
use worker::{Code, Failure, Result};

/// The name of the format before all formats followed one naming scheme. The content is the same.
pub const LEGACY_FORMAT: &str = "cutover-raw-weights/1";

/// The largest file that is read, in bytes. A pallet with 100 benchmarks, measured with 50 steps
/// and 20 repetitions and with all keys recorded, stays below this.
pub(crate) const SIZE_LIMIT: u64 = 512 * 1024 * 1024;

/// Reads raw results from a file.
pub fn read(path: &Path) -> Result<RawResults> {
    parse(&files::read_bounded(path, SIZE_LIMIT)?, &path.display().to_string())
}

/// Parses raw results and checks that they are complete. `name` is the name of the file in
/// messages.
pub fn parse(text: &[u8], name: &str) -> Result<RawResults> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    let none = |error: serde_json::Error| {
        Failure::input(format!("{name} contains no raw results of benchmarks"))
            .found(error.to_string())
            .expected(format!("a JSON document of the format {RAW_WEIGHTS}"))
    };
    let head: Head = serde_json::from_slice(text).map_err(none)?;
    if ![RAW_WEIGHTS, LEGACY_FORMAT].contains(&head.format.as_str()) {
        // The raw results of blocks, extrinsics and databases are in the same directory as those of
        // pallets.
        let document = |format: &str| format.rsplit_once('/').map(|(document, _)| document.to_owned());
        let of_pallets = [RAW_WEIGHTS, LEGACY_FORMAT].map(document).contains(&document(&head.format));
        let what =
            if of_pallets { "contains raw results of another version" } else { "contains no raw results of pallets" };
        let failure = Failure::input(format!("{name} {what}"));
        let failure = if of_pallets { failure.code(Code::OtherVersion) } else { failure };
        return Err(failure
            .found(head.format.chars().take(100).collect::<String>())
            .expected(RAW_WEIGHTS)
            .hint("run the benchmarks again, or use the version of Cutover that wrote the file"));
    }
    let results: RawResults = serde_json::from_slice(text).map_err(none)?;
    validate(&results, name)?;
    Ok(results)
}

/// Writes raw results to a file as indented JSON. The same results give the same bytes.
pub fn write(results: &RawResults, path: &Path) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(results)
        .map_err(|error| Failure::internal("raw results cannot be written as JSON").found(error.to_string()))?;
    text.push(b'\n');
    files::write_whole(path, &text)
}

/// Checks what later steps rely on: names are valid in Rust source, and each repetition has a value
/// for each component.
fn validate(results: &RawResults, name: &str) -> Result<()> {
    let refuse = |message: String| Err(Failure::input(format!("{name} {message}")));
    if !is_path(&results.pallet) {
        return refuse(format!("names the pallet {:?}, which is not a Rust path", results.pallet));
    }
    let mut names = std::collections::BTreeSet::new();
    for benchmark in &results.benchmarks {
        if !is_identifier(&benchmark.extrinsic) {
            return refuse(format!("names the benchmark {:?}, which is not a Rust identifier", benchmark.extrinsic));
        }
        if !names.insert(&benchmark.extrinsic) {
            return refuse(format!("contains the benchmark {} twice", benchmark.extrinsic));
        }
        if benchmark.time.is_empty() || benchmark.proof.is_empty() {
            return refuse(format!("contains no measurement of {}", benchmark.extrinsic));
        }
        if let Some(component) = benchmark.components.iter().find(|component| !is_identifier(&component.name)) {
            return refuse(format!("names the component {:?}, which is not a Rust identifier", component.name));
        }
        for repetition in benchmark.time.iter().chain(&benchmark.proof) {
            let complete = repetition.components.len() == benchmark.components.len()
                && benchmark.components.iter().all(|one| repetition.components.contains_key(&one.name));
            if !complete {
                return refuse(format!(
                    "contains a repetition of {} whose components differ from the benchmark's",
                    benchmark.extrinsic
                ));
            }
        }
    }
    Ok(())
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
        && name.len() <= 200
}

/// Returns whether this is a path of identifiers: `pallet_balances`, or
/// `pallet_xcm_benchmarks::fungible` for a pallet in a module.
fn is_path(name: &str) -> bool {
    name.split("::").all(is_identifier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::weights::raw::*;
    use std::collections::BTreeMap;

    fn results() -> RawResults {
        let repetition = Repetition { components: BTreeMap::from([("n".into(), 3)]), ..Default::default() };
        RawResults {
            format: RAW_WEIGHTS.into(),
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
    fn written_results_are_read_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("raw.json");
        write(&results(), &path).expect("written");
        assert_eq!(read(&path).expect("read"), results());
        let text = std::fs::read_to_string(&path).expect("read");
        assert!(text.contains("\"prefix\": \"0x0102\"") && text.contains("\"default_pov_mode\": \"max_encoded_len\""));
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let text = serde_json::to_string(&results()).expect("JSON");
        for other in ["cutover/raw-weights/v9", "cutover-raw-weights/9"] {
            let text = text.replace(RAW_WEIGHTS, other);
            let failure = parse(text.as_bytes(), "a.json").expect_err("refused");
            assert_eq!((failure.found.as_deref(), failure.expected.as_deref()), (Some(other), Some(RAW_WEIGHTS)));
            assert!(failure.kind == worker::Kind::Input && failure.is(Code::OtherVersion));
        }
        let previous = parse(text.replace(RAW_WEIGHTS, LEGACY_FORMAT).as_bytes(), "a.json").expect("read");
        assert_eq!(previous.benchmarks, results().benchmarks);
        let other =
            parse(text.replace(RAW_WEIGHTS, "cutover/raw-overhead/v1").as_bytes(), "a.json").expect_err("refused");
        assert!(!other.is(Code::OtherVersion));
    }

    #[test]
    fn invalid_results_are_refused() {
        let broken = |change: &dyn Fn(&mut RawResults)| {
            let mut results = results();
            change(&mut results);
            let text = serde_json::to_vec(&results).expect("JSON");
            parse(&text, "a.json").expect_err("refused").message
        };
        assert!(broken(&|raw| raw.pallet = "a; fn main".into()).contains("not a Rust path"));
        assert!(broken(&|raw| raw.benchmarks[0].extrinsic = "a()".into()).contains("not a Rust identifier"));
        assert!(broken(&|raw| raw.benchmarks.push(raw.benchmarks[0].clone())).contains("twice"));
        assert!(broken(&|raw| raw.benchmarks[0].time.clear()).contains("no measurement of transfer"));
        assert!(broken(&|raw| raw.benchmarks[0].proof[0].components.clear()).contains("components"));
        for text in ["", "[]", "{}", "null", "{\"format\": \"cutover/raw-weights/v1\"}"] {
            let failure = parse(text.as_bytes(), "a.json").expect_err(text);
            assert!(failure.message.starts_with("a.json"), "{failure}");
        }
    }
}
