// SPDX-License-Identifier: Apache-2.0
//! Could the chain still be upgraded if a multi-block migration failed?
//!
//! Each migration is made to fail on a fork, by a cursor that it cannot decode. The handler of the
//! runtime decides what follows. The migrations of this upgrade end, or the check `migrations`
//! fails: their failure is a hazard. If the handler freezes the chain, which accepts no
//! transactions then, the ways out are tried: hooks alone, and for a parachain a message of the
//! root of its relay chain that clears the cursor.

use crate::{
    events,
    input::Runtime,
    rehearsal::Rehearsal,
    superuser::{self, Sender},
    types::Interface,
};
use codec::Encode;
use fork::{Author, BlockRequest, Chain};
use protocol::{CheckOutcome, Finding};
use worker::{Kind, Result};

/// The most migrations that are tried.
const MOST_MIGRATIONS: u32 = 64;
/// The blocks in which hooks may free the chain.
const MOST_BLOCKS: u32 = 4;

enum Outcome {
    /// No migration has that index, or it was done before.
    Ended,
    /// The migration accepted the cursor and continued.
    WentOn,
    /// The handler let the chain continue.
    Unstuck,
    /// Frozen, and freed by this way, if by any.
    Frozen(Option<&'static str>),
    /// No block can be built, for this reason.
    Broken(String),
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { to, .. } = rehearsal;
    let (enacted, migration) = (rehearsal.enacted()?, rehearsal.migration()?);
    rehearsal.reporter.status("making the migrations fail");
    let Some(pallet) = to.layout.migrations() else {
        return Ok(CheckOutcome::pass("no multi-block migrations, so none can fail half-way"));
    };
    let Some(interface) = to.interface() else {
        return Ok(CheckOutcome::skip("the new runtime's metadata is from before version 14"));
    };
    let begun = migration.steps > 0 || migration.events.iter().any(|(_, event)| event.name == "UpgradeStarted");
    let Some(begin) = migration.first.as_ref().filter(|_| begun) else {
        return Ok(CheckOutcome::pass("this upgrade has no multi-block migration that could fail half-way"));
    };
    // Migrations that were done in the first block must run again, or they would be skipped.
    let historic = pallet.key("Historic");
    let (known, _) = fork::sample::entries(enacted, &historic, 4_096)?;
    let (done, _) = fork::sample::entries(begin, &historic, 4_096)?;
    let new = done.into_iter().filter(|(key, _)| !known.iter().any(|(known, _)| known == key));
    let mut start = begin.clone();
    start.set(new.map(|(key, _)| (key, None)).collect())?;

    let mut author = rehearsal.author()?;
    let (mut failed, mut went_on, mut findings) = (0, 0, Vec::new());
    for index in 0..MOST_MIGRATIONS {
        match fail(&start, &mut author, to, &interface, index)? {
            Outcome::Ended => break,
            Outcome::WentOn => went_on += 1,
            Outcome::Unstuck => failed += 1,
            Outcome::Frozen(Some(way)) => {
                failed += 1;
                findings.push(Finding::note(format!("migration {index}: frozen, and freed by {way}")));
            }
            Outcome::Frozen(None) => {
                let detail = format!(
                    "if migration {index} failed, the chain would be frozen for ever: it takes no transaction, and nothing frees it"
                );
                findings.extend([
                    Finding::hazard(format!("migration {index}: frozen for ever; see {}'s FailedMigrationHandler", pallet.name)),
                    Finding::note(
                        "tried: blocks with their hooks; for a parachain, a message of the relay chain's root that clears the cursor",
                    ),
                ]);
                return Ok(CheckOutcome::judged(detail, findings));
            }
            Outcome::Broken(why) => {
                findings.push(Finding::hazard(why));
                return Ok(CheckOutcome::judged(
                    format!("if migration {index} failed, no block could be built"),
                    findings,
                ));
            }
        }
    }
    if failed == 0 {
        // A hazard may remain unseen.
        let detail = format!("no migration could be made to fail from outside: {went_on} took any cursor");
        return Ok(CheckOutcome::warn(detail));
    }
    let failed = match failed {
        1 => "1 migration made to fail".to_owned(),
        several => format!("{several} migrations made to fail, one by one"),
    };
    let detail = match findings.len() {
        0 => format!("{failed}: the chain goes on and can be upgraded"),
        _ => format!("{failed}: the chain freezes and can be freed"),
    };
    Ok(CheckOutcome::judged(detail, findings))
}

/// Makes the migration of that index fail, and returns how the runtime reacts.
fn fail(
    start: &Chain,
    author: &mut Author<'_>,
    to: &Runtime,
    interface: &Interface<'_>,
    index: u32,
) -> Result<Outcome> {
    let Some(pallet) = to.layout.migrations() else { return Ok(Outcome::Ended) };
    let cursor = pallet.key("Cursor");
    let mut chain = start.clone();
    // `MigrationCursor::Active` with an empty inner cursor, from which only a cursor without
    // content decodes.
    let active = (0u8, index, Some(Vec::<u8>::new()), chain.number()).encode();
    chain.set(vec![(cursor.clone(), Some(active))])?;
    if let Some(why) = build(&mut chain, author, to, BlockRequest::default())? {
        return Ok(Outcome::Broken(why));
    }
    let events = events::of(&chain, interface)?;
    let of_pallet = |name: &str| events.iter().any(|event| event.pallet == pallet.name && event.name == name);
    if !of_pallet("MigrationFailed") && !of_pallet("UpgradeFailed") {
        return Ok(if of_pallet("MigrationAdvanced") || of_pallet("MigrationCompleted") {
            Outcome::WentOn
        } else {
            Outcome::Ended
        });
    }
    if chain.storage(&cursor)?.is_none() {
        return Ok(Outcome::Unstuck);
    }
    let mut alone = chain.clone();
    for _ in 0..MOST_BLOCKS {
        if let Some(why) = build(&mut alone, author, to, BlockRequest::default())? {
            return Ok(Outcome::Broken(why));
        }
        if alone.storage(&cursor)?.is_none() {
            return Ok(Outcome::Frozen(Some("its own hooks")));
        }
    }
    let Some(call) = pallet.call("force_set_cursor").filter(|_| to.layout.parachain_system().is_some()) else {
        return Ok(Outcome::Frozen(None));
    };
    let clear = [call.as_slice(), &[0]].concat();
    let freed = superuser::obeyed(&chain, author, &to.code, Sender::RelayChain, &clear, |chain| {
        Ok(chain.storage(&cursor)?.is_none())
    })?;
    Ok(Outcome::Frozen(freed.then_some("a message of the relay chain's root that clears the cursor")))
}

/// Returns why the block could not be built, if so.
fn build(chain: &mut Chain, author: &mut Author<'_>, to: &Runtime, wish: BlockRequest) -> Result<Option<String>> {
    match author.build_with(chain, &to.code, wish) {
        Ok(_) => Ok(None),
        Err(failure) if failure.kind == Kind::Check => Ok(Some(failure.to_string())),
        Err(failure) => Err(failure),
    }
}
