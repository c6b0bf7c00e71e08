// SPDX-License-Identifier: Apache-2.0
//! Does the chain pass the end of a session under the new code, and reach the next era where it has
//! staking?
//!
//! The block that ends a session computes authorities, keys and rewards. On chain it comes hours
//! after the upgrade. Here it comes at once: on a Babe chain the slots of an epoch pass without
//! blocks; elsewhere the number of the block that ends a session is found, and the chain continues
//! there as if the blocks in between were empty. Sessions are ended until an era begins, with the
//! election before it.

use crate::{ask::ask, input::Runtime, outcome::of_failure, rehearsal::Rehearsal};
use artifact::pace::counted;
use codec::{Compact, Decode};
use fork::{
    Author, BlockRequest, Chain, Executor,
    processor::{CpuScope, Stopwatch},
    runtime_log::RuntimeLog,
};
use protocol::CheckOutcome;
use worker::{Failure, Kind, Result};

/// New keys count from the second session on.
const SESSIONS: u32 = 2;
/// The most blocks ahead that are searched. Sessions of six hours have 10,800 blocks of two
/// seconds.
const FURTHEST: u32 = 15_000;
/// The time limit of the search, in seconds of processor time: its result must not depend on the
/// load of the machine.
const SEARCH: f64 = 8.0;
/// Sessions beyond those of an era: the current era may have begun late, and an election is a
/// session early.
const SPARE: u32 = 3;
/// The most sessions of an era. Eras of 24 sessions are the longest in use.
const MOST_SESSIONS: u32 = 40;
/// The time limit for all sessions of an era, in seconds of processor time.
const ERA: f64 = 120.0;

enum Outcome {
    /// The runtime has no sessions.
    Absent,
    /// The end of a session was not found, for this reason.
    Unknown(String),
    /// The sessions that ended, and the number of authorities that the last began with.
    Rotated {
        sessions: u32,
        validators: usize,
        era: Era,
    },
    Broken(Failure),
}

enum Era {
    /// The chain has no staking whose eras are counted in sessions, or its eras are too long.
    Unknown,
    Began {
        index: u32,
        sessions: u32,
    },
    /// That many sessions ended, and no era began.
    Missing(u32),
    Broken(Failure),
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, chain, executor, .. } = rehearsal;
    let migrated = &rehearsal.migration()?.chain;
    rehearsal.reporter.status("ending sessions");
    let mut author = rehearsal.author()?;
    let new = match rotate(to, migrated, executor, &mut author)? {
        Outcome::Absent => return Ok(CheckOutcome::skip("the runtime has no sessions")),
        // Most chains end sessions: people must know that this was not rehearsed.
        Outcome::Unknown(why) => {
            return Ok(CheckOutcome::warn(format!("the end of a session was not rehearsed: {why}")));
        }
        Outcome::Rotated { sessions, validators, era } => Ok((sessions, validators, era)),
        Outcome::Broken(failure) => Err(failure),
    };
    match (new, rotate(from, chain, executor, &mut author)?) {
        (Ok(new), Outcome::Rotated { validators, era, .. }) => verdict(new, Some((validators, era)), executor.log()),
        (Ok(new), _) => verdict(new, None, executor.log()),
        // What the present code cannot do on this fork either is not a fault of the upgrade.
        (Err(_), Outcome::Broken(failure)) => {
            let why = failure.found.unwrap_or(failure.message);
            let detail = format!("not rehearsed: on this fork the present code does not end a session either: {why}");
            Ok(CheckOutcome::warn(detail))
        }
        (Err(failure), _) => of_failure(failure, executor.log()),
    }
}

/// Judges the sessions that ended, the number of authorities after them, and the era; `old` are the
/// last two under the present code.
fn verdict(
    (sessions, validators, era): (u32, usize, Era),
    old: Option<(usize, Era)>,
    log: &RuntimeLog,
) -> Result<CheckOutcome> {
    let (had, old) = old.map_or((None, Era::Unknown), |(had, old)| (Some(had), old));
    let era = match (era, old) {
        (Era::Began { index, .. }, _) => format!("; era {index} began"),
        (Era::Broken(failure), Era::Began { .. }) => return of_failure(failure, log),
        (Era::Missing(ended), Era::Began { index, sessions }) => {
            let found = format!("{} ended", counted(ended as u128, "session"));
            return Ok(CheckOutcome::fail(format!("no era begins any more: {found}")).with(vec![format!(
                "under the present code era {index} began after {sessions}; is a set of validators elected?"
            )]));
        }
        (Era::Broken(_) | Era::Missing(_), _) => "; no era began, and under the present code none does either".into(),
        (Era::Unknown, _) => String::new(),
    };
    let authorities = if validators == 1 { "authority" } else { "authorities" };
    let ended = counted(sessions as u128, "session");
    let detail = format!("{ended} ended, the next began with {validators} {authorities}{era}");
    Ok(match had {
        Some(had) if validators * 2 < had => CheckOutcome::warn(format!("{detail}; the present code leaves {had}")),
        _ => CheckOutcome::pass(detail),
    })
}

fn rotate(runtime: &Runtime, chain: &Chain, executor: &Executor, author: &mut Author<'_>) -> Result<Outcome> {
    let Some(pallet) = runtime.layout.pallet_with(&["CurrentIndex", "Validators"], None) else {
        return Ok(Outcome::Absent);
    };
    let (index, validators) = (pallet.key("CurrentIndex"), pallet.key("Validators"));
    let epoch = ask(runtime, chain, executor, "BabeApi_configuration", &[])?;
    let epoch = epoch.value().and_then(|answer| <(u64, u64)>::decode(&mut &answer[..]).ok()).map(|(_, slots)| slots);
    let mut rotation = Rotation { runtime, executor, author, epoch, index, chain: chain.clone() };
    for _ in 0..SESSIONS {
        if let Some(stopped) = rotation.end_session()? {
            return Ok(stopped);
        }
    }
    if rotation.count(&validators)? == 0 {
        return Ok(Outcome::Broken(
            Failure::check("a session began without authorities")
                .found(format!("{}.Validators is empty", pallet.name))
                .expected("at least one, to author the next block"),
        ));
    }
    if let Some(failure) = rotation.build(BlockRequest::default())? {
        return Ok(Outcome::Broken(failure));
    }
    let (ended, era) = rotation.era()?;
    Ok(Outcome::Rotated { sessions: SESSIONS + ended, validators: rotation.count(&validators)?, era })
}

/// A chain whose sessions are ended one after another.
struct Rotation<'a, 'e> {
    runtime: &'a Runtime,
    executor: &'a Executor,
    author: &'a mut Author<'e>,
    /// Slots of an epoch, on a Babe chain.
    epoch: Option<u64>,
    /// The key of the index of the session.
    index: Vec<u8>,
    chain: Chain,
}

impl Rotation<'_, '_> {
    /// Ends the current session. Returns what prevented it, if anything did.
    fn end_session(&mut self) -> Result<Option<Outcome>> {
        let current = self.chain.storage(&self.index)?;
        let wish = match self.epoch {
            Some(slots) => BlockRequest { slots_ahead: slots, ..BlockRequest::default() },
            None => {
                let number = end_of_session(self.runtime, &self.chain, self.executor, self.author, &self.index)?;
                let Some(number) = number else {
                    let detail = format!("no block within {FURTHEST} ends a session, or it takes too long to find it");
                    return Ok(Some(Outcome::Unknown(detail)));
                };
                self.chain.renumber(number - 1)?;
                BlockRequest::default()
            }
        };
        if let Some(failure) = self.build(wish)? {
            return Ok(Some(Outcome::Broken(failure)));
        }
        if self.chain.storage(&self.index)? == current {
            return Ok(Some(Outcome::Unknown("an epoch passed, and no session ended".into())));
        }
        Ok(None)
    }

    /// Ends sessions until an era begins, where eras are made of sessions. Returns how many it
    /// took.
    fn era(&mut self) -> Result<(u32, Era)> {
        let layout = &self.runtime.layout;
        let Some(staking) = layout.pallet_with(&["CurrentEra", "ActiveEra"], None) else {
            return Ok((0, Era::Unknown));
        };
        let length =
            layout.constant(&staking.name, "SessionsPerEra").and_then(|bytes| u32::decode(&mut &bytes[..]).ok());
        let Some(limit) = length.map(|length| length.saturating_add(SPARE)).filter(|limit| *limit <= MOST_SESSIONS)
        else {
            return Ok((0, Era::Unknown));
        };
        let active = staking.key("ActiveEra");
        let before = self.chain.storage(&active)?;
        let watch = Stopwatch::start(CpuScope::Thread);
        for ended in 1..=limit {
            match self.end_session()? {
                None => {}
                Some(Outcome::Broken(failure)) => return Ok((ended - 1, Era::Broken(failure))),
                Some(_) => return Ok((ended - 1, Era::Unknown)),
            }
            let now = self.chain.storage(&active)?;
            // `ActiveEraInfo` begins with the index of the era. Its start is written a block later.
            let index = |value: &Option<Vec<u8>>| value.as_ref().and_then(|bytes| u32::decode(&mut &bytes[..]).ok());
            if let Some(era) = index(&now).filter(|_| index(&now) != index(&before)) {
                return Ok(match self.build(BlockRequest::default())? {
                    Some(failure) => (ended, Era::Broken(failure)),
                    None => (ended, Era::Began { index: era, sessions: SESSIONS + ended }),
                });
            }
            if watch.stop().seconds() > ERA {
                return Ok((ended, Era::Unknown));
            }
        }
        Ok((limit, Era::Missing(SESSIONS + limit)))
    }

    fn count(&self, list: &[u8]) -> Result<usize> {
        let stored = self.chain.storage(list)?.unwrap_or_default();
        Ok(Compact::<u32>::decode(&mut &stored[..]).map_or(0, |count| count.0 as usize))
    }

    /// Builds a block. Returns the failure of the runtime, if any.
    fn build(&mut self, wish: BlockRequest) -> Result<Option<Failure>> {
        match self.author.build_with(&mut self.chain, &self.runtime.code, wish) {
            Ok(_) => Ok(None),
            Err(failure) if failure.kind == Kind::Check => Ok(Some(failure)),
            Err(failure) => Err(failure),
        }
    }
}

/// Returns the number of a later block whose beginning ends a session. Round numbers are tried
/// first, because sessions are counted in hours and begin with the chain.
fn end_of_session(
    runtime: &Runtime,
    chain: &Chain,
    executor: &Executor,
    author: &mut Author<'_>,
    index: &[u8],
) -> Result<Option<u32>> {
    let watch = Stopwatch::start(CpuScope::Thread);
    let current = chain.storage(index)?;
    let plan = author.plan(chain, &runtime.code, BlockRequest::default())?;
    let parent = chain.header().hash();
    let next = chain.number().saturating_add(1);
    let ahead = next..next.saturating_add(FURTHEST);
    let round = |step: u32| ahead.clone().filter(move |number| number % step == 0);
    for number in round(100).chain(round(10)).chain(ahead.clone()) {
        if watch.stop().seconds() > SEARCH {
            return Ok(None);
        }
        let header = plan.unfinished_header(number, parent);
        match chain.written_by_initialize_block(executor, &runtime.code, number, &header, index) {
            Ok(Some(written)) if Some(&written) != current.as_ref() => return Ok(Some(number)),
            Ok(_) => (),
            // The block that is built at this number shows what fails.
            Err(failure) if failure.kind == Kind::Check => return Ok(Some(number)),
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    const BEGAN: Era = Era::Began { index: 7, sessions: 8 };

    fn judged(era: Era, old: Option<(usize, Era)>) -> CheckOutcome {
        verdict((8, 4, era), old, &RuntimeLog::default()).expect("a verdict")
    }

    #[test]
    fn an_era_that_does_not_begin_any_more_fails() {
        assert_eq!(judged(BEGAN, Some((4, BEGAN))).status, Status::Pass);
        assert_eq!(judged(Era::Missing(9), Some((4, BEGAN))).status, Status::Fail);
        assert_eq!(judged(Era::Broken(Failure::check("it trapped")), Some((4, BEGAN))).status, Status::Fail);
    }

    #[test]
    fn what_the_present_code_cannot_do_either_is_no_fault_of_the_upgrade() {
        for old in [Era::Missing(9), Era::Broken(Failure::check("it trapped")), Era::Unknown] {
            let check = judged(Era::Missing(9), Some((4, old)));
            assert_eq!(check.status, Status::Pass);
            assert!(check.detail.contains("under the present code none does either"), "{}", check.detail);
        }
        assert_eq!(judged(Era::Unknown, None).status, Status::Pass);
    }

    #[test]
    fn less_than_half_of_the_authorities_warns() {
        assert_eq!(judged(BEGAN, Some((9, BEGAN))).status, Status::Warn);
        assert_eq!(judged(BEGAN, Some((8, BEGAN))).status, Status::Pass);
    }
}
