// SPDX-License-Identifier: Apache-2.0
//! Compares pallets. Pallets are matched by name, else by index and content.

use super::effect::change;
use super::{InterfacePair, TypeChangeKinds, storage, type_change, variants};
use crate::{
    interface::{Constant, Interface, Pallet, ViewFunction},
    runtime::Runtime,
    value,
};
use protocol::diff::{Audience, Change, ChangeKind, StorageVersionsFrom};
use std::collections::{HashMap, HashSet};

pub(super) fn changes(pair: &InterfacePair<'_>, old: &Runtime, new: &Runtime, changes: &mut Vec<Change>) {
    for (was, is) in matched(pair.old, pair.new) {
        match (was, is) {
            (Some(was), Some(is)) => {
                let mut found = both(pair, was, is);
                found.extend(storage_version(was, is, old, new));
                changes.extend(found.into_iter().map(|change| change.within(is.name)));
            }
            (Some(was), None) => changes.push(removed(pair, was)),
            (None, Some(is)) => {
                let calls = pair.new.calls(is).len();
                let change = change(ChangeKind::PalletAdded, is.name).within(is.name);
                changes.push(change.new_value(format!("index {}", is.index)).with([contents(calls, is)]));
            }
            (None, None) => {}
        }
    }
}

/// Compares the calls of the pallets alone.
pub(super) fn calls(pair: &InterfacePair<'_>, changes: &mut Vec<Change>) {
    for (was, is) in matched(pair.old, pair.new) {
        match (was, is) {
            (Some(was), Some(is)) => {
                let found = moved(pair, was, is).into_iter().chain(calls_of_both(pair, was, is));
                changes.extend(found.map(|change| change.within(is.name)));
            }
            (Some(was), None) if was.calls.is_some() => changes.push(removed(pair, was)),
            _ => {}
        }
    }
}

fn removed(pair: &InterfacePair<'_>, was: &Pallet<'_>) -> Change {
    let change = with_callers(pair, was, change(ChangeKind::PalletRemoved, was.name)).within(was.name);
    let successor = pair.new.pallets.iter().find(|pallet| pallet.index == was.index);
    let successor = successor.map(|successor| format!("its index is now that of {}", successor.name));
    change.old(format!("index {}", was.index)).with(successor).with([contents(pair.old.calls(was).len(), was)])
}

/// Removes signers and stored calls from the audiences, if the pallet has no signed calls.
fn with_callers(pair: &InterfacePair<'_>, was: &Pallet<'_>, mut change: Change) -> Change {
    if pair.unsigned.signed_count(pair.old, was) == 0 {
        change.breaks.retain(|audience| !matches!(audience, Audience::SignedTransactions | Audience::EncodedCalls));
    }
    change
}

fn contents(calls: usize, pallet: &Pallet<'_>) -> String {
    let of = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}", of(calls, "call"), of(pallet.items.len(), "storage item"))
}

type Matched<'i, 'a> = Vec<(Option<&'i Pallet<'a>>, Option<&'i Pallet<'a>>)>;

/// Matches the pallets of both runtimes: first by name, then by similarity.
fn matched<'i, 'a>(old: &'i Interface<'a>, new: &'i Interface<'a>) -> Matched<'i, 'a> {
    let mut left: Vec<&Pallet<'a>> = new.pallets.iter().collect();
    let mut take =
        |is: &dyn Fn(&Pallet<'a>) -> bool| left.iter().position(|pallet| is(pallet)).map(|place| left.remove(place));
    // Metadata may contain two pallets of the same name: prefer the one at the same index.
    let mut pairs: Vec<_> = old
        .pallets
        .iter()
        .map(|was| (was, take(&|is| is.name == was.name && is.index == was.index)))
        .map(|(was, is)| (Some(was), is))
        .collect();
    for (was, is) in pairs.iter_mut().filter(|(_, is)| is.is_none()) {
        *is = take(&|is| was.is_some_and(|was| is.name == was.name));
    }
    let mut left: Vec<_> = left.into_iter().map(|pallet| (pallet, names_in(new, pallet))).collect();
    for (was, is) in pairs.iter_mut().filter(|(_, is)| is.is_none()) {
        let Some(was) = was else { continue };
        let own = names_in(old, was);
        let best = left
            .iter()
            .enumerate()
            .filter_map(|(place, (is, names))| Some((similarity(&own, names, was.index == is.index)?, place)))
            .max_by_key(|(similarity, place)| (*similarity, std::cmp::Reverse(*place)));
        *is = best.map(|(_, place)| left.remove(place).0);
    }
    pairs.extend(left.into_iter().map(|(pallet, _)| (None, Some(pallet))));
    pairs
}

/// Returns the names of the calls, events, errors, storage items and constants of a pallet.
fn names_in(interface: &Interface<'_>, pallet: &Pallet<'_>) -> HashSet<String> {
    let variants = [("call", pallet.calls), ("event", pallet.event), ("error", pallet.error)];
    let variants = variants
        .into_iter()
        .flat_map(|(what, id)| interface.variants(id).iter().map(move |variant| format!("{what} {}", variant.name)));
    let items = pallet.items.iter().map(|item| format!("item {}", item.name));
    let constants = pallet.constants.iter().map(|constant| format!("constant {}", constant.name));
    variants.chain(items).chain(constants).collect()
}

/// Returns how many names two pallets share, in percent; `None` if they are not the same pallet.
///
/// At the same index half of the names are enough, because a renamed pallet was often changed too.
/// At another index 90 % must be the same, and at least three names.
fn similarity(old: &HashSet<String>, new: &HashSet<String>, same_index: bool) -> Option<usize> {
    let shared = old.intersection(new).count();
    let all = old.len().max(new.len());
    let percent = (shared * 100).checked_div(all)?;
    let enough = if same_index { percent >= 50 } else { percent >= 90 && shared >= 3 };
    enough.then_some(percent)
}

/// Compares the name and the index of a pallet.
fn moved(pair: &InterfacePair<'_>, was: &Pallet<'_>, is: &Pallet<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    if was.name != is.name {
        changes.push(change(ChangeKind::PalletRenamed, is.name).from_to(was.name, is.name));
    }
    if was.index != is.index {
        let index = |pallet: &Pallet<'_>| format!("index {}", pallet.index);
        let change = with_callers(pair, was, change(ChangeKind::PalletMoved, is.name)).from_to(index(was), index(is));
        changes.push(change.with([contents(pair.old.calls(was).len(), was)]));
    }
    changes
}

fn calls_of_both(pair: &InterfacePair<'_>, was: &Pallet<'_>, is: &Pallet<'_>) -> Vec<Change> {
    let found = variants::changes(pair, pair.old.calls(was), pair.new.calls(is), &variants::CALLS);
    found.into_iter().map(|change| pair.unsigned.without_signers(pair.old, was, change)).collect()
}

fn both(pair: &InterfacePair<'_>, was: &Pallet<'_>, is: &Pallet<'_>) -> Vec<Change> {
    let mut changes = moved(pair, was, is);
    changes.extend(calls_of_both(pair, was, is));
    let enums = [(was.event, is.event, &variants::EVENTS), (was.error, is.error, &variants::ERRORS)];
    for (old, new, kinds) in enums {
        changes.extend(variants::changes(pair, pair.old.variants(old), pair.new.variants(new), kinds));
    }
    changes.extend(storage::changes(pair, was, is));
    constants(pair, was, is, &mut changes);
    if pair.old.metadata_version >= 16 && pair.new.metadata_version >= 16 {
        associated_types(pair, was, is, &mut changes);
        view_functions(pair, was, is, &mut changes);
    }
    changes
}

/// Compares the storage versions of a pallet, if they are known on both sides.
fn storage_version(was: &Pallet<'_>, is: &Pallet<'_>, old: &Runtime, new: &Runtime) -> Option<Change> {
    let (before, after) = (&old.storage_versions, &new.storage_versions);
    if before.from == StorageVersionsFrom::Unknown || after.from == StorageVersionsFrom::Unknown {
        return None;
    }
    let of = |versions: &crate::runtime::StorageVersions, name: &str| versions.of.get(name).copied().unwrap_or(0);
    let (before, after) = (of(before, was.name), of(after, is.name));
    (before != after).then(|| change(ChangeKind::StorageVersion, "storage version").from_to(before, after))
}

fn constants(pair: &InterfacePair<'_>, was: &Pallet<'_>, is: &Pallet<'_>, changes: &mut Vec<Change>) {
    let old: HashMap<&str, &Constant<'_>> = was.constants.iter().map(|constant| (constant.name, constant)).collect();
    let new: HashMap<&str, &Constant<'_>> = is.constants.iter().map(|constant| (constant.name, constant)).collect();
    let text =
        |interface: &Interface<'_>, constant: &Constant<'_>| value::text(interface.types, constant.ty, constant.value);
    for before in &was.constants {
        let Some(after) = new.get(before.name) else {
            changes.push(change(ChangeKind::ConstantRemoved, before.name).old(text(pair.old, before)));
            continue;
        };
        let types = pair.types(before.ty, after.ty);
        if types.breaking() {
            let change =
                change(ChangeKind::ConstantType, before.name).from_to(text(pair.old, before), text(pair.new, after));
            changes.push(change.with(types.all()));
        } else if before.value != after.value {
            let values = |interface: &Interface<'_>, constant: &Constant<'_>| {
                value::named(value::parts(interface.types, constant.ty, constant.value).unwrap_or_default())
            };
            let (old_parts, new_parts) = (values(pair.old, before), values(pair.new, after));
            let change =
                change(ChangeKind::ConstantValue, before.name).from_to(text(pair.old, before), text(pair.new, after));
            let single = old_parts.len() <= 1 && new_parts.len() <= 1;
            let details = if single { Vec::new() } else { changed_parts(&old_parts, &new_parts) };
            changes.push(change.with(details));
        }
    }
    for after in is.constants.iter().filter(|constant| !old.contains_key(constant.name)) {
        changes.push(change(ChangeKind::ConstantAdded, after.name).new_value(text(pair.new, after)));
    }
}

fn changed_parts(old: &[value::Part], new: &[value::Part]) -> Vec<String> {
    let mut changed = Vec::new();
    let find = |parts: &[value::Part], path: &str| parts.iter().find(|part| part.path == path).map(|p| p.text.clone());
    for part in old {
        let after = find(new, &part.path).unwrap_or_else(|| "nothing".into());
        if after != part.text {
            changed.push(format!("{}: {} to {after}", part.path, part.text));
        }
    }
    let added = new.iter().filter(|part| find(old, &part.path).is_none());
    changed.extend(added.map(|part| format!("{}: nothing to {}", part.path, part.text)));
    changed
}

fn associated_types(pair: &InterfacePair<'_>, was: &Pallet<'_>, is: &Pallet<'_>, changes: &mut Vec<Change>) {
    for (name, before) in &was.associated_types {
        match is.associated_types.iter().find(|(other, _)| other == name) {
            Some((_, after)) => {
                let found = pair.types(*before, *after);
                let kind = ChangeKind::AssociatedTypeChanged;
                changes.extend(type_change(
                    &found,
                    TypeChangeKinds { breaking: kind, shrunk: kind, grown: kind },
                    name,
                ));
            }
            None => changes.push(change(ChangeKind::AssociatedTypeRemoved, *name)),
        }
    }
    let known = |name: &str| was.associated_types.iter().any(|(other, _)| *other == name);
    for (name, _) in is.associated_types.iter().filter(|(name, _)| !known(name)) {
        changes.push(change(ChangeKind::AssociatedTypeAdded, *name));
    }
}

fn view_functions(pair: &InterfacePair<'_>, was: &Pallet<'_>, is: &Pallet<'_>, changes: &mut Vec<Change>) {
    let find = |functions: &[ViewFunction<'_>], name: &str| functions.iter().any(|function| function.name == name);
    for before in &was.view_functions {
        let Some(after) = is.view_functions.iter().find(|function| function.name == before.name) else {
            changes.push(change(ChangeKind::ViewFunctionRemoved, before.name));
            continue;
        };
        let mut differences =
            super::apis::inputs_and_output(pair, (&before.inputs, before.output), (&after.inputs, after.output));
        if differences.is_empty() && before.id != after.id {
            differences.push("its identifier changed".into());
        }
        if !differences.is_empty() {
            changes.push(change(ChangeKind::ViewFunctionChanged, before.name).with(differences));
        }
    }
    for after in is.view_functions.iter().filter(|function| !find(&was.view_functions, function.name)) {
        changes.push(change(ChangeKind::ViewFunctionAdded, after.name));
    }
}
