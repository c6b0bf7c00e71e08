// SPDX-License-Identifier: Apache-2.0
//! Does the chain live on after its migrations?

use crate::{outcome::of_failure, rehearsal::Rehearsal};
use artifact::pace::counted;
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let life = rehearsal.life()?;
    if let Some(failure) = &life.failure {
        return of_failure(failure.clone(), rehearsal.executor.log());
    }
    let closed = life.blocks.iter().filter(|block| block.only_inherents);
    let closed: Vec<_> = closed.map(|block| format!("block {} takes no transaction", block.number)).collect();
    Ok(if closed.is_empty() {
        let built = counted(rehearsal.request.blocks as u128, "block");
        CheckOutcome::pass(format!("{built} built and imported, transactions welcome in each"))
    } else {
        CheckOutcome::fail("the chain takes no transactions although its migrations ended").with(closed)
    })
}
