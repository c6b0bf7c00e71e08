// SPDX-License-Identifier: Apache-2.0
//! Comparison of benchmark results and run time with frame-omni-bencher. This is a measurement. Run
//! it on an idle machine, with `cargo nextest run -p cutover-tests --test omni_bencher
//! --run-ignored only --no-capture`.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "tests")]

use cutover_tests::{Runtime, Xtask, built};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// The program of `tests/peers/omni-bencher`, built apart: `cargo build` there, and its path in the
/// variable.
const PEER: &str = "CUTOVER_OMNI_BENCHER";
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
    // The peer writes pairs of name and value. Cutover writes an object.
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

fn by_peer(peer: &Path, blob: &Path, directory: &Path) -> Run {
    let (began, mut times) = (Instant::now(), BTreeMap::new());
    for pallet in PALLETS {
        let out = directory.join("peer.json");
        let outcome = Command::new(peer)
            .args(["--runtime".as_ref(), blob.as_os_str()])
            .args(["--pallet", pallet, "--extrinsic", "*", "--steps", STEPS])
            .args(["--genesis-builder-preset", "development", "--json-file"])
            .arg(&out)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .expect("the peer starts");
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        let told: Value = serde_json::from_slice(&std::fs::read(&out).expect("results")).expect("JSON");
        for batch in told.as_array().expect("batches") {
            let name = format!("{pallet}::{}", batch["benchmark"].as_str().expect("a name"));
            times.insert(name, worst(batch["time_results"].as_array().expect("repetitions")));
        }
    }
    Run { seconds: began.elapsed().as_secs_f64(), times }
}

fn by_cutover(blob: &Path, directory: &Path) -> Run {
    let raw = directory.join("raw");
    let began = Instant::now();
    let mut command =
        vec!["weights", "run", "--json", "--runtime", "standalone", "--any-machine", "--raw-only", "--anew"];
    command.extend(["--steps", STEPS]);
    command.extend(PALLETS.iter().flat_map(|pallet| ["--pallet", pallet]));
    let paths = [blob, &raw].map(|path| path.display().to_string());
    command.extend(["--blob", &paths[0], "--raw", &paths[1]]);
    Xtask::new(command).run().expect_code(0);
    let seconds = began.elapsed().as_secs_f64();
    let mut times = BTreeMap::new();
    for entry in std::fs::read_dir(&raw).expect("raw results") {
        let path = entry.expect("an entry").path();
        let Ok(told) = serde_json::from_slice::<Value>(&std::fs::read(&path).expect("read")) else { continue };
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
#[ignore = "a measurement that takes half an hour, and a program that is compiled for another"]
fn the_medians_agree_with_those_of_omni_bencher() {
    let peer = PathBuf::from(std::env::var_os(PEER).expect("CUTOVER_OMNI_BENCHER: the built program of the peer"));
    let directory = tempfile::tempdir().expect("a directory");
    let blob = built(Runtime::Standalone, &["runtime-benchmarks"]);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        theirs.push(by_peer(&peer, &blob, directory.path()));
        ours.push(by_cutover(&blob, directory.path()));
    }
    println!(
        "benchmark | omni-bencher, µs: least, median, greatest | Cutover, µs | median apart | interval, theirs and ours"
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
    for (who, runs) in [("omni-bencher", &theirs), ("Cutover", &ours)] {
        let [least, median, greatest] = spread(runs.iter().map(|run| run.seconds).collect());
        println!("{who}: {least:.1}, {median:.1}, {greatest:.1} s");
    }
}
