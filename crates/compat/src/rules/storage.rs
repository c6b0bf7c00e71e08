// SPDX-License-Identifier: Apache-2.0
//! A stored value that the new code takes for something else needs a migration, and a migration raises the pallet's
//! storage version.

use super::Rule;
use crate::{
    change::{Change, Kind},
    changes::Found,
    runtime::{Runtime, VersionsFrom},
};
use std::collections::BTreeMap;

const NAME: &str = "storage-migration";

pub(super) fn migration(old: &Runtime, new: &Runtime, found: &Found) -> Rule {
    let mut pallets: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in found.changes.iter().filter(|change| demands(change)) {
        pallets.entry(change.pallet.as_deref().unwrap_or_default()).or_default().push(change);
    }
    if pallets.is_empty() {
        return Rule::pass(NAME, "what is stored is read as it was written");
    }
    let renamed: BTreeMap<&str, &str> = found
        .changes
        .iter()
        .filter(|change| change.kind == Kind::PalletRenamed)
        .filter_map(|change| Some((change.new.as_deref()?, change.old.as_deref()?)))
        .collect();
    let (before, after) = (&old.storage_versions, &new.storage_versions);
    let known = before.from != VersionsFrom::Unknown && after.from != VersionsFrom::Unknown;
    let (mut broken, mut unknown, mut raised) = (Vec::new(), Vec::new(), Vec::new());
    for (pallet, changes) in pallets {
        let told = changes.iter().map(|change| change.told());
        if !known {
            unknown.extend(told);
            continue;
        }
        let of = |versions: &BTreeMap<String, u16>, name: &str| versions.get(name).copied().unwrap_or(0);
        let was = of(&before.of, renamed.get(pallet).copied().unwrap_or(pallet));
        let is = of(&after.of, pallet);
        if is > was {
            raised.push(format!("{pallet}: storage version {was} to {is}"));
        } else if is < was {
            broken.extend(told.map(|told| format!("{told}; the storage version went from {was} back to {is}")));
        } else {
            broken.extend(told.map(|told| format!("{told}; the storage version stays {is}")));
        }
    }
    if !broken.is_empty() {
        return Rule::fail(NAME, "storage changed and nothing says that it is migrated")
            .with([broken, raised].concat());
    }
    if !unknown.is_empty() {
        let side = match (before.from, after.from) {
            (VersionsFrom::Unknown, VersionsFrom::Unknown) => "either runtime",
            (VersionsFrom::Unknown, _) => "the old runtime",
            _ => "the new runtime",
        };
        let detail = format!(
            "storage changed; whether it is migrated cannot be told: the storage versions of {side} are not known (a \
             dry run tells)"
        );
        return Rule::warn(NAME, detail).with(unknown);
    }
    Rule::pass(NAME, "storage changed, and the storage versions rose with it").with(raised)
}

/// Written anew by each block before it is read: frame-system kills its own when a block begins, Babe when it ends, and
/// cumulus takes the relay chain's from the inherent.
const WRITTEN_ANEW: [(&str, &str); 8] = [
    ("Babe", "Initialized"),
    ("System", "Events"),
    ("System", "EventTopics"),
    ("System", "BlockWeight"),
    ("System", "ExtrinsicData"),
    ("ParachainSystem", "ValidationData"),
    ("ParachainSystem", "RelayStateProof"),
    ("ParachainSystem", "HostConfiguration"),
];

/// Whether a value that is stored is not found any more, or is read as what it is not.
fn demands(change: &Change) -> bool {
    let anew =
        WRITTEN_ANEW.iter().any(|(pallet, item)| change.pallet.as_deref() == Some(*pallet) && change.name == *item);
    let kind =
        matches!(change.kind, Kind::StorageHashers | Kind::StorageKey | Kind::StorageValue | Kind::StoragePrefixMoved);
    kind && !anew
}
