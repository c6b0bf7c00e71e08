// SPDX-License-Identifier: Apache-2.0
//! Blocks on the chains, from the one that dispatches a call on, with their events.

use super::{
    origin::Origin,
    route::{Dispatch, Route},
    sent_messages::SentMessages,
    stage::{Member, Stage},
};
use crate::block::records::{self, Record};
use codec::Encode;
use std::collections::BTreeSet;
use worker::{Failure, Kind, Reporter, Result};

/// The fewest blocks of each chain after the proposal, and in each session that begins: they show that it goes on.
const FEWEST: usize = 3;
/// The most blocks of the relay chain that are waited for that and for messages.
const MOST_NETWORK: u32 = 60;
/// The slots before the end of a session that are not skipped. Candidates are then pending when it ends.
const LEAD: u64 = 4;
/// The blocks of a chain that is alone.
const ALONE: u32 = 4;

/// The blocks that followed a call.
pub struct Run<'a> {
    pub stage: Stage<'a>,
    pub blocks: Vec<Made>,
    /// The slots that were skipped before each round.
    pub skipped: Vec<u64>,
    /// The sessions of the relay chain that ended, and in which all chains went on.
    pub sessions: u32,
    /// How the call was dispatched, once a block has it.
    pub dispatched: Option<Dispatched>,
    /// Why no further block could be built.
    pub obstacle: Option<Failure>,
    /// The last reason why a parachain had no candidate, by its position.
    pub reasons: Vec<Option<String>>,
    /// The keys that were written for the call alone.
    pub written: Vec<Vec<u8>>,
    pub sent: SentMessages,
    part: Part,
}

/// A part of a run: up to the effects of the call, or a session that ends after that.
#[derive(Default)]
struct Part {
    /// The sessions up to this part.
    sessions: u32,
    /// The rounds before it.
    rounds: usize,
    /// The blocks before it.
    blocks: usize,
    /// The session that ends in it.
    session: Option<u32>,
}

/// A block of a chain.
pub struct Made {
    pub member: usize,
    pub number: u32,
    /// Its events. Nothing if it was built with another code than the one that was read.
    pub records: Option<Vec<Record>>,
    /// The keys whose values it changed.
    pub keys: Vec<Vec<u8>>,
}

/// How a call was dispatched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatched {
    /// The number of the block.
    pub block: u32,
    /// The error that it ended with.
    pub error: Option<String>,
    /// The event that tells it: its position in the block.
    pub event: usize,
}

/// When a run ends.
#[derive(Clone, Copy)]
pub enum Until<'u> {
    /// When all messages have arrived and each chain has gone on.
    Settled {
        /// The fewest rounds.
        rounds: u32,
        /// The sessions of the relay chain that end after that.
        sessions: u32,
    },
    /// After rounds like those of another run: before each, as many slots are skipped.
    Like(&'u [u64]),
}

impl<'a> Run<'a> {
    /// Dispatches a call on a twin of the chains, and builds blocks. Without a call, the same blocks are built without it.
    ///
    /// # Errors
    ///
    /// An error of the run, and a call that cannot be dispatched here. What the chains cannot do is the obstacle.
    pub fn of(
        stage: &Stage<'a>,
        members: &[Member],
        route: &Route,
        call: Option<(&[u8], &Origin)>,
        until: Until<'_>,
        reporter: &Reporter,
    ) -> Result<Self> {
        let mut stage = stage.twin();
        let Some(main) = members.first() else { return Err(Failure::internal("a rehearsal without chains")) };
        let (written, dispatch) = route.put(&mut stage, main, call)?;
        stage.begin();
        let mut run = Self {
            stage,
            blocks: Vec::new(),
            skipped: Vec::new(),
            sessions: 0,
            dispatched: None,
            obstacle: None,
            reasons: vec![None; members.len()],
            written,
            sent: SentMessages::default(),
            part: Part::default(),
        };
        loop {
            reporter.progress("blocks after the proposal", u64::from(run.rounds()), None, "blocks");
            match run.step(members, until, dispatch.as_ref()) {
                Ok(true) => {}
                Ok(false) => return Ok(run),
                Err(failure) if failure.is_verdict() => {
                    run.obstacle = Some(failure);
                    return Ok(run);
                }
                // The states could be read before the first round.
                Err(failure) if failure.kind == Kind::Input => {
                    run.obstacle = Some(Failure { kind: Kind::Check, ..failure });
                    return Ok(run);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Returns the number of rounds, the one that failed included.
    pub fn rounds(&self) -> u32 {
        self.skipped.len() as u32
    }

    /// Makes the next round. Returns false if the run has ended before it.
    fn step(&mut self, members: &[Member], until: Until<'_>, dispatch: Option<&Dispatch>) -> Result<bool> {
        let slots = match until {
            Until::Like(skipped) => skipped.get(self.skipped.len()).copied(),
            Until::Settled { rounds, sessions } => self.next(members, rounds, sessions, dispatch.is_some())?,
        };
        let Some(slots) = slots else { return Ok(false) };
        self.skipped.push(slots);
        self.round(members, dispatch, slots)?;
        Ok(true)
    }

    /// Returns the slots to skip before the next round, or nothing at the end.
    fn next(&mut self, members: &[Member], rounds: u32, sessions: u32, dispatches: bool) -> Result<Option<u64>> {
        let since = self.skipped.len() - self.part.rounds;
        if !self.is_settled(members, dispatches)? {
            let most = match self.stage {
                Stage::Alone(_) => ALONE,
                Stage::Network(_) => MOST_NETWORK,
            };
            let most = if self.part.sessions == 0 { most.max(rounds) } else { most };
            return Ok((since < most as usize).then_some(0));
        }
        self.sessions = self.part.sessions;
        if self.rounds() < rounds {
            return Ok(Some(0));
        }
        if self.part.sessions >= sessions {
            return Ok(None);
        }
        let Some((session, left)) = self.stage.session()? else { return Ok(None) };
        self.part = Part {
            sessions: self.part.sessions + 1,
            rounds: self.skipped.len(),
            blocks: self.blocks.len(),
            session: Some(session),
        };
        Ok(Some(left.saturating_sub(LEAD)))
    }

    /// Returns whether the call was dispatched, each chain has gone on since then, and all messages have arrived.
    fn is_settled(&self, members: &[Member], dispatches: bool) -> Result<bool> {
        if dispatches && self.dispatched.is_none() || !self.sent.is_delivered() {
            return Ok(false);
        }
        let goes_on = |position: usize| {
            let since = match (position, &self.dispatched) {
                (0, Some(dispatched)) => dispatched.block,
                _ => 0,
            };
            let part = self.blocks.iter().skip(self.part.blocks);
            part.filter(|made| made.member == position && made.number > since).count() >= FEWEST
        };
        Ok((0..members.len()).all(goes_on)
            && match self.part.session {
                Some(before) => self.stage.session()?.is_none_or(|(session, _)| session != before),
                None => true,
            })
    }

    fn round(&mut self, members: &[Member], dispatch: Option<&Dispatch>, slots: u64) -> Result<()> {
        let present: Vec<_> = members
            .iter()
            .map(|member| Ok(self.stage.chain(member)?.next_code()? == member.runtime.code))
            .collect::<Result<_>>()?;
        let round = self.stage.round(members, slots)?;
        for (position, reason) in round.obstacles {
            self.reasons[position] = Some(reason);
        }
        for (position, block) in round.blocks {
            let (Some(member), Some(is_present)) = (members.get(position), present.get(position)) else { continue };
            let interface = member.interface()?;
            let number = block.after.number();
            self.reasons[position] = None;
            let records = match is_present {
                true => records::whole(&block.after, &interface)?,
                false => None,
            };
            if let (0, Some(records), Some(dispatch), None) = (position, &records, dispatch, &self.dispatched) {
                let extrinsics: Vec<_> = block.extrinsics.iter().map(Encode::encode).collect();
                self.dispatched = found(dispatch, &extrinsics, records).map(|(event, error)| Dispatched {
                    block: number,
                    error,
                    event,
                });
                if self.dispatched.is_some() {
                    self.stage.offer(member, Vec::new())?;
                }
            }
            if let Some(records) = &records {
                self.sent.note(position, number, members, records)?;
            }
            self.blocks.push(Made { member: position, number, records, keys: block.keys });
        }
        Ok(())
    }

    /// Returns the keys of a chain's state that a block changed.
    pub fn changed(&self, member: usize) -> BTreeSet<&[u8]> {
        self.blocks.iter().filter(|made| made.member == member).flat_map(|made| &made.keys).map(Vec::as_slice).collect()
    }

    /// Returns the number of blocks of a chain.
    pub fn count(&self, member: usize) -> usize {
        self.blocks.iter().filter(|made| made.member == member).count()
    }
}

/// Returns the event that tells how a call was dispatched, with its error. Nothing if the block does not have it.
fn found(dispatch: &Dispatch, extrinsics: &[Vec<u8>], records: &[Record]) -> Option<(usize, Option<String>)> {
    match dispatch {
        Dispatch::Task(block, index) => {
            // The call itself is missing, or too heavy for every block.
            let lost = ["CallUnavailable", "PermanentlyOverweight"];
            let place = records.iter().position(|record| {
                record.pallet == "Scheduler"
                    && (record.name == "Dispatched" || lost.contains(&record.name.as_str()))
                    && record.field("task").is_some_and(|task| task.value == (block, index).encode())
            })?;
            let record = &records[place];
            let error = match record.name.as_str() {
                "Dispatched" => record.error.clone(),
                name => Some(format!("Scheduler.{name}")),
            };
            Some((place, error))
        }
        Dispatch::Transaction(transaction) => {
            let index = extrinsics.iter().position(|extrinsic| extrinsic == transaction)?;
            let is_own = |record: &&Record| record.extrinsic.is_some_and(|own| own as usize == index);
            let ends = ["ExtrinsicSuccess", "ExtrinsicFailed"];
            let place = records.iter().position(|record| {
                is_own(&record) && record.pallet == "System" && ends.contains(&record.name.as_str())
            })?;
            let error = (records[place].name == "ExtrinsicFailed")
                .then(|| records[place].error.clone().unwrap_or_else(|| "an error without a name".to_owned()));
            // Sudo reports the error of the call in an event of its own.
            let sudid =
                records.iter().filter(is_own).find(|record| record.pallet == "Sudo").and_then(|it| it.error.clone());
            Some((place, error.or(sudid)))
        }
    }
}
