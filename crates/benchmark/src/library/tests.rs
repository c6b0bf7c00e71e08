// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::select::Benchmark;
use frame_benchmarking::{BenchmarkMetadata, BenchmarkParameter};
use protocol::benchmark::{MachineRequest, RunRequest};
use std::os::unix::{fs::PermissionsExt, process::ExitStatusExt};
use worker::Kind;

/// A program that logs and writes what the library does.
const PROGRAM: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "library 64.0.0"; exit; fi
echo "info: [  0 % ] Starting benchmark: pallet_x::a" >&2
case "$*" in
  *fails*) echo "error: Benchmark pallet_fails::a failed: a panic" >&2; exit 1 ;;
esac
cat > results.json <<JSON
[{"pallet": "pallet_x", "instance": "One", "benchmark": "a", "db_results": [], "time_results": [{"reads": 1}, {}]},
 {"pallet": "pallet_x", "instance": "One", "benchmark": "b", "db_results": [], "time_results": []}]
JSON
cat > pallet_x.rs <<RUST
// $*
impl<T: frame_system::Config> pallet_x::WeightInfo for WeightInfo<T> {
    fn a() -> Weight { Weight::from_parts(1_000, 0) }
}
RUST
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        std::fs::write(place.at("program"), PROGRAM).expect("written");
        std::fs::set_permissions(place.at("program"), std::fs::Permissions::from_mode(0o755)).expect("set");
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn request(&self) -> LibraryRequest {
        let run = RunRequest {
            runtime: "a.wasm".into(),
            out: self.0.path().to_path_buf(),
            pallets: Vec::new(),
            extrinsics: Vec::new(),
            exclude: Vec::new(),
            extra: false,
            preset: "development".into(),
            settings: Settings::default(),
            per_pallet: Default::default(),
            continue_on_fail: false,
            anew: false,
            machine: MachineRequest { profile: None, directory: ".".into() },
            cache: None,
        };
        LibraryRequest {
            run,
            program: self.at("program"),
            preamble: None,
            template: None,
            templates: Default::default(),
            hostname: false,
            min_duration: None,
            low: Vec::new(),
            high: Vec::new(),
        }
    }
}

fn pallet(name: &str, instance: &str, benchmarks: &[&str]) -> Pallet {
    let benchmark = |name: &&str| Benchmark {
        extrinsic: (*name).into(),
        components: vec![(BenchmarkParameter::n, 1, 10)],
        pov_modes: Default::default(),
    };
    Pallet { pallet: name.into(), instance: instance.into(), benchmarks: benchmarks.iter().map(benchmark).collect() }
}

/// The runtime's list: the pallet with the benchmarks `a` and `b`.
fn list(name: &str, instance: &str) -> BenchmarkList {
    let benchmark = |name: &str| BenchmarkMetadata { name: name.into(), components: vec![], pov_modes: vec![] };
    BenchmarkList { pallet: name.into(), instance: instance.into(), benchmarks: ["a", "b"].map(benchmark).into() }
}

#[test]
fn settings_become_arguments_without_paths_of_the_machine() {
    let place = Place::new();
    let mut request = place.request();
    let (whole, some) = (pallet("pallet_x", "One", &["a", "b"]), pallet("pallet_x", "One", &["b"]));
    let list = [list("pallet_x", "One")];
    let usual = arguments(&request, "pallet_x", &[&whole], &list);
    let expected = [
        "--runtime=runtime.wasm",
        "--pallet=pallet_x",
        "--extrinsic=*",
        "--steps=50",
        "--repeat=20",
        "--genesis-builder-preset=development",
        "--map-size=1000000",
        "--additional-trie-layers=2",
        "--default-pov-mode=max-encoded-len",
        "--json-file=results.json",
        "--output=.",
        "--quiet",
        "--hostname-override=-",
    ];
    assert_eq!(usual, expected);

    let own = Settings {
        steps: 3,
        repeat_max: 7,
        heap_pages: Some(64),
        record_proof: false,
        default_pov_mode: PovMode::Measured,
        ..Settings::default()
    };
    request.run.per_pallet.insert("pallet_x".into(), own);
    request.run.extra = true;
    request.preamble = Some("/w/header.txt".into());
    request.templates.insert("pallet_x".into(), "/w/own.hbs".into());
    request.hostname = true;
    request.min_duration = Some(0);
    (request.low, request.high) = (vec![1, 2], vec![3]);
    let all = arguments(&request, "pallet_x", &[&some], &list);
    for argument in [
        "--extrinsic=b",
        "--steps=3",
        "--repeat=7",
        "--default-pov-mode=measured",
        "--heap-pages=64",
        "--disable-proof-recording",
        "--extra",
        "--min-duration=0",
        "--low=1,2",
        "--high=3",
        "--header=header.txt",
        "--template=template.hbs",
    ] {
        assert!(all.iter().any(|one| one == argument), "{argument}: {all:?}");
    }
    assert!(!all.iter().any(|one| one.contains("hostname") || one.contains("/w/")), "{all:?}");
}

#[test]
fn what_the_library_cannot_do_is_refused_before_it_runs() {
    let place = Place::new();
    let mut request = place.request();
    let xcm = [pallet("pallet_xcm_benchmarks::generic", "One", &["a"])];
    let failure = check_templates(&request, &xcm).expect_err("no template");
    assert_eq!(failure.kind, Kind::Input);
    assert!(failure.hint.is_some_and(|hint| hint.contains("--exclude pallet_xcm_benchmarks::generic")));
    request.template = Some("all.hbs".into());
    check_templates(&request, &xcm).expect("a template");

    let selected = [pallet("pallet_x", "One", &["a"])];
    check_ranges(&request, &selected).expect("the benchmark's own range");
    request.low = vec![10];
    check_ranges(&request, &selected).expect("one value");
    request.low = vec![11];
    let failure = check_ranges(&request, &selected).expect_err("11 to 10");
    assert_eq!((failure.kind, failure.found.as_deref()), (Kind::Usage, Some("11 to 10")));
    request.high = vec![11, 0];
    check_ranges(&request, &selected).expect("there is no second component");
}

#[test]
fn the_kind_of_a_failure_is_that_of_its_cause() {
    let exited = |code: i32| ExitStatus::from_raw(code << 8);
    check_status("p", exited(0), "", true).expect("a success");
    let kind = |status, has_results| check_status("p", status, "why", has_results).expect_err("failed").kind;
    assert_eq!(kind(exited(LIBRARY_FAILED), false), Kind::Check, "a benchmark failed");
    assert_eq!(kind(exited(LIBRARY_FAILED), true), Kind::Input, "a template failed");
    assert_eq!(kind(exited(FILES_FAILED), true), Kind::Environment);
    assert_eq!(kind(exited(101), false), Kind::Environment, "a panic of the library");
    assert_eq!(kind(ExitStatus::from_raw(9), false), Kind::Environment, "out of memory");
}

#[test]
fn results_and_the_weight_file_are_kept_and_nothing_else() {
    let place = Place::new();
    let request = place.request();
    let library = Library { request: &request, blob: b"blob", program: program(&request.program).expect("a path") };
    assert_eq!(library.version().expect("a version"), "64.0.0");
    let one = pallet("pallet_x", "One", &["a", "b"]);
    let mut lines = Vec::new();
    let measured = library
        .measure("pallet_x", &[&one], &[list("pallet_x", "One")], &mut |line| lines.push(line.to_owned()))
        .expect("measured");
    assert_eq!(started_benchmark(&lines[0]), Some("pallet_x::a"));
    let [measured] = measured.as_slice() else { panic!("{measured:?}") };
    assert_eq!((measured.benchmarks, measured.complete), (1, true));
    assert_eq!(measured.skipped, ["b"]);
    assert_eq!(measured.weight_file, Some(place.at("pallet_x.rs")));
    let text = std::fs::read_to_string(place.at("pallet_x.rs")).expect("the weight file");
    assert!(text.starts_with("// --runtime=runtime.wasm --pallet=pallet_x "), "{text}");
    let kept: BTreeSet<_> = files::below(place.0.path())
        .into_iter()
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(kept, BTreeSet::from(["program", "pallet_x.json", "pallet_x.rs"].map(String::from)));
}

#[test]
fn a_failed_benchmark_leaves_no_file_of_an_earlier_run() {
    let place = Place::new();
    for name in ["pallet_fails.json", "pallet_fails.rs"] {
        std::fs::write(place.at(name), "earlier").expect("written");
    }
    let request = place.request();
    let library = Library { request: &request, blob: b"blob", program: program(&request.program).expect("a path") };
    let one = pallet("pallet_fails", "One", &["a"]);
    let failure = library.measure("pallet_fails", &[&one], &[], &mut |_| ()).expect_err("it fails");
    assert_eq!(failure.kind, Kind::Check);
    assert_eq!(failure.found.as_deref(), Some("Benchmark pallet_fails::a failed: a panic"));
    assert!(!place.at("pallet_fails.json").exists() && !place.at("pallet_fails.rs").exists());
}

#[test]
fn the_weight_file_of_an_instance_is_found_by_its_name() {
    let place = Place::new();
    for name in ["pallet_collective_technical_committee.rs", "pallet_collective.rs"] {
        std::fs::write(place.at(name), "impl WeightInfo for X { fn a() -> Weight { Weight::zero() } }")
            .expect("written");
    }
    let pallet = pallet("pallet_collective", "TechnicalCommittee", &["a", "b"]);
    let find = |several| find_weight_file(place.0.path(), &pallet, several).expect("found");
    assert_eq!(find(true), place.at("pallet_collective_technical_committee.rs"));
    assert_eq!(find(false), place.at("pallet_collective.rs"));
    assert!(find_weight_file(place.0.path(), &Pallet { instance: "Council".into(), ..pallet.clone() }, true).is_err());
    checked_weight_file(&find(false), &pallet, &BTreeSet::from(["a"])).expect("whole");
    let failure = checked_weight_file(&find(false), &pallet, &BTreeSet::from(["a", "b"])).expect_err("incomplete");
    assert_eq!((failure.kind, failure.found.as_deref()), (Kind::Input, Some("no function b")));
}
