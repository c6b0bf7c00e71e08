// SPDX-License-Identifier: Apache-2.0
//! Entries of a state by their storage keys: the storage item of each, and its keys in a map.

use crate::types::{
    Interface,
    interface::{Item, Pallet, hashed},
    read,
};
use scale_info::{PortableRegistry, TypeDef};
use std::collections::BTreeMap;

/// The length of the hashes of a pallet's prefix and of an item's name.
pub const PREFIX: usize = 32;

/// The storage items of a chain, by the beginning of their storage keys.
pub struct Items<'i, 'a> {
    types: &'a PortableRegistry,
    by_prefix: BTreeMap<Vec<u8>, (&'i Pallet<'a>, &'i Item<'a>)>,
}

/// An entry of a storage item that the metadata describes.
pub struct Entry<'k, 'i, 'a> {
    pub types: &'a PortableRegistry,
    pub pallet: &'i Pallet<'a>,
    pub item: &'i Item<'a>,
    /// The storage key behind the prefix.
    rest: &'k [u8],
}

/// A key in a map.
pub struct Key<'k> {
    /// Its type.
    pub ty: u32,
    /// Its encoding, or its hash where the hasher does not keep it.
    pub bytes: &'k [u8],
    pub kept: bool,
}

impl<'i, 'a> Items<'i, 'a> {
    pub fn of(interface: &'i Interface<'a>) -> Self {
        let mut by_prefix = BTreeMap::new();
        for pallet in &interface.pallets {
            for item in &pallet.items {
                by_prefix.entry(pallet.key(item.name)).or_insert((pallet, item));
            }
        }
        Self { types: interface.types, by_prefix }
    }

    /// Returns the entry of a storage key.
    pub fn entry<'k>(&self, key: &'k [u8]) -> Option<Entry<'k, 'i, 'a>> {
        let (prefix, rest) = key.split_at_checked(PREFIX)?;
        let (pallet, item) = self.by_prefix.get(prefix).copied()?;
        (item.key.is_some() || rest.is_empty()).then_some(Entry { types: self.types, pallet, item, rest })
    }
}

impl<'k> Entry<'k, '_, '_> {
    /// Returns the keys in a map, in their order.
    pub fn keys(&self) -> Vec<Key<'k>> {
        let Some(id) = self.item.key else { return Vec::new() };
        let types = match self.item.hashers {
            [_] => vec![id],
            // A map of several keys has a tuple of them.
            _ => match self.types.resolve(id).map(|ty| &ty.type_def) {
                Some(TypeDef::Tuple(tuple)) => tuple.fields.iter().map(|field| field.id).collect(),
                _ => Vec::new(),
            },
        };
        let mut keys = Vec::new();
        let mut rest = self.rest;
        for (hasher, ty) in self.item.hashers.iter().zip(types) {
            let (length, kept) = hashed(hasher);
            let Some((hash, after)) = rest.split_at_checked(length) else { break };
            // What does not decode is all that is left.
            let left = if kept { read::skip(self.types, ty, after).unwrap_or_default() } else { after };
            let own = &after[..after.len() - left.len()];
            keys.push(Key { ty, bytes: if kept { own } else { hash }, kept });
            rest = left;
        }
        keys
    }

    /// Returns the keys in words, as far as their hashers keep them.
    pub fn key_text(&self) -> String {
        let word = |key: &Key<'_>| match key.kept {
            true => compat::value::text(self.types, key.ty, key.bytes),
            false => hex::encode_prefixed(key.bytes),
        };
        self.keys().iter().map(word).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use frame_metadata::v14::StorageHasher;
    use scale_info::{MetaType, Registry};

    #[test]
    fn an_entry_is_found_by_its_key() {
        let mut registry = Registry::new();
        let pair = registry.register_type(&MetaType::new::<(u32, [u8; 32])>()).id;
        let number = registry.register_type(&MetaType::new::<u32>()).id;
        let types: PortableRegistry = registry.into();
        let hashers = [StorageHasher::Twox64Concat, StorageHasher::Blake2_128Concat];
        let hashed_away = [StorageHasher::Blake2_128];
        let mut interface = Interface::empty(&types);
        let items = vec![
            Item { name: "Account", hashers: &hashers, key: Some(pair), value: number, ..Item::default() },
            Item { name: "Number", value: number, ..Item::default() },
            Item { name: "Hashed", hashers: &hashed_away, key: Some(number), value: number, ..Item::default() },
        ];
        interface.pallets.push(Pallet { name: "Assets", items, ..Pallet::default() });
        let (pallet, items) = (&interface.pallets[0], Items::of(&interface));

        let account = [&pallet.key("Account")[..], &[0; 8], &7u32.encode(), &[0; 16], &[9; 32]].concat();
        let entry = items.entry(&account).expect("an entry");
        assert_eq!((entry.pallet.name, entry.item.name), ("Assets", "Account"));
        let keys: Vec<_> = entry.keys().iter().map(|key| (key.bytes.to_vec(), key.kept)).collect();
        assert_eq!(keys, [(7u32.encode(), true), (vec![9; 32], true)]);
        assert_eq!(entry.key_text(), format!("7, 0x{}", "09".repeat(32)));

        let hashed = [&pallet.key("Hashed")[..], &[5; 16]].concat();
        let entry = items.entry(&hashed).expect("an entry");
        assert_eq!(entry.key_text(), format!("0x{}", "05".repeat(16)));
        assert!(entry.keys().iter().all(|key| !key.kept));

        let single = pallet.key("Number");
        assert_eq!(items.entry(&single).map(|entry| entry.key_text()), Some(String::new()));
        // The twins: a single value has no keys, and another item is not known.
        assert!(items.entry(&[&single[..], &[0]].concat()).is_none());
        assert!(items.entry(&pallet.key("Other")).is_none() && items.entry(&[1; 31]).is_none());
    }
}
