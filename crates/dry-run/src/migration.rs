// SPDX-License-Identifier: Apache-2.0
//! The blocks of the new code: first those of its migrations, then healthy ones.

use crate::{
    events::{self, Event},
    input::Runtime,
    messages::outbound,
    timed_block::TimedBlock,
    types::Interface,
};
use codec::Decode;
use fork::{Author, BlockRequest, Chain, Code, Layout};
use protocol::dry_run::{Phase, StorageChange};
use std::collections::{BTreeMap, HashMap, HashSet};
use worker::{Failure, Reporter, Result};

/// The keys that were written, each with its value before the first block and after the last.
pub type Touched = HashMap<Vec<u8>, (Option<Vec<u8>>, Option<Vec<u8>>)>;

pub struct Migration {
    pub blocks: Vec<TimedBlock>,
    /// The chain after the block in which the last migration ended, or after the last block that could be built.
    pub chain: Chain,
    pub touched: Touched,
    /// Why the migrations did not end, if they did not.
    pub failure: Option<Failure>,
    /// The blocks in which multi-block migrations made a step.
    pub steps: u32,
    /// The chain after the first block of the new code.
    pub first: Option<Chain>,
    /// The messages to other chains that were sent.
    pub sent: outbound::Queues,
    /// The events of the pallet of multi-block migrations, each with its block.
    pub events: Vec<(u32, Event)>,
}

/// Builds blocks from the first of the new code to the end of its migrations. `code` is executed in
/// place of the code in the state. `limit` is the most blocks that multi-block migrations may take.
pub fn migrate(
    chain: &Chain,
    author: &mut Author<'_>,
    code: &Code,
    layout: &Layout,
    limit: u32,
    task: &str,
    reporter: &Reporter,
) -> Result<Migration> {
    let cursor = layout.migrations().map(|pallet| pallet.key("Cursor"));
    let mut migration = Migration {
        blocks: Vec::new(),
        chain: chain.clone(),
        touched: HashMap::new(),
        failure: None,
        steps: 0,
        first: None,
        sent: outbound::Queues::new(),
        events: Vec::new(),
    };
    let interface = layout.metadata.as_deref().and_then(Interface::of);
    loop {
        let first = migration.blocks.is_empty();
        let built = match author.build_with(&mut migration.chain, code, BlockRequest::default()) {
            Ok(built) => built,
            Err(failure) if failure.is_verdict() => {
                migration.failure = Some(failure);
                return Ok(migration);
            }
            Err(failure) => return Err(failure),
        };
        migration.blocks.push(TimedBlock::of(&built, if first { Phase::Upgrade } else { Phase::Migration }, layout));
        for (key, value) in built.changes.main_storage_changes {
            match migration.touched.get_mut(&key) {
                Some((_, now)) => *now = value,
                None => {
                    let before = chain.storage(&key)?;
                    migration.touched.insert(key, (before, value));
                }
            }
        }
        outbound::join(&mut migration.sent, outbound::left(layout, &migration.chain)?);
        if first {
            migration.first = Some(migration.chain.clone());
        }
        if let (Some(interface), Some(pallet)) = (&interface, layout.migrations()) {
            let number = migration.chain.number();
            let events = events::of(&migration.chain, interface)?.into_iter();
            let of_pallet: Vec<_> = events.filter(|event| event.pallet == pallet.name).collect();
            let failed = of_pallet.iter().any(|event| FAILED.contains(&event.name.as_str()));
            migration.events.extend(of_pallet.into_iter().map(|event| (number, event)));
            // The handler of the runtime may let the chain continue. The migration has failed all
            // the same.
            if failed {
                migration.failure = Some(
                    Failure::check("a multi-block migration failed")
                        .found(format!("{} in block {number}", last_events(&migration.events)))
                        .expected("every migration to complete")
                        .hint("the runtime's log names the migration"),
                );
                return Ok(migration);
            }
        }
        let Some(position) = cursor.as_ref().map(|key| migration.chain.storage(key)).transpose()?.flatten() else {
            return Ok(migration);
        };
        // `MigrationCursor`: 0 is active with the index of the migration, 1 is stuck.
        if position.first() == Some(&1) {
            migration.failure = Some(
                Failure::check("the multi-block migrations are stuck: the chain takes no transaction any more")
                    .found(format!("cursor Stuck in block {}", migration.chain.number()))
                    .expected("every migration to end")
                    .hint("the runtime's log names the migration; see `failed_migration_handler` of pallet-migrations"),
            );
            return Ok(migration);
        }
        migration.steps += 1;
        if migration.steps >= limit {
            migration.failure = Some(
                Failure::check("the multi-block migrations do not end")
                    .found(format!("{limit} blocks, migration {} under way", active(&position)))
                    .expected("an end")
                    .hint("give each step more of the block: `MaxServiceWeight` of pallet-migrations, and the weight of the step"),
            );
            return Ok(migration);
        }
        if migration.steps % 8 == 1 {
            reporter.progress(task, u64::from(migration.steps), None, "blocks");
        }
    }
}

const FAILED: [&str; 2] = ["MigrationFailed", "UpgradeFailed"];

/// Returns the names of the last events of the migrations pallet.
fn last_events(events: &[(u32, Event)]) -> String {
    let names: Vec<_> = events.iter().rev().take(3).map(|(_, event)| event.name.as_str()).collect();
    names.into_iter().rev().collect::<Vec<_>>().join(", ")
}

fn active(cursor: &[u8]) -> String {
    match <(u8, u32)>::decode(&mut &cursor[..]) {
        Ok((0, index)) => index.to_string(),
        _ => "unknown".into(),
    }
}

/// Builds blocks after the migrations. The messages that they send are added to `sent`. Returns the
/// blocks, and the failure that ended them early.
pub fn live_on(
    chain: &mut Chain,
    author: &mut Author<'_>,
    layout: &Layout,
    count: u32,
    sent: &mut outbound::Queues,
    reporter: &Reporter,
) -> Result<(Vec<TimedBlock>, Option<Failure>)> {
    let mut blocks = Vec::new();
    for index in 0..count {
        match author.build(chain, BlockRequest::default()) {
            Ok(built) => {
                blocks.push(TimedBlock::of(&built, Phase::Healthy, layout));
                outbound::join(sent, outbound::left(layout, chain)?);
            }
            Err(failure) if failure.is_verdict() => return Ok((blocks, Some(failure))),
            Err(failure) => return Err(failure),
        }
        reporter.progress("healthy blocks", u64::from(index) + 1, Some(u64::from(count)), "blocks");
    }
    Ok((blocks, None))
}

/// The keys that every block writes, with or without an upgrade.
#[derive(Clone, Default)]
pub struct Routine {
    /// Keys that each block writes.
    keys: HashSet<Vec<u8>>,
    /// Items that have a key for each block number: the beginning of such a key, and the number.
    counted: Vec<(Vec<u8>, Tail)>,
}

/// The number at the end of a key: its length in bytes, and its value.
type Tail = (usize, u64);

/// The length of the beginning of a key, the hashes of the names of pallet and item, in bytes.
const ITEM: usize = 32;
/// The farthest block number that counts as nearby: chains keep the hashes of at most as many
/// blocks.
const FAR: u64 = 8_192;

impl Routine {
    /// Returns what two blocks of the runtime on that state both write. Where it cannot build them,
    /// that is nothing.
    pub fn of(runtime: &Runtime, chain: &Chain, author: &mut Author<'_>) -> Result<Self> {
        let mut chain = chain.clone();
        chain.set_state_version(runtime.version.effective_state_version());
        let mut written = Vec::new();
        for _ in 0..2 {
            match author.build_with(&mut chain, &runtime.code, BlockRequest::default()) {
                Ok(built) => written.push(built.changes.main_storage_changes.into_iter().map(|(key, _)| key)),
                Err(failure) if failure.is_verdict() => return Ok(Self::default()),
                Err(failure) => return Err(failure),
            }
        }
        let [first, second] = <[_; 2]>::try_from(written)
            .map_err(|_| Failure::internal("two blocks were built, and others are there"))?
            .map(|keys| keys.collect::<HashSet<_>>());
        Ok(Self::seen(&first, &second))
    }

    fn seen(first: &HashSet<Vec<u8>>, second: &HashSet<Vec<u8>>) -> Self {
        let mut routine = Self { keys: first.intersection(second).cloned().collect(), counted: Vec::new() };
        for key in second.difference(first).filter(|key| key.len() > ITEM) {
            let before = |known: &&Vec<u8>| known.len() == key.len() && known[..ITEM] == key[..ITEM];
            for known in first.iter().filter(before) {
                let follows = |width: &usize| Some(number(known, *width)?.checked_add(1)? == number(key, *width)?);
                if let Some(width) = [8, 4].into_iter().find(|width| follows(width) == Some(true)) {
                    routine.counted.push((key[..ITEM].to_vec(), (width, number(key, width).unwrap_or_default())));
                }
            }
        }
        routine
    }

    pub fn writes(&self, key: &[u8]) -> bool {
        let counted = |(item, (width, seen)): &(Vec<u8>, Tail)| {
            key.starts_with(item) && number(key, *width).is_some_and(|number| number.abs_diff(*seen) < FAR)
        };
        self.keys.contains(key) || self.counted.iter().any(counted)
    }

    /// Adds the keys that every block of another runtime writes.
    pub fn join(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.counted.extend(other.counted);
    }
}

/// Returns the little-endian number at the end of the key of an item.
fn number(key: &[u8], width: usize) -> Option<u64> {
    let tail = key.get(ITEM..)?;
    let mut wide = [0; 8];
    wide.get_mut(..width)?.copy_from_slice(tail.get(tail.len().checked_sub(width)?..)?);
    Some(u64::from_le_bytes(wide))
}

/// Counts the changed keys by storage item. Keys that every block writes are counted apart. Items
/// that the new runtime no longer has are named by the old one.
pub fn storage_changes(migration: &Migration, routine: &Routine, layout: &Layout, old: &Layout) -> Vec<StorageChange> {
    let mut items = BTreeMap::<(String, bool), StorageChange>::new();
    for (key, (before, after)) in &migration.touched {
        if before == after {
            continue;
        }
        let name = match layout.describe(key) {
            name if name.ends_with(".?") => old.describe(key),
            name => name,
        };
        let every_block = routine.writes(key);
        let change = items.entry((name.clone(), every_block)).or_insert_with(|| StorageChange {
            item: name,
            every_block,
            ..Default::default()
        });
        match (before, after) {
            (None, _) => change.added += 1,
            (_, None) => change.removed += 1,
            _ => change.changed += 1,
        }
    }
    items.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(item: u8, rest: &[u8]) -> Vec<u8> {
        [&[item; ITEM][..], rest].concat()
    }

    fn hashed(item: u8, number: &[u8]) -> Vec<u8> {
        key(item, &[&artifact::hashes::twox_64(number)[..], number].concat())
    }

    #[test]
    fn what_every_block_writes_is_told_from_what_one_did() {
        let block = |number: u32, more: &[Vec<u8>]| {
            let wide = u64::from(number).to_le_bytes();
            let keys = [key(1, &[]), hashed(2, &number.to_le_bytes()), hashed(3, &wide), key(4, &[7; 32])];
            keys.into_iter().chain(more.iter().cloned()).collect::<HashSet<_>>()
        };
        let session_ends = [key(5, &[])];
        let routine = Routine::seen(&block(70, &session_ends), &block(71, &[]));
        assert!(routine.writes(&key(1, &[])) && routine.writes(&key(4, &[7; 32])));
        assert!(routine.writes(&hashed(2, &76u32.to_le_bytes())), "of another block");
        assert!(routine.writes(&hashed(3, &64u64.to_le_bytes())));
        assert!(!routine.writes(&hashed(2, &900_000u32.to_le_bytes())), "of no block near");
        assert!(!routine.writes(&key(4, &[8; 32])), "another account of the same item");
        assert!(!routine.writes(&key(5, &[])), "one block wrote it, and the next did not");
    }
}
