// SPDX-License-Identifier: Apache-2.0
//! Walks to a key through the available trie nodes.

use sp_core::H256;
use state::trie::{Child, Node, Value};

/// The end of a walk.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The key's value, or `None` if the key is certainly absent.
    Known(Option<Vec<u8>>),
    /// A node on the path is not available.
    Missing,
}

/// Walks from `root` to `key`. `local` returns the available nodes.
pub fn walk(root: H256, key: &[u8], local: impl Fn(&H256) -> Option<Vec<u8>>) -> End {
    let nibbles: Vec<u8> = key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let mut rest = nibbles.as_slice();
    let Some(mut bytes) = local(&root) else { return End::Missing };
    loop {
        // The trie library reports bytes that are not a node.
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
