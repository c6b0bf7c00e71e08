// SPDX-License-Identifier: Apache-2.0
//! Can the relay chain's root authorize the code?

use crate::{authorization::Authorization, rehearsal::Rehearsal, relay_chain::not_begun};
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let authorization = &rehearsal.decision()?.authorization;
    Ok(authorization.as_ref().map_or_else(not_begun, Authorization::judge))
}
