// SPDX-License-Identifier: Apache-2.0
//! The relay chain: what collators and validators ask its runtime for, and its blocks.
//!
//! Everything is read with the runtime APIs that nodes use, so that no layout of a pallet's storage
//! decides. The keys that parachains read are fixed by `polkadot_primitives::well_known_keys`.

mod duties;

pub(crate) use duties::{CollationContext, ContextSearch};

use crate::{
    block::{Block, ParachainEvent, RelayBlock},
    diary::Diary,
    upgrade::not_of_the_parachain,
};
use artifact::{Blob, Version, hashes::twox_64, sections::Sections};
use codec::{Decode, DecodeAll, Encode};
use cumulus_primitives_core::{
    AbridgedHrmpChannel, InboundDownwardMessage, InboundHrmpMessage, ParaId,
    relay_chain::{
        BackedCandidate, CandidateEvent, CoreIndex, CoreState, HeadData, HrmpChannelId, OccupiedCoreAssumption,
        UpgradeGoAhead, ValidationCode, ValidationCodeHash, well_known_keys,
    },
};
use duties::Claim;
use fork::{
    Author, BlockRequest, Chain, Code, Layout,
    author::{ParachainsInherent, missing_host_functions},
    keys,
};
use sp_core::H256;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use worker::{Code as FailureCode, Failure, Result};

/// The relay blocks whose states are kept: the most that a parachain may build behind the newest one.
const FURTHEST: usize = 16;
/// The most relay blocks in which pending candidates are included.
pub const PENDING: usize = 4;
/// The most cores that are taken from a relay chain: hostile answers must not fill the memory.
const MOST_CORES: usize = 2_000;
/// The most channels of a parachain in one direction.
const MOST_CHANNELS: usize = 1_000;

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
    /// Whether blocks are imported after they were built.
    imports: bool,
    /// The candidates since [`Self::begin_diary`].
    diary: Diary,
}

/// The numbers of messages that wait for a parachain.
pub struct Waiting {
    /// Those from the relay chain.
    pub downward: u64,
    /// Those from each parachain that has a channel to it.
    pub sideways: Vec<(ParaId, u64)>,
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
            imports: false,
            diary: Diary::default(),
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
            imports: self.imports,
            diary: Diary::default(),
        }
    }

    /// Forgets the candidates that the diary has.
    pub fn begin_diary(&mut self) {
        self.diary = Diary::default();
    }

    /// Takes the candidates that were backed since [`Self::begin_diary`].
    pub fn take_diary(&mut self) -> Diary {
        std::mem::take(&mut self.diary)
    }

    /// Makes a code of the relay chain the one that is rehearsed: where it traps, that is a failure. What
    /// another code of the relay chain cannot answer says nothing about an upgrade.
    pub fn judge(&mut self, code: Code) {
        self.judged = Some(code);
    }

    /// Imports each block after it was built, as all nodes do. A new code may build blocks that nobody can import.
    pub fn import_blocks(&mut self) {
        self.imports = true;
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

    /// Returns the key of the signal to a parachain about its new code.
    pub fn key_of_signal(para: ParaId) -> Vec<u8> {
        well_known_keys::upgrade_go_ahead_signal(para)
    }

    /// Returns the key of the signal to a parachain that no other code may be scheduled.
    pub fn key_of_restriction(para: ParaId) -> Vec<u8> {
        well_known_keys::upgrade_restriction_signal(para)
    }

    /// Returns the keys of the code that is scheduled for a parachain: its hash, and the relay block of its go-ahead.
    pub fn keys_of_future_code(para: ParaId) -> [Vec<u8>; 2] {
        [paras_key("FutureCodeHash", para), paras_key("FutureCodeUpgrades", para)]
    }

    /// Returns the key of the head of the hash chain of messages to a parachain.
    pub fn key_of_downward_head(para: ParaId) -> Vec<u8> {
        well_known_keys::dmq_mqc_head(para)
    }

    /// Returns the head of a parachain, or nothing if the relay chain has none.
    pub fn head_of(&self, para: ParaId) -> Result<Option<Vec<u8>>> {
        let Some(stored) = self.chain().storage(&well_known_keys::para_head(para))? else { return Ok(None) };
        HeadData::decode(&mut &stored[..]).map(|head| Some(head.0)).map_err(|error| {
            Failure::not_judged("the relay chain's head of the parachain cannot be decoded").found(error.to_string())
        })
    }

    /// Returns the failure where a parachain's state is not at the relay chain's head of it.
    pub fn other_head(head: &[u8], chain: &Chain, source: &impl std::fmt::Display) -> Failure {
        let hash = hex::encode_prefixed(artifact::hashes::blake2_256(head));
        let number = fork::Header::decode(&mut &head[..]).map(|header| header.number);
        let relay = number.map_or(hash.clone(), |number| format!("block {number}, {hash}"));
        Failure::input("the parachain and its relay chain are not at blocks that belong together")
            .found(format!("block {} of {source}, and {relay} as the relay chain's head of it", chain.number()))
            .expected("the parachain at the head that the relay chain has")
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
    pub fn last_downward_message(&self, para: ParaId) -> Result<Option<H256>> {
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
    pub fn cooldowns(&self) -> Result<Vec<(ParaId, u32)>> {
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
    pub fn session(&self) -> Result<u32> {
        self.ask("session_index_for_child", ())
    }

    /// Returns the slots from that of the last block to the first of the next epoch.
    pub fn slots_left(&self) -> Result<u64> {
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
        Ok(self.version_at(chain)?.api("ParachainHost").unwrap_or(0))
    }

    fn version_at(&self, chain: &Chain) -> Result<Version> {
        Version::decode("the relay chain's runtime", &self.run_at(chain, "Core_version", &[])?)
    }

    /// Returns the version that the code of the next block has in itself, with which it checks transactions.
    pub fn version(&self) -> Result<Version> {
        self.version_at(self.chain())
    }

    /// Returns the messages that wait for a parachain.
    pub fn downward_messages(&self, para: ParaId) -> Result<Vec<InboundDownwardMessage>> {
        self.ask("dmq_contents", para)
    }

    /// Returns the messages of other parachains that wait for a parachain, by their senders.
    pub fn sideways_messages(&self, para: ParaId) -> Result<BTreeMap<ParaId, Vec<InboundHrmpMessage>>> {
        self.ask("inbound_hrmp_channels_contents", para)
    }

    /// Returns how many messages wait until a block of a parachain takes them.
    pub fn waiting_for(&self, para: ParaId) -> Result<Waiting> {
        let sideways =
            self.sideways_messages(para)?.into_iter().map(|(sender, messages)| (sender, messages.len() as u64));
        Ok(Waiting { downward: self.downward_messages(para)?.len() as u64, sideways: sideways.collect() })
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
    pub fn has_core(&self, para: ParaId) -> Result<bool> {
        Ok(matches!(self.claim(self.chain(), para, 0)?, Claim::Core(_)))
    }

    /// Returns the parachains that a parachain receives from, or those that it sends to. A channel that is named may be
    /// missing.
    pub fn channel_index(&self, para: ParaId, receives: bool) -> Result<Vec<ParaId>> {
        let index = match receives {
            true => well_known_keys::hrmp_ingress_channel_index(para),
            false => well_known_keys::hrmp_egress_channel_index(para),
        };
        let Some(stored) = self.chain().storage(&index)? else { return Ok(Vec::new()) };
        let others: Vec<ParaId> = DecodeAll::decode_all(&mut &stored[..]).map_err(undecodable_channels)?;
        bounded(others, MOST_CHANNELS, "channels of a parachain")
    }

    /// Returns the channels of a parachain: those that it receives from, or those that it sends to.
    pub fn channels(&self, para: ParaId, receives: bool) -> Result<Vec<(ParaId, AbridgedHrmpChannel)>> {
        let mut channels = Vec::new();
        for other in self.channel_index(para, receives)? {
            let (sender, recipient) = if receives { (other, para) } else { (para, other) };
            let key = well_known_keys::hrmp_channels(HrmpChannelId { sender, recipient });
            let Some(channel) = self.chain().storage(&key)? else { continue };
            // Parachains read the first fields alone.
            channels.push((other, Decode::decode(&mut &channel[..]).map_err(undecodable_channels)?));
        }
        Ok(channels)
    }

    /// Returns the claims on each core, in the order in which they are served.
    pub fn claim_queue(&self) -> Result<BTreeMap<u32, Vec<ParaId>>> {
        let claims: BTreeMap<CoreIndex, VecDeque<ParaId>> = self.ask("claim_queue", ())?;
        Ok(claims.into_iter().map(|(core, queue)| (core.0, queue.into())).collect())
    }

    /// Returns the cores that a parachain has claims on, each with the number of claims.
    pub fn claims(&self, para: ParaId) -> Result<Vec<(u32, usize)>> {
        let claims = self.claim_queue()?.into_iter();
        let own = claims.map(|(core, queue)| (core, queue.iter().filter(|id| **id == para).count()));
        Ok(own.filter(|(_, count)| *count > 0).collect())
    }

    /// Returns the number of cores.
    pub(crate) fn number_of_cores(&self) -> Result<u32> {
        Ok(self.cores()?.len() as u32)
    }

    /// Returns the first core that nobody claims.
    pub fn free_core(&self) -> Result<Option<u16>> {
        let count = u16::try_from(self.cores()?.len()).unwrap_or(u16::MAX);
        let claims = self.claim_queue()?;
        let is_free = |core: &u16| claims.get(&u32::from(*core)).is_none_or(Vec::is_empty);
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

    /// Builds the next block with these candidates, after skipping slots. The validators make every
    /// candidate available that is pending, and vote for the codes of [`Self::accept_code`].
    pub fn build(&mut self, candidates: Vec<BackedCandidate>, slots_ahead: u64) -> Result<RelayBlock> {
        let mut optional = self.code_votes()?;
        optional.append(&mut self.offered);
        let parachains = ParachainsInherent { bitfields: self.bitfields()?, candidates };
        let extrinsics = std::mem::take(&mut self.pool);
        let unproven = !self.imports;
        let request =
            BlockRequest { extrinsics, optional, parachains, slots_ahead, unproven, ..BlockRequest::default() };
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
        let events: Vec<_> = events.into_iter().filter_map(ParachainEvent::of).collect();
        self.diary.note(chain.number(), &events);
        Ok(RelayBlock { block: Block::of(chain, built), events, log })
    }
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

fn undecodable_channels(error: codec::Error) -> Failure {
    Failure::not_judged("the relay chain's channels of the parachain cannot be decoded").found(error.to_string())
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
