// SPDX-License-Identifier: Apache-2.0
//! The pallets whose weights can be measured here.

use alloc::{boxed::Box, string::String, vec, vec::Vec};

use codec::Encode;
use cumulus_pallet_session_benchmarking::Pallet as SessionBench;
use cumulus_primitives_core::ParaId;
use frame_benchmarking::{BenchmarkBatch, BenchmarkConfig, BenchmarkError, BenchmarkList, whitelisted_caller};
use frame_support::{
    parameter_types,
    traits::{Currency, StorageInfo, StorageInfoTrait, WhitelistedStorageKeys},
};
use frame_system_benchmarking::Pallet as SystemBench;
use pallet_xcm::benchmarking::Pallet as XcmBench;
use polkadot_runtime_common::xcm_sender::{NoPriceForMessageDelivery, ToParachainDeliveryHelper};
use sp_storage::TrackedStorageKey;
use staging_xcm::latest::prelude::*;

use crate::{xcm_config::XcmConfig, *};

#[cfg(feature = "previous-release")]
compile_error!("the previous release is there for its state: it has no benchmarks");

frame_benchmarking::define_benchmarks!(
    [frame_system, SystemBench::<Runtime>]
    [cumulus_pallet_parachain_system, ParachainSystem]
    [cumulus_pallet_weight_reclaim, WeightReclaim]
    [cumulus_pallet_xcmp_queue, XcmpQueue]
    [pallet_attestations, Attestations]
    [pallet_balances, Balances]
    [pallet_message_queue, MessageQueue]
    [pallet_migrations, MultiBlockMigrations]
    [pallet_session, SessionBench::<Runtime>]
    [pallet_sudo, Sudo]
    [pallet_timestamp, Timestamp]
    [pallet_transaction_payment, TransactionPayment]
    [pallet_utility, Utility]
    [pallet_xcm, XcmBench::<Runtime>]
);

impl pallet_transaction_payment::BenchmarkConfig for Runtime {}

impl frame_system_benchmarking::Config for Runtime {
    fn setup_set_code_requirements(code: &Vec<u8>) -> Result<(), BenchmarkError> {
        ParachainSystem::initialize_for_set_code_benchmark(code.len() as u32);
        Ok(())
    }

    fn verify_set_code() {
        System::assert_last_event(cumulus_pallet_parachain_system::Event::<Runtime>::ValidationFunctionStored.into());
    }
}

impl cumulus_pallet_session_benchmarking::Config for Runtime {
    fn generate_session_keys_and_proof(owner: AccountId) -> (SessionKeys, Vec<u8>) {
        let generated = SessionKeys::generate(&owner.encode(), None);
        (generated.keys, generated.proof.encode())
    }
}

parameter_types! {
    /// The chain that messages go to while they are measured.
    pub const Neighbour: ParaId = ParaId::new(4_321);
}

/// The chain's own token, worth many existential deposits, so that no account falls below one.
fn tokens() -> Asset {
    (Location::here(), MILLI * 1_000).into()
}

impl pallet_xcm::benchmarking::Config for Runtime {
    type DeliveryHelper = ToParachainDeliveryHelper<
        XcmConfig,
        // Delivery costs nothing here, so that nobody needs a deposit to pay for it.
        (),
        NoPriceForMessageDelivery<ParaId>,
        Neighbour,
        ParachainSystem,
    >;

    fn reachable_dest() -> Option<Location> {
        ParachainSystem::open_outbound_hrmp_channel_for_benchmarks_or_tests(Neighbour::get());
        Some(Location::new(1, Parachain(Neighbour::get().into())))
    }

    fn reserve_transferable_asset_and_dest() -> Option<(Asset, Location)> {
        Some((tokens(), Self::reachable_dest()?))
    }

    fn set_up_complex_asset_transfer() -> Option<(Assets, u32, Location, Box<dyn FnOnce()>)> {
        let (asset, destination) = Self::reserve_transferable_asset_and_dest()?;
        let sender: AccountId = whitelisted_caller();
        let before = MILLI * 10_000;
        let _ = Balances::make_free_balance_be(&sender, before);
        let paid = Box::new(move || assert!(Balances::free_balance(&sender) < before));
        Some((asset.into(), 0, destination, paid))
    }

    fn get_asset() -> Asset {
        tokens()
    }

    fn batch_call(calls: Vec<RuntimeCall>) -> Option<RuntimeCall> {
        Some(pallet_utility::Call::batch { calls }.into())
    }
}

/// Which benchmarks there are, and what they store.
pub fn metadata(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
    let mut list = Vec::new();
    list_benchmarks!(list, extra);
    (list, AllPalletsWithSystem::storage_info())
}

/// Runs one.
pub fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
    let whitelist: Vec<TrackedStorageKey> = AllPalletsWithSystem::whitelisted_storage_keys();
    let mut batches = Vec::new();
    let params = (&config, &whitelist);
    add_benchmarks!(params, batches);
    Ok(batches)
}
