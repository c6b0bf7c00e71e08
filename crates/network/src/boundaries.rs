// SPDX-License-Identifier: Apache-2.0
//! What parachains go through beside ordinary blocks: sessions of the relay chain that end, and the
//! end of the time in which the relay chain takes no other code.

use crate::{Course, Network, ParaId, include, upgrade::not_of_the_parachain};
use worker::{Failure, Reporter, Result};

/// The relay blocks before the end of a session in which parachains build already. A candidate is then
/// pending when the session ends, and the relay chain drops it.
const LEAD: u64 = 4;
/// The most relay blocks in which a session ends once its last slots have begun.
const MOST_BLOCKS: u64 = LEAD + 6;
/// The longest cooldown that is waited for, in relay blocks.
const LONGEST_COOLDOWN: u32 = 60;
/// The relay blocks after which a cooldown ends that was brought forward.
const SOON: u32 = 2;

/// The end of a session of the relay chain, as parachains went through it.
#[derive(Debug)]
pub struct SessionEnd {
    /// The index of the session that began.
    pub session: u32,
    /// The relay block after which it had begun.
    pub began: u32,
    /// How each parachain went on in it, to its first included candidate.
    pub courses: Vec<Course>,
}

impl SessionEnd {
    /// Returns how a parachain went on in the session, or why it did not.
    ///
    /// # Errors
    ///
    /// Where no candidate of it is included.
    pub fn of(&self, para: ParaId) -> Result<String> {
        let course = self.courses.iter().find(|course| course.para == para);
        match course.map(|course| (&course.obstacle, course.ended)) {
            Some((None, Some(included))) => {
                let Self { session, began, .. } = self;
                Ok(format!("session {session} begins after relay block {began}, and {included} includes a candidate"))
            }
            Some((Some(obstacle), _)) => Err(obstacle.clone()),
            Some((None, None)) | None => Err(Failure::internal("the parachain was not asked for a candidate")),
        }
    }

    /// Returns whether a parachain has no core in the session.
    pub fn lacks_core(&self, para: ParaId) -> bool {
        self.courses.iter().any(|course| course.para == para && course.heads == 0 && course.lacks_core())
    }
}

/// Ends a session of the relay chain while these parachains build blocks, and has a candidate of each
/// included in the next session. The slots before the last ones of the session are skipped. Of a session
/// that has only these left, the next one is ended instead.
///
/// # Errors
///
/// If the relay chain builds no block, or does not end its session.
pub fn end_session(network: &mut Network<'_>, paras: &[ParaId], reporter: &Reporter) -> Result<SessionEnd> {
    if network.relay.slots_left()? <= LEAD {
        let session = network.relay.session()?;
        pass_end(network, paras, session)?;
    }
    let (before, left) = (network.relay.session()?, network.relay.slots_left()?);
    network.relay.build(Vec::new(), left.saturating_sub(LEAD))?;
    let session = pass_end(network, paras, before)?;
    let began = network.relay.chain().number();
    // The relay chain drops candidates that are pending when a session ends. So each one that it
    // includes now was backed in the new session.
    let courses = include(network, paras, 1, reporter)?;
    Ok(SessionEnd { session, began, courses })
}

/// Builds the last relay blocks of a session, and returns the index of the next one.
fn pass_end(network: &mut Network<'_>, paras: &[ParaId], before: u32) -> Result<u32> {
    let asked = network.relay.chain().number();
    for _ in 0..=MOST_BLOCKS {
        let session = network.relay.session()?;
        if session != before {
            return Ok(session);
        }
        network.advance(|para| paras.contains(&para))?;
    }
    Err(Failure::check("the relay chain does not end its session")
        .found(format!("session {before} still in relay block {}", network.relay.chain().number()))
        .expected(format!(
            "the next one at most {LEAD} slots after relay block {asked}, as BabeApi_current_epoch said"
        )))
}

/// The end of the time in which the relay chain takes no other code of a parachain.
#[derive(Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// The relay block that ended it.
    pub ended: u32,
    /// The relay block that would have ended it, if the fork brought the end forward.
    pub foreseen: Option<u32>,
}

/// Builds relay blocks until the relay chain no longer restricts upgrades of the parachain, and until a
/// candidate is included after that. Returns nothing if the relay chain restricts none.
///
/// # Errors
///
/// A restriction that does not end when it should, or a parachain that does not go on.
pub fn end_cooldown(network: &mut Network<'_>, para: ParaId, reporter: &Reporter) -> Result<Option<Cooldown>> {
    let relay = &mut network.relay;
    relay.settle(para).map_err(not_of_the_parachain)?;
    if !relay.is_restricted(para)? {
        return Ok(None);
    }
    let mut cooldowns = relay.cooldowns()?;
    let number = relay.chain().number();
    let Some(entry) = cooldowns.iter_mut().find(|(id, _)| *id == para) else {
        return Err(Failure::not_judged("the relay chain restricts upgrades of the parachain and names no end of it")
            .found("no entry in Paras.UpgradeCooldowns"));
    };
    let mut end = entry.1;
    let mut foreseen = None;
    if end > number.saturating_add(LONGEST_COOLDOWN) {
        foreseen = Some(end);
        end = number.saturating_add(SOON);
        entry.1 = end;
        cooldowns.sort_by_key(|(_, end)| *end);
        relay.set_cooldowns(cooldowns)?;
    }
    while relay.chain().number() < end {
        relay.build(Vec::new(), 0).map_err(not_of_the_parachain)?;
    }
    if relay.is_restricted(para)? {
        return Err(Failure::check("the relay chain does not end the cooldown at the block that it named")
            .found(format!("upgrades of the parachain are still restricted after relay block {end}"))
            .expected("that it takes another code"));
    }
    let courses = include(network, &[para], 1, reporter).map_err(not_of_the_parachain)?;
    if let Some(obstacle) = courses.into_iter().find_map(|course| course.obstacle) {
        return Err(obstacle);
    }
    Ok(Some(Cooldown { ended: end, foreseen }))
}
