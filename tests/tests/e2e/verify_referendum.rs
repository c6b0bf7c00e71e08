// SPDX-License-Identifier: Apache-2.0
//! The command `verify referendum`: what a proposal authorizes, and what names it. Each fault has a twin that must pass.

use crate::rehearse::{Calls, state};
use artifact::hashes::blake2_256;
use codec::{Compact, Encode};
use cutover_tests::{
    Output,
    Runtime::{Parachain, Relay, Standalone},
    Xtask,
    incident::{Before, sound},
    patch,
};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn verify(call: &[u8], options: &[&str]) -> Output {
    let call = hex::encode_prefixed(call);
    Xtask::new(["verify", "referendum", "--json", &call].iter().chain(options)).run()
}

fn alone(call: &[u8], more: &[&str]) -> Output {
    let state = state(Standalone);
    verify(call, &[&["--state", &state][..], more].concat())
}

fn check<'d>(document: &'d Value, name: &str) -> &'d Value {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name} in {checks:#?}"))
}

#[track_caller]
fn statuses(document: &Value, expected: &[(&str, &str)]) {
    for (name, status) in expected {
        assert_eq!(check(document, name)["status"], *status, "{name}: {:#}", document["checks"]);
    }
}

#[track_caller]
fn says(document: &Value, name: &str, words: &str) {
    let told = check(document, name).to_string();
    assert!(told.contains(words), "{name} does not say {words:?}: {told}");
}

/// Writes a code, and returns its path.
fn written(directory: &Path, name: &str, code: &[u8]) -> String {
    let path = directory.join(name);
    fs::write(&path, code).expect("written");
    path.display().to_string()
}

fn authorize(code: &[u8]) -> Vec<u8> {
    Calls::of(Standalone).call("System", "authorize_upgrade", blake2_256(code))
}

#[test]
fn a_code_is_what_a_blob_is_and_the_upgrade_is_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let code = patch::deployed(&sound(Standalone));
    let blob = written(directory.path(), "standalone.wasm", &code);
    let [out, page] = ["document.json", "page.html"].map(|name| directory.path().join(name).display().to_string());
    let output = alone(&authorize(&code), &["--blob", &blob, "--out", &out, "--page", &page]).expect_code(6);
    let document = output.json();
    let hash = hex::encode_prefixed(blake2_256(&code));
    statuses(&document, &[("call", "pass"), ("codes", "pass"), ("hash-of-something-else", "pass")]);
    // Nobody asked for a build, and nobody signed.
    statuses(&document, &[("source", "not_judged"), ("signatures", "not_judged")]);
    let authorized = &document["codes"][0];
    assert_eq!((&authorized["blake2_256"], &authorized["status"]), (&json!(hash), &json!("claimed")), "{authorized:#}");
    assert_eq!((&authorized["stage"], &authorized["checks_version"]), (&json!("authorized"), &json!(true)));
    assert_eq!(document["rehearsal"]["upgrades"][0]["live"], true, "{:#}", document["rehearsal"]["checks"]);
    let written: Value = serde_json::from_slice(&fs::read(&out).expect("read")).expect("JSON");
    assert_eq!(written, document);
    let page = fs::read_to_string(&page).expect("read");
    assert!(page.contains(&hash) && page.contains("NOT JUDGED") && page.contains("standalone.wasm"), "{page}");
}

#[test]
fn a_missing_claim_is_not_a_mismatching_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let wasm = sound(Standalone);
    let code = patch::deployed(&wasm);
    let missing = alone(&authorize(&code), &[]).expect_code(6).json();
    statuses(&missing, &[("codes", "not_judged"), ("hash-of-something-else", "pass")]);
    says(&missing, "codes", "missing");
    assert_eq!(missing["codes"][0]["status"], "missing");
    // The blob of another build of the same runtime.
    let other = written(directory.path(), "other.wasm", &patch::deployed(&patch::spec_version(&wasm, 4_000_000)));
    let mismatching = alone(&authorize(&code), &["--blob", &other]).expect_code(1).json();
    statuses(&mismatching, &[("codes", "fail")]);
    says(&mismatching, "codes", "mismatching");
    assert_eq!(mismatching["codes"][0]["status"], "mismatching");
    // A digest alone names the code, and nobody has the blob.
    let hash = hex::encode_prefixed(blake2_256(&code));
    let digest = json!({"runtimes": {"compressed": {"blake2_256": hash}}}).to_string();
    let digest = written(directory.path(), "digest.json", digest.as_bytes());
    let named = alone(&authorize(&code), &["--digest", &digest]).expect_code(6).json();
    statuses(&named, &[("codes", "pass"), ("source", "not_judged")]);
}

#[test]
fn a_hash_of_something_else_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let calls = Calls::of(Standalone);
    let gift = calls.gift();
    let note = calls.call("Preimage", "note_preimage", gift.clone());
    let both = |hash: [u8; 32]| {
        let items = [note.clone(), calls.call("Whitelist", "whitelist_call", hash)].concat();
        [calls.call("Utility", "batch_all", ()), Compact(2u32).encode(), items].concat()
    };
    let good = alone(&both(blake2_256(&gift)), &[]).json();
    statuses(&good, &[("hash-of-something-else", "pass")]);
    says(&good, "hash-of-something-else", "Balances.force_set_balance");
    // It happened: the call that notes the preimage was whitelisted in its place.
    let bad = alone(&both(blake2_256(&note)), &[]).expect_code(1).json();
    statuses(&bad, &[("hash-of-something-else", "fail")]);
    says(&bad, "hash-of-something-else", "Preimage.note_preimage");
    // A hash of which nothing is known is for somebody else to judge.
    statuses(&alone(&both([9; 32]), &[]).json(), &[("hash-of-something-else", "not_judged")]);

    let wasm = sound(Standalone);
    let blob = written(directory.path(), "standalone.wasm", &patch::deployed(&wasm));
    let bad = alone(&authorize(&wasm), &["--blob", &blob]).expect_code(1).json();
    statuses(&bad, &[("hash-of-something-else", "fail"), ("codes", "fail")]);
    says(&bad, "hash-of-something-else", "the Wasm before the compression");
}

#[test]
fn a_call_that_upgrades_nothing_passes() {
    let document = alone(&Calls::of(Standalone).gift(), &[]).expect_code(0).json();
    statuses(&document, &[("rehearsed", "pass"), ("codes", "pass"), ("source", "skip"), ("signatures", "skip")]);
    says(&document, "codes", "it upgrades nothing");
}

#[test]
fn a_code_that_a_message_authorizes_is_found_on_its_receiver() {
    let directory = tempfile::tempdir().expect("a directory");
    let code = patch::deployed(&sound(Parachain));
    let blob = written(directory.path(), "parachain.wasm", &code);
    let authorize = Calls::of(Parachain).call("System", "authorize_upgrade", blake2_256(&code));
    let call = Calls::of(Relay).send(&authorize);
    let [relay, parachain] = [Relay, Parachain].map(state);
    let chains = ["--state", &relay, "--with", &parachain, "--onboard"];
    let document = verify(&call, &[&chains[..], &["--blob", &blob]].concat()).expect_code(6).json();
    statuses(&document, &[("codes", "pass"), ("hash-of-something-else", "pass")]);
    let codes = document["codes"].as_array().expect("codes");
    assert!(codes.iter().any(|code| code["chain"].as_str().is_some_and(|chain| chain.contains("2000"))), "{codes:#?}");
    // The twin: without the receiver nobody can look.
    statuses(&verify(&call, &["--state", &relay]).json(), &[("codes", "not_judged")]);
}

#[test]
fn a_call_that_carries_its_code_names_no_other_hash() {
    let directory = tempfile::tempdir().expect("a directory");
    let code = patch::deployed(&patch::spec_version(&Before::of(Standalone).code(), 1_000_001));
    let blob = written(directory.path(), "standalone.wasm", &code);
    let set = Calls::of(Standalone).call("System", "set_code", code);
    // It is too long for an argument.
    let (call, state) = (written(directory.path(), "call.scale", &set), state(Standalone));
    let words = ["verify", "referendum", "--json", &call, "--state", &state, "--blob", &blob];
    let document = Xtask::new(words).run().json();
    statuses(&document, &[("hash-of-something-else", "pass")]);
    says(&document, "hash-of-something-else", "the code that System.set_code carries");
}

#[test]
fn what_a_task_does_later_is_not_known() {
    let calls = Calls::of(Standalone);
    let after =
        |blocks: u32| [calls.call("Scheduler", "schedule_after", (blocks, None::<(u32, u32)>, 0u8)), calls.gift()];
    let waiting = alone(&after(100).concat(), &[]).expect_code(6).json();
    statuses(&waiting, &[("codes", "not_judged")]);
    says(&waiting, "codes", "Scheduler.Agenda");
    // The twin: the task was executed.
    statuses(&alone(&after(1).concat(), &[]).json(), &[("codes", "pass")]);
}

#[test]
fn bad_input_is_named() {
    let (state, call) = (state(Standalone), hex::encode_prefixed(Calls::of(Standalone).gift()));
    let run = |words: &[&str]| Xtask::new([&["verify", "referendum"][..], words].concat()).run();
    run(&["7", "--state", &state]).expect_code(4).mentions(&["no referendum 7 that goes on"]);
    run(&[call.as_str()]).expect_code(2).mentions(&["no chain is given"]);
    run(&[call.as_str(), "--state", &state, "--rebuild"])
        .expect_code(2)
        .mentions(&["--rebuild names nothing to build"]);
    run(&[call.as_str(), "--state", &state, "--engine", "host"]).expect_code(2).mentions(&["without --rebuild"]);
    run(&[call.as_str(), "--state", &state, "--blob", "/no/such/blob"])
        .expect_code(4)
        .mentions(&["no file /no/such/blob"]);
    let same = ["--out", "same", "--page", "same"];
    run(&[&[call.as_str(), "--state", &state][..], &same].concat()).expect_code(2).mentions(&["name the same file"]);
}
