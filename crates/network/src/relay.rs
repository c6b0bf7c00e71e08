// SPDX-License-Identifier: Apache-2.0
//! The relay chain: what collators and validators ask its runtime for, and its blocks.
//!
//! Everything is read with the runtime APIs that nodes use, so that no layout of a pallet's storage
//! decides. The keys that parachains read are fixed by `polkadot_primitives::well_known_keys`.

use crate::{
    proof::relay_state_proof,
    receipt::{Assignment, seal},
    upgrade::not_of_the_parachain,
};
use artifact::{Blob, hashes::twox_64, sections::Sections};
use bitvec::{order::Lsb0, vec::BitVec};
use codec::{Decode, DecodeAll, Encode};
use cumulus_primitives_core::{
    InboundDownwardMessage, ParaId, PersistedValidationData, RelayProofRequest,
    relay_chain::{
        AvailabilityBitfield, BackedCandidate, CandidateEvent, CoreIndex, CoreState, GroupRotationInfo, HeadData,
        OccupiedCoreAssumption, PvfCheckStatement, UncheckedSigned, UncheckedSignedAvailabilityBitfields,
        UpgradeGoAhead, ValidationCode, ValidationCodeHash, ValidatorIndex, supermajority_threshold, well_known_keys,
    },
};
use fork::{
    Author, BlockRequest, BuiltBlock, Chain, Code, Layout,
    author::{ParachainsInherent, RelayParent, missing_host_functions},
    block::{self, RefusedExtrinsics},
    keys,
};
use sp_core::H256;
use sp_runtime::OpaqueExtrinsic;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};
use worker::{Code as FailureCode, Failure, Result};

/// The most relay blocks that a parachain may build behind the newest one.
const FURTHEST: usize = 16;
/// The most relay blocks in which pending candidates are included.
const PENDING: usize = 4;
/// The most validators, cores, and validators of a group that are taken from a relay chain: hostile
/// answers must not fill the memory.
const MOST_VALIDATORS: usize = 10_000;
const MOST_CORES: usize = 2_000;
const LARGEST_GROUP: usize = 1_000;
/// The bit of the node features by which validators name the core beside their votes
/// (`FeatureIndex::ElasticScalingMVP`).
const NAMED_CORES: usize = 1;
/// The bit by which candidates select their core (`FeatureIndex::CandidateReceiptV2`).
const SELECTED_CORES: usize = 3;
/// The versions of the runtime API since which it has these functions.
const CLAIM_QUEUE: u32 = 11;
const NODE_FEATURES: u32 = 9;

/// The relay chain of a network.
pub struct Relay<'a> {
    author: Author<'a>,
    /// The chain after each of the last blocks, the newest first.
    recent: VecDeque<Chain>,
    /// Extrinsics for the next block.
    pool: Vec<Vec<u8>>,
    /// Extrinsics for the next block, if the runtime accepts them.
    offered: Vec<Vec<u8>>,
    /// The codes that all validators vote for.
    accepted: BTreeSet<H256>,
    /// Whether they vote for every code.
    accepts_all: bool,
    /// Whether validators name cores although the node features say otherwise, or do not although
    /// they say so.
    inverted: bool,
    /// The code of the relay chain that is rehearsed.
    judged: Option<Code>,
}

/// A block of a chain of the network.
#[derive(Clone)]
pub struct Block {
    /// The chain after it.
    pub after: Chain,
    /// Its inherents and its other extrinsics.
    pub extrinsics: Vec<OpaqueExtrinsic>,
    /// The keys whose values it changed.
    pub keys: Vec<Vec<u8>>,
    /// The offered extrinsics that the runtime refused, each with its answer.
    pub refused: RefusedExtrinsics,
}

impl Block {
    /// Returns the block that led to this state of a chain.
    pub(crate) fn of(after: Chain, built: BuiltBlock) -> Self {
        let changes = built.changes.main_storage_changes;
        let keys = changes.into_iter().map(|(key, _)| key).collect();
        Self { after, extrinsics: built.extrinsics, keys, refused: built.refused }
    }
}

/// A block of the relay chain, with what it says about parachains.
pub struct RelayBlock {
    /// The block.
    pub block: Block,
    /// What happened to candidates in this block, in order.
    pub events: Vec<ParachainEvent>,
    /// What the runtime logged about parachains, if it was built to log.
    pub log: Vec<String>,
}

/// What happened to a candidate in a relay block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParachainEvent {
    /// The candidate with this head was backed, and occupies a core.
    Backed(ParaId, Vec<u8>),
    /// A candidate was available, and its head is the parachain's head now.
    Included(ParaId),
}

impl RelayBlock {
    /// Returns whether the block backs the candidate with this head.
    pub fn backs(&self, para: ParaId, head: &[u8]) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event, ParachainEvent::Backed(id, backed) if *id == para && backed == head))
    }

    /// Returns what the runtime logged about candidates that it left out. Runtimes of live networks
    /// are often built without logging.
    pub fn reasons(&self) -> Vec<String> {
        reasons_in(&self.log)
    }

    /// Returns whether the block includes a candidate of the parachain.
    pub fn includes(&self, para: ParaId) -> bool {
        self.events.iter().any(|event| matches!(event, ParachainEvent::Included(id) if *id == para))
    }
}

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
enum Claim {
    /// On this core.
    Core(usize),
    /// On none, although one with this many claims is the parachain's.
    Beyond(usize),
    /// On none.
    None,
}

impl<'a> Relay<'a> {
    /// Creates the relay chain of a fork. Its author's executor must serve no other chain.
    pub fn new(author: Author<'a>, mut chain: Chain) -> Self {
        chain.adopt_state_root();
        // The reasons why a candidate is left out of a block are debug messages.
        author.executor().log().collect_up_to(log::Level::Debug);
        Self {
            author,
            recent: VecDeque::from([chain]),
            pool: Vec::new(),
            offered: Vec::new(),
            accepted: BTreeSet::new(),
            accepts_all: false,
            inverted: false,
            judged: None,
        }
    }

    /// Returns the same relay chain in the same state. What is built on one is not on the other.
    pub(crate) fn twin(&self) -> Self {
        Self {
            author: self.author.fresh(),
            recent: self.recent.clone(),
            pool: self.pool.clone(),
            offered: self.offered.clone(),
            accepted: self.accepted.clone(),
            accepts_all: self.accepts_all,
            inverted: self.inverted,
            judged: self.judged.clone(),
        }
    }

    /// Makes a code of the relay chain the one that is rehearsed: where it traps, that is a failure. What
    /// another code of the relay chain cannot answer says nothing about an upgrade.
    pub(crate) fn judge(&mut self, code: Code) {
        self.judged = Some(code);
    }

    /// Returns the chain after the last block.
    pub fn chain(&self) -> &Chain {
        &self.recent[0]
    }

    /// Writes to the state between two blocks. No block can do this.
    pub fn set(&mut self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        let mut chain = self.chain().clone();
        chain.set(changes)?;
        chain.adopt_state_root();
        // The blocks before it are those of another state.
        self.recent = VecDeque::from([chain]);
        Ok(())
    }

    /// Puts an extrinsic into the next block. If the runtime refuses it, the block is not built.
    pub fn submit(&mut self, extrinsic: Vec<u8>) {
        self.pool.push(extrinsic);
    }

    /// Replaces the extrinsics that the next block is to include if the runtime accepts them.
    pub fn offer(&mut self, extrinsics: Vec<Vec<u8>>) {
        self.offered = extrinsics;
    }

    /// Returns the layout of the runtime that builds the next block.
    pub(crate) fn layout(&mut self) -> Result<&Layout> {
        self.author.layout(&self.recent[0])
    }

    /// Returns the two first bytes of a call, or nothing if the runtime has none of this name.
    pub(crate) fn call(&mut self, pallet: &str, name: &str) -> Result<Option<[u8; 2]>> {
        Ok(self.layout()?.pallet(pallet).and_then(|pallet| pallet.call(name)))
    }

    /// Calls a function of the runtime API for parachains, as nodes do.
    fn ask<T: Decode>(&self, function: &str, arguments: impl Encode) -> Result<T> {
        self.ask_at(self.chain(), function, arguments)
    }

    fn ask_at<T: Decode>(&self, chain: &Chain, function: &str, arguments: impl Encode) -> Result<T> {
        self.ask_with(&chain.next_code()?, chain, function, arguments)
    }

    fn ask_with<T: Decode>(&self, code: &Code, chain: &Chain, function: &str, arguments: impl Encode) -> Result<T> {
        let method = format!("ParachainHost_{function}");
        let answer = self.run_with(code, chain, &method, &arguments.encode())?;
        T::decode(&mut &answer[..]).map_err(|error| {
            Failure::not_judged(format!("the relay chain's answer of {method} cannot be decoded"))
                .found(error.to_string())
                .expected("the types of polkadot-primitives 26")
        })
    }

    /// Calls a function of the runtime. What it cannot answer is a failure of the code that is rehearsed,
    /// if the code has the function. Else it is a limit of the tool.
    pub(crate) fn run_at(&self, chain: &Chain, method: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        self.run_with(&chain.next_code()?, chain, method, arguments)
    }

    fn run_with(&self, code: &Code, chain: &Chain, method: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        chain.call(self.author.executor(), code, method, arguments).map_err(|failure| {
            match exports(code, method) && !lacks_host_functions(code, &failure) {
                true => self.attributed(failure, code),
                false => not_of_the_parachain(failure),
            }
        })
    }

    /// Returns the failure of a code of the relay chain: one that is judged, if the code is rehearsed.
    fn attributed(&self, failure: Failure, code: &Code) -> Failure {
        match self.judged.as_ref() == Some(code) {
            true => failure,
            false => not_of_the_parachain(failure),
        }
    }

    /// Returns the key under which the relay chain keeps the head of a parachain.
    pub fn key_of_head(para: ParaId) -> Vec<u8> {
        well_known_keys::para_head(para)
    }

    /// Returns the head of a parachain, or nothing if the relay chain has none.
    pub fn head_of(&self, para: ParaId) -> Result<Option<Vec<u8>>> {
        let Some(stored) = self.chain().storage(&well_known_keys::para_head(para))? else { return Ok(None) };
        HeadData::decode(&mut &stored[..]).map(|head| Some(head.0)).map_err(|error| {
            Failure::not_judged("the relay chain's head of the parachain cannot be decoded").found(error.to_string())
        })
    }

    /// Replaces the head of a parachain in the state.
    pub fn set_head(&mut self, para: ParaId, head: Vec<u8>) -> Result<()> {
        self.set(vec![(well_known_keys::para_head(para), Some(HeadData(head).encode()))])
    }

    /// Returns the hash of the code that checks the parachain's next block.
    pub fn validation_code_hash(&self, para: ParaId) -> Result<Option<ValidationCodeHash>> {
        self.ask("validation_code_hash", (para, OccupiedCoreAssumption::Included))
    }

    /// Returns the code with this hash.
    pub fn validation_code(&self, hash: ValidationCodeHash) -> Result<Option<Vec<u8>>> {
        Ok(self.ask::<Option<ValidationCode>>("validation_code_by_hash", hash)?.map(|code| code.0))
    }

    /// Returns the relay block at which the relay chain gives a parachain the go-ahead for its new
    /// code, once its validators have accepted the code.
    pub fn foretold(&self, para: ParaId) -> Result<Option<u32>> {
        let stored = self.chain().storage(&paras_key("FutureCodeUpgrades", para))?;
        Ok(stored.and_then(|number| u32::decode(&mut &number[..]).ok()))
    }

    /// Returns the hash of the code that the relay chain has for a parachain now.
    pub fn current_code(&self, para: ParaId) -> Result<Option<ValidationCodeHash>> {
        let stored = self.chain().storage(&paras_key("CurrentCodeHash", para))?;
        Ok(stored.and_then(|hash| H256::decode(&mut &hash[..]).ok()).map(Into::into))
    }

    /// Returns the head of the hash chain of messages to a parachain, or nothing before the first.
    pub(crate) fn last_downward_message(&self, para: ParaId) -> Result<Option<H256>> {
        let stored = self.chain().storage(&well_known_keys::dmq_mqc_head(para))?;
        Ok(stored.and_then(|hash| H256::decode(&mut &hash[..]).ok()).filter(|hash| !hash.is_zero()))
    }

    /// Returns whether validators are asked to check a code.
    pub fn is_checked(&self, code: ValidationCodeHash) -> Result<bool> {
        Ok(self.ask::<Vec<ValidationCodeHash>>("pvfs_require_precheck", ())?.contains(&code))
    }

    /// Returns what the relay chain signals to a parachain about its new code.
    pub fn signal(&self, para: ParaId) -> Result<Option<UpgradeGoAhead>> {
        let stored = self.chain().storage(&well_known_keys::upgrade_go_ahead_signal(para))?;
        Ok(stored.and_then(|signal| UpgradeGoAhead::decode(&mut &signal[..]).ok()))
    }

    /// Returns whether the relay chain refuses another code of a parachain for now.
    pub fn is_restricted(&self, para: ParaId) -> Result<bool> {
        Ok(self.chain().storage(&well_known_keys::upgrade_restriction_signal(para))?.is_some())
    }

    /// Returns the parachains that may not upgrade, each with the relay block that ends this.
    pub(crate) fn cooldowns(&self) -> Result<Vec<(ParaId, u32)>> {
        let Some(stored) = self.chain().storage(&cooldowns_key())? else { return Ok(Vec::new()) };
        DecodeAll::decode_all(&mut &stored[..]).map_err(|error| {
            Failure::not_judged("the relay chain's list of cooldowns cannot be decoded").found(error.to_string())
        })
    }

    /// Replaces the list of cooldowns in the state. It must be in the order of the blocks.
    pub(crate) fn set_cooldowns(&mut self, cooldowns: Vec<(ParaId, u32)>) -> Result<()> {
        self.set(vec![(cooldowns_key(), Some(cooldowns.encode()))])
    }

    /// Returns the index of the session, as candidates on the last block name it.
    pub(crate) fn session(&self) -> Result<u32> {
        self.ask("session_index_for_child", ())
    }

    /// Returns the slots from that of the last block to the first of the next epoch.
    pub(crate) fn slots_left(&self) -> Result<u64> {
        let unknown = |error: codec::Error| {
            Failure::not_judged("the relay chain does not say when its epoch ends").found(error.to_string())
        };
        let answer = self.run_at(self.chain(), "BabeApi_current_epoch", &[])?;
        // `Epoch { epoch_index, start_slot, duration, … }` of sp-consensus-babe.
        let (_, start, duration) = <(u64, u64, u64)>::decode(&mut &answer[..]).map_err(unknown)?;
        Ok(start.saturating_add(duration).saturating_sub(slot_of(self.chain())?))
    }

    /// Returns the number of candidates of a parachain that are backed and not yet included.
    pub fn pending(&self, para: ParaId) -> Result<usize> {
        let occupied = self.cores()?.into_iter();
        Ok(occupied.filter(|core| matches!(core, CoreState::Occupied(core) if core.para_id() == para)).count())
    }

    fn cores(&self) -> Result<Vec<CoreState>> {
        self.cores_at(self.chain())
    }

    fn cores_at(&self, chain: &Chain) -> Result<Vec<CoreState>> {
        bounded(self.ask_at(chain, "availability_cores", ())?, MOST_CORES, "cores")
    }

    /// Returns the version of the runtime API for parachains.
    fn api_version(&self, chain: &Chain) -> Result<u32> {
        let version = self.run_at(chain, "Core_version", &[])?;
        let version = artifact::Version::decode("the relay chain's runtime", &version)?;
        Ok(version.api("ParachainHost").unwrap_or(0))
    }

    /// Returns the messages that wait for a parachain.
    pub(crate) fn downward_messages(&self, para: ParaId) -> Result<Vec<InboundDownwardMessage>> {
        self.ask("dmq_contents", para)
    }

    /// Makes all validators vote for a code whenever they are asked to check it.
    pub fn accept_code(&mut self, code: ValidationCodeHash) {
        self.accepted.insert(H256::from_slice(code.as_ref()));
    }

    /// Makes all validators vote for every code that they are asked to check.
    pub fn accept_all_codes(&mut self) {
        self.accepts_all = true;
    }

    /// Changes whether validators name the core beside their votes. Newer relay chains want that
    /// whatever their node features say.
    pub(crate) fn invert_named_cores(&mut self) {
        self.inverted = !self.inverted;
    }

    /// Returns whether the next block may back a candidate of the parachain.
    pub(crate) fn has_core(&self, para: ParaId) -> Result<bool> {
        Ok(matches!(self.claim(self.chain(), para, 0)?, Claim::Core(_)))
    }

    /// Returns the number of cores.
    pub(crate) fn number_of_cores(&self) -> Result<u32> {
        Ok(self.cores()?.len() as u32)
    }

    /// Returns the first core that nobody claims.
    pub(crate) fn free_core(&self) -> Result<Option<u16>> {
        let count = u16::try_from(self.cores()?.len()).unwrap_or(u16::MAX);
        let claims: BTreeMap<CoreIndex, VecDeque<ParaId>> = self.ask("claim_queue", ())?;
        let is_free = |core: &u16| claims.get(&CoreIndex((*core).into())).is_none_or(VecDeque::is_empty);
        Ok((0..count).find(is_free))
    }

    /// Builds blocks until no candidate of the parachain is pending.
    pub fn settle(&mut self, para: ParaId) -> Result<()> {
        for _ in 0..PENDING {
            if self.pending(para)? == 0 {
                return Ok(());
            }
            self.build(Vec::new(), 0)?;
        }
        match self.pending(para)? {
            0 => Ok(()),
            _ => Err(Failure::not_judged("the relay chain does not include what it backed")
                .found(format!("a candidate that is pending for {PENDING} relay blocks"))),
        }
    }

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
    fn claim(&self, chain: &Chain, para: ParaId, depth: usize) -> Result<Claim> {
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
    fn bitfields(&self) -> Result<UncheckedSignedAvailabilityBitfields> {
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
    fn code_votes(&mut self) -> Result<Vec<Vec<u8>>> {
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

    /// Builds the next block with these candidates, after skipping slots. The validators make every
    /// candidate available that is pending, and vote for the codes of [`Self::accept_code`].
    pub fn build(&mut self, candidates: Vec<BackedCandidate>, slots_ahead: u64) -> Result<RelayBlock> {
        let mut optional = self.code_votes()?;
        optional.append(&mut self.offered);
        let parachains = ParachainsInherent { bitfields: self.bitfields()?, candidates };
        let extrinsics = std::mem::take(&mut self.pool);
        let request = BlockRequest { extrinsics, optional, parachains, slots_ahead, ..BlockRequest::default() };
        let executor = self.author.executor();
        let log = executor.log();
        let _ = log.take();
        let mut chain = self.chain().clone();
        let code = chain.next_code()?;
        let built = {
            let _seal = executor.signatures().accept_seal();
            self.author.build(&mut chain, request)
        };
        let built = built.map_err(|failure| self.attributed(failure, &code))?;
        chain.seal();
        let log = log.take().into_iter().map(|(_, line)| line).filter(|line| line.contains(" runtime::inclusion"));
        let log = log.collect();
        // The code that wrote the events reads them. A block whose events cannot be read is none, so that it can
        // be built again.
        let events: Vec<CandidateEvent> = self.ask_with(&code, &chain, "candidate_events", ())?;
        self.recent.push_front(chain.clone());
        self.recent.truncate(FURTHEST);
        let events = events.into_iter().filter_map(ParachainEvent::of).collect();
        Ok(RelayBlock { block: Block::of(chain, built), events, log })
    }
}

impl ParachainEvent {
    fn of(event: CandidateEvent) -> Option<Self> {
        match event {
            CandidateEvent::CandidateBacked(receipt, head, ..) => {
                Some(Self::Backed(receipt.descriptor.para_id(), head.0))
            }
            CandidateEvent::CandidateIncluded(receipt, ..) => Some(Self::Included(receipt.descriptor.para_id())),
            CandidateEvent::CandidateTimedOut(..) => None,
        }
    }
}

/// Returns the lines of the log that are not in the log of every block, each once.
fn reasons_in(log: &[String]) -> Vec<String> {
    const USUAL: [&str; 8] = [
        "[process_inherent_data]",
        ": Size before filter",
        ": Size after filter",
        ": Time weight before filter",
        ": Time weight after filter",
        ": Max block weight",
        ": Used max block",
        "ParentBlockRandomness did not provide entropy",
    ];
    let mut reasons = Vec::new();
    for line in log.iter().filter(|line| !USUAL.iter().any(|usual| line.contains(usual))) {
        if !reasons.contains(line) {
            reasons.push(line.clone());
        }
    }
    reasons
}

/// Returns whether a call ended with a trap although the code imports host functions that only its own node
/// has. Calling one of them traps.
fn lacks_host_functions(code: &Code, failure: &Failure) -> bool {
    failure.is(FailureCode::Trap) && missing_host_functions(code).is_ok_and(|missing| !missing.is_empty())
}

/// Returns whether a code has a function. Newer runtimes may lack one that nodes no longer ask for.
fn exports(code: &Code, function: &str) -> bool {
    let name = "the relay chain's code";
    let blob = Blob::from_deployed(name, code.bytes().to_vec());
    blob.and_then(|blob| Sections::read(name, &blob))
        .is_ok_and(|sections| sections.exports.iter().any(|export| export == function))
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

/// Returns what a relay chain answered, or a failure if it is too much to be taken.
fn bounded<T>(answer: Vec<T>, most: usize, what: &str) -> Result<Vec<T>> {
    if answer.len() > most {
        return Err(Failure::not_judged(format!("the relay chain has too many {what} to be rehearsed"))
            .found(answer.len().to_string())
            .expected(format!("at most {most}")));
    }
    Ok(answer)
}

/// Returns the key of a parachain in a map of the pallet Paras. Parachains read other keys of this
/// pallet, so its name and its form cannot change.
pub(crate) fn paras_key(item: &str, para: ParaId) -> Vec<u8> {
    let id = para.encode();
    [keys::item("Paras", item), twox_64(&id).to_vec(), id].concat()
}

fn cooldowns_key() -> Vec<u8> {
    keys::item("Paras", "UpgradeCooldowns")
}

/// Returns the slot of a relay chain's last block.
fn slot_of(chain: &Chain) -> Result<u64> {
    let slot = chain.storage(well_known_keys::CURRENT_SLOT)?.unwrap_or_default();
    u64::decode(&mut &slot[..]).map_err(|error| {
        Failure::not_judged("the relay chain has no slot").found(error.to_string()).expected("the consensus Babe")
    })
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

    #[test]
    fn only_lines_about_candidates_are_reasons() {
        let usual = "DEBUG runtime::inclusion-inherent: Max block weight: Weight(..)";
        let reason = "DEBUG runtime::inclusion-inherent: Dropping candidate 0x12 for its weight";
        assert_eq!(reasons_in(&[usual, reason, reason].map(str::to_owned)), [reason]);
    }
}
