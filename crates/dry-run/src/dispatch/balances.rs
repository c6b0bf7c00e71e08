// SPDX-License-Identifier: Apache-2.0
//! The balances that a call changed: of accounts, of assets, and the total issuance.

use super::stage::Member;
use crate::types::{Interface, read};
use compat::value::parts;
use protocol::rehearse::BalanceChange;
use scale_info::TypeDef;
use sp_core::crypto::{AccountId32, Ss58AddressFormat, Ss58Codec};

/// The parts of `System.Account` that an account owns.
const OWNED: [&str; 2] = ["data.free", "data.reserved"];
/// The prefix of the addresses of a chain that has none.
const GENERIC: u16 = 42;

/// Returns the balance that a changed entry is about; nothing if it is about none, or if the balance stays.
pub fn change(
    member: &Member,
    interface: &Interface<'_>,
    key: &[u8],
    (old, new): (Option<&[u8]>, Option<&[u8]>),
) -> Option<BalanceChange> {
    let (pallet, item) = interface.pallets.iter().find_map(|pallet| {
        let item = pallet.items.iter().find(|item| key.starts_with(&pallet.key(item.name)))?;
        Some((pallet, item))
    })?;
    let rest = key.get(pallet.key(item.name).len()..)?;
    let sum = |value: Option<&[u8]>, names: &[&str]| -> Option<u128> {
        let Some(value) = value else { return Some(0) };
        let parts = parts(interface.types, item.value, value).ok()?;
        let own: Vec<_> = parts.iter().filter(|part| names.contains(&part.path.as_str())).collect();
        if own.is_empty() {
            return None;
        }
        own.iter().try_fold(0u128, |sum, part| sum.checked_add(part.number?))
    };
    let prefix = member.runtime.layout.address_prefix().unwrap_or(GENERIC);
    let change = |account: Option<&[u8]>, asset: Option<String>, names: &[&str]| -> Option<BalanceChange> {
        let (without, with) = (sum(old, names)?, sum(new, names)?);
        (without != with).then(|| BalanceChange {
            chain: member.name.clone(),
            account: account.map(|account| address(account, prefix)),
            known_as: account.and_then(known_as),
            asset,
            without: without.to_string(),
            with: with.to_string(),
        })
    };
    match (pallet.name, item.name, item.hashers.len()) {
        ("System", "Account", 1) => change(Some(keys(interface, item, rest)?.first()?), None, &OWNED),
        ("Balances", "TotalIssuance", 0) => change(None, None, &[""]),
        // `Account` of pallet-assets: the asset, then the account.
        (_, "Account", 2) => {
            let keys = keys(interface, item, rest)?;
            let [asset, account] = keys[..] else { return None };
            let asset_type = key_types(interface, item)?.first().copied()?;
            let asset = format!("{} {}", pallet.name, compat::value::text(interface.types, asset_type, asset));
            change(Some(account), Some(asset), &["balance"])
        }
        _ => None,
    }
}

fn key_types(interface: &Interface<'_>, item: &compat::interface::Item<'_>) -> Option<Vec<u32>> {
    let id = item.key?;
    match (item.hashers.len(), interface.types.resolve(id).map(|ty| &ty.type_def)) {
        (1, _) => Some(vec![id]),
        (_, Some(TypeDef::Tuple(tuple))) => Some(tuple.fields.iter().map(|field| field.id).collect()),
        _ => None,
    }
}

/// Returns the encoded keys of an entry, behind the prefix of its map. Nothing where a hasher does not keep them.
fn keys<'k>(
    interface: &Interface<'_>,
    item: &compat::interface::Item<'_>,
    mut rest: &'k [u8],
) -> Option<Vec<&'k [u8]>> {
    let mut keys = Vec::new();
    for (hasher, id) in item.hashers.iter().zip(key_types(interface, item)?) {
        let (hash, true) = compat::interface::hashed(hasher) else { return None };
        let after = rest.get(hash..)?;
        let left = read::skip(interface.types, id, after).ok()?;
        keys.push(&after[..after.len() - left.len()]);
        rest = left;
    }
    Some(keys)
}

/// Returns an account as wallets show it: by SS58, or in hex where it has 20 bytes.
fn address(account: &[u8], prefix: u16) -> String {
    match <[u8; 32]>::try_from(account) {
        Ok(account) => AccountId32::from(account).to_ss58check_with_version(Ss58AddressFormat::custom(prefix)),
        Err(_) => hex::encode_prefixed(account),
    }
}

/// Returns whose account it is, if that is in the account itself: a chain's or a pallet's.
fn known_as(account: &[u8]) -> Option<String> {
    let zeros = |from: usize| account.get(from..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
    let number = || Some(u32::from_le_bytes(account.get(4..8)?.try_into().ok()?));
    match account.get(..4)? {
        b"para" if zeros(8) => Some(format!("parachain {}", number()?)),
        b"sibl" if zeros(8) => Some(format!("parachain {}, as its siblings see it", number()?)),
        b"Pare" if account.starts_with(b"Parent") && zeros(6) => Some("the relay chain".to_owned()),
        // `PalletId` (frame-support): eight letters, then what the pallet adds.
        b"modl" => {
            let name = account.get(4..12)?;
            let is_name = name.iter().all(|letter| letter.is_ascii_graphic());
            is_name.then(|| format!("the pallet {}", String::from_utf8_lossy(name)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(begin: &[u8]) -> Vec<u8> {
        let mut account = begin.to_vec();
        account.resize(32, 0);
        account
    }

    #[test]
    fn accounts_of_chains_and_pallets_are_named() {
        let names = [
            (account(b"para\xe8\x03"), Some("parachain 1000")),
            (account(b"sibl\xe8\x03"), Some("parachain 1000, as its siblings see it")),
            (account(b"Parent"), Some("the relay chain")),
            (account(b"modlpy/trsry"), Some("the pallet py/trsry")),
            (account(b"modl\x01\x02"), None),
            (vec![7; 32], None),
            // Something follows the number.
            ([account(b"para\xe8\x03")[..31].to_vec(), vec![1]].concat(), None),
            (vec![1; 3], None),
        ];
        for (account, name) in names {
            assert_eq!(known_as(&account).as_deref(), name, "{account:?}");
        }
    }

    #[test]
    fn an_account_is_shown_with_the_prefix_of_its_chain() {
        let alice = hex::decode("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d").expect("hex");
        assert_eq!(address(&alice, 42), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
        assert_eq!(address(&alice, 0), "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5");
        assert_eq!(address(&[1; 20], 42), format!("0x{}", "01".repeat(20)));
    }
}
