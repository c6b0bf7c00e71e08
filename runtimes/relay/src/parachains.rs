// SPDX-License-Identifier: Apache-2.0
//! Parachains: which there are, what code they run, which cores they have, and how their blocks are included.

use frame_support::{
    PalletId, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128},
    weights::Weight,
};
use frame_system::EnsureRoot;
use polkadot_runtime_common::{paras_registrar, paras_sudo_wrapper};
use polkadot_runtime_parachains::{
    configuration, coretime, disputes, inclusion, initializer, on_demand, origin, paras, paras_inherent, scheduler,
    session_info, shared,
};
use sp_runtime::{FixedU128, traits::AccountIdConversion};
use staging_xcm::latest::{InteriorLocation, Junction};
use staging_xcm_builder::AliasesIntoAccountId32;

use crate::{
    AccountId, Babe, Balances, Coretime, DAYS, MINUTES, MessageQueue, ParaInclusion, ParaScheduler, ParasDisputes,
    Registrar, Runtime, RuntimeEvent, RuntimeOrigin, Session, UNIT,
    accounts::deposit,
    consensus::Validators,
    weights::Estimate,
    xcm_config::{AssetTransactor, RelayNetwork, XcmRouter},
};

/// The number that Polkadot's chain of cores has. No such chain is needed: root assigns cores too.
const BROKER: u32 = 1_005;

parameter_types! {
    pub BrokerPot: InteriorLocation = Junction::AccountId32 {
        network: None,
        id: PalletId(*b"py/broke").into_account_truncating(),
    }
    .into();
    pub const BrokerCallWeight: Weight = Weight::from_parts(200_000_000, 20_000);
    pub const OnDemandPalletId: PalletId = PalletId(*b"py/ondmd");
    pub const OnDemandTraffic: FixedU128 = FixedU128::from_u32(1);
}

impl origin::Config for Runtime {}

impl configuration::Config for Runtime {
    type WeightInfo = Estimate;
}

impl shared::Config for Runtime {
    type DisabledValidators = Session;
}

impl session_info::Config for Runtime {
    type ValidatorSet = Validators;
}

impl inclusion::Config for Runtime {
    type DisputesHandler = ParasDisputes;
    type MessageQueue = MessageQueue;
    type RewardValidators = ();
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = Estimate;
}

impl paras_inherent::Config for Runtime {
    type WeightInfo = Estimate;
}

impl scheduler::Config for Runtime {}

impl paras::Config for Runtime {
    type AssignCoretime = ParaScheduler;
    type AuthorizeCurrentCodeOrigin = EnsureRoot<AccountId>;
    // To upgrade again a day early costs a thousand CUT.
    type CooldownRemovalMultiplier = ConstU128<{ 1_000 * UNIT / DAYS as u128 }>;
    type Fungible = Balances;
    type NextSessionRotation = Babe;
    type OnNewHead = Registrar;
    type QueueFootprinter = ParaInclusion;
    type RuntimeEvent = RuntimeEvent;
    type UnsignedPriority = ConstU64<{ u64::MAX }>;
    type WeightInfo = Estimate;
}

impl initializer::Config for Runtime {
    type CoretimeOnNewSession = Coretime;
    type ForceOrigin = EnsureRoot<AccountId>;
    type Randomness = pallet_babe::RandomnessFromOneEpochAgo<Runtime>;
    type WeightInfo = Estimate;
}

impl disputes::Config for Runtime {
    type RewardValidators = ();
    type RuntimeEvent = RuntimeEvent;
    // Who loses a dispute cannot be slashed: there is no staking.
    type SlashingHandler = ();
    type WeightInfo = Estimate;
}

impl on_demand::Config for Runtime {
    type Currency = Balances;
    type MaxHistoricalRevenue = ConstU32<{ 16 * MINUTES }>;
    type PalletId = OnDemandPalletId;
    type RuntimeEvent = RuntimeEvent;
    type TrafficDefaultValue = OnDemandTraffic;
    type WeightInfo = Estimate;
}

impl coretime::Config for Runtime {
    type AccountToLocation = AliasesIntoAccountId32<RelayNetwork, AccountId>;
    type AssetTransactor = AssetTransactor;
    type BrokerId = ConstU32<BROKER>;
    type BrokerPotLocation = BrokerPot;
    type MaxXcmTransactWeight = BrokerCallWeight;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type SendXcm = XcmRouter;
    type WeightInfo = Estimate;
}

impl paras_registrar::Config for Runtime {
    type Currency = Balances;
    type DataDepositPerByte = ConstU128<{ deposit(0, 1) }>;
    type OnSwap = ();
    type ParaDeposit = ConstU128<{ 40 * UNIT }>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type WeightInfo = Estimate;
}

impl paras_sudo_wrapper::Config for Runtime {}
