// SPDX-License-Identifier: Apache-2.0
//! Benchmarks of the embedded runtime, run; weight files made of them, and what goes wrong on the way.

#![allow(clippy::expect_used, reason = "tests")]

use cutover_tests::{
    Runtime::Standalone,
    Xtask, built,
    faults::{Act, Faults},
    patch,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

const PALLET: &str = "pallet_attestations";

/// A run of few repetitions, into directories of its own.
struct Run {
    directory: tempfile::TempDir,
    blob: PathBuf,
}

impl Run {
    fn new() -> Self {
        Self::of(built(Standalone, &["runtime-benchmarks"]))
    }

    fn of(blob: PathBuf) -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), blob }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn with(&self, more: &[&str]) -> Xtask {
        let text = |path: &Path| path.to_str().expect("UTF-8").to_string();
        let mut arguments: Vec<String> =
            ["weights", "run", "--json", "--runtime", "standalone", "--steps", "2", "--repeat", "3", "--any-machine"]
                .map(str::to_string)
                .to_vec();
        arguments.extend(["--blob".into(), text(&self.blob), "--raw".into(), text(&self.at("raw"))]);
        if !more.contains(&"--output") {
            arguments.extend(["--output".into(), text(&self.at("files"))]);
        }
        arguments.extend(more.iter().map(|word| (*word).to_string()));
        Xtask::new(arguments)
    }
}

fn pallets(document: &Value) -> &Vec<Value> {
    document["runtimes"][0]["run"]["pallets"].as_array().expect("pallets")
}

#[test]
fn a_pallet_is_measured_once_and_its_file_is_the_same_each_time() {
    let run = Run::new();
    let first = run.with(&["--pallet", "pallet-attestations"]).run().expect_code(0).json();
    let measured = &pallets(&first)[0];
    assert_eq!((&measured["pallet"], &measured["benchmarks"]), (&PALLET.into(), &4.into()));
    assert_eq!((&measured["complete"], &measured["unchanged"]), (&true.into(), &false.into()));
    let file = run.at("files").join("pallet_attestations.rs");
    let text = fs::read_to_string(&file).expect("the weight file");
    for part in ["fn attest() -> Weight", "`Attestations::Attestations` (r:1 w:1)", ".reads(3)", ".writes(3)"] {
        assert!(text.contains(part), "{part}\n{text}");
    }

    fs::remove_file(&file).expect("removed");
    let second = run.with(&["--pallet", PALLET]).run().expect_code(0).json();
    assert_eq!(pallets(&second)[0]["unchanged"], true);
    assert_eq!(fs::read_to_string(&file).expect("the weight file"), text);

    // Raw results keep what each repetition touched.
    let raw = fs::read_to_string(run.at("raw").join("pallet_attestations.Attestations.json")).expect("raw results");
    let raw: Value = serde_json::from_str(&raw).expect("JSON");
    let attest = &raw["benchmarks"][0];
    assert_eq!(attest["extrinsic"], "attest");
    assert!(attest["proof"][0]["keys"].as_array().is_some_and(|keys| keys.len() >= 3));
    assert!(
        attest["time"].as_array().is_some_and(|time| time.iter().all(|one| one["extrinsic_time"].as_u64() > Some(0)))
    );
}

#[test]
fn of_a_pallet_that_was_not_measured_whole_no_file_is_made() {
    let run = Run::new();
    let some = run.with(&["--pallet", PALLET, "--extrinsic", "set_policy"]).run().expect_code(0).json();
    assert_eq!(some["runtimes"][0]["files"]["incomplete"][0], PALLET);
    assert!(!run.at("files").join("pallet_attestations.rs").exists());
    // The rest joins what is there.
    let rest =
        run.with(&["--pallet", PALLET, "--exclude", "pallet_attestations::set_policy"]).run().expect_code(0).json();
    assert_eq!((&pallets(&rest)[0]["benchmarks"], &pallets(&rest)[0]["complete"]), (&4.into(), &true.into()));
    assert!(run.at("files").join("pallet_attestations.rs").is_file());
}

#[test]
fn names_that_are_not_there_are_refused_with_the_nearest() {
    let run = Run::new();
    let refused = run.with(&["--pallet", "pallet_attestation"]).run().expect_code(2);
    assert!(refused.stderr.contains("near it: pallet_attestations"), "{}", refused.stderr);
    run.with(&["--extrinsic", "atest"]).run().expect_code(2);
    assert!(!run.at("raw").exists() && !run.at("files").exists());
}

#[test]
fn a_blob_without_benchmarks_is_refused() {
    let refused = Run::of(built(Standalone, &[])).with(&[]).run().expect_code(4);
    assert!(refused.stderr.contains("runtime-benchmarks"), "{}", refused.stderr);
}

#[test]
fn benchmarks_that_trap_are_listed_and_make_no_files() {
    let good = fs::read(built(Standalone, &["runtime-benchmarks"])).expect("the blob");
    let run = Run::of(PathBuf::new());
    let blob = run.at("faulty.wasm");
    let faulty = Faults::new().step("Benchmark_dispatch_benchmark", Vec::new(), Act::Trap).apply(&patch::wasm(&good));
    fs::write(&blob, faulty).expect("written");
    let run = Run { blob, ..run };
    let first = run.with(&["--pallet", PALLET]).run().expect_code(1);
    assert!(first.stderr.contains("the benchmark pallet_attestations::attest failed"), "{}", first.stderr);
    let all = run.with(&["--pallet", PALLET, "--continue-on-fail"]).run().expect_code(1).json();
    assert_eq!(all["runtimes"][0]["run"]["failed"].as_array().map(Vec::len), Some(4));
    assert!(!run.at("files").join("pallet_attestations.rs").exists());
}

#[test]
fn where_nothing_can_be_written_the_run_says_so() {
    let run = Run::new();
    let file = run.at("taken");
    fs::write(&file, "not a directory").expect("written");
    let output = file.join("weights").display().to_string();
    let refused = run.with(&["--pallet", PALLET, "--output", &output]).run().expect_code(4);
    assert!(refused.stderr.contains("taken"), "{}", refused.stderr);
    // What was measured is kept: it is only rendered the next time.
    let again = run.with(&["--pallet", PALLET]).run().expect_code(0).json();
    assert_eq!(pallets(&again)[0]["unchanged"], true);
}
