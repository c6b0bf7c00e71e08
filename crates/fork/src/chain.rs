// SPDX-License-Identifier: Apache-2.0
//! A chain at a block: its state as a trie, and the header that the next block builds on.

use crate::{
    executor::{Code, Executor},
    header::{Header, root_mismatch},
    keys,
    state::{LazyState, Nodes, StateBackend, StoredState, Traffic},
};
use codec::Decode;
use sp_core::{H256, storage::well_known_keys};
use sp_runtime::{
    StateVersion,
    traits::{BlakeTwo256, Header as _},
};
use sp_state_machine::{Backend, BackendTransaction, InMemoryBackend, IterArgs, OverlayedChanges, StorageChanges};
use sp_storage::ChildInfo;
use sp_trie::{StorageProof, recorder::Recorder};
use std::{collections::BTreeMap, sync::Arc};
use worker::{Failure, Result};

/// A chain's state and last header. Cloning is cheap: forks share the loaded state.
#[derive(Clone)]
pub struct Chain {
    nodes: Nodes,
    root: H256,
    header: Header,
    state_version: StateVersion,
}

impl Chain {
    /// Builds the trie of a state from a file or a node, and compares its root with the claimed
    /// one.
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

    /// Creates a chain from a file whose state is read through the node store.
    pub fn from_stored(stored: Arc<StoredState>, facts: &state::State) -> Result<Self> {
        let root = stored.root();
        let header = header_of(facts.header.as_deref(), root)?;
        let mut chain = Self { nodes: Nodes::stored(stored), root, header, state_version: StateVersion::V1 };
        chain.set_state_version(facts.state_version);
        Ok(chain)
    }

    /// Creates a chain of which no state is here yet. The state root is the header's, and it proves
    /// everything that is read.
    pub fn from_lazy(lazy: Arc<LazyState>, header: &[u8]) -> Result<Self> {
        let header = decode_header(header)?;
        let root = lazy.root();
        if *header.state_root() != root {
            return Err(Failure::internal("a lazy state was created for another header"));
        }
        Ok(Self { nodes: Nodes::lazy(lazy), root, header, state_version: StateVersion::V1 })
    }

    /// Returns the header of the last block.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the number of the last block.
    pub fn number(&self) -> u32 {
        *self.header.number()
    }

    /// Returns the current state root.
    pub fn root(&self) -> H256 {
        self.root
    }

    /// Returns the hash of the chain's first block. `None` if the state does not contain it.
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

    /// Returns the version of the state trie's layout.
    pub fn state_version(&self) -> StateVersion {
        self.state_version
    }

    /// Sets the version of the state trie's layout: 0, or 1 for any other number.
    pub fn set_state_version(&mut self, version: u8) {
        self.state_version = version_of(version);
    }

    /// Returns a backend of the current state.
    pub fn backend(&self) -> StateBackend {
        StateBackend::new(&self.nodes, self.root, None)
    }

    /// Returns a backend that records every trie node read through it.
    pub fn recording_backend(&self, recorder: Recorder<BlakeTwo256>) -> StateBackend {
        StateBackend::new(&self.nodes, self.root, Some(recorder))
    }

    /// Returns the value of a key of the main trie.
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

    /// Returns `result`, or the failure if a part of the state could not be read.
    ///
    /// The trie and the runtime only know that something was missing, and some of their functions
    /// continue without it.
    pub fn checked<T>(&self, result: Result<T>) -> Result<T> {
        match self.nodes.failure() {
            Some(failure) => Err(failure),
            None => result,
        }
    }

    /// Returns whether the state is fetched from a node as it is read.
    pub fn is_lazy(&self) -> bool {
        self.nodes.as_lazy().is_some()
    }

    /// Returns the requests and bytes of a lazy state so far.
    pub fn traffic(&self) -> Traffic {
        self.nodes.as_lazy().map(LazyState::traffic).unwrap_or_default()
    }

    /// Fetches the nodes of keys that will be read, so that a lazy state requests them together.
    pub fn prefetch(&self, keys: impl IntoIterator<Item = Vec<u8>>) -> Result<()> {
        self.nodes.as_lazy().map_or(Ok(()), |lazy| lazy.prefetch(None, keys))
    }

    /// Returns the warnings of a lazy state since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        self.nodes.as_lazy().map(LazyState::take_warnings).unwrap_or_default()
    }

    /// Clears the recorded failure, so that the state can be read again.
    pub fn forget_failure(&self) {
        self.nodes.forget_failure();
    }

    /// Returns the code that builds the next block: `:pending_code` while an upgrade is pending,
    /// `:code` otherwise. Nodes choose it in the same way.
    pub fn next_code(&self) -> Result<Code> {
        let code = match self.storage(well_known_keys::PENDING_CODE)? {
            Some(code) => Some(code),
            None => self.storage(well_known_keys::CODE)?,
        };
        code.map(Code::new).ok_or_else(|| {
            Failure::input("the state holds no runtime").found("no :code").expected("the state of a chain")
        })
    }

    /// Returns the proof of what stands under keys of the main trie or of a child trie, or that
    /// nothing does.
    pub fn prove<'k>(
        &self,
        child: Option<&ChildInfo>,
        keys: impl IntoIterator<Item = &'k [u8]>,
    ) -> Result<StorageProof> {
        let recorder = Recorder::<BlakeTwo256>::default();
        let backend = self.recording_backend(recorder.clone());
        for key in keys {
            let read = match child {
                Some(child) => backend.child_storage(child, key),
                None => backend.storage(key),
            };
            self.checked(read.map_err(unreadable))?;
        }
        Ok(recorder.drain_storage_proof())
    }

    /// Writes to the state between two blocks. No block can do this.
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

    /// Replaces the chain's code and removes a pending one, as nodes do with a code substitute.
    pub fn put_code(&mut self, blob: &artifact::Blob) -> Result<()> {
        let version = artifact::version_of("the code", blob)?;
        self.set_state_version(version.effective_state_version());
        self.set(vec![
            (well_known_keys::CODE.to_vec(), Some(blob.deployed.clone())),
            (well_known_keys::PENDING_CODE.to_vec(), None),
        ])
    }

    /// Sets the state root of the last header to the current one, after writes between blocks.
    pub fn adopt_state_root(&mut self) {
        self.header.set_state_root(self.root);
    }

    /// Adds the placeholder of the author's seal to the header of the last block, if its consensus
    /// has seals. The hash of a block is that of the sealed header.
    pub fn seal(&mut self) {
        self.header = crate::candidate::sealed(self.header.clone());
    }

    /// Makes this the chain after a block.
    pub fn advance(&mut self, header: Header, changes: StorageChanges<BlakeTwo256>) {
        self.apply(changes.transaction, changes.transaction_storage_root);
        self.header = header;
    }

    fn apply(&mut self, transaction: BackendTransaction<BlakeTwo256>, root: H256) {
        self.nodes.add(transaction);
        self.root = root;
    }

    /// Calls a runtime function and discards its writes.
    pub fn call(&self, executor: &Executor, code: &Code, method: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        self.call_with_changes(executor, code, method, arguments).map(|(result, _)| result)
    }

    /// Calls a runtime function and returns its writes too. This chain does not keep them.
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

    /// Returns what `Core_initialize_block` of a block with this number writes under a key, or `None`
    /// if it does not write it. `header` is the encoded header of the block.
    ///
    /// The number may be any later one. The writes are discarded.
    pub fn written_by_initialize_block(
        &self,
        executor: &Executor,
        code: &Code,
        number: u32,
        header: &[u8],
        key: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let backend = self.backend();
        let mut overlay = OverlayedChanges::default();
        let (number, last) = self.number_entry(number.saturating_sub(1))?;
        overlay.set_storage(number, Some(last));
        let mut extensions = executor.extensions(Default::default());
        let method = "Core_initialize_block";
        let result = executor.call(&backend, &mut overlay, &mut extensions, code, method, header);
        self.checked(result)?;
        Ok(overlay.storage(key).flatten().map(<[u8]>::to_vec))
    }

    /// Returns the size of the runtime's block numbers in bytes: 4 or 8. In headers numbers are
    /// compact, so both sizes have the same bytes; in the state they differ.
    pub fn number_width(&self) -> Result<usize> {
        let stored = self.storage(&keys::item("System", "Number"))?;
        Ok(stored.map_or(4, |number| if number.len() == 8 { 8 } else { 4 }))
    }

    /// Gives the last block another number, as if empty blocks had passed. The runtime stores the
    /// number too, and expects the next one.
    pub fn renumber(&mut self, number: u32) -> Result<()> {
        let (key, value) = self.number_entry(number)?;
        self.set(vec![(key, Some(value))])?;
        self.header.set_number(number);
        Ok(())
    }

    /// Returns the storage key of the last block's number, and this number as its value.
    fn number_entry(&self, number: u32) -> Result<(Vec<u8>, Vec<u8>)> {
        Ok((keys::item("System", "Number"), keys::number(number.into(), self.number_width()?)))
    }

    /// Returns every entry of the main trie under a prefix. Only for prefixes with few entries.
    pub fn entries(&self, prefix: &[u8]) -> Result<Entries> {
        let mut arguments = IterArgs::default();
        arguments.prefix = Some(prefix);
        self.collect(arguments)
    }

    /// Returns every entry of a child trie, which is named by its key without the prefix.
    pub fn child_entries(&self, name: &[u8]) -> Result<Entries> {
        let mut arguments = IterArgs::default();
        arguments.child_info = Some(ChildInfo::new_default(name));
        self.collect(arguments)
    }

    fn collect(&self, arguments: IterArgs<'_>) -> Result<Entries> {
        self.read(|backend| backend.pairs(arguments)?.collect::<std::result::Result<_, _>>())
    }

    /// Returns the whole state, to compare it or to write it to a snapshot. Child tries are apart.
    pub fn export(&self) -> Result<Export> {
        if self.is_lazy() {
            return Err(Failure::internal("the whole state is needed, but it is loaded lazily")
                .hint("load the whole state with --state-mode full"));
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

/// Decodes a header. Without one, the state is that of genesis.
fn header_of(bytes: Option<&[u8]>, root: H256) -> Result<Header> {
    match bytes {
        Some(bytes) => decode_header(bytes),
        None => Ok(Header::new(0, H256::from(keys::EMPTY_TRIE_ROOT), root, H256::zero(), Default::default())),
    }
}

fn decode_header(bytes: &[u8]) -> Result<Header> {
    Header::decode(&mut &bytes[..]).map_err(|error| {
        Failure::input("the state's header cannot be decoded")
            .found(error.to_string())
            .expected("a header with blake2-256 hashes and a block number below 2^32, in 32 or 64 bits")
    })
}

/// Keys with their values, in order.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// A whole state.
pub struct Export {
    /// The entries of the main trie.
    pub top: Entries,
    /// The entries of each child trie, by its key without the prefix.
    pub children: BTreeMap<Vec<u8>, Entries>,
}

pub(crate) fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::input("the state's trie cannot be read").found(error.to_string()).hint("download the state again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;

    #[test]
    fn a_header_with_a_64_bit_number_is_decoded() {
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
