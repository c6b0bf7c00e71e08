// SPDX-License-Identifier: Apache-2.0
//! Compares the enums of a pallet, which are its calls, events and errors, variant by variant.

use super::effect::change;
use super::{InterfacePair, TypeChangeKinds};
use protocol::diff::{Change, ChangeKind};
use scale_info::{Variant, form::PortableForm};
use std::collections::HashMap;

/// The kinds of changes of an enum's variants.
pub(super) struct VariantChangeKinds {
    pub added: ChangeKind,
    pub removed: ChangeKind,
    pub renamed: ChangeKind,
    pub moved: ChangeKind,
    pub replaced: ChangeKind,
    pub fields: TypeChangeKinds,
}

pub(super) const CALLS: VariantChangeKinds = VariantChangeKinds {
    added: ChangeKind::CallAdded,
    removed: ChangeKind::CallRemoved,
    renamed: ChangeKind::CallRenamed,
    moved: ChangeKind::CallMoved,
    replaced: ChangeKind::CallReplaced,
    fields: TypeChangeKinds {
        breaking: ChangeKind::CallArguments,
        shrunk: ChangeKind::CallArgumentsShrunk,
        grown: ChangeKind::CallArgumentsGrown,
    },
};

pub(super) const EVENTS: VariantChangeKinds = VariantChangeKinds {
    added: ChangeKind::EventAdded,
    removed: ChangeKind::EventRemoved,
    renamed: ChangeKind::EventRenamed,
    moved: ChangeKind::EventMoved,
    replaced: ChangeKind::EventReplaced,
    // Clients decode old blocks by the metadata of that time.
    fields: TypeChangeKinds {
        breaking: ChangeKind::EventFields,
        shrunk: ChangeKind::EventFieldsGrown,
        grown: ChangeKind::EventFieldsGrown,
    },
};

pub(super) const ERRORS: VariantChangeKinds = VariantChangeKinds {
    added: ChangeKind::ErrorAdded,
    removed: ChangeKind::ErrorRemoved,
    renamed: ChangeKind::ErrorRenamed,
    moved: ChangeKind::ErrorMoved,
    replaced: ChangeKind::ErrorReplaced,
    // Clients decode old blocks by the metadata of that time.
    fields: TypeChangeKinds {
        breaking: ChangeKind::ErrorFields,
        shrunk: ChangeKind::ErrorFieldsGrown,
        grown: ChangeKind::ErrorFieldsGrown,
    },
};

type Variants<'a> = &'a [Variant<PortableForm>];

pub(super) fn changes(
    pair: &InterfacePair<'_>,
    old: Variants<'_>,
    new: Variants<'_>,
    kinds: &VariantChangeKinds,
) -> Vec<Change> {
    let by_name = |variants: Variants<'_>| -> HashMap<String, usize> {
        variants.iter().enumerate().map(|(place, variant)| (variant.name.clone(), place)).collect()
    };
    let (old_names, new_names) = (by_name(old), by_name(new));
    let new_indices: HashMap<u8, &Variant<PortableForm>> = new.iter().map(|variant| (variant.index, variant)).collect();
    let mut changes = Vec::new();
    let mut renamed = Vec::new();
    for was in old {
        if let Some(is) = new_names.get(&was.name).and_then(|place| new.get(*place)) {
            if was.index != is.index {
                let index = |variant: &Variant<PortableForm>| format!("index {}", variant.index);
                changes.push(change(kinds.moved, &was.name).from_to(index(was), index(is)));
            }
            let found = pair.fields(&was.fields, &is.fields);
            changes.extend(super::type_change(&found, kinds.fields, &was.name));
            continue;
        }
        let index = format!("index {}", was.index);
        let Some(successor) = new_indices.get(&was.index) else {
            changes.push(change(kinds.removed, &was.name).old(index));
            continue;
        };
        if old_names.contains_key(&successor.name) {
            let detail = format!("its index is now that of {}", successor.name);
            changes.push(change(kinds.removed, &was.name).old(index).with([detail]));
            continue;
        }
        // A new name at an old index: renamed, if the fields are the same. Variants without fields
        // always have the same fields, so that they count as replaced.
        let found = pair.fields(&was.fields, &successor.fields);
        renamed.push(successor.index);
        if was.fields.is_empty() || found.breaking() || found.lossy() || !found.renamed.is_empty() {
            let change = change(kinds.replaced, &was.name).from_to(&was.name, &successor.name);
            changes.push(change.with([format!("both at {index}")]).with(found.all()));
        } else {
            changes.push(change(kinds.renamed, &successor.name).from_to(&was.name, &successor.name).with(found.all()));
        }
    }
    for is in new {
        if !old_names.contains_key(&is.name) && !renamed.contains(&is.index) {
            changes.push(change(kinds.added, &is.name).new_value(format!("index {}", is.index)));
        }
    }
    changes
}
