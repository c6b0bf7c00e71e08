// SPDX-License-Identifier: Apache-2.0
//! The migrations: those that this release runs once, and how those that take several blocks are run.

#[cfg(not(feature = "previous-release"))]
pub mod node_features;

use frame_support::{migrations::ForceUnstuckOnFailedMigration, parameter_types, traits::ConstU32, weights::Weight};
use sp_runtime::Perbill;

use crate::{Runtime, RuntimeEvent, release, system::MaximumWeights};

parameter_types! {
    /// A tenth: transactions wait while a migration goes on, blocks and inherents must not.
    pub MigrationWeight: Weight = Perbill::from_percent(10) * MaximumWeights::get().max_block;
}

impl pallet_migrations::Config for Runtime {
    type CursorMaxLen = ConstU32<65_536>;
    // Frozen, this chain could never be upgraded again: only its own transactions govern it.
    type FailedMigrationHandler = ForceUnstuckOnFailedMigration;
    type IdentifierMaxLen = ConstU32<256>;
    type MaxServiceWeight = MigrationWeight;
    type MigrationStatusHandler = ();
    type Migrations = release::MultiBlockMigrations;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
}
