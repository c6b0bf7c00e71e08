// SPDX-License-Identifier: Apache-2.0
//! Blocks: their limits and their time.

use frame_support::{
    derive_impl,
    dispatch::DispatchClass,
    parameter_types,
    traits::{ConstU32, ConstU64},
    weights::{
        Weight,
        constants::{BlockExecutionWeight, ExtrinsicBaseWeight, RocksDbWeight, WEIGHT_REF_TIME_PER_SECOND},
    },
};
use frame_system::limits::{BlockLength, BlockWeights};
use sp_runtime::Perbill;
use sp_version::RuntimeVersion;

use crate::{
    AccountId, Aura, Balance, Block, MultiBlockMigrations, Nonce, PalletInfo, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeOrigin, RuntimeTask, VERSION, release,
};

const NORMAL_RATIO: Perbill = Perbill::from_percent(75);

/// Two seconds of six, and what every relay chain lets through as a proof.
pub const MAXIMUM_WEIGHT: Weight = Weight::from_parts(WEIGHT_REF_TIME_PER_SECOND.saturating_mul(2), 5 * 1024 * 1024);

parameter_types! {
    pub const Version: RuntimeVersion = VERSION;
    pub const BlockHashCount: u32 = 4_096;
    pub const Ss58Prefix: u16 = 42;
    pub MaximumLength: BlockLength = BlockLength::builder()
        .max_length(5 * 1024 * 1024)
        .modify_max_length_for_class(DispatchClass::Normal, |max| *max = NORMAL_RATIO * *max)
        .build();
    pub MaximumWeights: BlockWeights = BlockWeights::builder()
        .base_block(BlockExecutionWeight::get())
        .for_class(DispatchClass::all(), |weights| weights.base_extrinsic = ExtrinsicBaseWeight::get())
        .for_class(DispatchClass::Normal, |weights| weights.max_total = Some(NORMAL_RATIO * MAXIMUM_WEIGHT))
        .for_class(DispatchClass::Operational, |weights| {
            weights.max_total = Some(MAXIMUM_WEIGHT);
            // So that an operational call, an upgrade's for one, fits into a block full of others.
            weights.reserved = Some(MAXIMUM_WEIGHT - NORMAL_RATIO * MAXIMUM_WEIGHT);
        })
        .avg_block_initialization(Perbill::from_percent(5))
        .build_or_panic();
}

#[derive_impl(frame_system::config_preludes::ParaChainDefaultConfig)]
impl frame_system::Config for Runtime {
    type AccountData = pallet_balances::AccountData<Balance>;
    type AccountId = AccountId;
    type Block = Block;
    type BlockHashCount = BlockHashCount;
    type BlockLength = MaximumLength;
    type BlockWeights = MaximumWeights;
    type DbWeight = RocksDbWeight;
    type MaxConsumers = ConstU32<16>;
    type MultiBlockMigrator = MultiBlockMigrations;
    type Nonce = Nonce;
    type OnSetCode = cumulus_pallet_parachain_system::ParachainSetCode<Self>;
    type SS58Prefix = Ss58Prefix;
    type SingleBlockMigrations = release::SingleBlockMigrations;
    type SystemWeightInfo = crate::weights::frame_system::WeightInfo<Runtime>;
    type Version = Version;
}

impl cumulus_pallet_weight_reclaim::Config for Runtime {
    type WeightInfo = crate::weights::cumulus_pallet_weight_reclaim::WeightInfo<Runtime>;
}

impl pallet_timestamp::Config for Runtime {
    // Collators may build several blocks on one relay chain slot, which then have the same time.
    type MinimumPeriod = ConstU64<0>;
    type Moment = u64;
    type OnTimestampSet = Aura;
    type WeightInfo = crate::weights::pallet_timestamp::WeightInfo<Runtime>;
}
