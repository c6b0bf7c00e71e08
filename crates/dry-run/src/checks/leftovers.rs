// SPDX-License-Identifier: Apache-2.0
//! Does storage of pallets and items stay behind that the new runtime no longer has?

use crate::{
    rehearsal::Rehearsal,
    types::interface::{Interface, Pallet},
};
use fork::{Chain, sample};
use protocol::{CheckOutcome, Finding, Rank};
use worker::Result;

/// The most keys that are counted.
const MOST: usize = 1_000;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let [old, new] = rehearsal.interfaces()?;
    let migrated = &rehearsal.migration()?.chain;
    let mut findings = Vec::new();
    for pallet in old.pallets.iter().filter(|pallet| pallet.prefix.is_some()) {
        match same_prefix(&new, pallet) {
            Some(now) => {
                for item in pallet.items.iter().filter(|item| now.item(item.name).is_none()) {
                    let count = sample::count(migrated, &pallet.key(item.name), MOST)?;
                    if count > 0 {
                        let told = format!("{}.{}: {}", pallet.name, item.name, keys(count));
                        // Pallets kept their version so before FRAME did it for them.
                        let rank = if item.name == "StorageVersion" { Rank::Note } else { Rank::Hazard };
                        findings.push(Finding::new(rank, told));
                    }
                }
            }
            None => {
                let prefix = artifact::hashes::twox_128(pallet.prefix.unwrap_or(pallet.name).as_bytes());
                let count = sample::count(migrated, &prefix, MOST)?;
                if count == 0 {
                    continue;
                }
                findings.push(match heir(&old, &new, pallet, migrated)? {
                    Some((heir, Heir::InItsPlace)) => Finding::seen(format!(
                        "{} is called {heir} now, its {} still stand under the old name: the new one begins empty",
                        pallet.name,
                        keys(count)
                    )),
                    Some((heir, Heir::Alike)) => Finding::hazard(format!(
                        "{}, a pallet that is gone: {}; {heir} has the same items and begins empty: is it the same pallet?",
                        pallet.name,
                        keys(count)
                    )),
                    None if only_versions(migrated, &prefix)? => {
                        Finding::note(format!("{}, a pallet that is gone: its storage version alone", pallet.name))
                    }
                    None => Finding::hazard(format!("{}, a pallet that is gone: {}", pallet.name, keys(count))),
                });
            }
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
    Ok(CheckOutcome::judged(detail(&findings), findings))
}

fn detail(findings: &[Finding]) -> String {
    let of_rank = |rank| findings.iter().filter(|finding| finding.rank == rank).count();
    match (of_rank(Rank::Seen), of_rank(Rank::Hazard), findings.len()) {
        (0, 0, 0) => "nothing stays behind of pallets and items that are gone".into(),
        (0, 0, _) => "nothing but storage versions stays behind of pallets and items that are gone".into(),
        (0, 1, _) => "keys stay behind of a pallet or an item that is gone".into(),
        (0, left, _) => format!("keys stay behind of {left} pallets and items that are gone"),
        _ => "pallets were renamed and their storage was not moved".into(),
    }
}

/// Returns whether only versions are left. FRAME keeps the version of a pallet beside its items,
/// until 2021 under another name.
fn only_versions(chain: &Chain, prefix: &[u8]) -> Result<bool> {
    let marks = [":__STORAGE_VERSION__:", ":__PALLET_VERSION__:"];
    let (entries, all) = sample::entries(chain, prefix, marks.len())?;
    let marks = marks.map(|mark| artifact::hashes::twox_128(mark.as_bytes()));
    Ok(all && entries.iter().all(|(key, _)| marks.iter().any(|mark| key.get(prefix.len()..) == Some(&mark[..]))))
}

fn keys(count: usize) -> String {
    match count {
        1 => "1 key".into(),
        MOST => format!("{MOST} keys or more"),
        count => format!("{count} keys"),
    }
}

fn same_prefix<'i, 'a>(new: &'i Interface<'a>, pallet: &Pallet<'_>) -> Option<&'i Pallet<'a>> {
    new.pallets.iter().find(|candidate| candidate.prefix == pallet.prefix)
}

/// How a new pallet with the items of a removed one is related to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heir {
    /// It has the same index, which identifies calls and events: the same pallet under another
    /// name.
    InItsPlace,
    /// Another instance of the same kind, such as a second council, or the same pallet at another
    /// index.
    Alike,
}

/// Returns the new, empty pallet with the items of the removed one. Of several, the one at the same
/// index.
fn heir(
    old: &Interface<'_>,
    new: &Interface<'_>,
    pallet: &Pallet<'_>,
    migrated: &Chain,
) -> Result<Option<(String, Heir)>> {
    if pallet.items.is_empty() {
        return Ok(None);
    }
    let mut found = None;
    for candidate in &new.pallets {
        let known = old.pallets.iter().any(|known| known.prefix == candidate.prefix);
        let alike = candidate.items.iter().map(|item| item.name).eq(pallet.items.iter().map(|item| item.name));
        if known || !alike {
            continue;
        }
        let prefix = artifact::hashes::twox_128(candidate.prefix.unwrap_or(candidate.name).as_bytes());
        // A storage version alone is no storage.
        if sample::count(migrated, &prefix, 2)? < 2 {
            if candidate.index == pallet.index {
                return Ok(Some((candidate.name.to_owned(), Heir::InItsPlace)));
            }
            found = found.or(Some((candidate.name.to_owned(), Heir::Alike)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use artifact::hashes::twox_128;
    use protocol::Status;
    use state::State;

    #[test]
    fn storage_versions_are_no_leftovers_to_think_about() {
        let prefix = twox_128(b"XTokens");
        let chain = |items: &[&str]| {
            let entry = |item: &&str| ([prefix, twox_128(item.as_bytes())].concat(), vec![1, 0]);
            let mut entries: Vec<_> = items.iter().map(entry).collect();
            entries.sort();
            Chain::from_state(State::of_entries(1, entries, vec![])).expect("a chain")
        };
        let only = |items: &[&str]| only_versions(&chain(items), &prefix).expect("it is in memory");
        assert!(only(&[":__STORAGE_VERSION__:"]) && only(&[":__STORAGE_VERSION__:", ":__PALLET_VERSION__:"]));
        assert!(!only(&["Key"]) && !only(&[":__STORAGE_VERSION__:", "Key"]));
    }

    #[test]
    fn what_is_told_is_of_the_gravest_finding() {
        let note = Finding::note("Balances.StorageVersion: 1 key");
        assert_eq!(CheckOutcome::judged("", vec![note.clone()]).status, Status::Pass);
        assert!(detail(&[]).starts_with("nothing stays"));
        assert!(detail(std::slice::from_ref(&note)).starts_with("nothing but storage versions"));
        assert_eq!(detail(&[note, Finding::hazard("x")]), "keys stay behind of a pallet or an item that is gone");
    }
}
