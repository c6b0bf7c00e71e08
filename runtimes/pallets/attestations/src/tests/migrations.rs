// SPDX-License-Identifier: Apache-2.0
//! Both migrations on state as the previous release wrote it.

use codec::Encode;
use frame_support::{
    assert_ok,
    migrations::{MultiStepMigrator, SteppedMigration, SteppedMigrationError},
    storage::unhashed,
    traits::{GetStorageVersion, OnRuntimeUpgrade, StorageVersion, fungible::MutateHold},
    weights::{Weight, WeightMeter},
};
use sp_core::H256;

use crate::{
    AttestationCount, Attestations, CurrentPolicy, Event, HoldReason, Outcome, Pallet, Policy, WeightInfo,
    migrations::{
        policy::AddValidity,
        records::{MoveRecords, Records},
    },
    mock::{Balances, DEPOSIT, RuntimeHoldReason, System, Test, VALIDITY, new_test_ext},
    old,
};

/// Everything of the previous release: 40 accounts that have attested `codes` codes each.
fn previous_state(codes: u8) -> Vec<(H256, u64, [u8; 20])> {
    StorageVersion::new(0).put::<Pallet<Test>>();
    unhashed::put_raw(&CurrentPolicy::<Test>::hashed_key(), &old::Policy { threshold: 5 }.encode());
    let mut made = Vec::new();
    for code in 0..codes {
        for who in 1..=40u64 {
            let (code_hash, commit) = (H256::repeat_byte(code), [who as u8 ^ code; 20]);
            let reason = RuntimeHoldReason::Attestations(HoldReason::Attestation);
            assert_ok!(Balances::hold(&reason, &who, DEPOSIT));
            Records::<Test>::insert(code_hash, who, old::Record { commit, deposit: DEPOSIT });
            AttestationCount::<Test>::mutate(code_hash, |count| *count += 1);
            made.push((code_hash, who, commit));
        }
    }
    made
}

fn assert_moved(made: &[(H256, u64, [u8; 20])]) {
    assert_eq!(Attestations::<Test>::iter().count(), made.len());
    assert_eq!(Records::<Test>::iter_keys().count(), 0);
    for (code_hash, who, commit) in made {
        let attestation = Attestations::<Test>::get(code_hash, who).expect("none may be lost");
        assert_eq!(attestation.commit.as_slice(), commit);
        assert_eq!((attestation.outcome, attestation.deposit), (Outcome::Reproduced, DEPOSIT));
    }
    assert_eq!(Pallet::<Test>::on_chain_storage_version(), 2);
    assert_ok!(Pallet::<Test>::check_state());
}

#[test]
fn the_policy_gets_a_validity_period_once() {
    new_test_ext().execute_with(|| {
        previous_state(0);
        AddValidity::<Test>::on_runtime_upgrade();
        assert_eq!(CurrentPolicy::<Test>::get(), Policy { threshold: 5, validity: Some(VALIDITY) });
        assert_eq!(Pallet::<Test>::on_chain_storage_version(), 1);

        let before = sp_io::storage::root(sp_runtime::StateVersion::V1);
        AddValidity::<Test>::on_runtime_upgrade();
        assert_eq!(sp_io::storage::root(sp_runtime::StateVersion::V1), before, "a second run changes nothing");
    });
}

#[test]
fn a_policy_that_does_not_decode_gives_way_to_the_default() {
    new_test_ext().execute_with(|| {
        previous_state(0);
        unhashed::put_raw(&CurrentPolicy::<Test>::hashed_key(), &[1, 2]);
        AddValidity::<Test>::on_runtime_upgrade();
        assert_eq!(CurrentPolicy::<Test>::get(), Policy::default());
    });
}

#[test]
fn records_move_whatever_the_weight_of_a_step() {
    for per_step in [1, 2, 7, 39, 1_000] {
        new_test_ext().execute_with(|| {
            let made = previous_state(3);
            AddValidity::<Test>::on_runtime_upgrade();
            let limit = <Test as crate::Config>::WeightInfo::migrate_record() * per_step;
            let (mut cursor, mut steps) = (None, 0);
            loop {
                let mut meter = WeightMeter::with_limit(limit);
                cursor = MoveRecords::<Test>::step(cursor, &mut meter).expect("the weight is enough for one");
                steps += 1;
                assert!(meter.consumed().all_lte(limit));
                if cursor.is_none() {
                    break;
                }
                assert_eq!(Pallet::<Test>::on_chain_storage_version(), 1, "not before the end");
                let (left, moved) = (Records::<Test>::iter_keys().count(), Attestations::<Test>::iter_keys().count());
                assert_eq!(left + moved, made.len());
            }
            // The last look, that finds nothing left, takes weight too.
            assert_eq!(steps, (made.len() as u64 + 1).div_ceil(per_step));
            assert_moved(&made);
        });
    }
}

#[test]
fn too_little_weight_is_an_error_that_says_what_is_needed() {
    new_test_ext().execute_with(|| {
        previous_state(1);
        StorageVersion::new(1).put::<Pallet<Test>>();
        let required = <Test as crate::Config>::WeightInfo::migrate_record();
        let mut meter = WeightMeter::with_limit(required - Weight::from_parts(0, 1));
        let result = MoveRecords::<Test>::step(None, &mut meter);
        assert_eq!(result, Err(SteppedMigrationError::InsufficientWeight { required }));
        assert_eq!(Attestations::<Test>::iter_keys().count(), 0);
    });
}

#[test]
fn nothing_moves_at_another_storage_version() {
    for version in [0, 2] {
        new_test_ext().execute_with(|| {
            previous_state(1);
            StorageVersion::new(version).put::<Pallet<Test>>();
            assert_eq!(MoveRecords::<Test>::step(None, &mut WeightMeter::new()), Ok(None));
            assert_eq!(Records::<Test>::iter_keys().count(), 40);
        });
    }
}

/// As a chain does it: the single-block migrations, then the pallets' hooks, then a step in each block.
#[test]
#[cfg(not(feature = "runtime-benchmarks"))]
fn an_upgrade_takes_several_blocks_and_ends() {
    use crate::mock::{AllPalletsWithSystem, Migrations};

    new_test_ext().execute_with(|| {
        let made = previous_state(10);
        <Test as frame_system::Config>::SingleBlockMigrations::on_runtime_upgrade();
        AllPalletsWithSystem::on_runtime_upgrade();
        let mut blocks = 0;
        while Migrations::ongoing() {
            System::set_block_number(System::block_number() + 1);
            Migrations::step();
            assert_ok!(Pallet::<Test>::check_state());
            blocks += 1;
            assert!(blocks < 100, "it must end");
        }
        assert!(blocks > 3, "{} records in {blocks} blocks", made.len());
        System::assert_has_event(Event::<Test>::RecordsMoved.into());
        System::assert_has_event(pallet_migrations::Event::<Test>::UpgradeCompleted.into());
        assert_moved(&made);
    });
}

#[cfg(feature = "try-runtime")]
mod hooks {
    use super::*;

    #[test]
    fn the_checks_pass_on_the_previous_release_and_notice_a_lost_attestation() {
        new_test_ext().execute_with(|| {
            let made = previous_state(2);
            assert_ok!(AddValidity::<Test>::try_on_runtime_upgrade(true));
            let state = MoveRecords::<Test>::pre_upgrade().expect("all of it decodes");
            assert_eq!(MoveRecords::<Test>::step(None, &mut WeightMeter::new()), Ok(None));
            assert_ok!(MoveRecords::<Test>::post_upgrade(state.clone()));

            let (code_hash, who, _) = made[3];
            Attestations::<Test>::remove(code_hash, who);
            assert!(MoveRecords::<Test>::post_upgrade(state).is_err());
        });
    }
}
