// SPDX-License-Identifier: Apache-2.0
//! From entries to the root that commits to them.

use super::{DEPTH_LIMIT, HASHED_FROM};
use crate::hashes::blake2_256;
use codec::{Compact, Encode};

/// The root of entries that are ordered by key, without repetition, in layout 0 or 1. Nothing where the trie would be
/// deeper than any chain's.
pub fn root(entries: &[(Vec<u8>, Vec<u8>)], version: u8) -> Option<[u8; 32]> {
    build(entries, version, &mut |_| {})
}

/// Also shows `each` every node, and every value stored apart, that is named by hash.
pub(super) fn build(entries: &[(Vec<u8>, Vec<u8>)], version: u8, each: &mut dyn FnMut(&[u8])) -> Option<[u8; 32]> {
    let node = match entries {
        [] => vec![0],
        _ => Builder { hashed: version > 0, each }.node(entries, 0, 0)?,
    };
    each(&node);
    Some(blake2_256(&node))
}

struct Builder<'a> {
    hashed: bool,
    each: &'a mut dyn FnMut(&[u8]),
}

impl Builder<'_> {
    /// The node of entries that agree in their first `from` nibbles.
    fn node(&mut self, entries: &[(Vec<u8>, Vec<u8>)], from: usize, depth: usize) -> Option<Vec<u8>> {
        let ((first, value), (last, _)) = (entries.first()?, entries.last()?);
        if depth > DEPTH_LIMIT {
            return None;
        }
        // Ordered entries: what the first and the last agree in, all agree in.
        let longest = 2 * first.len().min(last.len());
        let to = (from..longest).find(|at| nibble(first, *at) != nibble(last, *at)).unwrap_or(longest);
        let here = (first.len() * 2 == to).then_some(value.as_slice());
        let stored_apart = self.hashed && here.is_some_and(|value| value.len() >= HASHED_FROM);
        let below = match here {
            Some(_) => entries.get(1..)?,
            None => entries,
        };
        let (prefix, bits) = match (below.is_empty(), here.is_some(), stored_apart) {
            (true, _, false) => (0b0100_0000, 2),
            (true, _, true) => (0b0010_0000, 3),
            (false, false, _) => (0b1000_0000, 2),
            (false, true, false) => (0b1100_0000, 2),
            (false, true, true) => (0b0001_0000, 4),
        };
        let mut node = Vec::new();
        header(&mut node, prefix, bits, to - from);
        let mut at = from;
        if (to - from) % 2 == 1 {
            node.push(nibble(first, at));
            at += 1;
        }
        node.extend((at..to).step_by(2).map(|at| nibble(first, at) << 4 | nibble(first, at + 1)));

        let mut children = Vec::new();
        let mut bitmap = 0u16;
        for group in below.chunk_by(|(one, _), (other, _)| nibble(one, to) == nibble(other, to)) {
            bitmap |= 1 << nibble(&group.first()?.0, to);
            let child = self.node(group, to + 1, depth + 1)?;
            if child.len() < 32 {
                child.encode_to(&mut children);
            } else {
                (self.each)(&child);
                blake2_256(&child).as_slice().encode_to(&mut children);
            }
        }
        if !below.is_empty() {
            node.extend(bitmap.to_le_bytes());
        }
        match here {
            Some(value) if stored_apart => {
                (self.each)(value);
                node.extend(blake2_256(value));
            }
            Some(value) => {
                Compact(value.len() as u32).encode_to(&mut node);
                node.extend(value);
            }
            None => {}
        }
        node.extend(children);
        Some(node)
    }
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
