// SPDX-License-Identifier: Apache-2.0
//! Benchmarks of the embedded runtime: runs, generated weight files, and failures.

use artifact::hashes::twox_128;
use cutover_tests::{
    Checkout,
    Runtime::Standalone,
    Xtask, built,
    faults::{Action, Condition, Faults},
    patch, snapshot,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

const PALLET: &str = "pallet_attestations";

/// A run with few repetitions, in a temporary directory.
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

    // Raw results contain the keys that each repetition accessed.
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
fn an_incompletely_measured_pallet_gets_no_file() {
    let run = Run::new();
    let some = run.with(&["--pallet", PALLET, "--extrinsic", "set_policy"]).run().expect_code(0).json();
    assert_eq!(some["runtimes"][0]["files"]["incomplete"][0], PALLET);
    assert!(!run.at("files").join("pallet_attestations.rs").exists());
    // The other benchmarks are added to the existing results.
    let rest =
        run.with(&["--pallet", PALLET, "--exclude", "pallet_attestations::set_policy"]).run().expect_code(0).json();
    assert_eq!((&pallets(&rest)[0]["benchmarks"], &pallets(&rest)[0]["complete"]), (&4.into(), &true.into()));
    assert!(run.at("files").join("pallet_attestations.rs").is_file());
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let run = Run::new();
    let refused = run.with(&["--pallet", "pallet_attestation"]).run().expect_code(2);
    assert!(refused.stderr.contains("similar names: pallet_attestations"), "{}", refused.stderr);
    run.with(&["--extrinsic", "atest"]).run().expect_code(2);
    assert!(!run.at("raw").exists() && !run.at("files").exists());
}

/// The library itself is not compiled here: all of this is found before.
#[test]
fn an_engine_and_its_options_are_checked_before_it_is_built() {
    let run = Run::new();
    let unknown = run.with(&["--engine", "omni-bencher"]).run().expect_code(2);
    unknown.mentions(&["omni-bencher", "cutover", "frame-benchmarking-cli"]);
    let library = |more: &[&str]| run.with(&[&["--engine", "frame-benchmarking-cli"], more].concat()).run();
    library(&["--tolerance", "0.1"]).expect_code(2).mentions(&["does not have the option --tolerance"]);
    run.with(&["--low", "1"]).run().expect_code(2).mentions(&["--low", "frame-benchmarking-cli"]);
    let refused = library(&["--pallet", "pallet_attestation"]).expect_code(2);
    refused.mentions(&["similar names: pallet_attestations"]);
    library(&["--pallet", PALLET, "--exclude", PALLET]).expect_code(2).mentions(&["there is no benchmark to run"]);
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
    let faulty =
        Faults::new().step("Benchmark_dispatch_benchmark", Vec::new(), Action::Trap).apply(&patch::wasm(&good));
    fs::write(&blob, faulty).expect("written");
    let run = Run { blob, ..run };
    let first = run.with(&["--pallet", PALLET]).run().expect_code(1);
    assert!(first.stderr.contains("the benchmark pallet_attestations::attest failed"), "{}", first.stderr);
    let all = run.with(&["--pallet", PALLET, "--continue-on-fail"]).run().expect_code(1).json();
    assert_eq!(all["runtimes"][0]["run"]["failed"].as_array().map(Vec::len), Some(4));
    assert!(!run.at("files").join("pallet_attestations.rs").exists());
}

#[test]
fn an_unwritable_directory_is_reported() {
    let run = Run::new();
    let file = run.at("taken");
    fs::write(&file, "not a directory").expect("written");
    let output = file.join("weights").display().to_string();
    let refused = run.with(&["--pallet", PALLET, "--output", &output]).run().expect_code(4);
    assert!(refused.stderr.contains("taken"), "{}", refused.stderr);
    // The measured results are kept. The next run only renders them.
    let again = run.with(&["--pallet", PALLET]).run().expect_code(0).json();
    assert_eq!(pallets(&again)[0]["unchanged"], true);
}

#[test]
fn blocks_and_extrinsics_are_measured() {
    let run = Run::of(built(Standalone, &[]));
    let (raw, files, blob) = (run.at("raw"), run.at("files"), run.blob.display().to_string());
    let arguments = [
        "weights",
        "run",
        "--json",
        "--runtime",
        "standalone",
        "--overhead",
        "--any-machine",
        "--repeat",
        "3",
        "--max-extrinsics",
        "20",
        "--blob",
        &blob,
        "--raw",
        raw.to_str().expect("UTF-8"),
        "--output",
        files.to_str().expect("UTF-8"),
    ];
    let document = Xtask::new(arguments).run().expect_code(0).json();
    let overhead = &document["runtimes"][0]["overhead"];
    // A solo chain records no proof. The block has the maximum number of extrinsics.
    assert_eq!((&overhead["record_proof"], &overhead["extrinsics"]), (&false.into(), &20.into()));
    for (name, constant) in
        [("block_weights.rs", "BlockExecutionWeight"), ("extrinsic_weights.rs", "ExtrinsicBaseWeight")]
    {
        let text = fs::read_to_string(files.join(name)).expect("the weight file");
        assert!(text.contains(&format!("pub const {constant}: Weight =\n")), "{text}");
        assert!(text.contains("WARMUPS: `10`, REPEAT: `3`"), "{text}");
    }
    let raw = fs::read_to_string(raw.join("overhead.json")).expect("raw results");
    let raw: Value = serde_json::from_str(&raw).expect("JSON");
    assert_eq!(raw["block"]["time"].as_array().map(Vec::len), Some(3));
    assert!(raw["extrinsic"]["time"].as_array().is_some_and(|all| all.iter().all(|one| one.as_u64() > Some(0))));
}

#[test]
fn an_unknown_preset_and_a_refused_extrinsic_are_reported() {
    let good = fs::read(built(Standalone, &[])).expect("the blob");
    let run = Run::of(PathBuf::new());
    let raw = run.at("raw").display().to_string();
    let overhead = |blob: &Path, more: &[&str]| {
        let blob = blob.display().to_string();
        let arguments = ["weights", "run", "--json", "--overhead", "--raw-only", "--any-machine", "--repeat", "2"];
        Xtask::new([&arguments[..], &["--blob", &blob, "--raw", &raw], more].concat()).run()
    };
    overhead(&built(Standalone, &[]), &["--preset", "none-such"])
        .expect_code(4)
        .mentions(&["no genesis preset none-such"]);
    assert!(!run.at("raw").exists());
    let panics = run.at("panics.wasm");
    let faulty = Faults::new().step("GenesisBuilder_build_state", Vec::new(), Action::Trap);
    fs::write(&panics, faulty.apply(&patch::wasm(&good))).expect("written");
    overhead(&panics, &[]).expect_code(1).mentions(&["the genesis preset development does not build"]);
    assert!(!run.at("raw").exists());

    // The runtime rejects extrinsics with `Err(Invalid(Payment))`. Only the block is measured, and
    // the report says why.
    let blob = run.at("faulty.wasm");
    let after_the_inherent = Condition::Has([twox_128(b"Timestamp"), twox_128(b"DidUpdate")].concat());
    let refuse = Action::Answer(vec![1, 0, 1]);
    let faulty = Faults::new().step("BlockBuilder_apply_extrinsic", vec![after_the_inherent], refuse);
    fs::write(&blob, faulty.apply(&patch::wasm(&good))).expect("written");
    let document = overhead(&blob, &[]).expect_code(1).json();
    let found = &document["runtimes"][0]["overhead"];
    assert!(found["block"]["time"].as_u64() > Some(0) && found["extrinsic"].is_null(), "{found}");
    assert!(found["not_measured"].as_str().is_some_and(|why| why.contains("rejects a System.remark")), "{found}");
}

#[test]
fn a_database_is_measured_on_a_state() {
    let run = Run::of(PathBuf::new());
    let (raw, files, state) =
        (run.at("raw").display().to_string(), run.at("files"), snapshot(Standalone).display().to_string());
    let output = files.display().to_string();
    let arguments =
        ["weights", "run", "--json", "--database", &state, "--any-machine", "--raw", &raw, "--output", &output];
    let document = Xtask::new(arguments).run().expect_code(0).json();
    let database = &document["runtimes"][0]["database"];
    assert!(database["reads"].as_u64() > Some(400) && database["writes"].as_u64() > Some(10), "{database}");
    let text = fs::read_to_string(files.join("paritydb_weights.rs")).expect("the weight file");
    assert!(text.contains("pub const ParityDbWeight: RuntimeDbWeight"), "{text}");
    // The same raw results give the same bytes.
    let again = run.at("again").display().to_string();
    let raw = run.at("raw").join("database.json").display().to_string();
    let licence = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtimes/weights-header.txt");
    Xtask::new(["weights", "render", &raw, "--output", &again, "--header-file", licence]).run().expect_code(0);
    assert_eq!(fs::read_to_string(run.at("again").join("paritydb_weights.rs")).expect("rendered"), text);
    let node = ["weights", "run", "--database", "ws://127.0.0.1:1", "--raw", &raw];
    Xtask::new(node).run().expect_code(2).mentions(&["a state in a file"]);
}

#[test]
fn stale_weights_are_reported_with_the_commits() {
    let checkout = Checkout::copy();
    let findings = |checkout: &Checkout| -> Vec<(String, String)> {
        let document = checkout.run(&["weights", "check", "--runtime", "standalone", "--json"]).json();
        let all = document["runtimes"][0]["findings"].as_array().expect("findings").clone();
        let stale = all.iter().filter(|one| one["rule"] == "stale");
        let told = |one: &Value| {
            let of = |key: &str| one[key].as_str().expect("text").to_owned();
            (of("pallet"), of("detail"))
        };
        stale.map(told).collect()
    };
    // The weights are committed together with the current lock file.
    checkout.edit(
        "Cargo.lock",
        "name = \"pallet-sudo\"\nversion = \"50.0.0\"",
        "name = \"pallet-sudo\"\nversion = \"49.0.0\"",
    );
    let first = checkout.commit("weights");
    checkout.edit(
        "Cargo.lock",
        "name = \"pallet-sudo\"\nversion = \"49.0.0\"",
        "name = \"pallet-sudo\"\nversion = \"50.0.0\"",
    );
    checkout.commit("a newer pallet");
    let found = findings(&checkout);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "pallet_sudo");
    assert!(
        found[0].1.contains(&first[..12]) && found[0].1.contains("49.0.0") && found[0].1.contains("50.0.0"),
        "{found:?}"
    );

    // Changes of code that is not measured do not make weights stale.
    let code = "runtimes/pallets/attestations/src/lib.rs";
    let append = |name: &str| {
        let text = fs::read_to_string(checkout.path(name)).expect("read");
        fs::write(checkout.path(name), text + "\n// changed\n").expect("written");
    };
    append("runtimes/pallets/attestations/src/mock.rs");
    checkout.commit("a mock");
    assert_eq!(findings(&checkout).len(), 1);
    append(code);
    let found = findings(&checkout);
    assert!(
        found.iter().any(|(pallet, why)| pallet == "pallet_attestations" && why.contains("uncommitted changes")),
        "{found:?}"
    );
    let changed = checkout.commit("another code");
    let found = findings(&checkout);
    let (_, why) = found.iter().find(|(pallet, _)| pallet == "pallet_attestations").expect("stale");
    assert!(why.contains(&changed[..12]) && why.contains("another code"), "{why}");
    // Measured again, but not committed yet.
    append("runtimes/standalone/src/weights/pallet_attestations.rs");
    assert_eq!(findings(&checkout).len(), 1);

    let clone = tempfile::tempdir().expect("a directory");
    checkout.commit("measured again");
    let (from, to) =
        (format!("file://{}", checkout.root().display()), clone.path().join("clone").display().to_string());
    checkout.git(&["clone", "--quiet", "--depth", "1", &from, &to]);
    let shallow =
        Xtask::new(["weights", "check", "--runtime", "standalone", "--json", "--workspace", &to]).run().json();
    let why = shallow["runtimes"][0]["not_checked"][0].as_str().expect("a reason").to_owned();
    assert!(why.contains("shallow"), "{why}");
}

#[test]
fn an_upgrade_compares_its_weights_with_the_previous_release() {
    let checkout = Checkout::copy();
    let file = "runtimes/standalone/src/weights/pallet_timestamp.rs";
    let now = fs::read_to_string(checkout.path(file)).expect("read");
    let line =
        now.lines().find(|line| line.contains("Weight::from_parts(") && line.contains(", 0)")).expect("a weight");
    let base: u64 = line.split(['(', ',']).nth(1).expect("a number").replace('_', "").parse().expect("a number");
    checkout.edit(file, line, &format!("\t\tWeight::from_parts({}, 0)", base + base / 5));
    checkout.commit("the release before");
    checkout.git(&["tag", "v1.0.0"]);
    fs::write(checkout.path(file), &now).expect("written");
    checkout.commit("measured anew");
    let out = tempfile::tempdir().expect("a directory");
    let bundle = out.path().join("bundle").display().to_string();
    let upgrade = |more: &[&str]| {
        let mut arguments =
            vec!["upgrade", "--json", "--runtime", "standalone", "--out", &bundle, "--only", "build,weights"];
        arguments.extend(more);
        checkout.run(&arguments)
    };
    let evidence = || -> Value {
        let text = fs::read_to_string(Path::new(&bundle).join("weights.json")).expect("the evidence");
        serde_json::from_str(&text).expect("JSON")
    };
    upgrade(&[]).expect_code(0);
    let comparison = &evidence()["result"]["comparison"];
    assert_eq!((&comparison["old"], &comparison["summary"]["changed"]), (&"v1.0.0".into(), &1.into()));
    let changed = &comparison["extrinsics"][0];
    assert_eq!((&changed["pallet"], &changed["extrinsic"]), (&"pallet_timestamp".into(), &"set".into()));
    assert!(comparison["summary"]["unchanged"].as_u64() > Some(100));
    assert_eq!(comparison["extrinsics"].as_array().map(Vec::len), Some(1), "what did not change is left out");

    // Another revision by its name, then an unknown one.
    upgrade(&["--weights-base", "HEAD"]).expect_code(0);
    assert_eq!(evidence()["result"]["comparison"]["summary"]["changed"], 0);
    upgrade(&["--weights-base", "none-such"]).expect_code(4).mentions(&["none-such"]);
    upgrade(&["--weights"]).expect_code(2);
}
