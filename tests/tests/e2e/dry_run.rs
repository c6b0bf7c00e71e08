// SPDX-License-Identifier: Apache-2.0
//! Upgrades of the embedded runtimes from their recorded previous releases.

use cutover_tests::{Runtime, Xtask, built, snapshot, worker};
use serde_json::{Value, json};
use std::{fs::File, io::Write, path::Path, process::Stdio};

fn dry_run(runtime: Runtime, with_try_runtime: bool) -> Value {
    let mut arguments = vec![
        "dry-run".to_string(),
        "--json".into(),
        "--runtime".into(),
        built(runtime, &[]).display().to_string(),
        "--state".into(),
        snapshot(runtime).display().to_string(),
    ];
    if with_try_runtime {
        arguments.extend(["--try-runtime".into(), built(runtime, &["try-runtime"]).display().to_string()]);
    }
    Xtask::new(arguments).run().expect_code(0).json()
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["checks"].as_array().expect("checks").iter().find(|check| check["name"] == name).expect("the check")
}

/// The checks that need only a blob, and those that need its try-runtime build.
const ALONE: [&str; 21] = [
    "versions",
    "code-size",
    "host-functions",
    "transaction-signing",
    "metadata-hash",
    "enactment",
    "migrations",
    "consensus",
    "authorities",
    "runtime-apis",
    "migration-failure",
    "block-limits",
    "healthy-blocks",
    "storage-versions",
    "next-upgrade",
    "storage-layout",
    "kept-fields",
    "leftovers",
    "weights",
    "idempotency",
    "validator-preparation",
];
const WITH_TRY_RUNTIME: [&str; 3] = ["pre-post-hooks", "try-state", "equivalence"];

fn expect_an_upgrade(report: &Value, checks: &[&str]) {
    for name in checks {
        let status = &check(report, name)["status"];
        // The upgrades of the embedded runtimes are valid, so a warning would be a false alarm.
        assert_eq!(status, "pass", "{name}: {:#}", check(report, name));
    }
    assert_eq!(report["verdict"], "pass");
    let blocks = report["blocks"].as_array().expect("blocks");
    let migrating = blocks.iter().filter(|block| block["phase"] == "migration").count();
    assert!(migrating >= 2, "the multi-block migration takes several blocks: {migrating}");
    assert!(blocks.iter().all(|block| block["proof_size"].as_u64() > Some(0)), "the proof of every block is measured");
    let numbers: Vec<_> = blocks.iter().map(|block| block["number"].as_u64().expect("a number")).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "blocks follow each other: {numbers:?}");
    let changed = report["storage_changes"].as_array().expect("storage changes");
    let every_block = |prefix: &str| {
        let of_item = |change: &&Value| change["item"].as_str().is_some_and(|item| item.starts_with(prefix));
        changed.iter().filter(of_item).map(|change| change["every_block"] == true).collect::<Vec<_>>()
    };
    let migrated = every_block("Attestations.");
    assert!(!migrated.is_empty() && migrated.iter().all(|routine| !routine), "what the migrations did: {changed:#?}");
    for item in ["System.Number", "System.ParentHash", "System.BlockHash", "Timestamp.Now"] {
        let routine = every_block(item);
        assert!(!routine.is_empty() && routine.iter().all(|routine| *routine), "{item}: {changed:#?}");
    }
    assert_eq!(every_block("System.LastRuntimeUpgrade"), [false]);
}

#[test]
fn the_standalone_runtime_upgrades_its_own_chain() {
    let report = dry_run(Runtime::Standalone, true);
    expect_an_upgrade(&report, &ALONE);
    expect_an_upgrade(&report, &WITH_TRY_RUNTIME);
    assert_eq!(check(&report, "enactment")["status"], "pass");
}

#[test]
fn the_parachain_runtime_upgrades_with_the_go_ahead_of_its_relay_chain() {
    let report = dry_run(Runtime::Parachain, true);
    expect_an_upgrade(&report, &ALONE);
    // The relay chain's data about the parachain's head differs between the two builds. That is
    // expected.
    expect_an_upgrade(&report, &WITH_TRY_RUNTIME);
    expect_an_upgrade(&report, &["sessions", "async-backing", "node-demands", "message-queues", "validator-execution"]);
    let validated = &check(&report, "validator-execution")["detail"];
    assert_eq!(validated, "validate_block accepts the first block of the new code and a block after the migrations");
    let enactment = check(&report, "enactment");
    assert_eq!(enactment["status"], "pass");
    assert!(enactment["detail"].as_str().expect("a detail").contains("go-ahead"), "{enactment}");
}

#[test]
fn a_blob_is_enough_and_skipped_checks_are_reported() {
    let report = dry_run(Runtime::Standalone, false);
    for name in WITH_TRY_RUNTIME {
        assert_eq!(check(&report, name)["status"], "skip");
    }
    assert_eq!(report["verdict"], "pass");
}

#[test]
fn the_same_input_gives_the_same_blocks() {
    let hashes = |report: Value| {
        report["blocks"].as_array().expect("blocks").iter().map(|block| block["hash"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(hashes(dry_run(Runtime::Standalone, false)), hashes(dry_run(Runtime::Standalone, false)));
}

#[test]
fn only_names_of_checks_can_be_allowed_to_fail() {
    let allow = |named: &str| {
        let state = snapshot(Runtime::Standalone).display().to_string();
        let runtime = built(Runtime::Standalone, &[]).display().to_string();
        Xtask::new(["dry-run", "--runtime", &runtime, "--state", &state, "--allow", named]).run().expect_code(2).stderr
    };
    let refused = allow("wieghts=measured anew");
    let report = dry_run(Runtime::Standalone, true);
    for check in report["checks"].as_array().expect("checks") {
        let name = check["name"].as_str().expect("a name");
        assert!(refused.contains(name), "{name} is not among those that may be allowed: {refused}");
    }
    assert!(allow("weights=").contains("without a reason"));
    assert!(allow("weights").contains("does not say why"));
}

#[test]
fn a_run_of_some_checks_says_which_it_left_out() {
    let run = |selection: &[&str]| {
        let state = snapshot(Runtime::Standalone).display().to_string();
        let runtime = built(Runtime::Standalone, &[]).display().to_string();
        Xtask::new([&["dry-run", "--runtime", &runtime, "--state", &state], selection].concat()).run()
    };
    let report = run(&["--json", "--only", "versions", "--only", "leftovers"]).expect_code(0).json();
    let made: Vec<_> = report["checks"].as_array().expect("checks").iter().map(|check| &check["name"]).collect();
    assert_eq!(made, ["versions", "leftovers"]);
    assert_eq!(check(&report, "leftovers")["status"], "pass", "the migrations ran for it: {report:#}");
    let left_out = report["left_out"].as_array().expect("names");
    assert!(left_out.contains(&"migrations".into()) && left_out.contains(&"weights".into()), "{left_out:?}");
    let shown = run(&["--only", "versions"]).expect_code(0).stdout;
    assert!(shown.contains("left out as requested, the verdict does not cover them: code-size"), "{shown}");
    run(&["--only", "storage-layuot"]).expect_code(2).mentions(&["storage-layout"]);
    run(&["--only", "weights", "--skip", "weights"]).expect_code(2).mentions(&["every check is left out"]);
}

/// Runs the worker with a cache of its own for compiled code, and makes only the checks of
/// validators.
fn as_validators(cache: &Path) -> Value {
    let request = json!({
        "command": "dry_run",
        "runtime": built(Runtime::Parachain, &[]),
        "state": snapshot(Runtime::Parachain),
        "only": ["validator-preparation", "validator-execution"],
        "cache": cache,
    });
    let mut child =
        worker("cutover-dry-run").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the worker starts");
    let mut input = child.stdin.take().expect("an input");
    input.write_all(request.to_string().as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let last = String::from_utf8(output.stdout).expect("UTF-8").lines().last().map(str::to_owned).expect("an event");
    let event: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(event["event"], "done", "{event:#}");
    event["value"].clone()
}

#[test]
fn prepared_code_is_kept_with_its_figures_and_never_taken_changed() {
    let cache = tempfile::tempdir().expect("a directory");
    let run = || {
        let report = as_validators(cache.path());
        assert_eq!(report["verdict"], "pass", "{report:#}");
        check(&report, "validator-preparation")["measured"].as_str().expect("a figure").to_owned()
    };
    let earlier = "when this machine first prepared it";
    assert!(!run().contains(earlier), "nothing is kept yet");
    assert!(run().contains(earlier), "the second run takes what the first one prepared");

    let kept = std::fs::read_dir(cache.path().join("prepared")).expect("kept").next().expect("an entry");
    let kept = kept.expect("an entry").path();
    let length = std::fs::metadata(&kept).expect("a file").len();
    File::options().write(true).open(&kept).and_then(|file| file.set_len(length - 1)).expect("cut");
    assert!(!run().contains(earlier), "an entry that was cut is prepared again");
    assert!(run().contains(earlier), "and kept again");
}
