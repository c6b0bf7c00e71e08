// SPDX-License-Identifier: Apache-2.0
//! The calls, the view functions, and that the invariants notice what breaks them.

use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_core::H256;
use sp_runtime::DispatchError;

use crate::{
    Commit, CurrentPolicy, Error, Event, HoldReason, Outcome, Policy,
    mock::{Attestations, Balances, DEPOSIT, RuntimeHoldReason, RuntimeOrigin, System, Test, VALIDITY, new_test_ext},
};

const CODE: H256 = H256::repeat_byte(7);

fn commit(length: usize) -> Commit {
    Commit::truncate_from(vec![0xc0; length])
}

fn attest(who: u64, outcome: Outcome) {
    assert_ok!(Attestations::attest(RuntimeOrigin::signed(who), CODE, commit(20), outcome));
}

fn held(who: u64) -> u64 {
    Balances::balance_on_hold(&RuntimeHoldReason::Attestations(HoldReason::Attestation), &who)
}

#[test]
fn attesting_holds_a_deposit_and_withdrawing_releases_it() {
    new_test_ext().execute_with(|| {
        attest(1, Outcome::Reproduced);
        assert_ok!(Attestations::attest(RuntimeOrigin::signed(2), CODE, commit(32), Outcome::Differs));
        assert_eq!((held(1), held(2)), (DEPOSIT, DEPOSIT));
        assert_eq!(crate::AttestationCount::<Test>::get(CODE), 2);
        assert_ok!(Attestations::check_state());
        System::assert_last_event(Event::Attested { code_hash: CODE, who: 2, outcome: Outcome::Differs }.into());

        assert_ok!(Attestations::withdraw(RuntimeOrigin::signed(1), CODE));
        assert_ok!(Attestations::withdraw(RuntimeOrigin::signed(2), CODE));
        assert_eq!((held(1), Balances::free_balance(1)), (0, 1_000));
        assert!(!crate::AttestationCount::<Test>::contains_key(CODE), "a count of nothing is not stored");
        assert_ok!(Attestations::check_state());
    });
}

#[test]
fn what_must_be_refused_is_refused() {
    new_test_ext().execute_with(|| {
        for length in [0, 19, 21, 31] {
            assert_noop!(
                Attestations::attest(RuntimeOrigin::signed(1), CODE, commit(length), Outcome::Reproduced),
                Error::<Test>::CommitLength
            );
        }
        attest(1, Outcome::Reproduced);
        assert_noop!(
            Attestations::attest(RuntimeOrigin::signed(1), CODE, commit(20), Outcome::Differs),
            Error::<Test>::AlreadyAttested
        );
        assert_noop!(Attestations::withdraw(RuntimeOrigin::signed(2), CODE), Error::<Test>::NotAttested);
        let nobody = Attestations::attest(RuntimeOrigin::signed(99), CODE, commit(20), Outcome::Reproduced);
        assert!(nobody.is_err(), "an account without funds cannot pay the deposit");
        assert_eq!(crate::AttestationCount::<Test>::get(CODE), 1);
    });
}

#[test]
fn only_the_administrator_sets_the_policy() {
    new_test_ext().execute_with(|| {
        assert_eq!(CurrentPolicy::<Test>::get(), Policy { threshold: 1, validity: Some(VALIDITY) });
        assert_noop!(Attestations::set_policy(RuntimeOrigin::signed(1), 2, None), DispatchError::BadOrigin);
        assert_noop!(Attestations::set_policy(RuntimeOrigin::root(), 0, None), Error::<Test>::ZeroThreshold);
        assert_ok!(Attestations::set_policy(RuntimeOrigin::root(), 2, None));
        assert_eq!(CurrentPolicy::<Test>::get(), Policy { threshold: 2, validity: None });
    });
}

#[test]
fn a_code_is_reproduced_by_enough_current_attestations_and_no_contrary_one() {
    new_test_ext().execute_with(|| {
        assert_ok!(Attestations::set_policy(RuntimeOrigin::root(), 2, Some(50)));
        attest(1, Outcome::Reproduced);
        assert!(!Attestations::is_reproduced(CODE));
        attest(2, Outcome::Reproduced);
        assert!(Attestations::is_reproduced(CODE));
        attest(3, Outcome::Differs);
        assert_eq!(Attestations::tally(CODE), (2, 1));
        assert!(!Attestations::is_reproduced(CODE));
        assert_ok!(Attestations::withdraw(RuntimeOrigin::signed(3), CODE));

        System::set_block_number(51);
        assert!(Attestations::is_reproduced(CODE), "the last block of the period");
        System::set_block_number(52);
        assert_eq!(Attestations::tally(CODE), (0, 0));
        assert_ok!(Attestations::set_policy(RuntimeOrigin::root(), 2, None));
        assert!(Attestations::is_reproduced(CODE), "for ever");
    });
}

#[test]
fn the_invariants_notice_a_wrong_count_a_lost_deposit_and_a_leftover() {
    let broken = |damage: &dyn Fn()| {
        new_test_ext().execute_with(|| {
            attest(1, Outcome::Reproduced);
            assert_ok!(Attestations::check_state());
            damage();
            assert!(Attestations::check_state().is_err());
        });
    };
    broken(&|| crate::AttestationCount::<Test>::insert(CODE, 2));
    broken(&|| crate::AttestationCount::<Test>::insert(H256::zero(), 0));
    broken(&|| crate::Attestations::<Test>::remove(CODE, 1));
    broken(&|| {
        crate::Attestations::<Test>::mutate(CODE, 1, |a| {
            if let Some(attestation) = a {
                attestation.deposit += 1;
            }
        });
    });
    broken(&|| CurrentPolicy::<Test>::mutate(|policy| policy.threshold = 0));
    broken(&|| {
        let record = crate::old::Record { commit: [1; 20], deposit: DEPOSIT };
        crate::migrations::records::Records::<Test>::insert(CODE, 5, record);
    });
}
