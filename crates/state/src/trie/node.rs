// SPDX-License-Identifier: Apache-2.0
//! Decodes trie nodes.
//!
//! A node is encoded as a header (its kind, and the number of nibbles of the key that it covers),
//! these nibbles, a bitmap of the children if it is a branch, the value, and the children. A child
//! of fewer than 32 bytes is stored in its parent; the parent contains the hash of a larger one.

use codec::{Compact, Decode};

/// The largest number of nibbles of one node.
const NIBBLE_LIMIT: usize = 65535;

/// A decoded trie node.
#[derive(Debug, PartialEq, Eq)]
pub struct Node<'a> {
    /// The part of the key that this node covers, one nibble in each byte.
    pub partial: Vec<u8>,
    /// The value, if the node has one.
    pub value: Option<Value<'a>>,
    /// The children, each with the nibble that leads to it.
    pub children: Vec<(u8, Child<'a>)>,
}

/// The value of a node.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The value itself.
    Inline(&'a [u8]),
    /// The hash of a value that is stored outside of the node.
    Hash([u8; 32]),
}

/// The child of a branch.
#[derive(Debug, PartialEq, Eq)]
pub enum Child<'a> {
    /// The encoded child itself.
    Inline(&'a [u8]),
    /// The hash of the encoded child.
    Hash([u8; 32]),
}

impl<'a> Node<'a> {
    /// Decodes a node. Returns `None` if the bytes are not a node. An empty trie is a node without
    /// a value and children.
    pub fn decode(mut bytes: &'a [u8]) -> Option<Self> {
        let input = &mut bytes;
        let first = take(input, 1)?[0];
        if first == 0 {
            return Some(Self { partial: vec![], value: None, children: vec![] });
        }
        // The number of bits for the kind of the node. The other bits of the byte begin the number
        // of nibbles.
        let (bits, branch, value, hashed) = match first >> 6 {
            0b01 => (2, false, true, false),
            0b10 => (2, true, false, false),
            0b11 => (2, true, true, false),
            _ if first >> 5 == 0b001 => (3, false, true, true),
            _ if first >> 4 == 0b0001 => (4, true, true, true),
            _ => return None,
        };
        let partial = partial(input, first & (0xff >> bits), 0xff >> bits)?;
        let bitmap = match branch {
            true => u16::from_le_bytes(take(input, 2)?.try_into().ok()?),
            false => 0,
        };
        if branch && bitmap == 0 {
            return None;
        }
        let value = match (value, hashed) {
            (false, _) => None,
            (true, true) => Some(Value::Hash(take(input, 32)?.try_into().ok()?)),
            (true, false) => Some(Value::Inline(length_prefixed(input)?)),
        };
        let mut children = Vec::new();
        for index in (0..16u8).filter(|index| bitmap >> index & 1 == 1) {
            let child = length_prefixed(input)?;
            children.push((
                index,
                match <[u8; 32]>::try_from(child) {
                    Ok(hash) => Child::Hash(hash),
                    Err(_) => Child::Inline(child),
                },
            ));
        }
        Some(Self { partial, value, children })
    }
}

/// Reads the nibbles of a node. `first` is the number in the header byte, and `full` the largest
/// number that fits there.
fn partial(input: &mut &[u8], first: u8, full: u8) -> Option<Vec<u8>> {
    let mut count = usize::from(first);
    if first == full {
        // The number does not fit into the header byte: it is the sum of the bytes up to one that
        // is not 255.
        count -= 1;
        loop {
            let more = take(input, 1)?[0];
            count += usize::from(more);
            if count > NIBBLE_LIMIT {
                return None;
            }
            if more < 255 {
                count += 1;
                break;
            }
        }
    }
    let mut nibbles: Vec<u8> = take(input, count.div_ceil(2))?.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    // An odd number of nibbles has a nibble of padding in front.
    if count % 2 == 1 && nibbles.remove(0) != 0 {
        return None;
    }
    Some(nibbles)
}

/// Reads bytes with a compact length prefix.
fn length_prefixed<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = Compact::<u32>::decode(input).ok()?.0;
    take(input, length as usize)
}

fn take<'a>(input: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(taken)
}
