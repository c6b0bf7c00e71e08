// SPDX-License-Identifier: Apache-2.0
//! A parachain block as its collator submits it to validators: with the part of the state that
//! executing it needs, and the relay chain's data that `validate_block` receives.

use crate::{
    block::BuiltBlock,
    chain::Chain,
    executor::{HEAP, Wasm},
    header::{Header, NIMBUS, engines},
    layout::Layout,
    runtime_log, signatures,
    signatures::{SignatureExt, SignatureMemory},
};
use artifact::Version;
use codec::{Decode, Encode};
use cumulus_primitives_core::{
    OutboundHrmpMessage, ParachainBlockData, PersistedValidationData,
    relay_chain::{HeadData, ValidationCode},
};
use sp_core::{H256, traits::ReadRuntimeVersionExt};
use sp_externalities::Extensions;
use sp_runtime::{ConsensusEngineId, DigestItem, OpaqueExtrinsic, generic};
use sp_wasm_interface::ExtendedHostFunctions;
use worker::{Failure, Result};

/// The host functions of validators for a parachain's code (`polkadot-node-core-pvf-common`): no
/// state, no clock, no network. The placeholder seals of blocks built here are accepted.
pub type HostFunctions = ExtendedHostFunctions<
    (
        sp_io::misc::HostFunctions,
        sp_io::crypto::HostFunctions,
        sp_io::hashing::HostFunctions,
        sp_io::allocator::HostFunctions,
        runtime_log::HostFunctions,
        sp_io::trie::HostFunctions,
    ),
    signatures::HostFunctions,
>;

type Block = generic::Block<Header, OpaqueExtrinsic>;

/// A parachain block with the parameters for validating it.
pub struct Candidate {
    /// The sealed header.
    pub header: Header,
    /// The head that the relay chain would store: the encoded header.
    pub head: Vec<u8>,
    /// `ValidationParams`: the argument of `validate_block`.
    pub parameters: Vec<u8>,
    /// The data of the relay chain that the block was built with.
    pub validation_data: PersistedValidationData<H256, u32>,
    /// The blake2-256 hash of the block with its storage proof, the PoV.
    pub pov_hash: H256,
}

impl Candidate {
    /// Creates the candidate of `built`, a block on `parent` that led to `after`.
    ///
    /// `bundled` is whether block data carry a version: see [`is_bundled`].
    pub fn of(parent: &Chain, after: &Chain, layout: &Layout, built: &BuiltBlock, bundled: bool) -> Result<Self> {
        // The code may belong to another kind of chain.
        let pallet = layout.parachain_system().ok_or_else(|| {
            Failure::check("the code builds no block that a relay chain's validators can check")
                .found("no pallet ParachainSystem")
                .expected("a parachain's runtime")
        })?;
        let validation_data = after.storage(&pallet.key("ValidationData"))?.unwrap_or_default();
        let validation_data =
            PersistedValidationData::<H256, u32>::decode(&mut &validation_data[..]).map_err(|error| {
                Failure::check("the block does not store the relay chain's validation data")
                    .found(error.to_string())
                    .expected(format!("{}.ValidationData", pallet.name))
            })?;
        let header = sealed(built.header.clone());
        let head = header.encode();
        let block = Block { header: header.clone(), extrinsics: built.extrinsics.clone() };
        let data = ParachainBlockData::new(vec![block], built.proof.clone(), None);
        let data = match bundled {
            true => data.encode(),
            false => data.as_v0().map(|data| data.encode()).unwrap_or_default(),
        };
        let parent = parent.header().encode();
        let pov_hash = artifact::hashes::blake2_256(&data).into();
        let parameters =
            (parent, data, validation_data.relay_parent_number, validation_data.relay_parent_storage_root).encode();
        Ok(Self { header, head, parameters, validation_data, pov_hash })
    }
}

/// Adds the placeholder seal if the consensus has seals. The seal's engine is that of the slot.
pub(crate) fn sealed(mut header: Header) -> Header {
    // If the digest names the author beside the slot, the seal is of the author's engine.
    const SEALED: [ConsensusEngineId; 3] = [NIMBUS, *b"aura", *b"BABE"];
    let carried = engines(&header);
    if let Some(engine) = SEALED.into_iter().find(|engine| carried.contains(engine)) {
        header.digest.push(DigestItem::Seal(engine, signatures::SEAL.to_vec()));
    }
    header
}

/// The result of `validate_block`, as in `polkadot-parachain-primitives`.
#[derive(Clone, Debug, Decode, Encode, PartialEq)]
pub struct ValidationResult {
    /// The head that the relay chain stores.
    pub head_data: HeadData,
    /// The code that the block asks the relay chain to take.
    pub new_validation_code: Option<ValidationCode>,
    /// Messages to the relay chain, and signals to it.
    pub upward_messages: Vec<Vec<u8>>,
    /// Messages to other parachains.
    pub horizontal_messages: Vec<OutboundHrmpMessage>,
    /// The number of messages from the relay chain that the block processed.
    pub processed_downward_messages: u32,
    /// The relay block up to which all messages of other parachains are processed.
    pub hrmp_watermark: u32,
}

/// Returns whether block data carry a version, as they do since version 3 of the runtime's
/// `CollectCollationInfo`.
pub fn is_bundled(version: &Version) -> bool {
    version.api("CollectCollationInfo").is_some_and(|version| version >= 3)
}

/// Returns why an answer of `validate_block` is wrong for a block with this head, or `None` if it
/// is right.
pub fn contradiction(answer: &[u8], head: &[u8]) -> Option<String> {
    let mut rest = answer;
    match ValidationResult::decode(&mut rest) {
        Ok(_) if !rest.is_empty() => Some(format!("an invalid ValidationResult: {} bytes are left", rest.len())),
        Ok(result) if result.new_validation_code.is_some() => {
            Some("it schedules another code on the relay chain".into())
        }
        Ok(ValidationResult { head_data: HeadData(found), .. }) if found != head => Some(format!(
            "a head that is not the block's header: {} instead of {}",
            hex::encode_prefixed(artifact::hashes::blake2_256(&found)),
            hex::encode_prefixed(artifact::hashes::blake2_256(head))
        )),
        Ok(_) => None,
        Err(error) => Some(format!("an invalid ValidationResult: {error}")),
    }
}

/// Returns the externalities extensions of `validate_block`: reading a blob's version, and the
/// placeholder of the author's signature is accepted.
pub fn extensions() -> Extensions {
    let mut extensions = Extensions::new();
    extensions.register(ReadRuntimeVersionExt::new(Wasm::new(None, HEAP)));
    extensions.register(SignatureExt(SignatureMemory::accepting_seal()));
    extensions
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_runtime::traits::Header as _;

    #[test]
    fn contradictions_of_the_block_are_reported() {
        let answer = |head: &[u8], code: Option<Vec<u8>>| {
            (head.to_vec(), code, Vec::<Vec<u8>>::new(), Vec::<(u32, Vec<u8>)>::new(), 0u32, 7u32).encode()
        };
        assert_eq!(contradiction(&answer(b"head", None), b"head"), None);
        assert!(
            contradiction(&answer(b"other", None), b"head").is_some_and(|why| why.contains("not the block's header"))
        );
        assert!(
            contradiction(&answer(b"head", Some(vec![1])), b"head").is_some_and(|why| why.contains("another code"))
        );
        let long = [answer(b"head", None), vec![0]].concat();
        assert!(contradiction(&long, b"head").is_some_and(|why| why.contains("1 bytes are left")));
        assert!(contradiction(&[], b"head").is_some_and(|why| why.contains("invalid ValidationResult")));
    }

    #[test]
    fn only_blocks_with_a_slot_get_a_seal() {
        let header = |logs| Header::new(1, H256::zero(), H256::zero(), H256::zero(), sp_runtime::Digest { logs });
        assert!(sealed(header(vec![])).digest.logs.is_empty());
        let with_slot = sealed(header(vec![DigestItem::PreRuntime(*b"aura", vec![7])]));
        assert_eq!(with_slot.digest.logs[1], DigestItem::Seal(*b"aura", signatures::SEAL.to_vec()));
        let author = DigestItem::PreRuntime(*b"nmbs", vec![7; 32]);
        let with_both = sealed(header(vec![DigestItem::PreRuntime(*b"aura", vec![7]), author]));
        assert_eq!(with_both.digest.logs[2], DigestItem::Seal(*b"nmbs", signatures::SEAL.to_vec()));
    }
}
