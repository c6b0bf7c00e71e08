// SPDX-License-Identifier: Apache-2.0
//! Does the chain apply the upgrade by its own rules?

use crate::rehearsal::Rehearsal;
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    Ok(rehearsal.enactment()?.outcome.clone())
}
