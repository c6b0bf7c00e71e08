// SPDX-License-Identifier: Apache-2.0
//! What a call changed in the states of all chains.
//!
//! An entry counts if it has another value than after the same blocks without the call. Entries that differ with any other
//! call too, such as hashes of blocks, do not count: a run with a call without an effect tells which these are. So no list of
//! storage items is needed. In some maps the keys themselves are hashes: each run then has keys that the others do not have.

use super::{
    balances,
    bookkeeping::Cause,
    control,
    entry::{Entry, Items, PREFIX},
    run::Run,
    stage::Member,
};
use artifact::hashes::blake2_256;
use codec::Encode;
use compat::value::{Part, line, parts};
use protocol::rehearse::{BalanceChange, StateDifference};
use std::collections::BTreeSet;
use worker::Result;

/// What is written anew in each block, and follows from everything else in it.
const OF_THE_LAST_BLOCK: &str = "System.BlockWeight";
/// The most differences that are listed, and the most balances of a chain.
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
    /// The balances that changed, by chain.
    pub balances: Vec<BalanceChange>,
    /// The number of those that are not listed.
    pub more_balances: u64,
}

/// Compares the states after three runs over the same blocks: with the call, without one, and with a call without an
/// effect.
pub fn of(members: &[Member], with: &Run<'_>, without: &Run<'_>, other: &Run<'_>, cause: Cause) -> Result<Differences> {
    let mut found = Differences::default();
    let mut hashed = Vec::new();
    for (position, member) in members.iter().enumerate() {
        let interface = member.interface()?;
        let items = Items::of(&interface);
        let mut moved = Vec::new();
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
            let (entry, sides) = (items.entry(key), (old.as_deref(), new.as_deref()));
            moved.extend(entry.as_ref().and_then(|entry| balances::change(member, entry, sides)));
            let is_control = control::is_about(&item) && found.control.len() < MOST;
            if found.listed.len() >= MOST && !is_control {
                found.more += 1;
                continue;
            }
            let told = told(member, key, entry.as_ref(), sides, cause);
            if is_control && control::changes(&told) {
                found.control.push(told.clone());
            }
            match found.listed.len() < MOST {
                true => found.listed.push(told),
                false => found.more += 1,
            }
        }
        found.more_balances += moved.len().saturating_sub(MOST) as u64;
        found.balances.extend(balances::in_order(moved).into_iter().take(MOST));
    }
    found.hash = blake2_256(&hashed);
    // A code is told first, whatever else differs, and what only follows from others last.
    found.listed.sort_by_key(|told| (!told.item.starts_with(':'), told.bookkeeping));
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
    key.get(..PREFIX).unwrap_or(key)
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
    key: &[u8],
    entry: Option<&Entry<'_, '_, '_>>,
    (old, new): (Option<&[u8]>, Option<&[u8]>),
    cause: Cause,
) -> StateDifference {
    let item = member.runtime.layout.describe(key);
    let decoded = |bytes: &[u8]| {
        let entry = entry.filter(|_| bytes.len() <= LONGEST)?;
        parts(entry.types, entry.item.value, bytes).ok()
    };
    let mut differing = None;
    let (without, with) = match (old, new) {
        (Some(old), Some(new)) => match (decoded(old), decoded(new)) {
            (Some(old), Some(new)) => {
                let (old, new) = different(&old, &new);
                let lines = (Some(line(&old)), Some(line(&new)));
                differing = Some([old, new].concat());
                lines
            }
            _ => (Some(raw(old)), Some(raw(new))),
        },
        (old, new) => {
            let text = |bytes: &[u8]| decoded(bytes).map_or_else(|| raw(bytes), |parts| line(&parts));
            (old.map(text), new.map(text))
        }
    };
    let bookkeeping = cause.explains(&item, key, entry, differing.as_deref());
    let key = entry.map(Entry::key_text).unwrap_or_default();
    StateDifference { chain: member.name.clone(), item, key, without, with, bookkeeping }
}

/// Returns the parts of two values that differ.
fn different(old: &[Part], new: &[Part]) -> (Vec<Part>, Vec<Part>) {
    let only = |parts: &[Part], others: &[Part]| -> Vec<Part> {
        let others: BTreeSet<_> = others.iter().map(|other| (&other.path, &other.text)).collect();
        parts.iter().filter(|part| !others.contains(&(&part.path, &part.text))).cloned().collect()
    };
    let (only_old, only_new) = (only(old, new), only(new, old));
    // Long byte strings are cut, and may look the same.
    match only_old.is_empty() && only_new.is_empty() {
        true => (old.to_vec(), new.to_vec()),
        false => (only_old, only_new),
    }
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
        assert_eq!(keyed_by_hashes(&all), BTreeSet::from([&hashes[..PREFIX]]));
        assert_eq!(keyed_by_hashes(&all[1..]), BTreeSet::new(), "an entry that one run adds");
    }

    #[test]
    fn only_what_differs_of_a_value_is_told() {
        let part =
            |path: &str, text: &str| Part { path: path.into(), types: Vec::new(), text: text.into(), number: None };
        let (old, new) = ([part("nonce", "1"), part("free", "5")], [part("nonce", "1"), part("free", "7")]);
        assert_eq!(different(&old, &new), (vec![part("free", "5")], vec![part("free", "7")]));
        assert_eq!(different(&old, &old), (old.to_vec(), old.to_vec()), "of which the difference is not shown");
    }
}
