// SPDX-License-Identifier: Apache-2.0
//! The node store of a run, shared by all states that the run reads.

use super::Disk;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use worker::Reporter;

/// Opens the node database on first use, because an open database is locked for other processes.
pub struct Store {
    directory: Option<PathBuf>,
    disk: OnceLock<Option<Arc<Disk>>>,
}

impl Store {
    /// Creates a store in a directory. Without a directory nothing is kept.
    pub fn new(directory: Option<&Path>) -> Self {
        Self { directory: directory.map(Path::to_owned), disk: OnceLock::new() }
    }

    /// Returns the node database. If it cannot be opened, the reason is reported and the run
    /// continues without it.
    pub fn disk(&self, reporter: &Reporter) -> Option<Arc<Disk>> {
        let opened = self.disk.get_or_init(|| match Disk::open(self.directory.as_ref()?) {
            Ok(disk) => Some(Arc::new(disk)),
            Err(why) => {
                reporter.status(format!("trie nodes are kept in memory only: {why}"));
                None
            }
        });
        opened.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_states_of_a_run_share_the_store() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::new(Some(directory.path()));
        let [one, other] = [(); 2].map(|()| store.disk(&Reporter::silent()).expect("opened"));
        assert!(Arc::ptr_eq(&one, &other));
        assert!(Store::new(Some(directory.path())).disk(&Reporter::silent()).is_none(), "it is locked for another run");
        assert!(Store::new(None).disk(&Reporter::silent()).is_none());
    }
}
