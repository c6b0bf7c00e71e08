// SPDX-License-Identifier: Apache-2.0
//! The checks of a proposal's rehearsal.

use super::{
    call::Call,
    caused::Caused,
    difference::Differences,
    run::Run,
    sent_messages::{Receiver, SentMessage, SentMessages},
    stage::Member,
    upgrades::Release,
    value,
};
use crate::{
    block::records::{self, Record},
    messages::Execution,
};
use artifact::{hashes::twox_128, pace::counted};
use proposal::Value;
use protocol::{
    Check, CheckOutcome, Finding,
    rehearse::{RehearsedChain, RehearsedUpgrade, StateDifference},
};
use worker::Kind;

/// The candidates that a parachain may have fewer than without the call: the blocks with the call are other ones.
const SLACK: usize = 2;
/// The most findings of a check.
const MOST: usize = 100;

/// Events that say that something was not done, although the call that emitted them ended well, and what each means.
/// Pallets have other names on other chains. Events with an error in a field need no entry.
const NOT_DONE: [(&str, &str); 12] = [
    ("BatchCompletedWithErrors", "some calls of the batch failed"),
    ("CallUnavailable", "the call of a task has no preimage, or does not decode: it never runs"),
    ("PermanentlyOverweight", "a task is too heavy for every block: it never runs"),
    ("PeriodicFailed", "a periodic task was not scheduled again"),
    ("RetryFailed", "a failed task was not scheduled again"),
    (
        "DispatchDeferred",
        "the call is not whitelisted, so it was not dispatched and waits for that. It never runs by itself",
    ),
    ("UpgradeFailed", "the migrations of an upgrade failed"),
    ("ValidationFunctionDiscarded", "the relay chain refused the new code"),
    ("SendFailed", "a message was not sent"),
    ("PaymentFailed", "a payment failed"),
    ("ForceReservationFailed", "cores were not reserved"),
    ("UnexpectedQueueFull", "orders of cores on demand were dropped"),
];

/// Events that say that something waits for somebody or for a later block.
const WAITS: [(&str, &str); 11] = [
    ("NewMultisig", "a multisig waits for more approvals: the call was not executed"),
    ("MultisigApproval", "a multisig was approved: the call was not executed"),
    ("Announced", "a call was announced, and not executed"),
    ("AgendaIncomplete", "the scheduler has not done all its tasks"),
    ("AssetsTrapped", "assets of a message were trapped"),
    ("Submitted", "a referendum was submitted: the call that it votes on was not dispatched. Rehearse that call"),
    ("Proposed", "something was proposed: what it proposes was not dispatched. Rehearse that call"),
    ("Scheduled", "a task waits for a later block"),
    ("Noted", "a preimage was noted: the call in it was not dispatched"),
    ("Unexpected", "a pallet met what it did not expect"),
    ("RegionDropped", "a region of coretime was dropped"),
];

/// What the runs showed.
pub struct Seen<'s> {
    pub members: &'s [Member],
    pub call: &'s Call,
    pub with: &'s Run<'s>,
    pub without: &'s Run<'s>,
    /// The run with a call without an effect.
    pub other: &'s Run<'s>,
    /// The sessions that were to end.
    pub sessions: u32,
    /// The call and the calls in its messages.
    pub decoded: &'s Value,
    /// The chains that were named and take no part.
    pub absent: &'s [RehearsedChain],
    pub caused: &'s [Caused<'s>],
    pub sent: &'s SentMessages,
    pub answers: &'s [Option<bool>],
    pub differences: &'s Differences,
    pub releases: &'s [Release],
    pub upgrades: &'s [RehearsedUpgrade],
}

/// Makes all checks, in their order.
pub fn all(seen: &Seen<'_>) -> Vec<Check> {
    vec![
        dispatch(seen).named("dispatch"),
        inner_results(seen).named("inner-results"),
        messages(seen).named("messages"),
        blocks(seen).named("blocks"),
        effect(seen).named("effect"),
        control(seen).named("control"),
        upgrades(seen).named("upgrades"),
    ]
}

impl Seen<'_> {
    fn name(&self, position: usize) -> &str {
        self.members.get(position).map_or("a chain", |member| &member.name)
    }

    /// Returns why the runs cannot be compared: the forks do not go on without the call either.
    fn limit(&self) -> Option<CheckOutcome> {
        let obstacle = self.without.obstacle.as_ref().or(self.other.obstacle.as_ref())?;
        Some(CheckOutcome::not_judged(format!("the forks do not go on without the call either: {obstacle}")))
    }

    /// Returns whether all that the call asks for was done where somebody could look.
    fn ended_well(&self) -> bool {
        let dispatched = self.with.dispatched.as_ref().is_some_and(|dispatched| dispatched.error.is_none());
        let arrived = |message: &SentMessage| message.is_executed() && matches!(message.to, Receiver::Member(_));
        dispatched && self.with.obstacle.is_none() && self.absent.is_empty() && self.sent.messages.iter().all(arrived)
    }
}

/// Does the origin dispatch the call without an error?
fn dispatch(seen: &Seen<'_>) -> CheckOutcome {
    let (origin, chain) = (&seen.call.origin, seen.name(0));
    match (&seen.with.dispatched, &seen.with.obstacle) {
        (Some(dispatched), _) => match &dispatched.error {
            None => CheckOutcome::pass(format!("{origin} dispatches it in block {} of {chain}", dispatched.block)),
            Some(error) => CheckOutcome::fail(format!(
                "{origin} dispatches it in block {} of {chain}, and it fails: {error}",
                dispatched.block
            )),
        },
        (None, Some(obstacle)) if breaks(seen) => {
            CheckOutcome::fail(format!("the block that dispatches it cannot be built: {obstacle}"))
        }
        (None, Some(obstacle)) => CheckOutcome::not_judged(format!("the forks do not go on: {obstacle}")),
        (None, None) => {
            let blocks = seen.with.count(0);
            CheckOutcome::not_judged(format!("no event of {blocks} blocks of {chain} tells that it was dispatched"))
        }
    }
}

/// Returns whether the chains stop with the call, and go on without it.
fn breaks(seen: &Seen<'_>) -> bool {
    let is_verdict = seen.with.obstacle.as_ref().is_some_and(|obstacle| obstacle.kind == Kind::Check);
    is_verdict && seen.without.obstacle.is_none() && seen.other.obstacle.is_none()
}

/// Does everything succeed that the call dispatches, or does an event hold an error although the call ended well?
fn inner_results(seen: &Seen<'_>) -> CheckOutcome {
    if seen.with.dispatched.is_none() {
        return CheckOutcome::not_judged("the call was not dispatched");
    }
    if let Some(limit) = seen.limit() {
        return limit;
    }
    let own = |caused: &&Caused<'_>| {
        let dispatched = seen.with.dispatched.as_ref();
        caused.member == 0 && dispatched.is_some_and(|it| (it.block, it.event) == (caused.block, caused.event))
    };
    let mut findings = Vec::new();
    // Extrinsics on forks are those of the tool, as votes of validators on a code.
    let of_the_tool = |record: &Record| record.pallet == "System" && record.name == "ExtrinsicFailed";
    for caused in seen.caused.iter().filter(|caused| !own(caused) && !of_the_tool(caused.record)) {
        let record = caused.record;
        let at = format!("{} in block {}: {}.{}", seen.name(caused.member), caused.block, record.pallet, record.name);
        let known = |list: &[(&str, &'static str)]| list.iter().find(|(name, _)| *name == record.name).map(|it| it.1);
        if let Some(error) = record.error.clone().or_else(|| other_error(seen, caused)) {
            findings.push(Finding::seen(format!("{at} holds the error {error}")));
        } else if let Some(told) = known(&NOT_DONE) {
            findings.push(Finding::seen(format!("{at}: {told}")));
        } else if let Some(told) = known(&WAITS) {
            findings.push(Finding::hazard(format!("{at}: {told}")));
        }
    }
    let is_unread =
        |events: &Option<Vec<_>>| events.as_ref().is_none_or(|events| events.len() >= records::MOST as usize);
    let unread = seen.with.blocks.iter().filter(|made| is_unread(&made.records)).count();
    if unread > 0 {
        let why = "a chain ran another code than the one that was read, or its events do not decode or are too many";
        findings.push(Finding::not_judged(format!("the events of {unread} blocks were not all read: {why}")));
    }
    if value::writes_below(seen.decoded, &twox_128(b"System")) {
        let why = "the call writes to the storage of the pallet System, where events are: it can hide its own";
        findings.push(Finding::not_judged(why));
    }
    if value::executes_calls(seen.decoded) {
        let why = "the call executes a message with a Transact on its own chain, whose errors no event tells";
        findings.push(Finding::not_judged(why));
    }
    let events = counted(seen.caused.len() as u128, "event");
    let detail = match findings.len() {
        0 => format!("besides the dispatch itself, none of {events} holds an error"),
        found => format!("{} in {events}", counted(found as u128, "finding")),
    };
    CheckOutcome::judged(detail, few(findings))
}

/// Returns an error of another kind than those of calls: of a message that the chain executed itself, or of XCM.
fn other_error(seen: &Seen<'_>, caused: &Caused<'_>) -> Option<String> {
    // What the message queue says belongs to messages.
    if ["Processed", "ProcessingFailed", "OverweightEnqueued"].contains(&caused.record.name.as_str()) {
        return None;
    }
    let interface = seen.members.get(caused.member)?.interface().ok()?;
    caused.record.fields.iter().find_map(|field| {
        let ty = interface.types.resolve(field.id)?;
        let name = ty.path.segments.last()?.as_str();
        let variants = interface.variants(Some(field.id));
        let chosen = variants.iter().find(|variant| field.value.first() == Some(&variant.index));
        let chosen = chosen.map(|variant| variant.name.as_str()).unwrap_or_default();
        let is_error = match name {
            "Outcome" => ["Incomplete", "Error"].contains(&chosen),
            "Result" => chosen == "Err",
            "Error" | "SendError" | "XcmError" | "ProcessMessageError" => true,
            _ => false,
        };
        is_error.then(|| compat::value::text(interface.types, field.id, &field.value))
    })
}

/// Are the messages that it sends executed to their end, and do the calls in them succeed?
fn messages(seen: &Seen<'_>) -> CheckOutcome {
    if let Some(limit) = seen.limit() {
        return limit;
    }
    let messages = &seen.sent.messages;
    let mut findings: Vec<_> =
        messages.iter().zip(seen.answers).filter_map(|(message, answer)| of_message(seen, message, *answer)).collect();
    // Pallets send messages of which no event names the receiver.
    for (position, id, received) in seen.sent.unmatched.iter().filter(|(.., it)| it.execution != Execution::Complete) {
        let (name, id) = (seen.name(*position), hex::encode_prefixed(id));
        findings.push(Finding::seen(format!(
            "{name} got a message, {id}, that no event of its sender names: {}",
            received.told
        )));
    }
    if messages.is_empty() && findings.is_empty() {
        let queues = ["Dmp.", "XcmpQueue.OutboundXcmp", "ParachainSystem.PendingUpwardMessages"];
        let queued = seen.differences.listed.iter().find(|it| queues.iter().any(|queue| it.item.starts_with(queue)));
        return match queued {
            Some(queued) => CheckOutcome::not_judged(format!(
                "messages were queued that no event names: {} of {} changed",
                queued.item, queued.chain
            )),
            None => CheckOutcome::skip("it sends no message that an event names"),
        };
    }
    let executed = messages.iter().filter(|message| message.is_executed()).count();
    let failed = seen.answers.iter().filter(|answer| **answer == Some(false)).count();
    let calls = match failed {
        0 => String::new(),
        failed => format!(", and the calls in {failed} of them failed"),
    };
    let detail =
        format!("{executed} of {} were executed to their end{calls}", counted(messages.len() as u128, "message"));
    CheckOutcome::judged(detail, few(findings))
}

fn of_message(seen: &Seen<'_>, message: &SentMessage, answer: Option<bool>) -> Option<Finding> {
    let (id, from) = (hex::encode_prefixed(message.id), seen.name(message.from));
    let to = match &message.to {
        Receiver::Member(position) => seen.name(*position),
        Receiver::Other(told) => {
            return Some(Finding::not_judged(format!("{id} from {from} to {told}, which takes no part")));
        }
    };
    let told = format!("{id} from {from} to {to}");
    match &message.received {
        None => {
            let unmatched = seen.sent.unmatched.iter().filter(|(at, ..)| message.to == Receiver::Member(*at)).count();
            Some(match unmatched {
                0 => Finding::seen(format!("{told} was not executed in {} blocks", seen.with.rounds())),
                // Older queues give messages other identifiers.
                _ => Finding::not_judged(format!("{told}: {unmatched} messages arrived there under other identifiers")),
            })
        }
        Some(received) if !message.is_executed() => Some(Finding::seen(format!("{told}: {}", received.told))),
        Some(_) => match (message.instructions.map(|it| it.calls), answer) {
            (Some(1..), Some(false)) => Some(Finding::seen(format!(
                "{told} was executed, and a call that it carries failed there: no event says so"
            ))),
            (Some(1..) | None, None) => Some(Finding::not_judged(format!(
                "{told} was executed; whether the calls that it carries succeeded is not known"
            ))),
            _ => None,
        },
    }
}

/// Do all chains go on after it as they do without it?
fn blocks(seen: &Seen<'_>) -> CheckOutcome {
    let mut findings = Vec::new();
    if let Some(obstacle) = &seen.with.obstacle {
        findings.push(match breaks(seen) {
            true => Finding::seen(format!(
                "no block can be built in round {}, and without the call it can: {obstacle}",
                seen.with.rounds()
            )),
            false => Finding::not_judged(format!("the forks do not go on: {obstacle}")),
        });
    }
    let mut going = 0;
    for position in 0..seen.members.len() {
        // Where a call without an effect leads to fewer blocks too, the way of the dispatch does.
        let (with, without) = (seen.with.count(position), seen.without.count(position).min(seen.other.count(position)));
        let why = || {
            let reason = seen.with.reasons.get(position).and_then(Clone::clone);
            reason.unwrap_or_else(|| "no reason is known".into())
        };
        let name = seen.name(position);
        if with + SLACK < without {
            let told = format!("{name} has {with} blocks, and {without} without the call: {}", why());
            findings.push(Finding::seen(told));
        } else if with == 0 {
            let told = format!("{name} has no block, and {without} without the call: {}", why());
            findings.push(Finding::not_judged(told));
        } else {
            going += 1;
        }
    }
    for RehearsedChain { identity, absent, .. } in seen.absent {
        let why = absent.clone().unwrap_or_default();
        findings.push(Finding::not_judged(format!("{} takes no part: {why}", identity.chain)));
    }
    if seen.with.obstacle.is_none() && seen.with.sessions < seen.sessions {
        let (ended, asked) = (seen.with.sessions, seen.sessions);
        findings.push(Finding::not_judged(format!("{ended} of {asked} sessions ended in which all chains went on")));
    }
    let chains = seen.members.len();
    let sessions = match seen.with.sessions {
        0 => String::new(),
        sessions => format!(", over the end of {}", counted(sessions.into(), "session")),
    };
    CheckOutcome::judged(format!("{going} of {chains} chains went on{sessions}"), few(findings))
}

/// Does it change anything?
fn effect(seen: &Seen<'_>) -> CheckOutcome {
    if let Some(limit) = seen.limit() {
        return limit;
    }
    let differences = seen.differences;
    let count = differences.listed.len() as u64 + differences.more;
    let hash = hex::encode_prefixed(differences.hash);
    let same = |position: usize| seen.with.count(position) == seen.without.count(position);
    if seen.with.obstacle.is_some() || !(0..seen.members.len()).all(same) {
        return CheckOutcome::not_judged(
            "a chain has other blocks than without the call, so the states cannot be compared",
        );
    }
    match count {
        0 => CheckOutcome::warn("it changes no entry of a state that a call without an effect does not change too"),
        count => {
            let chains = counted(differences.members.len() as u128, "chain");
            CheckOutcome::pass(format!("{} of {chains}, hash {hash}", counted(count.into(), "changed value")))
        }
    }
}

/// Does it change who acts for others?
fn control(seen: &Seen<'_>) -> CheckOutcome {
    let differences = seen.differences;
    // Codes are judged by `upgrades`.
    let is_code = |it: &&StateDifference| it.item.starts_with(':') || it.item.ends_with(".AuthorizedUpgrade");
    let mut findings: Vec<_> = differences
        .control
        .iter()
        .filter(|it| !is_code(it))
        .map(|it| {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
            let key = if it.key.is_empty() { String::new() } else { format!(" of {}", it.key) };
            let (without, with) = (value(&it.without), value(&it.with));
            Finding::hazard(format!("{}: {}{key}, from {without} to {with}", it.chain, it.item))
        })
        .collect();
    findings.extend(differences.uncertain_control.iter().map(|item| {
        Finding::not_judged(format!(
            "{item}: entries differ with any other call too, so what this call does to them is not known"
        ))
    }));
    let detail = match findings.len() {
        0 => "no entry that is known to say who acts for others was changed".to_owned(),
        found => format!("{} that say who acts for others", counted(found as u128, "change")),
    };
    CheckOutcome::judged(detail, few(findings))
}

/// Is the code live that it authorizes?
fn upgrades(seen: &Seen<'_>) -> CheckOutcome {
    let is_authorization = |it: &&StateDifference| it.item.ends_with(".AuthorizedUpgrade") && it.with.is_some();
    let authorized: Vec<_> =
        seen.differences.control.iter().filter(is_authorization).map(|it| it.chain.as_str()).collect();
    let replaced = seen.differences.control.iter().filter(|it| it.item.starts_with(':') && it.with.is_some());
    let mut findings: Vec<_> = replaced
        .map(|it| {
            Finding::hazard(format!(
                "{}: the call replaces {} at once: {}",
                it.chain,
                it.item,
                it.with.clone().unwrap_or_default()
            ))
        })
        .collect();
    findings.extend(seen.upgrades.iter().map(|it| {
        let told = format!("{}: {} ({}), {}", it.chain, it.version, it.blake2_256, it.told);
        if it.live { Finding::note(told) } else { Finding::seen(told) }
    }));
    for release in seen.releases.iter().filter(|release| release.is_expected) {
        if !seen.upgrades.iter().any(|it| it.blake2_256 == release.hash()) {
            let (name, hash) = (release.name(), release.hash());
            findings.push(match seen.ended_well() {
                true => Finding::seen(format!("no chain authorizes {name}, {hash}")),
                false => Finding::not_judged(format!("no chain that takes part authorizes {name}, {hash}")),
            });
        }
    }
    for chain in authorized.iter().filter(|chain| !seen.upgrades.iter().any(|it| it.chain == **chain)) {
        findings.push(Finding::hazard(format!(
            "{chain} authorizes a code whose blob was not given (--code), so nothing is known about it"
        )));
    }
    if findings.is_empty() {
        return CheckOutcome::skip("it authorizes no code");
    }
    let live = seen.upgrades.iter().filter(|it| it.live).count();
    let detail = match seen.upgrades.len() {
        0 => "no upgrade was applied".to_owned(),
        all => format!("{live} of {all} upgrades are live"),
    };
    CheckOutcome::judged(detail, few(findings))
}

/// Keeps the gravest findings, in their order.
fn few(mut findings: Vec<Finding>) -> Vec<Finding> {
    let all = findings.len();
    if all > MOST {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
        findings.truncate(MOST);
        findings.push(Finding::note(format!("{} more", all - MOST)));
    }
    findings
}
