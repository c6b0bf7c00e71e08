// SPDX-License-Identifier: Apache-2.0
//! Does the chain get past the end of a session under the new code, and into the next era where it has staking?
//!
//! Most blocks are alike; the one that ends a session computes authorities, keys and rewards, and is reached hours after
//! the upgrade. Here it is reached at once: on a Babe chain by letting an epoch's slots pass, elsewhere by finding the
//! number of the block whose beginning ends a session, and going on from there as if the blocks between had been empty.
//! An era is some sessions: they are ended until it begins, with the election that comes before.

use crate::{ask::ask, input::Runtime, result};
use codec::{Compact, Decode};
use fork::{
    Author, BlockRequest, Chain, Executor, Header,
    processor::{CpuScope, Stopwatch},
};
use protocol::Check;
use sp_runtime::traits::Header as _;
use worker::{Failure, Kind, Result};

const NAME: &str = "sessions";
/// New keys count from the second session on.
const SESSIONS: u32 = 2;
/// Sessions of six hours have 10,800 blocks of two seconds.
const FURTHEST: u32 = 15_000;
/// Seconds of the processor: whether an end is found must not depend on what else the machine does.
const SEARCH: f64 = 8.0;
/// Beyond the sessions of an era: the one under way may have begun late, and an election is a session early.
const SPARE: u32 = 3;
/// Eras of 24 sessions are the longest in use.
const MOST_SESSIONS: u32 = 40;
/// The same, for all sessions of an era.
const ERA: f64 = 120.0;

enum Outcome {
    /// The runtime knows no sessions.
    Absent,
    /// The end of one was not found.
    Unknown(String),
    /// Sessions that ended, and how many authorities the last began with.
    Rotated {
        sessions: u32,
        validators: usize,
        era: Era,
    },
    Broken(Failure),
}

enum Era {
    /// The chain has no staking whose eras are counted in sessions, or they are too long.
    Unknown,
    Began {
        index: u32,
        sessions: u32,
    },
    /// So many sessions ended, and none began.
    Missing(u32),
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
    let new = match rotate(to, migrated, executor, author)? {
        Outcome::Absent => return Ok(Check::skip(NAME, "the runtime has no sessions")),
        // Most chains end them: that this one was not seen to is for people to know.
        Outcome::Unknown(why) => {
            return Ok(Check::warn(NAME, format!("the end of a session was not rehearsed: {why}")));
        }
        Outcome::Rotated { sessions, validators, era } => Ok((sessions, validators, era)),
        Outcome::Broken(failure) => Err(failure),
    };
    match (new, rotate(from, before, executor, author)?) {
        (Ok(new), Outcome::Rotated { validators, era, .. }) => verdict(new, Some((validators, era))),
        (Ok(new), _) => verdict(new, None),
        // What the chain's present code cannot do on this fork either is no fault of the upgrade.
        (Err(_), Outcome::Broken(failure)) => {
            let why = failure.found.unwrap_or(failure.message);
            let detail = format!("not rehearsed: on this fork the present code does not end a session either: {why}");
            Ok(Check::warn(NAME, detail))
        }
        (Err(failure), _) => result::from_failure(NAME, failure),
    }
}

/// How many sessions ended, with how many authorities after them, and what of an era; the last two under the present code.
fn verdict((sessions, validators, era): (u32, usize, Era), old: Option<(usize, Era)>) -> Result<Check> {
    let (had, old) = old.map_or((None, Era::Unknown), |(had, old)| (Some(had), old));
    let era = match (era, old) {
        (Era::Began { index, .. }, _) => format!("; era {index} began"),
        (Era::Broken(failure), Era::Began { .. }) => return result::from_failure(NAME, failure),
        (Era::Missing(ended), Era::Began { index, sessions }) => {
            let found = format!("{ended} sessions ended");
            return Ok(Check::fail(NAME, format!("no era begins any more: {found}")).with(vec![format!(
                "under the present code era {index} began after {sessions}; is a set of validators elected?"
            )]));
        }
        (Era::Broken(_) | Era::Missing(_), _) => "; no era began, and under the present code none does either".into(),
        (Era::Unknown, _) => String::new(),
    };
    let detail = format!("{sessions} sessions ended, the next began with {validators} authorities{era}");
    Ok(match had {
        Some(had) if validators * 2 < had => Check::warn(NAME, format!("{detail}; the present code leaves {had}")),
        _ => Check::pass(NAME, detail),
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
    /// Where the index of the session is kept.
    index: Vec<u8>,
    chain: Chain,
}

impl Rotation<'_, '_> {
    /// Ends the session under way; what kept it from that, if something did.
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

    /// Ends sessions until an era begins, where eras are made of sessions; how many it took.
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
            // `ActiveEraInfo` begins with the era's index. When it began is written into it a block later.
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

    /// Builds a block; a failure of the runtime is given back as one.
    fn build(&mut self, wish: BlockRequest) -> Result<Option<Failure>> {
        match self.author.build_with(&mut self.chain, &self.runtime.code, wish) {
            Ok(_) => Ok(None),
            Err(failure) if failure.kind == Kind::Check => Ok(Some(failure)),
            Err(failure) => Err(failure),
        }
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
    let watch = Stopwatch::start(CpuScope::Thread);
    let current = chain.storage(index)?;
    let digest = author.plan(chain, &runtime.code, BlockRequest::default())?.digest;
    let parent = chain.header().hash();
    let next = chain.number().saturating_add(1);
    let ahead = next..next.saturating_add(FURTHEST);
    let round = |step: u32| ahead.clone().filter(move |number| number % step == 0);
    for number in round(100).chain(round(10)).chain(ahead.clone()) {
        if watch.stop().seconds() > SEARCH {
            return Ok(None);
        }
        let header = Header::new(number, Default::default(), Default::default(), parent, digest.clone());
        match chain.written_by_initialize_block(executor, &runtime.code, &header, index) {
            Ok(Some(written)) if Some(&written) != current.as_ref() => return Ok(Some(number)),
            Ok(_) => (),
            // Whatever it is that fails at this number, the block that is built there shows it.
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

    fn judged(era: Era, old: Option<(usize, Era)>) -> Check {
        verdict((8, 4, era), old).expect("a verdict")
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
