// SPDX-License-Identifier: Apache-2.0
//! A runtime of as few pallets as the tests need.

use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU64, VariantCountOf},
    weights::Weight,
};
use sp_runtime::BuildStorage;

pub type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;

    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;

    #[runtime::pallet_index(2)]
    pub type Migrations = pallet_migrations;

    #[runtime::pallet_index(3)]
    pub type Attestations = crate;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u64>;
    type MultiBlockMigrator = Migrations;
    type SingleBlockMigrations = crate::migrations::policy::AddValidity<Test>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
}

parameter_types! {
    /// Of what the pallet of migrations itself takes, and of sixteen records, in a block.
    pub MaxServiceWeight: Weight = Weight::from_parts(5_000_000_000, 135_000 + 16 * 3_666);
}

#[derive_impl(pallet_migrations::config_preludes::TestDefaultConfig)]
impl pallet_migrations::Config for Test {
    #[cfg(not(feature = "runtime-benchmarks"))]
    type Migrations = crate::migrations::records::MoveRecords<Test>;
    #[cfg(feature = "runtime-benchmarks")]
    type Migrations = pallet_migrations::mock_helpers::MockedMigrations;
    type MaxServiceWeight = MaxServiceWeight;
}

pub const DEPOSIT: u64 = 10;
pub const VALIDITY: u64 = 100;

impl crate::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type AdminOrigin = frame_system::EnsureRoot<u64>;
    type Deposit = ConstU64<DEPOSIT>;
    type DefaultValidity = ConstU64<VALIDITY>;
    type WeightInfo = ();
}

/// Accounts 1 to 40 with 1000 each, at block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let storage = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: (1..=40).map(|who| (who, 1_000)).collect(),
            ..Default::default()
        },
        ..Default::default()
    }
    .build_storage();
    let mut ext = sp_io::TestExternalities::new(storage.expect("the genesis is made of constants"));
    ext.execute_with(|| System::set_block_number(1));
    ext
}
