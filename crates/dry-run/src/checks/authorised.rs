// SPDX-License-Identifier: Apache-2.0
//! Can the relay chain's root authorize the code?

use crate::{authorisation::Authorisation, rehearsal::Rehearsal, relay_chain::not_begun};
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let authorisation = &rehearsal.decision()?.authorisation;
    Ok(authorisation.as_ref().map_or_else(not_begun, Authorisation::judge))
}
