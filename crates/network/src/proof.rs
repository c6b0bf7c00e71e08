// SPDX-License-Identifier: Apache-2.0
//! The read proof of the relay chain's state that a parachain's block carries.

use codec::{Decode, Encode};
use cumulus_primitives_core::{
    ParaId, RelayProofRequest, RelayStorageKey,
    relay_chain::{HrmpChannelId, well_known_keys as known},
};
use fork::Chain;
use sp_core::storage::ChildInfo;
use sp_state_machine::StorageProof;
use std::collections::{BTreeMap, BTreeSet};
use worker::{Failure, Result};

/// Proves what a parachain reads of the relay chain's state, as collators do
/// (`cumulus-client-parachain-inherent`).
pub(crate) fn relay_state_proof(
    chain: &Chain,
    para: ParaId,
    request: RelayProofRequest,
    authorities: bool,
) -> Result<StorageProof> {
    let channels = |index: &[u8]| -> Result<Vec<ParaId>> {
        let stored = chain.storage(index)?.unwrap_or_else(|| Vec::<ParaId>::new().encode());
        Vec::decode(&mut &stored[..]).map_err(|error| {
            Failure::not_judged("the relay chain's index of channels cannot be decoded").found(error.to_string())
        })
    };
    let (ingress, egress) = (known::hrmp_ingress_channel_index(para), known::hrmp_egress_channel_index(para));
    let mut keys = BTreeSet::new();
    for sender in channels(&ingress)? {
        keys.insert(known::hrmp_channels(HrmpChannelId { sender, recipient: para }));
    }
    for recipient in channels(&egress)? {
        keys.insert(known::hrmp_channels(HrmpChannelId { sender: para, recipient }));
    }
    let fixed = [
        known::CURRENT_BLOCK_RANDOMNESS,
        known::ONE_EPOCH_AGO_RANDOMNESS,
        known::TWO_EPOCHS_AGO_RANDOMNESS,
        known::CURRENT_SLOT,
        known::ACTIVE_CONFIG,
    ];
    keys.extend(fixed.map(<[u8]>::to_vec));
    if authorities {
        keys.extend([known::AUTHORITIES, known::NEXT_AUTHORITIES].map(<[u8]>::to_vec));
    }
    #[allow(deprecated, reason = "older parachains read it")]
    let queue_size = known::relay_dispatch_queue_size(para);
    keys.extend([
        ingress,
        egress,
        queue_size,
        known::relay_dispatch_queue_remaining_capacity(para).key,
        known::dmq_mqc_head(para),
        known::upgrade_go_ahead_signal(para),
        known::upgrade_restriction_signal(para),
        known::para_head(para),
    ]);
    let mut children = BTreeMap::<Vec<u8>, Vec<Vec<u8>>>::new();
    for key in request.keys {
        match key {
            RelayStorageKey::Top(key) => drop(keys.insert(key)),
            RelayStorageKey::Child { storage_key, key } => children.entry(storage_key).or_default().push(key),
        }
    }
    chain.prefetch(keys.iter().cloned())?;
    let mut proofs = vec![chain.prove(None, keys.iter().map(Vec::as_slice))?];
    for (child, keys) in children {
        proofs.push(chain.prove(Some(&ChildInfo::new_default(&child)), keys.iter().map(Vec::as_slice))?);
    }
    Ok(StorageProof::merge(proofs))
}
