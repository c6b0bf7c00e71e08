// SPDX-License-Identifier: Apache-2.0
//! A trie backend that tells a lazy state what will be read next.

use super::{Nodes, cursor::Cursors, hint::Hint, locked};
use sp_core::H256;
use sp_runtime::{StateVersion, traits::BlakeTwo256};
use sp_state_machine::{
    Backend, BackendTransaction, IterArgs, StateMachineStats, StorageIterator, TrieBackend, TrieBackendBuilder,
    UsageInfo,
};
use sp_storage::ChildInfo;
use sp_trie::{MerkleValue, recorder::Recorder};
use std::{fmt, sync::Mutex};

pub(super) type Inner = TrieBackend<Nodes, BlakeTwo256>;
pub(super) type Error = <Inner as Backend<BlakeTwo256>>::Error;
pub(super) type Result<T> = std::result::Result<T, Error>;

/// The length of the part of a key that identifies the pallet and the item. Iterations stay within
/// it.
const ITEM_PREFIX: usize = 32;

/// The backend of a state.
pub struct StateBackend {
    inner: Inner,
    /// Cursors for iterating over keys. `None` while reads are recorded, because the record must be
    /// that of a node.
    cursors: Option<Mutex<Cursors>>,
}

impl StateBackend {
    pub(crate) fn new(nodes: &Nodes, root: H256, recorder: Option<Recorder<BlakeTwo256>>) -> Self {
        let cursors = recorder.is_none().then(Mutex::default);
        Self {
            inner: TrieBackendBuilder::new(nodes.for_reader(), root).with_optional_recorder(recorder).build(),
            cursors,
        }
    }

    #[cfg(test)]
    pub(super) fn nodes_for_tests(&self) -> Nodes {
        self.nodes().clone()
    }

    fn nodes(&self) -> &Nodes {
        self.inner.backend_storage()
    }

    /// Reads the root of a child trie, so that any node missing afterwards belongs to the child
    /// trie.
    fn read_child_root(&self, child: &ChildInfo) -> Result<()> {
        match self.nodes().as_lazy() {
            Some(_) => self.storage(child.prefixed_storage_key().as_slice()).map(|_| ()),
            None => Ok(()),
        }
    }

    fn in_child<T>(
        &self,
        child: &ChildInfo,
        hint: impl FnOnce(Option<&[u8]>) -> Hint,
        read: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.read_child_root(child)?;
        self.nodes().set_hint(|| hint(Some(child.storage_key())));
        read()
    }

    /// Fetches the paths to all keys that change together.
    fn prefetch_delta<'a>(&self, child: Option<&ChildInfo>, delta: &[(&'a [u8], Option<&'a [u8]>)]) {
        if let Some(lazy) = self.nodes().as_lazy() {
            let child = child.map(ChildInfo::storage_key);
            // A failure is recorded there, and the caller that needs the root finds it.
            let _ = lazy.prefetch(child, delta.iter().map(|(key, _)| key.to_vec()));
            // The siblings that collapsing a branch needs are known only by their place.
            self.nodes().set_hint(|| Hint::path(child));
        }
    }
}

impl fmt::Debug for StateBackend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StateBackend({:?})", self.inner.root())
    }
}

fn item(key: &[u8]) -> &[u8] {
    &key[..key.len().min(ITEM_PREFIX)]
}

impl Backend<BlakeTwo256> for StateBackend {
    type Error = Error;
    type TrieBackendStorage = Nodes;
    type RawIter = RawIter;

    fn storage(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.nodes().set_hint(|| Hint::key(None, key));
        self.inner.storage(key)
    }

    fn storage_hash(&self, key: &[u8]) -> Result<Option<H256>> {
        self.nodes().set_hint(|| Hint::key(None, key));
        self.inner.storage_hash(key)
    }

    fn closest_merkle_value(&self, key: &[u8]) -> Result<Option<MerkleValue<H256>>> {
        self.nodes().set_hint(|| Hint::path(None));
        self.inner.closest_merkle_value(key)
    }

    fn child_closest_merkle_value(&self, child: &ChildInfo, key: &[u8]) -> Result<Option<MerkleValue<H256>>> {
        self.in_child(child, Hint::path, || self.inner.child_closest_merkle_value(child, key))
    }

    fn child_storage(&self, child: &ChildInfo, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.in_child(child, |name| Hint::key(name, key), || self.inner.child_storage(child, key))
    }

    fn child_storage_hash(&self, child: &ChildInfo, key: &[u8]) -> Result<Option<H256>> {
        self.in_child(child, |name| Hint::key(name, key), || self.inner.child_storage_hash(child, key))
    }

    fn next_storage_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.nodes().set_hint(|| Hint::iterate(None, item(key), key));
        match &self.cursors {
            Some(cursors) => locked(cursors).next(&self.inner, key),
            None => self.inner.next_storage_key(key),
        }
    }

    fn next_child_storage_key(&self, child: &ChildInfo, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.in_child(child, |name| Hint::iterate(name, &[], key), || self.inner.next_child_storage_key(child, key))
    }

    fn storage_root<'a>(
        &self,
        delta: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
        state_version: StateVersion,
    ) -> (H256, BackendTransaction<BlakeTwo256>) {
        let delta: Vec<_> = delta.collect();
        self.prefetch_delta(None, &delta);
        self.inner.storage_root(delta.into_iter(), state_version)
    }

    fn child_storage_root<'a>(
        &self,
        child: &ChildInfo,
        delta: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
        state_version: StateVersion,
    ) -> (H256, bool, BackendTransaction<BlakeTwo256>) {
        let delta: Vec<_> = delta.collect();
        // An error occurs again in the calls below.
        let _ = self.read_child_root(child);
        self.prefetch_delta(Some(child), &delta);
        self.inner.child_storage_root(child, delta.into_iter(), state_version)
    }

    fn raw_iter(&self, arguments: IterArgs<'_>) -> Result<RawIter> {
        let child = arguments.child_info.clone();
        let prefix = arguments.prefix.unwrap_or_default().to_vec();
        let after = arguments.start_at.unwrap_or(&prefix).to_vec();
        if let Some(child) = &child {
            self.read_child_root(child)?;
        }
        self.nodes().set_hint(|| Hint::iterate(child.as_ref().map(ChildInfo::storage_key), &prefix, &after));
        let inner = self.inner.raw_iter(arguments)?;
        Ok(RawIter { inner, child, prefix, after })
    }

    fn register_overlay_stats(&self, stats: &StateMachineStats) {
        self.inner.register_overlay_stats(stats);
    }

    fn usage_info(&self) -> UsageInfo {
        self.inner.usage_info()
    }
}

/// The iterator of the trie backend, and its last key.
pub struct RawIter {
    inner: <Inner as Backend<BlakeTwo256>>::RawIter,
    child: Option<ChildInfo>,
    prefix: Vec<u8>,
    after: Vec<u8>,
}

impl RawIter {
    fn set_hint(&self, backend: &StateBackend) {
        let child = self.child.as_ref().map(ChildInfo::storage_key);
        backend.nodes().set_hint(|| Hint::iterate(child, &self.prefix, &self.after));
    }
}

impl StorageIterator<BlakeTwo256> for RawIter {
    type Backend = StateBackend;
    type Error = Error;

    fn next_key(&mut self, backend: &StateBackend) -> Option<Result<Vec<u8>>> {
        self.set_hint(backend);
        let next = self.inner.next_key(&backend.inner);
        if let Some(Ok(key)) = &next {
            self.after.clone_from(key);
        }
        next
    }

    fn next_pair(&mut self, backend: &StateBackend) -> Option<Result<(Vec<u8>, Vec<u8>)>> {
        self.set_hint(backend);
        let next = self.inner.next_pair(&backend.inner);
        if let Some(Ok((key, _))) = &next {
            self.after.clone_from(key);
        }
        next
    }

    fn was_complete(&self) -> bool {
        self.inner.was_complete()
    }
}
