// SPDX-License-Identifier: Apache-2.0
//! The state of a file that is too large for memory. Its trie nodes are in the node store and are
//! read from there.
//!
//! If a node is missing in the store, all of the file's nodes are written there. So the store needs
//! no list of whole states. Nodes from a download, another file or an earlier run are used, and
//! lost ones are written again.

use super::{Disk, locked, node_cache::NodeCache};
use crate::keys;
use sp_core::H256;
use sp_state_machine::DBValue;
use state::StateFile;
use std::sync::{Arc, Mutex};
use worker::{Failure, Reporter, Result};

/// The size in bytes of nodes in memory.
const MEMORY_LIMIT: usize = 64 << 20;
/// The size in bytes of nodes that are written to the disk at once, because each commit waits for
/// it.
const PORTION: usize = 4 << 20;

/// A state that is read through the node store.
pub struct StoredState {
    file: StateFile,
    name: String,
    root: H256,
    disk: Arc<Disk>,
    memory: Mutex<NodeCache>,
    /// Whether the file's nodes were written to the store, and why they could not be.
    filled: Mutex<Option<Result<()>>>,
    failure: Mutex<Option<Failure>>,
}

impl StoredState {
    /// Opens a state. `root` is the state root that the file records.
    pub fn open(file: StateFile, name: String, root: H256, disk: Arc<Disk>, reporter: &Reporter) -> Result<Self> {
        let (filled, failure) = Default::default();
        let stored = Self { file, name, root, disk, memory: Mutex::new(NodeCache::new(MEMORY_LIMIT)), filled, failure };
        // The root is read now, so that the progress of filling the store is reported.
        stored.node(&root, Some(reporter))?;
        Ok(stored)
    }

    /// Returns the state root.
    pub fn root(&self) -> H256 {
        self.root
    }

    /// Returns the first failure to read a node.
    pub fn failure(&self) -> Option<Failure> {
        locked(&self.failure).clone()
    }

    /// Clears the failure, so that reading can be tried again.
    pub fn forget_failure(&self) {
        *locked(&self.failure) = None;
    }

    /// Returns a node of the trie.
    pub fn get(&self, hash: &H256) -> std::result::Result<DBValue, String> {
        self.node(hash, None).map_err(|failure| {
            let text = failure.to_string();
            locked(&self.failure).get_or_insert(failure);
            text
        })
    }

    fn node(&self, hash: &H256, reporter: Option<&Reporter>) -> Result<DBValue> {
        if hash.0 == keys::EMPTY_TRIE_ROOT {
            return Ok(vec![0]);
        }
        match self.local(hash) {
            Some(node) => Ok(node),
            None => self.fill(hash, reporter),
        }
    }

    fn local(&self, hash: &H256) -> Option<DBValue> {
        if let Some(node) = locked(&self.memory).get(hash) {
            return Some(node);
        }
        let node = self.disk.get(hash)?;
        locked(&self.memory).insert(*hash, node.clone());
        Some(node)
    }

    /// Writes the file's nodes to the store and returns one of them. Other readers wait meanwhile.
    fn fill(&self, hash: &H256, reporter: Option<&Reporter>) -> Result<DBValue> {
        let mut filled = locked(&self.filled);
        // Another reader may have filled it while this one waited.
        if let Some(node) = self.local(hash) {
            return Ok(node);
        }
        if filled.is_none() {
            *filled = Some(self.all(reporter));
        }
        filled.clone().unwrap_or(Ok(()))?;
        self.local(hash).ok_or_else(|| match self.disk.open_error() {
            Some(why) => Failure::environment("the store of trie nodes cannot be used any more").found(why),
            None => Failure::input(format!("the state in {} is incomplete", self.name))
                .found(format!("no trie node with the hash {}", hex::encode_prefixed(hash.as_bytes())))
                .expected("every node below the state root")
                .hint("download the state again"),
        })
    }

    fn all(&self, reporter: Option<&Reporter>) -> Result<()> {
        let (mut portion, mut bytes, mut count) = (Vec::new(), 0, 0);
        let write = |portion: &mut Vec<(H256, Vec<u8>)>| {
            let nodes = std::mem::take(portion);
            self.disk.insert(nodes.iter().map(|(hash, node)| (hash, node))).map_err(|why| {
                Failure::environment("the store of trie nodes cannot be used")
                    .found(why)
                    .hint("free some space, or set CUTOVER_NODES to a directory on another disk")
            })
        };
        let root = self.file.nodes(&mut |hash, node| {
            bytes += node.len();
            portion.push((H256(hash), node.to_vec()));
            if bytes < PORTION {
                return Ok(());
            }
            count += portion.len() as u64;
            if let Some(reporter) = reporter {
                reporter.progress(
                    &format!("writing the state of {} to the node store", self.name),
                    count,
                    None,
                    "nodes",
                );
            }
            bytes = 0;
            write(&mut portion)
        })?;
        write(&mut portion)?;
        if root != self.root.0 {
            return Err(crate::header::root_mismatch(&root, &self.root.0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;
    use codec::{Compact, Encode};
    use state::{State, header::Header};
    use std::path::{Path, PathBuf};

    fn state(version: u8) -> State {
        let value = |key: u16| vec![key as u8; usize::from(key) % 70];
        let top = (0..400u16).map(|key| (key.to_be_bytes().to_vec(), value(key))).collect();
        let child = (0..90u8).map(|key| (vec![key], vec![key; 40])).collect();
        let mut state = State::of_entries(version, top, vec![(b"child".to_vec(), child)]);
        state.state_root = state.compute_root();
        let root = state.state_root.expect("computed");
        let header =
            Header { parent_hash: [1; 32], number: 12, state_root: root, extrinsics_root: [2; 32] }.encode(&[0]);
        state.block = Some(state::Block { number: 12, hash: Header::hash(&header) });
        state.header = Some(header);
        state
    }

    struct Place {
        _directory: tempfile::TempDir,
        path: PathBuf,
        disk: Arc<Disk>,
    }

    fn place(file: &[u8]) -> Place {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, file).expect("written");
        let disk = Arc::new(Disk::open(directory.path()).expect("opened"));
        Place { _directory: directory, path, disk }
    }

    fn file(path: &Path) -> StateFile {
        StateFile::open(path, 0).expect("read").expect("a snapshot")
    }

    fn open(place: &Place, file: StateFile) -> Result<Chain> {
        let facts = file.facts().clone();
        let root = facts.state_root.expect("a root").into();
        let stored = StoredState::open(file, "the file".into(), root, place.disk.clone(), &Reporter::silent())?;
        Chain::from_stored(Arc::new(stored), &facts)
    }

    /// Creates a try-runtime snapshot with the nodes that `kept` selects by their index.
    fn of_nodes(state: &State, mut kept: impl FnMut(usize) -> bool) -> Vec<u8> {
        let place = place(&state.to_snapshot().expect("written"));
        let mut nodes = Vec::new();
        let each = &mut |hash: [u8; 32], node: &[u8]| {
            nodes.push((hash.to_vec(), (node.to_vec(), 1i32)));
            Ok(())
        };
        file(&place.path).nodes(each).expect("visited");
        let nodes: Vec<_> = nodes.into_iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, node)| node).collect();
        let mut bytes = Compact(4u8).encode();
        bytes.push(state.state_version);
        nodes.encode_to(&mut bytes);
        bytes.extend(state.state_root.expect("a root"));
        bytes.extend(state.header.as_ref().expect("a header"));
        bytes
    }

    #[test]
    fn a_stored_state_equals_the_one_in_memory() {
        for version in [0, 1] {
            let state = state(version);
            for bytes in [state.to_snapshot().expect("written"), of_nodes(&state, |_| true)] {
                let place = place(&bytes);
                let mut stored = open(&place, file(&place.path)).expect("opened");
                let mut whole = Chain::from_state(state.clone()).expect("a state");
                for chain in [&mut stored, &mut whole] {
                    let keys = [vec![0, 3], vec![1, 100], vec![7]];
                    let values = [None, Some(vec![1; 80]), Some(vec![2])];
                    chain.set(keys.into_iter().zip(values).collect()).expect("changed");
                }
                assert_eq!((stored.root(), stored.header()), (whole.root(), whole.header()));
                let (stored, whole) = (stored.export().expect("all of it"), whole.export().expect("all of it"));
                assert_eq!((stored.top, stored.children), (whole.top, whole.children));
            }
        }
    }

    #[test]
    fn stored_nodes_are_not_read_from_the_file_again() {
        let place = place(&state(1).to_snapshot().expect("written"));
        open(&place, file(&place.path)).expect("opened");
        let again = file(&place.path);
        std::fs::remove_file(&place.path).expect("removed");
        let chain = open(&place, again).expect("opened without the file");
        assert_eq!(chain.entries(&[]).expect("all of it").len(), 401);
    }

    #[test]
    fn missing_nodes_are_read_from_the_file_again() {
        let state = state(1);
        let place = place(&state.to_snapshot().expect("written"));
        let opened = file(&place.path);
        let mut root = None;
        let each = &mut |hash: [u8; 32], node: &[u8]| {
            root = root.take().or((Some(hash) == state.state_root).then(|| node.to_vec()));
            Ok(())
        };
        opened.nodes(each).expect("visited");
        // An earlier run read only the root.
        place
            .disk
            .insert([(&H256(state.state_root.expect("a root")), &root.expect("the root's node"))])
            .expect("stored");
        let chain = open(&place, opened).expect("opened");
        assert_eq!(chain.entries(&[]).expect("all of it").len(), 401);
    }

    #[test]
    fn a_file_with_another_root_than_its_entries_is_refused() {
        let forged = State { state_root: Some([7; 32]), header: None, block: None, ..state(1) };
        let place = place(&forged.to_snapshot().expect("written"));
        let failure = open(&place, file(&place.path)).err().expect("refused");
        assert!(failure.message.contains("not the one in the header"), "{failure}");
    }

    #[test]
    fn a_file_without_a_node_fails_where_it_is_read_and_stays_failed() {
        let lacking = of_nodes(&state(1), |at| at != 40);
        let place = place(&lacking);
        let chain = open(&place, file(&place.path)).expect("its root is there");
        let failure = chain.entries(&[]).expect_err("refused");
        assert!(failure.message.contains("incomplete"), "{failure}");
        assert_eq!(chain.storage(&[0, 1]).expect_err("the failure is kept"), failure);
    }

    #[test]
    fn a_node_with_another_hash_is_refused() {
        let mut bytes = of_nodes(&state(1), |_| true);
        bytes[200] ^= 1;
        let place = place(&bytes);
        let failure = open(&place, file(&place.path)).err().expect("refused");
        assert!(failure.message.contains("does not match its hash"), "{failure}");
    }
}
