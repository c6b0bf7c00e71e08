// SPDX-License-Identifier: Apache-2.0
//! The commands `support`: a parachain of a served network is broken, diagnosed, and repaired on forks of it.

use codec::Encode;
use cutover_tests::{
    Output,
    Runtime::{Parachain, Relay, Standalone},
    Xtask, built,
    faults::{Action, Condition::Has, Faults},
    fork::{Fork, Node},
    incident::{Before, item},
    patch, snapshot, workspace_with,
};
use serde_json::{Value, json};
use std::fs;

pub const PARA: u32 = 2_000;
/// A parachain that nobody forks.
pub const OTHER: u32 = 2_001;

/// Entries of a state with their values; nothing where there is none.
pub type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Starts the embedded relay chain with the parachain of a state. One of its candidates is pending.
fn live_network(parachain: &str) -> Fork {
    let network = Fork::with(snapshot(Relay), &["--with", parachain, "--onboard", "--manual"]);
    network.call("dev_newBlock", json!([{"count": 2}]));
    network
}

/// Starts the same, where no candidate is pending any more.
pub fn network(parachain: &str) -> Fork {
    let network = live_network(parachain);
    set(&network, &vec![(entry("ParaInclusion", "V1", PARA), None)]);
    network
}

pub fn hex_of(bytes: &[u8]) -> String {
    hex::encode_prefixed(bytes)
}

/// Returns the key of an entry of a map whose hasher is Twox64Concat.
pub fn entry(pallet: &str, name: &str, key: impl Encode) -> Vec<u8> {
    let key = key.encode();
    [item(pallet, name), artifact::hashes::twox_64(&key).to_vec(), key].concat()
}

pub fn set(node: &Node, changes: &Changes) {
    let value = |value: &Option<Vec<u8>>| value.as_deref().map(hex_of);
    let changes: Vec<_> = changes.iter().map(|(key, new)| json!([hex_of(key), value(new)])).collect();
    node.call("dev_setStorage", json!([changes]));
}

/// Returns the present values of the same entries.
pub fn present(node: &Node, changes: &Changes) -> Changes {
    let value = |key: &[u8]| {
        let value = node.call("state_getStorage", json!([hex_of(key)]));
        value.as_str().map(|value| hex::decode(value.trim_start_matches("0x")).expect("hex"))
    };
    changes.iter().map(|(key, _)| (key.clone(), value(key))).collect()
}

pub fn support(command: &str, network: &Fork, more: &[&str]) -> Output {
    let chains = ["--para", "2000", "--relay", network.url(), "--state", network.parachains[0].url()];
    Xtask::new([&["support", command, "--json"][..], &chains, more].concat()).run()
}

fn diagnosed(network: &Fork, code: i32) -> Value {
    support("diagnose", network, &[]).expect_code(code).json()
}

fn repaired(network: &Fork, code: i32, more: &[&str]) -> Value {
    support("repair", network, &[&["--heads", "3"][..], more].concat()).expect_code(code).json()
}

#[track_caller]
pub fn status(document: &Value, check: &str) -> String {
    let checks = document["checks"].as_array().expect("checks");
    let found = checks.iter().find(|found| found["name"] == check).expect("the check");
    found["status"].as_str().expect("a status").to_owned()
}

fn causes(document: &Value) -> Vec<&str> {
    let causes = document["causes"].as_array().expect("causes");
    causes.iter().filter_map(|cause| cause["kind"].as_str()).collect()
}

#[track_caller]
fn proposed(report: &Value) -> &Value {
    let position = report["proposed"].as_u64().unwrap_or_else(|| panic!("no repair works: {report:#}"));
    &report["attempts"][position as usize]
}

#[test]
fn a_parachain_that_goes_on_needs_no_repair() {
    let network = live_network(&snapshot(Parachain).display().to_string());
    let found = diagnosed(&network, 0);
    assert_eq!(causes(&found), Vec::<&str>::new(), "{found:#}");
    for check in found["checks"].as_array().expect("checks") {
        assert_eq!(check["status"], "pass", "{check:#}");
    }
    let facts = found["facts"].as_array().expect("facts");
    let fact = |name: &str| facts.iter().find(|fact| fact["name"] == name).map(|fact| fact["value"].clone());
    assert_eq!(fact("lifecycle"), Some("Parachain".into()));
    assert!(fact("claims in the queue").is_some_and(|claims| claims != "none"), "{facts:#?}");
    let report = repaired(&network, 0, &[]);
    assert!(report["proposed"].is_null() && report["attempts"] == json!([]), "{report:#}");
    let text = Xtask::new(["support", "diagnose", "--para", "2000", "--relay", network.url()]).run().expect_code(6);
    for part in ["lifecycle  Parachain", "the state of the parachain was not given (--state)", "verdict: not judged"] {
        assert!(text.stdout.contains(part), "{part} is not in:\n{}", text.stdout);
    }
    // The same chains by the names that a workspace gives them.
    let workspace = workspace_with(&format!(
        "[workspace.metadata.cutover.networks]\nhere = {{nodes = [{:?}]}}\n\
         \"here/chain\" = {{nodes = [{:?}], para_id = {PARA}}}\n",
        network.url(),
        network.parachains[0].url()
    ));
    let directory = workspace.path().display().to_string();
    let named = ["--workspace", &directory, "support", "diagnose", "--json", "--para", "2000", "--network", "here"];
    let found = Xtask::new(named).run().expect_code(0).json();
    assert!(found["parachain"].is_object() && status(&found, "next-block") == "pass", "{found:#}");
    // A parachain that the relay chain does not know.
    let unknown = Xtask::new(["support", "diagnose", "--json", "--para", "4321", "--relay", network.url()]).run();
    let unknown = unknown.expect_code(1).json();
    assert_eq!(causes(&unknown)[0], "not-registered", "{unknown:#}");
}

/// Each case breaks the relay chain's state of the parachain in one way. The values are put back after it.
#[test]
fn what_the_relay_chain_has_wrong_is_named_and_repaired() {
    let network = network(&snapshot(Parachain).display().to_string());
    let newer = fs::read(built(Parachain, &[])).expect("the blob");
    let newer_hash = artifact::hashes::blake2_256(&newer);
    // `HrmpChannel`: limits, no messages, a head that the parachain never saw, no deposits.
    let channel = (8u32, 1_024u32, 512u32, 0u32, 0u32, Some([7u8; 32]), 0u128, 0u128).encode();
    let cases: [(&str, &str, &str, Changes); 5] = [
        ("no-core", "assign-core", "core", vec![(item("ParaScheduler", "CoreDescriptors"), None)]),
        (
            "other-code",
            "set-code",
            "code",
            vec![
                ([item("Paras", "CodeByHash"), newer_hash.to_vec()].concat(), Some(newer.encode())),
                (entry("Paras", "CurrentCodeHash", PARA), Some(newer_hash.to_vec())),
            ],
        ),
        (
            "upgrade-signal",
            "clear-signal",
            "code-upgrade",
            // `UpgradeGoAhead::GoAhead`
            vec![(entry("Paras", "UpgradeGoAheadSignal", PARA), Some(vec![1]))],
        ),
        (
            "downward-messages",
            "set-downward-head",
            "downward-messages",
            vec![(entry("Dmp", "DownwardMessageQueueHeads", PARA), Some(vec![7; 32]))],
        ),
        (
            "channel-messages",
            "close-channels",
            "channels",
            vec![
                (entry("Hrmp", "HrmpIngressChannelsIndex", PARA), Some(vec![OTHER].encode())),
                (entry("Hrmp", "HrmpEgressChannelsIndex", OTHER), Some(vec![PARA].encode())),
                (entry("Hrmp", "HrmpChannels", (OTHER, PARA)), Some(channel)),
            ],
        ),
    ];
    for (cause, repair, check, changes) in cases {
        let before = present(&network, &changes);
        set(&network, &changes);
        let found = diagnosed(&network, 1);
        assert_eq!(status(&found, check), "fail", "{cause}: {found:#}");
        assert!(causes(&found).contains(&cause), "{cause}: {found:#}");
        let report = repaired(&network, 0, &[]);
        let works = proposed(&report);
        assert_eq!((&works["name"], &works["heads"]), (&json!(repair), &json!(3)), "{cause}: {report:#}");
        assert!(works["calls"][0]["name"].is_string(), "{cause}: {works:#}");
        set(&network, &before);
    }
    assert_eq!(causes(&diagnosed(&network, 0)), Vec::<&str>::new());
}

#[test]
fn a_frozen_relay_chain_includes_what_was_pending_once_it_is_not() {
    let network = live_network(&snapshot(Parachain).display().to_string());
    set(&network, &vec![(item("ParasDisputes", "Frozen"), Some(Some(1u32).encode()))]);
    let found = diagnosed(&network, 1);
    assert_eq!(causes(&found), ["frozen", "candidate-refused"], "{found:#}");
    let report = repaired(&network, 0, &[]);
    assert_eq!(proposed(&report)["name"], "unfreeze", "{report:#}");
}

#[test]
fn a_head_that_the_parachains_node_does_not_have_is_set_back() {
    let network = network(&snapshot(Parachain).display().to_string());
    let key = entry("Paras", "Heads", PARA);
    let stored = present(&network, &vec![(key.clone(), None)]);
    let mut head = stored[0].1.clone().expect("a head");
    // Another parent: the header of a block that no node has.
    head[5] ^= 1;
    set(&network, &vec![(key, Some(head))]);
    let found = diagnosed(&network, 1);
    assert_eq!(status(&found, "head"), "fail", "{found:#}");
    assert_eq!(status(&found, "next-block"), "not_judged", "{found:#}");
    let directory = tempfile::tempdir().expect("a directory");
    let calls = directory.path().join("calls");
    let report = repaired(&network, 0, &["--calls", calls.to_str().expect("UTF-8")]);
    let works = proposed(&report);
    assert_eq!(works["name"], "set-head", "{report:#}");
    // The written call is the one that the report names.
    let bytes = fs::read(calls.join("01-Paras.force_set_current_head.scale")).expect("written");
    assert_eq!(works["calls"][0]["hash"], hex_of(&artifact::hashes::blake2_256(&bytes)));
}

#[test]
fn a_state_of_another_block_is_not_set_back_to() {
    let state = snapshot(Parachain).display().to_string();
    let network = live_network(&state);
    network.call("dev_newBlock", json!([{"count": 4}]));
    let chains = ["--para", "2000", "--relay", network.url(), "--state", &state];
    let report = Xtask::new([&["support", "repair", "--json"][..], &chains].concat()).run().expect_code(6).json();
    assert_eq!(status(&report["diagnosis"], "head"), "not_judged", "{report:#}");
    assert_eq!(report["attempts"], json!([]), "{report:#}");
}

/// The repair of each has to do more than to end the panic, or less.
#[test]
fn what_was_scheduled_and_received_decides_about_the_repair() {
    let network = network(&snapshot(Parachain).display().to_string());
    let parachain = &network.parachains[0];
    let repair = |name: &str| {
        let report = repaired(&network, 0, &[]);
        let works = proposed(&report);
        assert_eq!((&works["name"], &works["heads"]), (&json!(name), &json!(3)), "{report:#}");
    };
    // A code waits on the parachain alone: it goes on, and can never be upgraded.
    let pending = vec![(item("ParachainSystem", "PendingValidationCode"), Some(vec![9u8; 9].encode()))];
    let before = present(parachain, &pending);
    set(parachain, &pending);
    repair("abort-upgrade");
    set(parachain, &before);
    // The relay chain would make a scheduled code the current one after the signal is gone.
    let scheduled = vec![
        (entry("Paras", "UpgradeGoAheadSignal", PARA), Some(vec![1])),
        (entry("Paras", "FutureCodeHash", PARA), Some(vec![9; 32])),
        (entry("Paras", "FutureCodeUpgrades", PARA), Some(1u32.encode())),
    ];
    let before = present(&network, &scheduled);
    set(&network, &scheduled);
    repair("clear-signal");
    set(&network, &before);
    // A message waits that the parachain has received: its last one is the relay chain's head.
    let page = [PARA.encode(), artifact::hashes::twox_64(&0u64.encode()).to_vec(), 0u64.encode()].concat();
    let page = [item("Dmp", "DownwardMessageQueuePages"), artifact::hashes::blake2_128(&PARA.encode()).to_vec(), page];
    let head = vec![(item("ParachainSystem", "LastDmqMqcHead"), Some(vec![7; 32]))];
    let queue = vec![
        (entry("Dmp", "DownwardMessageQueueHeads", PARA), Some(vec![7; 32])),
        (entry("Dmp", "DownwardMessageQueueMeta", PARA), Some((0u64, 1u64).encode())),
        (page.concat(), Some((1u32, vec![5u8, 0]).encode())),
    ];
    set(parachain, &head);
    set(&network, &queue);
    repair("drop-received-messages");
}

#[test]
fn what_is_wrong_behind_a_head_is_mended_with_it() {
    let network = network(&snapshot(Parachain).display().to_string());
    let key = entry("Paras", "Heads", PARA);
    let mut head = present(&network, &vec![(key.clone(), None)])[0].1.clone().expect("a head");
    head[5] ^= 1;
    let channel = (8u32, 1_024u32, 512u32, 0u32, 0u32, Some([7u8; 32]), 0u128, 0u128).encode();
    set(
        &network,
        &vec![
            (key, Some(head)),
            // The second one has no channel, and counts all the same.
            (entry("Hrmp", "HrmpIngressChannelsIndex", PARA), Some(vec![OTHER, OTHER + 1].encode())),
            (entry("Hrmp", "HrmpEgressChannelsIndex", OTHER), Some(vec![PARA].encode())),
            (entry("Hrmp", "HrmpChannels", (OTHER, PARA)), Some(channel)),
        ],
    );
    let report = repaired(&network, 0, &[]);
    let works = proposed(&report);
    assert_eq!((&works["name"], &works["heads"]), (&json!("set-head-and-close-channels"), &json!(3)), "{report:#}");
    assert_eq!(report["attempts"][0]["name"], "set-head", "{report:#}");
}

#[test]
fn a_runtime_that_fails_is_replaced_by_a_given_blob() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    // The present code, which traps at the beginning of each block once a key is in the state.
    let switch = b":test:fails".to_vec();
    let faulty = |code: &[u8]| {
        Faults::new().step("Core_initialize_block", vec![Has(b":test:fails".to_vec())], Action::Trap).apply(code)
    };
    let before = Before::of(Parachain);
    let present = patch::deployed(&before.code());
    fs::write(path("sound.wasm"), &present).expect("written");
    before.with_code(faulty).write(directory.path().join("state.snapshot").as_path());
    let network = network(&path("state.snapshot"));
    set(&network.parachains[0], &vec![(switch, Some(vec![1]))]);

    let found = diagnosed(&network, 1);
    assert_eq!(status(&found, "next-block"), "fail", "{found:#}");
    assert_eq!(causes(&found), ["block-fails"], "{found:#}");
    let report = repaired(&network, 1, &[]);
    assert!(report["proposed"].is_null(), "{report:#}");

    // A blob of another spec_version is one that nodes ignore.
    let newer = built(Parachain, &[]).display().to_string();
    let report = repaired(&network, 1, &["--code", &newer]);
    let obstacle = report["attempts"][0]["obstacle"].as_str().expect("an obstacle");
    assert!(obstacle.contains("ignore the given code"), "{report:#}");

    let calls = path("calls");
    let report = repaired(&network, 0, &["--code", &path("sound.wasm"), "--calls", &calls]);
    let works = proposed(&report);
    assert_eq!((&works["name"], &works["heads"]), (&json!("replace-code"), &json!(3)), "{report:#}");
    let text = fs::read(format!("{calls}/code-substitutes.json")).expect("written");
    let document: Value = serde_json::from_slice(&text).expect("JSON");
    let block = works["substitute"]["block"].to_string();
    assert_eq!(document["codeSubstitutes"][block], hex_of(&present));
}

#[test]
fn wrong_chains_and_options_are_refused() {
    let [relay, parachain, solo] =
        [Relay, Parachain, Standalone].map(|runtime| snapshot(runtime).display().to_string());
    let run = |words: &[&str]| Xtask::new([&["support", "diagnose", "--para", "2000"][..], words].concat()).run();
    run(&[]).expect_code(2).mentions(&["no relay chain is given", "--network"]);
    run(&["--relay", &parachain]).expect_code(4).mentions(&["is no relay chain"]);
    run(&["--relay", &relay, "--state", &solo]).expect_code(4).mentions(&["is not parachain 2000"]);
    run(&["--network", "nowhere"]).expect_code(2).mentions(&["there is no network"]);
    run(&["--relay", "nowhere.json"]).expect_code(4).mentions(&["nowhere.json"]);
    let repair = ["support", "repair", "--para", "2000", "--relay", &relay, "--code", "nowhere.wasm"];
    Xtask::new(repair).run().expect_code(4).mentions(&["nowhere.wasm"]);
    // A document does not replace the blob.
    let directory = tempfile::tempdir().expect("a directory");
    let blob = directory.path().join("sound.wasm").display().to_string();
    fs::write(&blob, "a blob").expect("written");
    let repair = ["support", "repair", "--para", "2000", "--relay", &relay, "--code", &blob, "--out", &blob];
    Xtask::new(repair).run().expect_code(2).mentions(&["is an input of the run"]);
    assert_eq!(fs::read_to_string(&blob).expect("read"), "a blob");
    // The embedded relay chain does not know the parachain, which is registered on the fork.
    let arguments = ["support", "repair", "--json", "--para", "2000", "--relay", &relay, "--state", &parachain];
    let report = Xtask::new(arguments.iter().chain(&["--heads", "2"])).run().expect_code(0).json();
    assert_eq!(proposed(&report)["name"], "register", "{report:#}");
}
