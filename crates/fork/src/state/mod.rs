// SPDX-License-Identifier: Apache-2.0
//! The sources of a state's trie nodes.
//!
//! Built blocks add nodes on top of a base. The base is the whole trie in memory, a large file in
//! the node store, or a lazy state that is fetched from a node. Nodes are identified by their hash,
//! so layers never contradict each other and an earlier state stays valid.

mod backend;
mod cursor;
mod disk;
mod hint;
mod lazy;
mod node;
mod node_cache;
mod store;
mod stored;
#[cfg(test)]
mod tests;
mod transport;
mod walk;

pub use backend::StateBackend;
pub use disk::Disk;
pub use lazy::LazyState;
pub use node::RemoteNode;
pub use store::Store;
pub use stored::StoredState;
pub use transport::{Traffic, Transport, TransportError};
pub(crate) use walk::{End, walk};

use crate::keys;
use hint::Hint;
use sp_core::H256;
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{BackendTransaction, DBValue, TrieBackendStorage};
use sp_trie::PrefixedMemoryDB;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use worker::Failure;

/// A node's place in its trie: the whole bytes of the key before it, and a single nibble if there
/// is one.
type Prefix<'a> = (&'a [u8], Option<u8>);

#[derive(Clone)]
enum Base {
    Full(Arc<PrefixedMemoryDB<BlakeTwo256>>),
    Stored(Arc<StoredState>),
    Lazy(Arc<LazyState>),
}

/// Trie nodes in layers. Cloning is cheap: forks of a chain share all nodes.
#[derive(Clone)]
pub struct Nodes {
    base: Base,
    /// The nodes of built blocks by their hash. None is removed, so that every earlier state can be
    /// read.
    built: Arc<RwLock<HashMap<H256, DBValue>>>,
    /// What the backend that reads through these nodes does next.
    hint: Arc<Mutex<Hint>>,
}

impl Nodes {
    /// Creates nodes over a whole trie in memory.
    pub fn full(nodes: PrefixedMemoryDB<BlakeTwo256>) -> Self {
        Self::over(Base::Full(Arc::new(nodes)))
    }

    /// Creates nodes over a file in the node store.
    pub fn stored(stored: Arc<StoredState>) -> Self {
        Self::over(Base::Stored(stored))
    }

    /// Creates nodes over a lazy state.
    pub fn lazy(lazy: Arc<LazyState>) -> Self {
        Self::over(Base::Lazy(lazy))
    }

    fn over(base: Base) -> Self {
        Self { base, built: Arc::default(), hint: Arc::default() }
    }

    /// Returns the same nodes with separate hints for another reader.
    pub fn for_reader(&self) -> Self {
        Self { hint: Arc::default(), ..self.clone() }
    }

    /// Returns the lazy state, if this is one.
    pub fn as_lazy(&self) -> Option<&LazyState> {
        match &self.base {
            Base::Full(_) | Base::Stored(_) => None,
            Base::Lazy(lazy) => Some(lazy),
        }
    }

    /// Returns why a node could not be read. The trie's own code only knows that it is missing.
    pub fn failure(&self) -> Option<Failure> {
        match &self.base {
            Base::Full(_) => None,
            Base::Stored(stored) => stored.failure(),
            Base::Lazy(lazy) => lazy.failure(),
        }
    }

    /// Clears the failure, so that reading can be tried again.
    pub fn forget_failure(&self) {
        match &self.base {
            Base::Full(_) => {}
            Base::Stored(stored) => stored.forget_failure(),
            Base::Lazy(lazy) => lazy.forget_failure(),
        }
    }

    fn set_hint(&self, hint: impl FnOnce() -> Hint) {
        if let Base::Lazy(_) = self.base {
            *locked(&self.hint) = hint();
        }
    }

    /// Adds the nodes of a block.
    pub fn add(&self, mut transaction: BackendTransaction<BlakeTwo256>) {
        let mut built = self.built.write().unwrap_or_else(PoisonError::into_inner);
        for (key, (node, count)) in transaction.drain() {
            // The key ends with the hash. A count below one is a removal.
            if let (true, Some(start)) = (count > 0, key.len().checked_sub(32)) {
                built.insert(H256::from_slice(&key[start..]), node);
            }
        }
    }
}

/// Locks a mutex even if it is poisoned: the values behind these locks are consistent at any time.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TrieBackendStorage<BlakeTwo256> for Nodes {
    fn get(&self, hash: &H256, prefix: Prefix<'_>) -> Result<Option<DBValue>, String> {
        if hash.0 == keys::EMPTY_TRIE_ROOT {
            return Ok(Some(vec![0]));
        }
        if let Some(node) = self.built.read().unwrap_or_else(PoisonError::into_inner).get(hash) {
            return Ok(Some(node.clone()));
        }
        match &self.base {
            Base::Full(nodes) => TrieBackendStorage::get(&**nodes, hash, prefix),
            Base::Stored(stored) => stored.get(hash).map(Some),
            Base::Lazy(lazy) => {
                let hint = locked(&self.hint).clone();
                lazy.get(hash, prefix, &hint).map(Some)
            }
        }
    }
}
