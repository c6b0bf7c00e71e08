// SPDX-License-Identifier: Apache-2.0
//! Tries repairs on forks, by the relay chain's own rules, until one works.

use super::{
    case::Case,
    diagnosis::is_broken,
    plans::{self, Action, Mend, Plan},
};
use crate::{block::records, dispatch::value, outcome::kept};
use fork::Code;
use network::{Network, ParaId, include, include_first, onboard};
use proposal::{Value, decode};
use protocol::{
    Source, Status, Verdict, format,
    support::{Attempt, CodeSubstitute, CodeSubstitutes, Diagnosis, RepairCall, RepairOptions, RepairReport},
};
use source::ReadSource;
use std::{path::Path, time::Instant};
use worker::{Failure, Kind, Reporter, Result};

/// The most sessions that are ended for a repair.
const MOST_SESSIONS: u32 = 4;
/// The relay blocks in which a session ends that is about to.
const ENDS_WITHIN: u32 = 8;
/// The longest call that a document holds, in bytes.
const LONGEST: usize = 64 * 1024;

/// An attempt, and what it says.
struct Tried {
    attempt: Attempt,
    /// The calls, in their order.
    calls: Vec<Vec<u8>>,
    substitute: Option<Code>,
    /// Why it does not work.
    obstacle: Option<Failure>,
}

/// Tries repairs for what a diagnosis found, and reports them.
pub fn attempt(
    case: &mut Case<'_>,
    diagnosis: Diagnosis,
    options: &RepairOptions,
    reporter: &Reporter,
) -> Result<RepairReport> {
    let began = Instant::now();
    let mend = options.code.as_deref().map(read).transpose()?;
    let report = |diagnosis: Diagnosis, attempts: Vec<Attempt>, proposed, verdict| RepairReport {
        format: format::REPAIR.into(),
        attempts,
        proposed,
        verdict,
        seconds: ((diagnosis.seconds + began.elapsed().as_secs_f64()) * 1000.0).round() / 1000.0,
        diagnosis,
    };
    if case.parachain.is_none() {
        return Ok(report(diagnosis, Vec::new(), None, Verdict::NotJudged));
    }
    let goes_on = diagnosis.checks.iter().any(|check| check.name == "next-block" && check.status == Status::Pass);
    if goes_on && !is_broken(&diagnosis.checks) {
        return Ok(report(diagnosis, Vec::new(), None, Verdict::Pass));
    }
    let mut plans = plans::of(case, &diagnosis.causes, mend.as_ref())?;
    let mut tried: Vec<Tried> = Vec::new();
    let mut works = |case: &Case<'_>, plan: &Plan| -> Result<bool> {
        let one = try_plan(case, plan, mend.as_ref(), options.heads, reporter)?;
        let works = one.attempt.works;
        tried.push(one);
        Ok(works)
    };
    let mut found = false;
    for plan in &plans {
        found = works(case, plan)?;
        if found {
            break;
        }
    }
    if !found && plans.len() > 1 {
        plans = vec![plans::all(&plans)];
        for plan in &plans {
            found = works(case, plan)?;
        }
    }
    if let (true, Some(last), Some(out)) = (found, tried.last_mut(), &options.out) {
        last.attempt.files = write(last, out)?;
    }
    let failed = |one: &Tried| one.obstacle.as_ref().is_some_and(|obstacle| obstacle.kind == Kind::Check);
    let verdict = match found {
        true => Verdict::Pass,
        false if tried.is_empty() && is_broken(&diagnosis.checks) || tried.iter().any(failed) => Verdict::Fail,
        false => Verdict::NotJudged,
    };
    let proposed = found.then(|| tried.len().saturating_sub(1));
    Ok(report(diagnosis, tried.into_iter().map(|one| one.attempt).collect(), proposed, verdict))
}

fn read(name: &str) -> Result<Mend> {
    let blob = name.parse::<Source>()?.blob()?;
    let spec_version = artifact::version_of(name, &blob)?.spec_version;
    Ok(Mend { code: Code::new(blob.deployed), spec_version })
}

fn try_plan(case: &Case<'_>, plan: &Plan, mend: Option<&Mend>, heads: u32, reporter: &Reporter) -> Result<Tried> {
    reporter.status(format!("trying the repair {}", plan.name));
    let mut twin = case.network.twin();
    let mut done = onboard::Dispatched::default();
    let mut substitute = None;
    let mut included = 0;
    let mut run = || -> Result<()> {
        for action in &plan.actions {
            take(case, &mut twin, action, &mut done, reporter)?;
        }
        case.settle(&mut twin, reporter)?;
        if let Some(code) = plan.actions.iter().find_map(Action::substitute) {
            check_substitute(case, mend)?;
            twin.both(case.para)?.1.substitute(code.clone());
            substitute = Some(code.clone());
        }
        let waits = plan.actions.iter().any(|action| matches!(action, Action::Wait));
        go_on(&mut twin, case.para, heads, waits, (&mut done.sessions, &mut included), reporter)
    };
    let obstacle = kept(run())?.err();
    let calls = done.calls.iter().map(|call| told(case, call)).collect::<Result<Vec<_>>>()?;
    let block = case.network.parachain(case.para)?.chain().number();
    let attempt = Attempt {
        name: plan.name.into(),
        told: plan.told.clone(),
        costs: plan.costs.clone(),
        calls,
        substitute: substitute
            .as_ref()
            .map(|code| CodeSubstitute { block, blake2_256: hex::encode_prefixed(code.hash()) }),
        sessions: done.sessions,
        heads: included,
        works: obstacle.is_none(),
        obstacle: obstacle.as_ref().map(Failure::to_string),
        files: Vec::new(),
    };
    Ok(Tried { attempt, calls: done.calls, substitute, obstacle })
}

/// Checks that nodes take a code as a substitute: they look for one with the spec_version of the code in the state
/// (`wasm_substitutes` of sc-service).
fn check_substitute(case: &Case<'_>, mend: Option<&Mend>) -> Result<()> {
    let present = case.parachain.as_ref().map(|member| member.runtime.version.spec_version);
    match (present, mend) {
        (Some(present), Some(mend)) if present != mend.spec_version => {
            Err(Failure::check("the parachain's nodes ignore the given code")
                .found(format!("spec_version {}", mend.spec_version))
                .expected(format!("spec_version {present}, that of the code in the state"))
                .hint("build the blob with the mend and that spec_version"))
        }
        _ => Ok(()),
    }
}

/// Takes a step of a repair.
fn take(
    case: &Case<'_>,
    network: &mut Network<'_>,
    action: &Action,
    done: &mut onboard::Dispatched,
    reporter: &Reporter,
) -> Result<()> {
    let mut add = |more: onboard::Dispatched| {
        done.calls.extend(more.calls);
        done.sessions += more.sessions;
    };
    match action {
        Action::Calls(calls) => {
            add(onboard::Dispatched { calls: calls.clone(), sessions: 0 });
            dispatch(case, network, calls)
        }
        Action::Register => {
            let (relay, parachain) = network.both(case.para)?;
            add(onboard::onboard(relay, parachain, reporter)?);
            Ok(())
        }
        Action::AssignCore => {
            add(onboard::assign_core(&mut network.relay, case.para)?);
            Ok(())
        }
        // Nodes of the parachain take it, and nothing happens on the relay chain.
        Action::Substitute(_) | Action::Wait => Ok(()),
    }
}

/// Has the relay chain's root dispatch calls.
///
/// # Errors
///
/// If one of them ends with an error.
fn dispatch(case: &Case<'_>, network: &mut Network<'_>, calls: &[Vec<u8>]) -> Result<()> {
    network.relay.schedule_as_root(calls)?;
    let round = network.advance(|_| false)?;
    let events = records::whole(&round.block.block.after, &case.relay.interface()?)?.unwrap_or_default();
    let dispatched = events.iter().filter(|event| event.pallet == "Scheduler" && event.name == "Dispatched");
    let errors: Vec<_> = dispatched.filter_map(|event| event.error.clone()).collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Failure::check("the relay chain's root cannot dispatch the call").found(errors.join(", "))),
    }
}

/// Builds relay blocks until as many candidates are included as are asked for. A session ends first where the parachain
/// has no core yet, or where the repair waits for one. Counts sessions and candidates.
fn go_on(
    network: &mut Network<'_>,
    para: ParaId,
    heads: u32,
    waits: bool,
    (sessions, included): (&mut u32, &mut u32),
    reporter: &Reporter,
) -> Result<()> {
    let mut last = Failure::not_judged("the parachain has no core")
        .found(format!("no claim on one after {MOST_SESSIONS} sessions"))
        .expected("a core in the claim queue");
    for session in 0..=MOST_SESSIONS {
        if network.relay.has_core(para)? {
            // The first one tells how candidates name their cores.
            let mut course = include_first(network, para, reporter)?;
            *included = course.heads;
            if course.obstacle.is_none() && heads > course.heads {
                let more = include(network, &[para], heads - course.heads, reporter)?;
                course = more.into_iter().next().ok_or_else(|| Failure::internal("no parachain was asked"))?;
                *included += course.heads;
            }
            match course.obstacle {
                None => return Ok(()),
                Some(obstacle) if !waits => return Err(obstacle),
                Some(obstacle) => last = obstacle,
            }
        }
        if session < MOST_SESSIONS {
            end_session(network)?;
            *sessions += 1;
        }
    }
    Err(last)
}

fn end_session(network: &mut Network<'_>) -> Result<()> {
    let (session, slots) = (network.relay.session()?, network.relay.slots_left()?);
    network.advance_after(slots, |_| false)?;
    for _ in 0..ENDS_WITHIN {
        if network.relay.session()? != session {
            return Ok(());
        }
        network.advance(|_| false)?;
    }
    Err(Failure::not_judged("the relay chain does not end its session on this fork"))
}

/// Returns a call in words.
fn told(case: &Case<'_>, bytes: &[u8]) -> Result<RepairCall> {
    let decoded = decode::call(case.relay.target.types(), bytes)?;
    let name = match &decoded {
        Value::Call { pallet, name, .. } => format!("{pallet}.{name}"),
        _ => return Err(Failure::internal("a repair has something that is no call")),
    };
    let is_short = bytes.len() <= LONGEST;
    Ok(RepairCall {
        chain: case.relay.name.clone(),
        origin: "root".into(),
        name,
        bytes: if is_short { hex::encode_prefixed(bytes) } else { String::new() },
        length: bytes.len() as u64,
        hash: hex::encode_prefixed(artifact::hashes::blake2_256(bytes)),
        decoded: if is_short { value::pretty(&decoded) } else { String::new() },
    })
}

/// Writes the calls of a repair, and the entry of the chain spec, and returns the names of the files.
fn write(tried: &Tried, out: &Path) -> Result<Vec<String>> {
    std::fs::create_dir_all(out).map_err(|error| Failure::io("make", out, &error))?;
    let mut names = Vec::new();
    let mut put = |name: String, content: &[u8]| -> Result<()> {
        files::write_whole(&out.join(&name), content)?;
        names.push(name);
        Ok(())
    };
    for (position, (call, bytes)) in tried.attempt.calls.iter().zip(&tried.calls).enumerate() {
        let name = format!("{:02}-{}", position + 1, call.name);
        put(format!("{name}.hex"), format!("{}\n", hex::encode_prefixed(bytes)).as_bytes())?;
        put(format!("{name}.scale"), bytes)?;
    }
    if let (Some(code), Some(substitute)) = (&tried.substitute, &tried.attempt.substitute) {
        let codes = [(substitute.block.to_string(), hex::encode_prefixed(code.bytes()))].into();
        let document = serde_json::to_vec(&CodeSubstitutes { codes }).map_err(|error| {
            Failure::internal("a code substitute cannot be written as JSON").found(error.to_string())
        })?;
        put("code-substitutes.json".into(), &document)?;
    }
    Ok(names)
}
