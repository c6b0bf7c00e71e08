// SPDX-License-Identifier: Apache-2.0
//! Do parachains go on when sessions of the relay chain end, and does the cooldown of an upgrade end?

use crate::{
    outcome::of_failure,
    parachains,
    rehearsal::Rehearsal,
    relay_chain::{Boundaries, not_reached},
};
use fork::runtime_log::RuntimeLog;
use network::boundaries::Cooldown;
use protocol::CheckOutcome;
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    if rehearsal.is_relay_chain() {
        let fates = rehearsal.fates()?;
        return Ok(parachains::judge(fates, |fate| &fate.sessions, "go on when sessions of the relay chain end"));
    }
    match &rehearsal.decision()?.boundaries {
        Some(boundaries) => judge(boundaries, rehearsal.executor.log()),
        None => Ok(not_reached()),
    }
}

fn judge(boundaries: &Boundaries, log: &RuntimeLog) -> Result<CheckOutcome> {
    let Boundaries { sessions, cooldown } = boundaries;
    match (sessions, cooldown) {
        (Err(failure), _) | (_, Some(Err(failure))) => of_failure(failure.clone(), log),
        (Ok(_), None) => Ok(not_reached()),
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
            Ok(CheckOutcome::pass(format!("{sessions}; {told}")).noting(note))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;
    use worker::Failure;

    fn judged(boundaries: &Boundaries) -> CheckOutcome {
        judge(boundaries, &RuntimeLog::default()).expect("a verdict")
    }

    #[test]
    fn what_did_not_end_is_judged_by_its_reason() {
        let sessions = || Ok("session 5 begins".to_owned());
        let ended = Boundaries { sessions: sessions(), cooldown: Some(Ok(None)) };
        assert_eq!(judged(&ended).status, Status::Pass);
        let restricted = Failure::check("the cooldown does not end");
        let restricted = Boundaries { sessions: sessions(), cooldown: Some(Err(restricted)) };
        assert_eq!(judged(&restricted).status, Status::Fail);
        let limit = Boundaries { sessions: Err(Failure::not_judged("no epoch")), cooldown: None };
        assert_eq!(judged(&limit).status, Status::NotJudged);
    }

    #[test]
    fn an_end_that_was_brought_forward_is_told() {
        let cooldown = Some(Ok(Some(Cooldown { ended: 40, foreseen: Some(14_430) })));
        let outcome = judged(&Boundaries { sessions: Ok("session 5 begins".to_owned()), cooldown });
        assert_eq!(outcome.status, Status::Pass);
        assert!(outcome.findings.iter().any(|finding| finding.text.contains("from relay block 14430 to 40")));
    }
}
