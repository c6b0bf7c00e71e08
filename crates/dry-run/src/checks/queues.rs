// SPDX-License-Identifier: Apache-2.0
//! Does nothing pile up in the queues between the relay chain and its parachains?

use crate::{queues, rehearsal::Rehearsal};
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let measured = match rehearsal.is_relay_chain() {
        true => &rehearsal.continuation()?.queues,
        false => &rehearsal.decision()?.queues,
    };
    rehearsal.of_all_chains(queues::judge(measured.as_ref()))
}
