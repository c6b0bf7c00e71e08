// SPDX-License-Identifier: Apache-2.0
//! Do parachains go on when sessions of the relay chain end, and does the cooldown of an upgrade end?

use crate::{
    parachains,
    rehearsal::Rehearsal,
    relay_chain::{Boundaries, not_reached},
};
use network::boundaries::Cooldown;
use protocol::CheckOutcome;
use worker::{Failure, Kind, Result};

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    if rehearsal.is_relay_chain() {
        let fates = rehearsal.fates()?;
        return Ok(parachains::judge(fates, |fate| &fate.sessions, "go on when sessions of the relay chain end"));
    }
    Ok(rehearsal.decision()?.boundaries.as_ref().map_or_else(not_reached, judge))
}

fn judge(boundaries: &Boundaries) -> CheckOutcome {
    let Boundaries { sessions, cooldown } = boundaries;
    match (sessions, cooldown) {
        (Err(failure), _) | (_, Some(Err(failure))) => outcome_of(failure),
        (Ok(_), None) => not_reached(),
        (Ok(sessions), Some(Ok(cooldown))) => {
            let (told, note) = match cooldown {
                None => ("no cooldown was left".to_owned(), None),
                Some(Cooldown { ended, foreseen }) => (
                    format!("upgrades of the parachain are restricted until relay block {ended}"),
                    foreseen.map(|foreseen| {
                        format!("the end of the cooldown was brought forward in the state, from relay block {foreseen} to {ended}")
                    }),
                ),
            };
            CheckOutcome::pass(format!("{sessions}; {told}")).noting(note)
        }
    }
}

fn outcome_of(failure: &Failure) -> CheckOutcome {
    match failure.kind {
        Kind::Check => CheckOutcome::fail(failure.to_string()),
        _ => CheckOutcome::not_judged(failure.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn what_did_not_end_is_judged_by_its_reason() {
        let sessions = || Ok("session 5 begins".to_owned());
        let ended = Boundaries { sessions: sessions(), cooldown: Some(Ok(None)) };
        assert_eq!(judge(&ended).status, Status::Pass);
        let restricted = Failure::check("the cooldown does not end");
        let restricted = Boundaries { sessions: sessions(), cooldown: Some(Err(restricted)) };
        assert_eq!(judge(&restricted).status, Status::Fail);
        let limit = Boundaries { sessions: Err(Failure::not_judged("no epoch")), cooldown: None };
        assert_eq!(judge(&limit).status, Status::NotJudged);
    }

    #[test]
    fn an_end_that_was_brought_forward_is_told() {
        let cooldown = Some(Ok(Some(Cooldown { ended: 40, foreseen: Some(14_430) })));
        let outcome = judge(&Boundaries { sessions: Ok("session 5 begins".to_owned()), cooldown });
        assert_eq!(outcome.status, Status::Pass);
        assert!(outcome.findings.iter().any(|finding| finding.text.contains("from relay block 14430 to 40")));
    }
}
