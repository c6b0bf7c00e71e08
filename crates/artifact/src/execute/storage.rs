// SPDX-License-Identifier: Apache-2.0
//! What a called function writes: a chain that is empty when the call begins and forgotten when it ends.

use codec::{Compact, Encode};
use std::{collections::BTreeMap, ops::Bound};

pub(super) type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// Of keys and values together. The genesis of a real chain without accounts has some hundred kilobytes.
const SIZE_LIMIT: usize = 4 * 1024 * 1024;
/// Transactions within transactions, each of which keeps what was there before.
const DEPTH_LIMIT: usize = 16;

#[derive(Default)]
pub(super) struct Storage {
    entries: Entries,
    size: usize,
    /// What was there when each open transaction began, the outermost first.
    before: Vec<(Entries, usize)>,
}

impl Storage {
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries.get(key).map(Vec::as_slice)
    }

    /// Of keys and values, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn next_key(&self, key: &[u8]) -> Option<&[u8]> {
        let after = (Bound::Excluded(key), Bound::Unbounded);
        self.entries.range::<[u8], _>(after).next().map(|(key, _)| key.as_slice())
    }

    pub(super) fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), String> {
        self.clear(&key);
        self.size += key.len() + value.len();
        if self.size > SIZE_LIMIT {
            return Err(format!("the runtime writes more than {SIZE_LIMIT} bytes"));
        }
        self.entries.insert(key, value);
        Ok(())
    }

    /// Adds an encoded item to an encoded list.
    pub(super) fn append(&mut self, key: Vec<u8>, item: &[u8]) -> Result<(), String> {
        let former = self.get(&key).unwrap_or_default();
        let mut items = former;
        let count = <Compact<u32> as codec::Decode>::decode(&mut items).map_or(0, |count| count.0);
        let items = if count == 0 { &[][..] } else { items };
        let value = [&Compact(count.saturating_add(1)).encode(), items, item].concat();
        self.set(key, value)
    }

    pub(super) fn clear(&mut self, key: &[u8]) {
        if let Some(former) = self.entries.remove(key) {
            self.size -= key.len() + former.len();
        }
    }

    /// Removes everything whose key begins so, and tells how much that was.
    pub(super) fn clear_prefix(&mut self, prefix: &[u8]) -> u32 {
        let below = self.entries.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        let keys: Vec<_> = below.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect();
        keys.iter().for_each(|key| self.clear(key));
        keys.len() as u32
    }

    pub(super) fn start_transaction(&mut self) -> Result<(), String> {
        if self.before.len() >= DEPTH_LIMIT {
            return Err(format!("more than {DEPTH_LIMIT} transactions within each other"));
        }
        self.before.push((self.entries.clone(), self.size));
        Ok(())
    }

    pub(super) fn commit_transaction(&mut self) -> Result<(), String> {
        self.before.pop().map(|_| ()).ok_or_else(|| "no transaction to commit".into())
    }

    pub(super) fn rollback_transaction(&mut self) -> Result<(), String> {
        (self.entries, self.size) = self.before.pop().ok_or("no transaction to roll back")?;
        Ok(())
    }

    pub(super) fn into_entries(self) -> Entries {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_rolled_back_is_not() {
        let mut storage = Storage::default();
        storage.set(b"a".to_vec(), b"1".to_vec()).expect("written");
        storage.start_transaction().expect("started");
        storage.set(b"a".to_vec(), b"2".to_vec()).expect("written");
        storage.set(b"b".to_vec(), b"3".to_vec()).expect("written");
        assert_eq!((storage.get(b"a"), storage.next_key(b"a")), (Some(&b"2"[..]), Some(&b"b"[..])));
        storage.rollback_transaction().expect("rolled back");
        assert_eq!((storage.get(b"a"), storage.next_key(b"a")), (Some(&b"1"[..]), None));
        assert!(storage.rollback_transaction().is_err() && storage.commit_transaction().is_err());
    }

    #[test]
    fn a_list_grows_by_what_is_appended() {
        let mut storage = Storage::default();
        for item in [5u16, 6] {
            storage.append(b"list".to_vec(), &item.encode()).expect("appended");
        }
        assert_eq!(storage.get(b"list"), Some(&vec![5u16, 6].encode()[..]));
    }

    #[test]
    fn what_begins_alike_is_cleared_together() {
        let mut storage = Storage::default();
        for key in ["a", "ab", "abc", "b"] {
            storage.set(key.into(), vec![1]).expect("written");
        }
        assert_eq!(storage.clear_prefix(b"ab"), 2);
        assert_eq!(
            (storage.get(b"a"), storage.get(b"ab"), storage.next_key(b"a")),
            (Some(&[1][..]), None, Some(&b"b"[..]))
        );
        assert_eq!(storage.size(), 4);
    }

    #[test]
    fn a_runtime_that_writes_without_end_is_stopped() {
        let mut storage = Storage::default();
        let written = (0u32..).take_while(|key| storage.set(key.encode(), vec![0; 1 << 20]).is_ok()).count();
        assert_eq!(written, 3);
        assert_eq!((0..).take_while(|_| storage.start_transaction().is_ok()).count(), DEPTH_LIMIT);
    }
}
