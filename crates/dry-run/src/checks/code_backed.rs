// SPDX-License-Identifier: Apache-2.0
//! Does the relay chain back and include the candidate that carries the code?

use crate::rehearsal::Rehearsal;
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let decision = rehearsal.decision()?;
    let journey = &decision.journey;
    let reached = journey.backed.zip(journey.included).map(|(backed, included)| {
        format!("relay block {backed} backs the candidate with the code, and {included} includes it")
    });
    Ok(decision.judge(&[], reached).noting(decision.notes.clone()))
}
