// SPDX-License-Identifier: Apache-2.0
//! A state in the database of nodes: ParityDb, with the options of `sc-client-db` 0.55.0
//! (`src/parity_db.rs`) for the column of the state. A read takes the same time as in a node
//! without a cache of trie nodes.

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

/// The name of the database in weight files.
pub const NAME: &str = "ParityDb";
const COLUMN: u8 = 0;

/// A state in a database of its own. The database is removed when this value is dropped.
pub struct StateDatabase {
    nodes: NodeStore,
    root: H256,
    version: StateVersion,
    // Declared after the database, so that the database is closed before its files are removed.
    _directory: TempDir,
}

/// A state backend that reads from the database.
pub type Backend<'a> = TrieBackend<&'a NodeStore, BlakeTwo256>;

impl StateDatabase {
    /// Writes the state to a new database in a temporary directory below `directory`.
    pub fn new(state: &State, directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))?;
        let own = tempfile::Builder::new()
            .prefix("state-")
            .tempdir_in(directory)
            .map_err(|error| Failure::io("create a directory in", directory, &error))?;
        let version = if state.state_version == 0 { StateVersion::V0 } else { StateVersion::V1 };
        let (root, transaction) = trie_of(state, version);
        // Closing the database flushes it, so that later reads come from its tables and not from
        // its write queue.
        open(own.path())?.commit(transaction, CommitMode::Insert)?;
        Ok(Self { nodes: open(own.path())?, root, version, _directory: own })
    }

    /// Returns the state root.
    pub fn root(&self) -> H256 {
        self.root
    }

    /// Returns the state version of the trie.
    pub fn version(&self) -> StateVersion {
        self.version
    }

    /// Returns a backend that reads from the database, and records all reads if a recorder is
    /// given.
    pub fn backend(&self, recorder: Option<Recorder<BlakeTwo256>>) -> Backend<'_> {
        TrieBackendBuilder::new(&self.nodes, self.root).with_optional_recorder(recorder).build()
    }

    /// Writes the trie nodes that a transaction adds.
    pub fn write(&self, transaction: BackendTransaction<BlakeTwo256>) -> Result<()> {
        self.nodes.commit(transaction, CommitMode::Insert)
    }

    /// Removes the trie nodes that a transaction added.
    pub fn revert(&self, transaction: BackendTransaction<BlakeTwo256>) -> Result<()> {
        self.nodes.commit(transaction, CommitMode::Remove)
    }
}

/// Whether the nodes of a transaction are inserted or removed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CommitMode {
    Insert,
    Remove,
}

/// The trie nodes in the database, by their hashes.
#[derive(Clone)]
pub struct NodeStore(Arc<Db>);

impl NodeStore {
    fn commit(&self, mut transaction: BackendTransaction<BlakeTwo256>, mode: CommitMode) -> Result<()> {
        // Removed trie nodes are kept: a node prunes old states later.
        let added = transaction.drain().into_iter().filter(|(_, (_, count))| *count > 0);
        let operations = added.filter_map(|(key, (node, _))| {
            // The key of a trie node ends with its hash. A reference-counted database of preimages
            // needs only the hash.
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
    Failure::environment("the database for the measurement cannot be used")
        .found(error.to_string())
        .expected("a directory with enough space for the state")
}

/// Builds the trie of a state, and returns its root and its nodes.
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
    fn a_written_transaction_is_reverted() {
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
        // The nodes that both states share are still in the database.
        let backend = stored.backend(None);
        assert!(state().top.iter().all(|(key, value)| backend.storage(key).expect("readable").as_ref() == Some(value)));
    }
}
