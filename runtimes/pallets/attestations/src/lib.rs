// SPDX-License-Identifier: Apache-2.0
//! Independent rebuilds of runtime code, published on chain.
//!
//! A runtime upgrade is voted on as a hash. Whoever has rebuilt the code from a source commit says here whether the
//! hash came out the same, with a deposit behind the statement; a voter then needs to trust no single builder, only
//! that enough of them agree. How many are enough, and for how long a statement counts, is the [`Policy`].
//!
//! The storage has changed twice since the previous release (version 0), see [`migrations`].

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod old;
mod types;
pub mod weights;

#[cfg(not(feature = "previous-release"))]
mod checks;
#[cfg(not(feature = "previous-release"))]
pub mod migrations;
#[cfg(feature = "previous-release")]
mod previous;
#[cfg(feature = "previous-release")]
pub mod sample;

#[cfg(all(feature = "runtime-benchmarks", not(feature = "previous-release")))]
mod benchmarking;
#[cfg(all(test, not(feature = "previous-release")))]
mod mock;
#[cfg(all(test, not(feature = "previous-release")))]
mod tests;

#[cfg(not(feature = "previous-release"))]
pub use pallet::*;
#[cfg(feature = "previous-release")]
pub use previous::pallet::*;
pub use types::{Attestation, Commit, MAX_COMMIT_LENGTH, Outcome, Policy};
pub use weights::WeightInfo;

#[cfg(not(feature = "previous-release"))]
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
    use sp_runtime::{ArithmeticError, traits::Saturating};

    use crate::{Attestation, Commit, Outcome, Policy, WeightInfo};

    /// 1: the policy has a validity period. 2: an attestation has an outcome, a block, and a commit of any hash.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

    pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;
    pub type AttestationOf<T> = Attestation<BalanceOf<T>, BlockNumberFor<T>>;

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// What the deposits are held in.
        type Currency: MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's reason for a hold, which has this pallet's among its variants.
        type RuntimeHoldReason: From<HoldReason>;

        /// Who sets the policy.
        type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// Held from the rebuilder for as long as the attestation is in storage.
        #[pallet::constant]
        type Deposit: Get<BalanceOf<Self>>;

        /// For how long attestations count where nobody has chosen: in migrated state, and in a new genesis.
        #[pallet::constant]
        type DefaultValidity: Get<BlockNumberFor<Self>>;

        type WeightInfo: WeightInfo;
    }

    #[pallet::composite_enum]
    pub enum HoldReason {
        /// An attestation is in storage.
        #[codec(index = 0)]
        Attestation,
    }

    /// What each rebuilder found for each code hash (BLAKE2b-256 of the blob as it is put on chain).
    #[pallet::storage]
    pub type Attestations<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, H256, Blake2_128Concat, T::AccountId, AttestationOf<T>, OptionQuery>;

    /// How many attestations of any outcome there are for a code hash.
    #[pallet::storage]
    pub type AttestationCount<T: Config> = StorageMap<_, Blake2_128Concat, H256, u32, ValueQuery>;

    /// When a code hash counts as reproduced.
    #[pallet::storage]
    pub type CurrentPolicy<T: Config> = StorageValue<_, Policy<BlockNumberFor<T>>, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A rebuilder has published what a rebuild gave.
        Attested { code_hash: H256, who: T::AccountId, outcome: Outcome },
        /// A rebuilder has taken an attestation back, and the deposit with it.
        Withdrawn { code_hash: H256, who: T::AccountId },
        /// The policy is now this.
        PolicySet { policy: Policy<BlockNumberFor<T>> },
        /// All attestations of the previous release have been moved to their new place.
        RecordsMoved,
    }

    #[pallet::error]
    pub enum Error<T> {
        /// This account has already attested this code hash; it must withdraw first.
        AlreadyAttested,
        /// This account has no attestation of this code hash.
        NotAttested,
        /// A commit is 20 bytes (SHA-1) or 32 bytes (SHA-256).
        CommitLength,
        /// A threshold of zero would call every code hash reproduced.
        ZeroThreshold,
    }

    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        pub threshold: u32,
        pub validity: Option<BlockNumberFor<T>>,
        /// Attestations that a SHA-1 commit reproduces a code hash, with the account that made them.
        pub attestations: Vec<(T::AccountId, H256, H160)>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            let Policy { threshold, .. } = Policy::<BlockNumberFor<T>>::default();
            Self { threshold, validity: Some(T::DefaultValidity::get()), attestations: Vec::new() }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            assert!(self.threshold > 0, "attestations: the threshold must not be zero");
            CurrentPolicy::<T>::put(Policy { threshold: self.threshold, validity: self.validity });
            for (who, code_hash, commit) in &self.attestations {
                let commit = Commit::truncate_from(commit.as_bytes().to_vec());
                let attested = Pallet::<T>::insert(who.clone(), *code_hash, commit, Outcome::Reproduced);
                assert!(attested.is_ok(), "attestations: {code_hash:?} by {who:?}: {attested:?}");
            }
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Publish whether `commit`, rebuilt by the caller, gave the code with this hash. Holds a deposit.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::attest())]
        pub fn attest(origin: OriginFor<T>, code_hash: H256, commit: Commit, outcome: Outcome) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(matches!(commit.len(), 20 | 32), Error::<T>::CommitLength);
            Self::insert(who.clone(), code_hash, commit, outcome)?;
            Self::deposit_event(Event::Attested { code_hash, who, outcome });
            Ok(())
        }

        /// Take the caller's attestation of this code hash back and release its deposit.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>, code_hash: H256) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let attestation = Attestations::<T>::take(code_hash, &who).ok_or(Error::<T>::NotAttested)?;
            AttestationCount::<T>::mutate_exists(code_hash, |count| {
                *count = count.and_then(|n| n.checked_sub(1)).filter(|n| *n > 0);
            });
            let reason = HoldReason::Attestation.into();
            // Best effort: a slash by others must not make the attestation impossible to withdraw.
            T::Currency::release(&reason, &who, attestation.deposit, Precision::BestEffort)?;
            Self::deposit_event(Event::Withdrawn { code_hash, who });
            Ok(())
        }

        /// Set how many rebuilders must agree, and for how many blocks each statement counts.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_policy())]
        pub fn set_policy(origin: OriginFor<T>, threshold: u32, validity: Option<BlockNumberFor<T>>) -> DispatchResult {
            T::AdminOrigin::ensure_origin(origin)?;
            ensure!(threshold > 0, Error::<T>::ZeroThreshold);
            let policy = Policy { threshold, validity };
            CurrentPolicy::<T>::put(&policy);
            Self::deposit_event(Event::PolicySet { policy });
            Ok(())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// How many current attestations say that the code was reproduced, and how many that it differs.
        pub fn tally(code_hash: H256) -> (u32, u32) {
            let now = frame_system::Pallet::<T>::block_number();
            let validity = CurrentPolicy::<T>::get().validity;
            let current =
                |block: BlockNumberFor<T>| validity.is_none_or(|validity| now <= block.saturating_add(validity));
            Attestations::<T>::iter_prefix_values(code_hash).filter(|a| current(a.block)).fold(
                (0, 0),
                |(reproduced, differs), attestation| match attestation.outcome {
                    Outcome::Reproduced => (reproduced.saturating_add(1), differs),
                    Outcome::Differs => (reproduced, differs.saturating_add(1)),
                },
            )
        }

        /// Whether as many rebuilders as the policy asks for have reproduced the code, and none found it different.
        pub fn is_reproduced(code_hash: H256) -> bool {
            let (reproduced, differs) = Self::tally(code_hash);
            differs == 0 && reproduced >= CurrentPolicy::<T>::get().threshold
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_state()
        }
    }

    impl<T: Config> Pallet<T> {
        /// Holds the deposit, stores the attestation and counts it; the caller has checked the commit.
        fn insert(who: T::AccountId, code_hash: H256, commit: Commit, outcome: Outcome) -> DispatchResult {
            ensure!(!Attestations::<T>::contains_key(code_hash, &who), Error::<T>::AlreadyAttested);
            let count = AttestationCount::<T>::get(code_hash).checked_add(1).ok_or(ArithmeticError::Overflow)?;
            let deposit = T::Deposit::get();
            T::Currency::hold(&HoldReason::Attestation.into(), &who, deposit)?;
            let block = frame_system::Pallet::<T>::block_number();
            Attestations::<T>::insert(code_hash, who, Attestation { commit, outcome, block, deposit });
            AttestationCount::<T>::insert(code_hash, count);
            Ok(())
        }
    }
}
