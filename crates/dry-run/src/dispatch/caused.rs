// SPDX-License-Identifier: Apache-2.0
//! The events that a call caused: those that the same blocks do not have without it.

use super::run::{Made, Run};
use crate::block::records::{Class, Record};
use std::collections::{BTreeMap, BTreeSet};

/// An event that the call caused.
pub struct Caused<'r> {
    pub member: usize,
    pub block: u32,
    /// Its position among the events of the block.
    pub event: usize,
    pub record: &'r Record,
}

/// The pallet and the name of an event.
type Kind<'r> = (&'r str, &'r str);

/// Returns the events of `with` that `without` does not have. `other` are the same blocks with another call, which tells
/// the events whose contents differ with every call.
pub fn events<'r>(with: &'r Run<'_>, without: &'r Run<'_>, other: &'r Run<'_>) -> Vec<Caused<'r>> {
    let unsteady = unsteady(without, other);
    let mut caused = Vec::new();
    for made in &with.blocks {
        let records = made.records.as_deref().unwrap_or_default();
        let before = counterpart(without, made);
        let mut counts: BTreeMap<Kind<'_>, usize> = BTreeMap::new();
        let mut known: Vec<&Record> = before.iter().collect();
        let mut new = Vec::new();
        for (event, record) in records.iter().enumerate() {
            *counts.entry(kind(record)).or_default() += 1;
            match known.iter().position(|known| is_same(known, record)) {
                Some(place) => drop(known.swap_remove(place)),
                None => new.push((event, record)),
            }
        }
        for record in before {
            counts.entry(kind(record)).and_modify(|count| *count = count.saturating_sub(1));
        }
        // The weights of inherents follow from everything else.
        new.retain(|(_, record)| record.class != Some(Class::Mandatory));
        for (event, record) in new {
            // One more than without the call is caused, whatever is in it.
            let more = counts.entry(kind(record)).or_default();
            if *more == 0 && unsteady.contains(&kind(record)) {
                continue;
            }
            *more = more.saturating_sub(1);
            caused.push(Caused { member: made.member, block: made.number, event, record });
        }
    }
    caused
}

fn kind(record: &Record) -> Kind<'_> {
    (&record.pallet, &record.name)
}

/// Returns whether two events say the same. Their place in the block does not count.
fn is_same(one: &Record, other: &Record) -> bool {
    kind(one) == kind(other) && one.fields == other.fields
}

fn counterpart<'r>(run: &'r Run<'_>, made: &Made) -> &'r [Record] {
    let same = run.blocks.iter().find(|other| (other.member, other.number) == (made.member, made.number));
    same.and_then(|made| made.records.as_deref()).unwrap_or_default()
}

/// Returns the kinds of events of which two runs have as many in a block, with other contents.
fn unsteady<'r>(one: &'r Run<'_>, other: &'r Run<'_>) -> BTreeSet<Kind<'r>> {
    let mut unsteady = BTreeSet::new();
    for made in &one.blocks {
        let (records, others) = (made.records.as_deref().unwrap_or_default(), counterpart(other, made));
        for record in records {
            let of_kind = |record: &&Record, of: &Record| kind(record) == kind(of);
            let count = |all: &[Record]| all.iter().filter(|it| of_kind(it, record)).count();
            if count(records) == count(others) && !others.iter().any(|other| is_same(other, record)) {
                unsteady.insert(kind(record));
            }
        }
    }
    unsteady
}
