// SPDX-License-Identifier: Apache-2.0
//! Does what is stored have the form that the new code reads?
//!
//! Every value that the upgrade wrote is decoded by the new types. Where the type of an item
//! changed, its values are decoded too. A value that no migration touched must mean the same by the
//! new type as by the old one.

use crate::{
    migration::Touched,
    rehearsal::Rehearsal,
    types::{
        Differences, Interface, compare,
        interface::{Item, Pallet},
        read,
    },
};
use fork::{Chain, sample};
use frame_metadata::v14::StorageHasher;
use protocol::{CheckOutcome, Finding, Rank};
use std::collections::{BTreeMap, HashMap};
use worker::Result;

/// The most entries of a changed item that are read. A migration that leaves one value behind
/// leaves more.
const MOST_ENTRIES: usize = 5_000;
const MOST_TOUCHED: usize = 200_000;

/// The text for values that no upgrade of today made unreadable.
const OLD: &str = "that decoded by neither type before the upgrade either";

/// What does not match, counted by rank, item and kind, with an example of each.
#[derive(Default)]
struct Mismatches {
    counts: BTreeMap<(Rank, String, &'static str), (usize, String)>,
}

impl Mismatches {
    fn add(&mut self, rank: Rank, item: &str, kind: &'static str, example: impl FnOnce() -> String) {
        let entry = self.counts.entry((rank, item.to_owned(), kind)).or_default();
        if entry.0 == 0 {
            entry.1 = example();
        }
        entry.0 += 1;
    }

    /// Returns the findings, the gravest first.
    fn findings(self) -> Vec<Finding> {
        let values = |count| if count == 1 { "1 value".to_string() } else { format!("{count} values") };
        let mut all: Vec<_> = self.counts.into_iter().collect();
        all.sort_by_key(|((rank, _, _), _)| std::cmp::Reverse(*rank));
        all.into_iter()
            .map(|((rank, item, kind), (count, example))| {
                Finding::new(rank, format!("{item}: {} {kind}: {example}", values(count)))
            })
            .take(40)
            .collect()
    }
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let [old, new] = rehearsal.interfaces()?;
    let (enacted, migration) = (rehearsal.enacted()?, rehearsal.migration()?);
    let routine = rehearsal.routine()?;
    let mut mismatches = Mismatches::default();
    let (mut changed, mut decoded) = (0, 0);
    for new_pallet in &new.pallets {
        let Some(old_pallet) = old.pallet(new_pallet.name) else { continue };
        for new_item in &new_pallet.items {
            let Some(old_item) = old_pallet.item(new_item.name) else { continue };
            if old_pallet.prefix != new_pallet.prefix {
                continue;
            }
            let differences = compare(&old, old_item.value, &new, new_item.value);
            let keys = keys_differ(&old, old_item, &new, new_item);
            if !differences.breaking() && differences.renamed.is_empty() && differences.removed.is_empty() && !keys {
                continue;
            }
            changed += 1;
            let rewritten = |key: &[u8]| routine.writes(key) && migration.touched.contains_key(key);
            let pair = Pair {
                old: &old,
                new: &new,
                old_item,
                new_item,
                differences: &differences,
                keys,
                rewritten: &rewritten,
            };
            decoded += pair.look(new_pallet, enacted, &migration.chain, &mut mismatches)?;
        }
    }
    decoded += written(&new, &migration.touched, &mut mismatches);
    let findings = mismatches.findings();
    let detail = match findings.first().map(|finding| finding.rank) {
        Some(Rank::Seen) => "values are not what the new code takes them for".to_string(),
        _ => {
            let decode = if decoded == 1 { "value decodes" } else { "values decode" };
            let changed =
                if changed == 1 { "1 item changed its type".into() } else { format!("{changed} items changed theirs") };
            format!("{decoded} {decode} by the new types; {changed}")
        }
    };
    Ok(CheckOutcome::judged(detail, findings))
}

fn keys_differ(old: &Interface<'_>, old_item: &Item<'_>, new: &Interface<'_>, new_item: &Item<'_>) -> bool {
    if old_item.hashers != new_item.hashers {
        return true;
    }
    match (old_item.key, new_item.key) {
        (Some(old_key), Some(new_key)) => compare(old, old_key, new, new_key).breaking(),
        (None, None) => false,
        _ => true,
    }
}

/// An item in the old code and in the new one.
struct Pair<'a> {
    old: &'a Interface<'a>,
    new: &'a Interface<'a>,
    old_item: &'a Item<'a>,
    new_item: &'a Item<'a>,
    differences: &'a Differences,
    keys: bool,
    /// Whether every block writes the key and a block of the new code wrote it, by its own type.
    rewritten: &'a dyn Fn(&[u8]) -> bool,
}

impl Pair<'_> {
    fn look(
        &self,
        pallet: &Pallet<'_>,
        before: &Chain,
        migrated: &Chain,
        mismatches: &mut Mismatches,
    ) -> Result<usize> {
        let prefix = pallet.key(self.new_item.name);
        let item = format!("{}.{}", pallet.name, self.new_item.name);
        let (entries, _) = sample::entries(migrated, &prefix, MOST_ENTRIES)?;
        let (earlier, _) = sample::entries(before, &prefix, MOST_ENTRIES)?;
        let earlier: HashMap<_, _> = earlier.into_iter().collect();
        let count = entries.len();
        for (key, value) in entries {
            if self.keys && !key_fits(self.new, self.new_item, &key[prefix.len()..]) {
                mismatches.add(Rank::Seen, &item, "under keys that the new code does not find", || {
                    hex::encode_prefixed(&key)
                });
                continue;
            }
            let untouched = earlier.get(&key).is_some_and(|earlier| *earlier == value);
            if let Err(why) = read::validate(self.new.types, self.new_item.value, &value) {
                match untouched && read::validate(self.old.types, self.old_item.value, &value).is_err() {
                    true => mismatches.add(Rank::Hazard, &item, OLD, || why),
                    false => mismatches.add(Rank::Seen, &item, "not of the new type", || why),
                }
                continue;
            }
            if untouched && !(self.rewritten)(&key) {
                self.same_meaning(&item, &value, mismatches);
            }
        }
        Ok(count)
    }

    /// Judges a value that no migration wrote, although its type changed.
    fn same_meaning(&self, item: &str, value: &[u8], mismatches: &mut Mismatches) {
        // A value that did not decode by the old type may already be of the new one.
        let Ok(old) = read::canonical_text(self.old.types, self.old_item.value, value) else { return };
        let new = read::canonical_text(self.new.types, self.new_item.value, value);
        if new.as_ref() != Ok(&old) {
            let kind = "left as they were, and mean something else by the new type";
            mismatches.add(Rank::Seen, item, kind, || self.differences.summary());
        } else if let Some(moved) = self.differences.moved.first() {
            let kind = "left as they were, although fields or variants changed places";
            mismatches.add(Rank::Seen, item, kind, || moved.clone());
        } else if let Some(renamed) = self.differences.renamed.first() {
            mismatches.add(Rank::Hazard, item, "left as they were under other names", || renamed.clone());
        }
    }
}

/// Returns whether the rest of a key, behind the prefix of the item, is made by its hashers from
/// keys of its type.
fn key_fits(interface: &Interface<'_>, item: &Item<'_>, rest: &[u8]) -> bool {
    let Some(key) = item.key else { return rest.is_empty() };
    let parts: Vec<u32> = match (item.hashers.len(), interface.types.resolve(key).map(|ty| &ty.type_def)) {
        (0 | 1, _) => vec![key],
        (_, Some(scale_info::TypeDef::Tuple(tuple))) => tuple.fields.iter().map(|field| field.id).collect(),
        _ => return true,
    };
    if parts.len() != item.hashers.len() {
        return true;
    }
    let mut rest = rest;
    for (hasher, part) in item.hashers.iter().zip(parts) {
        let Some(left) = after_part(interface, hasher, part, rest) else { return false };
        rest = left;
    }
    rest.is_empty()
}

fn after_part<'k>(interface: &Interface<'_>, hasher: &StorageHasher, part: u32, rest: &'k [u8]) -> Option<&'k [u8]> {
    let (front, key) = match compat::interface::hashed(hasher) {
        (width, true) => rest.split_at_checked(width)?,
        (width, false) => return rest.get(width..),
    };
    let left = read::skip(interface.types, part, key).ok()?;
    let own = &key[..key.len() - left.len()];
    let is_hash = match hasher {
        StorageHasher::Blake2_128Concat => front == artifact::hashes::blake2_128(own),
        StorageHasher::Twox64Concat => front == artifact::hashes::twox_64(own),
        // The key itself is there, and nothing before it.
        _ => true,
    };
    is_hash.then_some(left)
}

/// Decodes all values that the blocks of the upgrade wrote. Returns how many.
fn written(new: &Interface<'_>, touched: &Touched, mismatches: &mut Mismatches) -> usize {
    let items: HashMap<Vec<u8>, (&Pallet<'_>, &Item<'_>)> = new
        .pallets
        .iter()
        .flat_map(|pallet| pallet.items.iter().map(move |item| (pallet.key(item.name), (pallet, item))))
        .collect();
    let mut decoded = 0;
    for (key, (_, after)) in touched.iter().take(MOST_TOUCHED) {
        let Some(value) = after else { continue };
        let Some((pallet, item)) = key.get(..32).and_then(|prefix| items.get(prefix)) else { continue };
        let name = || format!("{}.{}", pallet.name, item.name);
        if let Err(why) = read::validate(new.types, item.value, value) {
            mismatches.add(Rank::Seen, &name(), "written that are not of the item's type", || why);
        } else if !key_fits(new, item, &key[32..]) {
            let kind = "written under keys that the new code does not find";
            mismatches.add(Rank::Seen, &name(), kind, || hex::encode_prefixed(key));
        }
        decoded += 1;
    }
    decoded
}
