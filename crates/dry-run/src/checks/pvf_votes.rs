// SPDX-License-Identifier: Apache-2.0
//! Does the relay chain accept the votes of its validators for the code?

use crate::rehearsal::Rehearsal;
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let decision = rehearsal.decision()?;
    let journey = &decision.journey;
    let reached = journey.accepted.zip(journey.foretold).map(|(accepted, foretold)| {
        format!("accepted in relay block {accepted}, which foretells the go-ahead for block {foretold}")
    });
    Ok(decision.judge(&[journey.included.is_some()], reached))
}
