// SPDX-License-Identifier: Apache-2.0
//! Upgrades of the embedded parachain on which the runtime of a relay chain decides, and of a relay chain
//! while the parachain goes on. The relay chains are the embedded one, which assigns cores, and Paseo's from the chain
//! spec in `polkadot-service`, which leases them. Neither knows the parachain, so each run onboards it.

use codec::Encode;
use cutover_tests::{
    Runtime::{Parachain, Relay},
    Xtask,
    faults::{
        Action,
        Condition::{Has, Lacks},
        Faults,
    },
    incident::{Before, Report, item, rehearse_with, sound},
    patch, registry_package, snapshot,
};

const CHECKS: [&str; 9] = [
    "code-backed",
    "pvf-votes",
    "go-ahead",
    "promoted",
    "ten-heads",
    "boundaries",
    "both-sides-agree",
    "queues",
    "messages-before-and-after",
];

/// The number of a second parachain, with the state and the code of the first.
const SIBLING: u32 = 2_001;

/// The session that begins after ten heads under the relay chain's new code, as the runs end sessions.
const SESSION_UNDER_THE_NEW_CODE: u32 = 4;

/// Returns the report of these checks alone.
fn only(before: Before, blob: &[u8], options: &[&str], checks: &[&str]) -> Report {
    let checks = checks.iter().flat_map(|check| ["--only", check]);
    rehearse_with(before, blob, &options.iter().copied().chain(checks).collect::<Vec<_>>())
}

/// Returns the report of the checks with Paseo's relay chain, or nothing if the chain spec cannot be had.
fn decided(before: Before, blob: &[u8]) -> Option<Report> {
    let package = registry_package("polkadot-service", "42.0.0")?;
    let spec = package.join("chain-specs/paseo.json").display().to_string();
    let checks = [&["authorised"][..], &CHECKS].concat();
    Some(only(before, blob, &["--relay", &spec, "--onboard"], &checks))
}

/// Returns the report of the checks with the embedded relay chain.
fn decided_by_ours(before: Before, blob: &[u8]) -> Report {
    let relay = snapshot(Relay).display().to_string();
    let checks = [&["authorised", "upgrade-orders"][..], &CHECKS].concat();
    only(before, blob, &["--relay", &relay, "--onboard"], &checks)
}

/// Returns the report of a parachain that moves to the embedded relay chain with these entries in its state.
fn moved(entries: &[(&str, Vec<u8>)]) -> Report {
    let relay = snapshot(Relay).display().to_string();
    let before = entries.iter().fold(Before::of(Parachain), |before, (name, value)| {
        let (pallet, name) = name.split_once('.').expect("a pallet and an item");
        before.set(&item(pallet, name), Some(value.clone()))
    });
    only(before, &sound(Parachain), &["--relay", &relay, "--onboard"], &["relay-move", "code-backed"])
}

/// Returns the present code of the embedded relay chain with another version and faults: an upgrade that changes nothing
/// else.
fn relay_chain_with(faults: Faults) -> Vec<u8> {
    patch::spec_version(&faults.apply(&Before::of(Relay).code()), 1_001_000)
}

/// Returns the report of an upgrade of the relay chain, on which the parachain goes on.
fn of_the_relay_chain(faults: Faults, options: &[&str]) -> Report {
    let parachain = snapshot(Parachain).display().to_string();
    let options = [&["--with", parachain.as_str()][..], options].concat();
    let checks = ["ten-heads", "boundaries", "both-sides-agree", "queues", "messages-before-and-after"];
    only(Before::of(Relay), &relay_chain_with(faults), &options, &checks)
}

/// Returns the report of an upgrade of the parachain, while the relay chain is upgraded too.
fn of_both(relay_chain: Faults) -> Report {
    let directory = tempfile::tempdir().expect("a directory");
    let blob = directory.path().join("relay.wasm").display().to_string();
    std::fs::write(&blob, patch::deployed(&relay_chain_with(relay_chain))).expect("written");
    let relay = snapshot(Relay).display().to_string();
    let options = ["--relay", &relay, "--onboard", "--relay-runtime", &blob];
    only(Before::of(Parachain), &sound(Parachain), &options, &["ten-heads", "upgrade-orders"])
}

/// Returns the embedded relay chain with an open channel each way between the two parachains.
fn with_channels() -> Before {
    let mapped =
        |name: &str, key: Vec<u8>| [item("Hrmp", name), artifact::hashes::twox_64(&key).to_vec(), key].concat();
    let mut before = Before::of(Relay);
    for (sender, recipient) in [(2_000, SIBLING), (SIBLING, 2_000)] {
        // `HrmpChannel`: its capacity, the sizes of all messages and of one, no message yet, and no deposits.
        let channel = (8u32, 102_400u32, 102_400u32, (0u32, 0u32), None::<[u8; 32]>, (0u128, 0u128)).encode();
        before = before
            .set(&mapped("HrmpChannels", (sender, recipient).encode()), Some(channel))
            .set(&mapped("HrmpEgressChannelsIndex", sender.encode()), Some(vec![recipient].encode()))
            .set(&mapped("HrmpIngressChannelsIndex", recipient.encode()), Some(vec![sender].encode()));
    }
    before
}

/// Writes the state of the second parachain.
fn write_sibling(path: &str) {
    Before::of(Parachain)
        .set(&item("ParachainInfo", "ParachainId"), Some(SIBLING.encode()))
        .write(std::path::Path::new(path));
}

#[test]
fn a_relay_chain_that_assigns_cores_takes_the_code() {
    let report = decided_by_ours(Before::of(Parachain), &sound(Parachain));
    for check in CHECKS {
        report.status(check, "pass");
    }
    report
        .status("authorised", "pass")
        .says("authorised", "the relay chain's root sends authorize_upgrade in relay block")
        .status("upgrade-orders", "skip")
        .says("ten-heads", "10 candidates of the new code are included")
        .says("boundaries", "begins after relay block")
        .says("queues", "no message waits")
        .says("messages-before-and-after", "5 messages on 2 ways as before")
        .says("messages-before-and-after", "from the relay chain to parachain 2000, send by root: executed")
        .says(
            "messages-before-and-after",
            "from parachain 2000 to the relay chain, transfer_assets of its own token: not executed to its end",
        );
}

#[test]
fn a_parachain_moves_whose_state_no_relay_chain_contradicts() {
    moved(&[])
        .status("relay-move", "pass")
        .says("relay-move", "the parachain goes on: candidates are included in relay blocks")
        .says("relay-move", "and the last takes a message of the relay chain")
        .status("code-backed", "pass");
}

#[test]
fn a_parachain_that_moves_stands_on_what_it_has_of_its_old_relay_chain() {
    let number = || ("ParachainSystem.LastRelayChainBlockNumber", 1_000_000u32.encode());
    let head = || ("ParachainSystem.LastDmqMqcHead", vec![7; 32]);
    let of_number = "ParachainSystem.LastRelayChainBlockNumber: 1000000 here, the relay chain is at block";
    let of_head = "ParachainSystem.LastDmqMqcHead: 0x0707";
    let mended = "with this written before the first block here, candidates are included in relay blocks";
    moved(&[number(), head()])
        .stopped_by(
            "relay-move",
            &["the parachain stands", of_number, of_head, mended, "relay blocks have lower numbers"],
        )
        .says_not("relay-move", "UnincludedSegment")
        .status("code-backed", "not_judged");
    moved(&[number()]).stopped_by("relay-move", &[of_number, mended]).says_not("relay-move", "LastDmqMqcHead:");
    moved(&[head()])
        .stopped_by("relay-move", &["DMQ head mismatch", of_head, mended])
        .says_not("relay-move", "LastRelayChainBlockNumber:");
}

#[test]
fn a_parachain_that_moves_stands_at_the_first_message() {
    // Messages that were sent in earlier relay blocks are taken for processed.
    moved(&[("ParachainSystem.LastProcessedDownwardMessage", (1_000_000u32, 0u32).encode())])
        .stopped_by(
            "relay-move",
            &[
                "once the relay chain has sent it a message, the parachain stands",
                "ParachainSystem.LastProcessedDownwardMessage: sent in relay block 1000000 here",
                "remove it",
            ],
        )
        .status("code-backed", "pass");
}

#[test]
fn what_a_parachain_takes_to_its_new_relay_chain_is_told() {
    // An empty message, a `VersionedXcm` without instructions.
    moved(&[("ParachainSystem.PendingUpwardMessages", vec![vec![5u8, 0]].encode())])
        .warned_by("relay-move", &["messages to the relay chain that wait to be sent: 1. The new one gets them"]);
}

#[test]
fn a_parachain_whose_state_is_of_a_later_time_than_the_relay_chains_is_not_judged() {
    let time = 4_000_000_000_000u64;
    moved(&[("Timestamp.Now", time.encode())])
        .not_judged()
        .status("relay-move", "not_judged")
        .says("relay-move", "Timestamp.Now")
        .says("relay-move", "Live chains have one clock");
}

#[test]
fn messages_go_sideways_between_two_parachains() {
    let directory = tempfile::tempdir().expect("a directory");
    let [relay, sibling] = ["relay.snapshot", "sibling.snapshot"].map(|name| directory.path().join(name));
    with_channels().write(&relay);
    let [relay, sibling] = [relay, sibling].map(|path| path.display().to_string());
    write_sibling(&sibling);
    let options = ["--relay", &relay, "--with", &sibling, "--onboard"];
    let report = only(Before::of(Parachain), &sound(Parachain), &options, &["queues", "messages-before-and-after"]);
    report
        .status("queues", "pass")
        .status("messages-before-and-after", "pass")
        .says("messages-before-and-after", "messages on 6 ways as before")
        .says("messages-before-and-after", "from parachain 2000 to parachain 2001, ")
        .says("messages-before-and-after", "from parachain 2001 to parachain 2000, ");
    // Nodes of collators ask for these messages. Without the answer none goes sideways.
    let hidden = Faults::new().answer("ParachainHost_inbound_hrmp_channels_contents", vec![0]);
    let own = snapshot(Parachain).display().to_string();
    let options = ["--with", &own, "--with", &sibling, "--onboard"];
    let checks = ["ten-heads", "messages-before-and-after"];
    only(with_channels(), &relay_chain_with(hidden), &options, &checks).status("ten-heads", "pass").stopped_by(
        "messages-before-and-after",
        &["from parachain 2000 to parachain 2001, ", "it is sent and not executed"],
    );
}

#[test]
fn a_named_parachain_that_takes_no_part_is_not_judged() {
    let directory = tempfile::tempdir().expect("a directory");
    let [relay, sibling] = ["relay.snapshot", "sibling.snapshot"].map(|name| directory.path().join(name));
    // The relay chain has another head of it.
    let id = SIBLING.encode();
    let head = [item("Paras", "Heads"), artifact::hashes::twox_64(&id).to_vec(), id].concat();
    Before::of(Relay).set(&head, Some(vec![1u8].encode())).write(&relay);
    let [relay, sibling] = [relay, sibling].map(|path| path.display().to_string());
    write_sibling(&sibling);
    let options = ["--relay", &relay, "--with", &sibling, "--onboard"];
    let checks = ["ten-heads", "queues", "messages-before-and-after"];
    only(Before::of(Parachain), &sound(Parachain), &options, &checks)
        .status("ten-heads", "pass")
        .status("queues", "not_judged")
        .status("messages-before-and-after", "not_judged")
        .says("messages-before-and-after", "parachain 2001 (cutover-parachain) takes no part");
}

#[test]
fn a_code_that_is_authorized_already_needs_no_message() {
    let blob = sound(Parachain);
    let authorization = (artifact::hashes::blake2_256(&patch::deployed(&blob)), true).encode();
    let before = Before::of(Parachain).set(&item("System", "AuthorizedUpgrade"), Some(authorization));
    let report = decided_by_ours(before, &blob);
    report.status("code-backed", "pass").says("authorised", "has authorized this code already");
}

#[test]
fn a_relay_chain_that_is_upgraded_to_its_present_code_is_not_judged() {
    let directory = tempfile::tempdir().expect("a directory");
    let blob = directory.path().join("relay.wasm").display().to_string();
    std::fs::write(&blob, patch::deployed(&Before::of(Relay).code())).expect("written");
    let relay = snapshot(Relay).display().to_string();
    let options = ["--relay", &relay, "--onboard", "--relay-runtime", &blob];
    only(Before::of(Parachain), &sound(Parachain), &options, &["upgrade-orders"])
        .status("upgrade-orders", "not_judged")
        .says("upgrade-orders", "the one that it runs already");
}

#[test]
fn both_chains_are_upgraded_in_each_order() {
    of_both(Faults::new())
        .status("ten-heads", "pass")
        .status("upgrade-orders", "pass")
        .says("upgrade-orders", "both upgrades go through in 3 of 3 orders")
        .says("upgrade-orders", "the relay chain while the parachain waits for the go-ahead: relay block");
}

#[test]
fn a_relay_chain_whose_new_code_forgets_the_upgrade_of_a_parachain_fails_in_one_order() {
    // The relay chain's migration removes the list of the go-aheads that it foretold.
    let migrated = b":test:migrated".to_vec();
    let forgets = Faults::new()
        .before_blocks(|| vec![Lacks(b":test:migrated".to_vec())], || Action::Clear(item("Paras", "UpcomingUpgrades")))
        .before_blocks(Vec::new, || Action::Set(migrated.clone(), vec![1]));
    of_both(forgets).status("ten-heads", "pass").stopped_by(
        "upgrade-orders",
        &[
            "both upgrades go through in 2 of 3 orders",
            "the relay chain while the parachain waits for the go-ahead: ",
            "the relay chain does not give the go-ahead at the block that it foretold",
        ],
    );
}

#[test]
fn a_parachain_that_loses_its_core_with_its_relay_chains_upgrade_fails_whichever_is_first() {
    let no_claims = Faults::new().answer("ParachainHost_claim_queue", vec![0]);
    of_both(no_claims)
        .status("ten-heads", "pass")
        .stopped_by("upgrade-orders", &["0 of 3 orders", "the relay chain first: ", "loses its core"]);
}

#[test]
fn a_parachain_goes_on_under_the_new_code_of_its_relay_chain() {
    let report = of_the_relay_chain(Faults::new(), &["--onboard"]);
    report
        .status("ten-heads", "pass")
        .status("boundaries", "pass")
        .status("both-sides-agree", "pass")
        .status("queues", "pass")
        .status("messages-before-and-after", "pass")
        .says("ten-heads", "1 of 1 parachains go on under the new code")
        .says("messages-before-and-after", "5 messages on 2 ways as before");
}

#[test]
fn a_relay_chain_whose_new_code_forgets_the_version_of_messages_fails() {
    // The version in which messages go to chains that were never asked for theirs.
    let faults = Faults::new().before_blocks(Vec::new, || Action::Clear(item("XcmPallet", "SafeXcmVersion")));
    of_the_relay_chain(faults, &["--onboard"])
        .status("ten-heads", "pass")
        .status("both-sides-agree", "pass")
        .stopped_by(
            "messages-before-and-after",
            &[
                "from the relay chain to parachain 2000, send by root: not sent any more: XcmPallet.SendFailure",
                "3 messages worse than before",
            ],
        );
}

#[test]
fn a_relay_chain_whose_new_code_leaves_a_message_unexecuted_fails() {
    // `AggregateMessageOrigin::Ump(UmpQueueId::Para(2000))`, and a `BookState` with one page and one message, which is in
    // no ring of queues to be served.
    let origin = (0u8, 0u8, 2_000u32).encode();
    let key = [item("MessageQueue", "BookStateFor"), artifact::hashes::twox_64(&origin).to_vec(), origin].concat();
    let book = (0u32, 1u32, 1u32, None::<()>, 1u64, 5u64).encode();
    let faults = Faults::new().before_blocks(Vec::new, || Action::Set(key.clone(), book.clone()));
    of_the_relay_chain(faults, &["--onboard"]).status("ten-heads", "pass").stopped_by(
        "queues",
        &["messages that the relay chain has not executed, from the origin 0x0000d0070000: 1 after", "0 before"],
    );
}

#[test]
fn a_relay_chain_whose_new_code_hides_the_messages_to_a_parachain_fails() {
    // Collators then deliver none, and the relay chain refuses their candidates while messages wait.
    let hidden = Faults::new().answer("ParachainHost_dmq_contents", vec![0]);
    of_the_relay_chain(hidden, &["--onboard"]).status("ten-heads", "pass").stopped_by(
        "messages-before-and-after",
        &["send by root: it is sent and not executed, and was executed before", "3 messages worse than before"],
    );
}

#[test]
fn a_parachain_that_loses_its_core_under_the_new_code_of_its_relay_chain_fails() {
    let no_claims = Faults::new().answer("ParachainHost_claim_queue", vec![0]);
    of_the_relay_chain(no_claims, &["--onboard"])
        .stopped_by("ten-heads", &["cutover-parachain", "loses its core"])
        .status("boundaries", "not_judged")
        .status("both-sides-agree", "not_judged");
}

#[test]
fn a_relay_chain_whose_new_code_traps_when_it_is_asked_about_parachains_fails() {
    for function in ["ParachainHost_candidate_events", "ParachainHost_availability_cores"] {
        let traps = Faults::new().step(function, Vec::new(), Action::Trap);
        of_the_relay_chain(traps, &["--onboard"])
            .stopped_by("ten-heads", &["cutover-parachain", function])
            .status("boundaries", "not_judged")
            .status("both-sides-agree", "not_judged");
    }
}

#[test]
fn a_parachain_that_stands_once_a_session_of_its_relay_chain_has_ended_fails() {
    // The information on the session that begins under the new code, under its index. From then on each block gives
    // the parachain another head.
    let session = [item("ParaSessionInfo", "Sessions"), SESSION_UNDER_THE_NEW_CODE.encode()].concat();
    let id = 2_000u32.encode();
    let head = [item("Paras", "Heads"), artifact::hashes::twox_64(&id).to_vec(), id].concat();
    let broken = || Action::Set(head.clone(), b"no header".to_vec().encode());
    let faults = Faults::new().before_blocks(|| vec![Has(session.clone())], broken);
    of_the_relay_chain(faults, &["--onboard"])
        .status("ten-heads", "pass")
        .stopped_by("boundaries", &["cutover-parachain", "the parachain stands"])
        .status("both-sides-agree", "not_judged");
}

#[test]
fn a_parachain_that_its_relay_chain_does_not_know_is_not_judged() {
    of_the_relay_chain(Faults::new(), &[]).status("ten-heads", "not_judged").says("ten-heads", "0 of 1 parachains");
}

#[test]
fn a_relay_chain_takes_the_code_and_includes_ten_heads_of_it() {
    let Some(report) = decided(Before::of(Parachain), &sound(Parachain)) else { return };
    for check in CHECKS.iter().filter(|check| **check != "messages-before-and-after") {
        report.status(check, "pass");
    }
    report
        .status("authorised", "skip")
        .says("authorised", "the authorization was written into the state")
        .status("messages-before-and-after", "not_judged")
        .says("messages-before-and-after", "with locations of version 4 or later")
        .says("pvf-votes", "which foretells the go-ahead for block")
        .says("go-ahead", "as foretold; the parachain applies the code in its block")
        .says("ten-heads", "10 candidates of the new code are included")
        .says("both-sides-agree", "on the head, the code, the messages from the relay chain");
}

#[test]
fn n04_code_applied_before_the_go_ahead_is_not_checked_by_the_relay_chain() {
    let blob = sound(Parachain);
    let scheduled = || vec![Has(item("ParachainSystem", "PendingValidationCode"))];
    let applied = || Action::Set(b":code".to_vec(), patch::deployed(&blob));
    let faults = Faults::new().before_blocks(scheduled, applied);
    let before = Before::of(Parachain).with_code(|code| faults.apply(code));
    let Some(report) = decided(before, &blob) else { return };
    report
        .stopped_by("go-ahead", &["the parachain stands", "validate_block refuses the block"])
        .status("pvf-votes", "pass")
        .status("promoted", "not_judged");
}

#[test]
fn n23_a_parachain_stands_whose_new_code_refuses_its_blocks() {
    let Some(report) = decided(Before::of(Parachain), &patch::trap(&sound(Parachain), "validate_block")) else {
        return;
    };
    report
        .stopped_by("ten-heads", &["the parachain stands", "validate_block refuses the block"])
        .status("promoted", "pass")
        .status("both-sides-agree", "not_judged");
}

#[test]
fn n35_a_parachain_stands_whose_collators_use_another_relay_parent_offset() {
    let blob = Faults::new().answer("RelayParentOffsetApi_relay_parent_offset", 1u32.encode()).apply(&sound(Parachain));
    let Some(report) = decided(Before::of(Parachain), &blob) else { return };
    report.stopped_by("ten-heads", &["the parachain stands"]).status("promoted", "pass");
}

#[test]
fn a_relay_chain_that_does_not_fit_is_an_error_of_the_input() {
    let Some(package) = registry_package("polkadot-service", "42.0.0") else { return };
    let spec = package.join("chain-specs/paseo.json").display().to_string();
    let directory = tempfile::tempdir().expect("a directory");
    let [state, blob] = ["state.snapshot", "new.wasm"].map(|name| directory.path().join(name).display().to_string());
    Before::of(Parachain).write(std::path::Path::new(&state));
    std::fs::write(&blob, patch::deployed(&sound(Parachain))).expect("written");
    let run = |relay: &str| {
        let output = Xtask::new(["dry-run", "--runtime", &blob, "--state", &state, "--relay", relay]).run();
        output.expect_code(4).stderr
    };
    let unknown = run(&spec);
    assert!(unknown.contains("does not know the parachain 2000") && unknown.contains("--onboard"), "{unknown}");
    let other = run(&state);
    assert!(other.contains("is no relay chain"), "{other}");
    let output = Xtask::new(["dry-run", "--runtime", &blob, "--state", &state, "--relay-runtime", &blob]).run();
    output.expect_code(2).mentions(&["--relay-runtime is given, and no relay chain is", "--relay"]);
    let ours = snapshot(Relay).display().to_string();
    let options = ["--relay", &ours, "--onboard", "--relay-runtime", &blob];
    let output = Xtask::new(["dry-run", "--runtime", &blob, "--state", &state].iter().chain(&options)).run();
    output.expect_code(4).mentions(&["is that of another chain", "spec_name"]);
    let output = Xtask::new(["dry-run", "--runtime", &blob, "--state", &state, "--onboard"]).run();
    output.expect_code(2).mentions(&["there is no parachain to onboard", "--relay"]);
}
