// SPDX-License-Identifier: Apache-2.0
//! What becomes of a parachain after a task.

use super::Job;
use crate::{
    outcome::kept,
    support::{case::Case, checks::NO_STATE, trial::Trial},
};
use artifact::pace::counted;
use codec::Decode;
use fork::Header;
use protocol::{CheckOutcome, Finding, Status};
use worker::{Failure, Kind, Reporter, Result};

/// Does the parachain still make blocks?
pub fn goes_on<'a>(
    case: &Case<'a>,
    trial: &mut Trial<'a>,
    (job, before): (&Job, &CheckOutcome),
    heads: u32,
    reporter: &Reporter,
) -> Result<CheckOutcome> {
    if let Some(why) = job.ends {
        return Ok(CheckOutcome::skip(why));
    }
    if case.parachain.is_none() {
        return Ok(CheckOutcome::not_judged(NO_STATE));
    }
    // What is pending has a head of its own.
    if kept(trial.network.relay.pending(case.para))? == Ok(0)
        && let Ok(head) = kept(trial.network.relay.head_of(case.para))?
        && let Err(failure) = headed(head.as_deref())
    {
        return Ok(compared(before, Err(failure)));
    }
    let settled = kept(case.settle(&mut trial.network, reporter))?;
    let mut after = match settled {
        Ok(()) => kept(trial.go_on(case.para, heads, false, reporter))?,
        Err(failure) => Err(Failure { kind: Kind::NotJudged, ..failure }),
    };
    let is_open = after.as_ref().is_err_and(|failure| failure.kind == Kind::NotJudged);
    if is_open && before.status == Status::Pass && kept(lost_core(case, trial))?.unwrap_or_default() {
        after = Err(Failure::check("it has no core any more")
            .found("no claim on one")
            .expected("a core in the claim queue, as the same sessions leave it without the task"));
    }
    Ok(compared(before, after.map(|()| trial.included)))
}

/// Checks that collators can build on a head.
fn headed(head: Option<&[u8]>) -> Result<()> {
    let failure = Failure::check("no collator can build on the relay chain's head of the parachain");
    match head {
        Some(head) if Header::decode(&mut &head[..]).is_ok() => Ok(()),
        Some(_) => Err(failure.found("bytes that are no header").expected("the header of its last block")),
        None => Err(failure.found("none").expected("the header of its last block")),
    }
}

/// Did a task take the core? A fork without the task still has one after as many sessions.
fn lost_core(case: &Case<'_>, trial: &Trial<'_>) -> Result<bool> {
    if trial.network.relay.has_core(case.para)? {
        return Ok(false);
    }
    let mut without = Trial::of(case);
    while without.network.relay.session()? < trial.network.relay.session()? {
        without.end_session()?;
    }
    without.network.relay.has_core(case.para)
}

/// Compares the next block before a task with what was included after it.
fn compared(before: &CheckOutcome, after: std::result::Result<u32, Failure>) -> CheckOutcome {
    match (before.status, after) {
        (Status::Fail, Ok(heads)) => CheckOutcome::pass(format!("it stood before; {} after it", included(heads))),
        (_, Ok(heads)) => CheckOutcome::pass(format!("{} after it", included(heads))),
        (Status::Pass, Err(failure)) if failure.kind == Kind::Check => {
            CheckOutcome::fail(format!("it went on before, and stands after the task: {failure}"))
        }
        (Status::Fail, Err(failure)) if failure.kind == Kind::Check => {
            let told = format!("it stood before, and still stands: {failure}");
            CheckOutcome::judged(told.clone(), vec![Finding::hazard(told)])
        }
        (_, Err(failure)) if failure.kind == Kind::Check => CheckOutcome::not_judged(format!(
            "it stands after the task, and it is not known whether it went on before ({}): {failure}",
            before.detail
        )),
        (_, Err(failure)) => CheckOutcome::not_judged(failure.to_string()),
    }
}

fn included(heads: u32) -> String {
    format!("{} included", counted(heads.into(), "candidate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parachain_that_stood_before_is_not_blamed_on_the_task() {
        let (went_on, stood) = (CheckOutcome::pass(""), CheckOutcome::fail("it panics"));
        let unknown = CheckOutcome::not_judged("another head");
        let stands = || Err(Failure::check("it panics"));
        assert_eq!(compared(&went_on, Ok(3)).status, Status::Pass);
        assert_eq!(compared(&went_on, stands()).status, Status::Fail);
        assert_eq!(compared(&stood, stands()).status, Status::Warn);
        assert_eq!(compared(&stood, Ok(3)).status, Status::Pass);
        assert_eq!(compared(&unknown, stands()).status, Status::NotJudged);
        assert_eq!(compared(&went_on, Err(Failure::not_judged("no core"))).status, Status::NotJudged);
    }

    #[test]
    fn a_head_that_is_no_header_stops_the_parachain() {
        let header = [&[0u8; 32][..], &[4], &[0; 64], &[0]].concat();
        assert!(headed(Some(&header)).is_ok());
        for head in [None, Some(&[][..]), Some(&[0, 1][..])] {
            assert_eq!(headed(head).expect_err("no header").kind, Kind::Check, "{head:?}");
        }
    }
}
