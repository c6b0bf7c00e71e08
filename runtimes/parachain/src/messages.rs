// SPDX-License-Identifier: Apache-2.0
//! The queues that messages from the relay chain and from sibling parachains wait in.

use cumulus_primitives_core::{AggregateMessageOrigin, ParaId};
use frame_support::{
    parameter_types,
    traits::{ConstU32, QueueFootprint, QueuePausedQuery, TransformOrigin},
    weights::Weight,
};
use frame_system::EnsureRoot;
use pallet_message_queue::OnQueueChanged;
use sp_runtime::{Perbill, traits::Convert};

use crate::{
    AccountId, MessageQueue, ParachainSystem, PolkadotXcm, Runtime, RuntimeEvent, XcmpQueue, system::MaximumWeights,
    xcm_config::OriginConverter,
};

/// Above the 102,400 bytes that channels between parachains have for a message.
const LARGEST_PAGE: u32 = 103 * 1024;

parameter_types! {
    pub MessageWeight: Weight = Perbill::from_percent(35) * MaximumWeights::get().max_block;
}

/// The queue of messages from siblings knows of those only, not of the relay chain's.
pub struct SiblingsOnly;

impl QueuePausedQuery<AggregateMessageOrigin> for SiblingsOnly {
    fn is_paused(origin: &AggregateMessageOrigin) -> bool {
        matches!(origin, AggregateMessageOrigin::Sibling(para) if XcmpQueue::is_paused(para))
    }
}

impl OnQueueChanged<AggregateMessageOrigin> for SiblingsOnly {
    fn on_queue_changed(origin: AggregateMessageOrigin, footprint: QueueFootprint) {
        if let AggregateMessageOrigin::Sibling(para) = origin {
            XcmpQueue::on_queue_changed(para, footprint);
        }
    }
}

/// Where a sibling's messages queue.
pub struct AsSibling;

impl Convert<ParaId, AggregateMessageOrigin> for AsSibling {
    fn convert(para: ParaId) -> AggregateMessageOrigin {
        AggregateMessageOrigin::Sibling(para)
    }
}

impl pallet_message_queue::Config for Runtime {
    type HeapSize = ConstU32<LARGEST_PAGE>;
    type IdleMaxServiceWeight = MessageWeight;
    type MaxStale = ConstU32<8>;
    #[cfg(not(feature = "runtime-benchmarks"))]
    type MessageProcessor = staging_xcm_builder::ProcessXcmMessage<
        AggregateMessageOrigin,
        staging_xcm_executor::XcmExecutor<crate::xcm_config::XcmConfig>,
        crate::RuntimeCall,
    >;
    #[cfg(feature = "runtime-benchmarks")]
    type MessageProcessor = pallet_message_queue::mock_helpers::NoopMessageProcessor<AggregateMessageOrigin>;
    type QueueChangeHandler = SiblingsOnly;
    type QueuePausedQuery = SiblingsOnly;
    type RuntimeEvent = RuntimeEvent;
    type ServiceWeight = MessageWeight;
    type Size = u32;
    type WeightInfo = crate::weights::pallet_message_queue::WeightInfo<Runtime>;
}

impl cumulus_pallet_xcmp_queue::Config for Runtime {
    type ChannelInfo = ParachainSystem;
    type ControllerOrigin = EnsureRoot<AccountId>;
    type ControllerOriginConverter = OriginConverter;
    type MaxActiveOutboundChannels = ConstU32<128>;
    type MaxInboundSuspended = ConstU32<1_000>;
    type MaxPageSize = ConstU32<LARGEST_PAGE>;
    type PriceForSiblingDelivery = polkadot_runtime_common::xcm_sender::NoPriceForMessageDelivery<ParaId>;
    type RuntimeEvent = RuntimeEvent;
    type VersionWrapper = PolkadotXcm;
    type WeightInfo = crate::weights::cumulus_pallet_xcmp_queue::WeightInfo<Runtime>;
    type XcmpQueue = TransformOrigin<MessageQueue, AggregateMessageOrigin, ParaId, AsSibling>;
}
