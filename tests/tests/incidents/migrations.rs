// SPDX-License-Identifier: Apache-2.0
//! Migrations that cost too much, fail, or would freeze the chain if they failed; and the upgrade after this one.

use cutover_tests::{
    Runtime::{Parachain, Standalone},
    incident::{Before, Fault, faulty, rehearse, sound},
};

#[test]
fn n05_a_migration_that_takes_longer_than_a_block_may() {
    rehearse(Before::of(Parachain).with(Fault::Slow), &faulty(Parachain))
        .stopped_by("block-limits", &["importing it took", "a migration that does too much in one block"]);
}

#[test]
fn n09_a_migration_that_needs_more_proof_than_a_block_may_have() {
    let large = (0..6 * 1024 * 1024u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let before = Before::of(Parachain).with(Fault::Proof).set(b":test:large", Some(large));
    rehearse(before, &faulty(Parachain))
        .stopped_by("block-limits", &["proof_size at 1", "a migration's weight is too low"]);
}

#[test]
fn n27_a_failed_migration_that_would_freeze_the_chain_for_ever() {
    rehearse(Before::of(Parachain).with(Fault::NoMessages), &faulty(Parachain))
        .stopped_by("migration-failure", &["frozen for ever"])
        .status("migrations", "pass");
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
    rehearse(Before::of(Parachain).with(Fault::Refused), &faulty(Parachain))
        .stopped_by(
            "next-upgrade",
            &["the relay chain's root could authorize an upgrade, and cannot under the new code"],
        )
        .status("healthy-blocks", "pass");
}
