// SPDX-License-Identifier: Apache-2.0
//! Benchmarks of every call, and of one step of the multi-block migration.

use alloc::vec;

use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    migrations::SteppedMigration,
    traits::{
        EnsureOrigin, Get, StorageVersion,
        fungible::{Inspect, Mutate},
    },
    weights::WeightMeter,
};
use frame_system::RawOrigin;
use sp_core::H256;
use sp_runtime::traits::{Bounded, One, Saturating};

use crate::{
    AttestationCount, Attestations, BalanceOf, Call, Config, CurrentPolicy, MAX_COMMIT_LENGTH, Outcome, Pallet,
    WeightInfo,
    migrations::records::{MoveRecords, Records},
    old,
};

/// Enough for the deposit, with the account alive beside it.
fn endowed<T: Config<Currency: Mutate<T::AccountId>>>() -> T::AccountId {
    let who: T::AccountId = whitelisted_caller();
    let minimum = <T::Currency as Inspect<T::AccountId>>::minimum_balance();
    let enough = T::Deposit::get().saturating_add(minimum).saturating_add(minimum);
    <T::Currency as Mutate<T::AccountId>>::set_balance(&who, enough);
    who
}

fn longest_commit() -> crate::Commit {
    BoundedVec::truncate_from(vec![0xab; MAX_COMMIT_LENGTH as usize])
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benches {
    use super::*;

    #[benchmark]
    fn attest() {
        let who = endowed::<T>();
        let code_hash = H256::repeat_byte(1);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), code_hash, longest_commit(), Outcome::Differs);

        assert!(Attestations::<T>::contains_key(code_hash, &who));
    }

    #[benchmark]
    fn withdraw() -> Result<(), BenchmarkError> {
        let who = endowed::<T>();
        let code_hash = H256::repeat_byte(1);
        Pallet::<T>::attest(RawOrigin::Signed(who.clone()).into(), code_hash, longest_commit(), Outcome::Reproduced)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who), code_hash);

        assert_eq!(AttestationCount::<T>::get(code_hash), 0);
        Ok(())
    }

    #[benchmark]
    fn set_policy() -> Result<(), BenchmarkError> {
        let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, 3, Some(Bounded::max_value()));

        assert_eq!(CurrentPolicy::<T>::get().threshold, 3);
        Ok(())
    }

    #[benchmark]
    fn migrate_record() {
        let who = endowed::<T>();
        let code_hash = H256::repeat_byte(1);
        let deposit: BalanceOf<T> = One::one();
        StorageVersion::new(1).put::<Pallet<T>>();
        Records::<T>::insert(code_hash, &who, old::Record { commit: [0xab; 20], deposit });
        let mut meter = WeightMeter::with_limit(T::WeightInfo::migrate_record());

        #[block]
        {
            assert!(MoveRecords::<T>::step(None, &mut meter).is_ok());
        }

        assert!(Attestations::<T>::contains_key(code_hash, &who));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
