// SPDX-License-Identifier: Apache-2.0
//! Do the blob that ships and the try-runtime build write the same? Otherwise nothing that the
//! try-runtime build proved holds for the blob that ships.
//!
//! Differences that the hooks cause are left out of the comparison: pallet-migrations keeps what
//! `pre_upgrade` returned under a key that only a try-runtime build has. With it the state roots of
//! the blocks differ, and the hashes of their headers, which get into the state: `System` stores
//! them, and the relay chain tells a parachain its own head. A control shows which keys these are:
//! the blob that ships once more, on a state with one more key that nothing reads.

use crate::{
    input::Runtime,
    migration::{self, Migration},
    rehearsal::Rehearsal,
};
use artifact::pace::counted;
use fork::{Author, Layout};
use protocol::CheckOutcome;
use std::collections::{BTreeMap, HashSet};
use worker::Result;

/// The key of the control.
const STRAY: &[u8] = b":cutover:control:";

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let layout = &rehearsal.tested()?.layout;
    let (shipping, tested) = (rehearsal.migration()?, rehearsal.trial()?);
    if shipping.failure.is_some() || tested.failure.is_some() {
        return Ok(CheckOutcome::not_judged("one of the two did not reach the end of its migrations"));
    }
    let blocks = counted(shipping.blocks.len() as u128, "block");
    if shipping.chain.root() == tested.chain.root() {
        let detail = "the shipping blob and the try-runtime build lead to the same state root";
        return Ok(CheckOutcome::pass(format!("{detail} after {blocks}")));
    }
    let mut keys = differing(shipping, tested)?;
    keys.retain(|key| !of_hooks(key, layout));
    if !keys.is_empty() {
        let control = control(rehearsal)?;
        // A control that stopped earlier would differ in everything.
        if control.failure.is_none() {
            let by_headers: HashSet<_> = differing(shipping, &control)?.into_iter().collect();
            keys.retain(|key| !by_headers.contains(key));
        }
    }
    if keys.is_empty() {
        let detail = "the shipping blob and the try-runtime build write the same";
        return Ok(CheckOutcome::pass(format!("{detail} in {blocks}, but for what the hooks keep")));
    }
    let mut items = BTreeMap::<String, usize>::new();
    for key in keys {
        *items.entry(layout.describe(key)).or_default() += 1;
    }
    let findings = items.into_iter().map(|(item, keys)| match keys {
        1 => format!("{item}: 1 key differs"),
        keys => format!("{item}: {keys} keys differ"),
    });
    let detail = "the shipping blob and the try-runtime build write different states";
    let tested = counted(tested.blocks.len() as u128, "block");
    Ok(CheckOutcome::fail(format!("{detail} after {blocks} and {tested}")).with(findings))
}

/// Builds the blocks of the blob that ships once more, on a state with one more key.
fn control(rehearsal: &Rehearsal<'_>) -> Result<Migration> {
    let Rehearsal { executor, reporter, request, .. } = rehearsal;
    reporter.status("building them once more with the shipping blob, to see what headers alone change");
    let mut chain = rehearsal.enacted()?.clone();
    chain.set(vec![(STRAY.to_vec(), Some(Vec::new()))])?;
    let Runtime { code, layout, .. } = &rehearsal.to;
    migration::migrate(&chain, &mut Author::new(executor), code, layout, request.migration_blocks, "blocks", reporter)
}

/// Returns the keys that either wrote and whose values differ after both.
fn differing<'a>(one: &'a Migration, other: &'a Migration) -> Result<Vec<&'a Vec<u8>>> {
    let after = |migration: &Migration, key: &Vec<u8>| match migration.touched.get(key) {
        Some((_, after)) => Ok(after.clone()),
        None => migration.chain.storage(key),
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

/// Returns whether the key belongs to the migrations pallet, but to no item of its metadata.
fn of_hooks(key: &[u8], layout: &Layout) -> bool {
    layout.migrations().is_some_and(|pallet| {
        key.starts_with(&pallet.prefix()) && !pallet.items.iter().any(|item| key.starts_with(&pallet.key(item)))
    })
}
