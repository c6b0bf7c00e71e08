// SPDX-License-Identifier: Apache-2.0
//! Where the nodes of a state's trie come from.
//!
//! What built blocks added lies over a base: the whole trie in memory or, of a large file, in the store; or a lazy one whose
//! nodes are taken from a node when they are first needed. Nodes are named by their hash, so layers never contradict each other and nothing that
//! was once read or built becomes wrong.

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
pub use transport::{Traffic, Transport, Trouble};
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

/// A node's place in its trie: whole bytes of the key before it, and half a byte where there is one.
type Prefix<'a> = (&'a [u8], Option<u8>);

#[derive(Clone)]
enum Base {
    Full(Arc<PrefixedMemoryDB<BlakeTwo256>>),
    Stored(Arc<StoredState>),
    Lazy(Arc<LazyState>),
}

/// Trie nodes in layers. Cheap to clone: forks of a chain share all of it.
#[derive(Clone)]
pub struct Nodes {
    base: Base,
    /// What built blocks added, under its hash; nothing is ever taken out, so that every earlier state stays readable.
    built: Arc<RwLock<HashMap<H256, DBValue>>>,
    /// What the backend that reads through here is about to do.
    hint: Arc<Mutex<Hint>>,
}

impl Nodes {
    pub fn full(nodes: PrefixedMemoryDB<BlakeTwo256>) -> Self {
        Self::over(Base::Full(Arc::new(nodes)))
    }

    pub fn stored(stored: Arc<StoredState>) -> Self {
        Self::over(Base::Stored(stored))
    }

    pub fn lazy(lazy: Arc<LazyState>) -> Self {
        Self::over(Base::Lazy(lazy))
    }

    fn over(base: Base) -> Self {
        Self { base, built: Arc::default(), hint: Arc::default() }
    }

    /// The same nodes for another reader, whose hints are its own.
    pub fn for_reader(&self) -> Self {
        Self { hint: Arc::default(), ..self.clone() }
    }

    pub fn as_lazy(&self) -> Option<&LazyState> {
        match &self.base {
            Base::Full(_) | Base::Stored(_) => None,
            Base::Lazy(lazy) => Some(lazy),
        }
    }

    /// Why a node could not be had, once that has happened. The trie's own code only knows that it is missing.
    pub fn failure(&self) -> Option<Failure> {
        match &self.base {
            Base::Full(_) => None,
            Base::Stored(stored) => stored.failure(),
            Base::Lazy(lazy) => lazy.failure(),
        }
    }

    /// Lets reading be tried again after a failure.
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

    /// Adds the nodes that a block made.
    pub fn add(&self, mut transaction: BackendTransaction<BlakeTwo256>) {
        let mut built = self.built.write().unwrap_or_else(PoisonError::into_inner);
        for (key, (node, count)) in transaction.drain() {
            // The key ends with the hash; what is counted below one was only removed.
            if let (true, Some(start)) = (count > 0, key.len().checked_sub(32)) {
                built.insert(H256::from_slice(&key[start..]), node);
            }
        }
    }
}

/// What is behind these locks is whole at any time, whoever died with it.
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
