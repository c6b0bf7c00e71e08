// SPDX-License-Identifier: Apache-2.0
//! The VRF randomness that authors on Moonbeam and similar chains add to their blocks, beside their
//! Nimbus key.
//!
//! Only an author's own key can create it. Therefore a fork replaces the authors' VRF keys in the
//! state with a public one, and blocks carry the output of that key for the last block's
//! randomness.

use super::duties::StateOverride;
use crate::{chain::Chain, layout::Layout, sample};
use codec::Decode;
use rand_core::{CryptoRng, RngCore};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, context::attach_rng};
use sp_core::{H256, sr25519::vrf::VrfTranscript};
use sp_runtime::{ConsensusEngineId, DigestItem};
use worker::{Failure, Result};

const RANDOMNESS: ConsensusEngineId = *b"rand";
/// More than the collators of any chain.
const MAX_AUTHORS: usize = 4_096;

/// Replaces the VRF key of every author with the public one, unless it is already replaced.
pub(super) fn key_overrides(chain: &Chain, layout: &Layout) -> Result<Vec<StateOverride>> {
    let (Some(_), Some(mapping)) = (layout.pallet_with(&["LocalVrfOutput"], None), mapping(layout)) else {
        return Ok(Vec::new());
    };
    let (entries, _) = sample::entries(chain, &mapping, MAX_AUTHORS)?;
    let public = fork_keypair()?.public.to_bytes();
    let others = entries.into_iter().filter(|(_, info)| !info.ends_with(&public));
    let overrides = others.filter_map(|(key, info)| {
        let value = with_key(&info, &public)?;
        let reason = "the authors' VRF keys in the state were replaced by a public one: a block must carry a VRF output of \
                      its author's key";
        Some(StateOverride { key, value, reason: reason.into() })
    });
    Ok(overrides.collect())
}

fn mapping(layout: &Layout) -> Option<Vec<u8>> {
    layout.pallet_with(&["MappingWithDeposit"], None).map(|pallet| pallet.key("MappingWithDeposit"))
}

/// Replaces the key in a `RegistrationInfo`: the account, its deposit, and last the key.
fn with_key(info: &[u8], public: &[u8; 32]) -> Option<Vec<u8>> {
    let (before, _) = info.split_last_chunk::<32>()?;
    (!before.is_empty()).then(|| [before, public].concat())
}

/// Returns the VRF item of the next block's digest, if the chain requires one.
pub(super) fn digest_item(chain: &Chain, layout: &Layout) -> Result<Option<DigestItem>> {
    let Some(pallet) = layout.pallet_with(&["LocalVrfOutput"], None) else { return Ok(None) };
    let last = chain.storage(&pallet.key("LocalVrfOutput"))?.unwrap_or_default();
    let last = Option::<H256>::decode(&mut &last[..]).ok().flatten().unwrap_or_default();
    Ok(Some(DigestItem::PreRuntime(RANDOMNESS, vrf_output(&last)?)))
}

/// Returns the VRF output and its proof.
fn vrf_output(last: &H256) -> Result<Vec<u8>> {
    // The randomness would protect a secret key. This key is public, and fixed randomness gives the
    // same block for the same input.
    let extra = attach_rng(VrfTranscript::new(b"VRF", &[]).0, FixedRng);
    let (output, proof, _) = fork_keypair()?.vrf_sign_extra(input(last).0, extra);
    Ok([&output.to_preout().to_bytes()[..], &proof.to_bytes()].concat())
}

fn input(last: &H256) -> VrfTranscript {
    VrfTranscript::new(b"rand", &[(b"last vrf output", last.as_bytes())])
}

fn fork_keypair() -> Result<Keypair> {
    MiniSecretKey::from_bytes(b"a key that authors on every fork")
        .map(|key| key.expand_to_keypair(ExpansionMode::Ed25519))
        .map_err(|error| Failure::internal("the VRF key of forks is invalid").found(error.to_string()))
}

struct FixedRng;

impl RngCore for FixedRng {
    fn next_u32(&mut self) -> u32 {
        7
    }

    fn next_u64(&mut self) -> u64 {
        7
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for FixedRng {}

#[cfg(test)]
mod tests {
    use super::*;
    use schnorrkel::vrf::{VRFPreOut, VRFProof};

    #[test]
    fn the_vrf_output_of_a_block_can_be_verified() {
        let last = H256::repeat_byte(3);
        let carried = vrf_output(&last).expect("made");
        assert_eq!(carried, vrf_output(&last).expect("made"), "the same input gives the same block");
        let (output, proof) = carried.split_at(32);
        let output = VRFPreOut::from_bytes(output).expect("an output");
        let proof = VRFProof::from_bytes(proof).expect("a proof");
        let public = fork_keypair().expect("a pair").public;
        assert!(public.vrf_verify(input(&last).0, &output, &proof).is_ok());
        assert!(public.vrf_verify(input(&H256::repeat_byte(4)).0, &output, &proof).is_err());
    }

    #[test]
    fn the_key_is_the_last_field_of_a_registration() {
        let info = [vec![1; 20], vec![2; 16], vec![3; 32]].concat();
        assert_eq!(with_key(&info, &[9; 32]).expect("info"), [vec![1; 20], vec![2; 16], vec![9; 32]].concat());
        assert_eq!(with_key(&[3; 32], &[9; 32]), None, "without an account it is no registration");
    }
}
