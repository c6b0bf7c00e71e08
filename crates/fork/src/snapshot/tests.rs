// SPDX-License-Identifier: Apache-2.0
//! Tests of both file formats, written from a store with a whole state.

use super::*;
use codec::Decode;
use sp_core::storage::{ChildInfo, StateVersion};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::InMemoryBackend;
use state::{State, header::Header};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Small and large values, keys that are prefixes of others, values below and above the size that a
/// node stores inline.
fn entries(seed: u8) -> Entries {
    let mut entries: Entries = (0..60u8).map(|key| (vec![seed, key % 7, key], vec![key; usize::from(key)])).collect();
    entries.push((vec![seed], vec![1; 33]));
    entries.push((vec![seed, 3], vec![2]));
    entries.sort();
    entries
}

struct Stored {
    _directory: tempfile::TempDir,
    disk: Disk,
    root: H256,
    /// The nodes by the keys of the backend.
    nodes: BTreeMap<Vec<u8>, Vec<u8>>,
}

fn stored(top: &Entries, children: &[(Vec<u8>, Entries)], version: StateVersion) -> Stored {
    let mut backend = InMemoryBackend::<BlakeTwo256>::default();
    let given = |entries: &Entries| entries.iter().cloned().map(|(key, value)| (key, Some(value))).collect::<Vec<_>>();
    let below = children.iter().map(|(key, entries)| (Some(ChildInfo::new_default(key)), given(entries)));
    backend.insert(std::iter::once((None, given(top))).chain(below), version);
    let root = *backend.root();
    let mut storage = backend.into_storage();
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Disk::open(directory.path()).expect("opened");
    let mut nodes = BTreeMap::new();
    for (key, (node, count)) in storage.drain() {
        let hash = H256::from_slice(&key[key.len() - 32..]);
        // The empty trie is known without being stored.
        if count > 0 && hash.0 != keys::EMPTY_TRIE_ROOT {
            disk.insert([(&hash, &node)]).expect("stored");
            nodes.insert(key, node);
        }
    }
    Stored { _directory: directory, disk, root, nodes }
}

fn block(root: H256) -> RpcBlock {
    let header = Header::genesis(root.0);
    let hash = Header::hash(&header);
    RpcBlock { number: 0, hash, state_root: root.0, header, finalized: true, genesis: None, requests: 0 }
}

fn counted(stored: &Stored) -> Counts {
    let mut walk = TrieWalk::new(&stored.disk, stored.root);
    while let Some(item) = walk.stack.pop() {
        walk.visit(item).expect("visited");
    }
    assert!(walk.missing.is_empty(), "nothing is missing");
    assert!((walk.done - 1.0).abs() < 1e-6, "the whole trie was visited: {}", walk.done);
    walk.counts
}

#[test]
fn both_formats_contain_the_whole_state() {
    let top = entries(1);
    let children = vec![(b"a".to_vec(), entries(9)), (b"ab".to_vec(), entries(5))];
    for (version, number) in [(StateVersion::V0, 0u8), (StateVersion::V1, 1)] {
        let stored = stored(&top, &children, version);
        let (counts, block) = (counted(&stored), block(stored.root));
        let directory = tempfile::tempdir().expect("a directory");

        // Without a runtime the state version is unknown and not written.
        let own = directory.path().join("own");
        write::write(&stored.disk, &block, &counts, SnapshotFormat::Cutover, &own).expect("written");
        let read = State::read(&own).expect("read");
        assert_eq!((&read.top, &read.children), (&top, &children));

        let other = directory.path().join("other");
        try_runtime::write(&stored.disk, &block, &counts, number, &other).expect("written");
        let read = State::read(&other).expect("read");
        assert_eq!((&read.top, &read.children, read.state_version), (&top, &children, number));
        // Our reader finds nodes by their hashes; try-runtime's database finds them by these keys.
        let bytes = std::fs::read(&other).expect("read");
        let raw = Vec::<(Vec<u8>, (Vec<u8>, i32))>::decode(&mut &bytes[2..]).expect("nodes");
        let places: BTreeMap<_, _> = raw.iter().map(|(place, (node, _))| (place.clone(), node.clone())).collect();
        assert_eq!(raw.len(), places.len(), "each once");
        assert_eq!(places, stored.nodes);
    }
}

#[test]
fn an_empty_state_can_be_written() {
    let stored = stored(&Entries::new(), &[], StateVersion::V1);
    let counts = counted(&stored);
    assert_eq!((counts.top, counts.nodes), (0, 0));
    let directory = tempfile::tempdir().expect("a directory");
    for format in [SnapshotFormat::Cutover, SnapshotFormat::TryRuntime] {
        let out = directory.path().join("out");
        write::write(&stored.disk, &block(stored.root), &counts, format, &out).expect("written");
        assert_eq!(State::read(&out).expect("read").top, Entries::new());
    }
}
