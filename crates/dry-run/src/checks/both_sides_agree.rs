// SPDX-License-Identifier: Apache-2.0
//! Do the relay chain and the parachain know the same of each other after the upgrade?

use crate::{parachains, rehearsal::Rehearsal, relay_chain::not_reached};
use network::Agreement;
use protocol::{CheckOutcome, Finding};
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    if rehearsal.is_relay_chain() {
        return Ok(parachains::judge(rehearsal.fates()?, |fate| &fate.agreement, "agree with the relay chain"));
    }
    Ok(match &rehearsal.decision()?.agreement {
        Some(Ok(agreement)) => judge(agreement),
        Some(Err(failure)) if failure.is_verdict() => CheckOutcome::not_judged(failure.to_string()),
        Some(Err(failure)) => return Err(failure.clone()),
        None => not_reached(),
    })
}

fn judge(agreement: &Agreement) -> CheckOutcome {
    let findings = agreement.different.iter().map(|difference| Finding::seen(difference.clone())).collect();
    let detail = match agreement.different.is_empty() {
        true => format!("on {}", agreement.same.join(", ")),
        false => "the relay chain and the parachain differ".to_owned(),
    };
    CheckOutcome::judged(detail, findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn a_difference_fails() {
        let mut agreement = Agreement { same: vec!["the head".into(), "the code".into()], different: Vec::new() };
        assert_eq!(judge(&agreement).status, Status::Pass);
        agreement.different.push("the messages from the relay chain".into());
        assert_eq!(judge(&agreement).status, Status::Fail);
    }
}
