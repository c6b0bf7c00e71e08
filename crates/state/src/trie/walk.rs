// SPDX-License-Identifier: Apache-2.0
//! From nodes to entries, each node proven by its hash.

use super::{
    DEPTH_LIMIT, Entries,
    node::{Child, Node, Value},
};
use artifact::hashes::blake2_256;
use std::collections::HashMap;
use worker::{Failure, Result};

/// Trie nodes, and values stored apart, under their hashes. What is not reachable from a root does no harm.
#[derive(Default)]
pub struct Nodes {
    by_hash: HashMap<[u8; 32], Vec<u8>>,
    bytes: usize,
}

struct Walk<'a> {
    nodes: &'a Nodes,
    name: &'a str,
    nibbles: Vec<u8>,
    /// Longer keys are passed over, and what leads to nothing else.
    longest: usize,
    entries: Entries,
    /// What may still be visited: a trie of which parts repeat is finite and yet endless.
    steps: usize,
    bytes: usize,
}

impl Nodes {
    /// `hash` is what the source claims; it is checked when the node is used.
    pub fn insert(&mut self, hash: [u8; 32], bytes: Vec<u8>) {
        self.bytes += bytes.len();
        self.by_hash.insert(hash, bytes);
    }

    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// All entries below a root, ordered by key. `name` is what errors call the source.
    pub fn entries(&self, name: &str, root: [u8; 32]) -> Result<Entries> {
        self.entries_up_to(name, root, usize::MAX / 2)
    }

    /// The entries with keys of at most so many bytes. Nodes that lead to longer ones only need not be here.
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
            // Equal values and equal small tries do occur in real states, so a few repetitions have to pass.
            steps: self.len().saturating_mul(64).saturating_add(1024),
            bytes: self.bytes.saturating_mul(64).saturating_add(1 << 20),
        };
        walk.node(self.get(name, &root)?, 0)?;
        Ok(walk.entries)
    }

    fn get(&self, name: &str, hash: &[u8; 32]) -> Result<&[u8]> {
        let bytes = self.by_hash.get(hash).ok_or_else(|| {
            Failure::input(format!("the state in {name} is not whole"))
                .found(format!("no trie node with the hash {}", hex::encode_prefixed(hash)))
                .expected("every node below the state root")
        })?;
        let found = blake2_256(bytes);
        if found != *hash {
            return Err(Failure::input(format!("a trie node in {name} is not what its hash says"))
                .found(hex::encode_prefixed(found))
                .expected(hex::encode_prefixed(hash))
                .hint("the file is damaged or forged: make it again"));
        }
        Ok(bytes)
    }

    /// Changes one byte of one node, if there is one.
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
        let node = Node::decode(bytes).ok_or_else(|| broken(self.name, "bytes that are no trie node"))?;
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
            return Err(Failure::input(format!("a trie node in {} has a value under half a byte of key", self.name)));
        }
        let key = self.nibbles.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        self.entries.push((key, value.to_vec()));
        Ok(())
    }

    fn charge(&mut self, bytes: usize) -> Result<()> {
        match (self.steps.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(steps), Some(bytes)) => {
                (self.steps, self.bytes) = (steps, bytes);
                Ok(())
            }
            _ => Err(Failure::input(format!("the trie in {} repeats itself without end", self.name))
                .expected("a state about as large as its nodes")),
        }
    }
}
