// SPDX-License-Identifier: Apache-2.0
//! The command `xcm explain`: messages on states of the embedded chains, each with one that succeeds.

use crate::rehearse::Calls;
use codec::{Compact, Encode};
use cutover_tests::{
    Output,
    Runtime::{Parachain, Relay},
    Xtask,
    fork::Fork,
    incident::{Before, item},
    patch, snapshot,
};
use serde_json::{Value, json};

/// `System.remark` without a remark, and `System.set_heap_pages`, which root alone may call.
const REMARK: [u8; 3] = [0, 0, 0];
const HEAP_PAGES: [u8; 10] = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
/// `OriginKind` of XCM.
const SOVEREIGN: u8 = 1;
const SUPERUSER: u8 = 2;
/// The account of the relay chain on a parachain.
const PARENT: &[u8; 32] = b"Parent\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const UNIT: u128 = 1_000_000_000_000;

fn hex_of(bytes: &[u8]) -> String {
    hex::encode_prefixed(bytes)
}

/// Encodes a `VersionedXcm` of version 5.
fn message(instructions: &[Vec<u8>]) -> String {
    hex_of(&[vec![5], Compact(instructions.len() as u32).encode(), instructions.concat()].concat())
}

fn unpaid() -> Vec<u8> {
    vec![47, 0, 0]
}

fn transact(kind: u8, call: &[u8]) -> Vec<u8> {
    [vec![6, kind, 0], call.encode()].concat()
}

/// The chain's own token.
fn asset(amount: u128) -> Vec<u8> {
    [vec![0, 0, 0], Compact(amount).encode()].concat()
}

fn withdraw(amount: u128) -> Vec<u8> {
    [vec![0, 4], asset(amount)].concat()
}

/// `limit` is the weight that is bought at most.
fn buy(amount: u128, limit: Option<(u64, u64)>) -> Vec<u8> {
    let limit = match limit {
        None => vec![0],
        Some((time, proof)) => [vec![1], Compact(time).encode(), Compact(proof).encode()].concat(),
    };
    [vec![19], asset(amount), limit].concat()
}

/// Deposits all at the relay chain's account.
fn deposit() -> Vec<u8> {
    vec![13, 1, 2, 4, 1, 0]
}

fn explain(words: &[&str]) -> Output {
    Xtask::new([&["xcm", "explain", "--json"][..], words].concat()).run()
}

/// Explains a message to the embedded parachain.
fn to_parachain(message: &str, from: &str, code: i32) -> Value {
    let state = snapshot(Parachain).display().to_string();
    explain(&[message, "--to", &state, "--from", from]).expect_code(code).json()["messages"][0].clone()
}

#[track_caller]
fn status(message: &Value, check: &str) -> String {
    let checks = message["checks"].as_array().expect("checks");
    let found = checks.iter().find(|found| found["name"] == check).unwrap_or_else(|| panic!("{message:#}"));
    found["status"].as_str().expect("a status").to_owned()
}

/// Returns the trials that pass, by name.
fn passing(message: &Value) -> Vec<&str> {
    let trials = message["trials"].as_array().expect("trials");
    trials.iter().filter(|trial| trial["passes"] == true).filter_map(|trial| trial["name"].as_str()).collect()
}

#[test]
fn a_message_that_the_barrier_lets_pass_is_executed() {
    let governs = message(&[unpaid(), transact(SUPERUSER, &HEAP_PAGES)]);
    let explained = to_parachain(&governs, "parent", 0);
    assert_eq!(explained["outcome"]["kind"], "complete", "{explained:#}");
    assert_eq!(explained["way"], "dry-run-api");
    assert_eq!((&explained["versions"]["message"], status(&explained, "version")), (&json!(5), "pass".into()));
    assert_eq!(status(&explained, "transacts"), "pass", "{explained:#}");
    assert_eq!(explained["transacts"][0]["call"], "System.set_heap_pages");
    let decoded = explained["decoded"].as_str().expect("text");
    assert!(decoded.contains("System.set_heap_pages { pages: 0 }"), "{decoded}");
    // The same origin as a location.
    let same = to_parachain(&governs, r#"{"parents": 1, "interior": "Here"}"#, 0);
    assert_eq!((&same["from"], &same["outcome"]), (&explained["from"], &explained["outcome"]));
    // And as a chain: now both sides say which version they have noted.
    let relay = snapshot(Relay).display().to_string();
    let same = to_parachain(&governs, &relay, 0);
    assert_eq!((&same["from"], status(&same, "executed")), (&explained["from"], "pass".into()));
}

#[test]
fn what_the_barrier_asks_for_is_found_by_trial() {
    let remark = message(&[unpaid(), transact(SOVEREIGN, &REMARK)]);
    let refused = to_parachain(&remark, "para:2001", 1);
    assert_eq!(refused["outcome"]["kind"], "refused", "{refused:#}");
    assert_eq!(refused["outcome"]["error"]["name"], "Barrier");
    assert!(passing(&refused).contains(&"other-origin"), "the relay chain need not pay: {refused:#}");
    assert!(passing(&refused).contains(&"pay-first"), "anybody may pay: {refused:#}");
    let trials = refused["trials"].as_array().expect("trials");
    let topic = trials.iter().find(|trial| trial["name"] == "topic").expect("a trial");
    assert_eq!(topic["passes"], false, "{refused:#}");
    assert_eq!(status(&refused, "transacts"), "skip");
    // The relay chain must say that it does not pay.
    let silent = message(&[transact(SOVEREIGN, &REMARK)]);
    let refused = to_parachain(&silent, "parent", 1);
    assert!(passing(&refused).contains(&"unpaid-execution"), "{refused:#}");
    assert_eq!(to_parachain(&remark, "parent", 0)["trials"], Value::Null);
}

#[test]
fn a_call_that_fails_within_a_message_is_told() {
    let explained = to_parachain(&message(&[unpaid(), transact(SOVEREIGN, &HEAP_PAGES)]), "parent", 1);
    assert_eq!((status(&explained, "executed"), status(&explained, "transacts")), ("pass".into(), "fail".into()));
    let call = &explained["transacts"][0];
    assert_eq!((&call["index"], &call["succeeded"]), (&json!(1), &json!(false)), "{call:#}");
    assert!(call["found"].as_str().is_some_and(|found| found.contains("BadOrigin")), "{call:#}");
}

#[test]
fn a_message_that_the_runtime_alone_cannot_decode_fails() {
    // The calls in a message are decoded with it, and so are a limited number of instructions.
    let clear = vec![23];
    for (instructions, word) in [
        (vec![unpaid(), transact(SUPERUSER, &[0xff, 0xff])], "the call of instruction 1"),
        ([vec![unpaid()], vec![clear.clone(); 100]].concat(), "101 instructions"),
    ] {
        let refused = to_parachain(&message(&instructions), "parent", 1);
        assert_eq!((status(&refused, "version"), status(&refused, "executed")), ("pass".into(), "fail".into()));
        assert!(refused["checks"].to_string().contains(word), "{refused:#}");
    }
    let most = to_parachain(&message(&[vec![unpaid()], vec![clear; 99]].concat()), "parent", 0);
    assert_eq!(status(&most, "executed"), "pass", "{most:#}");
}

#[test]
fn messages_that_cannot_be_decoded_fail() {
    for wrong in ["0x0900", "0x05ff", "0x0504ff", "0x050000"] {
        let explained = to_parachain(wrong, "parent", 1);
        assert_eq!(
            (status(&explained, "version"), status(&explained, "executed")),
            ("fail".into(), "not_judged".into())
        );
    }
    let state = snapshot(Parachain).display().to_string();
    explain(&["0x05z", "--to", &state, "--from", "parent"]).expect_code(2).mentions(&["the message is not in hex"]);
    explain(&["0x0500", "--to", &state, "--from", "child:1"]).expect_code(2).mentions(&["para:1"]);
    explain(&["0x0500", "--to", &state, "--from", r#"{"parents": 1}"#]).expect_code(2).mentions(&["interior"]);
    // A million instructions that are not there, and a message of more than 64 KiB.
    let endless = hex_of(&[vec![5], Compact(1_000_000u32).encode()].concat());
    assert_eq!(status(&to_parachain(&endless, "parent", 1), "version"), "fail");
    let directory = tempfile::tempdir().expect("a directory");
    let long = directory.path().join("long");
    std::fs::write(&long, vec![5; 64 * 1024 + 1]).expect("written");
    explain(&[&long.display().to_string(), "--to", &state, "--from", "parent"])
        .expect_code(4)
        .mentions(&["the message is too long"]);
}

#[test]
fn an_instruction_that_fails_is_named_with_what_its_error_means() {
    let explained = to_parachain(&message(&[unpaid(), vec![25, 28]]), "parent", 1);
    let outcome = &explained["outcome"];
    assert_eq!((&outcome["kind"], &outcome["index"]), (&json!("incomplete"), &json!(1)), "{outcome:#}");
    assert_eq!((&outcome["error"]["name"], &outcome["instruction"]), (&json!("Trap(7)"), &json!("Trap(7)")));
    assert!(outcome["error"]["meaning"].as_str().is_some_and(|meaning| meaning.contains("on purpose")));
}

/// Serves the parachain with funds for the relay chain's account.
fn funded() -> Fork {
    let node = Fork::manual(snapshot(Parachain));
    let hash = artifact::hashes::blake2_128(PARENT);
    let key = [&item("System", "Account")[..], &hash, PARENT].concat();
    // `AccountInfo`: one provider, and the flag of the newer logic of holds.
    let account = (0u32, 0u32, 1u32, 0u32, 1_000 * UNIT, 0u128, 0u128, 1u128 << 127).encode();
    node.call("dev_setStorage", json!([[[hex_of(&key), hex_of(&account)]]]));
    // The next block has the state root.
    node.call("dev_newBlock", json!([]));
    node
}

#[test]
fn a_message_in_a_queue_that_is_suspended_waits() {
    let node = funded();
    let free = message(&[withdraw(UNIT), buy(UNIT, None), deposit()]);
    let executed = |from: &str| {
        let document = explain(&[&free, "--to", node.url(), "--from", from]).json();
        status(&document["messages"][0], "executed")
    };
    assert_eq!(executed("parent"), "pass");
    node.call("dev_setStorage", json!([[[hex_of(&item("XcmpQueue", "QueueSuspended")), "0x01"]]]));
    node.call("dev_newBlock", json!([]));
    // The queue of the relay chain is another one.
    assert_eq!(executed("parent"), "pass");
    let document = explain(&[&free, "--to", node.url(), "--from", "para:2001"]).json();
    assert!(document["messages"][0]["checks"].to_string().contains("suspended the queues"), "{document:#}");
}

#[test]
fn fees_and_trapped_assets_are_told_and_the_claim_frees_them() {
    let node = funded();
    let run = |instructions: &[Vec<u8>], code: i32| {
        let document =
            explain(&[&message(instructions), "--to", node.url(), "--from", "parent"]).expect_code(code).json();
        (document["verdict"].clone(), document["messages"][0].clone())
    };
    // All is deposited.
    let (verdict, paid) = run(&[withdraw(UNIT), buy(UNIT, None), deposit()], 0);
    assert_eq!((verdict, status(&paid, "fees")), (json!("pass"), "pass".into()), "{paid:#}");
    assert_eq!(status(&paid, "nothing-trapped"), "pass");
    let offer = &paid["fees"]["offers"][0];
    assert_eq!((&offer["amount"], &offer["instruction"]), (&json!(UNIT.to_string()), &json!("BuyExecution")));
    assert!(offer["price"].as_str().is_some_and(|price| price.parse::<u128>().is_ok_and(|price| price < UNIT)));

    // What is left is trapped. The claim is tried on the fork after a block that took the message from the queue.
    let (verdict, trapping) = run(&[withdraw(UNIT), buy(UNIT, None)], 0);
    assert_eq!((verdict, status(&trapping, "nothing-trapped")), (json!("pass_with_hazards"), "warn".into()));
    let trapped = &trapping["trapped"][0];
    assert_eq!(trapped["works"], true, "{trapped:#}");
    assert!(trapped["tried"].as_str().is_some_and(|tried| tried.starts_with("after a block")), "{trapped:#}");
    let claim = trapped["claim"].as_str().expect("a claim");
    // Where nothing is trapped, the same claim fails.
    let untrapped = explain(&[claim, "--to", node.url(), "--from", "parent"]).expect_code(1).json();
    assert_eq!(untrapped["messages"][0]["outcome"]["error"]["name"], "UnknownClaim", "{untrapped:#}");

    // Too little is offered, and too little weight is bought.
    let (_, poor) = run(&[withdraw(UNIT), buy(1_000, None), deposit()], 1);
    assert_eq!((&poor["outcome"]["index"], status(&poor, "fees")), (&json!(1), "fail".into()), "{poor:#}");
    assert_eq!(poor["outcome"]["error"]["name"], "TooExpensive");
    let (_, limited) = run(&[withdraw(UNIT), buy(UNIT, Some((1_000, 1_000))), deposit()], 1);
    assert_eq!((&limited["outcome"]["error"]["name"], status(&limited, "fees")), (&json!("Barrier"), "fail".into()));
    assert!(passing(&limited).contains(&"unlimited-weight"), "{limited:#}");
}

#[test]
fn a_send_that_fails_within_a_batch_is_seen() {
    let parachain = snapshot(Parachain).display().to_string();
    let calls = Calls::of(Parachain);
    let batch = |inner: Vec<u8>| hex_of(&[calls.call("Utility", "batch", ()), vec![4], inner].concat());
    let run = |call: &str, code: i32| {
        let document = explain(&["--call", call, "--on", &parachain, "--origin", "root"]).expect_code(code).json();
        document["call"]["checks"][0].clone()
    };
    // To a parachain without a channel: the batch ends well.
    let receiver = [vec![5, 1, 1, 0], Compact(3_000u32).encode()].concat();
    let send = [calls.call("PolkadotXcm", "send", ()), receiver, vec![5, 4], unpaid()].concat();
    let failed = run(&batch(send), 1);
    assert_eq!(failed["status"], "fail", "{failed:#}");
    assert!(failed.to_string().contains("Utility.BatchInterrupted"), "{failed:#}");
    assert_eq!(run(&batch(REMARK.to_vec()), 0)["status"], "pass");
    // A message of its own, with a call of which nobody is told how it ends.
    let weight = (Compact(10_000_000_000u64), Compact(1_000_000u64)).encode();
    let own = [vec![5, 4], transact(SOVEREIGN, &REMARK), weight].concat();
    let execute = [calls.call("PolkadotXcm", "execute", ()), own].concat();
    let account = hex_of(&[7; 32]);
    let document = explain(&["--call", &hex_of(&execute), "--on", &parachain, "--signed", &account]).json();
    assert_eq!(document["call"]["checks"][0]["status"], "not_judged", "{document:#}");
}

#[test]
fn the_messages_of_a_call_are_explained_on_their_receiver() {
    let [relay, parachain] = [Relay, Parachain].map(|runtime| snapshot(runtime).display().to_string());
    // `PolkadotXcm.send` to the relay chain.
    let carried = [vec![5, 8], unpaid(), transact(SOVEREIGN, &REMARK)].concat();
    let metadata = Xtask::new(["inspect", "--json", &parachain]).run().expect_code(0).json();
    let pallets = metadata["pallets"].as_array().expect("pallets");
    let pallet = pallets.iter().find(|pallet| pallet["name"] == "PolkadotXcm").expect("the pallet");
    let index = u8::try_from(pallet["index"].as_u64().expect("an index")).expect("a byte");
    let send = hex_of(&[vec![index, 0, 5, 1, 0], carried].concat());
    let call = ["--call", &send, "--on", &parachain, "--origin", "root"];
    let alone = explain(&call).expect_code(6).json();
    assert_eq!(status(&alone["call"], "dispatched"), "pass", "{alone:#}");
    assert_eq!(status(&alone["messages"][0], "executed"), "not_judged", "{alone:#}");
    let both = explain(&[&call[..], &["--with", &relay]].concat()).expect_code(1).json();
    let refused = &both["messages"][0];
    // A parachain of a team must pay; one of the system need not.
    assert_eq!(refused["outcome"]["error"]["name"], "Barrier", "{both:#}");
    assert!(passing(refused).contains(&"other-origin"), "{refused:#}");
    // A call without messages.
    let remark = ["--call", "0x000000", "--on", &parachain, "--origin", "root"];
    let silent = explain(&remark).expect_code(0).json();
    assert_eq!((&silent["messages"], status(&silent["call"], "dispatched")), (&json!([]), "pass".into()));
    // One that fails.
    let (account, pages) = (hex_of(PARENT), hex_of(&HEAP_PAGES));
    let failing = ["--call", &pages, "--on", &parachain, "--signed", &account];
    let failed = explain(&failing).expect_code(1).json();
    assert_eq!(status(&failed["call"], "dispatched"), "fail", "{failed:#}");
}

#[test]
fn a_runtime_without_the_api_takes_the_message_from_its_queue() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.snapshot");
    Before::of(Parachain).with_code(|code| patch::without_export(code, "DryRunApi_dry_run_xcm")).write(&path);
    let state = path.display().to_string();
    let run = |instructions: &[Vec<u8>], from: &str, code: i32| {
        let message = message(instructions);
        explain(&[&message, "--to", &state, "--from", from]).expect_code(code).json()["messages"][0].clone()
    };
    let clear_origin = || vec![10];
    let executed = run(&[unpaid(), clear_origin()], "parent", 0);
    assert_eq!((&executed["way"], &executed["outcome"]["kind"]), (&json!("queue"), &json!("complete")), "{executed:#}");
    let failed = run(&[unpaid(), vec![25, 28]], "parent", 1);
    assert_eq!(failed["outcome"]["error"]["name"], "Trap(7)", "{failed:#}");
    // The barrier emits no event.
    let refused = run(&[unpaid(), clear_origin()], "para:2001", 1);
    assert_eq!(refused["outcome"]["error"]["name"], "Unknown", "{refused:#}");
    // Whether the call succeeds is not known.
    let call = run(&[unpaid(), transact(SUPERUSER, &REMARK)], "parent", 6);
    assert_eq!((status(&call, "executed"), status(&call, "transacts")), ("pass".into(), "not_judged".into()));
    // A user's location has no queue.
    let user = json!({"parents": 1, "interior": {"X1": [{"AccountId32": {"network": null, "id": hex_of(PARENT)}}]}});
    let user = run(&[unpaid()], &user.to_string(), 6);
    assert_eq!(status(&user, "executed"), "not_judged", "{user:#}");
}

#[test]
fn the_text_shows_what_passes() {
    let state = snapshot(Parachain).display().to_string();
    let remark = message(&[unpaid(), transact(SOVEREIGN, &REMARK)]);
    let text = Xtask::new(["xcm", "explain", &remark, "--to", &state, "--from", "para:2001"]).run().expect_code(1);
    for part in ["what the barrier lets pass", "PASSES", "REFUSED", "refused with Barrier", "verdict: fail"] {
        assert!(text.stdout.contains(part), "{part} is not in:\n{}", text.stdout);
    }
}
