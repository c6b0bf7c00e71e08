// SPDX-License-Identifier: Apache-2.0
//! A cache of recently read trie nodes.

use sp_core::H256;
use sp_state_machine::DBValue;
use std::collections::HashMap;

/// Trie nodes by their hashes. Above the limit all of them are dropped.
pub struct NodeCache {
    nodes: HashMap<H256, DBValue>,
    bytes: usize,
    limit: usize,
}

impl NodeCache {
    /// Creates a cache with a limit in bytes.
    pub fn new(limit: usize) -> Self {
        Self { nodes: HashMap::new(), bytes: 0, limit }
    }

    /// Returns a node.
    pub fn get(&self, hash: &H256) -> Option<DBValue> {
        self.nodes.get(hash).cloned()
    }

    /// Returns whether a node is in the cache.
    pub fn contains(&self, hash: &H256) -> bool {
        self.nodes.contains_key(hash)
    }

    /// Adds a node.
    pub fn insert(&mut self, hash: H256, node: DBValue) {
        if self.bytes > self.limit {
            *self = Self::new(self.limit);
        }
        self.bytes += node.len() + 64;
        self.nodes.insert(hash, node);
    }
}
