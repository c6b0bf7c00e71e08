// SPDX-License-Identifier: Apache-2.0
//! The rule of storage migrations: a stored value that the new code decodes differently needs a
//! migration, and a migration increases the pallet's storage version.

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
        return Check::pass(NAME, "stored values are found and decoded as before");
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
            (true, std::cmp::Ordering::Less) => format!("; the storage version fell from {was} to {is}"),
            (true, std::cmp::Ordering::Equal) => format!("; the storage version stays {is}"),
            (false, _) => String::new(),
        };
        for change in changes {
            let list = if known && needs_migration(change) { &mut broken } else { &mut doubtful };
            list.push(change.summary() + &why);
        }
    }
    if !broken.is_empty() {
        return Check::fail(NAME, "storage changed without a sign of a migration")
            .with([broken, doubtful, raised].concat());
    }
    if doubtful.is_empty() {
        return Check::pass(NAME, "storage changed, and the storage versions increased").with(raised);
    }
    let detail = match known {
        true => "stored values may be left over, or be of a removed variant (a dry run shows it)".to_owned(),
        false => {
            let side = match (before.from, after.from) {
                (StorageVersionsFrom::Unknown, StorageVersionsFrom::Unknown) => "either runtime",
                (StorageVersionsFrom::Unknown, _) => "the old runtime",
                _ => "the new runtime",
            };
            format!(
                "storage changed; whether it is migrated is unknown: the storage versions of {side} are not known (a \
                 dry run shows it)"
            )
        }
    };
    Check::warn(NAME, detail).with([doubtful, raised].concat())
}

/// Items that every block writes before it reads them. frame-system clears its own at the beginning
/// of a block, Babe at the end, and cumulus writes the relay chain's data from the inherent.
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

/// Returns whether a stored value is no longer found, or is decoded differently.
fn needs_migration(change: &Change) -> bool {
    matches!(
        change.kind,
        ChangeKind::StorageHashers | ChangeKind::StorageKey | ChangeKind::StorageValue | ChangeKind::StoragePrefixMoved
    )
}

/// Returns whether this depends on the stored values: a removed variant may be stored nowhere, and
/// a removed item may be empty.
fn may_need_migration(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::StorageKeyShrunk | ChangeKind::StorageValueShrunk | ChangeKind::StorageRemoved)
}
