// SPDX-License-Identifier: Apache-2.0
//! The command `upgrade`: from source to a signed bundle, which is resumed, verified and tampered
//! with.

use cutover_tests::{Output, Runtime, Xtask, bundle, keys, snapshot};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn upgrade(out: &Path) -> Output {
    Xtask::new(["upgrade", "--json", "--out", &out.display().to_string()]).run()
}

fn verify(bundle: &Path) -> Output {
    Xtask::new(["verify", "--json", &bundle.display().to_string()]).run()
}

/// Returns a copy that a test may change.
fn copy(bundle: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    cutover_tests::copy(bundle, directory.path());
    directory
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn the_bundle_contains_the_files_for_voters() {
    let bundle = bundle();
    let names: Vec<_> =
        files(&bundle).iter().map(|path| path.strip_prefix(&*bundle).expect("within").display().to_string()).collect();
    for wanted in ["manifest.json", "report.md"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is missing: {names:?}");
    }
    assert!(names.iter().any(|name| name.ends_with(".compact.compressed.wasm")), "no blob: {names:?}");
    assert!(names.iter().any(|name| name.contains("call")), "no calls: {names:?}");
    let report = fs::read_to_string(bundle.join("report.md")).expect("the report");
    let build = fs::read_to_string(bundle.join("build.json")).expect("the evidence of the build");
    let build: Value = serde_json::from_str(&build).expect("JSON");
    let hash = build["result"]["blob"]["blake2_256"].as_str().expect("a hash");
    for word in ["cutover-standalone", hash] {
        assert!(report.contains(word), "the report lacks {word}");
    }
}

#[test]
fn the_second_run_repeats_nothing_and_leaves_the_same_bundle() {
    let bundle = bundle();
    let content = |bundle: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        files(bundle).into_iter().map(|path| (path.clone(), fs::read(&path).expect("read"))).collect()
    };
    let before = content(&bundle);
    let output = upgrade(&bundle).expect_code(0);
    let after = content(&bundle);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, bytes) in &before {
        assert!(after[path] == *bytes, "{} changed", path.display());
    }
    assert_eq!(output.json()["verdict"], "pass");
}

#[test]
fn signatures_are_counted_and_never_overwritten() {
    let bundle = bundle();
    let people = tempfile::tempdir().expect("a directory");
    let root = people.path().join("signers.json").display().to_string();
    let (alice, bob) = (format!("alice={}", keys::ALICE), format!("bob={}", keys::BOB));
    Xtask::new(["signers", "init", &root, "--threshold", "2", "--signer", &alice, "--signer", &bob])
        .run()
        .expect_code(0);
    let path = bundle.display().to_string();
    let upgraded = || Xtask::new(["upgrade", "--quiet", "--out", &path, "--root", &root]).run().expect_code(0).stdout;
    for (name, signatures, verdict) in [
        ("Alice", "1 of 2 needed: not enough yet", "PASSED, not signed off: 1 of 2"),
        ("Bob", "2 of 2 needed: enough", "PASSED"),
    ] {
        Xtask::new(["sign", &path, "--with", &keys::key(people.path(), name)]).run().expect_code(0);
        let signed = fs::read(bundle.join("manifest.json")).expect("read");
        let said = upgraded();
        let stated = said.lines().find(|line| line.starts_with("verdict"));
        assert!(said.contains(signatures) && stated.is_some_and(|line| line.ends_with(verdict)), "{said}");
        assert!(fs::read(bundle.join("manifest.json")).expect("read") == signed, "nobody signed over {name}");
    }
}

#[test]
fn a_wrong_state_or_key_is_reported_first_and_leaves_the_bundle_unchanged() {
    let bundle = bundle();
    let path = bundle.display().to_string();
    let content = |bundle: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        files(bundle).into_iter().map(|path| (path.clone(), fs::read(&path).expect("read"))).collect()
    };
    let before = content(&bundle);
    let report = bundle.join("report.md").display().to_string();
    for (option, value) in [("--state", report.as_str()), ("--state", "paseo/nosuch"), ("--sign-with", "keys/nosuch")] {
        let output = Xtask::new(["upgrade", "--out", &path, option, value]).run().expect_code(4);
        assert!(!output.stderr.contains("build: "), "before the first job: {}", output.stderr);
        assert!(content(&bundle) == before, "{option} {value}");
    }
    let unknown = Xtask::new(["upgrade", "--out", &path, "--state", "paseo/nosuch"]).run();
    unknown.expect_code(4).mentions(&["paseo/asset-hub"]);
}

#[test]
fn verify_reports_a_bundle_with_a_throw_away_key_as_not_signed_off() {
    // The key was thrown away. The signature is valid, but the bundle is not signed off.
    let bundle = bundle();
    let output = verify(&bundle).expect_code(1);
    let document = output.json();
    assert!(document["signatures"].as_array().is_some_and(|signatures| {
        !signatures.is_empty() && signatures.iter().all(|signature| signature["valid"] == true)
    }));
    assert_eq!((&document["integrity"], &document["signed_off"]), (&true.into(), &false.into()));
    assert!(output.stderr.contains("throw-away") || output.stdout.contains("throw-away"), "{}", output.stderr);
    let path = bundle.display().to_string();
    let said = Xtask::new(["verify", &path]).run().expect_code(1).stdout;
    assert!(said.contains("undamaged, not signed off") && said.contains("--root"), "{said}");
    let said = Xtask::new(["verify", "--integrity-only", &path]).run().expect_code(0).stdout;
    assert!(said.contains("dry-run passed"), "{said}");
}

#[test]
fn any_changed_file_is_named() {
    let bundle = bundle();
    for path in files(&bundle) {
        let name = path.strip_prefix(&*bundle).expect("within").display().to_string();
        let spoiled = copy(&bundle);
        let target = spoiled.path().join(&name);
        let mut bytes = fs::read(&target).expect("read");
        assert!(!bytes.is_empty(), "{name} is empty");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&target, bytes).expect("written");
        let output = verify(spoiled.path());
        assert!(matches!(output.code, Some(1 | 4)), "{name}: exit code {:?}\n{}", output.code, output.stdout);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(said.contains(&name), "{name} is not named:\n{said}");
    }
}

#[test]
fn an_added_and_a_missing_file_are_named() {
    let bundle = bundle();
    let spoiled = copy(&bundle);
    fs::write(spoiled.path().join("extra.wasm"), b"x").expect("written");
    let output = verify(spoiled.path()).expect_code(1);
    assert!(format!("{}{}", output.stdout, output.stderr).contains("extra.wasm"));
    let spoiled = copy(&bundle);
    fs::remove_file(spoiled.path().join("report.md")).expect("removed");
    let output = verify(spoiled.path()).expect_code(1);
    assert!(format!("{}{}", output.stdout, output.stderr).contains("report.md"));
}

#[test]
fn the_proposal_authorizes_the_blob_of_the_bundle() {
    let bundle = bundle();
    let blob = files(&bundle)
        .into_iter()
        .find(|path| path.display().to_string().ends_with(".compact.compressed.wasm"))
        .expect("a blob");
    let hash = artifact::hashes::blake2_256(&fs::read(blob).expect("read"));
    let hash = hex::encode_prefixed(hash);
    let evidence = files(&bundle)
        .into_iter()
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("propose")))
        .expect("the evidence of the proposal");
    let evidence: Value = serde_json::from_slice(&fs::read(evidence).expect("read")).expect("JSON");
    let text = evidence.to_string();
    assert!(text.contains(hash.trim_start_matches("0x")), "the call does not hold the blob's hash {hash}");
}

#[test]
fn the_proposal_is_rehearsed_and_the_manifest_has_the_hash_of_what_it_changes() {
    let bundle = bundle();
    let text = fs::read(bundle.join("rehearse.json")).expect("the evidence of the rehearsal");
    let step: Value = serde_json::from_slice(&text).expect("JSON");
    let report = &step["result"];
    assert_eq!(step["verdict"], "pass", "{report:#}");
    // What the key of Sudo signs was dispatched, until the code was live.
    assert!(report["call"]["decoded"].as_str().is_some_and(|call| call.starts_with("Sudo.sudo")), "{report:#}");
    assert!(report["call"]["origin"].as_str().is_some_and(|origin| origin.starts_with("signed:")), "{report:#}");
    assert_eq!(report["upgrades"][0]["live"], true, "{report:#}");
    let hash = report["difference_hash"].as_str().expect("a hash");

    let verified = verify(&bundle).json();
    let steps = verified["predicate"]["steps"].as_array().expect("steps");
    let hashes: Vec<_> = steps.iter().filter_map(|step| step["difference_hash"].as_str()).collect();
    assert_eq!(hashes, [hash]);
    // Everybody who rehearses the bundle on the same state gets the same hash.
    let state = snapshot(Runtime::Standalone).display().to_string();
    let own = Xtask::new(["rehearse", "--json", &bundle.display().to_string(), "--state", &state]).run();
    assert_eq!(own.expect_code(0).json()["difference_hash"], hash);
}

#[test]
fn a_manifest_with_another_hash_of_the_changes_is_refused() {
    let copy = copy(&bundle());
    let path = copy.path().join("rehearse.json");
    let mut step: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
    step["result"]["difference_hash"] = format!("0x{}", "12".repeat(32)).into();
    fs::write(&path, serde_json::to_vec_pretty(&step).expect("JSON")).expect("written");
    let verified = verify(copy.path()).expect_code(1);
    assert!(verified.stdout.contains("rehearse.json"), "{}", verified.stdout);
}

#[test]
fn a_relay_chain_is_upgraded_before_the_parachain_that_is_rehearsed_on_it() {
    let out = tempfile::tempdir().expect("a directory");
    let out = out.path().display().to_string();
    // Nothing was built, so the first of both runtimes is missing.
    let first = |named: &[&str]| {
        let arguments = ["upgrade", "--only", "inspect", "--out", &out];
        Xtask::new(arguments.iter().chain(named)).run().expect_code(4).stderr
    };
    for named in [&["--runtime", "parachain", "--runtime", "relay"][..], &["--network", "embedded"]] {
        let told = first(named);
        assert!(told.contains("the evidence of build is missing") && told.contains("--runtime relay"), "{told}");
    }
    let told = first(&["--runtime", "parachain", "--runtime", "standalone"]);
    assert!(told.contains("--runtime parachain"), "no relay chain of the other one: {told}");
    let snapshot = cutover_tests::snapshot(cutover_tests::Runtime::Standalone).display().to_string();
    let told = first(&["--runtime", "parachain", "--runtime", "relay", "--state", &snapshot]);
    assert!(told.contains("--runtime parachain"), "both have the state of one chain: {told}");
    for of_one in [["--runtime", "standalone"], ["--state", &snapshot], ["--at", "1"]] {
        let arguments = ["upgrade", "--network", "embedded"];
        Xtask::new(arguments.iter().chain(&of_one)).run().expect_code(2).mentions(&["a network of several runtimes"]);
    }
    let no_chain = Xtask::new(["inspect", "embedded"]).run().expect_code(2);
    no_chain.mentions(&["embedded names several runtimes, and no chain", "upgrade --network embedded"]);
}
