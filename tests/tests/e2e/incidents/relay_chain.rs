// SPDX-License-Identifier: Apache-2.0
//! Disagreements of a parachain and its relay chain.

use codec::{Compact, Encode};
use cutover_tests::{
    Runtime::Parachain,
    faults::{Action, Condition::Has, Faults},
    incident::{Before, Report, item, migrating, rehearse_with, rehearse_without_validators, sound},
    patch,
};

/// Alters the code to apply the other one in the first block, without the relay chain's go-ahead.
fn enacting_at_once(wasm: &[u8], other: &[u8]) -> Vec<u8> {
    let scheduled = || vec![Has(item("ParachainSystem", "PendingValidationCode"))];
    let mut faults = Faults::new();
    for export in ["Core_initialize_block", "Core_execute_block"] {
        faults = faults.step(export, scheduled(), Action::Set(b":code".to_vec(), patch::deployed(other)));
    }
    faults.apply(wasm)
}

#[test]
fn n04_code_applied_before_the_go_ahead_of_the_relay_chain() {
    let blob = sound(Parachain);
    rehearse_without_validators(Before::of(Parachain).with_code(|code| enacting_at_once(code, &blob)), &blob)
        .stopped_by("enactment", &["without its relay chain's go-ahead", "in a block without a signal"]);
}

#[test]
fn n04_an_upgrade_after_which_the_next_one_would_come_too_early() {
    let before = Before::of(Parachain);
    let present = before.code();
    rehearse_without_validators(before, &enacting_at_once(&sound(Parachain), &present))
        .stopped_by("next-upgrade", &["without its relay chain's go-ahead"])
        .status("enactment", "pass");
}

#[test]
fn n35_a_relay_parent_offset_that_differs_from_that_of_accepted_blocks() {
    let blob = Faults::new().answer("RelayParentOffsetApi_relay_parent_offset", 1u32.encode()).apply(&sound(Parachain));
    rehearse_without_validators(Before::of(Parachain), &blob)
        .stopped_by("async-backing", &["lets collators look 2 claims ahead for a core, and their block is refused"]);
}

#[test]
fn n32_blocks_are_built_on_blocks_that_are_not_included_yet() {
    // The valid case. No blob here has the faulty hook, so the check's unit tests cover that.
    rehearse_without_validators(Before::of(Parachain), &sound(Parachain))
        .status("async-backing", "pass")
        .says("async-backing", "whose included head is up to 2 behind, and two on one relay block");
}

#[test]
fn n22_a_migration_that_floods_the_queue_to_the_relay_chain() {
    let messages = vec![vec![1u8]; 2_000].encode();
    let blob = migrating(&sound(Parachain), &[(item("ParachainSystem", "PendingUpwardMessages"), messages)]);
    rehearse_without_validators(Before::of(Parachain), &blob)
        .stopped_by("message-queues", &["to the relay chain", "blocks until they have left"]);
}

#[test]
fn n22_a_few_messages_pass() {
    let messages = vec![vec![1u8]; 5].encode();
    let blob = migrating(&sound(Parachain), &[(item("ParachainSystem", "PendingUpwardMessages"), messages)]);
    rehearse_without_validators(Before::of(Parachain), &blob).status("message-queues", "pass");
}

/// The para ids of the upgraded chain and of a sibling with the same code.
const CHAIN: u32 = 2_000;
const SIBLING: u32 = 2_001;

/// Returns the chain with a channel to its sibling in the relay chain's `MessagingStateSnapshot`.
fn with_channel() -> Before {
    // `AbridgedHrmpChannel`: the maximum number of messages, their total and single size, then the
    // usage.
    let channel = (1_000u32, 102_400u32, 102_400u32, 0u32, 0u32, None::<[u8; 32]>);
    let state = ([0u8; 32], (1_000u32, 1_000_000u32), Vec::<(u32, ())>::new(), vec![(SIBLING, channel)]);
    Before::of(Parachain).set(&item("ParachainSystem", "RelevantMessagingState"), Some(state.encode()))
}

fn rehearse_with_sibling(before: Before, blob: &[u8]) -> Report {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let sibling = directory.path().join("sibling.snapshot");
    Before::of(Parachain).set(&item("ParachainInfo", "ParachainId"), Some(SIBLING.encode())).write(&sibling);
    rehearse_with(before, blob, &["--with", sibling.to_str().expect("UTF-8")])
}

#[test]
fn n14_transfers_that_arrive_as_before_pass() {
    rehearse_with_sibling(with_channel(), &sound(Parachain))
        .status("message-delivery", "pass")
        .says("message-delivery", "PolkadotXcm.limited_reserve_transfer_assets of its own token to parachain 2001")
        .passed();
}

#[test]
fn n14_transfers_that_the_other_chain_rejects() {
    // `Ok(CallDryRunEffects)`: `Ok(PostDispatchInfo)`, no events, no local message, and a message
    // to the sibling that does not buy execution: `SetTopic`, `ClearOrigin`.
    let message = [&[5u8, 2 << 2, 44][..], &[7; 32], &[10]].concat();
    let location = [&[5u8, 1, 1, 0][..], &Compact(SIBLING).encode()].concat();
    let forwarded = [&[1 << 2][..], &location, &[1 << 2], &message].concat();
    let answer = [&[0u8, 0, 0, 0, 0, 0][..], &forwarded].concat();
    let blob = Faults::new().answer("DryRunApi_dry_run_call", answer).apply(&sound(Parachain));
    rehearse_with_sibling(with_channel(), &blob).stopped_by(
        "message-delivery",
        &["limited_reserve_transfer_assets of its own token to parachain 2001", "Barrier"],
    );
}

#[test]
fn n16_an_upgrade_message_that_is_not_executed_completely() {
    // A page with one message, which does not pay for its execution.
    let message = [&[5u8, 2 << 2, 47, 0, 0, 6, 3, 0][..], &vec![0u8, 0, 0].encode()].concat();
    let page = [&[0u8][..], &message].concat();
    let mut key = item("XcmpQueue", "OutboundXcmpMessages");
    key.extend([artifact::hashes::blake2_128(&SIBLING.to_le_bytes()).to_vec(), SIBLING.encode()].concat());
    key.extend([artifact::hashes::twox_64(&1u16.encode()).to_vec(), 1u16.encode()].concat());
    let blob = migrating(&sound(Parachain), &[(key, page.encode())]);
    rehearse_with_sibling(with_channel(), &blob)
        .stopped_by("message-delivery", &["1 of 1 message that the upgrade sends to parachain 2001", "Barrier"]);
}

#[test]
fn a_chain_that_is_its_own_counterparty_is_skipped() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let same = directory.path().join("same.snapshot");
    Before::of(Parachain).set(&item("ParachainInfo", "ParachainId"), Some(CHAIN.encode())).write(&same);
    rehearse_with(with_channel(), &sound(Parachain), &["--with", same.to_str().expect("UTF-8")])
        .status("message-delivery", "skip");
}
