// SPDX-License-Identifier: Apache-2.0
//! The way to one key through the nodes that are at hand.

use sp_core::H256;
use state::trie::{Child, Node, Value};

/// Where the way to a key ends.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// At the key's value, or where it is certain that there is none.
    Known(Option<Vec<u8>>),
    /// At a node that is not at hand.
    Missing,
}

pub fn walk(root: H256, key: &[u8], local: impl Fn(&H256) -> Option<Vec<u8>>) -> End {
    let nibbles: Vec<u8> = key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let mut rest = nibbles.as_slice();
    let Some(mut bytes) = local(&root) else { return End::Missing };
    loop {
        // Bytes that are no node are the trie library's to complain about.
        let Some(node) = Node::decode(&bytes) else { return End::Known(None) };
        let Some(below) = rest.strip_prefix(node.partial.as_slice()) else { return End::Known(None) };
        let Some((index, tail)) = below.split_first() else {
            return match node.value {
                None => End::Known(None),
                Some(Value::Inline(value)) => End::Known(Some(value.to_vec())),
                Some(Value::Hash(hash)) => local(&hash.into()).map_or(End::Missing, |value| End::Known(Some(value))),
            };
        };
        let next = match node.children.iter().find(|(position, _)| position == index) {
            None => return End::Known(None),
            Some((_, Child::Inline(child))) => child.to_vec(),
            Some((_, Child::Hash(hash))) => match local(&hash.into()) {
                Some(child) => child,
                None => return End::Missing,
            },
        };
        rest = tail;
        bytes = next;
    }
}
