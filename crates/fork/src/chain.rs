// SPDX-License-Identifier: Apache-2.0
//! A chain at a block: its state as a trie and the header that the next block builds on.

use crate::{
    executor::{Code, Executor},
    keys,
    state::{LazyState, Nodes, StateBackend, StoredState, Traffic},
};
use codec::{Decode, Encode};
use sp_core::{H256, storage::well_known_keys};
use sp_runtime::{
    StateVersion,
    traits::{BlakeTwo256, Header as _},
};
use sp_state_machine::{Backend, BackendTransaction, InMemoryBackend, IterArgs, OverlayedChanges, StorageChanges};
use sp_storage::ChildInfo;
use sp_trie::recorder::Recorder;
use std::{collections::BTreeMap, sync::Arc};
use worker::{Failure, Result};

pub type Header = sp_runtime::generic::Header<u32, BlakeTwo256>;
/// Cheap to clone: a fork of a chain shares the loaded state.
#[derive(Clone)]
pub struct Chain {
    nodes: Nodes,
    root: H256,
    header: Header,
    state_version: StateVersion,
}

impl Chain {
    /// Builds the trie of a state that was read from a file or a node, and holds it against the root it claims.
    pub fn from_state(state: state::State) -> Result<Self> {
        let state_version = version_of(state.state_version);
        let claimed = state.state_root;
        let mut backend = InMemoryBackend::<BlakeTwo256>::default();
        let top = state.top.into_iter().map(|(key, value)| (key, Some(value))).collect::<Vec<_>>();
        let children = state.children.into_iter().map(|(key, entries)| {
            let entries = entries.into_iter().map(|(key, value)| (key, Some(value))).collect::<Vec<_>>();
            (Some(ChildInfo::new_default_from_vec(key)), entries)
        });
        backend.insert(std::iter::once((None, top)).chain(children), state_version);
        let root = *backend.root();
        if let Some(claimed) = claimed
            && root.as_bytes() != claimed
        {
            return Err(root_mismatch(root.as_fixed_bytes(), &claimed));
        }
        let header = header_of(state.header.as_deref(), root)?;
        Ok(Self { nodes: Nodes::full(backend.into_storage()), root, header, state_version })
    }

    /// The state of a file that is read from the node store.
    pub fn from_stored(stored: Arc<StoredState>, facts: &state::State) -> Result<Self> {
        let root = stored.root();
        let header = header_of(facts.header.as_deref(), root)?;
        let mut chain = Self { nodes: Nodes::stored(stored), root, header, state_version: StateVersion::V1 };
        chain.set_state_version(facts.state_version);
        Ok(chain)
    }

    /// A state of which nothing is here yet: its root is the header's, and all that is read is proven by it.
    pub fn from_lazy(lazy: Arc<LazyState>, header: &[u8]) -> Result<Self> {
        let header = decode_header(header)?;
        let root = lazy.root();
        if *header.state_root() != root {
            return Err(Failure::internal("a lazy state was made for another header"));
        }
        Ok(Self { nodes: Nodes::lazy(lazy), root, header, state_version: StateVersion::V1 })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    pub fn number(&self) -> u32 {
        *self.header.number()
    }

    pub fn root(&self) -> H256 {
        self.root
    }

    /// The hash of the chain's first block: this one's, or the one that its state keeps for ever. Some state does not tell.
    pub fn genesis_hash(&self) -> Result<Option<H256>> {
        if self.number() == 0 {
            return Ok(Some(self.header().hash()));
        }
        for key in state::genesis_hash_keys() {
            if let Some(hash) = self.storage(&key)?.filter(|hash| hash.len() == 32) {
                return Ok(Some(H256::from_slice(&hash)));
            }
        }
        Ok(None)
    }

    pub fn state_version(&self) -> StateVersion {
        self.state_version
    }

    pub fn set_state_version(&mut self, version: u8) {
        self.state_version = version_of(version);
    }

    pub fn backend(&self) -> StateBackend {
        StateBackend::new(&self.nodes, self.root, None)
    }

    /// A backend that records every trie node which is read through it.
    pub fn recording_backend(&self, recorder: Recorder<BlakeTwo256>) -> StateBackend {
        StateBackend::new(&self.nodes, self.root, Some(recorder))
    }

    pub fn storage(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read(|backend| backend.storage(key))
    }

    /// Reads through a backend of this state.
    pub fn read<T, E: std::fmt::Display>(
        &self,
        read: impl FnOnce(&StateBackend) -> std::result::Result<T, E>,
    ) -> Result<T> {
        self.checked(read(&self.backend()).map_err(unreadable))
    }

    /// What came of working on this state, unless a part of the state could not be had: the trie and the runtime only
    /// know that something was missing, and some of their functions go on with what they have.
    pub fn checked<T>(&self, result: Result<T>) -> Result<T> {
        match self.nodes.failure() {
            Some(failure) => Err(failure),
            None => result,
        }
    }

    /// Whether the state is taken from a node piece by piece, as it is read.
    pub fn is_lazy(&self) -> bool {
        self.nodes.as_lazy().is_some()
    }

    /// What was asked of the node so far.
    pub fn traffic(&self) -> Traffic {
        self.nodes.as_lazy().map(LazyState::traffic).unwrap_or_default()
    }

    /// Announces keys that will be read, so that a lazy state takes them together.
    pub fn prefetch(&self, keys: impl IntoIterator<Item = Vec<u8>>) -> Result<()> {
        self.nodes.as_lazy().map_or(Ok(()), |lazy| lazy.prefetch(None, keys))
    }

    /// What went less well than hoped while a lazy state was read, told once.
    pub fn take_warnings(&self) -> Vec<String> {
        self.nodes.as_lazy().map(LazyState::take_warnings).unwrap_or_default()
    }

    /// Lets a state be read again after a failure.
    pub fn forget_failure(&self) {
        self.nodes.forget_failure();
    }

    /// The code that builds the next block: `:pending_code` while an upgrade is pending, `:code` otherwise, as nodes
    /// choose it.
    pub fn next_code(&self) -> Result<Code> {
        let code = match self.storage(well_known_keys::PENDING_CODE)? {
            Some(code) => Some(code),
            None => self.storage(well_known_keys::CODE)?,
        };
        code.map(Code::new).ok_or_else(|| {
            Failure::input("the state holds no runtime").found("no :code").expected("the state of a chain")
        })
    }

    /// Writes to the state between two blocks, as no block would.
    pub fn set(&mut self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        let backend = self.backend();
        let mut overlay = OverlayedChanges::default();
        for (key, value) in changes {
            overlay.set_storage(key, value);
        }
        let changes = overlay.drain_storage_changes(&backend, self.state_version).map_err(unreadable);
        let changes = self.checked(changes)?;
        self.apply(changes.transaction, changes.transaction_storage_root);
        Ok(())
    }

    /// Puts a code in place of the chain's own, and of one that is pending: as nodes do with a code substitute.
    pub fn put_code(&mut self, blob: &artifact::Blob) -> Result<()> {
        let version = artifact::version_of("the code", blob)?;
        self.set_state_version(version.effective_state_version());
        self.set(vec![
            (well_known_keys::CODE.to_vec(), Some(blob.deployed.clone())),
            (well_known_keys::PENDING_CODE.to_vec(), None),
        ])
    }

    /// Makes the state as it is that of the last block, whatever was written to it since: its header tells of it from now on.
    pub fn adopt_state_root(&mut self) {
        self.header.set_state_root(self.root);
    }

    /// The chain after a block.
    pub fn advance(&mut self, header: Header, changes: StorageChanges<BlakeTwo256>) {
        self.apply(changes.transaction, changes.transaction_storage_root);
        self.header = header;
    }

    fn apply(&mut self, transaction: BackendTransaction<BlakeTwo256>, root: H256) {
        self.nodes.add(transaction);
        self.root = root;
    }

    /// Calls the runtime without keeping what it writes.
    pub fn call(&self, executor: &Executor, code: &Code, method: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        self.call_with_changes(executor, code, method, arguments).map(|(result, _)| result)
    }

    /// Calls the runtime and gives back what it wrote, which this chain does not keep.
    pub fn call_with_changes(
        &self,
        executor: &Executor,
        code: &Code,
        method: &str,
        arguments: &[u8],
    ) -> Result<(Vec<u8>, StorageChanges<BlakeTwo256>)> {
        let backend = self.backend();
        let mut overlay = OverlayedChanges::default();
        let mut extensions = executor.extensions(Default::default());
        let result = executor.call(&backend, &mut overlay, &mut extensions, code, method, arguments);
        let result = self.checked(result)?;
        let changes = overlay.drain_storage_changes(&backend, self.state_version).map_err(unreadable);
        Ok((result, self.checked(changes)?))
    }

    /// What beginning the block of this header would write under a key: nothing where it leaves it alone. The header may be
    /// of any number to come; nothing of it is kept.
    pub fn would_begin(
        &self,
        executor: &Executor,
        code: &Code,
        header: &Header,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let backend = self.backend();
        let mut overlay = OverlayedChanges::default();
        let (number, last) = self.numbered(header.number().saturating_sub(1))?;
        overlay.set_storage(number, Some(last));
        let mut extensions = executor.extensions(Default::default());
        let method = "Core_initialize_block";
        let result = executor.call(&backend, &mut overlay, &mut extensions, code, method, &header.encode());
        self.checked(result)?;
        Ok(overlay.storage(key).flatten().map(<[u8]>::to_vec))
    }

    /// How many bytes the runtime's block numbers take. In headers they are compact, so that 32 and 64 bits are the same
    /// bytes there; in the state they are not.
    pub fn number_width(&self) -> Result<usize> {
        let stored = self.storage(&keys::item("System", "Number"))?;
        Ok(stored.map_or(4, |number| if number.len() == 8 { 8 } else { 4 }))
    }

    /// Makes the last block one of another number, as if blocks had passed in which nothing happened: the runtime keeps
    /// the number too, and wants the next one to follow.
    pub fn renumber(&mut self, number: u32) -> Result<()> {
        let (key, value) = self.numbered(number)?;
        self.set(vec![(key, Some(value))])?;
        self.header.set_number(number);
        Ok(())
    }

    /// Where the runtime keeps the number of the last block, and this number as it keeps it.
    fn numbered(&self, number: u32) -> Result<(Vec<u8>, Vec<u8>)> {
        Ok((keys::item("System", "Number"), keys::number(number.into(), self.number_width()?)))
    }

    /// Every entry of the main trie under a prefix. For what is known to be small.
    pub fn entries(&self, prefix: &[u8]) -> Result<Entries> {
        let mut arguments = IterArgs::default();
        arguments.prefix = Some(prefix);
        self.collect(arguments)
    }

    /// Every entry of a child trie, by its key without the prefix.
    pub fn child_entries(&self, name: &[u8]) -> Result<Entries> {
        let mut arguments = IterArgs::default();
        arguments.child_info = Some(ChildInfo::new_default(name));
        self.collect(arguments)
    }

    fn collect(&self, arguments: IterArgs<'_>) -> Result<Entries> {
        self.read(|backend| backend.pairs(arguments)?.collect::<std::result::Result<_, _>>())
    }

    /// The whole state, child tries under their own names, to compare or to write to a snapshot.
    pub fn export(&self) -> Result<Export> {
        if self.is_lazy() {
            return Err(Failure::internal("the whole of a state was asked for of which only parts are here")
                .hint("take the whole state by --state-mode full"));
        }
        let top = self.entries(&[])?;
        let mut children = BTreeMap::new();
        for (key, _) in &top {
            if let Some(name) = key.strip_prefix(well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX) {
                children.insert(name.to_vec(), self.child_entries(name)?);
            }
        }
        Ok(Export { top, children })
    }
}

fn version_of(number: u8) -> StateVersion {
    if number == 0 { StateVersion::V0 } else { StateVersion::V1 }
}

/// Where there is no header, the state is one before the first block.
fn header_of(bytes: Option<&[u8]>, root: H256) -> Result<Header> {
    match bytes {
        Some(bytes) => decode_header(bytes),
        None => Ok(Header::new(0, H256::from(keys::EMPTY_TRIE_ROOT), root, H256::zero(), Default::default())),
    }
}

pub(crate) fn root_mismatch(found: &[u8; 32], claimed: &[u8; 32]) -> Failure {
    Failure::input("the state is not the one its header names")
        .found(format!("state root {}", hex::encode_prefixed(found)))
        .expected(hex::encode_prefixed(claimed))
        .hint("the state is incomplete or altered: take it again")
}

fn decode_header(bytes: &[u8]) -> Result<Header> {
    Header::decode(&mut &bytes[..]).map_err(|error| {
        Failure::input("the state's header cannot be decoded")
            .found(error.to_string())
            .expected("a header with blake2-256 hashes and a block number below 2^32, in 32 or 64 bits")
    })
}

/// Keys with their values, ordered.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

pub struct Export {
    pub top: Entries,
    pub children: BTreeMap<Vec<u8>, Entries>,
}

pub(crate) fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::input("the state's trie cannot be read").found(error.to_string()).hint("take the state again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_64_bit_numbers_is_read() {
        type Header64 = sp_runtime::generic::Header<u64, BlakeTwo256>;
        let [a, b, c] = [1, 2, 3].map(H256::repeat_byte);
        let header = |number| Header64::new(number, a, b, c, Default::default());
        for number in [0, 63, 64, 16_383, 1 << 20, u32::MAX] {
            let read = decode_header(&header(u64::from(number)).encode()).expect("read");
            assert_eq!(*read.number(), number);
            assert_eq!(read.hash(), header(u64::from(number)).hash());
        }
        assert!(decode_header(&header(1 << 32).encode()).is_err());
    }
}
