// SPDX-License-Identifier: Apache-2.0
//! What other chains may have this one do.
//!
//! Parachains act here as their own accounts, or as themselves. None of them may act as root: sudo governs.

use frame_support::{
    parameter_types,
    traits::{ConstU32, Disabled, Equals, Everything, Nothing},
    weights::{IdentityFee, Weight},
};
use frame_system::EnsureRoot;
use polkadot_primitives::Id as ParaId;
use polkadot_runtime_common::xcm_sender::{ChildParachainRouter, NoPriceForMessageDelivery};
use polkadot_runtime_parachains::origin;
use staging_xcm::latest::prelude::*;
use staging_xcm_builder::{
    AccountId32Aliases, AllowExplicitUnpaidExecutionFrom, AllowKnownQueryResponses, AllowSubscriptionsFrom,
    AllowTopLevelPaidExecutionFrom, ChildParachainAsNative, ChildParachainConvertsVia, EnsureXcmOrigin,
    FixedWeightBounds, FrameTransactionalProcessor, FungibleAdapter, IsChildSystemParachain, IsConcrete,
    SignedAccountId32AsNative, SignedToAccountId32, SovereignSignedViaLocation, TakeWeightCredit, TrailingSetTopicAsId,
    UsingComponents, WithComputedOrigin, WithUniqueTopic,
};
use staging_xcm_executor::XcmExecutor;

use crate::{
    AccountId, AllPalletsWithSystem, Balance, Balances, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, XcmPallet,
};

parameter_types! {
    pub const HereLocation: Location = Location::here();
    // The chain has no name among networks: accounts are located without one.
    pub const RelayNetwork: Option<NetworkId> = None;
    pub const UniversalLocation: InteriorLocation = Here;
    pub const InstructionWeight: Weight = Weight::from_parts(1_000_000_000, 64 * 1024);
    pub const MaxInstructions: u32 = 100;
}

/// The account that a location has here.
pub type LocationToAccountId =
    (ChildParachainConvertsVia<ParaId, AccountId>, AccountId32Aliases<RelayNetwork, AccountId>);

/// The origin that a call sent from a location has here.
pub type OriginConverter = (
    SovereignSignedViaLocation<LocationToAccountId, RuntimeOrigin>,
    ChildParachainAsNative<origin::Origin, RuntimeOrigin>,
    SignedAccountId32AsNative<RelayNetwork, RuntimeOrigin>,
);

/// Who need not pay: the parachains of the system, and root.
pub type Unpaid = (IsChildSystemParachain<ParaId>, Equals<HereLocation>);

/// Which messages are executed at all.
pub type Barrier = TrailingSetTopicAsId<(
    TakeWeightCredit,
    AllowKnownQueryResponses<XcmPallet>,
    WithComputedOrigin<
        (
            AllowTopLevelPaidExecutionFrom<Everything>,
            AllowExplicitUnpaidExecutionFrom<Unpaid>,
            AllowSubscriptionsFrom<Everything>,
        ),
        UniversalLocation,
        ConstU32<8>,
    >,
)>;

/// The only asset is the chain's own token.
pub type AssetTransactor = FungibleAdapter<Balances, IsConcrete<HereLocation>, LocationToAccountId, AccountId, ()>;

pub type Weigher = FixedWeightBounds<InstructionWeight, RuntimeCall, MaxInstructions>;

/// To a parachain, by its queue of downward messages.
pub type XcmRouter = WithUniqueTopic<ChildParachainRouter<Runtime, XcmPallet, NoPriceForMessageDelivery<ParaId>>>;

pub type LocalOriginToLocation = SignedToAccountId32<RuntimeOrigin, AccountId, RelayNetwork>;

/// How messages are executed.
pub struct XcmConfig;

impl staging_xcm_executor::Config for XcmConfig {
    type Aliasers = Nothing;
    type AssetExchanger = ();
    type AssetLocker = ();
    type AssetTransactor = AssetTransactor;
    type AssetTrap = XcmPallet;
    type Barrier = Barrier;
    type CallDispatcher = RuntimeCall;
    type FeeManager = ();
    type HrmpChannelAcceptedHandler = ();
    type HrmpChannelClosingHandler = ();
    type HrmpNewChannelOpenRequestHandler = ();
    type IsReserve = ();
    type IsTeleporter = ();
    type MaxAssetsIntoHolding = ConstU32<64>;
    type MessageExporter = ();
    type OriginConverter = OriginConverter;
    type PalletInstancesInfo = AllPalletsWithSystem;
    type ResponseHandler = XcmPallet;
    type RuntimeCall = RuntimeCall;
    type SafeCallFilter = Everything;
    type SubscriptionService = XcmPallet;
    type Trader = UsingComponents<IdentityFee<Balance>, HereLocation, AccountId, Balances, ()>;
    type TransactionalProcessor = FrameTransactionalProcessor;
    type UniversalAliases = Nothing;
    type UniversalLocation = UniversalLocation;
    type Weigher = Weigher;
    type XcmEventEmitter = XcmPallet;
    type XcmRecorder = XcmPallet;
    type XcmSender = XcmRouter;
}

impl pallet_xcm::Config for Runtime {
    const VERSION_DISCOVERY_QUEUE_SIZE: u32 = 100;

    type AdminOrigin = EnsureRoot<AccountId>;
    type AdvertisedXcmVersion = pallet_xcm::CurrentXcmVersion;
    type AuthorizedAliasConsideration = Disabled;
    type Currency = Balances;
    type CurrencyMatcher = ();
    type ExecuteXcmOrigin = EnsureXcmOrigin<RuntimeOrigin, LocalOriginToLocation>;
    type MaxLockers = ConstU32<8>;
    type MaxRemoteLockConsumers = ConstU32<0>;
    type RemoteLockConsumerIdentifier = ();
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    // Root's programs for other chains, and no users' own.
    type SendXcmOrigin = EnsureXcmOrigin<RuntimeOrigin, ()>;
    type SovereignAccountOf = LocationToAccountId;
    type TrustedLockers = ();
    type UniversalLocation = UniversalLocation;
    type Weigher = Weigher;
    // The SDK's only weights of it that are no chain's own: a tenth of a millisecond for each call.
    type WeightInfo = pallet_xcm::TestWeightInfo;
    type XcmExecuteFilter = Everything;
    type XcmExecutor = XcmExecutor<XcmConfig>;
    type XcmReserveTransferFilter = Everything;
    type XcmRouter = XcmRouter;
    type XcmTeleportFilter = Nothing;
}
