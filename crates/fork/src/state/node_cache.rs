// SPDX-License-Identifier: Apache-2.0
//! Trie nodes that were read lately.

use sp_core::H256;
use sp_state_machine::DBValue;
use std::collections::HashMap;

/// Beyond a limit all of them are dropped: they can be had again.
pub struct NodeCache {
    nodes: HashMap<H256, DBValue>,
    bytes: usize,
    limit: usize,
}

impl NodeCache {
    pub fn new(limit: usize) -> Self {
        Self { nodes: HashMap::new(), bytes: 0, limit }
    }

    pub fn get(&self, hash: &H256) -> Option<DBValue> {
        self.nodes.get(hash).cloned()
    }

    pub fn contains(&self, hash: &H256) -> bool {
        self.nodes.contains_key(hash)
    }

    pub fn insert(&mut self, hash: H256, node: DBValue) {
        if self.bytes > self.limit {
            *self = Self::new(self.limit);
        }
        self.bytes += node.len() + 64;
        self.nodes.insert(hash, node);
    }
}
