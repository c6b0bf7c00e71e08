// SPDX-License-Identifier: Apache-2.0
//! The upgrade with its checks, for tools.

use frame_support::{traits::TryStateSelect, weights::Weight};
use frame_try_runtime::UpgradeCheckSelect;
use sp_runtime::traits::Block as BlockT;

use crate::{Block, Executive, system::MaximumWeights};

/// The weight it took, and that of a whole block. Panics where a check fails: the API has no other way to say so.
pub fn on_runtime_upgrade(checks: UpgradeCheckSelect) -> (Weight, Weight) {
    match Executive::try_runtime_upgrade(checks) {
        Ok(weight) => (weight, MaximumWeights::get().max_block),
        Err(error) => panic!("the upgrade's checks failed: {error:?}"),
    }
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
