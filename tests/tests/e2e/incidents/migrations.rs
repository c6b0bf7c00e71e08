// SPDX-License-Identifier: Apache-2.0
//! Migrations that cost too much, fail, or freeze the chain if they fail; and failures of the next
//! upgrade.

use codec::Encode;
use cutover_tests::{
    Runtime::{Parachain, Standalone},
    incident::{Before, Fault, faulty, item, migrating, rehearse, rehearse_with, rehearse_without_validators, sound},
};

#[test]
fn n05_a_migration_that_takes_longer_than_a_block_may() {
    rehearse_without_validators(Before::of(Parachain).with(Fault::Slow), &faulty(Parachain))
        .stopped_by("block-limits", &["importing it took", "a migration that does too much in one block"]);
}

#[test]
fn n09_a_migration_that_needs_more_proof_than_a_block_may_have() {
    let large = (0..6 * 1024 * 1024u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let before = Before::of(Parachain).with(Fault::Proof).set(b":test:large", Some(large));
    rehearse_without_validators(before, &faulty(Parachain))
        .stopped_by("block-limits", &["proof_size at 1", "a migration's weight is too low"]);
}

#[test]
fn n27_a_failed_migration_that_would_freeze_the_chain_for_ever() {
    // The migrations end here. A failure would freeze the chain, which is a hazard that a team may
    // deny.
    let frozen = || Before::of(Parachain).with(Fault::NoMessages);
    rehearse_without_validators(frozen(), &faulty(Parachain))
        .warned_by("migration-failure", &["frozen for ever", "FailedMigrationHandler"])
        .status("migrations", "pass");
    rehearse_with(frozen(), &faulty(Parachain), &["--deny", "migration-failure"])
        .stopped_by("migration-failure", &["frozen for ever"]);
}

#[test]
fn n27_a_chain_that_can_be_freed_or_does_not_freeze_passes() {
    rehearse(Before::of(Parachain), &sound(Parachain))
        .status("migration-failure", "pass")
        .status("next-upgrade", "pass")
        .passed();
    rehearse(Before::of(Standalone), &sound(Standalone)).status("migration-failure", "pass").passed();
}

#[test]
fn n27_a_migration_that_fails_although_the_chain_goes_on() {
    rehearse(Before::of(Standalone).with(Fault::Migration), &faulty(Standalone))
        .stopped_by("migrations", &["a multi-block migration failed", "MigrationFailed"]);
}

#[test]
fn n15_the_next_upgrades_authorization_is_refused() {
    let refused = || Before::of(Parachain).with(Fault::Refused);
    // The sudo key still works.
    rehearse_without_validators(refused(), &faulty(Parachain))
        .warned_by("next-upgrade", &["no more under the new code: the relay chain's root can authorize one"])
        .status("healthy-blocks", "pass");
    rehearse_without_validators(refused().set(&item("Sudo", "Key"), None), &faulty(Parachain))
        .stopped_by("next-upgrade", &["nobody who could decide", "the relay chain's root can authorize one"])
        .status("healthy-blocks", "pass");
}

#[test]
fn n33_no_preimage_can_be_noted_any_more() {
    // As with `MaxHolds = ()`, another hold does not fit. The two holds belong to `Attestations`.
    let before = Before::of(Standalone);
    let account = before.richest();
    let key = [&item("Balances", "Holds")[..], &artifact::hashes::blake2_128(&account), &account].concat();
    let full = vec![([40u8, 0], 1u128); 2].encode();
    rehearse(before, &migrating(&sound(Standalone), &[(key, full)])).warned_by(
        "next-upgrade",
        &["no more under the new code: a preimage as large as the code can be noted (Preimage.note_preimage)"],
    );
}

#[test]
fn n33_a_chain_whose_ways_to_the_next_upgrade_stay_open_passes() {
    rehearse(Before::of(Standalone), &sound(Standalone))
        .status("next-upgrade", "pass")
        .says("next-upgrade", "a preimage as large as the code can be noted (Preimage.note_preimage)")
        .says("next-upgrade", "a referendum can be submitted (Referenda.submit)")
        .says("next-upgrade", "Sudo's key can decide on one")
        .passed();
}
