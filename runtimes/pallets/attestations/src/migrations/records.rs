// SPDX-License-Identifier: Apache-2.0
//! Version 1 to 2: every attestation gets an outcome, a block, and a commit of either length.
//!
//! They move to another storage item instead of changing where they are, so that none can be read as what it is not
//! while the migration is under way, and so that what is left to do is what is left in the old place.

use core::marker::PhantomData;

use frame_support::{
    Blake2_128Concat,
    migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
    pallet_prelude::OptionQuery,
    storage::StoragePrefixedMap,
    storage_alias,
    traits::{GetStorageVersion, StorageVersion},
    weights::WeightMeter,
};
use sp_core::H256;

use crate::{Attestation, Attestations, BalanceOf, Commit, Config, Event, Outcome, Pallet, WeightInfo, old};

const FROM: u16 = 1;
const TO: u16 = 2;

/// Where the previous release had the attestations.
#[storage_alias]
pub type Records<T: Config> = StorageDoubleMap<
    Pallet<T>,
    Blake2_128Concat,
    H256,
    Blake2_128Concat,
    <T as frame_system::Config>::AccountId,
    old::Record<BalanceOf<T>>,
    OptionQuery,
>;

/// Moves the attestations, as many in a block as the weight allows, and raises the storage version after the last.
pub struct MoveRecords<T>(PhantomData<T>);

impl<T: Config> SteppedMigration for MoveRecords<T> {
    /// The record moved last.
    type Cursor = (H256, T::AccountId);
    type Identifier = MigrationId<19>;

    fn id() -> Self::Identifier {
        MigrationId { pallet_id: *b"pallet-attestations", version_from: FROM as u8, version_to: TO as u8 }
    }

    fn migrating_prefixes() -> Option<impl IntoIterator<Item = alloc::vec::Vec<u8>>> {
        Some([Records::<T>::final_prefix().to_vec(), Attestations::<T>::final_prefix().to_vec()])
    }

    fn step(
        mut cursor: Option<Self::Cursor>,
        meter: &mut WeightMeter,
    ) -> Result<Option<Self::Cursor>, SteppedMigrationError> {
        if Pallet::<T>::on_chain_storage_version() != FROM {
            return Ok(None);
        }
        let required = T::WeightInfo::migrate_record();
        if !meter.can_consume(required) {
            return Err(SteppedMigrationError::InsufficientWeight { required });
        }
        while meter.try_consume(required).is_ok() {
            let mut left = match &cursor {
                Some((code_hash, who)) => Records::<T>::iter_from(Records::<T>::hashed_key_for(code_hash, who)),
                None => Records::<T>::iter(),
            };
            let Some((code_hash, who, record)) = left.next() else {
                StorageVersion::new(TO).put::<Pallet<T>>();
                Pallet::<T>::deposit_event(Event::RecordsMoved);
                return Ok(None);
            };
            Records::<T>::remove(code_hash, &who);
            Attestations::<T>::insert(code_hash, &who, convert::<T>(record));
            cursor = Some((code_hash, who));
        }
        Ok(cursor)
    }

    #[cfg(feature = "try-runtime")]
    fn pre_upgrade() -> Result<alloc::vec::Vec<u8>, sp_runtime::TryRuntimeError> {
        use codec::Encode;

        let moves = Pallet::<T>::on_chain_storage_version() == FROM;
        let records = Records::<T>::iter().filter(|_| moves).collect::<alloc::vec::Vec<_>>();
        // Iterating leaves out what does not decode; the keys are all there are.
        frame_support::ensure!(
            !moves || records.len() == Records::<T>::iter_keys().count(),
            "an attestation of the previous release does not decode"
        );
        Ok(records.encode())
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(state: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
        use frame_support::ensure;

        type Expected<T> = alloc::vec::Vec<(H256, <T as frame_system::Config>::AccountId, old::Record<BalanceOf<T>>)>;
        let expected = super::policy::hooks::decode::<Expected<T>>(&state)?;
        for (code_hash, who, record) in expected {
            let Some(moved) = Attestations::<T>::get(code_hash, &who) else {
                return Err("an attestation was lost".into());
            };
            ensure!(moved.commit.as_slice() == record.commit.as_slice(), "a commit has changed");
            ensure!(moved.deposit == record.deposit, "a deposit has changed");
            ensure!(moved.outcome == Outcome::Reproduced, "an outcome is not what the previous release meant");
        }
        ensure!(Pallet::<T>::on_chain_storage_version() == TO, "the storage version was not raised");
        Pallet::<T>::check_state()
    }
}

/// The previous release only had attestations of success. When they were made is not known any more: they count from
/// now on, as long as a new one would.
fn convert<T: Config>(record: old::Record<BalanceOf<T>>) -> crate::AttestationOf<T> {
    Attestation {
        commit: Commit::truncate_from(record.commit.to_vec()),
        outcome: Outcome::Reproduced,
        block: frame_system::Pallet::<T>::block_number(),
        deposit: record.deposit,
    }
}
