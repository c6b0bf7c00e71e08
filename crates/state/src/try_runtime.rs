// SPDX-License-Identifier: Apache-2.0
//! Snapshots of try-runtime, version 4.
//!
//! The file contains trie nodes, as the node's in-memory database stores them: the key is the path
//! to the trie node, followed by its hash. The path is not needed: walking from the root proves
//! every trie node by its hash.

use super::{Block, State, excerpt::VALUE_KEY_LIMIT, stream::Stream};
use crate::{
    header::{self, Header},
    trie::{CHILD_PREFIX, Entries, Nodes},
};
use protocol::inspect::StateOrigin;
use std::io::{BufReader, Read};
use worker::{Code, Failure, Result};

const VERSION: u32 = 4;

pub(super) fn read(name: &str, reader: impl Read) -> Result<State> {
    let mut nodes = Nodes::default();
    let mut state = visit_nodes(name, reader, &mut |_, hash, node| {
        nodes.insert(hash, node);
        Ok(())
    })?;
    let entries = |root| nodes.entries(name, root);
    let (roots, top): (Vec<_>, Vec<_>) =
        entries(state.state_root.unwrap_or_default())?.into_iter().partition(|(key, _)| key.starts_with(CHILD_PREFIX));
    state.top = top;
    for (key, value) in roots {
        let root = <[u8; 32]>::try_from(value).map_err(|value| {
            Failure::input(format!("{name} is damaged"))
                .code(Code::Damaged)
                .found(format!("a child trie whose root has {} bytes", value.len()))
                .expected("32 bytes")
        })?;
        let entries = entries(root)?;
        if !entries.is_empty() {
            state.children.push((key.get(CHILD_PREFIX.len()..).unwrap_or_default().to_vec(), entries));
        }
    }
    state.read_code_version(name)?;
    Ok(state)
}

/// Reads the facts of the state, and the plain values of the main trie.
pub(super) fn plain_values(name: &str, reader: impl Read) -> Result<(State, Entries)> {
    let mut nodes = Nodes::default();
    // A trie node under a wrong path is missed here, and is not mistaken for another: it is found
    // by its hash.
    let state = visit_nodes(name, reader, &mut |path_length, hash, node| {
        if path_length <= VALUE_KEY_LIMIT {
            nodes.insert(hash, node);
        }
        Ok(())
    })?;
    let mut items = nodes.entries_up_to(name, state.state_root.unwrap_or_default(), VALUE_KEY_LIMIT)?;
    items.retain(|(key, _)| !key.starts_with(CHILD_PREFIX));
    Ok((state, items))
}

/// Calls `each` for every trie node, with the length of its path in bytes, its hash and its bytes.
///
/// `each` must check the hash. Returns the state without entries.
pub(super) fn visit_nodes(
    name: &str,
    reader: impl Read,
    each: &mut dyn FnMut(usize, [u8; 32], Vec<u8>) -> Result<()>,
) -> Result<State> {
    let mut stream = Stream::new(name, BufReader::with_capacity(1 << 16, reader));
    let version = stream.compact()?;
    if version != VERSION {
        return Err(Failure::input(format!("{name} is a try-runtime snapshot of another version"))
            .found(version.to_string())
            .expected(VERSION.to_string())
            .hint("make the snapshot again with a current try-runtime"));
    }
    let state_version = stream.byte()?;
    if state_version > 1 {
        return Err(stream.broken(&format!("state version {state_version}")));
    }
    for _ in 0..stream.compact()? {
        let key = stream.bytes()?;
        let bytes = stream.bytes()?;
        // The reference count of the database.
        stream.u32()?;
        let Some(hash) = key.last_chunk::<32>() else {
            return Err(stream.broken(&format!("a trie node under a key of {} bytes", key.len())));
        };
        each(key.len() - hash.len(), *hash, bytes)?;
    }
    let root = stream.array::<32>()?;
    let header = stream.rest(header::SIZE_LIMIT)?;
    let Some(decoded) = Header::decode(&header) else {
        return Err(match header.is_empty() {
            true => stream.truncated(),
            false => stream.broken("no whole block header at its end"),
        });
    };
    Ok(State {
        origin: StateOrigin::TryRuntimeSnapshot,
        chain: None,
        spec_name: None,
        spec_version: None,
        state_version,
        state_root: Some(root),
        block: Some(Block { number: decoded.number, hash: Header::hash(&header) }),
        header: Some(header),
        top: Vec::new(),
        children: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use artifact::hashes::blake2_256;
    use codec::{Compact, Encode};

    /// Encodes a leaf that is a whole trie. Its key has an even number of nibbles.
    fn leaf(key: &[u8], value: &[u8]) -> Vec<u8> {
        let mut node = vec![0x40 | (key.len() * 2) as u8];
        node.extend(key);
        value.encode_to(&mut node);
        node
    }

    fn snapshot(version: u16, nodes: &[(Vec<u8>, Vec<u8>)], root: [u8; 32]) -> Vec<u8> {
        let raw: Vec<_> = nodes.iter().map(|(key, node)| (key.clone(), (node.clone(), 1i32))).collect();
        let mut bytes = Compact(version).encode();
        bytes.push(1);
        raw.encode_to(&mut bytes);
        bytes.extend(root);
        bytes.extend(
            Header { parent_hash: [0; 32], number: 5, state_root: root, extrinsics_root: [0; 32] }.encode(&[0]),
        );
        bytes
    }

    #[test]
    fn a_state_of_one_entry_is_read_and_truncation_is_detected() {
        let node = leaf(b"key", b"value");
        let root = blake2_256(&node);
        // With and without a path in front of the hash.
        for path in [vec![], vec![1, 2]] {
            let bytes = snapshot(4, &[([path.as_slice(), &root].concat(), node.clone())], root);
            let state = read("snap", bytes.as_slice()).expect("read");
            assert_eq!(state.top, [(b"key".to_vec(), b"value".to_vec())]);
            assert_eq!(state.complete(), Some(true));
            assert_eq!(state.block.map(|block| block.number), Some(5));
            assert_eq!(state.compute_root(), Some(root));
            for length in 0..bytes.len() {
                assert!(read("snap", &bytes[..length]).is_err(), "{length} of {}", bytes.len());
            }
        }
    }

    #[test]
    fn the_error_names_another_version() {
        let failure = read("snap", snapshot(3, &[], [0; 32]).as_slice()).expect_err("refused");
        assert_eq!((failure.found.as_deref(), failure.expected.as_deref()), (Some("3"), Some("4")));
    }

    #[test]
    fn the_error_names_a_missing_or_changed_node() {
        let node = leaf(b"key", b"value");
        let root = blake2_256(&node);
        let failure = read("snap", snapshot(4, &[], root).as_slice()).expect_err("refused");
        assert!(failure.found.expect("found").contains(&hex::encode(root)));
        let other = leaf(b"key", b"valuf");
        let failure = read("snap", snapshot(4, &[(root.to_vec(), other)], root).as_slice()).expect_err("refused");
        assert!(failure.message.contains("does not match its hash"), "{failure}");
        let failure = read("snap", snapshot(4, &[(vec![1], node)], root).as_slice()).expect_err("refused");
        assert!(failure.found.expect("found").contains("key of 1 bytes"));
    }

    #[test]
    fn child_tries_are_separate_from_the_main_trie() {
        let child = leaf(b"inner", &[3; 40]);
        let child_root = blake2_256(&child);
        let node = leaf(&[CHILD_PREFIX, b"c"].concat(), &child_root);
        // The key has 24 bytes. Its 48 nibbles fit into the header byte.
        let root = blake2_256(&node);
        let bytes = snapshot(4, &[(root.to_vec(), node), (child_root.to_vec(), child)], root);
        let state = read("snap", bytes.as_slice()).expect("read");
        assert!(state.top.is_empty());
        assert_eq!(state.children, [(b"c".to_vec(), vec![(b"inner".to_vec(), vec![3; 40])])]);
    }
}
