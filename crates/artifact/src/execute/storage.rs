// SPDX-License-Identifier: Apache-2.0
//! The storage of one call: empty at the start, and dropped at the end.

use codec::{Compact, Encode};
use std::{collections::BTreeMap, ops::Bound};

/// Keys and values.
pub(super) type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// The largest size of keys and values in bytes. A real genesis state without accounts has some
/// hundred kilobytes.
const SIZE_LIMIT: usize = 4 * 1024 * 1024;
/// The largest depth of nested transactions. Each of them keeps a copy of the storage.
const DEPTH_LIMIT: usize = 16;

/// Storage with transactions.
#[derive(Default)]
pub(super) struct Storage {
    entries: Entries,
    size: usize,
    /// The storage at the start of each open transaction, the outermost first.
    before: Vec<(Entries, usize)>,
}

impl Storage {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries.get(key).map(Vec::as_slice)
    }

    /// Returns the size of keys and values in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns the next key after a key.
    pub(super) fn next_key(&self, key: &[u8]) -> Option<&[u8]> {
        let after = (Bound::Excluded(key), Bound::Unbounded);
        self.entries.range::<[u8], _>(after).next().map(|(key, _)| key.as_slice())
    }

    /// Sets a value. Fails at the size limit.
    pub(super) fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), String> {
        self.clear(&key);
        self.size += key.len() + value.len();
        if self.size > SIZE_LIMIT {
            return Err(format!("the runtime writes more than {SIZE_LIMIT} bytes"));
        }
        self.entries.insert(key, value);
        Ok(())
    }

    /// Appends an encoded item to an encoded list.
    pub(super) fn append(&mut self, key: Vec<u8>, item: &[u8]) -> Result<(), String> {
        let former = self.get(&key).unwrap_or_default();
        let mut items = former;
        let count = <Compact<u32> as codec::Decode>::decode(&mut items).map_or(0, |count| count.0);
        let items = if count == 0 { &[][..] } else { items };
        let value = [&Compact(count.saturating_add(1)).encode(), items, item].concat();
        self.set(key, value)
    }

    /// Removes a key.
    pub(super) fn clear(&mut self, key: &[u8]) {
        if let Some(former) = self.entries.remove(key) {
            self.size -= key.len() + former.len();
        }
    }

    /// Removes all keys with a prefix. Returns the number of removed keys.
    pub(super) fn clear_prefix(&mut self, prefix: &[u8]) -> u32 {
        let below = self.entries.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        let keys: Vec<_> = below.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect();
        keys.iter().for_each(|key| self.clear(key));
        keys.len() as u32
    }

    /// Starts a nested transaction.
    pub(super) fn start_transaction(&mut self) -> Result<(), String> {
        if self.before.len() >= DEPTH_LIMIT {
            return Err(format!("more than {DEPTH_LIMIT} nested transactions"));
        }
        self.before.push((self.entries.clone(), self.size));
        Ok(())
    }

    /// Ends the innermost transaction and keeps its changes.
    pub(super) fn commit_transaction(&mut self) -> Result<(), String> {
        self.before.pop().map(|_| ()).ok_or_else(|| "no transaction to commit".into())
    }

    /// Ends the innermost transaction and discards its changes.
    pub(super) fn rollback_transaction(&mut self) -> Result<(), String> {
        (self.entries, self.size) = self.before.pop().ok_or("no transaction to roll back")?;
        Ok(())
    }

    /// Returns all keys and values.
    pub(super) fn into_entries(self) -> Entries {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rolled_back_transaction_leaves_no_changes() {
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
    fn an_item_is_appended_to_a_list() {
        let mut storage = Storage::default();
        for item in [5u16, 6] {
            storage.append(b"list".to_vec(), &item.encode()).expect("appended");
        }
        assert_eq!(storage.get(b"list"), Some(&vec![5u16, 6].encode()[..]));
    }

    #[test]
    fn keys_with_a_prefix_are_removed() {
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
    fn size_and_depth_are_limited() {
        let mut storage = Storage::default();
        let written = (0u32..).take_while(|key| storage.set(key.encode(), vec![0; 1 << 20]).is_ok()).count();
        assert_eq!(written, 3);
        assert_eq!((0..).take_while(|_| storage.start_transaction().is_ok()).count(), DEPTH_LIMIT);
    }
}
