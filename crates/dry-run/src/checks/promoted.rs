// SPDX-License-Identifier: Apache-2.0
//! Does the relay chain take the new code for the parachain's current one?

use crate::rehearsal::Rehearsal;
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let decision = rehearsal.decision()?;
    let journey = &decision.journey;
    let reached = journey.promoted.map(|promoted| format!("in relay block {promoted}"));
    Ok(decision.judge(&[journey.go_ahead.is_some(), journey.applied.is_some()], reached))
}
