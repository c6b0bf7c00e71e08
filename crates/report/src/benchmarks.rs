// SPDX-License-Identifier: Apache-2.0
//! What a person sees of benchmarks: which there are, and what a run of them gave.

use crate::{
    field::{list, number, text},
    table::aligned,
};
use serde_json::Value;
use std::fmt::Write as _;

/// The benchmarks of runtimes, pallet by pallet.
pub fn list_all(document: &Value) -> String {
    let mut rows = vec![["RUNTIME", "PALLET", "INSTANCE", "BENCHMARKS"].map(str::to_owned).to_vec()];
    for runtime in list(document, "/runtimes") {
        for pallet in list(runtime, "/pallets") {
            let names: Vec<_> = list(pallet, "/benchmarks").iter().map(|one| text(one, "/extrinsic")).collect();
            rows.push(vec![
                text(runtime, "/runtime"),
                text(pallet, "/pallet"),
                text(pallet, "/instance"),
                names.join(", "),
            ]);
        }
    }
    aligned(&rows)
}

pub fn run(document: &Value) -> String {
    let mut all = String::new();
    for runtime in list(document, "/runtimes") {
        let run = runtime.pointer("/run").unwrap_or(&Value::Null);
        let mut rows = vec![["PALLET", "BENCHMARKS", "SECONDS", ""].map(str::to_owned).to_vec()];
        for pallet in list(run, "/pallets") {
            let skipped: Vec<_> = list(pallet, "/skipped").iter().filter_map(Value::as_str).collect();
            let mut said = Vec::new();
            if text(pallet, "/unchanged") == "yes" {
                said.push("as measured before".to_string());
            }
            if text(pallet, "/complete") == "no" {
                said.push("not all of it".to_string());
            }
            if !skipped.is_empty() {
                said.push(format!("the runtime skips {}", skipped.join(", ")));
            }
            rows.push(vec![
                text(pallet, "/pallet"),
                text(pallet, "/benchmarks"),
                format!("{:.1}", number(pallet, "/seconds").unwrap_or_default()),
                said.join("; "),
            ]);
        }
        // Writing to a string does not fail.
        let _ = writeln!(
            all,
            "runtime  {} {} {}\nmachine  {}, {} cores, {}\n\n{}",
            text(runtime, "/runtime"),
            text(run, "/spec_name"),
            text(run, "/spec_version"),
            text(run, "/machine/cpu"),
            text(run, "/machine/cores"),
            profile(run),
            aligned(&rows)
        );
        for failed in list(run, "/failed") {
            let name = format!("{}::{}", text(failed, "/pallet"), text(failed, "/extrinsic"));
            let _ = writeln!(all, "failed   {name}: {}", text(failed, "/why"));
        }
        all.push_str(&files(runtime));
        all.push('\n');
    }
    all.trim_end().to_owned() + "\n"
}

/// What blocks, extrinsics and a database cost by themselves.
pub fn alone(document: &Value) -> String {
    let mut all = String::new();
    for runtime in list(document, "/runtimes") {
        let mut rows = vec![vec!["runtime".to_owned(), text(runtime, "/runtime")]];
        let of = |name: &str| runtime.pointer(name).filter(|found| !found.is_null());
        if let Some(found) = of("/overhead").or(of("/database")) {
            let machine =
                format!("{}, {} cores, {}", text(found, "/machine/cpu"), text(found, "/machine/cores"), profile(found));
            rows.push(vec!["machine".to_owned(), machine]);
        }
        let told = |found: &Value| {
            let [time, half_width] = ["/time", "/half_width"].map(|name| microseconds(found, name));
            format!("{time} ±{half_width}, {} executions", text(found, "/executions"))
        };
        if let Some(found) = of("/overhead/block") {
            rows.push(vec!["block".to_owned(), told(found)]);
        }
        if let Some(found) = of("/overhead/extrinsic") {
            let told = format!("{} of a block of {}", told(found), text(runtime, "/overhead/extrinsics"));
            rows.push(vec!["extrinsic".to_owned(), told]);
        }
        if let Some(why) = of("/overhead/not_measured") {
            rows.push(vec!["failed".to_owned(), text(why, "")]);
        }
        if let Some(found) = of("/database") {
            let (reads, writes) = (text(found, "/reads"), text(found, "/writes"));
            rows.push(vec!["read".to_owned(), format!("{}, {reads} keys", microseconds(found, "/read_time"))]);
            rows.push(vec!["write".to_owned(), format!("{}, {writes} batches", microseconds(found, "/write_time"))]);
        }
        all.push_str(&aligned(&rows));
        all.push_str(&files(runtime));
        all.push('\n');
    }
    all.trim_end().to_owned() + "\n"
}

/// Nanoseconds as microseconds.
fn microseconds(value: &Value, pointer: &str) -> String {
    number(value, pointer).map_or_else(|| "-".into(), |time| format!("{:.2} µs", time / 1000.0))
}

fn profile(run: &Value) -> String {
    match (text(run, "/machine/profile").as_str(), text(run, "/machine/within_profile").as_str()) {
        ("-", _) => "held against no profile".into(),
        (profile, "yes") => format!("as good as {profile}"),
        (profile, _) => format!("not as good as {profile}"),
    }
}

fn files(runtime: &Value) -> String {
    if let Some(left) = runtime.pointer("/files/left").and_then(Value::as_str) {
        return format!("files    none written: {left}\nraw      {}\n", text(runtime, "/raw"));
    }
    let mut said = format!("files    {}\n", text(runtime, "/files/directory"));
    let by_hand: Vec<_> = list(runtime, "/files/rendered/files").iter().flat_map(crate::weights::by_hand).collect();
    said.push_str(&aligned(&by_hand));
    for pallet in list(runtime, "/files/incomplete") {
        let name = pallet.as_str().unwrap_or_default();
        said.push_str(&format!("left     {name}: not all of its benchmarks were run, so its file stays as it is\n"));
    }
    said + &format!("raw      {}\n", text(runtime, "/raw"))
}

/// One machine, measured.
pub fn machine(machine: &Value) -> String {
    let speed = |name: &str| {
        let score = number(machine, &format!("/scores/{name}"));
        vec![name.to_owned(), score.map_or_else(|| "-".into(), |score| format!("{score:.2} MiB/s"))]
    };
    let mut rows = vec![
        vec!["cpu".to_owned(), text(machine, "/cpu")],
        vec!["cores".to_owned(), text(machine, "/cores")],
        vec!["memory_bytes".to_owned(), text(machine, "/memory_bytes")],
        vec!["kernel".to_owned(), text(machine, "/kernel")],
        vec!["governor".to_owned(), text(machine, "/governor")],
        vec!["virtualisation".to_owned(), text(machine, "/virtualisation")],
        vec!["load".to_owned(), text(machine, "/load")],
    ];
    let names = ["blake2_256", "sr25519_verify", "memory_copy", "disk_sequential_write", "disk_random_write"];
    rows.extend(names.map(speed));
    rows.push(vec!["profile".to_owned(), profile(&serde_json::json!({"machine": machine}))]);
    aligned(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_tells_what_failed_and_what_was_left() {
        let document = json!({"runtimes": [{
            "runtime": "standalone", "raw": "target/weights/standalone",
            "run": {
                "spec_name": "cutover-standalone", "spec_version": 1_001_000,
                "machine": {"cpu": "AMD EPYC", "cores": 2, "profile": "reference", "within_profile": false},
                "pallets": [
                    {"pallet": "pallet_sudo", "benchmarks": 5, "seconds": 1.26, "complete": true, "unchanged": false, "skipped": []},
                    {"pallet": "pallet_proxy", "benchmarks": 1, "seconds": 0.0, "complete": false, "unchanged": true, "skipped": ["poke"]},
                ],
                "failed": [{"pallet": "pallet_proxy", "extrinsic": "add", "why": "Arithmetic(Overflow)"}],
            },
            "files": {"directory": "src/weights", "incomplete": ["pallet_proxy"]},
        }]});
        let expected = "\
runtime  standalone cutover-standalone 1001000
machine  AMD EPYC, 2 cores, not as good as reference

PALLET        BENCHMARKS  SECONDS
pallet_sudo   5           1.3
pallet_proxy  1           0.0      as measured before; not all of it; the runtime skips poke

failed   pallet_proxy::add: Arithmetic(Overflow)
files    src/weights
left     pallet_proxy: not all of its benchmarks were run, so its file stays as it is
raw      target/weights/standalone
";
        assert_eq!(run(&document), expected);
    }

    #[test]
    fn what_costs_something_by_itself_is_told_with_how_well_it_is_known() {
        let machine = json!({"cpu": "AMD EPYC", "cores": 2, "profile": "reference", "within_profile": true});
        let document = json!({"runtimes": [
            {
                "runtime": "standalone", "raw": "target/weights/standalone",
                "overhead": {
                    "machine": machine, "extrinsics": 9000, "not_measured": null,
                    "block": {"time": 412_345, "half_width": 1_500, "executions": 100},
                    "extrinsic": {"time": 81_230, "half_width": 40, "executions": 200},
                },
                "database": {"machine": machine, "reads": 900, "read_time": 4_500, "writes": 9, "write_time": 30_000},
                "files": {"directory": "src/weights"},
            },
            {
                "runtime": "other", "raw": "raw",
                "overhead": {"machine": machine, "block": {"time": 1, "half_width": 0, "executions": 3}, "not_measured": "why"},
                "files": {"left": "only raw results were asked for"},
            },
        ]});
        let expected = "\
runtime    standalone
machine    AMD EPYC, 2 cores, as good as reference
block      412.35 µs ±1.50 µs, 100 executions
extrinsic  81.23 µs ±0.04 µs, 200 executions of a block of 9000
read       4.50 µs, 900 keys
write      30.00 µs, 9 batches
files    src/weights
raw      target/weights/standalone

runtime  other
machine  AMD EPYC, 2 cores, as good as reference
block    0.00 µs ±0.00 µs, 3 executions
failed   why
files    none written: only raw results were asked for
raw      raw
";
        assert_eq!(alone(&document), expected);
    }

    #[test]
    fn a_document_of_another_version_leaves_gaps() {
        assert!(machine(&json!({})).contains("held against no profile"));
        assert_eq!(list_all(&json!({})).lines().count(), 1);
    }
}
