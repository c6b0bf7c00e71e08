// SPDX-License-Identifier: Apache-2.0
//! Does a second run of the migrations change nothing? On chain they run once: a change is a hazard
//! of the next release, if it still contains them.
//!
//! On the migrated state a block is initialized twice with the blob that ships: once as it is, and
//! once with the record of the last upgrade set back, so that every migration runs again. The
//! difference is what the migrations did.

use crate::{input::Runtime, outcome::errors_logged, rehearsal::Rehearsal};
use fork::{BlockRequest, Chain, keys};
use protocol::CheckOutcome;
use std::collections::{BTreeMap, HashMap};
use worker::Result;

/// Written by every block or by any upgrade, whatever migrations do.
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

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { executor, .. } = rehearsal;
    let Runtime { code, layout, .. } = &rehearsal.to;
    let (before, migrated) = (rehearsal.enacted()?, &rehearsal.migration()?.chain);
    rehearsal.reporter.status("running the migrations once more");
    let last_upgrade = keys::item("System", "LastRuntimeUpgrade");
    let plan = rehearsal.author()?.plan(migrated, code, BlockRequest::default())?;
    let header = plan.unfinished_header(migrated.number().saturating_add(1), migrated.header().hash());
    let mut again = migrated.clone();
    again.set(vec![(last_upgrade.clone(), before.storage(&last_upgrade)?)])?;
    let initialize = |chain: &Chain| chain.call_with_changes(executor, code, "Core_initialize_block", &header);
    let once = initialize(migrated)?;
    let twice = match initialize(&again) {
        Ok(twice) => twice,
        Err(failure) => {
            return Ok(CheckOutcome::warn(format!("the migrations fail when they run again: {failure}"))
                .with(errors_logged(executor.log())));
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
        return Ok(CheckOutcome::pass("running the migrations again changes nothing"));
    }
    let findings = items.into_iter().map(|(item, keys)| match keys.as_slice() {
        [key] => format!("{item} changes again: {key}"),
        keys => format!("{item} changes again: {} keys, {} the first", keys.len(), keys[0]),
    });
    Ok(CheckOutcome::warn("the migrations do not leave migrated state alone").with(findings))
}
