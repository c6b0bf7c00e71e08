// SPDX-License-Identifier: Apache-2.0
//! Renders benchmarks for a terminal: the list of benchmarks, and the results of a run.

use crate::table::aligned;
use protocol::{
    benchmark::{Files, Run, RunSummary, Runs, Timing},
    weights::raw::Machine,
};
use std::fmt::Write as _;

/// Renders the benchmarks of runtimes, grouped by pallet.
pub fn list_all(runs: &Runs) -> String {
    let mut rows = vec![["RUNTIME", "PALLET", "INSTANCE", "BENCHMARKS"].map(str::to_owned).to_vec()];
    for runtime in &runs.runtimes {
        for pallet in runtime.pallets.iter().flatten() {
            let names: Vec<_> = pallet.benchmarks.iter().map(|one| one.extrinsic.as_str()).collect();
            rows.push(vec![runtime.runtime.clone(), pallet.pallet.clone(), pallet.instance.clone(), names.join(", ")]);
        }
    }
    aligned(&rows)
}

/// Renders the measured benchmarks of pallets.
pub fn run(runs: &Runs) -> String {
    let mut all = String::new();
    for runtime in &runs.runtimes {
        if let Some(summary) = &runtime.run {
            pallets(&mut all, runtime, summary);
        }
        all.push_str(&files(runtime));
        all.push('\n');
    }
    all.trim_end().to_owned() + "\n"
}

fn pallets(all: &mut String, runtime: &Run, summary: &RunSummary) {
    let mut rows = vec![["PALLET", "BENCHMARKS", "SECONDS", ""].map(str::to_owned).to_vec()];
    for pallet in &summary.pallets {
        let mut notes = Vec::new();
        if pallet.unchanged {
            notes.push("unchanged since an earlier run".to_string());
        }
        if !pallet.complete {
            notes.push("incomplete".to_string());
        }
        if !pallet.skipped.is_empty() {
            notes.push(format!("the runtime skips {}", pallet.skipped.join(", ")));
        }
        rows.push(vec![
            pallet.pallet.clone(),
            pallet.benchmarks.to_string(),
            format!("{:.1}", pallet.seconds),
            notes.join("; "),
        ]);
    }
    let RunSummary { spec_name, spec_version, machine, .. } = summary;
    if let Some(engine) = &summary.engine {
        let _ = writeln!(all, "engine   {} {}", engine.name, engine.version);
    }
    // Writing to a string does not fail.
    let _ = writeln!(
        all,
        "runtime  {} {spec_name} {spec_version}\nmachine  {}\n\n{}",
        runtime.runtime,
        described(machine),
        aligned(&rows)
    );
    for failed in &summary.failed {
        let _ = writeln!(all, "failed   {}::{}: {}", failed.pallet, failed.extrinsic, failed.why);
    }
}

/// Renders the measured base costs: an empty block, an extrinsic, and a read and a write of the
/// database.
pub fn base_costs(runs: &Runs) -> String {
    let mut all = String::new();
    for runtime in &runs.runtimes {
        let mut rows = vec![vec!["runtime".to_owned(), runtime.runtime.clone()]];
        let (overhead, database) = (runtime.overhead.as_ref(), runtime.database.as_ref());
        let machine = overhead.map(|found| &found.machine).or(database.map(|found| &found.machine));
        rows.extend(machine.map(|machine| vec!["machine".to_owned(), described(machine)]));
        let formatted = |found: &Timing| {
            let [time, half_width] = [found.time, found.half_width].map(microseconds);
            format!("{time} ±{half_width}, {} executions", found.executions)
        };
        if let Some(found) = overhead {
            rows.push(vec!["block".to_owned(), formatted(&found.block)]);
            if let (Some(extrinsic), Some(count)) = (&found.extrinsic, found.extrinsics) {
                rows.push(vec!["extrinsic".to_owned(), format!("{} of a block of {count}", formatted(extrinsic))]);
            }
            rows.extend(found.not_measured.iter().map(|why| vec!["failed".to_owned(), why.clone()]));
        }
        if let Some(found) = database {
            let (read, write) = (microseconds(found.read_time), microseconds(found.write_time));
            rows.push(vec!["read".to_owned(), format!("{read}, {} keys", found.reads)]);
            rows.push(vec!["write".to_owned(), format!("{write}, {} batches", found.writes)]);
        }
        all.push_str(&aligned(&rows));
        all.push_str(&files(runtime));
        all.push('\n');
    }
    all.trim_end().to_owned() + "\n"
}

/// Formats nanoseconds as microseconds.
fn microseconds(time: u64) -> String {
    format!("{:.2} µs", time as f64 / 1000.0)
}

fn described(machine: &Machine) -> String {
    format!("{}, {} cores, {}", machine.cpu, machine.cores, profile(machine))
}

fn profile(machine: &Machine) -> String {
    match (&machine.profile, machine.within_profile) {
        (None, _) => "not compared with a profile".into(),
        (Some(profile), Some(true)) => format!("meets the profile {profile}"),
        (Some(profile), _) => format!("below the profile {profile}"),
    }
}

fn files(runtime: &Run) -> String {
    let raw = runtime.raw.as_ref().map_or_else(|| "-".into(), |raw| raw.display().to_string());
    match &runtime.files {
        None => format!("raw      {raw}\n"),
        Some(Files::Left { left }) => format!("files    none written: {left}\nraw      {raw}\n"),
        Some(Files::Written { directory, rendered, incomplete }) => {
            let mut text = format!("files    {}\n", directory.display());
            let by_hand: Vec<_> = rendered.files.iter().flat_map(crate::weights::manual_edits).collect();
            text.push_str(&aligned(&by_hand));
            for name in incomplete {
                let why = "not all of its benchmarks were run, so its file is unchanged";
                text.push_str(&format!("left     {name}: {why}\n"));
            }
            text + &format!("raw      {raw}\n")
        }
    }
}

/// Renders the measurement of a machine.
pub fn machine(machine: &Machine) -> String {
    let named = |name: &str, value: String| vec![name.to_owned(), value];
    let formatted = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let speed = |name: &str, score: Option<f64>| {
        named(name, score.map_or_else(|| "-".into(), |score| format!("{score:.2} MiB/s")))
    };
    let scores = &machine.scores;
    aligned(&[
        named("cpu", machine.cpu.clone()),
        named("cores", machine.cores.to_string()),
        named("memory_bytes", machine.memory_bytes.to_string()),
        named("kernel", machine.kernel.clone()),
        named("governor", formatted(&machine.governor)),
        named("virtualisation", formatted(&machine.virtualisation)),
        named("load", machine.load.map_or_else(|| "-".into(), |load| load.to_string())),
        speed("blake2_256", scores.blake2_256),
        speed("sr25519_verify", scores.sr25519_verify),
        speed("memory_copy", scores.memory_copy),
        speed("disk_sequential_write", scores.disk_sequential_write),
        speed("disk_random_write", scores.disk_random_write),
        named("profile", profile(machine)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        benchmark::{Benchmark, DatabaseSummary, Engine, Failed, Measured, OverheadSummary, Pallet},
        format,
        weights::Rendered,
    };

    fn reference(within: bool) -> Machine {
        Machine {
            cpu: "AMD EPYC".into(),
            cores: 2,
            profile: Some("reference".into()),
            within_profile: Some(within),
            ..Machine::default()
        }
    }

    fn written(incomplete: Vec<String>) -> Option<Files> {
        let rendered = Rendered { format: format::WEIGHT_FILES.into(), files: Vec::new() };
        Some(Files::Written { directory: "src/weights".into(), rendered, incomplete })
    }

    fn runs(runtimes: Vec<Run>) -> Runs {
        Runs { format: format::BENCHMARKS.into(), runtimes }
    }

    #[test]
    fn a_run_shows_what_failed_and_what_was_left_out() {
        let pallet = |pallet: &str, benchmarks: usize, seconds: f64, whole: bool, skipped: &[&str]| Measured {
            pallet: pallet.into(),
            instance: "X".into(),
            path: "raw.json".into(),
            weight_file: None,
            benchmarks,
            complete: whole,
            unchanged: !whole,
            skipped: skipped.iter().map(|name| (*name).into()).collect(),
            seconds,
        };
        let summary = RunSummary {
            spec_name: "cutover-standalone".into(),
            spec_version: 1_001_000,
            blob_blake2_256: "0x".into(),
            engine: Some(Engine { name: "frame-benchmarking-cli".into(), version: "64.0.0".into() }),
            machine: reference(false),
            pallets: vec![pallet("pallet_sudo", 5, 1.26, true, &[]), pallet("pallet_proxy", 1, 0.0, false, &["poke"])],
            failed: vec![Failed {
                pallet: "pallet_proxy".into(),
                extrinsic: "add".into(),
                why: "Arithmetic(Overflow)".into(),
            }],
        };
        let document = runs(vec![Run {
            runtime: "standalone".into(),
            raw: Some("target/weights/standalone".into()),
            run: Some(summary),
            files: written(vec!["pallet_proxy".into()]),
            ..Run::default()
        }]);
        let expected = "\
engine   frame-benchmarking-cli 64.0.0
runtime  standalone cutover-standalone 1001000
machine  AMD EPYC, 2 cores, below the profile reference

PALLET        BENCHMARKS  SECONDS
pallet_sudo   5           1.3
pallet_proxy  1           0.0      unchanged since an earlier run; incomplete; the runtime skips poke

failed   pallet_proxy::add: Arithmetic(Overflow)
files    src/weights
left     pallet_proxy: not all of its benchmarks were run, so its file is unchanged
raw      target/weights/standalone
";
        assert_eq!(run(&document), expected);
    }

    #[test]
    fn base_costs_are_rendered_with_their_uncertainty() {
        let timing = |time, half_width, executions| Timing { time, half_width, executions };
        let overhead = OverheadSummary {
            spec_name: "solo".into(),
            spec_version: 1,
            blob_blake2_256: "0x".into(),
            machine: reference(true),
            path: "overhead.json".into(),
            record_proof: false,
            block: timing(412_345, 1_500, 100),
            extrinsic: Some(timing(81_230, 40, 200)),
            extrinsics: Some(9000),
            not_measured: None,
        };
        let database = DatabaseSummary {
            state: Default::default(),
            machine: reference(true),
            path: "database.json".into(),
            reads: 900,
            writes: 9,
            read_time: 4_500,
            write_time: 30_000,
        };
        let without = OverheadSummary {
            block: timing(1, 0, 3),
            extrinsic: None,
            extrinsics: None,
            not_measured: Some("why".into()),
            ..overhead.clone()
        };
        let document = runs(vec![
            Run {
                runtime: "standalone".into(),
                raw: Some("target/weights/standalone".into()),
                overhead: Some(overhead),
                database: Some(database),
                files: written(Vec::new()),
                ..Run::default()
            },
            Run {
                runtime: "other".into(),
                raw: Some("raw".into()),
                overhead: Some(without),
                files: Some(Files::Left { left: "only raw results were asked for".into() }),
                ..Run::default()
            },
        ]);
        let expected = "\
runtime    standalone
machine    AMD EPYC, 2 cores, meets the profile reference
block      412.35 µs ±1.50 µs, 100 executions
extrinsic  81.23 µs ±0.04 µs, 200 executions of a block of 9000
read       4.50 µs, 900 keys
write      30.00 µs, 9 batches
files    src/weights
raw      target/weights/standalone

runtime  other
machine  AMD EPYC, 2 cores, meets the profile reference
block    0.00 µs ±0.00 µs, 3 executions
failed   why
files    none written: only raw results were asked for
raw      raw
";
        assert_eq!(base_costs(&document), expected);
    }

    #[test]
    fn benchmarks_are_listed_and_what_was_not_measured_is_a_dash() {
        assert!(machine(&Machine::default()).contains("not compared with a profile"));
        let benchmarks = ["a", "b"].map(|extrinsic| Benchmark { extrinsic: extrinsic.into() }).to_vec();
        let pallet = Pallet { pallet: "pallet_x".into(), instance: "X".into(), benchmarks };
        let listed = Run { runtime: "solo".into(), pallets: Some(vec![pallet]), ..Run::default() };
        let page = list_all(&runs(vec![listed]));
        assert_eq!(page.lines().last(), Some("solo     pallet_x  X         a, b"));
    }
}
