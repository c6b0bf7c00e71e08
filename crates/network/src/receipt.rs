// SPDX-License-Identifier: Apache-2.0
//! A parachain's candidate as the validators of its group back it.

use bitvec::{order::Lsb0, vec::BitVec};
use codec::{Decode, Encode};
use cumulus_primitives_core::{
    ParaId,
    relay_chain::{
        BackedCandidate, CandidateCommitments, CandidateDescriptorV2, CommittedCandidateReceiptV2, CoreIndex,
        ValidationCodeHash, ValidatorSignature, ValidityAttestation,
    },
};
use fork::{Candidate, candidate::ValidationResult, signatures::SEAL};
use sp_core::{H256, sr25519};
use worker::{Failure, Result};

/// The place of the collator's signature in a descriptor of version 1, in bytes: `para_id`,
/// `relay_parent`, `collator`, and three hashes are before it.
const SIGNATURE: std::ops::Range<usize> = 164..228;

/// A core on which the relay chain may back a candidate, and the group that backs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The core.
    pub core: CoreIndex,
    /// The number of validators in the group.
    pub group: usize,
    /// Whether the validators name the core beside their votes.
    pub named: bool,
    /// Whether the parachain's block selects the core (descriptors of version 2).
    pub selected: bool,
    /// The session of the relay parent's next block.
    pub session: u32,
}

/// Returns the placeholder of a validator's signature.
pub(crate) fn seal() -> ValidatorSignature {
    sr25519::Signature::from_raw(SEAL).into()
}

/// Makes the candidate that a group backs: its descriptor, the commitments that `validate_block`
/// returned, and the votes.
pub(crate) fn backed_candidate(
    para: ParaId,
    relay_parent: H256,
    code: ValidationCodeHash,
    candidate: &Candidate,
    result: &ValidationResult,
    assignment: &Assignment,
) -> Result<BackedCandidate> {
    let limit = |what: &str| Failure::check(format!("validate_block returned more {what} than a candidate may have"));
    let commitments = CandidateCommitments {
        upward_messages: result.upward_messages.clone().try_into().map_err(|_| limit("upward messages"))?,
        horizontal_messages: result.horizontal_messages.clone().try_into().map_err(|_| limit("horizontal messages"))?,
        new_validation_code: result.new_validation_code.clone(),
        head_data: result.head_data.clone(),
        processed_downward_messages: result.processed_downward_messages,
        hrmp_watermark: result.hrmp_watermark,
    };
    let data = candidate.validation_data.hash();
    let para_head = result.head_data.hash();
    // The relay chain does not check the root of the erasure-coded chunks: its validators do.
    let erasure_root = H256::zero();
    let pov_hash = candidate.pov_hash;
    // A message without bytes separates messages from signals, and only version 2 may have signals.
    let descriptor = match result.upward_messages.iter().any(Vec::is_empty) {
        true => CandidateDescriptorV2::new(
            para,
            relay_parent,
            assignment.core,
            assignment.session,
            data,
            pov_hash,
            erasure_root,
            para_head,
            code,
        ),
        false => {
            signed(&CandidateDescriptorV2::new_v1(para, relay_parent, data, pov_hash, erasure_root, para_head, code))?
        }
    };
    let candidate = CommittedCandidateReceiptV2 { descriptor, commitments };
    // The whole group votes: the relay chain leaves out the votes of disabled validators.
    let votes = vec![ValidityAttestation::Explicit(seal()); assignment.group];
    let validators = BitVec::<u8, Lsb0>::repeat(true, assignment.group);
    if assignment.named {
        return Ok(BackedCandidate::new(candidate, votes, validators, assignment.core));
    }
    let encoded = (candidate, votes, validators).encode();
    BackedCandidate::decode(&mut &encoded[..]).map_err(|error| own_form(&error))
}

/// Puts the placeholder in the place of the collator's signature, which relay chains before
/// descriptors of version 2 verify.
fn signed(descriptor: &CandidateDescriptorV2) -> Result<CandidateDescriptorV2> {
    let mut encoded = descriptor.encode();
    if let Some(signature) = encoded.get_mut(SIGNATURE) {
        signature.copy_from_slice(&SEAL);
    }
    CandidateDescriptorV2::decode(&mut &encoded[..]).map_err(|error| own_form(&error))
}

fn own_form(error: &codec::Error) -> Failure {
    Failure::internal("a candidate that was encoded cannot be decoded").found(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: H256 = H256::repeat_byte(7);

    #[test]
    fn the_placeholder_stands_for_the_signature_of_the_collator() {
        let plain = CandidateDescriptorV2::new_v1(2_000.into(), HASH, HASH, HASH, HASH, HASH, HASH.into());
        let signed = signed(&plain).expect("a descriptor");
        let (plain, signed) = (plain.encode(), signed.encode());
        assert_eq!(signed[SIGNATURE], SEAL);
        assert_eq!(signed[..SIGNATURE.start], plain[..SIGNATURE.start]);
        // `para_head` and `validation_code_hash`
        assert_eq!(signed[SIGNATURE.end..], [[7; 32], [7; 32]].concat());
    }
}
