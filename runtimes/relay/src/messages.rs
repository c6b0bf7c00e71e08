// SPDX-License-Identifier: Apache-2.0
//! The queues of messages: from parachains to here, from here to them, and between them.

use frame_support::{
    parameter_types,
    traits::{ConstU32, ProcessMessage, ProcessMessageError},
    weights::{Weight, WeightMeter},
};
use frame_system::EnsureRoot;
use polkadot_runtime_parachains::{
    configuration::ActiveConfigHrmpChannelSizeAndCapacityRatio,
    dmp, hrmp,
    inclusion::{AggregateMessageOrigin, UmpQueueId},
};
use sp_runtime::{Perbill, Percent};
use staging_xcm::latest::Junction;
use staging_xcm_builder::ProcessXcmMessage;
use staging_xcm_executor::XcmExecutor;

use crate::{
    AccountId, Balances, ParaInclusion, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, XcmPallet,
    system::MaximumWeights, weights::Estimate, xcm_config::XcmConfig,
};

/// The 65,531 bytes that the configuration has for a message, and five that the queue writes before each.
const PAGE: u32 = 64 * 1024;

parameter_types! {
    pub MessageWeight: Weight = Perbill::from_percent(20) * MaximumWeights::get().max_block;
    pub const SystemChannelRatio: Percent = Percent::from_percent(100);
}

/// Executes what a parachain has sent here.
pub struct UpwardMessages;

impl ProcessMessage for UpwardMessages {
    type Origin = AggregateMessageOrigin;

    fn process_message(
        message: &[u8],
        origin: AggregateMessageOrigin,
        meter: &mut WeightMeter,
        id: &mut [u8; 32],
    ) -> Result<bool, ProcessMessageError> {
        let AggregateMessageOrigin::Ump(UmpQueueId::Para(para)) = origin;
        let sender = Junction::Parachain(para.into());
        ProcessXcmMessage::<Junction, XcmExecutor<XcmConfig>, RuntimeCall>::process_message(message, sender, meter, id)
    }
}

impl pallet_message_queue::Config for Runtime {
    type HeapSize = ConstU32<PAGE>;
    type IdleMaxServiceWeight = MessageWeight;
    type MaxStale = ConstU32<48>;
    type MessageProcessor = UpwardMessages;
    type QueueChangeHandler = ParaInclusion;
    type QueuePausedQuery = ();
    type RuntimeEvent = RuntimeEvent;
    type ServiceWeight = MessageWeight;
    type Size = u32;
    type WeightInfo = ();
}

impl dmp::Config for Runtime {
    type WeightInfo = ();
}

impl hrmp::Config for Runtime {
    type ChannelManager = EnsureRoot<AccountId>;
    type Currency = Balances;
    type DefaultChannelSizeAndCapacityWithSystem =
        ActiveConfigHrmpChannelSizeAndCapacityRatio<Runtime, SystemChannelRatio>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type VersionWrapper = XcmPallet;
    type WeightInfo = Estimate;
}
