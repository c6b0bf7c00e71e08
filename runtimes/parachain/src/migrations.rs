// SPDX-License-Identifier: Apache-2.0
//! Multi-block migrations, and the pallet that has one.

use frame_support::{
    migrations::FreezeChainOnFailedMigration,
    parameter_types,
    traits::{ConstU32, ConstU128},
    weights::Weight,
};
use frame_system::EnsureRoot;
use sp_runtime::Perbill;

use crate::{AccountId, Balances, DAYS, Runtime, RuntimeEvent, RuntimeHoldReason, UNIT, system::MaximumWeights};

parameter_types! {
    /// A tenth: transactions wait while a migration goes on, blocks and inherents must not.
    pub MigrationWeight: Weight = Perbill::from_percent(10) * MaximumWeights::get().max_block;
}

impl pallet_migrations::Config for Runtime {
    type CursorMaxLen = ConstU32<65_536>;
    // Calls on half-migrated state could lose deposits: wait for the relay chain, whose messages are inherents' work.
    type FailedMigrationHandler = FreezeChainOnFailedMigration;
    type IdentifierMaxLen = ConstU32<256>;
    type MaxServiceWeight = MigrationWeight;
    type MigrationStatusHandler = ();
    #[cfg(not(feature = "runtime-benchmarks"))]
    type Migrations = crate::release::MultiBlockMigrations;
    #[cfg(feature = "runtime-benchmarks")]
    type Migrations = pallet_migrations::mock_helpers::MockedMigrations;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = crate::weights::pallet_migrations::WeightInfo<Runtime>;
}

impl pallet_attestations::Config for Runtime {
    type AdminOrigin = EnsureRoot<AccountId>;
    type Currency = Balances;
    type DefaultValidity = ConstU32<{ 90 * DAYS }>;
    type Deposit = ConstU128<UNIT>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = crate::weights::pallet_attestations::WeightInfo<Runtime>;
}
