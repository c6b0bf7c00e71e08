// SPDX-License-Identifier: Apache-2.0
//! Upgrades of the embedded parachain on which the runtime of a relay chain decides, and of a relay chain
//! while the parachain goes on. The relay chains are the embedded one, which assigns cores, and Paseo's from the chain
//! spec in `polkadot-service`, which leases them. Neither knows the parachain, so each run onboards it.

#![allow(clippy::expect_used, reason = "tests")]

use codec::Encode;
use cutover_tests::{
    Runtime::{Parachain, Relay},
    Xtask,
    faults::{Action, Condition::Has, Faults},
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
    Some(only(before, blob, &["--relay", &spec, "--onboard"], &CHECKS))
}

/// Returns the report of the checks with the embedded relay chain.
fn decided_by_ours(before: Before, blob: &[u8]) -> Report {
    let relay = snapshot(Relay).display().to_string();
    only(before, blob, &["--relay", &relay, "--onboard"], &CHECKS)
}

/// Returns the report of an upgrade of the relay chain, on which the parachain goes on.
fn of_the_relay_chain(faults: Faults, options: &[&str]) -> Report {
    let before = Before::of(Relay);
    // The present code with another version: an upgrade that changes nothing but the faults.
    let blob = patch::spec_version(&faults.apply(&before.code()), 1_001_000);
    let parachain = snapshot(Parachain).display().to_string();
    let options = [&["--with", parachain.as_str()][..], options].concat();
    only(
        before,
        &blob,
        &options,
        &["ten-heads", "boundaries", "both-sides-agree", "queues", "messages-before-and-after"],
    )
}

#[test]
fn a_relay_chain_that_assigns_cores_takes_the_code() {
    let report = decided_by_ours(Before::of(Parachain), &sound(Parachain));
    for check in CHECKS {
        report.status(check, "pass");
    }
    report
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
    let output = Xtask::new(["dry-run", "--runtime", &blob, "--state", &state, "--onboard"]).run();
    output.expect_code(2).mentions(&["there is no parachain to onboard", "--relay"]);
}
