// SPDX-License-Identifier: Apache-2.0
//! Does a parachain go on that moves to this relay chain?

use crate::{rehearsal::Rehearsal, relay_chain::not_begun};
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    Ok(rehearsal.decision()?.relay_move.clone().unwrap_or_else(not_begun))
}
