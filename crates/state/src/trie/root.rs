// SPDX-License-Identifier: Apache-2.0
//! From entries to the root that commits to them.

use super::{DEPTH_LIMIT, HASHED_FROM};
use artifact::hashes::blake2_256;
use codec::Encode;
use worker::{Failure, Result};

/// The root of entries in layout 0 or 1. Nothing where they are not ordered by key, without repetition, or where the trie
/// would be deeper than any chain's.
pub fn root(entries: &[(Vec<u8>, Vec<u8>)], version: u8) -> Option<[u8; 32]> {
    let mut builder = Builder::new(version);
    entries.iter().try_for_each(|(key, value)| builder.push(key, value.clone(), &mut |_, _| Ok(()))).ok()?;
    builder.finish(&mut |_, _| Ok(())).ok()
}

/// Who is shown a trie's nodes, and the values that are stored apart, under their hashes.
pub type NodeVisitor<'a> = dyn FnMut([u8; 32], &[u8]) -> Result<()> + 'a;

/// The trie of entries that come one by one in the order of their keys. It holds no more of them than lie on the way to the
/// last one.
pub struct Builder {
    hashed: bool,
    /// The last key; every node that is open lies on the way to it.
    last: Vec<u8>,
    open: Vec<OpenNode>,
}

/// A node that more may still come below of.
struct OpenNode {
    /// How many nibbles of its entries' keys lead to its end.
    end: usize,
    value: Option<StoredValue>,
    bitmap: u16,
    /// Encoded as they stand in the node.
    children: Vec<u8>,
}

/// A value as it stands in its node: itself, or where it is stored apart, its hash.
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
    pub fn new(version: u8) -> Self {
        Self { hashed: version > 0, last: Vec::new(), open: Vec::new() }
    }

    /// The next entry, whose key comes after the one before.
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

    pub fn finish(mut self, visitor: &mut NodeVisitor<'_>) -> Result<[u8; 32]> {
        // What is left lies on one way, each node below the one before.
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

    /// Ends the nodes that lie deeper than what the next key has in common with the last, so many nibbles: where it leaves the
    /// way between two of them, a branch begins.
    fn close(&mut self, common: usize, visitor: &mut NodeVisitor<'_>) -> Result<()> {
        while let Some(open) = self.open.pop_if(|open| open.end > common) {
            if self.open.last().is_none_or(|above| above.end < common) {
                self.open.push(OpenNode::new(common, None));
            }
            self.attach(&open, visitor)?;
        }
        Ok(())
    }

    /// Makes a node that has ended a child of the one that is now the last.
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

    /// The bytes of a node whose part of the key begins after so many nibbles.
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

/// How many nibbles two keys begin with alike.
fn common_nibbles(one: &[u8], other: &[u8]) -> usize {
    let bytes = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let half = one.get(bytes).zip(other.get(bytes)).is_some_and(|(one, other)| one >> 4 == other >> 4);
    2 * bytes + usize::from(half)
}

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
