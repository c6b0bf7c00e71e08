// SPDX-License-Identifier: Apache-2.0
//! What collators and validators need to know of the relay chain for their next block: claims on cores,
//! relay parents, groups, bitfields and votes on code.

use super::{FURTHEST, Relay, bounded, slot_of};
use crate::{
    proof::relay_state_proof,
    receipt::{Assignment, seal},
};
use bitvec::{order::Lsb0, vec::BitVec};
use codec::{Decode, Encode};
use cumulus_primitives_core::{
    ParaId, PersistedValidationData, RelayProofRequest,
    relay_chain::{
        AvailabilityBitfield, CoreIndex, CoreState, GroupRotationInfo, OccupiedCoreAssumption, PvfCheckStatement,
        UncheckedSigned, UncheckedSignedAvailabilityBitfields, ValidationCodeHash, ValidatorIndex,
        supermajority_threshold,
    },
};
use fork::{Chain, author::RelayParent, block};
use sp_core::H256;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};
use worker::{Failure, Result};

/// The most validators, and validators of a group, that are taken from a relay chain.
const MOST_VALIDATORS: usize = 10_000;
const LARGEST_GROUP: usize = 1_000;
/// The bit of the node features by which validators name the core beside their votes
/// (`FeatureIndex::ElasticScalingMVP`).
const NAMED_CORES: usize = 1;
/// The bit by which candidates select their core (`FeatureIndex::CandidateReceiptV2`).
const SELECTED_CORES: usize = 3;
/// The versions of the runtime API since which it has these functions.
const CLAIM_QUEUE: u32 = 11;
const NODE_FEATURES: u32 = 9;

/// What a parachain's collator builds a block with.
pub(crate) struct CollationContext {
    /// The relay parent.
    pub relay_parent: Arc<RelayParent>,
    /// The hash of the relay parent.
    pub hash: H256,
    /// The core on which the candidate may be backed.
    pub assignment: Assignment,
    /// The code that the candidate is checked with.
    pub code: ValidationCodeHash,
}

/// The result of looking for a [`CollationContext`].
pub(crate) enum ContextSearch {
    /// The fork has too few blocks for the relay parent offset.
    TooEarly,
    /// The parachain has no claim on a core in the next block.
    NoClaim,
    /// The parachain has claims, but none as far ahead as its relay parent offset. A core has this
    /// many.
    BeyondClaims(usize),
    /// The parachain has a core.
    Found(Box<CollationContext>),
}

/// The claim of a parachain on a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// On this core.
    Core(usize),
    /// On none, although one with this many claims is the parachain's.
    Beyond(usize),
    /// On none.
    None,
}

impl Relay<'_> {
    /// Looks for what the collator of a parachain builds a block with, `offset` blocks behind the
    /// newest relay block.
    ///
    /// `request` names the keys that the parachain's runtime reads beside the usual ones.
    pub(crate) fn context_of(&self, para: ParaId, offset: u32, request: RelayProofRequest) -> Result<ContextSearch> {
        let offset = offset as usize;
        let core = match self.claim(self.chain(), para, 0)? {
            // The relay parent's claims decide, but it may lie before the beginning of the fork.
            _ if self.recent.len() <= offset && offset < FURTHEST => return Ok(ContextSearch::TooEarly),
            Claim::None => return Ok(ContextSearch::NoClaim),
            _ => match self.recent.get(offset).map(|chain| self.claim(chain, para, offset)).transpose()? {
                Some(Claim::Core(core)) => core,
                Some(Claim::Beyond(length)) => return Ok(ContextSearch::BeyondClaims(length)),
                Some(Claim::None) => return Ok(ContextSearch::NoClaim),
                None => return Ok(ContextSearch::BeyondClaims(FURTHEST)),
            },
        };
        let chain = &self.recent[offset];
        let Some(code) = self.validation_code_hash(para)? else { return Ok(ContextSearch::NoClaim) };
        let data: Option<PersistedValidationData> =
            self.ask_at(chain, "persisted_validation_data", (para, OccupiedCoreAssumption::Included))?;
        let Some(data) = data else { return Ok(ContextSearch::NoClaim) };
        let slot = slot_of(chain)?;
        let headers = self.recent.iter().take(offset + 1).rev().map(|chain| chain.header());
        let descendants = match offset {
            0 => Vec::new(),
            _ => headers.map(relay_header).collect::<Result<Vec<_>>>()?,
        };
        let relay_parent = RelayParent {
            slot,
            number: chain.number(),
            state_root: chain.root(),
            max_pov_size: data.max_pov_size,
            state: relay_state_proof(chain, para, request, offset > 0)?,
            downward_messages: self.ask_at(chain, "dmq_contents", para)?,
            horizontal_messages: self.ask_at(chain, "inbound_hrmp_channels_contents", para)?,
            descendants,
        };
        let assignment = self.assignment(chain, core)?;
        let (relay_parent, hash) = (Arc::new(relay_parent), chain.header().hash());
        Ok(ContextSearch::Found(Box::new(CollationContext { relay_parent, hash, assignment, code })))
    }

    /// Returns the claim of a parachain on a core, for a candidate that is built on the last block of
    /// `chain` and backed after `depth` more blocks.
    pub(super) fn claim(&self, chain: &Chain, para: ParaId, depth: usize) -> Result<Claim> {
        if self.api_version(chain)? >= CLAIM_QUEUE {
            let claims = self.ask_at::<BTreeMap<CoreIndex, VecDeque<ParaId>>>(chain, "claim_queue", ())?;
            return Ok(claim_of(claims.iter().map(|(core, queue)| (core.0 as usize, queue)), para, depth));
        }
        let next = |core: &CoreState| match core {
            CoreState::Scheduled(scheduled) => Some(scheduled.para_id),
            CoreState::Occupied(occupied) => occupied.next_up_on_available.as_ref().map(|next| next.para_id),
            CoreState::Free => None,
        };
        let claims: Vec<_> = self.cores_at(chain)?.iter().map(|core| next(core).into_iter().collect()).collect();
        Ok(claim_of(claims.iter().enumerate(), para, depth))
    }

    /// Returns the slot of the last block.
    pub fn slot(&self) -> Result<u64> {
        slot_of(self.chain())
    }

    /// Returns what a group needs to know to back a candidate on a core.
    fn assignment(&self, chain: &Chain, core: usize) -> Result<Assignment> {
        let cores = self.cores_at(chain)?.len();
        let (groups, rotation): (Vec<Vec<ValidatorIndex>>, GroupRotationInfo) =
            self.ask_at(chain, "validator_groups", ())?;
        let core = CoreIndex(core as u32);
        let group = groups.get(rotation.group_for_core(core, cores).0 as usize).map_or(0, Vec::len);
        if group == 0 || group > LARGEST_GROUP {
            return Err(Failure::not_judged("the relay chain has no group of validators for the parachain's core")
                .found(format!("{group} validators"))
                .expected(format!("1 to {LARGEST_GROUP}")));
        }
        let features: BitVec<u8, Lsb0> = match self.api_version(chain)? >= NODE_FEATURES {
            true => self.ask_at(chain, "node_features", ())?,
            false => BitVec::new(),
        };
        let has = |bit: usize| features.get(bit).is_some_and(|bit| *bit);
        Ok(Assignment {
            core,
            group,
            named: has(NAMED_CORES) != self.inverted,
            selected: has(SELECTED_CORES),
            session: self.ask_at(chain, "session_index_for_child", ())?,
        })
    }

    /// Returns the bitfields of the validators: every candidate that occupies a core is available.
    pub(super) fn bitfields(&self) -> Result<UncheckedSignedAvailabilityBitfields> {
        let occupied: BitVec<u8, Lsb0> = self.cores()?.iter().map(CoreState::is_occupied).collect();
        if occupied.not_any() {
            return Ok(Vec::new());
        }
        let signed =
            |index| UncheckedSigned::new(AvailabilityBitfield(occupied.clone()), ValidatorIndex(index as u32), seal());
        Ok((0..supermajority_threshold(self.validators()?)).map(signed).collect())
    }

    /// Returns the number of validators.
    fn validators(&self) -> Result<usize> {
        Ok(bounded(self.ask::<Vec<[u8; 32]>>("validators", ())?, MOST_VALIDATORS, "validators")?.len())
    }

    /// Returns extrinsics with the votes of all validators for the codes that they are asked to check
    /// and that are to be accepted. Some may have voted on the live chain, and the vote may end before
    /// the last ones: the relay chain refuses these votes.
    pub(super) fn code_votes(&mut self) -> Result<Vec<Vec<u8>>> {
        let mut codes: Vec<ValidationCodeHash> = self.ask("pvfs_require_precheck", ())?;
        let mut known = BTreeSet::new();
        codes.retain(|code| {
            let hash = H256::from_slice(code.as_ref());
            (self.accepts_all || self.accepted.contains(&hash)) && known.insert(hash)
        });
        if codes.is_empty() {
            return Ok(Vec::new());
        }
        let session_index: u32 = self.ask("session_index_for_child", ())?;
        let voters = self.validators()? as u32;
        let call = self.layout()?.pallets.iter().find_map(|pallet| pallet.call("include_pvf_check_statement"));
        let call = call.ok_or_else(|| {
            Failure::not_judged("the relay chain asks for votes on code, and has no known call for them")
                .expected("paras.include_pvf_check_statement")
        })?;
        let votes = codes.into_iter().flat_map(|subject| {
            (0..voters).map(move |index| {
                let validator_index = ValidatorIndex(index);
                let statement = PvfCheckStatement { accept: true, subject, session_index, validator_index };
                block::bare_extrinsic(&(call, statement, seal()).encode())
            })
        });
        Ok(votes.collect())
    }
}

/// Returns the claim of a parachain in the claim queues of cores, at this depth.
fn claim_of<'q>(claims: impl Iterator<Item = (usize, &'q VecDeque<ParaId>)>, para: ParaId, depth: usize) -> Claim {
    let mut claim = Claim::None;
    for (core, queue) in claims {
        match queue.get(depth) {
            Some(id) if *id == para => return Claim::Core(core),
            None if queue.contains(&para) => claim = Claim::Beyond(queue.len()),
            _ => {}
        }
    }
    claim
}

/// Returns the header in the type that relay chains have.
fn relay_header(header: &fork::Header) -> Result<cumulus_primitives_core::relay_chain::Header> {
    Decode::decode(&mut &header.encode()[..])
        .map_err(|error| Failure::internal("a header of the relay chain cannot be decoded").found(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(queues: &[&[u32]], depth: usize) -> Claim {
        let queues: Vec<VecDeque<ParaId>> =
            queues.iter().map(|queue| queue.iter().copied().map(ParaId::from).collect()).collect();
        claim_of(queues.iter().enumerate(), 2_000.into(), depth)
    }

    #[test]
    fn a_claim_is_looked_for_at_its_depth() {
        assert_eq!(claim(&[&[1, 1], &[2_000, 1]], 0), Claim::Core(1));
        // A core that is shared: the parachain's turn is the next but one.
        assert_eq!(claim(&[&[1, 1], &[2_000, 1]], 1), Claim::None);
        assert_eq!(claim(&[&[1, 2_000]], 0), Claim::None);
        assert_eq!(claim(&[&[2_000], &[2_000, 2_000]], 1), Claim::Core(1));
        assert_eq!(claim(&[], 0), Claim::None);
    }

    #[test]
    fn an_offset_beyond_the_claims_is_told_from_no_claim() {
        assert_eq!(claim(&[&[1, 1], &[2_000, 2_000]], 2), Claim::Beyond(2));
        assert_eq!(claim(&[&[1, 1]], 2), Claim::None);
    }
}
