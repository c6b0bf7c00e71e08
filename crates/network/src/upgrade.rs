// SPDX-License-Identifier: Apache-2.0
//! The upgrade of a parachain as its relay chain decides about it: the candidate that carries the
//! code, the votes of the validators, the delay, the go-ahead, and the first heads of the new code.

use crate::{
    CollationOutcome, Network, ParaId, Round,
    course::{MOST_BLOCKS, PATIENCE, Standstill, too_few},
    relay_upgrade,
};
use cumulus_primitives_core::relay_chain::{UpgradeGoAhead, ValidationCodeHash};
use fork::Code;
use worker::{Code as FailureCode, Failure, Kind, Reporter, Result};

/// The longest delay that is waited for, in relay blocks: that of Polkadot is 600.
pub const MOST_DELAY: u32 = 2_000;
/// Relay blocks before the foretold one in which the parachain collates again.
const LEAD: u32 = 3;
/// Refused candidates in a row, up to the go-ahead, by which a parachain is seen to stand. The end of a
/// session explains two.
const REFUSED: u32 = 3;

/// How far the upgrade of a parachain came. Numbers are those of relay blocks if not said otherwise.
#[derive(Debug, Default)]
pub struct Journey {
    /// The relay block that the journey began on.
    pub began: u32,
    /// The block that backed the candidate with the code.
    pub backed: Option<u32>,
    /// The block that included it.
    pub included: Option<u32>,
    /// The block after which the code was accepted by the votes of the validators, or known already.
    pub accepted: Option<u32>,
    /// The block for which the relay chain foretold the go-ahead.
    pub foretold: Option<u32>,
    /// The relay blocks in which the parachain had a core.
    pub claims: u32,
    /// Candidates that were backed between the inclusion of the code and the go-ahead.
    pub waiting_heads: u32,
    /// The block that put the relay chain's own new code into the state, if both are upgraded at once.
    pub relay_applied: Option<u32>,
    /// The block with the go-ahead.
    pub go_ahead: Option<u32>,
    /// The parachain's first block after which its state has the new code.
    pub applied: Option<u32>,
    /// The block after which the relay chain checks candidates with the new code.
    pub promoted: Option<u32>,
    /// Candidates of the new code that the relay chain included.
    pub heads: u32,
    /// The block that included the last of them.
    pub ended: Option<u32>,
    /// Why the journey ended early.
    pub obstacle: Option<Failure>,
}

/// What is to be rehearsed.
pub struct Plan<'p> {
    /// The parachain, in whose pool the extrinsic is that applies the authorized upgrade.
    pub para: ParaId,
    /// The new code.
    pub code: &'p Code,
    /// The candidates of the new code that the relay chain is to include.
    pub heads: u32,
    /// The upgrade of the relay chain that is applied between the acceptance of the code and the go-ahead.
    pub relay: Option<&'p relay_upgrade::Plan<'p>>,
}

/// Rehearses an upgrade. What prevents it is the journey's obstacle.
pub fn rehearse(network: &mut Network<'_>, plan: &Plan<'_>, reporter: &Reporter) -> Result<Journey> {
    let mut journey = Journey { began: network.relay.chain().number(), ..Journey::default() };
    match travel(network, plan, &mut journey, reporter) {
        Ok(()) => Ok(journey),
        Err(failure) if failure.is_verdict() => {
            journey.obstacle = Some(failure);
            Ok(journey)
        }
        Err(failure) => Err(failure),
    }
}

fn travel(network: &mut Network<'_>, plan: &Plan<'_>, journey: &mut Journey, reporter: &Reporter) -> Result<()> {
    network.relay.accept_code(code_hash(plan.code));
    let mut standstill = Standstill::default();
    while journey.heads < plan.heads {
        let number = network.relay.chain().number().saturating_add(1);
        overdue(journey, plan.heads, number)?;
        reporter.progress("relay blocks", u64::from(number.saturating_sub(journey.began)), None, "blocks");
        let collates = !waits(journey, number);
        // Other parachains of the network need not go on meanwhile.
        let mut round = network.advance(|para| para == plan.para && collates)?;
        let outcome = round.take_outcome(plan.para);
        journey.claims += u32::from(outcome.had_core());
        carried(journey, &outcome, plan.code, number)?;
        if journey.included.is_some()
            && journey.go_ahead.is_none()
            && matches!(outcome, CollationOutcome::Backed { .. })
        {
            journey.waiting_heads += 1;
        }
        note(network, plan, &round, number, journey)?;
        upgrade_relay_chain(network, plan, number, journey)?;
        standstill.note(outcome);
        if stood_until_go_ahead(journey, &standstill, number) {
            return Err(standstill.failure(number, REFUSED));
        }
        if standstill.is_over() {
            return Err(standstill.failure(number, PATIENCE));
        }
    }
    Ok(())
}

/// Upgrades the relay chain too, once it has accepted the parachain's code and has not given the go-ahead.
fn upgrade_relay_chain(network: &mut Network<'_>, plan: &Plan<'_>, number: u32, journey: &mut Journey) -> Result<()> {
    let Some(relay) = plan.relay else { return Ok(()) };
    match journey.relay_applied {
        Some(applied) if applied == number => relay_upgrade::expect_taken(network, relay),
        Some(_) => Ok(()),
        None if journey.accepted.is_some() && journey.go_ahead.is_none() => {
            journey.relay_applied = Some(number.saturating_add(1));
            relay_upgrade::submit(network, relay)
        }
        None => Ok(()),
    }
}

/// Returns the failure of a relay block as one that says nothing about a parachain. What the parachain
/// does wrong is the outcome of its candidate.
pub fn not_of_the_parachain(failure: Failure) -> Failure {
    match failure.kind {
        Kind::Check => Failure { kind: Kind::NotJudged, ..failure },
        _ => failure,
    }
}

/// Returns whether the parachain waits: once a block with the scheduled code was backed, later ones
/// say nothing until the go-ahead is near.
fn waits(journey: &Journey, number: u32) -> bool {
    let is_far = journey.foretold.is_some_and(|at| number.saturating_add(LEAD) < at);
    journey.waiting_heads > 0 && journey.go_ahead.is_none() && is_far
}

/// Returns whether the parachain stood from the inclusion of the code to the go-ahead in this relay
/// block. On a chain with a longer delay it would stand for hours.
fn stood_until_go_ahead(journey: &Journey, standstill: &Standstill, number: u32) -> bool {
    journey.go_ahead == Some(number) && journey.waiting_heads == 0 && standstill.blocks >= REFUSED
}

/// Notes whether the first candidate carries the code.
fn carried(journey: &mut Journey, outcome: &CollationOutcome, code: &Code, number: u32) -> Result<()> {
    if journey.backed.is_some() {
        return Ok(());
    }
    match outcome {
        CollationOutcome::Backed { code: Some(carried), .. } if *carried == code_hash(code) => {
            journey.backed = Some(number);
            Ok(())
        }
        CollationOutcome::Backed { number, .. } => Err(Failure::check("the parachain does not schedule the code")
            .found(format!("its block {number}, which applies the authorized upgrade, carries no new code"))
            .expected("the code in the candidate, for the relay chain")),
        CollationOutcome::NotBuilt(failure) if failure.is(FailureCode::Dispatch) => {
            Err(Failure::check("the parachain refuses to apply the authorized upgrade").found(failure.to_string()))
        }
        _ => Ok(()),
    }
}

/// Notes what the relay block changed.
fn note(network: &Network<'_>, plan: &Plan<'_>, round: &Round, number: u32, journey: &mut Journey) -> Result<()> {
    let (relay, parachain, id) = (&network.relay, network.parachain(plan.para)?, plan.para);
    let hash = code_hash(plan.code);
    let includes = round.block.includes(id);
    if journey.promoted.is_some() && includes {
        journey.heads += 1;
        journey.ended = Some(number);
    }
    if journey.backed.is_some_and(|backed| backed < number) && includes && journey.included.is_none() {
        journey.included = Some(number);
        let known = relay.foretold(id)?.is_some() || relay.is_checked(hash)? || relay.current_code(id)? == Some(hash);
        if !known {
            return Err(Failure::check(
                "the relay chain included the candidate with the code and did not take the code",
            )
            .found("no vote of the validators, and no block for the go-ahead")
            .expected("that no other code is scheduled, and that this one is new and not too large"));
        }
    }
    if journey.included.is_some() && journey.accepted.is_none() {
        journey.foretold = relay.foretold(id)?;
        journey.accepted = journey.foretold.map(|_| number);
    }
    match relay.signal(id)? {
        Some(UpgradeGoAhead::GoAhead) => journey.go_ahead = journey.go_ahead.or(Some(number)),
        Some(UpgradeGoAhead::Abort) => return Err(Failure::check("the relay chain aborts the upgrade")),
        None => {}
    }
    if journey.applied.is_none() && parachain.chain().next_code()? == *plan.code {
        if journey.go_ahead.is_none() {
            return Err(Failure::check("the parachain applies the code without the relay chain's go-ahead")
                .found(format!("the new code after its block {}", parachain.chain().number()))
                .expected("the new code after the relay chain's signal"));
        }
        journey.applied = Some(parachain.chain().number());
    }
    if journey.promoted.is_none() && relay.current_code(id)? == Some(hash) {
        journey.promoted = Some(number);
    }
    Ok(())
}

/// Returns the hash by which the relay chain knows the code.
pub fn code_hash(code: &Code) -> ValidationCodeHash {
    sp_core::H256::from_slice(code.hash()).into()
}

/// Fails if something should have happened before relay block `number`.
fn overdue(journey: &Journey, heads: u32, number: u32) -> Result<()> {
    let delay = journey.foretold.map_or(0, |at| at.saturating_sub(journey.began));
    if delay > MOST_DELAY {
        return Err(Failure::not_judged("the relay chain gives the go-ahead too far ahead to be rehearsed")
            .found(format!("{delay} relay blocks"))
            .expected(format!("at most {MOST_DELAY}")));
    }
    let awaited = journey.foretold.filter(|_| journey.go_ahead.is_none());
    if let Some(at) = awaited.filter(|at| number > at.saturating_add(PATIENCE)) {
        return Err(Failure::check("the relay chain does not give the go-ahead at the block that it foretold")
            .found(format!("no signal before relay block {number}"))
            .expected(format!("the go-ahead in block {at}")));
    }
    let limit = delay.saturating_add(MOST_BLOCKS);
    match number.saturating_sub(journey.began) > limit {
        true => Err(too_few(journey.claims, heads, &format!("{} within {limit} relay blocks", missing(journey)))
            .found(format!("{} relay blocks with a core", journey.claims))),
        false => Ok(()),
    }
}

fn missing(journey: &Journey) -> &'static str {
    match journey {
        Journey { backed: None, .. } => "no candidate with the code is backed",
        Journey { included: None, .. } => "the candidate with the code is not included",
        Journey { accepted: None, .. } => "the validators do not accept the code",
        Journey { go_ahead: None, .. } => "the relay chain does not give the go-ahead",
        Journey { applied: None, .. } => "the parachain does not apply the code",
        Journey { promoted: None, .. } => "the relay chain does not take the code for the parachain's current one",
        _ => "too few candidates of the new code are included",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(foretold: u32) -> Journey {
        Journey { began: 10, backed: Some(11), included: Some(12), foretold: Some(foretold), ..Journey::default() }
    }

    fn kind(overdue: Result<()>) -> Option<Kind> {
        overdue.err().map(|failure| failure.kind)
    }

    #[test]
    fn a_go_ahead_that_does_not_come_is_a_failure() {
        assert_eq!(kind(overdue(&waiting(20), 10, 20 + PATIENCE)), None);
        assert_eq!(kind(overdue(&waiting(20), 10, 21 + PATIENCE)), Some(Kind::Check));
        let came = Journey { go_ahead: Some(20), ..waiting(20) };
        assert_eq!(kind(overdue(&came, 10, 21 + PATIENCE)), None);
    }

    #[test]
    fn a_delay_that_is_too_long_to_be_waited_for_is_not_judged() {
        assert_eq!(kind(overdue(&waiting(10 + MOST_DELAY), 10, 13)), None);
        assert_eq!(kind(overdue(&waiting(11 + MOST_DELAY), 10, 13)), Some(Kind::NotJudged));
    }

    #[test]
    fn the_step_that_is_missing_is_named() {
        let journey = Journey { began: 10, ..Journey::default() };
        assert_eq!(kind(overdue(&journey, 10, 10 + MOST_BLOCKS)), None);
        let failure = overdue(&journey, 10, 11 + MOST_BLOCKS).expect_err("too long");
        assert!(failure.message.contains("no candidate with the code is backed"), "{failure}");
        let accepted = Journey { accepted: Some(13), ..waiting(20) };
        assert_eq!(missing(&accepted), "the relay chain does not give the go-ahead");
    }

    #[test]
    fn a_parachain_waits_until_shortly_before_the_go_ahead() {
        let backed = || Journey { waiting_heads: 1, ..waiting(100) };
        assert!(waits(&backed(), 96));
        assert!(!waits(&backed(), 97));
        assert!(!waits(&Journey { go_ahead: Some(100), ..backed() }, 90));
        assert!(!waits(&waiting(100), 50), "nothing was backed since the code");
        assert!(!waits(&Journey::default(), 5));
    }

    #[test]
    fn a_parachain_that_stood_until_the_go_ahead_is_seen() {
        let mut standstill = Standstill::default();
        let signalled = Journey { go_ahead: Some(20), ..waiting(20) };
        for _ in 0..REFUSED {
            assert!(!stood_until_go_ahead(&signalled, &standstill, 20));
            standstill.note(CollationOutcome::LeftOut(vec!["another root".into()]));
        }
        assert!(stood_until_go_ahead(&signalled, &standstill, 20));
        assert!(!stood_until_go_ahead(&signalled, &standstill, 21));
        assert!(!stood_until_go_ahead(&Journey { waiting_heads: 1, ..signalled }, &standstill, 20));
        assert!(!stood_until_go_ahead(&waiting(20), &standstill, 19));
    }

    #[test]
    fn a_block_that_applies_the_upgrade_and_carries_no_code_is_a_failure() {
        let code = Code::new(vec![1]);
        let backed = |carried| CollationOutcome::Backed { number: 4, code: carried };
        let mut journey = Journey::default();
        assert_eq!(kind(carried(&mut journey, &CollationOutcome::NoClaim, &code, 9)), None);
        assert_eq!(kind(carried(&mut journey, &backed(None), &code, 9)), Some(Kind::Check));
        assert_eq!(kind(carried(&mut journey, &backed(Some(code_hash(&code))), &code, 9)), None);
        assert_eq!(journey.backed, Some(9));
        assert_eq!(kind(carried(&mut journey, &backed(None), &code, 10)), None, "the next ones need not");
    }
}
