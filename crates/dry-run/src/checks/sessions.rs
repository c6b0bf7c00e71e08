// SPDX-License-Identifier: Apache-2.0
//! Does the chain get past the end of a session under the new code?
//!
//! Most blocks are alike; the one that ends a session computes authorities, keys and rewards, and is reached hours after
//! the upgrade. Here it is reached at once: on a Babe chain by letting an epoch's slots pass, elsewhere by finding the
//! number of the block whose beginning ends a session, and going on from there as if the blocks between had been empty.

use crate::{ask::ask, input::Runtime, result::Check};
use codec::{Compact, Decode};
use fork::{Author, Chain, Executor, Header, Wish};
use sp_runtime::traits::Header as _;
use std::time::{Duration, Instant};
use worker::{Failure, Kind, Result};

const NAME: &str = "sessions";
/// New keys count from the second session on.
const SESSIONS: u32 = 2;
/// Sessions of six hours have 10,800 blocks of two seconds.
const FURTHEST: u32 = 15_000;
const SEARCH: Duration = Duration::from_secs(8);

enum Outcome {
    /// The runtime knows no sessions, or their end was not found.
    Unknown(String),
    /// Sessions that ended, and how many authorities the last began with.
    Rotated {
        sessions: u32,
        validators: usize,
    },
    Broken(Failure),
}

pub fn sessions(
    from: &Runtime,
    to: &Runtime,
    before: &Chain,
    migrated: &Chain,
    executor: &Executor,
    author: &mut Author<'_>,
) -> Result<Check> {
    let new = rotate(to, migrated, executor, author)?;
    if let Outcome::Unknown(why) = new {
        return Ok(Check::skip(NAME, why));
    }
    // What the chain's present code cannot do on this fork either is no fault of the upgrade.
    let old = rotate(from, before, executor, author)?;
    if let Outcome::Broken(failure) = old {
        let why = failure.found.unwrap_or(failure.message);
        return Ok(Check::skip(NAME, format!("on this fork the present code does not end a session either: {why}")));
    }
    Ok(match new {
        Outcome::Broken(failure) => Check::from_failure(NAME, failure)?,
        Outcome::Rotated { sessions, validators } => match old {
            Outcome::Rotated { validators: had, .. } if validators * 2 < had => Check::warn(
                NAME,
                format!("after {sessions} sessions there are {validators} authorities; the present code leaves {had}"),
            ),
            _ => Check::pass(NAME, format!("{sessions} sessions ended, the next began with {validators} authorities")),
        },
        Outcome::Unknown(why) => Check::skip(NAME, why),
    })
}

fn rotate(runtime: &Runtime, chain: &Chain, executor: &Executor, author: &mut Author<'_>) -> Result<Outcome> {
    let Some(pallet) = runtime.layout.pallet_with(&["CurrentIndex", "Validators"], None) else {
        return Ok(Outcome::Unknown("the runtime has no sessions".into()));
    };
    let (index, validators) = (pallet.key("CurrentIndex"), pallet.key("Validators"));
    let epoch = ask(runtime, chain, executor, "BabeApi_configuration", &[])?;
    let epoch = epoch.value().and_then(|answer| <(u64, u64)>::decode(&mut &answer[..]).ok()).map(|(_, slots)| slots);
    let mut chain = chain.clone();
    for _ in 0..SESSIONS {
        let current = chain.storage(&index)?;
        let wish = match epoch {
            Some(slots) => Wish { slots_ahead: slots, ..Wish::default() },
            None => {
                let Some(number) = end_of_session(runtime, &chain, executor, author, &index)? else {
                    let detail = format!("no block within {FURTHEST} ends a session, or it takes too long to find it");
                    return Ok(Outcome::Unknown(detail));
                };
                chain.renumber(number - 1)?;
                Wish::default()
            }
        };
        if let Some(failure) = build(&mut chain, author, runtime, wish)? {
            return Ok(Outcome::Broken(failure));
        }
        if chain.storage(&index)? == current {
            return Ok(Outcome::Unknown("an epoch passed, and no session ended".into()));
        }
    }
    let stored = chain.storage(&validators)?.unwrap_or_default();
    let count = Compact::<u32>::decode(&mut &stored[..]).map_or(0, |count| count.0 as usize);
    if count == 0 {
        return Ok(Outcome::Broken(
            Failure::check("a session began without authorities")
                .found(format!("{}.Validators is empty", pallet.name))
                .expected("at least one, to author the next block"),
        ));
    }
    if let Some(failure) = build(&mut chain, author, runtime, Wish::default())? {
        return Ok(Outcome::Broken(failure));
    }
    Ok(Outcome::Rotated { sessions: SESSIONS, validators: count })
}

/// Builds a block; a failure of the runtime is given back as one.
fn build(chain: &mut Chain, author: &mut Author<'_>, runtime: &Runtime, wish: Wish) -> Result<Option<Failure>> {
    match author.build_with(chain, &runtime.code, wish) {
        Ok(_) => Ok(None),
        Err(failure) if failure.kind == Kind::Check => Ok(Some(failure)),
        Err(failure) => Err(failure),
    }
}

/// The number of a block to come whose beginning ends a session, by beginning them: round numbers first, as sessions are
/// counted in hours and begin with the chain.
fn end_of_session(
    runtime: &Runtime,
    chain: &Chain,
    executor: &Executor,
    author: &mut Author<'_>,
    index: &[u8],
) -> Result<Option<u32>> {
    let began = Instant::now();
    let current = chain.storage(index)?;
    let digest = author.plan(chain, &runtime.code, Wish::default())?.digest;
    let parent = chain.header().hash();
    let next = chain.number().saturating_add(1);
    let ahead = next..next.saturating_add(FURTHEST);
    let round = |step: u32| ahead.clone().filter(move |number| number % step == 0);
    for number in round(100).chain(round(10)).chain(ahead.clone()) {
        if began.elapsed() > SEARCH {
            return Ok(None);
        }
        let header = Header::new(number, Default::default(), Default::default(), parent, digest.clone());
        match chain.would_begin(executor, &runtime.code, &header, index) {
            Ok(Some(written)) if Some(&written) != current.as_ref() => return Ok(Some(number)),
            Ok(_) => (),
            // Whatever it is that fails at this number, the block that is built there shows it.
            Err(failure) if failure.kind == Kind::Check => return Ok(Some(number)),
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}
