// SPDX-License-Identifier: Apache-2.0
//! A state in the database that nodes keep theirs in: ParityDb, with the options of `sc-client-db` 0.55.0
//! (`src/parity_db.rs`) for the column of the state. Reading through it costs what reading costs in a node without a cache
//! of trie nodes.

use parity_db::{CompressionType, Db, Operation, Options};
use sp_core::H256;
use sp_runtime::{StateVersion, traits::BlakeTwo256};
use sp_state_machine::{
    BackendTransaction, DBValue, InMemoryBackend, TrieBackend, TrieBackendBuilder, TrieBackendStorage,
};
use sp_storage::ChildInfo;
use sp_trie::recorder::Recorder;
use state::State;
use std::{path::Path, sync::Arc};
use tempfile::TempDir;
use worker::{Failure, Result};

/// How weight files call it.
pub const NAME: &str = "ParityDb";
const COLUMN: u8 = 0;

pub struct StateDatabase {
    nodes: NodeStore,
    root: H256,
    version: StateVersion,
    // After the database, so that this is closed when the files go.
    _directory: TempDir,
}

pub type Backend<'a> = TrieBackend<&'a NodeStore, BlakeTwo256>;

impl StateDatabase {
    /// Writes the state into a database of its own below `directory`, which goes when this goes.
    pub fn new(state: &State, directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))?;
        let own = tempfile::Builder::new()
            .prefix("state-")
            .tempdir_in(directory)
            .map_err(|error| Failure::io("create a directory in", directory, &error))?;
        let version = if state.state_version == 0 { StateVersion::V0 } else { StateVersion::V1 };
        let (root, transaction) = trie_of(state, version);
        // Closing it makes it whole: what is read later comes out of its tables, not out of what is still to be written.
        open(own.path())?.commit(transaction, CommitMode::Insert)?;
        Ok(Self { nodes: open(own.path())?, root, version, _directory: own })
    }

    pub fn root(&self) -> H256 {
        self.root
    }

    pub fn version(&self) -> StateVersion {
        self.version
    }

    /// Reads from the database, and records what is read where a recorder is given.
    pub fn backend(&self, recorder: Option<Recorder<BlakeTwo256>>) -> Backend<'_> {
        TrieBackendBuilder::new(&self.nodes, self.root).with_optional_recorder(recorder).build()
    }

    /// Writes what a change of the state adds.
    pub fn write(&self, transaction: BackendTransaction<BlakeTwo256>) -> Result<()> {
        self.nodes.commit(transaction, CommitMode::Insert)
    }

    /// Takes it out again.
    pub fn revert(&self, transaction: BackendTransaction<BlakeTwo256>) -> Result<()> {
        self.nodes.commit(transaction, CommitMode::Remove)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CommitMode {
    Insert,
    Remove,
}

#[derive(Clone)]
pub struct NodeStore(Arc<Db>);

impl NodeStore {
    fn commit(&self, mut transaction: BackendTransaction<BlakeTwo256>, mode: CommitMode) -> Result<()> {
        // What a change removes stays: nodes prune old states later, and elsewhere.
        let added = transaction.drain().into_iter().filter(|(_, (_, count))| *count > 0);
        let operations = added.filter_map(|(key, (node, _))| {
            // A trie's key ends with the hash, which is all that a database of counted preimages needs.
            let hash = key.get(key.len().checked_sub(32)?..)?.to_vec();
            Some((
                COLUMN,
                if mode == CommitMode::Insert { Operation::Set(hash, node) } else { Operation::Dereference(hash) },
            ))
        });
        self.0.commit_changes(operations).map_err(|error| database_error(&error))
    }
}

impl TrieBackendStorage<BlakeTwo256> for NodeStore {
    fn get(&self, hash: &H256, _: (&[u8], Option<u8>)) -> std::result::Result<Option<DBValue>, String> {
        self.0.get(COLUMN, &hash.0).map_err(|error| error.to_string())
    }
}

fn open(directory: &Path) -> Result<NodeStore> {
    let mut options = Options::with_columns(directory, 1);
    for column in &mut options.columns {
        column.ref_counted = true;
        column.preimage = true;
        column.uniform = true;
        column.compression = CompressionType::Lz4;
    }
    Db::open_or_create(&options).map(|database| NodeStore(Arc::new(database))).map_err(|error| database_error(&error))
}

fn database_error(error: &parity_db::Error) -> Failure {
    Failure::environment("the database that is to be measured cannot be used")
        .found(error.to_string())
        .expected("a directory with room for the state")
}

/// The nodes of the state's trie, and its root.
fn trie_of(state: &State, version: StateVersion) -> (H256, BackendTransaction<BlakeTwo256>) {
    let entries = |entries: &[(Vec<u8>, Vec<u8>)]| {
        entries.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect::<Vec<_>>()
    };
    let mut backend = InMemoryBackend::<BlakeTwo256>::default();
    let children = state.children.iter().map(|(name, child)| (Some(ChildInfo::new_default(name)), entries(child)));
    backend.insert(std::iter::once((None, entries(&state.top))).chain(children), version);
    (*backend.root(), backend.into_storage())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_state_machine::Backend as _;

    fn state() -> State {
        let entry = |at: u8| (vec![at; 20], vec![at; usize::from(at) + 1]);
        let children = vec![(b"child".to_vec(), vec![(b"a".to_vec(), b"b".to_vec())])];
        State::of_entries(1, (0..100).map(entry).collect(), children)
    }

    #[test]
    fn a_state_is_read_back_and_its_root_is_that_of_a_chain() {
        let directory = tempfile::tempdir().expect("a directory");
        let stored = StateDatabase::new(&state(), directory.path()).expect("stored");
        let backend = stored.backend(None);
        for (key, value) in state().top {
            assert_eq!(backend.storage(&key).expect("readable"), Some(value));
        }
        let child = ChildInfo::new_default(b"child");
        assert_eq!(backend.child_storage(&child, b"a").expect("readable"), Some(b"b".to_vec()));
        assert_eq!(stored.root(), fork::Chain::from_state(state()).expect("a chain").root());
        drop(backend);
        drop(stored);
        assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 0, "nothing is left behind");
    }

    #[test]
    fn what_was_written_is_taken_out_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let stored = StateDatabase::new(&state(), directory.path()).expect("stored");
        let key = [7; 20];
        let change = || {
            let value: &[u8] = b"another value, longer than it was before";
            stored.backend(None).storage_root([(&key[..], Some(value))].into_iter(), stored.version())
        };
        let (root, transaction) = change();
        assert_ne!(root, stored.root());
        stored.write(transaction).expect("written");
        stored.revert(change().1).expect("taken out");
        // What both states share is still there.
        let backend = stored.backend(None);
        assert!(state().top.iter().all(|(key, value)| backend.storage(key).expect("readable").as_ref() == Some(value)));
    }
}
