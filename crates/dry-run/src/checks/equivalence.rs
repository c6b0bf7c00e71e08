// SPDX-License-Identifier: Apache-2.0
//! The blob that was tested must be the blob that ships: both write the same, or nothing that the try-runtime build
//! proved holds for the other.
//!
//! Left out of the comparison is what differs because the hooks ran, whatever the migrations did: pallet-migrations keeps what
//! `pre_upgrade` returned under a key of its own, which only a try-runtime build has. With it the state roots of the blocks differ,
//! and so the hashes of their headers, which find their way into the state: `System` remembers them, and a parachain is told of its
//! own head by its relay chain. Which keys these are is seen from a control: the shipping blob once more, on a state with one key
//! more that nobody reads.

use crate::rehearsal::Rehearsal;
use fork::Layout;
use protocol::Check;
use std::collections::{BTreeMap, HashSet};
use worker::Result;

const NAME: &str = "equivalence";

/// The key of the control.
pub const STRAY: &[u8] = b":cutover:control:";

/// `control` makes the control, if it is needed.
pub fn equivalence(
    shipping: &Rehearsal,
    tested: &Rehearsal,
    layout: &Layout,
    control: impl FnOnce() -> Result<Rehearsal>,
) -> Result<Check> {
    if shipping.failure.is_some() || tested.failure.is_some() {
        return Ok(Check::not_judged(NAME, "one of the two did not reach the end of its migrations"));
    }
    let blocks = shipping.blocks.len();
    if shipping.migrated.root() == tested.migrated.root() {
        let detail = "the shipping blob and the try-runtime build lead to the same state root";
        return Ok(Check::pass(NAME, format!("{detail} after {blocks} blocks")));
    }
    let mut keys = differing(shipping, tested)?;
    keys.retain(|key| !of_hooks(key, layout));
    if !keys.is_empty() {
        let control = control()?;
        // One that did not come as far would differ in everything.
        if control.failure.is_none() {
            let by_headers: HashSet<_> = differing(shipping, &control)?.into_iter().collect();
            keys.retain(|key| !by_headers.contains(key));
        }
    }
    if keys.is_empty() {
        let detail = "the shipping blob and the try-runtime build write the same";
        return Ok(Check::pass(NAME, format!("{detail} in {blocks} blocks, but for what the hooks keep")));
    }
    let mut items = BTreeMap::<String, usize>::new();
    for key in keys {
        *items.entry(layout.describe(key)).or_default() += 1;
    }
    let findings = items.into_iter().map(|(item, keys)| format!("{item}: {keys} keys differ"));
    let detail = "the shipping blob and the try-runtime build write different states";
    Ok(Check::fail(NAME, format!("{detail} after {blocks} and {} blocks", tested.blocks.len())).with(findings))
}

/// The keys that one of them wrote and whose values are not the same after both.
fn differing<'a>(one: &'a Rehearsal, other: &'a Rehearsal) -> Result<Vec<&'a Vec<u8>>> {
    let after = |rehearsal: &Rehearsal, key: &Vec<u8>| match rehearsal.touched.get(key) {
        Some((_, after)) => Ok(after.clone()),
        None => rehearsal.migrated.storage(key),
    };
    let mut keys: Vec<_> = one.touched.keys().chain(other.touched.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut found = Vec::new();
    for key in keys {
        if after(one, key)? != after(other, key)? {
            found.push(key);
        }
    }
    Ok(found)
}

/// Whether it is of the migrations pallet, but of no item that its metadata knows.
fn of_hooks(key: &[u8], layout: &Layout) -> bool {
    layout.migrations().is_some_and(|pallet| {
        key.starts_with(&pallet.prefix()) && !pallet.items.iter().any(|item| key.starts_with(&pallet.key(item)))
    })
}
