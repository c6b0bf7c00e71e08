// SPDX-License-Identifier: Apache-2.0
//! Migrations that run a second time should change nothing. On chain they run once: what a second run does is a hazard of
//! the next release, if it still carries them.
//!
//! On the migrated state the block is initialized twice with the shipping blob: once as it is, once with the chain's
//! memory of its last upgrade set back, so that every migration runs again. What differs is what they did.

use codec::Encode;
use fork::{Author, BlockRequest, Chain, Code, Layout, keys};
use protocol::Check;
use std::collections::{BTreeMap, HashMap};
use worker::Result;

const NAME: &str = "idempotency";

/// Written by every block or by the fact of an upgrade, whatever migrations do.
const VOLATILE: [&str; 9] = [
    "LastRuntimeUpgrade",
    "Events",
    "EventCount",
    "EventTopics",
    "BlockWeight",
    "ExecutionPhase",
    "UpgradedToTripleRefCount",
    "UpgradedToU32RefCount",
    "BlocksTillUpgrade",
];

pub fn idempotency(
    before: &Chain,
    migrated: &Chain,
    author: &mut Author<'_>,
    executor: &fork::Executor,
    code: &Code,
    layout: &Layout,
) -> Result<Check> {
    let last_upgrade = keys::item("System", "LastRuntimeUpgrade");
    let plan = author.plan(migrated, code, BlockRequest::default())?;
    let header = fork::Header {
        parent_hash: migrated.header().hash(),
        number: migrated.number().saturating_add(1),
        state_root: Default::default(),
        extrinsics_root: Default::default(),
        digest: plan.digest,
    }
    .encode();
    let mut again = migrated.clone();
    again.set(vec![(last_upgrade.clone(), before.storage(&last_upgrade)?)])?;
    let initialize = |chain: &Chain| chain.call_with_changes(executor, code, "Core_initialize_block", &header);
    let once = initialize(migrated)?;
    let twice = match initialize(&again) {
        Ok(twice) => twice,
        Err(failure) => {
            return Ok(Check::warn(NAME, format!("the migrations fail when they run again: {failure}"))
                .with(crate::result::errors_logged()));
        }
    };
    let written = |changes: Vec<(Vec<u8>, Option<Vec<u8>>)>| changes.into_iter().collect::<HashMap<_, _>>();
    let (once, twice) = (written(once.1.main_storage_changes), written(twice.1.main_storage_changes));

    let mut volatile: Vec<_> = VOLATILE.iter().map(|item| keys::item("System", item)).collect();
    volatile.extend(layout.migrations().map(|pallet| pallet.key("Cursor")));
    let mut items = BTreeMap::<String, Vec<String>>::new();
    for key in once.keys().chain(twice.keys().filter(|key| !once.contains_key(*key))) {
        if volatile.iter().any(|prefix| key.starts_with(prefix)) {
            continue;
        }
        let value = |written: &HashMap<Vec<u8>, Option<Vec<u8>>>| -> Result<Option<Vec<u8>>> {
            written.get(key).map_or_else(|| migrated.storage(key), |value| Ok(value.clone()))
        };
        if value(&once)? != value(&twice)? {
            items.entry(layout.describe(key)).or_default().push(hex::encode_prefixed(key));
        }
    }
    if items.is_empty() {
        return Ok(Check::pass(NAME, "running the migrations again changes nothing"));
    }
    let findings = items.into_iter().map(|(item, keys)| match keys.as_slice() {
        [key] => format!("{item} changes again: {key}"),
        keys => format!("{item} changes again: {} keys, {} the first", keys.len(), keys[0]),
    });
    Ok(Check::warn(NAME, "the migrations do not leave migrated state alone").with(findings))
}
