// SPDX-License-Identifier: Apache-2.0
//! `weights run --engine frame-benchmarking-cli`: its weight files, and its results and run time
//! beside those of Cutover. The library is compiled for this, which takes half an hour
//! (`.ci/ignored` runs these tests).

use cutover_tests::{
    Runtime, Xtask, built,
    faults::{Action, Faults},
    patch,
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path, time::Instant};

const LIBRARY: &str = "frame-benchmarking-cli";
const PALLET: &str = "pallet_attestations";
const PALLETS: [&str; 3] = ["pallet_balances", "pallet_timestamp", "pallet_utility"];
const RUNS: usize = 5;
const STEPS: &str = "20";

/// The results of one run, by benchmark.
struct Run {
    seconds: f64,
    times: BTreeMap<String, Worst>,
}

/// The time with every component at its greatest value, in nanoseconds.
struct Worst {
    median: f64,
    /// The half-width of the median's 95 % confidence interval, relative to the median.
    interval: f64,
}

fn worst(repetitions: &[Value]) -> Worst {
    // The library writes pairs of name and value. Cutover writes an object.
    let sum = |result: &Value| -> u64 {
        let values: Vec<&Value> = match &result["components"] {
            Value::Object(values) => values.values().collect(),
            pairs => pairs.as_array().expect("components").iter().map(|pair| &pair[1]).collect(),
        };
        values.into_iter().map(|value| value.as_u64().expect("a value")).sum()
    };
    let most = repetitions.iter().map(sum).max().expect("a repetition");
    let of_most = repetitions.iter().filter(|result| sum(result) == most);
    let mut times: Vec<f64> =
        of_most.map(|result| result["extrinsic_time"].to_string().parse().expect("nanoseconds")).collect();
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    // The order statistics between which a median lies, by the binomial distribution's normal
    // approximation.
    let count = times.len() as f64;
    let at = |rank: f64| times[(rank.max(0.0) as usize).min(times.len() - 1)];
    let reach = 1.96 * count.sqrt() / 2.0;
    let half = (at(count / 2.0 + reach) - at(count / 2.0 - reach)) / 2.0;
    Worst { median, interval: half / median }
}

/// Runs the benchmarks of `PALLETS` with an engine. Returns the seconds that it took.
fn measure(engine: &str, blob: &Path, raw: &Path) -> f64 {
    let began = Instant::now();
    let mut command =
        vec!["weights", "run", "--json", "--runtime", "standalone", "--any-machine", "--raw-only", "--anew"];
    command.extend(["--steps", STEPS, "--engine", engine]);
    command.extend(PALLETS.iter().flat_map(|pallet| ["--pallet", pallet]));
    let paths = [blob, raw].map(|path| path.display().to_string());
    command.extend(["--blob", &paths[0], "--raw", &paths[1]]);
    Xtask::new(command).run().expect_code(0);
    began.elapsed().as_secs_f64()
}

fn by_library(blob: &Path, directory: &Path) -> Run {
    let raw = directory.join("library");
    let (seconds, mut times) = (measure(LIBRARY, blob, &raw), BTreeMap::new());
    for pallet in PALLETS {
        let text = fs::read(raw.join(format!("{pallet}.json"))).expect("results");
        let batches: Value = serde_json::from_slice(&text).expect("JSON");
        for batch in batches.as_array().expect("batches") {
            let name = format!("{pallet}::{}", batch["benchmark"].as_str().expect("a name"));
            times.insert(name, worst(batch["time_results"].as_array().expect("repetitions")));
        }
    }
    Run { seconds, times }
}

fn by_cutover(blob: &Path, directory: &Path) -> Run {
    let raw = directory.join("raw");
    let (seconds, mut times) = (measure("cutover", blob, &raw), BTreeMap::new());
    for entry in fs::read_dir(&raw).expect("raw results") {
        let path = entry.expect("an entry").path();
        let Ok(told) = serde_json::from_slice::<Value>(&fs::read(&path).expect("read")) else { continue };
        let Some(benchmarks) = told["benchmarks"].as_array() else { continue };
        for benchmark in benchmarks {
            let [pallet, name] = [&told["pallet"], &benchmark["extrinsic"]].map(|text| text.as_str().expect("a name"));
            times.insert(format!("{pallet}::{name}"), worst(benchmark["time"].as_array().expect("repetitions")));
        }
    }
    Run { seconds, times }
}

/// Returns the least, the median and the greatest value.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}

#[test]
#[ignore = "a measurement that takes half an hour, and a library that is compiled for another"]
fn the_medians_agree_with_those_of_omni_bencher() {
    let directory = tempfile::tempdir().expect("a directory");
    let blob = built(Runtime::Standalone, &["runtime-benchmarks"]);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        theirs.push(by_library(&blob, directory.path()));
        ours.push(by_cutover(&blob, directory.path()));
    }
    println!(
        "benchmark | frame-benchmarking-cli, µs: least, median, greatest | Cutover, µs | median apart | interval, theirs and ours"
    );
    for name in theirs[0].times.keys() {
        let of = |runs: &[Run]| {
            let found = || runs.iter().map(|run| run.times.get(name).expect("both ran it"));
            let [least, median, greatest] = spread(found().map(|worst| worst.median / 1000.0).collect());
            let [_, interval, _] = spread(found().map(|worst| worst.interval * 100.0).collect());
            (least, median, greatest, interval)
        };
        let (a, b) = (of(&theirs), of(&ours));
        println!(
            "{name} | {:.2}, {:.2}, {:.2} | {:.2}, {:.2}, {:.2} | {:+.1} % | {:.1} %, {:.1} %",
            a.0,
            a.1,
            a.2,
            b.0,
            b.1,
            b.2,
            (b.1 / a.1 - 1.0) * 100.0,
            a.3,
            b.3
        );
    }
    for (who, runs) in [(LIBRARY, &theirs), ("Cutover", &ours)] {
        let [least, median, greatest] = spread(runs.iter().map(|run| run.seconds).collect());
        println!("{who}: {least:.1}, {median:.1}, {greatest:.1} s");
    }
}

#[test]
#[ignore = "a library that is compiled for half an hour"]
fn the_librarys_weight_files_are_placed_and_compared_with_those_of_cutover() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let good = built(Runtime::Standalone, &["runtime-benchmarks"]);
    let run = |engine: &str, blob: &Path, output: &str, more: &[&str]| {
        let raw = format!("{output}-raw");
        let blob = blob.display().to_string();
        let mut command = vec!["weights", "run", "--json", "--runtime", "standalone", "--any-machine"];
        command.extend(["--steps", "2", "--repeat", "3", "--pallet", PALLET, "--engine", engine, "--blob", &blob]);
        command.extend(["--raw", &raw, "--output", output]);
        command.extend(more);
        Xtask::new(command).run()
    };
    run("cutover", &good, &at("cutover"), &[]).expect_code(0);
    let quick = ["--min-duration", "0"];
    let document = run(LIBRARY, &good, &at("library"), &quick).expect_code(0).json();
    let summary = &document["runtimes"][0]["run"];
    assert_eq!((&summary["engine"]["name"], &summary["engine"]["version"]), (&LIBRARY.into(), &"64.0.0".into()));
    assert_eq!((&summary["pallets"][0]["benchmarks"], &summary["pallets"][0]["complete"]), (&4.into(), &true.into()));
    let file = directory.path().join("library/pallet_attestations.rs");
    let text = fs::read_to_string(&file).expect("the weight file");
    for part in [
        "AUTO-GENERATED USING THE SUBSTRATE BENCHMARK CLI VERSION 64.0.0",
        "STEPS: `2`, REPEAT: `3`",
        "HOSTNAME: `-`",
        "// --runtime=runtime.wasm",
        "fn attest() -> Weight",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let licence = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../runtimes/weights-header.txt"));
    assert!(text.starts_with(licence.expect("the header").trim_end()), "{text}");

    // The comparison of both engines. Times of three repetitions are noise, all else is the same.
    let compare = ["weights", "compare", &at("cutover"), &at("library"), "--json", "--threshold", "100000"];
    let comparison = Xtask::new(compare).run().expect_code(0).json();
    let extrinsics = comparison["extrinsics"].as_array().expect("extrinsics");
    assert_eq!(extrinsics.len(), 4, "{comparison}");
    for one in extrinsics {
        for part in ["reads", "writes", "proof_size"] {
            assert!(one[part]["old"] == one[part]["new"] && !one[part]["old"].is_null(), "{part}: {one}");
        }
        assert!(one["problem"].is_null(), "{one}");
    }

    // Of a part of the pallet no file is made, and the present one is unchanged.
    let part = [&quick[..], &["--extrinsic", "set_policy"]].concat();
    let document = run(LIBRARY, &good, &at("library"), &part).expect_code(0).json();
    assert_eq!(document["runtimes"][0]["files"]["incomplete"][0], PALLET);
    assert_eq!(fs::read_to_string(&file).expect("the weight file"), text);

    // A benchmark that fails.
    let blob = directory.path().join("faulty.wasm");
    let wasm = patch::wasm(&fs::read(&good).expect("the blob"));
    fs::write(&blob, Faults::new().step("Benchmark_dispatch_benchmark", Vec::new(), Action::Trap).apply(&wasm))
        .expect("written");
    run(LIBRARY, &blob, &at("none"), &quick).expect_code(1).mentions(&["the benchmarks of pallet_attestations failed"]);
    let all = [&quick[..], &["--continue-on-fail"]].concat();
    let document = run(LIBRARY, &blob, &at("none"), &all).expect_code(1).json();
    let failed = &document["runtimes"][0]["run"]["failed"][0];
    assert_eq!((&failed["pallet"], &failed["extrinsic"]), (&PALLET.into(), &"*".into()));
    assert!(!directory.path().join("none/pallet_attestations.rs").exists());
}
