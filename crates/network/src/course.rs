// SPDX-License-Identifier: Apache-2.0
//! How parachains go on: which of their candidates the relay chain includes, and when one stands.

use crate::{CollationOutcome, Network, ParaId, Round};
use std::time::{Duration, Instant};
use worker::{Failure, Kind, Reporter, Result};

/// The relay blocks in a row in which a parachain may be without a backed candidate although it has a
/// core. Around the end of a session the relay chain backs none, a parachain that builds behind the
/// newest relay block waits longer, and one with slots of 24 s builds in every fourth relay block.
pub(crate) const PATIENCE: u32 = 12;
/// The relay blocks in a row without a claim on a core.
const MOST_UNCLAIMED: u32 = 100;
/// The most relay blocks in which the candidates that are asked for are included.
pub(crate) const MOST_BLOCKS: u32 = 200;
/// The time after which a parachain that stands is not tried again. Its blocks may take minutes.
const LONGEST_TRIAL: Duration = Duration::from_secs(600);

/// How a parachain went on over some relay blocks.
#[derive(Debug)]
pub struct Course {
    /// The parachain.
    pub para: ParaId,
    /// The candidates that the relay chain included.
    pub heads: u32,
    /// The relay block that included the last of them.
    pub ended: Option<u32>,
    /// Why no more were.
    pub obstacle: Option<Failure>,
    /// The relay blocks in which it had a core.
    claims: u32,
    standstill: Standstill,
}

/// The step at which a candidate fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstructed {
    /// No block can be built.
    Building,
    /// The validators refuse the block.
    Validation,
    /// The relay chain does not back the candidate.
    Backing,
}

impl Course {
    fn of(para: ParaId) -> Self {
        Self { para, heads: 0, ended: None, obstacle: None, claims: 0, standstill: Standstill::default() }
    }

    /// Returns at what its last candidates failed, if the parachain stands.
    pub fn obstructed(&self) -> Option<Obstructed> {
        self.obstacle.as_ref().and(self.standstill.last)
    }

    /// Returns whether the parachain stands because it has no core.
    pub fn lacks_core(&self) -> bool {
        self.obstacle.is_some() && self.standstill.lacks_core()
    }

    fn goes_on(&self, heads: u32) -> bool {
        self.obstacle.is_none() && self.heads < heads
    }

    /// Notes what relay block `number` says about the parachain.
    fn note(&mut self, round: &mut Round, number: u32) {
        if round.block.includes(self.para) {
            self.heads += 1;
            self.ended = Some(number);
        }
        let outcome = round.take_outcome(self.para);
        self.claims += u32::from(outcome.had_core());
        self.standstill.note(outcome);
        if self.standstill.is_over() {
            self.obstacle = Some(self.standstill.failure(number, PATIENCE));
        }
    }
}

/// Builds relay blocks until this many candidates of each of these parachains are included, or no
/// more will be. A parachain that stands is left behind.
///
/// # Errors
///
/// If the relay chain builds no block.
pub fn include(network: &mut Network<'_>, paras: &[ParaId], heads: u32, reporter: &Reporter) -> Result<Vec<Course>> {
    let mut courses: Vec<_> = paras.iter().copied().map(Course::of).collect();
    for blocks in 0..MOST_BLOCKS {
        if !courses.iter().any(|course| course.goes_on(heads)) {
            return Ok(courses);
        }
        reporter.progress("relay blocks", u64::from(blocks), None, "blocks");
        let number = network.relay.chain().number().saturating_add(1);
        let stands = |para| courses.iter().any(|course| course.para == para && course.obstacle.is_some());
        let mut round = network.advance(|para| paras.contains(&para) && !stands(para))?;
        for course in courses.iter_mut().filter(|course| course.goes_on(heads)) {
            course.note(&mut round, number);
        }
    }
    for course in courses.iter_mut().filter(|course| course.goes_on(heads)) {
        course.obstacle = Some(
            too_few(course.claims, heads, "too few candidates are included")
                .found(format!("{} in {MOST_BLOCKS} relay blocks, {} of them with a core", course.heads, course.claims))
                .expected(heads.to_string()),
        );
    }
    Ok(courses)
}

/// Returns the failure of a parachain that has not had `heads` candidates included although it had a
/// core in this many relay blocks. One that buys a small part of a core has few claims, and does not
/// stand.
pub(crate) fn too_few(claims: u32, heads: u32, message: &str) -> Failure {
    match claims >= heads.saturating_add(PATIENCE) {
        true => Failure::check(message),
        false => Failure::not_judged(message),
    }
}

/// Builds relay blocks until a candidate of the parachain's present code is included.
///
/// # Errors
///
/// If none is, the fork lacks something that the live chains have. Nothing that follows would say
/// anything about another code, so it is not judged.
pub fn control(network: &mut Network<'_>, para: ParaId, reporter: &Reporter) -> Result<()> {
    match include_one(network, para, reporter)? {
        Ok(_) => network.relay.settle(para),
        Err(why) => Err(Failure::not_judged("on these forks no candidate of the present code is included either")
            .found(why.found.unwrap_or(why.message))),
    }
}

/// Builds relay blocks until a candidate of the parachain is included. Returns the relay block that includes it, or why
/// none does.
///
/// # Errors
///
/// If the relay chain builds no block.
pub fn include_one(network: &mut Network<'_>, para: ParaId, reporter: &Reporter) -> Result<Result<u32>> {
    let course = include_first(network, para, reporter)?;
    match (course.obstacle, course.ended) {
        (Some(obstacle), _) => Ok(Err(obstacle)),
        (None, Some(ended)) => Ok(Ok(ended)),
        (None, None) => Err(Failure::internal("no candidate was asked for")),
    }
}

/// Builds relay blocks until a candidate of the parachain is included, or none will be.
///
/// # Errors
///
/// If the relay chain builds no block.
pub fn include_first(network: &mut Network<'_>, para: ParaId, reporter: &Reporter) -> Result<Course> {
    let mut course = first_of(network, para, reporter)?;
    // Newer relay chains want the core to be named beside the votes, whatever their features say.
    if course.obstacle.is_some() && course.standstill.left_out {
        network.relay.invert_named_cores();
        course = first_of(network, para, reporter)?;
        if course.obstacle.is_some() {
            network.relay.invert_named_cores();
        }
    }
    Ok(course)
}

fn first_of(network: &mut Network<'_>, para: ParaId, reporter: &Reporter) -> Result<Course> {
    let courses = include(network, &[para], 1, reporter)?;
    courses.into_iter().next().ok_or_else(|| Failure::internal("no parachain was asked"))
}

/// Why a parachain got no candidate backed in the last relay blocks.
#[derive(Debug, Default)]
pub(crate) struct Standstill {
    /// Relay blocks in a row in which it had a claim on a core.
    pub blocks: u32,
    /// Relay blocks in a row in which it had none.
    unclaimed: u32,
    /// The reasons, each once.
    reasons: Vec<String>,
    /// Whether one of them is a limit of the tool.
    unjudged: bool,
    /// Whether the relay chain left a candidate out.
    left_out: bool,
    /// The step at which the last candidate failed.
    last: Option<Obstructed>,
    began: Option<Instant>,
}

impl Standstill {
    /// Counts a relay block.
    pub fn note(&mut self, outcome: CollationOutcome) {
        match &outcome {
            CollationOutcome::Backed { .. } => {
                *self = Self::default();
                return;
            }
            CollationOutcome::NotAsked => return,
            CollationOutcome::NoClaim => {
                self.unclaimed += 1;
                return;
            }
            CollationOutcome::NotBuilt(failure) => {
                self.unjudged |= failure.kind != Kind::Check;
                self.last = Some(Obstructed::Building);
            }
            CollationOutcome::Invalid(failure) => {
                self.unjudged |= failure.kind != Kind::Check;
                self.last = Some(Obstructed::Validation);
            }
            CollationOutcome::LeftOut(_) => {
                self.left_out = true;
                self.last = Some(Obstructed::Backing);
            }
        }
        self.blocks += 1;
        self.unclaimed = 0;
        self.began.get_or_insert_with(Instant::now);
        for reason in outcome.reasons() {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
    }

    /// Returns whether the parachain has had no claim on a core for too long.
    fn lacks_core(&self) -> bool {
        self.reasons.is_empty() && self.unclaimed >= MOST_UNCLAIMED
    }

    /// Returns whether the parachain stands.
    pub fn is_over(&self) -> bool {
        let is_slow = self.began.is_some_and(|began| began.elapsed() > LONGEST_TRIAL);
        self.blocks >= PATIENCE || self.unclaimed >= MOST_UNCLAIMED || is_slow
    }

    /// Returns the failure at relay block `number`. `enough` is the number of relay blocks in a row by
    /// which the parachain is seen to stand. Fewer say nothing: the end of a session explains some.
    pub fn failure(&self, number: u32, enough: u32) -> Failure {
        if self.reasons.is_empty() {
            return Failure::not_judged("the parachain has no core")
                .found(format!("no claim on one in {} relay blocks up to {number}", self.unclaimed))
                .expected("a core in the claim queue");
        }
        let blocks = self.blocks;
        let kind = if self.unjudged || blocks < enough { Failure::not_judged } else { Failure::check };
        kind(format!("the parachain stands: no candidate was backed in {blocks} relay blocks up to {number}"))
            .found(self.reasons.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_parachain_stands_after_some_blocks_with_a_core_and_none_backed() {
        let mut standstill = Standstill::default();
        for _ in 1..PATIENCE {
            standstill.note(CollationOutcome::LeftOut(vec!["too large".into()]));
            standstill.note(CollationOutcome::NoClaim);
        }
        assert!(!standstill.is_over() && standstill.left_out);
        standstill.note(CollationOutcome::NotBuilt(Failure::check("it trapped")));
        assert!(standstill.is_over());
        let failure = standstill.failure(7, PATIENCE);
        assert_eq!((failure.kind, failure.found.as_deref()), (Kind::Check, Some("too large; it trapped")));
        standstill.note(CollationOutcome::Backed { number: 8, code: None });
        assert!(!standstill.is_over() && !standstill.left_out);
        standstill.note(CollationOutcome::NotBuilt(Failure::check("it trapped")));
        assert!(!standstill.left_out, "the form of the votes is not at fault");
    }

    #[test]
    fn a_standstill_that_is_a_limit_of_the_tool_is_not_judged() {
        let mut standstill = Standstill::default();
        standstill.note(CollationOutcome::LeftOut(vec!["too large".into()]));
        for _ in 0..PATIENCE {
            standstill.note(CollationOutcome::NotBuilt(Failure::not_judged("a proof that a fork cannot create")));
        }
        assert_eq!(standstill.failure(7, PATIENCE).kind, Kind::NotJudged);
    }

    #[test]
    fn a_parachain_without_a_core_is_not_judged() {
        let mut standstill = Standstill::default();
        for _ in 0..MOST_UNCLAIMED {
            assert!(!standstill.is_over());
            standstill.note(CollationOutcome::NoClaim);
        }
        assert!(standstill.is_over());
        assert_eq!(standstill.failure(7, PATIENCE).kind, Kind::NotJudged);
    }

    #[test]
    fn one_refused_candidate_of_a_parachain_with_few_claims_is_not_judged() {
        let mut standstill = Standstill::default();
        standstill.note(CollationOutcome::LeftOut(vec!["the session ended".into()]));
        for _ in 0..MOST_UNCLAIMED {
            standstill.note(CollationOutcome::NoClaim);
        }
        assert!(standstill.is_over());
        assert_eq!(standstill.failure(7, PATIENCE).kind, Kind::NotJudged);
    }

    #[test]
    fn a_parachain_with_few_claims_is_not_said_to_stand() {
        assert_eq!(too_few(10 + PATIENCE, 10, "too few").kind, Kind::Check);
        assert_eq!(too_few(9 + PATIENCE, 10, "too few").kind, Kind::NotJudged);
    }

    #[test]
    fn a_relay_chain_without_a_reason_is_said_to_give_none() {
        let mut standstill = Standstill::default();
        standstill.note(CollationOutcome::LeftOut(Vec::new()));
        assert!(standstill.failure(7, PATIENCE).found.is_some_and(|found| found.contains("gives no reason")));
    }
}
