// SPDX-License-Identifier: Apache-2.0
//! The upgrade with its checks, for tools.
//!
//! The SDK's own way demands that every pallet is at its newest storage version once the single-block migrations are
//! done. With multi-block migrations to come that cannot be so; they raise it, and check it, at their end.

use alloc::{format, string::String};
use core::fmt::Debug;

use frame_support::{
    StorageNoopGuard,
    migrations::SteppedMigrations,
    traits::{BeforeAllRuntimeMigrations, OnRuntimeUpgrade, TryDecodeEntireStorage, TryState, TryStateSelect},
    weights::Weight,
};
use frame_system::{LastRuntimeUpgrade, LastRuntimeUpgradeInfo};
use frame_try_runtime::UpgradeCheckSelect;
use sp_runtime::traits::Block as BlockT;

use crate::{AllPalletsWithSystem, Block, Executive, Runtime, System, VERSION, system::MaximumWeights};

type SingleBlock = <Runtime as frame_system::Config>::SingleBlockMigrations;
type MultiBlock = <Runtime as pallet_migrations::Config>::Migrations;

/// The weight it took, and that of a whole block. Panics where a check fails: the API has no other way to say so.
pub fn on_runtime_upgrade(checks: UpgradeCheckSelect) -> (Weight, Weight) {
    let result = if MultiBlock::len() == 0 {
        Executive::try_runtime_upgrade(checks).map_err(describe)
    } else {
        first_block(checks)
    };
    match result {
        Ok(weight) => (weight, MaximumWeights::get().max_block),
        Err(error) => panic!("the upgrade's checks failed: {error}"),
    }
}

/// As [`Executive::try_runtime_upgrade`], but for the pallets' storage versions.
fn first_block(checks: UpgradeCheckSelect) -> Result<Weight, String> {
    let before = AllPalletsWithSystem::before_all_runtime_migrations();
    let migrations = SingleBlock::try_on_runtime_upgrade(checks.pre_and_post()).map_err(describe)?;
    let pallets = AllPalletsWithSystem::try_on_runtime_upgrade(false).map_err(describe)?;
    LastRuntimeUpgrade::<Runtime>::put(LastRuntimeUpgradeInfo::from(VERSION));

    let _unchanged = StorageNoopGuard::default();
    if checks.any() {
        AllPalletsWithSystem::try_decode_entire_state().map_err(describe)?;
    }
    if checks.try_state() {
        AllPalletsWithSystem::try_state(System::block_number(), TryStateSelect::All).map_err(describe)?;
    }
    Ok(before.saturating_add(migrations).saturating_add(pallets))
}

fn describe(error: impl Debug) -> String {
    format!("{error:?}")
}

/// A block with the pallets' invariants checked after it. Panics where one does not hold.
pub fn execute_block(
    block: <Block as BlockT>::LazyBlock,
    state_root_check: bool,
    signature_check: bool,
    select: TryStateSelect,
) -> Weight {
    match Executive::try_execute_block(block, state_root_check, signature_check, select) {
        Ok(weight) => weight,
        Err(error) => panic!("the block's checks failed: {error:?}"),
    }
}
