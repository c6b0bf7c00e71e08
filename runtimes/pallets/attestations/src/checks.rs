// SPDX-License-Identifier: Apache-2.0
//! The invariants of the storage, for `try_state` and for the tests.

use alloc::collections::BTreeMap;

use frame_support::{
    ensure,
    traits::{GetStorageVersion, fungible::InspectHold},
};
use sp_core::H256;
use sp_runtime::{DispatchError, traits::Saturating};

use crate::{
    AttestationCount, Attestations, BalanceOf, Config, CurrentPolicy, HoldReason, Pallet, migrations::records,
};

impl<T: Config> Pallet<T> {
    /// Every count is the number of attestations counted, every deposit is held, nothing is left in the old place.
    #[cfg_attr(not(any(test, feature = "try-runtime")), allow(dead_code))]
    pub(crate) fn check_state() -> Result<(), DispatchError> {
        // While the migration is under way the attestations are in two places; its own hooks check it.
        if Self::on_chain_storage_version() < Self::in_code_storage_version() {
            return Ok(());
        }
        ensure!(records::Records::<T>::iter_keys().next().is_none(), "a record of the previous release is left over");
        ensure!(CurrentPolicy::<T>::get().threshold > 0, "the policy's threshold is zero");

        let mut counts = BTreeMap::<H256, u32>::new();
        let mut deposits = BTreeMap::<T::AccountId, BalanceOf<T>>::new();
        for (code_hash, who, attestation) in Attestations::<T>::iter() {
            ensure!(matches!(attestation.commit.len(), 20 | 32), "a commit is of no known hash");
            counts.entry(code_hash).or_default().saturating_inc();
            deposits.entry(who).or_default().saturating_accrue(attestation.deposit);
        }
        let stored = AttestationCount::<T>::iter().collect::<BTreeMap<_, _>>();
        ensure!(stored == counts, "the counts are not the numbers of attestations");
        for (who, deposit) in deposits {
            let held = T::Currency::balance_on_hold(&HoldReason::Attestation.into(), &who);
            ensure!(held == deposit, "the deposits of an account are not what is held from it");
        }
        Ok(())
    }
}
