// SPDX-License-Identifier: Apache-2.0
//! The entries of accounts in `System.Account`, by the types of a runtime's metadata.

use crate::{Interface, read};
use artifact::hashes::blake2_128;
use codec::{Decode, Encode};
use frame_metadata::v14::StorageHasher;
use scale_info::PortableRegistry;

/// The path of the free balance in an entry.
const FREE: &str = "data.free";

/// The accounts of a runtime. Most runtimes keep their balances in the same entries.
#[derive(Debug)]
pub struct Accounts<'a> {
    types: &'a PortableRegistry,
    /// The beginning of every key.
    prefix: Vec<u8>,
    /// The type of an account's id.
    id: u32,
    /// The type of an entry.
    info: u32,
    /// The entry of an account that does not exist.
    default: Vec<u8>,
}

impl<'a> Accounts<'a> {
    /// Returns the accounts of a runtime, or nothing where accounts have another form.
    pub fn of(interface: &Interface<'a>) -> Option<Self> {
        let system = interface.pallet("System")?;
        let item = system.item("Account")?;
        if item.hashers != [StorageHasher::Blake2_128Concat] {
            return None;
        }
        let (types, default) = (interface.types, item.default.to_vec());
        Some(Self { types, prefix: system.key("Account"), id: item.key?, info: item.value, default })
    }

    /// Returns the storage key of an account's entry.
    pub fn key(&self, account: &[u8]) -> Vec<u8> {
        [&self.prefix[..], &blake2_128(account), account].concat()
    }

    /// Returns the length of an account's id in bytes.
    pub fn id_length(&self) -> Option<usize> {
        read::default_value(self.types, self.id).map(|id| id.len())
    }

    /// Returns the length of a balance in bytes: 8 or 16. Nothing if the entries have no balances.
    pub fn balance_length(&self) -> Option<usize> {
        self.free_bytes(&self.default).map(|bytes| bytes.len()).filter(|length| [8, 16].contains(length))
    }

    /// Returns the free balance in an entry.
    pub fn free(&self, entry: &[u8]) -> Option<u128> {
        number(&self.free_bytes(entry)?)
    }

    /// Returns the entry of an account with another free balance. Nothing else in it changes, except that the
    /// account exists.
    ///
    /// `entry` is what stands in the state. Returns nothing if it cannot be decoded, or if the balance does not
    /// fit.
    pub fn with_free(&self, entry: Option<&[u8]>, free: u128) -> Option<Vec<u8>> {
        let leaves = read::leaves(self.types, self.info, entry.unwrap_or(&self.default)).ok()?;
        let mut all = Vec::new();
        let mut found = false;
        for (path, _, bytes) in leaves {
            let value = match path.as_str() {
                FREE => encoded(free, bytes.len())?,
                // An account without a provider does not exist.
                "providers" if bytes == [0; 4] => 1u32.encode(),
                _ => bytes.to_vec(),
            };
            found |= path == FREE;
            all.extend(value);
        }
        found.then_some(all)
    }

    fn free_bytes(&self, entry: &[u8]) -> Option<Vec<u8>> {
        let leaves = read::leaves(self.types, self.info, entry).ok()?;
        leaves.into_iter().find(|(path, _, _)| path == FREE).map(|(_, _, bytes)| bytes.to_vec())
    }
}

/// Decodes a balance of 8 or 16 bytes.
pub fn number(bytes: &[u8]) -> Option<u128> {
    match bytes.len() {
        8 => u64::decode(&mut &bytes[..]).ok().map(u128::from),
        16 => u128::decode(&mut &bytes[..]).ok(),
        _ => None,
    }
}

/// Encodes a balance in 8 or 16 bytes. Returns nothing if it does not fit.
pub fn encoded(balance: u128, length: usize) -> Option<Vec<u8>> {
    match length {
        8 => u64::try_from(balance).ok().map(|balance| balance.encode()),
        16 => Some(balance.encode()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scale_info::{MetaType, Registry, TypeInfo};

    #[derive(TypeInfo, Encode)]
    struct Data<B> {
        free: B,
        reserved: B,
    }

    #[derive(TypeInfo, Encode)]
    struct Info<B> {
        nonce: u32,
        providers: u32,
        data: Data<B>,
    }

    fn registry<T: TypeInfo + 'static, Id: TypeInfo + 'static>() -> (PortableRegistry, u32, u32) {
        let mut registry = Registry::new();
        let info = registry.register_type(&MetaType::new::<T>()).id;
        let id = registry.register_type(&MetaType::new::<Id>()).id;
        (registry.into(), info, id)
    }

    fn accounts((types, info, id): &(PortableRegistry, u32, u32), default: Vec<u8>) -> Accounts<'_> {
        Accounts { types, prefix: b"prefix".to_vec(), id: *id, info: *info, default }
    }

    #[test]
    fn an_account_gets_another_balance_and_nothing_else_of_it_changes() {
        let types = registry::<Info<u128>, [u8; 32]>();
        let wide = accounts(&types, (0u32, 0u32, 0u128, 0u128).encode());
        let entry = (7u32, 0u32, 5u128, 9u128).encode();
        assert_eq!(wide.with_free(Some(&entry), 1 << 100), Some((7u32, 1u32, 1u128 << 100, 9u128).encode()));
        let entry = (7u32, 3u32, 5u128, 9u128).encode();
        assert_eq!(wide.with_free(Some(&entry), 6), Some((7u32, 3u32, 6u128, 9u128).encode()));
        assert_eq!(wide.with_free(None, 6), Some((0u32, 1u32, 6u128, 0u128).encode()));
        assert_eq!((wide.free(&entry), wide.balance_length(), wide.id_length()), (Some(5), Some(16), Some(32)));

        let types = registry::<Info<u64>, [u8; 20]>();
        let narrow = accounts(&types, (0u32, 0u32, 0u64, 0u64).encode());
        let entry = (7u32, 3u32, 5u64, 9u64).encode();
        assert_eq!(narrow.with_free(Some(&entry), 1 << 61), Some((7u32, 3u32, 1u64 << 61, 9u64).encode()));
        assert_eq!(narrow.with_free(Some(&entry), 1 << 64), None, "it does not fit");
        assert_eq!((narrow.free(&entry), narrow.balance_length(), narrow.id_length()), (Some(5), Some(8), Some(20)));
    }

    #[test]
    fn an_entry_of_another_form_is_not_changed() {
        let types = registry::<(u32, u128), [u8; 32]>();
        let other = accounts(&types, (0u32, 0u128).encode());
        assert_eq!(other.with_free(None, 5), None, "nothing is known to be free");
        assert_eq!(other.balance_length(), None);
        let types = registry::<Info<u128>, [u8; 32]>();
        assert_eq!(accounts(&types, Vec::new()).with_free(Some(&[1, 2, 3]), 5), None, "bytes of another type");
    }

    #[test]
    fn the_key_of_an_account_ends_with_its_id() {
        let types = registry::<Info<u128>, [u8; 32]>();
        let key = accounts(&types, Vec::new()).key(&[3; 32]);
        assert_eq!(key, [&b"prefix"[..], &blake2_128(&[3; 32]), &[3; 32]].concat());
    }
}
