// SPDX-License-Identifier: Apache-2.0
//! Compares the storage items of a pallet: their keys and their values.

use super::effect::change;
use super::{InterfacePair, TypeChangeKinds, type_change};
use crate::{
    interface::{Item, Pallet},
    value,
};
use protocol::diff::{Change, ChangeKind};
use std::collections::HashMap;

pub(super) fn changes(pair: &InterfacePair<'_>, old: &Pallet<'_>, new: &Pallet<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    if let (Some(was), Some(is)) = (old.prefix, new.prefix)
        && was != is
        && !old.items.is_empty()
    {
        changes.push(change(ChangeKind::StoragePrefixMoved, new.name).from_to(was, is));
    }
    let old_items: HashMap<&str, &Item<'_>> = old.items.iter().map(|item| (item.name, item)).collect();
    let new_items: HashMap<&str, &Item<'_>> = new.items.iter().map(|item| (item.name, item)).collect();
    for was in &old.items {
        match new_items.get(was.name) {
            Some(is) => item(pair, was, is, &mut changes),
            None => changes.push(change(ChangeKind::StorageRemoved, was.name)),
        }
    }
    for is in new.items.iter().filter(|item| !old_items.contains_key(item.name)) {
        changes.push(change(ChangeKind::StorageAdded, is.name));
    }
    changes
}

fn item(pair: &InterfacePair<'_>, was: &Item<'_>, is: &Item<'_>, changes: &mut Vec<Change>) {
    let hashers = |item: &Item<'_>| match item.key {
        None => "a single value".to_owned(),
        Some(_) => item.hashers.iter().map(|hasher| format!("{hasher:?}")).collect::<Vec<_>>().join(", "),
    };
    let (old_hashers, new_hashers) = (hashers(was), hashers(is));
    if old_hashers != new_hashers {
        changes.push(change(ChangeKind::StorageHashers, was.name).from_to(old_hashers, new_hashers));
    }
    if let (Some(old), Some(new)) = (was.key, is.key) {
        let found = pair.types(old, new);
        // Additional variants do not change stored keys.
        if found.breaking() || found.lossy() {
            let kind = if found.breaking() { ChangeKind::StorageKey } else { ChangeKind::StorageKeyShrunk };
            changes.push(change(kind, was.name).with(found.all()));
        }
    }
    let found = pair.types(was.value, is.value);
    const VALUES: TypeChangeKinds = TypeChangeKinds {
        breaking: ChangeKind::StorageValue,
        shrunk: ChangeKind::StorageValueShrunk,
        grown: ChangeKind::StorageValueGrown,
    };
    changes.extend(type_change(&found, VALUES, was.name));
    if was.optional != is.optional {
        let modifier = |item: &Item<'_>| if item.optional { "nothing" } else { "a default" };
        let change = change(ChangeKind::StorageModifier, was.name).from_to(modifier(was), modifier(is));
        changes.push(change.with(["the result of reading a missing value".to_owned()]));
    }
    if was.default != is.default && !was.optional && !is.optional && !found.breaking() {
        let old = value::text(pair.old.types, was.value, was.default);
        let new = value::text(pair.new.types, is.value, is.default);
        changes.push(change(ChangeKind::StorageDefault, was.name).from_to(old, new));
    }
}
