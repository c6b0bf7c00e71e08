// SPDX-License-Identifier: Apache-2.0
//! What is wrong with a parachain: the checks, and the causes that they found.

use super::{
    case::Case,
    checks::{self, Judged, NO_STATE, OTHER_HEAD},
    known::Known,
};
use crate::outcome::kept;
use network::{Obstructed, include_first};
use protocol::{
    Check, CheckOutcome, RpcUsage, Status, Verdict, format, hazards,
    support::{Cause, CauseKind, Diagnosis},
};
use std::time::Instant;
use worker::{Kind, Reporter, Result};

/// Finds out what is wrong.
pub fn of(case: &mut Case<'_>, reporter: &Reporter) -> Result<Diagnosis> {
    let began = Instant::now();
    reporter.status("reading what both chains know of the parachain");
    let known = Known::read(case)?;
    let mut judged = checks::of_states(&known);
    judged.push(("next-block", next_block(case, &known, reporter)?));
    let mut causes = Vec::new();
    let mut named = Vec::new();
    for (name, judged) in judged {
        causes.extend(judged.causes);
        named.push(judged.outcome.named(name));
    }
    // The first one is the one to mend first.
    causes.sort_by_key(|cause| cause.kind);
    let mut rpc = RpcUsage::default();
    let parachain = case.network.parachains.first().map(network::Parachain::chain);
    for chain in [case.network.relay.chain()].into_iter().chain(parachain) {
        // A part of a state that could not be read makes every verdict void.
        chain.checked(Ok(()))?;
        let traffic = chain.traffic();
        rpc = RpcUsage { requests: rpc.requests + traffic.requests, bytes: rpc.bytes + traffic.bytes };
    }
    Ok(Diagnosis {
        format: format::DIAGNOSIS.into(),
        para: case.para.into(),
        relay: case.relay.identity.clone(),
        parachain: case.parachain.as_ref().map(|member| member.identity.clone()),
        facts: known.facts,
        causes,
        verdict: Verdict::of(&named),
        hazards: hazards(&named),
        checks: named,
        rpc,
        seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    })
}

/// Returns what the states show to be wrong. No block is built.
pub fn broken(case: &mut Case<'_>) -> Result<Vec<Cause>> {
    let judged = checks::of_states(&Known::read(case)?).into_iter().map(|(_, judged)| judged);
    Ok(judged.filter(|judged| judged.outcome.status == Status::Fail).flat_map(|judged| judged.causes).collect())
}

/// Is the next block built, validated, backed and included?
pub fn next_block(case: &Case<'_>, known: &Known, reporter: &Reporter) -> Result<Judged> {
    if known.own.is_none() {
        return Ok(CheckOutcome::not_judged(NO_STATE).into());
    }
    if !known.is_at_head {
        return Ok(CheckOutcome::not_judged(OTHER_HEAD).into());
    }
    if let Some(hash) = &case.unread {
        let told = format!("the block {hash} is pending, and the given state is that before it: give the one after it");
        return Ok(CheckOutcome::not_judged(told).into());
    }
    if known.claims.is_empty() && known.assigned.is_empty() {
        return Ok(CheckOutcome::not_judged("it has no core: see the check core").into());
    }
    reporter.status("trying the next block");
    let mut network = case.network.twin();
    let course = match kept(include_first(&mut network, case.para, reporter))? {
        Ok(course) => course,
        Err(failure) => return Ok(CheckOutcome::not_judged(failure.to_string()).into()),
    };
    let Some(obstacle) = &course.obstacle else {
        let ended = course.ended.unwrap_or_default();
        return Ok(Judged::pass(format!("it was built, validated and backed, and included in relay block {ended}")));
    };
    let kind = match course.obstructed() {
        Some(Obstructed::Building) => CauseKind::BlockFails,
        Some(Obstructed::Validation) => CauseKind::ValidationFails,
        Some(Obstructed::Backing) => CauseKind::CandidateRefused,
        None => return Ok(CheckOutcome::not_judged(obstacle.to_string()).into()),
    };
    Ok(match obstacle.kind {
        Kind::Check => Judged::broken(kind, obstacle.to_string()),
        _ => CheckOutcome::not_judged(obstacle.to_string()).into(),
    })
}

/// Returns whether the checks found something that must be repaired, and not only what may be wrong.
pub fn is_broken(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.status == Status::Fail)
}
