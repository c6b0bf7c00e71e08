// SPDX-License-Identifier: Apache-2.0
//! How blocks come about: who collates, and how fast the relay chain lets the chain grow.

use cumulus_pallet_parachain_system::RelayNumberMonotonicallyIncreases;
use cumulus_primitives_core::AggregateMessageOrigin;
use frame_support::{
    parameter_types,
    traits::{ConstBool, ConstU32, ConstU64, EnqueueWithOrigin},
    weights::Weight,
};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

use crate::{
    AccountId, Aura, Balances, HOURS, MessageQueue, Runtime, RuntimeEvent, SLOT_DURATION, SessionKeys, XcmpQueue,
    system::MAXIMUM_WEIGHT,
};

/// Blocks that may follow the last one that the relay chain has included.
const UNINCLUDED_SEGMENT_CAPACITY: u32 = 3;

/// Blocks for every block of the relay chain.
pub const BLOCK_PROCESSING_VELOCITY: u32 = 1;

const RELAY_CHAIN_SLOT_DURATION_MILLIS: u32 = 6_000;

/// How far behind the newest relay chain block a block is built.
pub const RELAY_PARENT_OFFSET: u32 = 0;

pub type ConsensusHook = cumulus_pallet_aura_ext::FixedVelocityConsensusHook<
    Runtime,
    RELAY_CHAIN_SLOT_DURATION_MILLIS,
    BLOCK_PROCESSING_VELOCITY,
    UNINCLUDED_SEGMENT_CAPACITY,
>;

parameter_types! {
    pub const ReservedWeight: Weight = MAXIMUM_WEIGHT.saturating_div(4);
    pub const RelayOrigin: AggregateMessageOrigin = AggregateMessageOrigin::Parent;
}

impl cumulus_pallet_parachain_system::Config for Runtime {
    type CheckAssociatedRelayNumber = RelayNumberMonotonicallyIncreases;
    type ConsensusHook = ConsensusHook;
    type DmpQueue = EnqueueWithOrigin<MessageQueue, RelayOrigin>;
    type OnSystemEvent = ();
    type OutboundXcmpMessageSource = XcmpQueue;
    type RelayParentOffset = ConstU32<RELAY_PARENT_OFFSET>;
    type ReservedDmpWeight = ReservedWeight;
    type ReservedXcmpWeight = ReservedWeight;
    type RuntimeEvent = RuntimeEvent;
    type SchedulingSignatureVerifier = ();
    type SelfParaId = staging_parachain_info::Pallet<Runtime>;
    type WeightInfo = crate::weights::cumulus_pallet_parachain_system::WeightInfo<Runtime>;
    type XcmpMessageHandler = XcmpQueue;
}

impl staging_parachain_info::Config for Runtime {}

impl pallet_aura::Config for Runtime {
    type AllowMultipleBlocksPerSlot = ConstBool<true>;
    type AuthorityId = AuraId;
    type DisabledValidators = ();
    type MaxAuthorities = ConstU32<32>;
    type SlotDuration = ConstU64<SLOT_DURATION>;
}

impl cumulus_pallet_aura_ext::Config for Runtime {}

impl pallet_authorship::Config for Runtime {
    type EventHandler = ();
    type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Aura>;
}

type Sessions = pallet_session::PeriodicSessions<ConstU32<{ 6 * HOURS }>, ConstU32<0>>;

impl pallet_session::Config for Runtime {
    type Currency = Balances;
    type DisablingStrategy = ();
    type KeyDeposit = ();
    type Keys = SessionKeys;
    type NextSessionRotation = Sessions;
    type RuntimeEvent = RuntimeEvent;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    // Nobody new: the collators are those of the genesis.
    type SessionManager = ();
    type ShouldEndSession = Sessions;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type WeightInfo = crate::weights::pallet_session::WeightInfo<Runtime>;
}
