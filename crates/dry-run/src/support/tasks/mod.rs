// SPDX-License-Identifier: Apache-2.0
//! Single support tasks. Many calls end without an error although they did nothing, so what each is for is read from
//! the state of the fork on which it was dispatched.

pub mod accounts;
mod after;
mod channels;
mod code;
mod condition;
mod coretime;
mod registration;
mod storage;

use super::{
    case::Case,
    diagnosis,
    known::{Known, Told},
    plans::{Action, Plan},
    reader::Reader,
    repair,
    trial::Trial,
};
use crate::outcome::kept;
use after::{goes_on, passes, relay_goes_on};
use artifact::pace::counted;
use codec::Encode;
use condition::{Condition, Seen};
use network::include_first;
use protocol::{
    Check, CheckOutcome, Finding, Status, Verdict, format, hazards,
    support::{Task, TaskCondition, TaskOptions, TaskReport},
};
use std::time::Instant;
use worker::{Failure, Kind, Reporter, Result};

/// The relay blocks after which a session ends, if a task has not had its effect before.
const BLOCKS: u32 = 12;
/// The candidates of a parachain in which a message of the relay chain is executed.
const CANDIDATES: u32 = 4;

/// A task with its calls, and with what the state shows once it worked.
pub struct Job {
    pub plan: Plan,
    pub conditions: Vec<Condition>,
    pub wait: Wait,
    /// Why the parachain is not expected to make blocks after it; nothing if it is.
    pub ends: Option<&'static str>,
    /// What somebody must judge before the calls are dispatched.
    pub hazards: Vec<String>,
}

/// What passes until a task has its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing more than the block of the calls.
    Nothing,
    /// Blocks, and then sessions up to this number.
    Sessions(u32),
    /// Blocks up to that of the scheduled code.
    Upgrade,
    /// Candidates of the parachain.
    Candidates,
}

impl Job {
    pub fn new(plan: Plan, conditions: Vec<Condition>, wait: Wait) -> Self {
        Self { plan, conditions, wait, ends: None, hazards: Vec::new() }
    }
}

/// Returns the calls of a task and its conditions.
///
/// # Errors
///
/// If the relay chain does not offer the calls, or if the task is asked for with something that does not fit.
fn job(case: &mut Case<'_>, task: &Task) -> Result<Job> {
    match task {
        Task::Unlock | Task::Lock => registration::lock(case, matches!(task, Task::Lock)),
        Task::Register { code, head, manager, deposit } => {
            registration::register(case, (code.as_str(), head.as_deref()), manager, deposit)
        }
        Task::Onboard { code, head, on_demand } => {
            registration::onboard(case, (code.as_str(), head.as_deref()), *on_demand)
        }
        Task::Deregister => registration::deregister(case),
        Task::Offboard => registration::offboard(case),
        Task::ToParachain => registration::to_parachain(case),
        Task::ToParathread => registration::to_parathread(case),
        Task::QueueAction => registration::queue_action(case),
        Task::SetHead { head } => code::set_head(case, head.as_deref()),
        Task::SetCode { code } => code::set_code(case, code),
        Task::ScheduleCode { code, at } => code::schedule(case, code, *at),
        Task::TrustCode { code } => code::trust(case, code),
        Task::EndCooldown => code::end_cooldown(case),
        Task::TopUp { amount, account } => accounts::top_up(case, amount, *account),
        Task::OpenChannel { other, receives, capacity, message_size } => {
            channels::open(case, (*other, *receives), (*capacity, *message_size))
        }
        Task::CloseChannels => channels::close(case),
        Task::ProcessChannels => channels::process(case),
        Task::EmptyDownwardQueue => channels::empty_downward(case),
        Task::AssignCore { core } => coretime::assign(case, *core),
        Task::SetCores { cores } => coretime::set_cores(case, *cores),
        Task::Lease { periods, account } => coretime::lease(case, *periods, account),
        Task::ClearLeases => coretime::clear_leases(case),
        Task::SetStorage { item, keys, value } => storage::set(case, item, keys, value),
        Task::KillStorage { item, keys } => storage::kill(case, item, keys),
        Task::RawStorage { entries } => storage::raw(case, entries),
    }
}

/// Returns the failure where the relay chain has none of the calls of a task.
fn lacks(case: &Case<'_>, calls: &str) -> Failure {
    Failure::input("the relay chain does not offer a call for this task")
        .found(format!("{} {}", case.relay.runtime.version.spec_name, case.relay.runtime.version.spec_version))
        .expected(calls)
}

/// Reads bytes that a task is asked for with.
fn bytes(text: &str, what: &str) -> Result<Vec<u8>> {
    let bytes = text.starts_with("0x").then(|| hex::decode(text).ok()).flatten();
    bytes.ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        Failure::usage(format!("{what} is not in hex")).found(shown).expected("0x and an even number of hex digits")
    })
}

/// Reads an account that a task is asked for with.
fn account(text: &str, what: &str) -> Result<[u8; 32]> {
    bytes(text, what)?.try_into().map_err(|account: Vec<u8>| {
        Failure::usage(format!("{what} has another length"))
            .found(format!("{} bytes", account.len()))
            .expected("32 bytes")
    })
}

/// Reads a balance that a task is asked for with.
fn balance(text: &str, what: &str) -> Result<u128> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        Failure::usage(format!("{what} is no balance")).found(shown).expected("decimal digits, in the smallest unit")
    })
}

/// Tries a task on forks, and reports it.
pub fn attempt(case: &mut Case<'_>, options: &TaskOptions, reporter: &Reporter) -> Result<TaskReport> {
    let began = Instant::now();
    if let Some(out) = options.out.as_deref().filter(|out| out.is_dir()) {
        repair::clear(out, &[])?;
    }
    let mut job = job(case, &options.task)?;
    job.hazards.extend(of_number(case, &options.task)?);
    reporter.status(format!("trying the task {}", options.task.name()));
    let before = look(case, &Trial::of(case), &job.conditions)?;
    let went_on = match job.ends {
        Some(why) => CheckOutcome::skip(why),
        None => {
            let known = Known::read(case)?;
            diagnosis::next_block(case, &known, reporter)?.outcome
        }
    };

    let mut trial = Trial::of(case);
    let mut dispatched = dispatch(case, &mut trial, &job, reporter)?;
    if let Err(failure) = &mut dispatched
        && failure.kind == Kind::NotJudged
        && stops_the_relay(case, &job, reporter)?
    {
        failure.kind = Kind::Check;
    }
    let mut checks = vec![needed(&job, &before).named("needed"), of_dispatch(&dispatched, &trial).named("dispatched")];
    let mut after = None;
    let mut sessions = trial.done.sessions;
    let (relay, why) = match dispatched {
        Ok(()) => (relay_goes_on(case, &trial)?, "the relay chain makes no blocks after it"),
        Err(_) => {
            let why = "the calls were not all dispatched";
            (CheckOutcome::skip(why), why)
        }
    };
    let goes = dispatched.is_ok() && relay.status != Status::Fail;
    if goes {
        let seen = wait(case, &mut trial, &job, reporter)?;
        sessions = trial.network.relay.session()?.saturating_sub(case.network.relay.session()?);
        checks.push(known_good(&job.conditions, &seen).named("known-good"));
        checks.push(goes_on(case, &mut trial, (&job, &went_on), options.heads, reporter)?.named("goes-on"));
        after = Some(seen);
    } else {
        checks.extend([Check::skip("known-good", why), Check::skip("goes-on", why)]);
    }
    checks.push(relay.named("relay-goes-on"));

    let mut costs = job.plan.costs.clone();
    if job.plan.actions.iter().any(|action| matches!(action, Action::Fund)) && dispatched.is_ok() {
        costs.extend(accounts::burned(case, &trial.network.relay)?);
    }
    for chain in std::iter::once(case.network.relay.chain())
        .chain(case.network.parachains.first().map(network::Parachain::chain))
    {
        // A part of a state that could not be read makes every verdict void.
        chain.checked(Ok(()))?;
    }
    let calls = trial.done.calls.iter().map(|(by, call)| repair::told(case, *by, call)).collect::<Result<Vec<_>>>()?;
    let verdict = Verdict::of(&checks);
    let mut files = Vec::new();
    if let (Some(out), true) = (&options.out, verdict.passed()) {
        let encoded: Vec<_> = trial.done.calls.iter().map(|(_, call)| call.clone()).collect();
        files = repair::write_calls(&calls, &encoded, Vec::new(), out)?;
    }
    Ok(TaskReport {
        format: format::SUPPORT_TASK.into(),
        task: options.task.name().into(),
        told: job.plan.told,
        para: case.para.into(),
        relay: case.relay.identity.clone(),
        parachain: case.parachain.as_ref().map(|member| member.identity.clone()),
        costs,
        calls,
        conditions: conditions(&job.conditions, &before, after.as_deref()),
        sessions,
        heads: trial.included,
        hazards: hazards(&checks),
        checks,
        files,
        seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        verdict,
    })
}

/// Returns what is told where the relay chain does not know the parachain that a task is for: the number may be wrong.
fn of_number(case: &Case<'_>, task: &Task) -> Result<Option<String>> {
    if !needs_registration(task) {
        return Ok(None);
    }
    let reader = Reader::of(case.network.relay.chain(), &case.relay)?;
    let lifecycle = reader.words("Paras", "ParaLifecycles", Some(&case.para.encode()))?;
    let para = u32::from(case.para);
    Ok(lifecycle.is_none().then(|| format!("the relay chain does not know parachain {para}")))
}

/// Is a task for a parachain that the relay chain knows?
fn needs_registration(task: &Task) -> bool {
    !matches!(
        task,
        Task::Register { .. }
            | Task::Onboard { .. }
            | Task::Deregister
            | Task::Offboard
            | Task::TrustCode { .. }
            | Task::ProcessChannels
            | Task::SetCores { .. }
            | Task::SetStorage { .. }
            | Task::KillStorage { .. }
            | Task::RawStorage { .. }
    )
}

/// Has all calls of a task dispatched. A failure says why one was not.
fn dispatch<'a>(
    case: &Case<'a>,
    trial: &mut Trial<'a>,
    job: &Job,
    reporter: &Reporter,
) -> Result<std::result::Result<(), Failure>> {
    for action in &job.plan.actions {
        if let Err(failure) = kept(trial.take(case, action, reporter))? {
            return Ok(Err(failure));
        }
    }
    Ok(Ok(()))
}

/// Does the block that dispatches the calls stop the relay chain, which goes on without them?
fn stops_the_relay(case: &Case<'_>, job: &Job, reporter: &Reporter) -> Result<bool> {
    let mut again = Trial::of(case);
    again.judge_relay()?;
    let is_seen = dispatch(case, &mut again, job, reporter)?.is_err_and(|failure| failure.kind == Kind::Check);
    Ok(is_seen && kept(passes(case, case.network.twin(), 0))?.is_ok())
}

fn look(case: &Case<'_>, trial: &Trial<'_>, conditions: &[Condition]) -> Result<Vec<Told<Seen>>> {
    conditions.iter().map(|condition| condition.look(case, &trial.network)).collect()
}

/// Lets pass what a task takes, until its conditions hold, and returns what was seen.
fn wait<'a>(case: &Case<'a>, trial: &mut Trial<'a>, job: &Job, reporter: &Reporter) -> Result<Vec<Told<Seen>>> {
    let mut seen = look(case, trial, &job.conditions)?;
    let hold = |seen: &[Told<Seen>]| seen.iter().all(|one| one.as_ref().is_ok_and(|seen| seen.holds));
    match job.wait {
        Wait::Nothing => {}
        Wait::Sessions(most) => {
            for step in 0..BLOCKS.saturating_add(most) {
                if hold(&seen) {
                    break;
                }
                let passed = match step < BLOCKS {
                    true => trial.network.advance(|_| false).map(drop),
                    false => trial.end_session(),
                };
                if let Err(failure) = kept(passed)? {
                    return Ok(unknown(&job.conditions, &failure));
                }
                seen = look(case, trial, &job.conditions)?;
            }
        }
        Wait::Upgrade => {
            let Some((last, scheduled)) = job.conditions.split_last() else { return Ok(seen) };
            let at_once = seen.get(..scheduled.len()).unwrap_or_default().to_vec();
            if hold(&at_once) {
                let later = match kept(code::pass_upgrade(case, trial, reporter))? {
                    Ok(()) => last.look(case, &trial.network)?,
                    Err(failure) => Err(failure.to_string()),
                };
                seen = at_once;
                seen.push(later);
            }
        }
        Wait::Candidates => {
            for _ in 0..CANDIDATES {
                if hold(&seen) {
                    break;
                }
                let course = kept(include_first(&mut trial.network, case.para, reporter))?;
                let obstacle = match course {
                    Ok(course) => course.obstacle,
                    Err(failure) => Some(failure),
                };
                if let Some(failure) = obstacle {
                    let failure = Failure::not_judged("no candidate is included in which the message is executed")
                        .found(failure.to_string());
                    return Ok(unknown(&job.conditions, &failure));
                }
                seen = look(case, trial, &job.conditions)?;
            }
        }
    }
    Ok(seen)
}

fn unknown(conditions: &[Condition], failure: &Failure) -> Vec<Told<Seen>> {
    conditions.iter().map(|_| Err(failure.to_string())).collect()
}

fn conditions(all: &[Condition], before: &[Told<Seen>], after: Option<&[Told<Seen>]>) -> Vec<TaskCondition> {
    let one = |(position, condition): (usize, &Condition)| {
        let holds = |seen: Option<&Told<Seen>>| seen.and_then(|seen| seen.as_ref().ok()).map(|seen| seen.holds);
        let (first, last) = (before.get(position), after.and_then(|after| after.get(position)));
        let found = match last.or(first) {
            Some(Ok(seen)) => seen.found.clone(),
            Some(Err(why)) => why.clone(),
            None => String::new(),
        };
        TaskCondition { told: condition.told.clone(), before: holds(first), after: holds(last), found }
    };
    all.iter().enumerate().map(one).collect()
}

/// Is there something to do? A task that changes nothing is no failure.
fn needed(job: &Job, before: &[Told<Seen>]) -> CheckOutcome {
    let findings: Vec<_> = job.hazards.iter().map(Finding::hazard).collect();
    let hold = |one: &Told<Seen>| one.as_ref().is_ok_and(|seen| seen.holds);
    let is_done = match job.wait {
        // What is scheduled is gone once it is applied.
        Wait::Upgrade => before.last().is_some_and(hold),
        _ => !before.is_empty() && before.iter().all(hold),
    };
    match is_done {
        true => {
            let told = "nothing is to be done: the state shows already what the task is for";
            let findings = std::iter::once(Finding::hazard(told)).chain(findings).collect();
            CheckOutcome::judged(told, findings)
        }
        false => CheckOutcome::judged("the state does not show yet what the task is for", findings),
    }
}

fn of_dispatch(dispatched: &std::result::Result<(), Failure>, trial: &Trial<'_>) -> CheckOutcome {
    match dispatched {
        Ok(()) => {
            let calls = counted(trial.done.calls.len() as u128, "call");
            CheckOutcome::pass(format!("{calls} ended without an error, which does not say that anything was done"))
        }
        Err(failure) if failure.kind == Kind::Check => CheckOutcome::fail(failure.to_string()),
        Err(failure) => CheckOutcome::not_judged(failure.to_string()),
    }
}

/// Does the state show what the task is for?
fn known_good(conditions: &[Condition], after: &[Told<Seen>]) -> CheckOutcome {
    let mut findings = Vec::new();
    for (condition, seen) in conditions.iter().zip(after) {
        match seen {
            Ok(seen) => {
                if !seen.holds {
                    findings.push(Finding::seen(format!("not so: {}: {}", condition.told, seen.found)));
                }
                findings.extend(seen.hazards.iter().map(Finding::hazard));
            }
            Err(why) => findings.push(Finding::not_judged(format!("{}: {why}", condition.told))),
        }
    }
    let told: Vec<_> = conditions.iter().map(|condition| condition.told.as_str()).collect();
    CheckOutcome::judged(told.join("; "), findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use condition::Test;

    fn seen(holds: bool) -> Told<Seen> {
        Ok(Seen { holds, found: "what was found".into(), hazards: Vec::new() })
    }

    fn job(wait: Wait, conditions: usize) -> Job {
        let condition = || Condition::new("it is so", Test::Entry { key: Vec::new(), value: None });
        let plan = Plan::of("unlock", "", Vec::new(), Vec::new());
        Job::new(plan, (0..conditions).map(|_| condition()).collect(), wait)
    }

    #[test]
    fn a_task_without_anything_to_do_is_a_hazard() {
        let all = job(Wait::Nothing, 2);
        assert_eq!(needed(&all, &[seen(true), seen(true)]).status, Status::Warn);
        assert_eq!(needed(&all, &[seen(true), seen(false)]).status, Status::Pass);
        assert_eq!(needed(&all, &[seen(true), Err("unknown".into())]).status, Status::Pass);
        // An applied code is scheduled no longer.
        assert_eq!(needed(&job(Wait::Upgrade, 2), &[seen(false), seen(true)]).status, Status::Warn);
        let warned = Job { hazards: vec!["it has more".into()], ..job(Wait::Nothing, 1) };
        let outcome = needed(&warned, &[seen(false)]);
        assert_eq!((outcome.status, outcome.findings[0].text.as_str()), (Status::Warn, "it has more"));
    }

    #[test]
    fn a_task_is_good_if_all_conditions_hold() {
        let status = |after: &[Told<Seen>]| known_good(&job(Wait::Nothing, 2).conditions, after).status;
        assert_eq!(status(&[seen(true), seen(true)]), Status::Pass);
        assert_eq!(status(&[seen(true), Err("unknown".into())]), Status::NotJudged);
        assert_eq!(status(&[seen(false), Err("unknown".into())]), Status::Fail);
        let taken = Ok(Seen { holds: true, found: String::new(), hazards: vec!["2000 loses it".into()] });
        assert_eq!(status(&[seen(true), taken]), Status::Warn);
    }

    #[test]
    fn a_number_that_nobody_registered_is_told_where_it_matters() {
        assert!(needs_registration(&Task::Unlock) && needs_registration(&Task::AssignCore { core: None }));
        assert!(!needs_registration(&Task::Deregister) && !needs_registration(&Task::SetCores { cores: 1 }));
    }

    #[test]
    fn what_a_task_is_asked_for_with_is_read_or_refused() {
        assert_eq!(bytes("0x0102", "the head"), Ok(vec![1, 2]));
        for text in ["0102", "0x0", "0xzz", ""] {
            assert_eq!(bytes(text, "the head").expect_err("refused").kind, Kind::Usage, "{text}");
        }
        assert_eq!(account(&format!("0x{}", "07".repeat(32)), "the manager"), Ok([7; 32]));
        assert_eq!(account("0x07", "the manager").expect_err("refused").found.as_deref(), Some("1 bytes"));
        assert_eq!(balance("340282366920938463463374607431768211455", "it"), Ok(u128::MAX));
        assert_eq!(balance("1.5", "it").expect_err("refused").kind, Kind::Usage);
    }

    #[test]
    fn a_condition_is_told_with_what_was_found_last() {
        let job = job(Wait::Nothing, 1);
        let told = conditions(&job.conditions, &[seen(false)], Some(&[Err("undecodable".into())]));
        assert_eq!((told[0].before, told[0].after, told[0].found.as_str()), (Some(false), None, "undecodable"));
        let told = conditions(&job.conditions, &[seen(false)], None);
        assert_eq!((told[0].after, told[0].found.as_str()), (None, "what was found"));
    }
}
