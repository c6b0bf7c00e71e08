// SPDX-License-Identifier: Apache-2.0
//! Open iterators over the keys of a trie.
//!
//! A runtime requests the key after a key, and the trie backend searches for it from the root each
//! time. A runtime that iterates over a map passes the key it received last, so the iterator at
//! that key is kept open.

use super::backend::{Inner, Result};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{Backend, IterArgs, StorageIterator};

/// The maximum number of open iterators, for maps that are iterated inside each other.
const LIMIT: usize = 4;

/// The open iterators.
#[derive(Default)]
pub struct Cursors {
    /// The iterators; the one used last is at the end.
    open: Vec<Cursor>,
}

struct Cursor {
    /// The last key that was returned.
    at: Vec<u8>,
    iterator: <Inner as Backend<BlakeTwo256>>::RawIter,
}

impl Cursors {
    /// Returns the key after `key`.
    pub fn next(&mut self, backend: &Inner, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let known = self.open.iter().position(|cursor| cursor.at == key);
        let mut iterator = match known {
            Some(place) => self.open.remove(place).iterator,
            None => {
                // The lowest key after `key`.
                let lowest = [key, &[0]].concat();
                let mut arguments = IterArgs::default();
                arguments.start_at = Some(&lowest);
                backend.raw_iter(arguments)?
            }
        };
        let next = iterator.next_key(backend).transpose()?;
        if let Some(at) = &next {
            if self.open.len() == LIMIT {
                self.open.remove(0);
            }
            self.open.push(Cursor { at: at.clone(), iterator });
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Nodes;
    use proptest::prelude::*;
    use sp_runtime::StateVersion;
    use sp_state_machine::{InMemoryBackend, TrieBackendBuilder};
    use std::collections::BTreeMap;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0u8, 1, 0x10, 0xff]), 0..5)
    }

    proptest! {
        #[test]
        fn a_cursor_returns_the_same_keys_as_the_backend(
            entries in prop::collection::btree_map(key(), Just(vec![1]), 0..60),
            mut walkers in prop::collection::vec(key(), 1..7),
            steps in prop::collection::vec(any::<prop::sample::Index>(), 0..120),
        ) {
            let entries: BTreeMap<Vec<u8>, Vec<u8>> = entries;
            let mut backend = InMemoryBackend::<BlakeTwo256>::default();
            let top = entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
            backend.insert([(None, top)], StateVersion::V1);
            let root = *backend.root();
            let backend: Inner = TrieBackendBuilder::new(Nodes::full(backend.into_storage()), root).build();
            let mut cursors = Cursors::default();
            for step in steps {
                let walker = step.index(walkers.len());
                let expected = backend.next_storage_key(&walkers[walker]).expect("found");
                let found = cursors.next(&backend, &walkers[walker]).expect("found");
                prop_assert_eq!(&found, &expected);
                prop_assert!(cursors.open.len() <= LIMIT);
                walkers[walker] = found.unwrap_or_default();
            }
        }
    }
}
