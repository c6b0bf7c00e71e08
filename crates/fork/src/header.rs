// SPDX-License-Identifier: Apache-2.0
//! The header of a block, and the consensus engines of its digest.

use cumulus_primitives_core::CUMULUS_CONSENSUS_ID;
use sp_runtime::{ConsensusEngineId, DigestItem, traits::BlakeTwo256};
use worker::Failure;

/// The digest contains the author's key, and the runtime decides whether that author is eligible.
pub(crate) const NIMBUS: ConsensusEngineId = *b"nmbs";

/// A header with blake2-256 hashes and a block number of 32 bits.
pub type Header = sp_runtime::generic::Header<u32, BlakeTwo256>;

/// Returns the engines of the pre-runtime digest items that the author added. The items of
/// collators about the relay chain belong to no engine.
pub(crate) fn engines(header: &Header) -> Vec<ConsensusEngineId> {
    let items = header.digest.logs.iter().filter_map(DigestItem::as_pre_runtime);
    items.map(|(engine, _)| engine).filter(|engine| *engine != CUMULUS_CONSENSUS_ID).collect()
}

/// Returns the failure for a state that is not the one of its header.
pub(crate) fn root_mismatch(found: &[u8; 32], claimed: &[u8; 32]) -> Failure {
    Failure::input("the state root is not the one in the header")
        .found(format!("state root {}", hex::encode_prefixed(found)))
        .expected(hex::encode_prefixed(claimed))
        .hint("the state is incomplete or altered: download it again")
}
