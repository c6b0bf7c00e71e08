// SPDX-License-Identifier: Apache-2.0
//! Builds a trie from entries and computes its root.

use super::{DEPTH_LIMIT, HASHED_FROM};
use artifact::hashes::blake2_256;
use codec::Encode;
use worker::{Failure, Result};

/// Computes the root of entries in layout 0 or 1.
///
/// Returns `None` if the keys are not strictly ascending, or if the trie is deeper than any real
/// chain's.
pub fn root(entries: &[(Vec<u8>, Vec<u8>)], version: u8) -> Option<[u8; 32]> {
    let mut builder = Builder::new(version);
    entries.iter().try_for_each(|(key, value)| builder.push(key, value.clone(), &mut |_, _| Ok(()))).ok()?;
    builder.finish(&mut |_, _| Ok(())).ok()
}

/// A function that receives the nodes of a trie, and the values that are stored outside of their
/// nodes, with their hashes.
pub type NodeVisitor<'a> = dyn FnMut([u8; 32], &[u8]) -> Result<()> + 'a;

/// Builds a trie from entries in the order of their keys. It keeps only the nodes on the path to
/// the last entry in memory.
pub struct Builder {
    hashed: bool,
    /// The last key. All open nodes are on the path to it.
    last: Vec<u8>,
    open: Vec<OpenNode>,
}

/// A node whose children are not complete yet.
struct OpenNode {
    /// The number of nibbles of the key up to the end of this node's part.
    end: usize,
    value: Option<StoredValue>,
    bitmap: u16,
    /// The encoded children.
    children: Vec<u8>,
}

/// A value as encoded in its node: the value itself, or the hash of a value that is stored outside.
enum StoredValue {
    Inline(Vec<u8>),
    Hash([u8; 32]),
}

impl OpenNode {
    fn new(end: usize, value: Option<StoredValue>) -> Self {
        Self { end, value, bitmap: 0, children: Vec::new() }
    }
}

impl Builder {
    /// Creates the builder of a trie in layout 0 or 1.
    pub fn new(version: u8) -> Self {
        Self { hashed: version > 0, last: Vec::new(), open: Vec::new() }
    }

    /// Adds an entry. Its key must be greater than the last one.
    pub fn push(&mut self, key: &[u8], value: Vec<u8>, visitor: &mut NodeVisitor<'_>) -> Result<()> {
        if !self.open.is_empty() {
            if key <= self.last.as_slice() {
                return Err(Failure::input("a state's keys are not in order"));
            }
            self.close(common_nibbles(&self.last, key), visitor)?;
        }
        if self.open.len() > DEPTH_LIMIT {
            return Err(Failure::input("a state has a trie that is deeper than any chain's")
                .found(format!("more than {DEPTH_LIMIT} branches above one entry")));
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        let stored = if self.hashed && value.len() >= HASHED_FROM {
            let hash = blake2_256(&value);
            visitor(hash, &value)?;
            StoredValue::Hash(hash)
        } else {
            StoredValue::Inline(value)
        };
        self.open.push(OpenNode::new(2 * key.len(), Some(stored)));
        Ok(())
    }

    /// Completes the trie and returns its root.
    pub fn finish(mut self, visitor: &mut NodeVisitor<'_>) -> Result<[u8; 32]> {
        // The open nodes are on one path, each below the one before.
        while self.open.len() > 1 {
            if let Some(open) = self.open.pop() {
                self.attach(&open, visitor)?;
            }
        }
        let node = match self.open.pop() {
            Some(root) => self.encode(&root, 0),
            None => vec![0],
        };
        let hash = blake2_256(&node);
        visitor(hash, &node)?;
        Ok(hash)
    }

    /// Completes the nodes below the common prefix of the last key and the next one. `common` is
    /// its length in nibbles.
    ///
    /// If no open node ends there, a branch is inserted.
    fn close(&mut self, common: usize, visitor: &mut NodeVisitor<'_>) -> Result<()> {
        while let Some(open) = self.open.pop_if(|open| open.end > common) {
            if self.open.last().is_none_or(|above| above.end < common) {
                self.open.push(OpenNode::new(common, None));
            }
            self.attach(&open, visitor)?;
        }
        Ok(())
    }

    /// Adds a complete node as a child to the deepest open node.
    fn attach(&mut self, open: &OpenNode, visitor: &mut NodeVisitor<'_>) -> Result<()> {
        let above = self.open.last().map_or(0, |above| above.end);
        let child = self.encode(open, above + 1);
        let index = nibble(&self.last, above);
        let hash = (child.len() >= 32).then(|| blake2_256(&child));
        if let Some(hash) = hash {
            visitor(hash, &child)?;
        }
        if let Some(above) = self.open.last_mut() {
            above.bitmap |= 1 << index;
            hash.as_ref().map_or(child.as_slice(), <[u8; 32]>::as_slice).encode_to(&mut above.children);
        }
        Ok(())
    }

    /// Encodes a node whose part of the key begins after `from` nibbles.
    fn encode(&self, open: &OpenNode, from: usize) -> Vec<u8> {
        let hashed = matches!(open.value, Some(StoredValue::Hash(_)));
        let (prefix, bits) = match (open.bitmap == 0, open.value.is_some(), hashed) {
            (true, _, false) => (0b0100_0000, 2),
            (true, _, true) => (0b0010_0000, 3),
            (false, false, _) => (0b1000_0000, 2),
            (false, true, false) => (0b1100_0000, 2),
            (false, true, true) => (0b0001_0000, 4),
        };
        let mut node = Vec::new();
        header(&mut node, prefix, bits, open.end - from);
        let mut at = from;
        if (open.end - from) % 2 == 1 {
            node.push(nibble(&self.last, at));
            at += 1;
        }
        node.extend((at..open.end).step_by(2).map(|at| nibble(&self.last, at) << 4 | nibble(&self.last, at + 1)));
        if open.bitmap != 0 {
            node.extend(open.bitmap.to_le_bytes());
        }
        match &open.value {
            Some(StoredValue::Hash(hash)) => node.extend(hash),
            Some(StoredValue::Inline(value)) => value.encode_to(&mut node),
            None => {}
        }
        node.extend_from_slice(&open.children);
        node
    }
}

/// Returns the length of the common prefix of two keys, in nibbles.
fn common_nibbles(one: &[u8], other: &[u8]) -> usize {
    let bytes = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let half = one.get(bytes).zip(other.get(bytes)).is_some_and(|(one, other)| one >> 4 == other >> 4);
    2 * bytes + usize::from(half)
}

/// Writes the header of a node: its kind and the number of nibbles.
fn header(node: &mut Vec<u8>, prefix: u8, bits: u32, nibbles: usize) {
    let full = 0xffu8 >> bits;
    if nibbles < usize::from(full) {
        node.push(prefix | nibbles as u8);
        return;
    }
    node.push(prefix | full);
    let mut rest = nibbles - usize::from(full);
    while rest >= 255 {
        node.push(255);
        rest -= 255;
    }
    node.push(rest as u8);
}

fn nibble(key: &[u8], at: usize) -> u8 {
    let byte = key.get(at / 2).copied().unwrap_or_default();
    if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}
