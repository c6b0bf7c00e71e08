// SPDX-License-Identifier: Apache-2.0
//! The pallet as it was in the previous release, at storage version 0.
//!
//! Kept only so that the recorded state that the upgrade is tried on can be made again by anyone.

#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;

    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{Inspect, MutateHold},
            tokens::Precision,
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_core::{H160, H256};
    use sp_runtime::ArithmeticError;

    use crate::{
        WeightInfo,
        old::{Policy, Record},
    };

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// The same as in this release, so that the runtimes configure both alike.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        type Currency: MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        type RuntimeHoldReason: From<HoldReason>;
        type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        #[pallet::constant]
        type Deposit: Get<BalanceOf<Self>>;
        type DefaultValidity: Get<BlockNumberFor<Self>>;
        type WeightInfo: WeightInfo;
    }

    #[pallet::composite_enum]
    pub enum HoldReason {
        #[codec(index = 0)]
        Attestation,
    }

    #[pallet::storage]
    pub type Records<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, H256, Blake2_128Concat, T::AccountId, Record<BalanceOf<T>>, OptionQuery>;

    #[pallet::storage]
    pub type AttestationCount<T: Config> = StorageMap<_, Blake2_128Concat, H256, u32, ValueQuery>;

    #[pallet::storage]
    pub type CurrentPolicy<T: Config> = StorageValue<_, Policy, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(fn deposit_event)]
    pub enum Event<T: Config> {
        Attested { code_hash: H256, who: T::AccountId },
        Withdrawn { code_hash: H256, who: T::AccountId },
        ThresholdSet { threshold: u32 },
    }

    #[pallet::error]
    pub enum Error<T> {
        AlreadyAttested,
        NotAttested,
        ZeroThreshold,
    }

    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        pub threshold: u32,
        pub attestations: Vec<(T::AccountId, H256, H160)>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self { threshold: 1, attestations: Vec::new() }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            CurrentPolicy::<T>::put(Policy { threshold: self.threshold });
            for (who, code_hash, commit) in &self.attestations {
                let attested = Pallet::<T>::insert(who.clone(), *code_hash, commit.to_fixed_bytes());
                assert!(attested.is_ok(), "attestations: {code_hash:?} by {who:?}: {attested:?}");
            }
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::attest())]
        pub fn attest(origin: OriginFor<T>, code_hash: H256, commit: [u8; 20]) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::insert(who.clone(), code_hash, commit)?;
            Self::deposit_event(Event::Attested { code_hash, who });
            Ok(())
        }

        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>, code_hash: H256) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let record = Records::<T>::take(code_hash, &who).ok_or(Error::<T>::NotAttested)?;
            AttestationCount::<T>::mutate_exists(code_hash, |count| {
                *count = count.and_then(|n| n.checked_sub(1)).filter(|n| *n > 0);
            });
            let reason = HoldReason::Attestation.into();
            T::Currency::release(&reason, &who, record.deposit, Precision::BestEffort)?;
            Self::deposit_event(Event::Withdrawn { code_hash, who });
            Ok(())
        }

        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_policy())]
        pub fn set_policy(origin: OriginFor<T>, threshold: u32) -> DispatchResult {
            T::AdminOrigin::ensure_origin(origin)?;
            ensure!(threshold > 0, Error::<T>::ZeroThreshold);
            CurrentPolicy::<T>::put(Policy { threshold });
            Self::deposit_event(Event::ThresholdSet { threshold });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        fn insert(who: T::AccountId, code_hash: H256, commit: [u8; 20]) -> DispatchResult {
            ensure!(!Records::<T>::contains_key(code_hash, &who), Error::<T>::AlreadyAttested);
            let count = AttestationCount::<T>::get(code_hash).checked_add(1).ok_or(ArithmeticError::Overflow)?;
            let deposit = T::Deposit::get();
            T::Currency::hold(&HoldReason::Attestation.into(), &who, deposit)?;
            Records::<T>::insert(code_hash, who, Record { commit, deposit });
            AttestationCount::<T>::insert(code_hash, count);
            Ok(())
        }
    }
}
