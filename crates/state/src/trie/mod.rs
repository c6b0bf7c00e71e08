// SPDX-License-Identifier: Apache-2.0
//! The Merkle trie of a chain's state: entries read from its nodes, and its root computed from
//! entries.
//!
//! Both directions are implemented, so that tests can check one with the other. Neither uses the
//! node's crates.

mod node;
mod root;
mod walk;

pub use node::{Child, Node, Value};
pub use root::{Builder, NodeVisitor, root};
pub use walk::Nodes;

/// A state's entries, ordered by key.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// The prefix of the keys that have the roots of child tries as values.
pub const CHILD_PREFIX: &[u8] = b":child_storage:default:";

/// The largest number of branches above a node. Real chains have some dozen; a deeper trie could
/// exhaust the stack.
const DEPTH_LIMIT: usize = 512;
/// In layout 1, a value of at least this many bytes is stored outside of its node, which contains
/// the value's hash.
const HASHED_FROM: usize = 33;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Builds the trie of some entries. Returns its nodes and its root.
    fn nodes(entries: &Entries, version: u8) -> (Nodes, [u8; 32]) {
        let mut nodes = Nodes::default();
        let mut each = |hash, node: &[u8]| {
            nodes.insert(hash, node.to_vec());
            Ok(())
        };
        let mut builder = Builder::new(version);
        entries.iter().try_for_each(|(key, value)| builder.push(key, value.clone(), &mut each)).expect("not deep");
        let root = builder.finish(&mut each).expect("not deep");
        (nodes, root)
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        // Few distinct bytes, so that keys share prefixes and are prefixes of each other.
        prop::collection::vec(prop::sample::select(vec![0x00u8, 0x01, 0x10, 0x11, 0xff]), 0..6)
    }

    proptest! {
        #[test]
        fn the_entries_of_a_built_trie_are_read_again(
            entries in prop::collection::btree_map(key(), prop::collection::vec(any::<u8>(), 0..80), 0..60),
            version in 0u8..2,
        ) {
            let entries: Entries = entries.into_iter().collect();
            let (nodes, built) = nodes(&entries, version);
            prop_assert_eq!(root(&entries, version), Some(built));
            prop_assert_eq!(nodes.entries("trie", built).expect("walked"), entries);
        }

        #[test]
        fn a_change_to_any_node_is_detected(
            entries in prop::collection::btree_map(key(), prop::collection::vec(any::<u8>(), 0..80), 1..30),
            which in any::<prop::sample::Index>(),
            position in any::<prop::sample::Index>(),
            version in 0u8..2,
        ) {
            let entries: Entries = entries.into_iter().collect();
            let (mut nodes, root) = nodes(&entries, version);
            prop_assume!(nodes.tamper(which, position));
            prop_assert!(nodes.entries("trie", root).is_err());
        }

        #[test]
        fn hostile_nodes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut nodes = Nodes::default();
            let root = artifact::hashes::blake2_256(&bytes);
            nodes.insert(root, bytes);
            let _ = nodes.entries("trie", root);
        }
    }

    #[test]
    fn known_roots_are_computed() {
        // The root of an empty trie: the extrinsics root of every genesis block.
        let empty = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314";
        assert_eq!(root(&[], 0).map(hex::encode).as_deref(), Some(empty));
        assert_eq!(root(&[], 1), root(&[], 0));
        let long: Entries = vec![(b"k".to_vec(), vec![7; 33])];
        assert_ne!(root(&long, 0), root(&long, 1));
        let short: Entries = vec![(b"k".to_vec(), vec![7; 32])];
        assert_eq!(root(&short, 0), root(&short, 1));
    }

    #[test]
    fn keys_out_of_order_or_twice_have_no_root() {
        for keys in [["b", "a"], ["a", "a"], ["ab", "a"]] {
            let entries: Entries = keys.iter().map(|key| (key.as_bytes().to_vec(), vec![1])).collect();
            assert_eq!(root(&entries, 1), None, "{keys:?}");
        }
    }

    #[test]
    fn a_trie_that_is_too_deep_is_refused() {
        let entries: BTreeMap<Vec<u8>, Vec<u8>> = (0..2000).map(|length| (vec![0; length], vec![1])).collect();
        let entries: Entries = entries.into_iter().collect();
        assert_eq!(root(&entries, 1), None);
    }

    #[test]
    fn a_trie_that_repeats_its_nodes_is_refused() {
        // Every branch has the same child sixteen times: 16^20 entries in 21 nodes.
        let mut nodes = Nodes::default();
        // A leaf of one byte key remainder, then pairs of levels so that keys are whole bytes.
        let mut below = vec![0x40, 4 * 40];
        below.extend([9; 40]);
        for _ in 0..20 {
            let hash = artifact::hashes::blake2_256(&below);
            nodes.insert(hash, below);
            let mut branch = vec![0x80, 0xff, 0xff];
            for _ in 0..16 {
                branch.push(32 * 4);
                branch.extend(hash);
            }
            below = branch;
        }
        let root = artifact::hashes::blake2_256(&below);
        nodes.insert(root, below);
        let failure = nodes.entries("trie", root).expect_err("refused");
        assert!(failure.message.contains("repeats"), "{failure}");
    }
}
