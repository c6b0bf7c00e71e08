// SPDX-License-Identifier: Apache-2.0
//! What a call changed in the states of all chains.
//!
//! An entry counts if it has another value than after the same blocks without the call. Entries that differ with any other
//! call too, such as hashes of blocks, do not count: a run with a call without an effect tells which these are. So no list of
//! storage items is needed. In some maps the keys themselves are hashes: each run then has keys that the others do not have.

use super::{balances, bookkeeping, control, run::Run, stage::Member};
use crate::types::{Interface, read};
use artifact::hashes::blake2_256;
use codec::Encode;
use compat::value::{Part, line, parts};
use protocol::rehearse::{BalanceChange, StateDifference};
use std::collections::BTreeSet;
use worker::Result;

/// What is written anew in each block, and follows from everything else in it.
const OF_THE_LAST_BLOCK: &str = "System.BlockWeight";
/// The length of the hashes of a pallet's prefix and of an item's name.
const ITEM: usize = 32;
/// The most differences that are listed.
const MOST: usize = 2_000;
/// The longest value that is decoded, in bytes. Longer ones are told by their length and hash.
const LONGEST: usize = 64 * 1024;

/// The differences of all chains.
#[derive(Default)]
pub struct Differences {
    pub listed: Vec<StateDifference>,
    /// The number of those that are not listed.
    pub more: u64,
    pub hash: [u8; 32],
    /// The storage items of which entries differ with any call.
    pub left_out: BTreeSet<String>,
    /// The positions of the chains that have differences.
    pub members: BTreeSet<usize>,
    /// Those that say who acts for others or which code a chain runs, whether they are listed or not.
    pub control: Vec<StateDifference>,
    /// The items of this kind of which entries were left out.
    pub uncertain_control: BTreeSet<String>,
    /// The balances that changed, at most as many as differences are listed.
    pub balances: Vec<BalanceChange>,
}

/// Compares the states after three runs over the same blocks: with the call, without one, and with a call without an
/// effect.
pub fn of(members: &[Member], with: &Run<'_>, without: &Run<'_>, other: &Run<'_>) -> Result<Differences> {
    let mut found = Differences::default();
    let mut hashed = Vec::new();
    for (position, member) in members.iter().enumerate() {
        let interface = member.interface()?;
        let keys: BTreeSet<_> = [with, without, other].into_iter().flat_map(|run| run.changed(position)).collect();
        let written: BTreeSet<_> = match position {
            0 => with.written.iter().chain(&other.written).map(Vec::as_slice).collect(),
            _ => BTreeSet::new(),
        };
        let mut values = Vec::new();
        for key in keys.into_iter().filter(|key| !written.contains(key)) {
            let value = |run: &Run<'_>| run.stage.chain(member)?.storage(key);
            values.push(Values { key, new: value(with)?, old: value(without)?, other: value(other)? });
        }
        let by_hash = keyed_by_hashes(&values);
        for Values { key, new, old, other } in values.into_iter().filter(|values| values.new != values.old) {
            let comes_or_goes = new.is_some() != old.is_some();
            let item = member.runtime.layout.describe(key);
            if other != old || comes_or_goes && by_hash.contains(prefix(key)) || item == OF_THE_LAST_BLOCK {
                if control::is_about(&item) && other != old {
                    found.uncertain_control.insert(format!("{item} of {}", member.name));
                }
                found.left_out.insert(format!("{item} of {}", member.name));
                continue;
            }
            hashed.extend((&member.name, key, &old, &new).encode());
            found.members.insert(position);
            if found.balances.len() < MOST {
                found.balances.extend(balances::change(member, &interface, key, (old.as_deref(), new.as_deref())));
            }
            let is_control = control::is_about(&item) && found.control.len() < MOST;
            if found.listed.len() >= MOST && !is_control {
                found.more += 1;
                continue;
            }
            let told = told(member, &interface, key, (old.as_deref(), new.as_deref()));
            if is_control && control::changes(&told) {
                found.control.push(told.clone());
            }
            match found.listed.len() < MOST {
                true => found.listed.push(told),
                false => found.more += 1,
            }
        }
    }
    found.hash = blake2_256(&hashed);
    // A code is told first, whatever else differs.
    found.listed.sort_by_key(|told| !told.item.starts_with(':'));
    Ok(found)
}

/// An entry after each run.
struct Values<'k> {
    key: &'k [u8],
    /// With the call.
    new: Option<Vec<u8>>,
    /// Without a call.
    old: Option<Vec<u8>>,
    /// With a call without an effect.
    other: Option<Vec<u8>>,
}

/// Returns the storage item of a key, or the whole key.
fn prefix(key: &[u8]) -> &[u8] {
    key.get(..ITEM).unwrap_or(key)
}

/// Returns the storage items in which two runs have keys that the other one does not have. An entry that one of them adds
/// is not enough: a fee may create an account.
fn keyed_by_hashes<'k>(values: &[Values<'k>]) -> BTreeSet<&'k [u8]> {
    let only = |is: fn(&Values<'_>) -> bool| -> BTreeSet<&'k [u8]> {
        values.iter().filter(|values| is(values)).map(|values| prefix(values.key)).collect()
    };
    let in_one = only(|values| values.old.is_some() && values.other.is_none());
    let in_other = only(|values| values.old.is_none() && values.other.is_some());
    in_one.intersection(&in_other).copied().collect()
}

/// Returns a difference in words.
fn told(
    member: &Member,
    interface: &Interface<'_>,
    key: &[u8],
    (old, new): (Option<&[u8]>, Option<&[u8]>),
) -> StateDifference {
    let item = member.runtime.layout.describe(key);
    let chain = member.name.clone();
    let Some((known, prefix)) = item_of(interface, key) else {
        let (without, with) = (old.map(raw), new.map(raw));
        return StateDifference { chain, item, without, with, ..StateDifference::default() };
    };
    let bookkeeping = bookkeeping::is_about(&item);
    let key = key_text(interface, known, key.get(prefix..).unwrap_or_default());
    let decoded =
        |bytes: &[u8]| (bytes.len() <= LONGEST).then(|| parts(interface.types, known.value, bytes).ok()).flatten();
    let (without, with) = match (old, new) {
        (Some(old), Some(new)) => match (decoded(old), decoded(new)) {
            (Some(old), Some(new)) => {
                let (old, new) = different(&old, &new);
                (Some(old), Some(new))
            }
            _ => (Some(raw(old)), Some(raw(new))),
        },
        (old, new) => {
            let text = |bytes: &[u8]| decoded(bytes).map_or_else(|| raw(bytes), |parts| line(&parts));
            (old.map(text), new.map(text))
        }
    };
    StateDifference { chain, item, key, without, with, bookkeeping }
}

/// Returns the parts of two values that differ, each in one line.
fn different(old: &[Part], new: &[Part]) -> (String, String) {
    let only = |parts: &[Part], others: &[Part]| -> Vec<Part> {
        let others: BTreeSet<_> = others.iter().map(|other| (&other.path, &other.text)).collect();
        parts.iter().filter(|part| !others.contains(&(&part.path, &part.text))).cloned().collect()
    };
    let (only_old, only_new) = (only(old, new), only(new, old));
    // Long byte strings are cut, and may look the same.
    match only_old.is_empty() && only_new.is_empty() {
        true => (line(old), line(new)),
        false => (line(&only_old), line(&only_new)),
    }
}

/// Returns the storage item of a key and the length of what comes before the key in a map.
fn item_of<'i, 'a>(interface: &'i Interface<'a>, key: &[u8]) -> Option<(&'i compat::interface::Item<'a>, usize)> {
    for pallet in &interface.pallets {
        for item in &pallet.items {
            let prefix = pallet.key(item.name);
            if key.starts_with(&prefix) && (item.key.is_some() || key.len() == prefix.len()) {
                return Some((item, prefix.len()));
            }
        }
    }
    None
}

/// Returns the key in a map in words, as far as its hashers keep it.
fn key_text(interface: &Interface<'_>, item: &compat::interface::Item<'_>, mut rest: &[u8]) -> String {
    let Some(id) = item.key else { return String::new() };
    let types = match item.hashers {
        [_] => vec![id],
        // A map of several keys has a tuple of them.
        _ => match interface.types.resolve(id).map(|ty| &ty.type_def) {
            Some(scale_info::TypeDef::Tuple(tuple)) => tuple.fields.iter().map(|field| field.id).collect(),
            _ => Vec::new(),
        },
    };
    let mut words = Vec::new();
    for (hasher, id) in item.hashers.iter().zip(types) {
        let (hash, kept) = compat::interface::hashed(hasher);
        let Some((hashed, after)) = rest.split_at_checked(hash) else { break };
        let left = if kept { read::skip(interface.types, id, after).unwrap_or_default() } else { after };
        let own = &after[..after.len() - left.len()];
        words.push(match kept {
            true => compat::value::text(interface.types, id, own),
            false => hex::encode_prefixed(hashed),
        });
        rest = left;
    }
    words.join(", ")
}

fn raw(bytes: &[u8]) -> String {
    const SHOWN: usize = 64;
    match bytes.len() <= SHOWN {
        true => hex::encode_prefixed(bytes),
        false => format!("{} bytes, blake2_256 {}", bytes.len(), hex::encode_prefixed(blake2_256(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'k>(key: &'k [u8], old: bool, other: bool) -> Values<'k> {
        let value = |is: bool| is.then(|| vec![1]);
        Values { key, new: None, old: value(old), other: value(other) }
    }

    #[test]
    fn a_map_is_keyed_by_hashes_if_each_run_has_keys_of_its_own() {
        let [hashes, accounts] = [[1; 40], [2; 40]];
        let mut more = hashes;
        more[39] = 9;
        let all = [values(&hashes, true, false), values(&more, false, true), values(&accounts, false, true)];
        assert_eq!(keyed_by_hashes(&all), BTreeSet::from([&hashes[..ITEM]]));
        assert_eq!(keyed_by_hashes(&all[1..]), BTreeSet::new(), "an entry that one run adds");
    }

    #[test]
    fn only_what_differs_of_a_value_is_told() {
        let part =
            |path: &str, text: &str| Part { path: path.into(), types: Vec::new(), text: text.into(), number: None };
        let (old, new) = ([part("nonce", "1"), part("free", "5")], [part("nonce", "1"), part("free", "7")]);
        assert_eq!(different(&old, &new), ("{free: 5}".to_owned(), "{free: 7}".to_owned()));
    }
}
