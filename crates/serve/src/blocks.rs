// SPDX-License-Identifier: Apache-2.0
//! The blocks of a fork: the forked block and the blocks built on it. The state of each stays
//! readable.

use super::{
    chain_head::{Follows, Runtime},
    joint::{News, Seat},
    rpc::{Bytes, Error},
    subscriptions::Subscriptions,
    transaction::Broadcasts,
};
use codec::{Decode, Encode};
use fork::{
    Author, BlockRequest, Chain, Code, Executor, Header, Signal,
    block::{self, NO_ROOM, RefusedExtrinsics},
};
use sp_core::{H256, storage::well_known_keys};
use sp_runtime::{OpaqueExtrinsic, traits::Header as _};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use worker::{Failure, Kind, Result};

/// A fork of a chain with its blocks, its pool and its subscriptions.
pub struct Fork<'a> {
    pub(super) executor: &'a Executor,
    pub(super) author: Author<'a>,
    pub(super) name: String,
    blocks: HashMap<H256, Entry>,
    base: H256,
    head: H256,
    /// Extrinsics waiting for a block.
    pub(super) pool: Vec<Vec<u8>>,
    /// Whether only `dev_newBlock` builds blocks.
    manual: bool,
    /// The header of the forked block's parent, if it is known. Clients request it when they start.
    parent: Option<Header>,
    /// Whether a block could not be built because the node failed, or did not include all that waits. The next
    /// extrinsic triggers another attempt.
    stalled: bool,
    pub(super) subscriptions: Subscriptions,
    pub(super) follows: Follows,
    pub(super) broadcasts: Broadcasts,
    state_versions: HashMap<Vec<u8>, u8>,
    /// The chain's seat where it is served with others.
    seat: Option<Seat<'a>>,
}

/// Keys with their new values.
pub(super) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A block of the fork.
pub(super) struct Entry {
    /// The chain at the block.
    pub chain: Chain,
    /// The block's extrinsics. `None` for a block forked from a file, which contains only its
    /// state.
    pub extrinsics: Option<Vec<OpaqueExtrinsic>>,
}

impl Entry {
    /// Returns the block's extrinsics.
    pub fn body(&self) -> Result<&[OpaqueExtrinsic]> {
        self.extrinsics.as_deref().ok_or_else(|| {
            Failure::input("the extrinsics of the fork's first block are unknown: a file contains only the state after it, and those of a network begin after what was pending")
        })
    }
}

/// `InvalidTransaction::Future` and `ExhaustsResources`: a later block may accept such an
/// extrinsic.
const RETRY_LATER: [&[u8]; 2] = [&[1, 0, 2], &NO_ROOM];

impl<'a> Fork<'a> {
    /// Creates a fork of `chain`. If `manual` is set, only `dev_newBlock` builds blocks.
    pub fn new(name: String, chain: Chain, executor: &'a Executor, manual: bool) -> Self {
        let base = chain.header().hash();
        // The genesis block has no extrinsics.
        let extrinsics = (chain.number() == 0).then(Vec::new);
        Self {
            executor,
            author: Author::new(executor),
            name,
            blocks: HashMap::from([(base, Entry { chain, extrinsics })]),
            base,
            head: base,
            pool: Vec::new(),
            manual,
            parent: None,
            stalled: false,
            subscriptions: Subscriptions::default(),
            follows: Follows::default(),
            broadcasts: Broadcasts::default(),
            state_versions: HashMap::new(),
            seat: None,
        }
    }

    /// Makes this a chain of those that are served together. Their blocks are then made together.
    pub fn seated(mut self, seat: Seat<'a>) -> Self {
        self.seat = Some(seat);
        self
    }

    /// Returns the seat of a chain that is served with others.
    pub(super) fn seat(&self) -> Option<&Seat<'a>> {
        self.seat.as_ref()
    }

    /// Sets the extrinsics of the forked block.
    pub fn with_extrinsics(mut self, extrinsics: Vec<OpaqueExtrinsic>) -> Self {
        if let Some(base) = self.blocks.get_mut(&self.base) {
            base.extrinsics = Some(extrinsics);
        }
        self
    }

    /// Sets the header of the forked block's parent.
    pub fn with_parent(mut self, parent: Header) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Returns the header of the block with a hash, or of the head.
    pub(super) fn header(&self, at: Option<H256>) -> Option<&Header> {
        match self.chain(at) {
            Ok(chain) => Some(chain.header()),
            Err(_) => self.parent.as_ref().filter(|parent| at == Some(parent.hash())),
        }
    }

    pub(super) fn head(&self) -> H256 {
        self.head
    }

    pub(super) fn set_head(&mut self, head: H256) {
        if head != self.head {
            // Blocks that were reported as final are reverted.
            self.follows.stop();
        }
        self.head = head;
        self.notify_head(&[]);
    }

    /// Returns the block with a hash.
    pub(super) fn block(&self, hash: H256) -> Result<&Entry> {
        self.blocks.get(&hash).ok_or_else(|| {
            Failure::input(format!("UnknownBlock: this fork has no block {hash:?}; it begins at {:?}", self.base))
        })
    }

    /// Returns the block with a hash, or the head.
    pub(super) fn entry(&self, at: Option<H256>) -> std::result::Result<&Entry, Error> {
        Ok(self.block(at.unwrap_or(self.head))?)
    }

    pub(super) fn chain(&self, at: Option<H256>) -> std::result::Result<&Chain, Error> {
        self.entry(at).map(|entry| &entry.chain)
    }

    /// Returns the hashes of the last blocks of the fork, at most `most`, the head last.
    pub(super) fn last_blocks(&self, most: usize) -> Vec<H256> {
        let parent = |hash: &H256| match self.blocks.get(hash) {
            Some(entry) if *hash != self.base => Some(*entry.chain.header().parent_hash()),
            _ => None,
        };
        let mut blocks: Vec<_> = std::iter::successors(Some(self.head), parent).take(most).collect();
        blocks.reverse();
        blocks
    }

    /// Returns the hash of the chain's first block.
    pub(super) fn genesis_hash(&self) -> std::result::Result<H256, Error> {
        let hash = self.chain(Some(self.base))?.genesis_hash()?;
        hash.ok_or_else(|| Error::new(-32000, "the state does not contain the hash of the chain's first block"))
    }

    /// Returns the hash of the ancestor of the head with this number.
    pub(super) fn hash_of(&self, number: u32) -> Result<Option<H256>> {
        let mut hash = self.head;
        while let Some(entry) = self.blocks.get(&hash) {
            let at = entry.chain.number();
            if at == number {
                return Ok(Some(hash));
            }
            if at < number {
                return Ok(None);
            }
            if hash == self.base {
                break;
            }
            hash = *entry.chain.header().parent_hash();
        }
        // Hashes from before the fork are in the chain's state, as far as the chain keeps them.
        let base = &self.block(self.base)?.chain;
        let hash = base
            .storage(&fork::keys::block_hash(number, base.number_width()?))?
            .and_then(|hash| H256::decode(&mut &hash[..]).ok());
        Ok(hash.filter(|hash| !hash.is_zero()))
    }

    /// Calls the runtime at a block, or at the head.
    pub(super) fn call(&self, at: Option<H256>, method: &str, arguments: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.call_runtime(at.unwrap_or(self.head), method, arguments)?)
    }

    pub(super) fn call_runtime(&self, block: H256, method: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        let chain = &self.block(block)?.chain;
        chain.call(self.executor, &chain.next_code()?, method, arguments)
    }

    /// Clears a failure of the node, so that reading can be tried again.
    pub(super) fn forget_failure(&self) {
        if let Some(entry) = self.blocks.get(&self.base) {
            entry.chain.forget_failure();
        }
    }

    /// Writes to the state of the head. No block can do this.
    pub(super) fn set_storage(&mut self, changes: Changes) -> std::result::Result<(), Error> {
        if let Some(seat) = &self.seat {
            seat.set(changes)?;
            self.catch_up();
            return Ok(());
        }
        let keys: Vec<_> = changes.iter().map(|(key, _)| key.clone()).collect();
        let head = self.head;
        let entry = self.blocks.get_mut(&head).ok_or_else(|| Error::new(-32000, "the fork has no head"))?;
        entry.chain.set(changes)?;
        if changes_code(&keys) {
            // Subscriptions that follow the runtime were told of another one for this block.
            self.follows.stop();
        }
        self.notify_storage(&keys);
        Ok(())
    }

    /// Adds an extrinsic to the pool if the runtime finds it valid.
    pub(super) fn submit(&mut self, extrinsic: Vec<u8>) -> std::result::Result<H256, Error> {
        let refused = |why: &str, data: String| Error::with_data(1010, why, data);
        let opaque = OpaqueExtrinsic::decode(&mut &extrinsic[..])
            .map_err(|error| refused("Extrinsic has invalid format", error.to_string()))?;
        if opaque.encode() != extrinsic {
            return Err(refused("Extrinsic has invalid format", "bytes after its end".into()));
        }
        let validity = self.validate(&opaque)?;
        if validity.first() != Some(&0) {
            return Err(refused(
                "Invalid Transaction",
                format!("TransactionValidityError {}", hex::encode_prefixed(validity.get(1..).unwrap_or_default())),
            ));
        }
        let hash = H256(artifact::hashes::blake2_256(&extrinsic));
        if !self.pool.contains(&extrinsic) {
            self.pool.push(extrinsic);
        }
        self.stalled = false;
        self.sync_pool();
        Ok(hash)
    }

    /// Returns the runtime's answer about an extrinsic on the head.
    fn validate(&self, extrinsic: &OpaqueExtrinsic) -> Result<Vec<u8>> {
        // `TransactionSource::External`, as for extrinsics from outside.
        let arguments = (2u8, extrinsic, self.head).encode();
        self.call_runtime(self.head, "TaggedTransactionQueue_validate_transaction", &arguments)
    }

    /// Tells the chains that are served with this one what waits in its pool.
    fn sync_pool(&self) {
        if let Some(seat) = &self.seat {
            seat.offer(self.pool.clone());
        }
    }

    /// Takes the blocks that were made of this chain together with those of others.
    pub(super) fn catch_up(&mut self) {
        let Some(seat) = &self.seat else { return };
        for one in seat.take_news() {
            match one {
                News::Block(block) => {
                    let included: Vec<_> = block.extrinsics.iter().map(Encode::encode).collect();
                    self.leave_pool(&included, block.refused);
                    self.append(block.after, block.extrinsics, &block.keys);
                }
                News::Backed(block) => {
                    let hash = block.after.header().hash();
                    self.blocks.insert(hash, Entry { chain: block.after, extrinsics: Some(block.extrinsics) });
                }
                News::Rewritten(chain, keys) => self.replace_head(*chain, &keys),
                News::Dropped(extrinsics) => {
                    self.pool.retain(|extrinsic| !extrinsics.contains(extrinsic));
                    self.subscriptions.dropped(&extrinsics);
                }
            }
        }
        self.sync_pool();
    }

    /// Replaces the head by the same block with another state.
    pub(super) fn replace_head(&mut self, chain: Chain, keys: &[Vec<u8>]) {
        let extrinsics = self.blocks.get(&self.head).and_then(|entry| entry.extrinsics.clone());
        let hash = chain.header().hash();
        self.blocks.insert(hash, Entry { chain, extrinsics });
        if self.head == self.base {
            self.base = hash;
        }
        self.head = hash;
        // Blocks that were reported as final are reverted.
        self.follows.stop();
        self.notify_head(keys);
    }

    /// Builds a block for the waiting extrinsics, unless blocks are built manually, and sends due
    /// notifications.
    pub fn build_pending(&mut self) {
        while !self.manual && !self.stalled && !self.pool.is_empty() {
            let waiting = self.pool.len();
            match self.build_next() {
                // Served alone, the chain tries again after the next request.
                Ok(_) if self.seat.is_none() => break,
                // What a block with others does not include is tried again with the next extrinsic.
                Ok(_) => self.stalled = self.pool.len() >= waiting,
                // No request waits for this block. Subscriptions that watch the extrinsics are
                // notified.
                Err(failure) if failure.kind == Kind::Check => {
                    let dropped = std::mem::take(&mut self.pool);
                    self.subscriptions.dropped(&dropped);
                    self.sync_pool();
                }
                Err(_) => self.stalled = true,
            }
            self.forget_failure();
        }
        self.notify_due();
    }

    /// Returns the time until the next notification is due.
    pub(super) fn due_in(&self) -> Duration {
        self.subscriptions.due_in().min(self.follows.due_in())
    }

    /// Sends the notifications that are due.
    pub(super) fn notify_due(&mut self) {
        let now = Instant::now();
        self.subscriptions.notify_due(now);
        self.follows.notify_due(now);
    }

    /// Builds the next block of the chain with the waiting extrinsics.
    pub(super) fn build_next(&mut self) -> Result<H256> {
        match self.seat.is_some() {
            true => self.build_together(0),
            false => self.build(Vec::new()),
        }
    }

    /// Builds the next block of the chain with those of others, after skipping slots of the relay chain.
    pub(super) fn build_together(&mut self, slots: u64) -> Result<H256> {
        self.sync_pool();
        let seat = self.seat.as_ref().ok_or_else(|| Failure::internal("the chain is served alone"))?;
        let built = seat.advance(slots);
        // The other chains have their blocks even if this one has none.
        self.catch_up();
        built?;
        Ok(self.head)
    }

    /// Builds the next block on the head with the waiting extrinsics. `other` changes the state for
    /// this block only.
    pub(super) fn build(&mut self, other: Changes) -> Result<H256> {
        let mut chain = self
            .blocks
            .get(&self.head)
            .map(|entry| entry.chain.clone())
            .ok_or_else(|| Failure::internal("the fork has no head"))?;
        let code = chain.next_code()?;
        chain.set_state_version(self.state_version(&code)?);
        if !other.is_empty() {
            chain.set(other)?;
        }
        // The signal of the relay chain to a parachain with new code.
        let pending = self.author.layout(&chain)?.parachain_system().map(|pallet| pallet.key("PendingValidationCode"));
        let go_ahead = match pending {
            Some(key) => chain.storage(&key)?.is_some_and(|code| code.len() > 1),
            None => false,
        };
        let signal = go_ahead.then_some(Signal::GoAhead);
        let request = BlockRequest { extrinsics: self.pool.clone(), signal, ..BlockRequest::default() };
        self.author.prepare_state(&mut chain, &code)?;
        let plan = self.author.plan(&chain, &code, request)?;
        let mut built = block::build_from_pool(&chain, self.executor, &code, plan)?;
        let changes = std::mem::take(&mut built.changes);
        let keys: Vec<_> = changes.main_storage_changes.iter().map(|(key, _)| key.clone()).collect();
        chain.advance(built.header.clone(), changes);

        let extrinsics: Vec<_> = built.extrinsics.iter().map(Encode::encode).collect();
        self.leave_pool(&extrinsics, built.refused);
        Ok(self.append(chain, built.extrinsics, &keys))
    }

    /// Removes what is in a block from the pool, and what the runtime refused for good.
    fn leave_pool(&mut self, included: &[Vec<u8>], refused: RefusedExtrinsics) {
        let dropped: Vec<_> = refused
            .into_iter()
            .filter(|(extrinsic, answer)| is_refused_for_good(answer) && self.pool.contains(extrinsic))
            .map(|(extrinsic, _)| extrinsic)
            .collect();
        self.pool.retain(|extrinsic| !included.contains(extrinsic) && !dropped.contains(extrinsic));
        self.subscriptions.dropped(&dropped);
    }

    /// Adds a block on the head and notifies the subscriptions. `keys` are the changed keys.
    pub(super) fn append(&mut self, chain: Chain, extrinsics: Vec<OpaqueExtrinsic>, keys: &[Vec<u8>]) -> H256 {
        let (hash, parent) = (chain.header().hash(), *chain.header().parent_hash());
        let encoded: Vec<_> = extrinsics.iter().map(Encode::encode).collect();
        self.blocks.insert(hash, Entry { chain, extrinsics: Some(extrinsics) });
        self.head = hash;
        self.subscriptions.included(hash, &encoded);
        let new_runtime = (self.follows.want_runtime() && changes_code(keys))
            .then(|| Runtime::at(self, hash))
            .filter(|runtime| *runtime != Runtime::at(self, parent));
        self.follows.new_block(hash, parent, new_runtime.as_ref());
        self.notify_head(keys);
        hash
    }

    fn state_version(&mut self, code: &Code) -> Result<u8> {
        if let Some(version) = self.state_versions.get(code.hash()) {
            return Ok(*version);
        }
        let blob = artifact::Blob::from_deployed(&self.name, code.bytes().to_vec())?;
        let version = artifact::sections::Sections::read(&self.name, &blob)?.version;
        let version = version.map_or(0, |version| version.effective_state_version());
        self.state_versions.insert(code.hash().to_vec(), version);
        Ok(version)
    }

    fn notify_head(&mut self, keys: &[Vec<u8>]) {
        let Some(header) = self.chain(None).ok().map(|chain| chain.header().clone()) else { return };
        self.subscriptions.new_head(&header);
        if keys.iter().any(|key| key == well_known_keys::CODE)
            && let Ok(version) = super::state::runtime_version(self, None)
        {
            self.subscriptions.new_runtime_version(&version);
        }
        self.notify_storage(keys);
    }

    fn notify_storage(&mut self, keys: &[Vec<u8>]) {
        let head = self.head;
        let Some(chain) = self.blocks.get(&head).map(|entry| entry.chain.clone()) else { return };
        self.subscriptions.new_values(head, keys, |key| chain.storage(key).ok().flatten().map(Bytes));
    }
}

/// Returns whether no later block will accept an extrinsic to which the runtime gave this answer.
pub(super) fn is_refused_for_good(answer: &[u8]) -> bool {
    !RETRY_LATER.iter().any(|kind| answer.starts_with(kind))
}

/// Returns whether a change of these keys may change the code that is called.
fn changes_code(keys: &[Vec<u8>]) -> bool {
    let code = [well_known_keys::CODE, well_known_keys::PENDING_CODE];
    keys.iter().any(|key| code.contains(&key.as_slice()))
}
