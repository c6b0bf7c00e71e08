// SPDX-License-Identifier: Apache-2.0
//! Does the relay chain give the go-ahead when it foretold it, and does the parachain apply the code?

use crate::rehearsal::Rehearsal;
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let decision = rehearsal.decision()?;
    let journey = &decision.journey;
    let reached = journey.go_ahead.zip(journey.applied).map(|(go_ahead, applied)| {
        let foretold = match journey.foretold {
            Some(foretold) if foretold != go_ahead => format!("foretold for {foretold}"),
            _ => "as foretold".to_owned(),
        };
        format!("in relay block {go_ahead}, {foretold}; the parachain applies the code in its block {applied}")
    });
    Ok(decision.judge(&[journey.accepted.is_some()], reached))
}
