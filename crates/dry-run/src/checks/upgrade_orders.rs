// SPDX-License-Identifier: Apache-2.0
//! Do the upgrades of the parachain and of its relay chain both go through, whichever comes first?

use crate::{orders::Orders, rehearsal::Rehearsal, relay_chain::not_reached};
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    Ok(rehearsal.orders()?.map_or_else(not_reached, Orders::judge))
}
