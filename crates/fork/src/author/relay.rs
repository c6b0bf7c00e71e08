// SPDX-License-Identifier: Apache-2.0
//! What a parachain's block is told of its relay chain: validation data with a relay state made for the purpose.
//! The runtime checks the proof of that state as it would check a real one; only its content is ours.

use super::{
    Wish,
    slots::{RELAY_SLOT_DURATION, Slot},
};
use crate::{
    chain::Chain,
    executor::{Code, Executor},
    layout::Layout,
};
use codec::Decode;
use cumulus_primitives_core::{
    AbridgedHostConfiguration, AbridgedHrmpChannel, InboundDownwardMessage, ParaId, PersistedValidationData,
    relay_chain::{AsyncBackingParams, HeadData, HrmpChannelId},
};
use cumulus_primitives_parachain_inherent::{
    INHERENT_IDENTIFIER, PARACHAIN_INHERENT_IDENTIFIER_V0, ParachainInherentData,
};
use cumulus_test_relay_sproof_builder::RelayStateSproofBuilder;
use sp_inherents::InherentData;
use sp_runtime::traits::{BlakeTwo256, Hash as _};
use worker::{Failure, Result};

/// Bytes of a PoV that relay chains accept today: 10 MiB.
const MAX_POV_SIZE: u32 = 10 * 1024 * 1024;
/// The code size limit of Polkadot's parachains, where the chain's own state does not tell another.
const MAX_CODE_SIZE: u32 = 3_145_728;

pub struct RelayView;

impl RelayView {
    #[allow(clippy::too_many_arguments, reason = "the view is derived from all that the block stands on")]
    pub(super) fn put_inherents(
        &self,
        inherents: &mut InherentData,
        chain: &Chain,
        layout: &Layout,
        executor: &Executor,
        code: &Code,
        slot: &Slot,
        wish: &Wish,
    ) -> Result<()> {
        let parachain_system = layout
            .parachain_system()
            .ok_or_else(|| Failure::internal("a relay view was asked for without a parachain system"))?;
        let last_relay_block = chain
            .storage(&parachain_system.key("LastRelayChainBlockNumber"))?
            .and_then(|bytes| u32::decode(&mut &bytes[..]).ok())
            .unwrap_or(0);
        // As many relay blocks pass as fit into the slot, one at least.
        let passed = u32::try_from(slot.duration / RELAY_SLOT_DURATION).unwrap_or(1).max(1);

        let mut builder = RelayStateSproofBuilder {
            para_id: self.para_id(chain, layout),
            host_config: self.host_configuration(chain, &parachain_system.key("HostConfiguration"))?,
            current_slot: (slot.timestamp / RELAY_SLOT_DURATION).into(),
            upgrade_go_ahead: wish.signal,
            included_para_head: Some(HeadData(super::head_data(chain))),
            ..Default::default()
        };
        // The queue heads that the chain last saw, or it would take its own messages for lost.
        builder.dmq_mqc_head = chain
            .storage(&parachain_system.key("LastDmqMqcHead"))?
            .and_then(|bytes| sp_core::H256::decode(&mut &bytes[..]).ok())
            .filter(|head| !head.is_zero());
        let relay_parent_number = last_relay_block.saturating_add(passed);
        let downward_messages: Vec<_> = wish
            .downward
            .iter()
            .map(|message| InboundDownwardMessage { sent_at: relay_parent_number, msg: message.clone() })
            .collect();
        for message in &downward_messages {
            // The chain of hashes by which the relay chain vouches for the queue.
            let before = builder.dmq_mqc_head.unwrap_or_default();
            let link = (before, message.sent_at, BlakeTwo256::hash_of(&message.msg));
            builder.dmq_mqc_head = Some(BlakeTwo256::hash_of(&link));
        }

        channels(&mut builder, chain, &parachain_system.key("RelevantMessagingState"))?;

        let offset = chain
            .call(executor, code, "RelayParentOffsetApi_relay_parent_offset", &[])
            .ok()
            .and_then(|bytes| u32::decode(&mut &bytes[..]).ok())
            .unwrap_or(0);
        // A hostile runtime must not make us sign headers for ever; the real ones ask for one or two.
        if offset > 64 {
            return Err(Failure::check("the runtime asks for an implausible relay parent offset")
                .found(offset.to_string())
                .expected("a few relay blocks"));
        }
        let (relay_parent_storage_root, relay_chain_state, relay_parent_descendants) = match offset {
            0 => {
                let (root, proof) = builder.into_state_root_and_proof();
                (root, proof, Vec::new())
            }
            offset => builder.into_state_root_proof_and_descendants(u64::from(offset)),
        };
        let data = ParachainInherentData {
            validation_data: PersistedValidationData {
                parent_head: HeadData(super::head_data(chain)),
                relay_parent_number,
                relay_parent_storage_root,
                max_pov_size: MAX_POV_SIZE,
            },
            relay_chain_state,
            downward_messages,
            horizontal_messages: Default::default(),
            relay_parent_descendants,
            collator_peer_id: None,
        };
        let refused =
            |error: sp_inherents::Error| Failure::internal("inherent data was refused").found(error.to_string());
        // Older runtimes decode a prefix of today's data under the older identifier.
        inherents.put_data(PARACHAIN_INHERENT_IDENTIFIER_V0, &data).map_err(refused)?;
        inherents.put_data(INHERENT_IDENTIFIER, &data).map_err(refused)
    }

    fn para_id(&self, chain: &Chain, layout: &Layout) -> ParaId {
        layout
            .pallet_with(&["ParachainId"], None)
            .and_then(|pallet| chain.storage(&pallet.key("ParachainId")).ok().flatten())
            .and_then(|bytes| u32::decode(&mut &bytes[..]).ok())
            .unwrap_or(100)
            .into()
    }

    /// The relay chain's configuration as the chain last saw it; at genesis, today's usual one.
    fn host_configuration(&self, chain: &Chain, key: &[u8]) -> Result<AbridgedHostConfiguration> {
        let known = chain.storage(key)?.and_then(|bytes| AbridgedHostConfiguration::decode(&mut &bytes[..]).ok());
        Ok(known.unwrap_or(AbridgedHostConfiguration {
            max_code_size: MAX_CODE_SIZE,
            max_head_data_size: 20_480,
            max_upward_queue_count: 174_762,
            max_upward_queue_size: 1_048_576,
            max_upward_message_size: 65_531,
            max_upward_message_num_per_candidate: 16,
            hrmp_max_message_num_per_candidate: 10,
            validation_upgrade_cooldown: 14_400,
            validation_upgrade_delay: 600,
            async_backing_params: AsyncBackingParams { max_candidate_depth: 3, allowed_ancestry_len: 2 },
        }))
    }
}

/// Channels by the parachain at the other end.
type Channels = Vec<(ParaId, AbridgedHrmpChannel)>;

/// The channels to and from other parachains, as the chain last saw them: without them nothing could be sent there, and a
/// message that came would be one of nowhere.
fn channels(builder: &mut RelayStateSproofBuilder, chain: &Chain, key: &[u8]) -> Result<()> {
    let Some(bytes) = chain.storage(key)? else { return Ok(()) };
    // `MessagingStateSnapshot`: the head of the downward queue, two numbers of the upward one, then the channels.
    let decoded = <(sp_core::H256, (u32, u32), Channels, Channels)>::decode(&mut &bytes[..]);
    let Ok((_, _, ingress, egress)) = decoded else { return Ok(()) };
    let ids = |channels: &Channels| Some(channels.iter().map(|(id, _)| *id).collect());
    builder.hrmp_ingress_channel_index = ids(&ingress);
    builder.hrmp_egress_channel_index = ids(&egress);
    let own = builder.para_id;
    let known = ingress
        .into_iter()
        .map(|(id, channel)| (HrmpChannelId { sender: id, recipient: own }, channel))
        .chain(egress.into_iter().map(|(id, channel)| (HrmpChannelId { sender: own, recipient: id }, channel)));
    builder.hrmp_channels.extend(known);
    Ok(())
}
