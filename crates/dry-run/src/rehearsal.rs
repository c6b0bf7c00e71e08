// SPDX-License-Identifier: Apache-2.0
//! Builds blocks with the new code until its migrations have ended, and healthy ones after.

use crate::{
    events::{self, Event},
    messages::outbound,
    result::{Block, Phase, StorageChange},
    types::Interface,
};
use codec::Decode;
use fork::{Author, Chain, Code, Layout, Wish};
use std::collections::{BTreeMap, HashMap};
use worker::{Failure, Reporter, Result};

/// Each key that was written, with what it was before the first block and is after the last.
pub type Touched = HashMap<Vec<u8>, (Option<Vec<u8>>, Option<Vec<u8>>)>;

pub struct Rehearsal {
    pub blocks: Vec<Block>,
    /// The chain after the block in which the last migration ended, or after the last block that could be built.
    pub migrated: Chain,
    pub touched: Touched,
    /// Why no more blocks were built, if that was not because the migrations ended.
    pub failure: Option<Failure>,
    /// Steps of multi-block migrations, in blocks.
    pub steps: u32,
    /// The chain after the first block of the new code.
    pub first: Option<Chain>,
    /// The messages to other chains that left it.
    pub sent: outbound::Queues,
    /// What the pallet of multi-block migrations said, each with its block.
    pub events: Vec<(u32, Event)>,
}

/// From the first block of the new code to the end of its migrations. `code` stands in for the chain's own.
pub fn migrate(
    chain: &Chain,
    author: &mut Author<'_>,
    code: &Code,
    layout: &Layout,
    limit: u32,
    task: &str,
    reporter: &Reporter,
) -> Result<Rehearsal> {
    let cursor = layout.migrations().map(|pallet| pallet.key("Cursor"));
    let mut rehearsal = Rehearsal {
        blocks: Vec::new(),
        migrated: chain.clone(),
        touched: HashMap::new(),
        failure: None,
        steps: 0,
        first: None,
        sent: outbound::Queues::new(),
        events: Vec::new(),
    };
    let interface = layout.metadata.as_deref().and_then(Interface::of);
    loop {
        let first = rehearsal.blocks.is_empty();
        let built = match author.build_with(&mut rehearsal.migrated, code, Wish::default()) {
            Ok(built) => built,
            Err(failure) if failure.is_verdict() => {
                rehearsal.failure = Some(failure);
                return Ok(rehearsal);
            }
            Err(failure) => return Err(failure),
        };
        rehearsal.blocks.push(Block::of(&built, if first { Phase::Upgrade } else { Phase::Migration }));
        for (key, value) in built.changes.main_storage_changes {
            match rehearsal.touched.get_mut(&key) {
                Some((_, now)) => *now = value,
                None => {
                    let before = chain.storage(&key)?;
                    rehearsal.touched.insert(key, (before, value));
                }
            }
        }
        outbound::join(&mut rehearsal.sent, outbound::left(layout, &rehearsal.migrated)?);
        if first {
            rehearsal.first = Some(rehearsal.migrated.clone());
        }
        if let (Some(interface), Some(pallet)) = (&interface, layout.migrations()) {
            let number = rehearsal.migrated.number();
            let said = events::of(&rehearsal.migrated, interface)?.into_iter();
            let said: Vec<_> = said.filter(|event| event.pallet == pallet.name).collect();
            let failed = said.iter().any(|event| FAILED.contains(&event.name.as_str()));
            rehearsal.events.extend(said.into_iter().map(|event| (number, event)));
            // A handler may let the chain go on; the migration has failed all the same.
            if failed {
                rehearsal.failure = Some(
                    Failure::check("a multi-block migration failed")
                        .found(format!("{} in block {number}", told(&rehearsal.events)))
                        .expected("every migration to complete")
                        .hint("the runtime's log names the migration"),
                );
                return Ok(rehearsal);
            }
        }
        let Some(position) = cursor.as_ref().map(|key| rehearsal.migrated.storage(key)).transpose()?.flatten() else {
            return Ok(rehearsal);
        };
        // `MigrationCursor`: 0 is active with the index of the migration, 1 is stuck.
        if position.first() == Some(&1) {
            rehearsal.failure = Some(
                Failure::check("the multi-block migrations are stuck: the chain takes no transaction any more")
                    .found(format!("cursor Stuck in block {}", rehearsal.migrated.number()))
                    .expected("every migration to end")
                    .hint("the runtime's log names the migration; see `failed_migration_handler` of pallet-migrations"),
            );
            return Ok(rehearsal);
        }
        rehearsal.steps += 1;
        if rehearsal.steps >= limit {
            rehearsal.failure = Some(
                Failure::check("the multi-block migrations do not end")
                    .found(format!("{limit} blocks, migration {} under way", active(&position)))
                    .expected("an end")
                    .hint("allow more with --migration-blocks, if that many are meant"),
            );
            return Ok(rehearsal);
        }
        if rehearsal.steps % 8 == 1 {
            reporter.progress(task, u64::from(rehearsal.steps), None, "blocks");
        }
    }
}

const FAILED: [&str; 2] = ["MigrationFailed", "UpgradeFailed"];

/// The last things the migrations pallet said.
fn told(events: &[(u32, Event)]) -> String {
    let names: Vec<_> = events.iter().rev().take(3).map(|(_, event)| event.name.as_str()).collect();
    names.into_iter().rev().collect::<Vec<_>>().join(", ")
}

fn active(cursor: &[u8]) -> String {
    match <(u8, u32)>::decode(&mut &cursor[..]) {
        Ok((0, index)) => index.to_string(),
        _ => "unknown".into(),
    }
}

/// Blocks after the migrations: the chain has to live on. What leaves it joins what was `sent`.
pub fn live_on(
    chain: &mut Chain,
    author: &mut Author<'_>,
    layout: &Layout,
    count: u32,
    sent: &mut outbound::Queues,
    reporter: &Reporter,
) -> Result<(Vec<Block>, Option<Failure>)> {
    let mut blocks = Vec::new();
    for index in 0..count {
        match author.build(chain, Wish::default()) {
            Ok(built) => {
                blocks.push(Block::of(&built, Phase::Healthy));
                outbound::join(sent, outbound::left(layout, chain)?);
            }
            Err(failure) if failure.is_verdict() => return Ok((blocks, Some(failure))),
            Err(failure) => return Err(failure),
        }
        reporter.progress("healthy blocks", u64::from(index) + 1, Some(u64::from(count)), "blocks");
    }
    Ok((blocks, None))
}

/// Counts what was touched by storage item. Items that the new runtime no longer has go by the name they had.
pub fn storage_changes(rehearsal: &Rehearsal, layout: &Layout, old: &Layout) -> Vec<StorageChange> {
    let mut items = BTreeMap::<String, StorageChange>::new();
    for (key, (before, after)) in &rehearsal.touched {
        if before == after {
            continue;
        }
        let name = match layout.describe(key) {
            name if name.ends_with(".?") => old.describe(key),
            name => name,
        };
        let change = items.entry(name.clone()).or_insert_with(|| StorageChange { item: name, ..Default::default() });
        match (before, after) {
            (None, _) => change.added += 1,
            (_, None) => change.removed += 1,
            _ => change.changed += 1,
        }
    }
    items.into_values().collect()
}
