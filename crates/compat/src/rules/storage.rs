// SPDX-License-Identifier: Apache-2.0
//! A stored value that the new code takes for something else needs a migration, and a migration raises the pallet's
//! storage version.

use crate::{changes::RuntimeChanges, runtime::Runtime};
use protocol::Check;
use protocol::diff::{Change, ChangeKind, StorageVersionsFrom};
use std::collections::BTreeMap;

const NAME: &str = "storage-migration";

pub(super) fn migration(old: &Runtime, new: &Runtime, found: &RuntimeChanges) -> Check {
    let mut pallets: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in found
        .changes
        .iter()
        .filter(|change| (needs_migration(change) || may_need_migration(change)) && !rewritten_each_block(change))
    {
        pallets.entry(change.pallet.as_deref().unwrap_or_default()).or_default().push(change);
    }
    if pallets.is_empty() {
        return Check::pass(NAME, "what is stored is found, and read as it was written");
    }
    let renamed: BTreeMap<&str, &str> = found
        .changes
        .iter()
        .filter(|change| change.kind == ChangeKind::PalletRenamed)
        .filter_map(|change| Some((change.new.as_deref()?, change.old.as_deref()?)))
        .collect();
    let (before, after) = (&old.storage_versions, &new.storage_versions);
    let known = before.from != StorageVersionsFrom::Unknown && after.from != StorageVersionsFrom::Unknown;
    let (mut broken, mut doubtful, mut raised) = (Vec::new(), Vec::new(), Vec::new());
    for (pallet, changes) in &pallets {
        let of = |versions: &BTreeMap<String, u16>, name: &str| versions.get(name).copied().unwrap_or(0);
        let was = of(&before.of, renamed.get(pallet).copied().unwrap_or(pallet));
        let is = of(&after.of, pallet);
        let why = match (known, is.cmp(&was)) {
            (true, std::cmp::Ordering::Greater) => {
                raised.push(format!("{pallet}: storage version {was} to {is}"));
                continue;
            }
            (true, std::cmp::Ordering::Less) => format!("; the storage version went from {was} back to {is}"),
            (true, std::cmp::Ordering::Equal) => format!("; the storage version stays {is}"),
            (false, _) => String::new(),
        };
        for change in changes {
            let list = if known && needs_migration(change) { &mut broken } else { &mut doubtful };
            list.push(change.summary() + &why);
        }
    }
    if !broken.is_empty() {
        return Check::fail(NAME, "storage changed and nothing says that it is migrated")
            .with([broken, doubtful, raised].concat());
    }
    if doubtful.is_empty() {
        return Check::pass(NAME, "storage changed, and the storage versions rose with it").with(raised);
    }
    let detail = match known {
        true => "what is stored may be left behind, or hold what is not read any more (a dry run tells)".to_owned(),
        false => {
            let side = match (before.from, after.from) {
                (StorageVersionsFrom::Unknown, StorageVersionsFrom::Unknown) => "either runtime",
                (StorageVersionsFrom::Unknown, _) => "the old runtime",
                _ => "the new runtime",
            };
            format!(
                "storage changed; whether it is migrated cannot be told: the storage versions of {side} are not known (a \
                 dry run tells)"
            )
        }
    };
    Check::warn(NAME, detail).with([doubtful, raised].concat())
}

/// Written anew by each block before it is read: frame-system kills its own when a block begins, Babe when it ends, and
/// cumulus takes the relay chain's from the inherent.
const REWRITTEN_EACH_BLOCK: [(&str, &str); 8] = [
    ("Babe", "Initialized"),
    ("System", "Events"),
    ("System", "EventTopics"),
    ("System", "BlockWeight"),
    ("System", "ExtrinsicData"),
    ("ParachainSystem", "ValidationData"),
    ("ParachainSystem", "RelayStateProof"),
    ("ParachainSystem", "HostConfiguration"),
];

fn rewritten_each_block(change: &Change) -> bool {
    REWRITTEN_EACH_BLOCK.iter().any(|(pallet, item)| change.pallet.as_deref() == Some(*pallet) && change.name == *item)
}

/// Whether a value that is stored is not found any more, or is read as what it is not.
fn needs_migration(change: &Change) -> bool {
    matches!(
        change.kind,
        ChangeKind::StorageHashers | ChangeKind::StorageKey | ChangeKind::StorageValue | ChangeKind::StoragePrefixMoved
    )
}

/// Whether that depends on what is stored: a variant that is gone may be stored nowhere, an item that is gone be empty.
fn may_need_migration(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::StorageKeyShrunk | ChangeKind::StorageValueShrunk | ChangeKind::StorageRemoved)
}
