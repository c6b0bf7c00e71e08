// SPDX-License-Identifier: Apache-2.0
//! The single tasks of `support`: each is tried on forks of a served network, and its calls that did nothing are seen.

use crate::support::{Changes, OTHER, PARA, entry, hex_of, network, present, set, status, support};
use codec::Encode;
use cutover_tests::{
    Runtime::{Parachain, Relay},
    Xtask, built,
    fork::Fork,
    incident::item,
    snapshot,
};
use serde_json::{Value, json};
use std::fs;

/// An account that is the manager, or the leaser.
const MANAGER: [u8; 32] = [7; 32];

fn served() -> Fork {
    network(&snapshot(Parachain).display().to_string())
}

/// Tries a task, and returns the report.
#[track_caller]
fn tried(network: &Fork, task: &str, code: i32, more: &[&str]) -> Value {
    support(task, network, &[&["--heads", "2"][..], more].concat()).expect_code(code).json()
}

/// Tries a task for a parachain of which there is no state.
#[track_caller]
fn tried_alone(network: &Fork, para: &str, task: &[&str], code: i32) -> Value {
    let case = ["--json", "--para", para, "--relay", network.url()];
    Xtask::new([&["support"][..], task, &case].concat()).run().expect_code(code).json()
}

#[track_caller]
fn expect(report: &Value, expected: [&str; 4]) {
    let checks = ["needed", "dispatched", "known-good", "goes-on"];
    assert_eq!(checks.map(|check| status(report, check)), expected.map(str::to_owned), "{report:#}");
}

fn calls(report: &Value) -> Vec<(&str, &str)> {
    let calls = report["calls"].as_array().expect("calls");
    calls.iter().map(|call| (call["name"].as_str().expect("a name"), call["origin"].as_str().expect("one"))).collect()
}

/// What the registrar has of the parachain, with a lock.
fn registered(locked: Option<bool>) -> Changes {
    vec![(entry("Registrar", "Paras", PARA), Some((MANAGER, 5u128, locked).encode()))]
}

#[test]
fn a_lock_is_read_from_the_state_as_no_event_tells_of_it() {
    let network = served();
    // The call of a parachain that the registrar does not know says Ok too.
    let report = tried(&network, "unlock", 1, &[]);
    expect(&report, ["pass", "pass", "fail", "pass"]);
    set(&network, &registered(Some(true)));
    let directory = tempfile::tempdir().expect("a directory");
    let folder = directory.path().join("calls");
    let report = tried(&network, "unlock", 0, &["--calls", folder.to_str().expect("UTF-8")]);
    expect(&report, ["pass", "pass", "pass", "pass"]);
    assert_eq!(calls(&report), [("Registrar.remove_lock", "root")]);
    let condition = &report["conditions"][0];
    assert_eq!((&condition["before"], &condition["after"]), (&json!(false), &json!(true)), "{report:#}");
    let bytes = fs::read(folder.join("01-Registrar.remove_lock.scale")).expect("written");
    assert_eq!(report["calls"][0]["hash"], hex_of(&artifact::hashes::blake2_256(&bytes)));
    // The calls of a task that does not work are not left for anybody to sign.
    set(&network, &vec![(entry("Registrar", "Paras", PARA), None)]);
    tried(&network, "unlock", 1, &["--calls", folder.to_str().expect("UTF-8")]);
    assert!(!folder.join("01-Registrar.remove_lock.scale").exists());
    // There is nothing to do.
    set(&network, &registered(Some(false)));
    expect(&tried(&network, "unlock", 0, &[]), ["warn", "pass", "pass", "pass"]);
    expect(&tried(&network, "lock", 0, &[]), ["pass", "pass", "pass", "pass"]);
}

#[test]
fn a_core_that_another_task_has_is_not_given_in_silence() {
    let network = served();
    let key = item("ParaScheduler", "CoreDescriptors");
    let stored = present(&network, &vec![(key.clone(), None)])[0].1.clone().expect("the cores");
    // A map of one core: its number, and no assignment that is to come.
    assert_eq!((stored[0], stored[5]), (4, 0), "{stored:?}");
    let core = u32::from_le_bytes(stored[1..5].try_into().expect("4 bytes"));
    let assign = ["assign-core", "--core", &core.to_string()].map(str::to_owned);
    let assign: Vec<_> = assign.iter().map(String::as_str).collect();
    set(&network, &vec![(entry("Paras", "ParaLifecycles", OTHER), Some(vec![1]))]);
    // The parachain loses its core.
    let report = tried_alone(&network, "2001", &assign, 6);
    expect(&report, ["warn", "pass", "warn", "not_judged"]);
    let known_good = &report["checks"][2]["findings"][0]["text"];
    assert!(known_good.as_str().is_some_and(|text| text.contains("that of 2000")), "{report:#}");
    // Another task is to get it in the block in which this one would: both have the whole core then.
    let number = network.call("chain_getHeader", json!([]))["number"].as_str().expect("a number").to_owned();
    let number = u32::from_str_radix(number.trim_start_matches("0x"), 16).expect("hex");
    // The claim queue, of three blocks, is not changed. It begins two blocks after this one.
    let begin = number + 5;
    let queued = [&stored[..5], &[1], &(begin, begin).encode(), &stored[6..]].concat();
    let schedule = (vec![((2u8, OTHER + 1), 57_600u16)], None::<u32>, None::<u32>).encode();
    set(&network, &vec![(key, Some(queued)), (entry("ParaScheduler", "CoreSchedules", (begin, core)), Some(schedule))]);
    let report = tried_alone(&network, "2001", &assign, 1);
    expect(&report, ["warn", "pass", "fail", "not_judged"]);
    let known_good = &report["checks"][2]["findings"][0]["text"];
    assert!(known_good.as_str().is_some_and(|text| text.contains("2002 has claims on it too")), "{report:#}");
    // A core that nobody has.
    let report = tried_alone(&network, "2001", &["assign-core"], 6);
    expect(&report, ["pass", "pass", "pass", "not_judged"]);
    // One that the relay chain does not have: the call says Ok.
    let report = tried_alone(&network, "2001", &["assign-core", "--core", "77"], 1);
    expect(&report, ["pass", "pass", "fail", "not_judged"]);
}

#[test]
fn entries_are_written_by_their_names_and_values() {
    let network = served();
    let next = ["--item", "Registrar.NextFreeParaId"];
    let report = tried(&network, "set-storage", 0, &[&next[..], &["--value", "4321"]].concat());
    expect(&report, ["pass", "pass", "pass", "pass"]);
    assert_eq!(calls(&report), [("System.set_storage", "root")]);
    assert_eq!(report["conditions"][0]["found"], hex_of(&4321u32.encode()));
    // The entry of a map, and its removal.
    let map = ["--item", "Hrmp.HrmpWatermarks", "--key", "4321"];
    let report = tried(&network, "set-storage", 0, &[&map[..], &["--value", "7"]].concat());
    let decoded = report["calls"][0]["decoded"].as_str().expect("a call");
    assert!(decoded.contains(&hex_of(&entry("Hrmp", "HrmpWatermarks", 4321u32))), "{decoded}");
    expect(&tried(&network, "kill-storage", 0, &map), ["warn", "pass", "pass", "pass"]);
    let raw = format!("{}=0x07", hex_of(b":raw:"));
    expect(&tried(&network, "set-storage", 0, &["--raw", &raw]), ["pass", "pass", "pass", "pass"]);
    // The block itself writes it after that.
    let now = ["--item", "Timestamp.Now", "--value", "1"];
    expect(&tried(&network, "set-storage", 1, &now), ["pass", "pass", "fail", "pass"]);
    for (words, mentioned) in [
        (&["--item", "Nope.Item", "--value", "1"][..], "has no pallet"),
        (&["--item", "Paras.Nope", "--value", "1"][..], "has no item"),
        (&["--item", "Paras.Heads", "--value", "0x"][..], "another number of keys"),
        (&["--item", "Paras.Heads", "--key", "x", "--value", "0x"][..], "key 1 of Paras.Heads has another type"),
        (&["--item", "Registrar.NextFreeParaId", "--value", "-1"][..], "Registrar.NextFreeParaId"),
        (&["--raw", "0xzz=0x"][..], "a key is not in hex"),
    ] {
        support("set-storage", &network, words).expect_code(2).mentions(&[mentioned]);
    }
}

#[test]
fn channels_open_with_the_session_and_close_at_once() {
    let network = served();
    let to = ["--to", "2001", "--capacity", "8", "--message-size", "512"];
    // The relay chain does not know the other side.
    expect(&tried(&network, "open-channel", 1, &to), ["pass", "fail", "skip", "skip"]);
    set(&network, &vec![(entry("Paras", "ParaLifecycles", OTHER), Some(vec![1]))]);
    let report = tried(&network, "open-channel", 0, &to);
    expect(&report, ["pass", "pass", "pass", "pass"]);
    assert_eq!(report["sessions"], 1, "{report:#}");
    assert_eq!(calls(&report), [("Hrmp.force_open_hrmp_channel", "root")]);
    // `HrmpOpenChannelRequest`: confirmed by the other side, with limits, and without deposits.
    let request = (true, 0u32, 0u128, 512u32, 8u32, 1_024u32).encode();
    set(
        &network,
        &vec![
            (item("Hrmp", "HrmpOpenChannelRequestsList"), Some(vec![(PARA, OTHER)].encode())),
            (entry("Hrmp", "HrmpOpenChannelRequests", (PARA, OTHER)), Some(request)),
            (entry("Hrmp", "HrmpOpenChannelRequestCount", PARA), Some(1u32.encode())),
            (entry("Hrmp", "HrmpAcceptedChannelRequestCount", OTHER), Some(1u32.encode())),
        ],
    );
    expect(&tried(&network, "process-channels", 0, &[]), ["pass", "pass", "pass", "pass"]);
    // One of the ends is no parachain any more: the request is dropped in silence.
    set(&network, &vec![(entry("Paras", "ParaLifecycles", OTHER), None)]);
    expect(&tried(&network, "process-channels", 1, &[]), ["pass", "pass", "fail", "pass"]);

    expect(&tried(&network, "close-channels", 0, &[]), ["warn", "pass", "pass", "pass"]);
    let channel = (8u32, 1_024u32, 512u32, 0u32, 0u32, None::<[u8; 32]>, 0u128, 0u128).encode();
    set(
        &network,
        &vec![
            (entry("Hrmp", "HrmpIngressChannelsIndex", PARA), Some(vec![OTHER].encode())),
            (entry("Hrmp", "HrmpEgressChannelsIndex", OTHER), Some(vec![PARA].encode())),
            (entry("Hrmp", "HrmpChannels", (OTHER, PARA)), Some(channel)),
        ],
    );
    expect(&tried(&network, "close-channels", 0, &[]), ["pass", "pass", "pass", "pass"]);
}

#[test]
fn a_cooldown_ends_for_whoever_pays() {
    let network = served();
    let cooldown = || {
        vec![
            (item("Paras", "UpgradeCooldowns"), Some(vec![(OTHER, 90_000u32), (PARA, 100_000u32)].encode())),
            // `UpgradeRestriction::Present`
            (entry("Paras", "UpgradeRestrictionSignal", PARA), Some(vec![0])),
        ]
    };
    expect(&tried(&network, "end-cooldown", 0, &[]), ["warn", "pass", "pass", "pass"]);
    set(&network, &cooldown());
    let report = tried(&network, "end-cooldown", 0, &[]);
    expect(&report, ["pass", "pass", "pass", "pass"]);
    assert_eq!(calls(&report), [("Paras.remove_upgrade_cooldown", "anyone")]);
    let costs = report["costs"].as_array().expect("costs");
    assert!(costs.iter().any(|cost| cost.as_str().is_some_and(|cost| cost.contains("pays"))), "{report:#}");
    // A restriction without an end: only its key is left to be removed.
    set(&network, &vec![(item("Paras", "UpgradeCooldowns"), Some(vec![(OTHER, 90_000u32)].encode()))]);
    let report = tried(&network, "end-cooldown", 0, &[]);
    expect(&report, ["pass", "pass", "pass", "pass"]);
    assert_eq!(calls(&report), [("System.set_storage", "root"), ("System.kill_storage", "root")]);
}

#[test]
fn heads_and_codes_are_set_and_scheduled() {
    let network = served();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("present.wasm").display().to_string();
    let code = network.parachains[0].call("state_getStorage", json!([hex_of(b":code")]));
    fs::write(&path, hex::decode(code.as_str().expect("a code").trim_start_matches("0x")).expect("hex"))
        .expect("written");
    let newer = built(Parachain, &[]).display().to_string();

    expect(&tried(&network, "set-head", 0, &[]), ["warn", "pass", "pass", "pass"]);
    // It is set, and no collator can build on it.
    expect(&tried(&network, "set-head", 1, &["--head", "0x00"]), ["warn", "pass", "pass", "fail"]);
    expect(&tried(&network, "trust-code", 0, &["--code", &newer]), ["pass", "pass", "pass", "pass"]);
    // The relay chain has it already.
    expect(&tried(&network, "trust-code", 0, &["--code", &path]), ["warn", "pass", "pass", "pass"]);
    expect(&tried(&network, "set-code", 0, &["--code", &path]), ["warn", "pass", "pass", "pass"]);
    // The relay chain's call alone: the parachain still has its own code.
    let report = tried(&network, "set-code", 1, &["--code", &newer]);
    expect(&report, ["pass", "pass", "pass", "fail"]);
    // The event says that the code is scheduled, and it is not: it is the present one.
    let report = tried(&network, "schedule-code", 1, &["--code", &path, "--from-block", "1"]);
    expect(&report, ["warn", "pass", "fail", "pass"]);
    let report = tried(&network, "schedule-code", 1, &["--code", &newer, "--from-block", "1"]);
    expect(&report, ["pass", "pass", "pass", "fail"]);
}

#[test]
fn a_parachain_is_registered_and_removed() {
    let [relay, state] = [Relay, Parachain].map(|runtime| snapshot(runtime).display().to_string());
    let network = served();
    let directory = tempfile::tempdir().expect("a directory");
    let blob = directory.path().join("present.wasm").display().to_string();
    let code = network.parachains[0].call("state_getStorage", json!([hex_of(b":code")]));
    fs::write(&blob, hex::decode(code.as_str().expect("a code").trim_start_matches("0x")).expect("hex"))
        .expect("written");
    let manager = hex_of(&MANAGER);
    let run = |task: &str, more: &[&str], code: i32| {
        let case = ["support", task, "--json", "--heads", "2", "--para", "2000", "--relay", &relay, "--state", &state];
        Xtask::new([&case[..], more].concat()).run().expect_code(code).json()
    };
    let register = ["--code", &blob, "--manager", &manager, "--deposit"];
    let report = run("register", &[&register[..], &["0"]].concat(), 0);
    expect(&report, ["pass", "pass", "pass", "skip"]);
    assert!(report["sessions"].as_u64().is_some_and(|sessions| sessions >= 1), "{report:#}");
    // Nobody has the deposit.
    expect(&run("register", &[&register[..], &["1000"]].concat(), 1), ["pass", "fail", "skip", "skip"]);
    expect(&run("onboard", &["--code", &blob], 0), ["pass", "pass", "pass", "pass"]);

    expect(&tried(&network, "deregister", 1, &[]), ["pass", "fail", "skip", "skip"]);
    expect(&tried(&network, "offboard", 0, &[]), ["pass", "pass", "pass", "skip"]);
    expect(&tried(&network, "queue-action", 0, &[]), ["warn", "pass", "pass", "pass"]);
    let report = tried(&network, "to-parathread", 0, &[]);
    expect(&report, ["pass", "pass", "pass", "pass"]);
    // The call of one that the relay chain does not know says Ok.
    expect(&tried_alone(&network, "4321", &["offboard"], 0), ["warn", "pass", "pass", "skip"]);
}

#[test]
fn accounts_cores_and_queues_are_as_they_were_asked_for() {
    let network = served();
    let amount = ["--amount", "5000000000000"];
    let report = tried(&network, "top-up", 0, &amount);
    expect(&report, ["pass", "pass", "pass", "pass"]);
    assert_eq!(report["conditions"][0]["found"], "5000000000000 free");
    let report = tried(&network, "top-up", 0, &[&amount[..], &["--as", "parent"]].concat());
    expect(&report, ["pass", "pass", "pass", "pass"]);
    assert_eq!(calls(&report), [("XcmPallet.send", "root")]);
    // Less than the existential deposit is nothing.
    expect(&tried(&network, "top-up", 1, &["--amount", "1"]), ["pass", "pass", "fail", "pass"]);
    // More cores than the validators can serve may leave the parachain without candidates.
    let report = support("set-cores", &network, &["--heads", "2", "5"]).expect_code_of_verdict().json();
    assert_eq!((status(&report, "known-good"), &report["sessions"]), ("pass".into(), &json!(2)), "{report:#}");
    // The parachain loses its core by it.
    let report = tried(&network, "set-cores", 1, &["0"]);
    expect(&report, ["warn", "pass", "pass", "fail"]);
    assert!(report["checks"][0].to_string().contains("the claims of 2000 on core"), "{report:#}");
    assert_eq!(status(&report, "relay-goes-on"), "pass", "{report:#}");
    // The lists of so many cores are beyond the memory of the runtime: no block ends the session.
    let report = tried(&network, "set-cores", 1, &["4294967295"]);
    expect(&report, ["pass", "pass", "skip", "skip"]);
    assert_eq!(status(&report, "relay-goes-on"), "fail", "{report:#}");
    // The block that dispatches the call cannot be built.
    let now = ["--item", "Timestamp.Now", "--value", "99999999999999"];
    expect(&tried(&network, "set-storage", 1, &now), ["pass", "fail", "skip", "skip"]);

    let page = [PARA.encode(), artifact::hashes::twox_64(&0u64.encode()).to_vec(), 0u64.encode()].concat();
    let page = [item("Dmp", "DownwardMessageQueuePages"), artifact::hashes::blake2_128(&PARA.encode()).to_vec(), page];
    set(
        &network,
        &vec![
            (entry("Dmp", "DownwardMessageQueueHeads", PARA), Some(vec![7; 32])),
            (entry("Dmp", "DownwardMessageQueueMeta", PARA), Some((0u64, 1u64).encode())),
            (page.concat(), Some((1u32, vec![5u8, 0]).encode())),
        ],
    );
    let report = tried(&network, "empty-downward-queue", 0, &[]);
    expect(&report, ["pass", "pass", "pass", "pass"]);
    let lacks_state = ["support", "empty-downward-queue", "--para", "2000", "--relay", network.url()];
    Xtask::new(lacks_state).run().expect_code(2).mentions(&["the state of the parachain was not given"]);
}

#[test]
fn a_relay_chain_without_the_call_is_told_apart_from_one_that_refuses_it() {
    let relay = snapshot(Relay).display().to_string();
    let manager = hex_of(&MANAGER);
    let run = |task: &[&str]| {
        let case = ["--para", "2000", "--relay", relay.as_str()];
        Xtask::new([&["support"][..], task, &case].concat()).run()
    };
    let lacks = ["does not offer a call for this task", "Slots."];
    run(&["lease", "--periods", "1", "--account", &manager]).expect_code(4).mentions(&lacks);
    run(&["clear-leases"]).expect_code(4).mentions(&lacks);
    run(&["set-head"]).expect_code(2).mentions(&["--head"]);
    run(&["set-code", "--code", "nowhere.wasm"]).expect_code(4).mentions(&["nowhere.wasm"]);
}
