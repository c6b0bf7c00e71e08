// SPDX-License-Identifier: Apache-2.0
//! Proposals that are dispatched on forks of the embedded chains: what they do, and where an end without an error hides that
//! they did nothing. Each trap has a twin that must pass.

use artifact::{Blob, Metadata, hashes};
use codec::{Compact, Encode};
use cutover_tests::{
    Output,
    Runtime::{self, Parachain, Relay, Standalone},
    Xtask,
    incident::{Before, item, sound},
    patch, snapshot,
};
use serde_json::Value;

/// An account without funds.
const POOR: [u8; 32] = [7; 32];

/// Encodes calls of an embedded runtime by the metadata of its recorded state.
pub struct Calls(Metadata);

impl Calls {
    pub fn of(runtime: Runtime) -> Self {
        let blob = Blob::parse("the blob", Before::of(runtime).code()).expect("a blob");
        Self(Metadata::read("the blob", &blob).expect("metadata"))
    }

    pub fn call(&self, pallet: &str, name: &str, arguments: impl Encode) -> Vec<u8> {
        let index = self.0.pallets.get(pallet).and_then(|pallet| pallet.call(name)).expect("a call");
        [&index[..], &arguments.encode()].concat()
    }

    fn remark(&self) -> Vec<u8> {
        self.call("System", "remark", vec![1u8])
    }

    /// A transfer that an account cannot pay.
    fn overdraft(&self) -> Vec<u8> {
        let amount = Compact(1u128 << 60);
        self.call("Balances", "force_transfer", ((0u8, POOR), (0u8, [8u8; 32]), amount))
    }

    /// A call that changes the state: it gives an account funds.
    pub fn gift(&self) -> Vec<u8> {
        self.call("Balances", "force_set_balance", ((0u8, POOR), Compact(1u128 << 60)))
    }

    /// The relay chain's root sends the parachain a call, which its superuser dispatches.
    pub fn send(&self, call: &[u8]) -> Vec<u8> {
        let weight = (Compact(1_000_000_000u64), Compact(65_536u64)).encode();
        let unpaid = [47, 0, 0];
        // `Transact { Superuser, Some(weight), call }` of version 5.
        let transact = [&[6, 2, 1], &weight[..], &call.encode()].concat();
        let message = [&[5, 2 << 2], &unpaid[..], &transact].concat();
        // `V5(Location { parents: 0, interior: X1([Parachain(2000)]) })`
        let receiver = [&[5, 0, 1, 0], &Compact(2_000u32).encode()[..]].concat();
        let send = self.0.pallets.get("XcmPallet").and_then(|pallet| pallet.call("send")).expect("a call");
        [&send[..], &receiver, &message].concat()
    }
}

/// The report of a rehearsal with its exit code.
struct Rehearsed {
    code: Option<i32>,
    report: Value,
}

pub fn state(runtime: Runtime) -> String {
    snapshot(runtime).display().to_string()
}

fn output(call: &[u8], options: &[&str]) -> Output {
    let call = hex::encode_prefixed(call);
    let arguments = ["rehearse", "--json", &call];
    Xtask::new(arguments.iter().chain(options)).run()
}

fn rehearsed(call: &[u8], options: &[&str]) -> Rehearsed {
    let output = output(call, options);
    Rehearsed { code: output.code, report: output.json() }
}

fn alone(runtime: Runtime, call: &[u8], more: &[&str]) -> Rehearsed {
    let state = state(runtime);
    rehearsed(call, &[&["--state", &state][..], more].concat())
}

/// On the relay chain, with the parachain.
fn on_the_network(call: &[u8], more: &[&str]) -> Rehearsed {
    let [relay, parachain] = [Relay, Parachain].map(state);
    rehearsed(call, &[&["--state", &relay, "--with", &parachain, "--onboard"][..], more].concat())
}

impl Rehearsed {
    fn check(&self, name: &str) -> &Value {
        let checks = self.report["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name} in {checks:#?}"))
    }

    #[track_caller]
    fn status(&self, name: &str, status: &str) -> &Self {
        let check = self.check(name);
        assert_eq!(check["status"], status, "{name}: {check:#}\n{:#}", self.report);
        self
    }

    #[track_caller]
    fn says(&self, name: &str, words: &str) -> &Self {
        let told = self.check(name).to_string();
        assert!(told.contains(words), "{name} does not say {words:?}: {told}");
        self
    }

    #[track_caller]
    fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{:#}", self.report["checks"]);
        self
    }

    fn events(&self) -> Vec<&str> {
        let events = self.report["events"].as_array().expect("events");
        events.iter().filter_map(|event| event["name"].as_str()).collect()
    }

    /// Returns whether an entry of this item of a chain changed.
    fn changes(&self, chain: &str, item: &str) -> bool {
        let differences = self.report["differences"].as_array().expect("differences");
        differences.iter().any(|it| it["chain"].as_str().is_some_and(|it| it.contains(chain)) && it["item"] == item)
    }
}

#[test]
fn a_call_of_root_is_dispatched_and_what_it_changes_is_shown() {
    let calls = Calls::of(Standalone);
    let first = alone(Standalone, &calls.gift(), &[]);
    first.ends_with(0).status("dispatch", "pass").status("inner-results", "pass").status("blocks", "pass");
    first.status("effect", "pass").status("messages", "skip").status("upgrades", "skip").status("control", "pass");
    assert_eq!(first.report["call"]["route"], "scheduler");
    assert!(first.report["call"]["decoded"].as_str().is_some_and(|it| it.starts_with("Balances.force_set_balance")));
    assert!(first.events().contains(&"Balances.BalanceSet"), "{:?}", first.events());
    assert!(first.changes("cutover-standalone", "System.Account"));
    // Everybody who rehearses the call on the same block gets the same differences.
    let second = alone(Standalone, &calls.gift(), &[]);
    assert_eq!(first.report["difference_hash"], second.report["difference_hash"]);
    let other = alone(Standalone, &calls.call("System", "set_storage", vec![(b"key".to_vec(), vec![1u8])]), &[]);
    assert_ne!(first.report["difference_hash"], other.report["difference_hash"]);
    other.status("effect", "pass");
}

#[test]
fn a_call_without_an_effect_is_a_hazard() {
    let rehearsed = alone(Standalone, &Calls::of(Standalone).remark(), &[]);
    rehearsed.ends_with(0).status("dispatch", "pass").status("effect", "warn");
    assert_eq!(rehearsed.report["differences"], serde_json::json!([]));
}

#[test]
fn a_call_that_fails_is_named_with_its_error() {
    alone(Standalone, &Calls::of(Standalone).overdraft(), &[])
        .ends_with(1)
        .status("dispatch", "fail")
        .says("dispatch", "FundsUnavailable");
}

#[test]
fn an_error_within_sudo_or_a_batch_is_seen_although_the_call_ends_well() {
    let calls = Calls::of(Standalone);
    let sudo = |call: &[u8]| [&calls.call("Sudo", "sudo", ())[..], call].concat();
    alone(Standalone, &sudo(&calls.overdraft()), &[])
        .ends_with(1)
        .status("dispatch", "pass")
        .status("inner-results", "fail")
        .says("inner-results", "Sudo.Sudid holds the error Token(FundsUnavailable)");
    alone(Standalone, &sudo(&calls.gift()), &[]).ends_with(0).status("inner-results", "pass").status("effect", "pass");

    let batch = |items: [Vec<u8>; 2]| {
        [calls.call("Utility", "force_batch", ()), Compact(2u32).encode(), items.concat()].concat()
    };
    alone(Standalone, &batch([calls.overdraft(), calls.gift()]), &[])
        .ends_with(1)
        .status("inner-results", "fail")
        .says("inner-results", "Utility.ItemFailed");
}

#[test]
fn a_whitelisted_call_that_waits_is_not_taken_for_executed() {
    let calls = Calls::of(Standalone);
    let inner = calls.gift();
    let dispatch = [calls.call("Whitelist", "dispatch_whitelisted_call_with_preimage", ()), inner.clone()].concat();
    let waits = alone(Standalone, &dispatch, &["--origin", "WhitelistedCaller"]);
    assert!(waits.report["call"]["origin"].as_str().is_some_and(|origin| origin.ends_with("WhitelistedCaller")));
    waits.ends_with(1);
    assert!(!waits.changes("cutover-standalone", "System.Account"));
    // The twin: root whitelists it first.
    let both = [calls.call("Whitelist", "whitelist_call", hashes::blake2_256(&inner)), dispatch].concat();
    let batch = [calls.call("Utility", "batch_all", ()), Compact(2u32).encode(), both].concat();
    let origin = ["--origin", "root"];
    alone(Standalone, &batch, &origin).ends_with(0).status("inner-results", "pass").status("effect", "pass");
}

#[test]
fn a_key_that_changes_hands_is_a_hazard() {
    let call = Calls::of(Standalone).call("Sudo", "set_key", (0u8, POOR));
    alone(Standalone, &call, &[]).ends_with(0).status("control", "warn").says("control", "Sudo.Key");
}

#[test]
fn a_call_that_replaces_the_runtime_at_once_is_a_hazard() {
    let calls = Calls::of(Standalone);
    let code = patch::deployed(&patch::spec_version(&Before::of(Standalone).code(), 1_000_001));
    // It is too long for a command line.
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("call.scale");
    std::fs::write(&file, calls.call("System", "set_code", code)).expect("written");
    let words = ["rehearse", "--json", &file.display().to_string(), "--state", &state(Standalone)].map(String::from);
    let output = Xtask::new(&words).run();
    Rehearsed { code: output.code, report: output.json() }
        .status("upgrades", "warn")
        .says("upgrades", "replaces :code at once")
        .status("inner-results", "not_judged");
}

#[test]
fn a_call_that_only_submits_or_schedules_another_one_is_a_hazard() {
    let calls = Calls::of(Standalone);
    // `Scheduler.schedule(when, maybe_periodic, priority, call)`
    let later = [calls.call("Scheduler", "schedule", (50u32, None::<(u32, u32)>, 0u8)), calls.overdraft()].concat();
    alone(Standalone, &later, &[])
        .ends_with(0)
        .status("inner-results", "warn")
        .says("inner-results", "a task waits for a later block");
}

#[test]
fn a_call_that_stops_the_chain_fails() {
    let call = Calls::of(Standalone).call("System", "set_storage", vec![(b":code".to_vec(), vec![1u8, 2, 3])]);
    alone(Standalone, &call, &[]).ends_with(1).status("blocks", "fail").says("blocks", "without the call it can");
}

#[test]
fn a_message_is_followed_to_its_receiver_and_so_is_the_call_in_it() {
    let (relay, parachain) = (Calls::of(Relay), Calls::of(Parachain));
    let good = on_the_network(&relay.send(&parachain.gift()), &[]);
    good.ends_with(0).status("dispatch", "pass").status("messages", "pass").status("blocks", "pass");
    assert!(good.changes("parachain 2000", "System.Account"), "{:#}", good.report["differences"]);
    let decoded = good.report["call"]["decoded"].as_str().expect("text");
    assert!(decoded.contains("Balances.force_set_balance"), "the call in the message is decoded: {decoded}");
    let message = &good.report["messages"][0];
    assert_eq!((&message["executed"], &message["calls_succeeded"]), (&Value::Bool(true), &Value::Bool(true)));

    let bad = on_the_network(&relay.send(&parachain.overdraft()), &[]);
    bad.ends_with(1).status("dispatch", "pass").status("inner-results", "pass").status("messages", "fail");
    bad.says("messages", "a call that it carries failed there: no event says so");
    let message = &bad.report["messages"][0];
    assert_eq!((&message["executed"], &message["calls_succeeded"]), (&Value::Bool(true), &Value::Bool(false)));
}

#[test]
fn an_upgrade_that_a_message_authorizes_is_applied_until_it_is_live() {
    let (relay, parachain) = (Calls::of(Relay), Calls::of(Parachain));
    let directory = tempfile::tempdir().expect("a directory");
    let blob = directory.path().join("parachain.wasm");
    let code = patch::deployed(&sound(Parachain));
    std::fs::write(&blob, &code).expect("written");
    let authorize = parachain.call("System", "authorize_upgrade", hashes::blake2_256(&code));
    let blob = blob.display().to_string();
    let live = on_the_network(&relay.send(&authorize), &["--code", &blob]);
    live.ends_with(0).status("messages", "pass").status("upgrades", "pass").says("upgrades", "promotes it");
    assert_eq!(live.report["upgrades"][0]["live"], true);
    // The twin: the hash of another code.
    let other = relay.send(&parachain.call("System", "authorize_upgrade", [9u8; 32]));
    on_the_network(&other, &["--code", &blob])
        .ends_with(1)
        .status("upgrades", "fail")
        .says("upgrades", "no chain authorizes");
    on_the_network(&other, &[]).ends_with(0).status("upgrades", "warn").says("upgrades", "nothing is known about it");
}

#[test]
fn what_a_call_schedules_for_a_session_is_seen_when_the_session_has_ended() {
    let relay = Calls::of(Relay);
    // Configurations change when the second session from now begins.
    let call = relay.call("Configuration", "set_coretime_cores", 5u32);
    let active = |rehearsed: &Rehearsed| rehearsed.changes("the relay chain", "Configuration.ActiveConfig");
    let soon = on_the_network(&call, &[]);
    soon.ends_with(0).status("effect", "pass");
    assert!(soon.changes("the relay chain", "Configuration.PendingConfigs") && !active(&soon));
    let later = on_the_network(&call, &["--sessions", "2"]);
    later.ends_with(0).status("blocks", "pass");
    assert!(active(&later), "{:#}", later.report["differences"]);
    alone(Standalone, &Calls::of(Standalone).gift(), &["--blocks", "6"]).ends_with(0);
    let state = state(Standalone);
    output(&Calls::of(Standalone).gift(), &["--state", &state, "--sessions", "1"])
        .expect_code(2)
        .mentions(&["sessions of a relay chain are to end"]);
}

#[test]
fn a_parachain_without_a_scheduler_dispatches_by_sudo() {
    let calls = Calls::of(Parachain);
    for more in [&[][..], &["--relay", &state(Relay), "--onboard"]] {
        let rehearsed = alone(Parachain, &calls.gift(), more);
        rehearsed.ends_with(0).status("dispatch", "pass").status("effect", "pass");
        assert_eq!(rehearsed.report["call"]["route"], "sudo");
        alone(Parachain, &calls.overdraft(), more).ends_with(1).status("dispatch", "fail");
    }
}

#[test]
fn a_referendum_is_dispatched_by_its_own_origin() {
    let calls = Calls::of(Standalone);
    let key = |index: u32| {
        let index = index.encode();
        [item("Referenda", "ReferendumInfoFor"), hashes::blake2_128(&index).to_vec(), index].concat()
    };
    // `ReferendumStatus`: track, origin, proposal, enactment, submission, deposit, neither decision nor a deposit for it,
    // the tally, not in the queue, no alarm.
    let ongoing = |origin: [u8; 2], call: &[u8]| {
        let deposit = (POOR, 1u128);
        let status = (0u16, origin, 1u8, call.to_vec(), (1u8, 0u32), 1u32, deposit);
        let rest = (None::<()>, None::<()>, (0u128, 0u128, 0u128), false, None::<()>);
        [vec![0], status.encode(), rest.encode()].concat()
    };
    // `Bounded::Lookup` with a length that is one more than that of the preimage.
    let lookup = |more: u32| (hashes::blake2_256(&calls.gift()), calls.gift().len() as u32 + more).encode();
    let deposit = (POOR, 1u128);
    let status = [(0u16, [0u8, 0]).encode(), vec![2], lookup(1), ((1u8, 0u32), 1u32, deposit).encode()].concat();
    let rest = (None::<()>, None::<()>, (0u128, 0u128, 0u128), false, None::<()>).encode();
    let by_hash = [vec![0], status, rest].concat();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.snapshot");
    Before::of(Standalone)
        .set(&key(3), Some(ongoing([0, 0], &calls.gift())))
        .set(&key(4), Some(vec![1, 9, 0, 0, 0, 0, 0]))
        .set(&key(6), Some(by_hash))
        .set(&[item("Preimage", "PreimageFor"), lookup(0)].concat(), Some(calls.gift().encode()))
        .write(&path);
    let path = path.display().to_string();
    let run = |proposal: &str| Xtask::new(["rehearse", "--json", proposal, "--state", &path]).run();
    let output = run("referendum:3").expect_code(0);
    assert_eq!(output.json()["call"]["source"], "referendum 3");
    assert_eq!(output.json()["call"]["origin"], "root");
    run("referendum:4").expect_code(4).mentions(&["no referendum 4 that goes on", "Approved"]);
    run("referendum:6").expect_code(4).mentions(&["another length than the proposal says"]);
    run("referendum:5").expect_code(4).mentions(&["no referendum 5 that goes on"]);
    let none = format!("preimage:{}", hex::encode_prefixed([1; 32]));
    run(&none).expect_code(4).mentions(&["no preimage"]);
}

#[test]
fn bad_input_is_named() {
    let calls = Calls::of(Standalone);
    let state = state(Standalone);
    output(&calls.gift(), &[]).expect_code(2).mentions(&["no chain is given", "--state or --network"]);
    output(&[255, 1], &["--state", &state]).expect_code(4).mentions(&["not a call of the chain"]);
    output(&calls.gift()[..5], &["--state", &state]).expect_code(4).mentions(&["end in the middle"]);
    output(&calls.gift(), &["--state", &state, "--origin", "Nobody"])
        .expect_code(2)
        .mentions(&["no origin Nobody", "root"]);
    output(&calls.gift(), &["--state", &state, "--with", &state]).expect_code(2).mentions(&["no relay chain"]);
    output(&calls.gift(), &["--state", &state, "--relay", &state]).expect_code(2).mentions(&["no parachain"]);
}

#[test]
fn a_proposal_is_dispatched_after_those_that_are_enacted_earlier() {
    let calls = Calls::of(Standalone);
    alone(Standalone, &calls.overdraft(), &[]).status("dispatch", "fail").ends_with(1);
    // The account has the funds once the earlier proposal gave them.
    let gift = hex::encode_prefixed(calls.gift());
    let after = alone(Standalone, &calls.overdraft(), &["--after", &gift]);
    after.status("earlier", "pass").status("dispatch", "pass").says("earlier", "Balances.force_set_balance");
    let earlier = &after.report["earlier"];
    assert_eq!((earlier.as_array().map(Vec::len), &earlier[0]["origin"]), (Some(1), &"root".into()), "{earlier:#}");
    // One that fails leaves the chains as they were, and is told.
    let overdraft = hex::encode_prefixed(calls.overdraft());
    alone(Standalone, &calls.gift(), &["--after", &overdraft]).status("earlier", "warn").status("dispatch", "pass");
    // So is a batch that ends well, of which a call failed.
    let batch = [calls.call("Utility", "force_batch", ()), Compact(1u32).encode(), calls.overdraft()].concat();
    alone(Standalone, &calls.gift(), &["--after", &hex::encode_prefixed(batch)])
        .status("earlier", "warn")
        .says("earlier", "Utility.ItemFailed");
    // Twice the same: the second has nothing to do.
    alone(Standalone, &calls.gift(), &["--after", &gift]).status("effect", "warn");
}
