// SPDX-License-Identifier: Apache-2.0
//! Version 0 to 1: the policy gets a validity period.

use core::marker::PhantomData;

use frame_support::{
    migrations::VersionedMigration,
    traits::{Get, UncheckedOnRuntimeUpgrade},
    weights::Weight,
};

use crate::{Config, CurrentPolicy, Pallet, Policy, old};

/// Gives the stored policy [`Config::DefaultValidity`], once.
pub type AddValidity<T> = VersionedMigration<0, 1, Unversioned<T>, Pallet<T>, <T as frame_system::Config>::DbWeight>;

/// The change itself, with no look at the storage version: use [`AddValidity`].
pub struct Unversioned<T>(PhantomData<T>);

impl<T: Config> UncheckedOnRuntimeUpgrade for Unversioned<T> {
    fn on_runtime_upgrade() -> Weight {
        let translated = CurrentPolicy::<T>::translate::<old::Policy, _>(|old| {
            old.map(|old::Policy { threshold }| Policy { threshold, validity: Some(T::DefaultValidity::get()) })
        });
        if translated.is_err() {
            // The default stands in for what cannot be read: to stop a chain for it would be worse.
            CurrentPolicy::<T>::kill();
        }
        T::DbWeight::get().reads_writes(1, 1)
    }

    #[cfg(feature = "try-runtime")]
    fn pre_upgrade() -> Result<alloc::vec::Vec<u8>, sp_runtime::TryRuntimeError> {
        use codec::Encode;

        let raw = frame_support::storage::unhashed::get_raw(&CurrentPolicy::<T>::hashed_key());
        let policy = raw.map(|bytes| hooks::decode::<old::Policy>(&bytes)).transpose()?;
        Ok(policy.encode())
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(state: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
        use frame_support::ensure;

        let Some(old::Policy { threshold }) = hooks::decode::<Option<old::Policy>>(&state)? else {
            ensure!(!CurrentPolicy::<T>::exists(), "there was no policy, and now there is one");
            return Ok(());
        };
        let expected = Policy { threshold, validity: Some(T::DefaultValidity::get()) };
        ensure!(CurrentPolicy::<T>::get() == expected, "the policy is not the old one with a validity period");
        Ok(())
    }
}

#[cfg(feature = "try-runtime")]
pub(super) mod hooks {
    use codec::DecodeAll;
    use sp_runtime::TryRuntimeError;

    /// All of the bytes, or an error: a rest means that the value is not of this type.
    pub fn decode<V: DecodeAll>(bytes: &[u8]) -> Result<V, TryRuntimeError> {
        V::decode_all(&mut &bytes[..]).map_err(|_| "a value of the previous release does not decode".into())
    }
}
