// SPDX-License-Identifier: Apache-2.0
//! Reads the entries of a trie from its nodes. Every node is proven by its hash.

use super::{
    DEPTH_LIMIT, Entries,
    node::{Child, Node, Value},
};
use artifact::hashes::blake2_256;
use std::collections::HashMap;
use worker::{Failure, Result};

/// Trie nodes, and values that are stored outside of their nodes, by their hashes. Unreachable ones
/// are ignored.
#[derive(Default)]
pub struct Nodes {
    by_hash: HashMap<[u8; 32], Vec<u8>>,
    bytes: usize,
}

/// The state of reading a trie.
struct Walk<'a> {
    nodes: &'a Nodes,
    name: &'a str,
    nibbles: Vec<u8>,
    /// The longest key in nibbles. Entries with longer keys are skipped, and nodes that lead only
    /// to such entries.
    longest: usize,
    entries: Entries,
    /// The number of nodes and values that may still be visited. A trie that repeats its nodes has
    /// far more entries than nodes.
    steps: usize,
    /// The number of bytes that may still be visited.
    bytes: usize,
}

impl Nodes {
    /// Adds a node or a value. Its hash is checked when it is used.
    pub fn insert(&mut self, hash: [u8; 32], bytes: Vec<u8>) {
        self.bytes += bytes.len();
        self.by_hash.insert(hash, bytes);
    }

    /// Returns the number of nodes and values.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Returns whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// Returns all entries below a root, ordered by key. `name` is the source's name in messages.
    pub fn entries(&self, name: &str, root: [u8; 32]) -> Result<Entries> {
        self.entries_up_to(name, root, usize::MAX / 2)
    }

    /// Returns the entries with keys of at most `bytes` bytes. Nodes that lead only to longer keys
    /// may be missing.
    pub fn entries_up_to(&self, name: &str, root: [u8; 32], bytes: usize) -> Result<Entries> {
        if root == blake2_256(&[0]) {
            return Ok(vec![]);
        }
        let mut walk = Walk {
            nodes: self,
            name,
            nibbles: Vec::new(),
            longest: bytes * 2,
            entries: Vec::new(),
            // Equal values and equal small tries occur in real states, so some repetition is
            // allowed.
            steps: self.len().saturating_mul(64).saturating_add(1024),
            bytes: self.bytes.saturating_mul(64).saturating_add(1 << 20),
        };
        walk.node(self.get(name, &root)?, 0)?;
        Ok(walk.entries)
    }

    fn get(&self, name: &str, hash: &[u8; 32]) -> Result<&[u8]> {
        let bytes = self.by_hash.get(hash).ok_or_else(|| {
            Failure::input(format!("the state in {name} is incomplete"))
                .found(format!("no trie node with the hash {}", hex::encode_prefixed(hash)))
                .expected("every node below the state root")
        })?;
        let found = blake2_256(bytes);
        if found != *hash {
            return Err(Failure::input(format!("a trie node in {name} does not match its hash"))
                .found(hex::encode_prefixed(found))
                .expected(hex::encode_prefixed(hash))
                .hint("the file is damaged or forged: make it again"));
        }
        Ok(bytes)
    }

    /// Changes one byte of one node. Returns whether there was a node to change.
    #[cfg(test)]
    pub(super) fn tamper(&mut self, which: proptest::sample::Index, position: proptest::sample::Index) -> bool {
        let mut hashes: Vec<_> =
            self.by_hash.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(hash, _)| *hash).collect();
        hashes.sort();
        if hashes.is_empty() {
            return false;
        }
        let bytes = self.by_hash.get_mut(which.get(&hashes)).expect("present");
        let length = bytes.len();
        bytes[position.index(length)] ^= 1;
        true
    }
}

impl Walk<'_> {
    fn node(&mut self, bytes: &[u8], depth: usize) -> Result<()> {
        let broken = |name: &str, found: &str| {
            Failure::input(format!("a trie node in {name} cannot be decoded")).found(found.to_owned())
        };
        if depth > DEPTH_LIMIT {
            return Err(broken(self.name, "a trie deeper than any chain's"));
        }
        let node = Node::decode(bytes).ok_or_else(|| broken(self.name, "bytes that are not a trie node"))?;
        self.charge(bytes.len())?;
        let above = self.nibbles.len();
        self.nibbles.extend_from_slice(&node.partial);
        if self.nibbles.len() > self.longest {
            self.nibbles.truncate(above);
            return Ok(());
        }
        match node.value {
            None => {}
            Some(Value::Inline(value)) => self.value(value)?,
            Some(Value::Hash(hash)) => {
                let value = self.nodes.get(self.name, &hash)?;
                self.value(value)?;
            }
        }
        let children = if self.nibbles.len() < self.longest { node.children } else { Vec::new() };
        for (index, child) in children {
            self.nibbles.push(index);
            match child {
                Child::Inline(bytes) => self.node(bytes, depth + 1)?,
                Child::Hash(hash) => self.node(self.nodes.get(self.name, &hash)?, depth + 1)?,
            }
            self.nibbles.pop();
        }
        self.nibbles.truncate(above);
        Ok(())
    }

    fn value(&mut self, value: &[u8]) -> Result<()> {
        self.charge(value.len() + self.nibbles.len())?;
        if self.nibbles.len() % 2 == 1 {
            return Err(Failure::input(format!(
                "a trie node in {} has a value under a key with an odd number of nibbles",
                self.name
            )));
        }
        let key = self.nibbles.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        self.entries.push((key, value.to_vec()));
        Ok(())
    }

    /// Counts a visited node or value, and fails at the limits.
    fn charge(&mut self, bytes: usize) -> Result<()> {
        match (self.steps.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(steps), Some(bytes)) => {
                (self.steps, self.bytes) = (steps, bytes);
                Ok(())
            }
            _ => Err(Failure::input(format!("the trie in {} repeats its nodes too often", self.name))
                .expected("a state about as large as its nodes")),
        }
    }
}
