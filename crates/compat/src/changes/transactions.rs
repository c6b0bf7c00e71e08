// SPDX-License-Identifier: Apache-2.0
//! Compares the parts of a transaction beside its call: format, sender, signature and extensions.

use super::effect::change;
use super::{InterfacePair, RuntimeChanges, TypeChangeKinds, type_change};
use crate::{
    interface::{Extension, Interface, WALLET_EXTENSIONS},
    read,
};
use protocol::diff::{Change, ChangeKind};

/// Returns the kinds of changes of signed types. A transaction with a removed variant is rejected.
fn signed(breaking: ChangeKind) -> TypeChangeKinds {
    TypeChangeKinds { breaking, shrunk: breaking, grown: ChangeKind::ExtensionTypesGrown }
}

pub(super) fn changes(pair: &InterfacePair<'_>, found: &mut RuntimeChanges) {
    extensions(pair, &mut found.changes);
    order(pair, &mut found.changes);
    versions(pair, &mut found.changes);
    extrinsic_formats(pair, &mut found.changes);
    let types = [
        (ChangeKind::TransactionSender, "sender", pair.old.address, pair.new.address),
        (ChangeKind::TransactionSignature, "signature", pair.old.signature, pair.new.signature),
    ];
    for (kind, name, was, is) in types {
        match (was, is) {
            (Some(was), Some(is)) => {
                found.changes.extend(type_change(&pair.types(was, is), signed(kind), name));
            }
            _ => found.not_compared.push(format!("the type of a transaction's {name}: not in metadata V14")),
        }
    }
}

/// Returns whether an extension adds data to a transaction or to its signed payload.
fn has_data(interface: &Interface<'_>, extension: &Extension<'_>) -> bool {
    has_bytes(interface, extension.explicit) || has_bytes(interface, extension.implicit)
}

/// Returns whether values of a type have bytes. A type without a simplest value contains itself, so
/// it has bytes.
fn has_bytes(interface: &Interface<'_>, id: u32) -> bool {
    read::default_value(interface.types, id).is_none_or(|bytes| !bytes.is_empty())
}

fn extensions(pair: &InterfacePair<'_>, changes: &mut Vec<Change>) {
    for was in &pair.old.extensions {
        let name = was.identifier;
        let Some(is) = pair.new.extensions.iter().find(|extension| extension.identifier == name) else {
            let data = has_data(pair.old, was);
            let kind = if data { ChangeKind::ExtensionRemoved } else { ChangeKind::ExtensionRemovedWithoutData };
            changes.push(change(kind, name));
            continue;
        };
        let (explicit, implicit) = (ChangeKind::ExtensionExplicit, ChangeKind::ExtensionImplicit);
        changes.extend(type_change(&pair.types(was.explicit, is.explicit), signed(explicit), name));
        changes.extend(type_change(&pair.types(was.implicit, is.implicit), signed(implicit), name));
    }
    let known = |name: &str| pair.old.extensions.iter().any(|extension| extension.identifier == name);
    for is in pair.new.extensions.iter().filter(|extension| !known(extension.identifier)) {
        if !has_data(pair.new, is) {
            changes.push(change(ChangeKind::ExtensionAddedWithoutData, is.identifier));
            continue;
        }
        let mut parts = Vec::new();
        if has_bytes(pair.new, is.explicit) {
            parts.push("transactions contain its data".to_owned());
        }
        if has_bytes(pair.new, is.implicit) {
            parts.push("its data is signed".to_owned());
        }
        if !WALLET_EXTENSIONS.contains(&is.identifier) {
            parts.push("wallets do not support it: they cannot sign until they do".to_owned());
        }
        changes.push(change(ChangeKind::ExtensionAdded, is.identifier).with(parts));
    }
}

/// Compares the order of the extensions that both sides have and that have data.
fn order(pair: &InterfacePair<'_>, changes: &mut Vec<Change>) {
    let shared = |own: &Interface<'_>, other: &Interface<'_>| -> Vec<String> {
        let known = |name: &str| other.extensions.iter().any(|extension| extension.identifier == name);
        let counted = own.extensions.iter().filter(|extension| known(extension.identifier));
        counted.filter(|extension| has_data(own, extension)).map(|extension| extension.identifier.into()).collect()
    };
    let (old, new) = (shared(pair.old, pair.new), shared(pair.new, pair.old));
    let mut sorted = (old.clone(), new.clone());
    sorted.0.sort();
    sorted.1.sort();
    // An extension that gained or lost its data has a change of its own.
    if old != new && sorted.0 == sorted.1 {
        let change = change(ChangeKind::ExtensionOrder, "transaction extensions");
        changes.push(change.from_to(old.join(", "), new.join(", ")));
    }
}

/// Compares the extension versions of general transactions. Only metadata 16 has them.
fn versions(pair: &InterfacePair<'_>, changes: &mut Vec<Change>) {
    if pair.old.metadata_version < 16 || pair.new.metadata_version < 16 {
        return;
    }
    let (old, new) = (&pair.old.extension_versions, &pair.new.extension_versions);
    let list = |names: Option<&Vec<&str>>| names.map_or("none".to_owned(), |names| names.join(", "));
    let mut all: Vec<u8> = old.keys().chain(new.keys()).copied().collect();
    all.sort_unstable();
    all.dedup();
    for version in all {
        let (was, is) = (old.get(&version), new.get(&version));
        if was != is {
            let change = change(ChangeKind::ExtensionVersions, format!("extension version {version}"));
            changes.push(change.from_to(list(was), list(is)));
        }
    }
}

/// Compares the extrinsic formats. Before metadata 16 the metadata lists only one, though the
/// runtime may support others.
fn extrinsic_formats(pair: &InterfacePair<'_>, changes: &mut Vec<Change>) {
    let (old, new) = (&pair.old.extrinsic_versions, &pair.new.extrinsic_versions);
    let whole = |interface: &Interface<'_>| interface.metadata_version >= 16;
    if whole(pair.new) || !whole(pair.old) {
        for removed in old.iter().filter(|version| !new.contains(version)) {
            changes.push(change(ChangeKind::ExtrinsicFormatRemoved, format!("extrinsic format {removed}")));
        }
    }
    if whole(pair.old) || !whole(pair.new) {
        for added in new.iter().filter(|version| !old.contains(version)) {
            changes.push(change(ChangeKind::ExtrinsicFormatAdded, format!("extrinsic format {added}")));
        }
    }
}
