// SPDX-License-Identifier: Apache-2.0
//! One trie node as bytes.
//!
//! A header byte (what it is, and how many nibbles of the key it covers), those nibbles, for a branch a bitmap of its
//! children, then the value and the children. A child below 32 bytes stands in its parent; others are named by hash.

use codec::{Compact, Decode};

/// Bounds the nibbles of one node, long before memory would.
const NIBBLE_LIMIT: usize = 65535;

#[derive(Debug, PartialEq, Eq)]
pub struct Node<'a> {
    /// The part of the key that this node covers, a nibble a byte.
    pub partial: Vec<u8>,
    pub value: Option<Value<'a>>,
    /// Which of the sixteen continuations lead to what.
    pub children: Vec<(u8, Child<'a>)>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Inline(&'a [u8]),
    Hash([u8; 32]),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Child<'a> {
    Inline(&'a [u8]),
    Hash([u8; 32]),
}

impl<'a> Node<'a> {
    /// Nothing where the bytes are no node. The trie of nothing is a node without value and children.
    pub fn decode(mut bytes: &'a [u8]) -> Option<Self> {
        let input = &mut bytes;
        let first = take(input, 1)?[0];
        if first == 0 {
            return Some(Self { partial: vec![], value: None, children: vec![] });
        }
        // How many bits of the first byte say what the node is; the others begin the count of nibbles.
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

fn partial(input: &mut &[u8], first: u8, full: u8) -> Option<Vec<u8>> {
    let mut count = usize::from(first);
    if first == full {
        // The count did not fit: bytes are added up until one is not full.
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
    // An odd count has its padding in front.
    if count % 2 == 1 && nibbles.remove(0) != 0 {
        return None;
    }
    Some(nibbles)
}

fn length_prefixed<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = Compact::<u32>::decode(input).ok()?.0;
    take(input, length as usize)
}

fn take<'a>(input: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(taken)
}
