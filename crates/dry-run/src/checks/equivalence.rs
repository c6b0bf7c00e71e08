// SPDX-License-Identifier: Apache-2.0
//! The blob that was tested must be the blob that ships: both write the same, or nothing that the try-runtime build
//! proved holds for the other.
//!
//! Left out of the comparison is what the hooks themselves leave behind: pallet-migrations keeps what `pre_upgrade`
//! returned under a key of its own, which only a try-runtime build has; with it the state roots of the blocks between
//! differ, and so the hashes of their headers, which `System` remembers.

use crate::{rehearsal::Rehearsal, result::Check};
use fork::{Layout, keys};
use std::collections::BTreeMap;

pub fn equivalence(shipping: &Rehearsal, tested: &Rehearsal, layout: &Layout) -> Check {
    const NAME: &str = "equivalence";
    if shipping.failure.is_some() || tested.failure.is_some() {
        return Check::skip(NAME, "one of the two did not reach the end of its migrations");
    }
    if shipping.migrated.root() == tested.migrated.root() {
        return Check::pass(
            NAME,
            format!(
                "the shipping blob and the try-runtime build lead to the same state root after {} blocks",
                shipping.blocks.len()
            ),
        );
    }
    let after = |rehearsal: &Rehearsal, key: &Vec<u8>| rehearsal.touched.get(key).map(|(_, after)| after.clone());
    let mut items = BTreeMap::<String, usize>::new();
    for key in shipping.touched.keys().chain(tested.touched.keys().filter(|key| !shipping.touched.contains_key(*key))) {
        if by_hooks(key, layout) {
            continue;
        }
        let untouched = |rehearsal: &Rehearsal| rehearsal.migrated.storage(key).ok().flatten();
        let one = after(shipping, key).unwrap_or_else(|| untouched(shipping));
        let other = after(tested, key).unwrap_or_else(|| untouched(tested));
        if one != other {
            *items.entry(layout.describe(key)).or_default() += 1;
        }
    }
    if items.is_empty() {
        return Check::pass(
            NAME,
            format!(
                "the shipping blob and the try-runtime build write the same in {} blocks, but for what the hooks keep",
                shipping.blocks.len()
            ),
        );
    }
    let findings = items.into_iter().map(|(item, keys)| format!("{item}: {keys} keys differ")).collect();
    Check::fail(
        NAME,
        format!(
            "the shipping blob and the try-runtime build write different states after {} and {} blocks",
            shipping.blocks.len(),
            tested.blocks.len()
        ),
    )
    .with(findings)
}

/// Whether the key differs because the hooks ran, whatever the migrations did.
fn by_hooks(key: &[u8], layout: &Layout) -> bool {
    let header_hashes = [keys::item("System", "BlockHash"), keys::item("System", "ParentHash")];
    if header_hashes.iter().any(|prefix| key.starts_with(prefix)) {
        return true;
    }
    // Of the migrations pallet, but of no item that its metadata knows.
    layout.migrations().is_some_and(|pallet| {
        key.starts_with(&pallet.prefix()) && !pallet.items.iter().any(|item| key.starts_with(&pallet.key(item)))
    })
}
