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
/// An event without its place in the block.
type Content<'r> = (Kind<'r>, Vec<&'r [u8]>);

/// Returns the events of `with` that `without` does not have. `other` are the same blocks with another call, which tells
/// the events whose contents differ with every call.
pub fn events<'r>(with: &'r Run<'_>, without: &'r Run<'_>, other: &'r Run<'_>) -> Vec<Caused<'r>> {
    let unsteady = unsteady(without, other);
    let mut caused = Vec::new();
    for made in &with.blocks {
        let records = made.records.as_deref().unwrap_or_default();
        let before = counterpart(without, made);
        let (mut more, less) = (counted(records, kind), counted(before, kind));
        for (kind, count) in less {
            more.entry(kind).and_modify(|all| *all = all.saturating_sub(count));
        }
        let mut known = counted(before, content);
        for (event, record) in records.iter().enumerate() {
            if let Some(left) = known.get_mut(&content(record)).filter(|left| **left > 0) {
                *left -= 1;
                continue;
            }
            // The weights of inherents follow from everything else.
            if record.class == Some(Class::Mandatory) {
                continue;
            }
            // One more than without the call is caused, whatever is in it.
            let more = more.entry(kind(record)).or_default();
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

fn content(record: &Record) -> Content<'_> {
    (kind(record), record.fields.iter().map(|field| field.value.as_slice()).collect())
}

/// Counts the events that are the same in this respect.
fn counted<'r, K: Ord>(records: &'r [Record], of: impl Fn(&'r Record) -> K) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(of(record)).or_default() += 1;
    }
    counts
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
        let (counts, other_counts) = (counted(records, kind), counted(others, kind));
        let known = counted(others, content);
        for record in records {
            let kind = kind(record);
            if counts.get(&kind) == other_counts.get(&kind) && !known.contains_key(&content(record)) {
                unsteady.insert(kind);
            }
        }
    }
    unsteady
}
