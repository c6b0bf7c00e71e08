// SPDX-License-Identifier: Apache-2.0
//! The balances that a call changed: of accounts, of assets, and the total issuance.

use super::{entry::Entry, stage::Member};
use crate::account::{GENERIC, address};
use compat::value::parts;
use protocol::rehearse::BalanceChange;
use std::cmp::Reverse;

/// The parts of `System.Account` that an account owns.
const OWNED: [&str; 2] = ["data.free", "data.reserved"];
/// A balance that changed.
pub struct Moved {
    change: BalanceChange,
    /// By how much.
    amount: u128,
}

/// Returns the balance that a changed entry is about; nothing if it is about none, or if the balance stays.
pub fn change(member: &Member, entry: &Entry<'_, '_, '_>, (old, new): (Option<&[u8]>, Option<&[u8]>)) -> Option<Moved> {
    let sum = |value: Option<&[u8]>, names: &[&str]| -> Option<u128> {
        let Some(value) = value else { return Some(0) };
        let parts = parts(entry.types, entry.item.value, value).ok()?;
        let own: Vec<_> = parts.iter().filter(|part| names.contains(&part.path.as_str())).collect();
        if own.is_empty() {
            return None;
        }
        own.iter().try_fold(0u128, |sum, part| sum.checked_add(part.number?))
    };
    let prefix = member.runtime.layout.address_prefix().unwrap_or(GENERIC);
    let moved = |account: Option<&[u8]>, asset: Option<String>, names: &[&str]| -> Option<Moved> {
        let (without, with) = (sum(old, names)?, sum(new, names)?);
        if without == with {
            return None;
        }
        let change = BalanceChange {
            chain: member.name.clone(),
            account: account.map(|account| address(account, prefix)),
            known_as: account.and_then(known_as),
            asset,
            without: without.to_string(),
            with: with.to_string(),
            change: signed(without, with),
        };
        Some(Moved { change, amount: with.abs_diff(without) })
    };
    let keys = entry.keys();
    if keys.iter().any(|key| !key.kept) {
        return None;
    }
    match (entry.pallet.name, entry.item.name, &keys[..]) {
        ("System", "Account", [account]) => moved(Some(account.bytes), None, &OWNED),
        ("Balances", "TotalIssuance", []) => moved(None, None, &[""]),
        // `Account` of pallet-assets.
        (_, "Account", [asset, account]) => {
            let asset = format!("{} {}", entry.pallet.name, compat::value::text(entry.types, asset.ty, asset.bytes));
            moved(Some(account.bytes), Some(asset), &["balance"])
        }
        _ => None,
    }
}

/// Returns the balances of a chain in order: its total issuance, then of its token and of each asset what moved most. So
/// large amounts are not hidden behind many small ones.
pub fn in_order(mut all: Vec<Moved>) -> Vec<BalanceChange> {
    fn place(moved: &Moved) -> (bool, Option<&str>, Reverse<u128>) {
        (moved.change.account.is_some(), moved.change.asset.as_deref(), Reverse(moved.amount))
    }
    all.sort_by(|one, other| place(one).cmp(&place(other)));
    all.into_iter().map(|moved| moved.change).collect()
}

/// Returns by how much a balance changes, with its sign.
fn signed(without: u128, with: u128) -> String {
    let sign = if with < without { "-" } else { "+" };
    format!("{sign}{}", with.abs_diff(without))
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
    fn the_total_issuance_comes_first_and_then_what_moved_most() {
        let moved = |account: Option<&str>, asset: Option<&str>, without: u128, with: u128| Moved {
            change: BalanceChange {
                account: account.map(str::to_owned),
                asset: asset.map(str::to_owned),
                change: signed(without, with),
                ..BalanceChange::default()
            },
            amount: with.abs_diff(without),
        };
        let all = vec![
            moved(Some("dust"), None, 0, 1),
            moved(Some("holder"), Some("Assets 7"), 0, 1_000),
            moved(Some("from"), None, 90, 0),
            moved(Some("to"), None, u128::MAX - 90, u128::MAX),
            moved(None, None, 5, 6),
        ];
        let told: Vec<_> = in_order(all).into_iter().map(|change| (change.account, change.change)).collect();
        let expected =
            [(None, "+1"), (Some("from"), "-90"), (Some("to"), "+90"), (Some("dust"), "+1"), (Some("holder"), "+1000")];
        assert_eq!(told, expected.map(|(account, change)| (account.map(str::to_owned), change.to_owned())));
        assert_eq!(signed(u128::MAX, 0), format!("-{}", u128::MAX));
    }

    #[test]
    fn an_account_is_shown_with_the_prefix_of_its_chain() {
        let alice = hex::decode("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d").expect("hex");
        assert_eq!(address(&alice, 42), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
        assert_eq!(address(&alice, 0), "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5");
        assert_eq!(address(&[1; 20], 42), format!("0x{}", "01".repeat(20)));
    }
}
