// SPDX-License-Identifier: Apache-2.0
//! The upgrade of a relay chain, while its parachains go on.

use crate::{Course, Network, ParaId, boundaries, include, upgrade::not_of_the_parachain};
use fork::Code;
use worker::{Failure, Reporter, Result};

/// What is to be rehearsed.
pub struct Plan<'p> {
    /// The relay chain's new code.
    pub code: &'p Code,
    /// What is written into the state, so that the code is authorized.
    pub authorization: (Vec<u8>, Option<Vec<u8>>),
    /// The extrinsic that applies the authorized upgrade.
    pub extrinsic: Vec<u8>,
    /// The parachains that go on.
    pub paras: &'p [ParaId],
    /// The candidates of each that are to be included under the new code.
    pub heads: u32,
}

/// How parachains went on under the new code of their relay chain. Numbers are those of relay blocks.
#[derive(Debug)]
pub struct Outcome {
    /// The block that put the new code into the state.
    pub applied: u32,
    /// How each parachain went on.
    pub courses: Vec<Course>,
}

/// Applies the upgrade, and lets the parachains go on. `before` is the same network before the upgrade.
///
/// # Errors
///
/// If the relay chain does not take the code, nothing is judged. If it builds no block of the new code
/// with the candidates of its parachains, that is the failure.
pub fn rehearse(
    network: &mut Network<'_>,
    before: &Network<'_>,
    plan: &Plan<'_>,
    reporter: &Reporter,
) -> Result<Outcome> {
    let asked = |para: ParaId| plan.paras.contains(&para);
    submit(network, plan)?;
    network.advance(asked)?;
    expect_taken(network, plan)?;
    let applied = network.relay.chain().number();
    // Includes what the present code backed.
    network.advance(asked)?;
    let mut courses = include(network, plan.paras, plan.heads, reporter)?;
    if courses.iter().all(|course| course.obstacle.is_some() && course.heads == 0) {
        network.relay.invert_named_cores();
        let others = include(network, plan.paras, plan.heads, reporter)?;
        if others.iter().any(|course| course.heads > 0) {
            for course in &mut courses {
                course.obstacle = Some(unknown_form(course));
            }
        }
        network.relay.invert_named_cores();
    }
    for course in courses.iter_mut().filter(|course| course.lacks_core()) {
        if keeps_core(before, network, course.para, reporter)? {
            let found = course.obstacle.take().and_then(|obstacle| obstacle.found).unwrap_or_default();
            course.obstacle = Some(
                Failure::check("the parachain loses its core under the relay chain's new code")
                    .found(found)
                    .expected("a core, as it has one under the present code"),
            );
        }
    }
    Ok(Outcome { applied, courses })
}

/// Authorizes the upgrade in the state, and puts the extrinsic that applies it into the next relay block.
pub(crate) fn submit(network: &mut Network<'_>, plan: &Plan<'_>) -> Result<()> {
    network.relay.set(vec![plan.authorization.clone()])?;
    network.relay.submit(plan.extrinsic.clone());
    network.relay.judge(plan.code.clone());
    network.relay.import_blocks();
    Ok(())
}

/// Fails if the relay chain did not take the code in the block after [`submit`].
pub(crate) fn expect_taken(network: &Network<'_>, plan: &Plan<'_>) -> Result<()> {
    match network.relay.chain().next_code()? == *plan.code {
        true => Ok(()),
        // The check `enactment` of the relay chain's own dry run says whether the chain takes the code.
        false => Err(Failure::not_judged("the relay chain does not take the code on the fork with its parachains")
            .found("another code after the block that applies it")),
    }
}

/// Returns whether a parachain has a core under the present code too, at the relay block that the rehearsed
/// network is at. `before` is the network before the upgrade. A parachain may lose its core at that time
/// anyway, as its region or its lease ends.
fn keeps_core(before: &Network<'_>, now: &Network<'_>, para: ParaId, reporter: &Reporter) -> Result<bool> {
    let mut twin = before.twin();
    match goes_on_at(&mut twin, now, para, reporter) {
        Err(failure) if !failure.is_verdict() => Err(failure),
        went_on => Ok(went_on.unwrap_or(false)),
    }
}

fn goes_on_at(twin: &mut Network<'_>, now: &Network<'_>, para: ParaId, reporter: &Reporter) -> Result<bool> {
    if !catch_up(twin, now, &[para], reporter)? {
        return Ok(false);
    }
    Ok(include(twin, &[para], 1, reporter)?.iter().all(|course| course.obstacle.is_none()))
}

/// The relay blocks before the end of [`catch_up`] in which parachains go on.
const NEAR: u32 = 40;

/// Brings a network to the session and the relay block of another one. Returns false if one of the parachains does not
/// go on when a session ends.
pub fn catch_up(behind: &mut Network<'_>, ahead: &Network<'_>, paras: &[ParaId], reporter: &Reporter) -> Result<bool> {
    let session = ahead.relay.session()?;
    while behind.relay.session()? < session {
        let end = boundaries::end_session(behind, paras, reporter)?;
        if paras.iter().any(|para| end.of(*para).is_err()) {
            return Ok(false);
        }
    }
    let end = ahead.relay.chain().number();
    while behind.relay.chain().number() < end {
        // What parachains do long before is not looked at.
        let is_near = behind.relay.chain().number().saturating_add(NEAR) >= end;
        behind.advance(|para| is_near && paras.contains(&para))?;
    }
    Ok(true)
}

/// Returns the failure where candidates are included only if validators name the core beside their votes
/// although the node features say otherwise, or do not although they say so.
fn unknown_form(course: &Course) -> Failure {
    let found = course.obstacle.as_ref().map(ToString::to_string).unwrap_or_default();
    Failure::not_judged("the new code wants votes on candidates in another form than its node features say")
        .found(found)
}

/// The code that the relay chain runs while sessions end.
#[derive(Clone, Copy)]
pub enum RelayCode<'n, 'a> {
    /// The present one. What it does is no fault of an upgrade.
    Present,
    /// The one that is rehearsed, and the same network before it.
    Rehearsed(&'n Network<'a>),
}

/// Ends sessions, and returns how each of these parachains went on, or why it did not.
///
/// # Errors
///
/// Those of a run that cannot go on.
pub fn end_sessions(
    network: &mut Network<'_>,
    paras: &[ParaId],
    count: u32,
    code: RelayCode<'_, '_>,
    reporter: &Reporter,
) -> Result<Vec<(ParaId, std::result::Result<String, Failure>)>> {
    let mut steps: Vec<_> = paras.iter().map(|para| (*para, Ok(Vec::new()))).collect();
    for _ in 0..count {
        let going: Vec<_> = steps.iter().filter(|(_, step)| step.is_ok()).map(|(para, _)| *para).collect();
        if going.is_empty() {
            break;
        }
        let ended = boundaries::end_session(network, &going, reporter).map_err(|failure| match code {
            RelayCode::Present => not_of_the_parachain(failure),
            RelayCode::Rehearsed(_) => failure,
        });
        for (para, step) in &mut steps {
            let Ok(told) = step else { continue };
            match &ended {
                Ok(end) => match end.of(*para) {
                    Ok(text) => told.push(text),
                    Err(obstacle) => {
                        let loses = match code {
                            RelayCode::Rehearsed(before) if end.lacks_core(*para) => {
                                keeps_core(before, network, *para, reporter)?
                            }
                            _ => false,
                        };
                        *step = Err(if loses { without_core(obstacle, end.session) } else { obstacle });
                    }
                },
                Err(failure) if failure.is_verdict() => *step = Err(failure.clone()),
                Err(failure) => return Err(failure.clone()),
            }
        }
    }
    Ok(steps.into_iter().map(|(para, step)| (para, step.map(|told| told.join("; ")))).collect())
}

/// Returns the failure of a parachain that has no core since a session began, and keeps it under the present
/// code.
fn without_core(obstacle: Failure, session: u32) -> Failure {
    Failure::check("the parachain loses its core when a session ends under the relay chain's new code")
        .found(obstacle.found.unwrap_or(obstacle.message))
        .expected(format!("a core in session {session}, as it has one under the present code"))
}
