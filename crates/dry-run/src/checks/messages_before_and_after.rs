// SPDX-License-Identifier: Apache-2.0
//! Do the relay chain and its parachains still deliver messages to each other after the upgrade?

use crate::{rehearsal::Rehearsal, relay_chain::not_reached};
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let messages = match rehearsal.is_relay_chain() {
        true => &rehearsal.continuation()?.messages,
        false => &rehearsal.decision()?.messages,
    };
    rehearsal.of_all_chains(messages.as_ref().map_or_else(not_reached, |messages| messages.judge()))
}
