// SPDX-License-Identifier: Apache-2.0
//! What becomes of the relay chain and of the parachain after a task.

use super::Job;
use crate::{
    outcome::kept,
    support::{case::Case, checks::NO_STATE, trial::Trial},
};
use artifact::pace::counted;
use codec::Decode;
use fork::Header;
use network::Network;
use protocol::{CheckOutcome, Finding, Status};
use worker::{Failure, Kind, Reporter, Result};

/// The sessions over which the relay chain builds blocks after a task. A change of its configuration takes effect at the end
/// of the second.
const SESSIONS: u32 = 2;

/// Does the relay chain still make blocks? A task may write what its runtime, or its next session, cannot bear.
pub fn relay_goes_on<'a>(case: &Case<'a>, trial: &Trial<'a>) -> Result<CheckOutcome> {
    match kept(passes(case, trial.network.twin(), SESSIONS))? {
        Ok(()) => Ok(CheckOutcome::pass(format!("it makes blocks to the end of {SESSIONS} sessions after it"))),
        Err(failure) => {
            let without = kept(passes(case, case.network.twin(), SESSIONS.saturating_add(trial.done.sessions)))?;
            Ok(stands(&failure, without.err().as_ref()))
        }
    }
}

/// Builds blocks of the relay chain over this many sessions. What its own code cannot do is a failure of it.
pub fn passes<'a>(case: &Case<'a>, network: Network<'a>, sessions: u32) -> Result<()> {
    let mut fork = Trial { network, ..Trial::of(case) };
    fork.judge_relay()?;
    for _ in 0..sessions {
        fork.end_session()?;
    }
    fork.network.advance(|_| false).map(drop)
}

/// Compares why the relay chain stands after a task with what keeps it from going on without the task.
fn stands(after: &Failure, without: Option<&Failure>) -> CheckOutcome {
    match without {
        None if after.kind == Kind::Check => {
            CheckOutcome::fail(format!("the relay chain makes no blocks after it, and does without it: {after}"))
        }
        None => CheckOutcome::not_judged(after.to_string()),
        Some(without) => {
            CheckOutcome::not_judged(format!("the relay chain does not go on here without the task either: {without}"))
        }
    }
}

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
    fn a_relay_chain_that_stands_is_blamed_on_the_task_alone_if_it_goes_on_without_it() {
        let (panics, limit) = (Failure::check("it panics"), Failure::not_judged("too many cores"));
        let seen = stands(&panics, None);
        assert_eq!(seen.status, Status::Fail);
        assert!(seen.detail.ends_with("it panics"), "{seen:?}");
        assert_eq!(stands(&limit, None).status, Status::NotJudged, "a limit of the tool");
        for without in [&panics, &limit] {
            assert_eq!(stands(&panics, Some(without)).status, Status::NotJudged);
        }
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
