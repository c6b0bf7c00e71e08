// SPDX-License-Identifier: Apache-2.0
//! The facts of a state file and its plain storage values, without maps. It takes little memory
//! however large the state is.

use super::{Block, CODE, FileKind, HEAD_LENGTH, State, chain_spec, code_of, snapshot, stream, try_runtime};
use crate::trie::Entries;
use artifact::{
    Blob,
    hashes::{twox_64, twox_128},
};
use protocol::inspect::StateOrigin;
use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    sync::LazyLock,
};
use worker::{Code, Failure, Result};

/// The longest key of a plain value in bytes: the hashes of the pallet's and the item's name, 16
/// bytes each (`StorageValue` in frame-support). Well-known keys are shorter.
pub(super) const VALUE_KEY_LIMIT: usize = 32;
/// The most plain values of a state. Chains have some thousands.
const VALUES_LIMIT: usize = 1 << 20;

/// The facts of a state, and its plain storage values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateExcerpt {
    /// The kind of file that the state was read from.
    pub origin: StateOrigin,
    /// The block of the state.
    pub block: Option<Block>,
    /// The state root in the file. It is not checked against the entries.
    pub state_root: Option<[u8; 32]>,
    items: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl StateExcerpt {
    /// Reads a state of any kind. `name` is its name in messages.
    pub fn from_reader(name: &str, mut reader: impl Read) -> Result<Self> {
        let head = stream::head(name, &mut reader, HEAD_LENGTH)?;
        let rest = Cursor::new(head.clone()).chain(reader);
        let (state, items) = match FileKind::of(&head) {
            Some(FileKind::TryRuntime) => try_runtime::plain_values(name, rest)?,
            Some(FileKind::ChainSpec) => {
                let (block, items) = chain_spec::excerpt(name, rest)?;
                let items = items.into_iter().filter(|(key, _)| key.len() <= VALUE_KEY_LIMIT).collect();
                let (block, state_root) = block.unzip();
                return Ok(Self { origin: StateOrigin::ChainSpec, block, state_root, items });
            }
            Some(FileKind::Snapshot) => {
                let mut items = CollectValues::default();
                (snapshot::visit_entries(name, rest, &mut items)?, items.items)
            }
            // The reader of whole states returns the error.
            None => {
                let mut state = State::from_reader(name, rest)?;
                let items = std::mem::take(&mut state.top);
                (state, items)
            }
        };
        let items = items.into_iter().filter(|(key, _)| is_in_excerpt(key)).collect();
        Ok(Self { origin: state.origin, block: state.block, state_root: state.state_root, items })
    }

    /// Returns the value under the key of a plain storage value.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.items.get(key).map(Vec::as_slice)
    }

    /// Returns the values of those keys that have one.
    pub fn values(&self, keys: &[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        keys.iter().filter_map(|key| Some((key.clone(), self.get(key)?.to_vec()))).collect()
    }

    /// Returns the genesis hash: the hash of this block if it is block 0, otherwise
    /// `System.BlockHash` of block 0.
    pub fn genesis_hash(&self) -> Option<[u8; 32]> {
        match self.block {
            Some(block) if block.number == 0 => Some(block.hash),
            _ => genesis_hash_keys().iter().find_map(|key| self.get(key)?.try_into().ok()),
        }
    }

    /// Returns the runtime in this state. `name` is the state's name in messages.
    pub fn code(&self, name: &str) -> Result<Blob> {
        code_of(name, self.get(CODE))
    }
}

/// Returns whether a key belongs to the excerpt: a plain value, or `System.BlockHash` of block 0.
fn is_in_excerpt(key: &[u8]) -> bool {
    // This runs for every key of a state, so the keys are computed once.
    static GENESIS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(genesis_hash_keys);
    key.len() <= VALUE_KEY_LIMIT || GENESIS.iter().any(|kept| kept == key)
}

/// Returns the keys of `System.BlockHash` of block 0, for block numbers of 32 and of 64 bits.
/// frame-system never removes it.
pub fn genesis_hash_keys() -> [Vec<u8>; 2] {
    let item = [twox_128(b"System"), twox_128(b"BlockHash")].concat();
    [4, 8].map(|length| {
        let number = vec![0; length];
        [item.clone(), twox_64(&number).to_vec(), number].concat()
    })
}

/// Collects the plain values of the main trie.
#[derive(Default)]
struct CollectValues {
    items: Entries,
    in_child: bool,
}

impl snapshot::SnapshotVisitor for CollectValues {
    fn entry(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        if !self.in_child && is_in_excerpt(&key) {
            if self.items.len() >= VALUES_LIMIT {
                return Err(Failure::input("the state has more plain values than any chain's")
                    .code(Code::Damaged)
                    .found(format!("more than {VALUES_LIMIT} keys of at most {VALUE_KEY_LIMIT} bytes"))
                    .hint("make or download the file again"));
            }
            self.items.push((key, value));
        }
        Ok(())
    }

    fn child(&mut self, _: Vec<u8>) -> Result<()> {
        self.in_child = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        tests::sample,
        trie::{Builder, CHILD_PREFIX},
    };
    use codec::{Compact, Encode};

    /// Returns a state with plain values, maps below some of them, and a child trie.
    fn state() -> State {
        let mut state = State { block: None, header: None, ..sample() };
        let item = |item: u8| [[1; 16], [item; 16]].concat();
        state.top = (0..40u8)
            .flat_map(|index| [(item(index), vec![index; 50]), ([item(index), vec![index]].concat(), vec![1; 70])])
            .chain([(CODE.to_vec(), vec![7; 100]), (vec![0xff; 31], vec![3]), (vec![0xff; 33], vec![4])])
            .collect();
        state.top.sort();
        state.state_root = state.compute_root();
        state
    }

    fn expected(state: &State) -> BTreeMap<Vec<u8>, Vec<u8>> {
        state.top.iter().filter(|(key, _)| key.len() <= VALUE_KEY_LIMIT).cloned().collect()
    }

    /// Encodes a state as try-runtime does. Its database puts the path to a node before the node's
    /// hash; a file need not.
    fn of_try_runtime(state: &State, with_paths: bool) -> Vec<u8> {
        let mut nodes = Vec::new();
        let mut top = state.top.clone();
        for (name, entries) in &state.children {
            let root = trie(entries, state.state_version, &mut |hash, node| {
                nodes.push((hash.to_vec(), (node.to_vec(), 1i32)));
                Ok(())
            });
            top.push(([CHILD_PREFIX, name].concat(), root.to_vec()));
        }
        top.sort();
        let root = trie(&top, state.state_version, &mut |hash, node| {
            nodes.push((hash.to_vec(), (node.to_vec(), 1)));
            Ok(())
        });
        if with_paths {
            let mut walk = vec![(Vec::new(), root, true)];
            while let Some((path, hash, is_node)) = walk.pop() {
                let entry = nodes.iter_mut().find(|(key, _)| *key == hash).expect("there");
                entry.0 = [whole_bytes(&path), hash.to_vec()].concat();
                let bytes = entry.1.0.clone();
                if is_node {
                    below(&bytes, &path, &mut walk);
                }
            }
        }
        let mut bytes = Compact(4u8).encode();
        bytes.push(state.state_version);
        nodes.encode_to(&mut bytes);
        bytes.extend(root);
        let header =
            crate::header::Header { parent_hash: [0; 32], number: 5, state_root: root, extrinsics_root: [0; 32] };
        bytes.extend(header.encode(&[0]));
        bytes
    }

    fn whole_bytes(nibbles: &[u8]) -> Vec<u8> {
        nibbles.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or_default()).collect()
    }

    /// Collects the children of a node with their paths, and whether each is a node or a value.
    fn below(bytes: &[u8], path: &[u8], walk: &mut Vec<(Vec<u8>, [u8; 32], bool)>) {
        use crate::trie::{Child, Node, Value};
        let node = Node::decode(bytes).expect("a node");
        let path = [path, &node.partial].concat();
        if let Some(Value::Hash(hash)) = node.value {
            walk.push((path.clone(), hash, false));
        }
        for (index, child) in node.children {
            let path = [path.as_slice(), &[index]].concat();
            match child {
                Child::Hash(hash) => walk.push((path, hash, true)),
                Child::Inline(bytes) => below(bytes, &path, walk),
            }
        }
    }

    fn trie(entries: &Entries, version: u8, each: &mut crate::trie::NodeVisitor<'_>) -> [u8; 32] {
        let mut builder = Builder::new(version);
        entries.iter().try_for_each(|(key, value)| builder.push(key, value.clone(), each)).expect("pushed");
        builder.finish(each).expect("finished")
    }

    #[test]
    fn every_kind_of_file_gives_the_plain_values_of_its_state() {
        for state_version in [0, 1] {
            let mut state = State { state_version, ..state() };
            state.state_root = state.compute_root();
            let files =
                [state.to_snapshot().expect("written"), of_try_runtime(&state, true), of_try_runtime(&state, false)];
            for (which, file) in files.iter().enumerate() {
                let excerpt = StateExcerpt::from_reader("file", file.as_slice()).expect("read");
                assert_eq!(excerpt.items, expected(&state), "{which}");
                assert_eq!(excerpt.get(CODE), Some([7; 100].as_slice()));
                assert_eq!(excerpt.values(&[vec![0xff; 31], vec![0xff; 33]]).len(), 1);
            }
        }
    }

    #[test]
    fn more_plain_values_than_any_chain_has_are_refused() {
        let mut values = CollectValues { items: vec![Default::default(); VALUES_LIMIT - 1], in_child: false };
        let mut entry = |key: &[u8]| snapshot::SnapshotVisitor::entry(&mut values, key.to_vec(), Vec::new());
        entry(&[1; 32]).expect("the last one");
        entry(&[1; 33]).expect("not a plain value");
        assert!(entry(&[2; 32]).expect_err("one too many").is(Code::Damaged));
    }

    #[test]
    fn errors_are_those_of_reading_the_whole_state() {
        let file = of_try_runtime(&state(), false);
        for (file, what) in
            [(&file[..file.len() - 1], "whole block header"), (b"\0asm", "is not a state file"), (b"", "is empty")]
        {
            let failure = StateExcerpt::from_reader("file", file).expect_err("refused");
            let whole = State::from_reader("file", file).expect_err("refused");
            assert_eq!(failure, whole);
            assert!(format!("{failure} {:?}", failure.found).contains(what), "{failure}");
        }
    }
}
