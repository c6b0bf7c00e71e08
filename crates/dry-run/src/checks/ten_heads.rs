// SPDX-License-Identifier: Apache-2.0
//! Are ten candidates of the new code backed and included?

use crate::{parachains, rehearsal::Rehearsal};
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    if rehearsal.is_relay_chain() {
        return Ok(parachains::judge(rehearsal.fates()?, |fate| &fate.heads, "go on under the new code"));
    }
    let decision = rehearsal.decision()?;
    let journey = &decision.journey;
    let reached = match (journey.promoted, journey.ended, &journey.obstacle) {
        (Some(promoted), Some(ended), None) => Some(format!(
            "{} candidates of the new code are included in relay blocks {} to {ended}",
            journey.heads,
            promoted.saturating_add(1)
        )),
        _ => None,
    };
    Ok(decision.judge(&[journey.promoted.is_some()], reached))
}
