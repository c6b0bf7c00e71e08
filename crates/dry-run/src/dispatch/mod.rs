// SPDX-License-Identifier: Apache-2.0
//! The rehearsal of a proposal: a call that its own origin dispatches on forks, and everything that it does on all chains.
//!
//! The same blocks are built three times: with the call, without it, and with a call without an effect. What differs is what
//! the call did.

mod authorized;
mod balances;
mod bookkeeping;
pub mod call;
mod caused;
mod checks;
mod control;
mod difference;
mod earlier;
mod entry;
pub mod explain;
mod hashes;
pub mod origin;
mod route;
mod run;
mod sent_messages;
pub mod stage;
mod transact;
mod upgrades;
pub mod value;

use artifact::hashes::blake2_256;
use call::Call;
use caused::Caused;
use fork::Executor;
use origin::Origin;
use proposal::decode;
use protocol::{
    RpcUsage, Verdict, format, hazards,
    rehearse::{RehearsalReport, RehearseRequest, RehearsedCall, RehearsedChain, RehearsedEvent, RehearsedMessage},
};
use route::Route;
use run::{Run, Until};
use sent_messages::{Receiver, SentMessages};
use stage::{Chains, Member};
use std::time::Instant;
use upgrades::Release;
use worker::{Failure, Reporter, Result};

/// The most events that are listed.
const MOST_EVENTS: usize = 5_000;

/// Dispatches a proposal on forks, and returns what it did.
pub fn rehearse(request: &RehearseRequest, reporter: &Reporter) -> Result<RehearsalReport> {
    let began = Instant::now();
    let expected = request.codes.iter().map(|name| Release::read(name, true));
    let others = request.known_codes.iter().map(|name| Release::read(name, false));
    let releases: Vec<_> = expected.chain(others).collect::<Result<_>>()?;
    let executor = Executor::new(request.cache.as_deref());
    let of_relay = executor.beside();
    let Chains { members, stage, absent } = Chains::read(request, (&executor, &of_relay), reporter)?;
    let (stage, earlier) = earlier::dispatch(stage, &members, &request.after, &executor, reporter)?;
    let main = members.first().ok_or_else(|| Failure::internal("a rehearsal without chains"))?;
    let call = Call::read(&request.proposal, request.origin.as_deref(), stage.chain(main)?, main)?;
    let decoded = decode::call(main.target.types(), &call.bytes)?;
    let route = Route::of(&stage, main, &executor)?;
    let remark = call::remark(&main.interface()?)
        .ok_or_else(|| Failure::not_judged(format!("{} has no call System.remark to compare with", main.name)))?;

    reporter.status("dispatching the proposal");
    let run = |call, until| Run::of(&stage, &members, &route, call, until, reporter);
    let until = Until::Settled { rounds: request.blocks, sessions: request.sessions };
    let mut with = run(Some((&call.bytes[..], &call.origin)), until)?;
    reporter.status("building the same blocks without it");
    // Where a block could not be built with the call, it must be possible without it.
    let skipped = with.skipped.clone();
    let without = run(None, Until::Like(&skipped))?;
    let other = run(Some((&remark[..], &Origin::Root)), Until::Like(&skipped))?;

    let explained = value::explained(&decoded, main, &members);
    let sent = std::mem::take(&mut with.sent).without(&without.sent);
    let cause = bookkeeping::Cause {
        sends: !sent.messages.is_empty() || !sent.unmatched.is_empty(),
        writes: value::writes_below(&explained, &[]),
    };
    let differences = difference::of(&members, &with, &without, &other, cause)?;
    let answers =
        transact::succeed(&stage, &members, &route, (&call, &decoded), (&sent, &without.sent, &skipped), reporter)?;
    let caused = caused::events(&with, &without, &other);
    let authorized = authorized::codes(&members, &with, &without)?;
    let (hashes, more_hashes) = hashes::of(&hashes::Shown {
        members: &members,
        with: &with,
        call: &call.bytes,
        decoded: &decoded,
        explained: &explained,
        caused: &caused,
        authorized: &authorized,
        releases: &releases,
    })?;
    let upgrades = match with.obstacle {
        None => upgrades::apply(with.stage.twin(), &members, &releases, &executor, reporter)?,
        Some(_) => Vec::new(),
    };
    let seen = checks::Seen {
        members: &members,
        call: &call,
        with: &with,
        without: &without,
        other: &other,
        sessions: request.sessions,
        decoded: &explained,
        absent: &absent,
        caused: &caused,
        sent: &sent,
        answers: &answers,
        differences: &differences,
        releases: &releases,
        upgrades: &upgrades,
    };
    let mut checks = checks::all(&seen);
    if !earlier.is_empty() {
        checks.insert(0, earlier::check(&earlier).named("earlier"));
    }
    let usage = |usage: RpcUsage, member: &Member| -> Result<RpcUsage> {
        let traffic = with.stage.chain(member)?.traffic();
        Ok(RpcUsage { requests: usage.requests + traffic.requests, bytes: usage.bytes + traffic.bytes })
    };
    let rpc = members.iter().try_fold(RpcUsage::default(), usage)?;
    for member in &members {
        // A part of a state that could not be read makes every verdict void.
        with.stage.chain(member)?.checked(Ok(()))?;
    }
    let ended = |(position, member): (usize, &Member)| RehearsedChain {
        identity: member.identity.clone(),
        ended: with
            .blocks
            .iter()
            .filter(|made| made.member == position)
            .map(|made| made.number)
            .max()
            .unwrap_or(member.identity.number),
        absent: None,
    };
    Ok(RehearsalReport {
        format: format::REHEARSAL.into(),
        call: RehearsedCall {
            chain: main.name.clone(),
            source: request.source.clone().unwrap_or_else(|| call.source.clone()),
            blake2_256: hex::encode_prefixed(blake2_256(&call.bytes)),
            length: call.bytes.len() as u64,
            decoded: value::pretty(&explained),
            origin: call.origin.to_string(),
            route: route.name().into(),
        },
        earlier,
        chains: members.iter().enumerate().map(ended).chain(absent).collect(),
        events: events(&caused, &members)?,
        more_events: caused.len().saturating_sub(MOST_EVENTS) as u64,
        messages: messages(&sent, &answers, &members),
        balances: differences.balances,
        more_balances: differences.more_balances,
        differences: differences.listed,
        more_differences: differences.more,
        difference_hash: hex::encode_prefixed(differences.hash),
        left_out: differences.left_out.into_iter().collect(),
        authorized,
        hashes,
        more_hashes,
        upgrades,
        notes: notes(request, &route, main),
        verdict: Verdict::of(&checks),
        hazards: hazards(&checks),
        checks,
        rpc,
        seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    })
}

/// Returns what was done to the forks that nobody does to live chains.
fn notes(request: &RehearseRequest, route: &Route, main: &Member) -> Vec<String> {
    let mut notes = Vec::new();
    if request.onboard {
        notes.push("parachains that the relay chain did not know were onboarded on its fork first".to_owned());
    }
    if request.relay.is_some() || !request.with.is_empty() {
        notes.push("the signatures of the relay chain's validators and authors were replaced".to_owned());
    }
    notes.push(route.note(main));
    notes.push("votes, deposits, fees and the time until the enactment were not rehearsed".to_owned());
    notes
}

/// Returns the events in words.
fn events(caused: &[Caused<'_>], members: &[Member]) -> Result<Vec<RehearsedEvent>> {
    let mut events = Vec::new();
    for Caused { member, block, record, .. } in caused.iter().take(MOST_EVENTS) {
        let Some(member) = members.get(*member) else { continue };
        let types = member.interface()?.types;
        let fields = record.fields.iter().enumerate().map(|(place, field)| {
            let name = field.name.clone().unwrap_or_else(|| place.to_string());
            let text = compat::value::text(types, field.id, &field.value);
            // `Ok(())` has no parts.
            let is_result =
                types.resolve(field.id).is_some_and(|ty| ty.path.segments.last().is_some_and(|it| it == "Result"));
            let text = if is_result && record.error.is_none() && field.value == [0] { "Ok".into() } else { text };
            format!("{name}: {text}")
        });
        events.push(RehearsedEvent {
            chain: member.name.clone(),
            block: *block,
            name: format!("{}.{}", record.pallet, record.name),
            fields: fields.collect::<Vec<_>>().join(", "),
            error: record.error.clone(),
        });
    }
    Ok(events)
}

fn messages(sent: &SentMessages, answers: &[Option<bool>], members: &[Member]) -> Vec<RehearsedMessage> {
    let name = |position: usize| members.get(position).map(|member| member.name.clone()).unwrap_or_default();
    let told = |(message, answer): (&sent_messages::SentMessage, &Option<bool>)| RehearsedMessage {
        from: name(message.from),
        to: match &message.to {
            Receiver::Member(position) => name(*position),
            Receiver::Other(told) => told.clone(),
        },
        sent: message.sent,
        id: hex::encode_prefixed(message.id),
        followed: matches!(message.to, Receiver::Member(_)),
        received: message.received.as_ref().map(|received| received.told.clone()),
        executed: message.is_executed(),
        calls_succeeded: *answer,
    };
    sent.messages.iter().zip(answers).map(told).collect()
}
