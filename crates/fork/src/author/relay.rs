// SPDX-License-Identifier: Apache-2.0
//! The relay chain as the next block of a parachain sees it: validation data with a relay state
//! made for this purpose. The runtime verifies the proof of that state as it verifies a real one.

use super::{
    BlockRequest,
    slots::{RELAY_SLOT_DURATION, Slot},
};
use crate::{
    chain::Chain,
    executor::{Code, Executor},
    layout::Layout,
};
use codec::{Decode, Encode};
use cumulus_primitives_core::{
    AbridgedHostConfiguration, AbridgedHrmpChannel, InboundDownwardMessage, InboundHrmpMessage, ParaId,
    PersistedValidationData,
    relay_chain::{self, AsyncBackingParams, HeadData, HrmpChannelId},
};
use cumulus_primitives_parachain_inherent::{
    INHERENT_IDENTIFIER, PARACHAIN_INHERENT_IDENTIFIER_V0, ParachainInherentData,
};
use cumulus_test_relay_sproof_builder::{
    RelayStateSproofBuilder, build_relay_parent_descendants, generate_authority_pairs,
};
use sp_core::H256;
use sp_inherents::{InherentData, InherentIdentifier};
use sp_runtime::{
    StateVersion,
    traits::{BlakeTwo256, Hash as _},
};
use sp_state_machine::{Backend, InMemoryBackend, IterArgs, StorageProof, TrieBackendBuilder, prove_read};
use std::collections::BTreeMap;
use worker::{Failure, Result};

/// A relay block that a parachain block is built on, as collators learn it from a relay node.
#[derive(Clone)]
pub struct RelayParent {
    /// The slot of the relay block.
    pub slot: u64,
    /// The number of the relay block.
    pub number: u32,
    /// The state root of the relay block.
    pub state_root: H256,
    /// The maximum PoV size in bytes that the relay chain accepts.
    pub max_pov_size: u32,
    /// The read proof of the part of the relay chain's state that the parachain reads.
    pub state: StorageProof,
    /// The messages from the relay chain that wait for the parachain.
    pub downward_messages: Vec<InboundDownwardMessage>,
    /// The messages of other parachains that wait for the parachain, by their senders.
    pub horizontal_messages: BTreeMap<ParaId, Vec<InboundHrmpMessage>>,
    /// The relay block's own header and those of the blocks after it, oldest first, if the parachain
    /// builds behind the newest relay block.
    pub descendants: Vec<relay_chain::Header>,
}

impl RelayParent {
    /// Returns the time of the relay block in milliseconds.
    pub(super) fn timestamp(&self) -> u64 {
        self.slot.saturating_mul(RELAY_SLOT_DURATION)
    }

    /// Returns the data of the relay block for the block after the last one of `chain`.
    pub(super) fn inherent_data(&self, chain: &Chain) -> ParachainInherentData {
        ParachainInherentData {
            validation_data: PersistedValidationData {
                parent_head: HeadData(super::head_data(chain)),
                relay_parent_number: self.number,
                relay_parent_storage_root: self.state_root,
                max_pov_size: self.max_pov_size,
            },
            relay_chain_state: self.state.clone(),
            downward_messages: self.downward_messages.clone(),
            horizontal_messages: self.horizontal_messages.clone(),
            relay_parent_descendants: self.descendants.clone(),
            collator_peer_id: None,
        }
    }
}

/// The maximum PoV size that relay chains accept today: 10 MiB.
const MAX_POV_SIZE: u32 = 10 * 1024 * 1024;
/// The maximum code size of Polkadot's parachains, used if the chain's state has no other.
const MAX_CODE_SIZE: u32 = 3_145_728;

/// The inherent of a parachain that notes the heads of others (`tp-author-noting-inherent`). It
/// receives the same relay state, in which no other parachain has a head.
const AUTHOR_NOTING: InherentIdentifier = *b"auno1337";

/// The maximum relay parent offset. It keeps a hostile runtime from making Cutover sign headers
/// without end; known runtimes use one or two.
const MAX_RELAY_PARENT_OFFSET: u32 = 64;

/// Derives the relay chain's state and inherents from the parachain's state.
pub struct RelayView;

/// Returns the number of the relay block that the next block is built on.
///
/// As many relay blocks pass as fit into the slot, at least one; none if the relay parent is used
/// `again`.
pub(super) fn parent_number(chain: &Chain, layout: &Layout, slot: &Slot, again: bool) -> Result<Option<u32>> {
    let Some(parachain_system) = layout.parachain_system() else { return Ok(None) };
    let last = chain
        .storage(&parachain_system.key("LastRelayChainBlockNumber"))?
        .and_then(|bytes| u32::decode(&mut &bytes[..]).ok())
        .unwrap_or(0);
    let passed = if again { 0 } else { u32::try_from(slot.duration / RELAY_SLOT_DURATION).unwrap_or(1).max(1) };
    Ok(Some(last.saturating_add(passed)))
}

/// Puts the relay chain's data into the inherent data of a parachain's block.
pub(super) fn put_inherents(inherents: &mut InherentData, data: &ParachainInherentData) -> Result<()> {
    let refused = |error: sp_inherents::Error| Failure::internal("inherent data was refused").found(error.to_string());
    inherents.put_data(AUTHOR_NOTING, &data.relay_chain_state).map_err(refused)?;
    // Older runtimes decode a prefix of today's data under the older identifier.
    inherents.put_data(PARACHAIN_INHERENT_IDENTIFIER_V0, data).map_err(refused)?;
    inherents.put_data(INHERENT_IDENTIFIER, data).map_err(refused)
}

impl RelayView {
    /// Returns the data of a relay block that is made for this parachain block alone.
    pub(super) fn inherent_data(
        &self,
        chain: &Chain,
        layout: &Layout,
        executor: &Executor,
        code: &Code,
        slot: &Slot,
        request: &BlockRequest,
    ) -> Result<ParachainInherentData> {
        let parachain_system = layout
            .parachain_system()
            .ok_or_else(|| Failure::internal("relay chain data was requested without a parachain system"))?;
        let relay_parent_number = parent_number(chain, layout, slot, request.again)?.unwrap_or_default();

        let mut builder = RelayStateSproofBuilder {
            para_id: self.para_id(chain, layout),
            host_config: self.host_configuration(chain, &parachain_system.key("HostConfiguration"))?,
            current_slot: (slot.timestamp / RELAY_SLOT_DURATION).into(),
            upgrade_go_ahead: request.signal,
            included_para_head: Some(HeadData(
                request.included.as_ref().map_or_else(|| super::head_data(chain), |header| header.encode()),
            )),
            ..Default::default()
        };
        // The heads of the message queues as the chain last saw them. Otherwise it would consider
        // its own messages lost.
        builder.dmq_mqc_head = chain
            .storage(&parachain_system.key("LastDmqMqcHead"))?
            .and_then(|bytes| sp_core::H256::decode(&mut &bytes[..]).ok())
            .filter(|head| !head.is_zero());
        let downward_messages: Vec<_> = request
            .downward
            .iter()
            .map(|message| InboundDownwardMessage { sent_at: relay_parent_number, msg: message.clone() })
            .collect();
        for message in &downward_messages {
            // The hash chain with which the relay chain proves the queue.
            let before = builder.dmq_mqc_head.unwrap_or_default();
            let link = (before, message.sent_at, BlakeTwo256::hash_of(&message.msg));
            builder.dmq_mqc_head = Some(BlakeTwo256::hash_of(&link));
        }

        channels(&mut builder, chain, &parachain_system.key("RelevantMessagingState"))?;
        let heads = parachain_system.key("LastHrmpMqcHeads");
        let horizontal_messages = hrmp_messages(&mut builder, chain, &heads, request, relay_parent_number)?;

        let offset = match request.relay_parent_offset {
            Some(offset) => offset,
            None => chain
                .call(executor, code, "RelayParentOffsetApi_relay_parent_offset", &[])
                .ok()
                .and_then(|bytes| u32::decode(&mut &bytes[..]).ok())
                .unwrap_or(0),
        };
        if offset > MAX_RELAY_PARENT_OFFSET {
            return Err(Failure::check("the runtime has an implausible relay parent offset")
                .found(offset.to_string())
                .expected("a few relay blocks"));
        }
        let authorities = generate_authority_pairs(builder.num_authorities);
        let (relay_parent_storage_root, relay_chain_state) = state_and_proof(builder, chain.state_version())?;
        let relay_parent_descendants = match offset {
            0 => Vec::new(),
            offset => build_relay_parent_descendants(u64::from(offset) + 1, relay_parent_storage_root, authorities),
        };
        Ok(ParachainInherentData {
            validation_data: PersistedValidationData {
                parent_head: HeadData(super::head_data(chain)),
                relay_parent_number,
                relay_parent_storage_root,
                max_pov_size: MAX_POV_SIZE,
            },
            relay_chain_state,
            downward_messages,
            horizontal_messages,
            relay_parent_descendants,
            collator_peer_id: None,
        })
    }

    fn para_id(&self, chain: &Chain, layout: &Layout) -> ParaId {
        layout
            .pallet_with(&["ParachainId"], None)
            .and_then(|pallet| chain.storage(&pallet.key("ParachainId")).ok().flatten())
            .and_then(|bytes| u32::decode(&mut &bytes[..]).ok())
            .unwrap_or(100)
            .into()
    }

    /// Returns the relay chain's configuration as the chain last saw it. At genesis it is today's
    /// usual one.
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

/// Builds the relay chain's state and its proof in the trie layout that the runtime reads.
///
/// A runtime from before state version 1 cannot read a trie with hashed values; a runtime with
/// state version 1 reads both layouts. The proof contains the whole state, so that the absence of
/// any other key is proven too.
fn state_and_proof(builder: RelayStateSproofBuilder, version: StateVersion) -> Result<(H256, StorageProof)> {
    let (root, proof) = builder.into_state_root_and_proof();
    if version == StateVersion::V1 {
        return Ok((root, proof));
    }
    let defect = |error: String| Failure::internal("the relay chain's state cannot be built").found(error);
    let made = TrieBackendBuilder::new(proof.into_memory_db::<BlakeTwo256>(), root).build();
    let entries: Vec<(Vec<u8>, Vec<u8>)> = made
        .pairs(IterArgs::default())
        .and_then(|entries| entries.collect::<std::result::Result<_, _>>())
        .map_err(|error| defect(error.to_string()))?;
    let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
    let mut state = InMemoryBackend::<BlakeTwo256>::default();
    state.insert(vec![(None, entries.into_iter().map(|(key, value)| (key, Some(value))).collect())], StateVersion::V0);
    let root = *state.root();
    let proof = prove_read(state, keys).map_err(|error| defect(error.to_string()))?;
    Ok((root, proof))
}

/// Channels with the parachain at the other end.
type Channels = Vec<(ParaId, AbridgedHrmpChannel)>;

/// Adds the channels to and from other parachains, as the chain last saw them. Without them nothing
/// could be sent, and received messages would have no channel.
fn channels(builder: &mut RelayStateSproofBuilder, chain: &Chain, key: &[u8]) -> Result<()> {
    let Some(bytes) = chain.storage(key)? else { return Ok(()) };
    // `MessagingStateSnapshot`: the head of the downward queue, two numbers of the upward queue,
    // then the channels.
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

/// The capacity of a channel that is created for the messages of a sibling.
const CHANNEL_LIMIT: u32 = 1024 * 1024;

/// Puts the messages of siblings into the channels of their senders, as the relay chain would prove
/// them.
fn hrmp_messages(
    builder: &mut RelayStateSproofBuilder,
    chain: &Chain,
    heads: &[u8],
    request: &BlockRequest,
    sent_at: u32,
) -> Result<BTreeMap<ParaId, Vec<InboundHrmpMessage>>> {
    let mut messages = BTreeMap::<_, Vec<_>>::new();
    if request.horizontal.is_empty() {
        return Ok(messages);
    }
    let heads = chain.storage(heads)?.and_then(|bytes| BTreeMap::<ParaId, sp_core::H256>::decode(&mut &bytes[..]).ok());
    for (sender, data) in &request.horizontal {
        let sender = ParaId::from(*sender);
        let id = HrmpChannelId { sender, recipient: builder.para_id };
        let channel = builder.hrmp_channels.entry(id).or_insert_with(|| AbridgedHrmpChannel {
            max_capacity: CHANNEL_LIMIT,
            max_total_size: CHANNEL_LIMIT,
            max_message_size: CHANNEL_LIMIT,
            msg_count: 0,
            total_size: 0,
            mqc_head: heads.as_ref().and_then(|heads| heads.get(&sender)).copied(),
        });
        let link = (channel.mqc_head.unwrap_or_default(), sent_at, BlakeTwo256::hash_of(data));
        channel.mqc_head = Some(BlakeTwo256::hash_of(&link));
        channel.msg_count += 1;
        channel.total_size = channel.total_size.saturating_add(data.len() as u32);
        let senders = builder.hrmp_ingress_channel_index.get_or_insert_default();
        if let Err(place) = senders.binary_search(&sender) {
            senders.insert(place, sender);
        }
        messages.entry(sender).or_default().push(InboundHrmpMessage { sent_at, data: data.clone() });
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cumulus_primitives_core::relay_chain::well_known_keys;
    use sp_state_machine::read_proof_check;
    use sp_trie::{LayoutV0, TrieDBBuilder};

    fn builder() -> RelayStateSproofBuilder {
        RelayStateSproofBuilder {
            included_para_head: Some(HeadData(vec![7; 200])),
            upgrade_go_ahead: Some(super::super::Signal::GoAhead),
            ..RelayStateSproofBuilder::default()
        }
    }

    /// Reads a value as a runtime from before state version 1 does, which knows only the older
    /// layout.
    fn read_with_old_layout(root: H256, proof: StorageProof, key: &[u8]) -> Option<Vec<u8>> {
        use sp_trie::Trie as _;
        let db = proof.into_memory_db::<BlakeTwo256>();
        let trie = TrieDBBuilder::<LayoutV0<BlakeTwo256>>::new(&db, &root).build();
        trie.get(key).ok().flatten()
    }

    #[test]
    fn long_values_are_inline_in_the_proof_for_the_older_layout() {
        let configuration = well_known_keys::ACTIVE_CONFIG;
        let (root, proof) = state_and_proof(builder(), StateVersion::V0).expect("made");
        let read = read_with_old_layout(root, proof, configuration).expect("read");
        assert_eq!(read, builder().host_config.encode());
        assert!(read.len() > 32, "long enough to be hashed in the newer layout");
        let (_, newer) = state_and_proof(builder(), StateVersion::V1).expect("made");
        let (_, older) = state_and_proof(builder(), StateVersion::V0).expect("made");
        assert!(newer.iter_nodes().any(|node| *node == read[..]), "the newer layout hashes it");
        assert!(!older.iter_nodes().any(|node| *node == read[..]));
    }

    #[test]
    fn every_key_is_proven_present_or_absent() {
        for version in [StateVersion::V0, StateVersion::V1] {
            let (root, proof) = state_and_proof(builder(), version).expect("made");
            let head = well_known_keys::para_head(builder().para_id);
            let unknown = b"what a runtime includes by KeyToIncludeInRelayProof".to_vec();
            let keys = [head.clone(), unknown.clone()];
            let read = read_proof_check::<BlakeTwo256, _>(root, proof, keys.iter()).expect("proven");
            assert_eq!(read[&head], Some(HeadData(vec![7; 200]).encode()));
            assert_eq!(read[&unknown], None);
        }
    }
}
