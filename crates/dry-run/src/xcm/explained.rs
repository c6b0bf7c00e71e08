// SPDX-License-Identifier: Apache-2.0
//! One message, explained: executed on the state of its receiver, with what its end does not tell.

use super::{
    barrier, fees,
    location::Origin,
    message::{self, Message},
    outcome::{self, BARRIER},
    queue,
    run::{Attempt, Site},
    transacts, trapped, versions,
};
use crate::{
    dispatch::{
        stage::Member,
        value::{explained_message, pretty},
    },
    messages::{Place, answer::Forwarded},
};
use artifact::hashes::blake2_256;
use proposal::Value;
use protocol::{
    Check, CheckOutcome, Finding,
    xcm::{BarrierTrial, ExplainedMessage, ForwardedMessage, XcmOutcome, XcmOutcomeKind, XcmWay},
};
use worker::Result;

/// The most events and messages that are listed.
const MOST: usize = 500;
/// The most characters of an event.
const LONGEST: usize = 2_000;
/// The most instructions that runtimes decode (`MAX_INSTRUCTIONS_TO_DECODE` of xcm).
const MOST_INSTRUCTIONS: usize = 100;
/// The checks of a message, in their order.
const CHECKS: [&str; 5] = ["version", "executed", "transacts", "fees", "nothing-trapped"];

/// Returns what the receiver does with a message. `members` are all chains whose state is known.
pub fn of(
    site: &Site<'_>,
    sender: Option<&Site<'_>>,
    from: &Origin,
    bytes: &[u8],
    members: &[Member],
) -> Result<ExplainedMessage> {
    let message = Message::read(site, bytes)?;
    let version = message.as_ref().map_or_else(|_| bytes.first().copied().unwrap_or_default().into(), |it| it.version);
    let versions = versions::of(site, sender, from.place, version)?;
    let readable = versions::check(site, bytes, &message, &versions)?;
    let mut explained = ExplainedMessage {
        from: from.told.clone(),
        to: site.member.name.clone(),
        receiver: Some(site.member.identity.clone()),
        bytes: hex::encode_prefixed(bytes),
        blake2_256: hex::encode_prefixed(blake2_256(bytes)),
        versions: Some(versions),
        ..ExplainedMessage::default()
    };
    let Ok(message) = message else {
        explained.checks = unexecuted(readable, "the message cannot be decoded");
        return Ok(explained);
    };
    explained.decoded = pretty(&explained_message(&message.value(), site.member, members));
    let (attempt, way) = execute(site, from, &message)?;
    explained.way = way;
    let mut ran = match attempt {
        Attempt::Ran(ran) => *ran,
        other => {
            let refused = match (&other, way) {
                (Attempt::Unconverted, _) => Some(other.told()),
                (_, Some(XcmWay::DryRunApi)) => undecodable(site, from, &message)?,
                _ => None,
            };
            let told = refused.clone().unwrap_or_else(|| other.told());
            explained.checks = unexecuted(readable, &told);
            if let (Some(why), Some(executed)) = (refused, explained.checks.get_mut(1)) {
                executed.outcome = CheckOutcome::fail(why);
            }
            return Ok(explained);
        }
    };
    locate(&mut ran.outcome, &message);
    let refused = ran.outcome.kind == XcmOutcomeKind::Refused;
    if outcome::is(&ran.outcome, BARRIER) && way == Some(XcmWay::DryRunApi) {
        explained.trials = barrier::trials(site, from, &message)?;
    }
    let costs = fees::of(site, &message, Some(&ran.outcome))?;
    if !refused && way == Some(XcmWay::DryRunApi) {
        explained.transacts = transacts::of(site, from, &message, &ran.outcome)?;
    }
    let events = ran.events.as_deref().unwrap_or_default();
    explained.trapped = trapped::of(site, from, &message, events)?;
    explained.events = told_events(events);
    explained.forwarded = forwarded(site, ran.forwarded.as_ref())?;
    let calls = match (refused, way) {
        (true, _) => CheckOutcome::skip("it was not executed"),
        (false, Some(XcmWay::DryRunApi)) => transacts::check(&message, &explained.transacts),
        _ if message.position(&["Transact"]).is_none() => transacts::check(&message, &[]),
        _ => CheckOutcome::not_judged("the receiver has no DryRunApi, which tries the calls of messages"),
    };
    let outcomes = [
        readable,
        waiting(executed(&ran.outcome, &explained.trials, is_suspended(site)?), is_paused(site, from)?),
        calls,
        fees::check(&message, &costs, Some(&ran.outcome)),
        trapped::check(&ran, &explained.trapped),
    ];
    explained.fees = costs.ok();
    explained.outcome = Some(ran.outcome);
    explained.checks = CHECKS.into_iter().zip(outcomes).map(|(name, outcome)| outcome.named(name)).collect();
    Ok(explained)
}

/// Returns a message that is not executed, for this reason. `decoded` is the message as its sender decodes it.
pub fn of_unknown((from, to): (String, String), bytes: &[u8], decoded: String, why: &str) -> ExplainedMessage {
    ExplainedMessage {
        from,
        to,
        bytes: hex::encode_prefixed(bytes),
        blake2_256: hex::encode_prefixed(blake2_256(bytes)),
        decoded,
        checks: CHECKS.into_iter().map(|name| CheckOutcome::not_judged(why).named(name)).collect(),
        ..ExplainedMessage::default()
    }
}

/// Executes a message by the runtime's `DryRunApi`, or else in a block that takes it from the queue.
fn execute(site: &Site<'_>, from: &Origin, message: &Message) -> Result<(Attempt, Option<XcmWay>)> {
    if site.has_dry_run()? {
        return Ok((site.execute(&from.bytes, &message.bytes)?, Some(XcmWay::DryRunApi)));
    }
    let absent = |why: String| {
        let name = &site.member.name;
        Attempt::NotRun(format!("the runtime of {name} has no DryRunApi, and the queue does not serve: {why}"))
    };
    let ran = queue::execute(site, from.place, &message.bytes)?.and_then(|queued| queued.ran(site));
    Ok(match ran {
        Ok(ran) => (Attempt::Ran(Box::new(ran)), Some(XcmWay::Queue)),
        Err(why) => (absent(why), None),
    })
}

/// Returns why the runtime does not decode a message that fits its types: newer ones decode the calls in it too, and a
/// limited number of instructions. Nothing if the runtime does not execute the message without these either.
fn undecodable(site: &Site<'_>, from: &Origin, message: &Message) -> Result<Option<String>> {
    let runs = |instructions: Vec<Value>| -> Result<bool> {
        let Some(bytes) = site.encoded(&message.name, instructions)? else { return Ok(false) };
        Ok(site.execute(&from.bytes, &bytes)?.outcome().is_some())
    };
    let types = site.member.target.types();
    let (unknown, others): (Vec<_>, Vec<_>) =
        message.instructions.iter().enumerate().partition(|(_, instruction)| message::is_unknown(instruction, types));
    if let Some((place, _)) = unknown.first()
        && runs(others.into_iter().map(|(_, instruction)| instruction.clone()).collect())?
    {
        return Ok(Some(format!(
            "the receiver does not decode it: the call of instruction {place} is no call of its runtime. Mostly it is \
             one of an older runtime, or of another chain"
        )));
    }
    let count = message.instructions.len();
    if count > MOST_INSTRUCTIONS && runs(message.instructions.iter().take(MOST_INSTRUCTIONS).cloned().collect())? {
        return Ok(Some(format!(
            "the receiver does not decode it: it has {count} instructions, and runtimes decode {MOST_INSTRUCTIONS}"
        )));
    }
    Ok(None)
}

/// Names the instruction that failed.
fn locate(outcome: &mut XcmOutcome, message: &Message) {
    if message.has_other_programs() && outcome.kind == XcmOutcomeKind::Incomplete {
        return;
    }
    let instruction = outcome.index.and_then(|index| message.instructions.get(index as usize));
    outcome.instruction = instruction.map(ToString::to_string);
}

/// Returns the checks of a message that was not executed.
fn unexecuted(version: CheckOutcome, why: &str) -> Vec<Check> {
    let others = std::iter::repeat_with(|| CheckOutcome::not_judged(why));
    CHECKS.into_iter().zip(std::iter::once(version).chain(others)).map(|(name, it)| it.named(name)).collect()
}

/// Returns whether the receiver executes no messages at present (pallet-xcm).
fn is_suspended(site: &Site<'_>) -> Result<bool> {
    let interface = site.interface()?;
    let pallet = interface.pallets.iter().find(|pallet| pallet.item("XcmExecutionSuspended").is_some());
    let stored = pallet.map(|pallet| site.chain.storage(&pallet.key("XcmExecutionSuspended"))).transpose()?;
    Ok(stored.flatten() == Some(vec![1]))
}

/// Returns whether the receiver takes no messages of other parachains from their queues at present (xcmp-queue).
fn is_paused(site: &Site<'_>, from: &Origin) -> Result<bool> {
    let (Some(Place::Parachain(_)), Some(Place::Parachain(_))) = (site.member.place, from.place) else {
        return Ok(false);
    };
    let interface = site.interface()?;
    let pallet = interface.pallets.iter().find(|pallet| pallet.item("QueueSuspended").is_some());
    let stored = pallet.map(|pallet| site.chain.storage(&pallet.key("QueueSuspended"))).transpose()?;
    Ok(stored.flatten() == Some(vec![1]))
}

/// Adds that the message waits in its queue. The runtime's `DryRunApi` does not look at queues.
fn waiting(executed: CheckOutcome, is_paused: bool) -> CheckOutcome {
    let CheckOutcome { detail, mut findings, .. } = executed;
    if is_paused {
        findings.push(Finding::hazard(
            "the receiver has suspended the queues of other parachains: it executes the message once they are resumed",
        ));
    }
    CheckOutcome::judged(detail, findings)
}

/// Is it executed to its end?
fn executed(outcome: &XcmOutcome, trials: &[BarrierTrial], is_suspended: bool) -> CheckOutcome {
    let told = outcome::told(outcome);
    if outcome.kind == XcmOutcomeKind::Complete {
        return CheckOutcome::pass(told);
    }
    let meaning = outcome.error.as_ref().map(|error| error.meaning.as_str()).unwrap_or_default();
    let detail = if meaning.is_empty() { told.clone() } else { format!("{told}: {meaning}") };
    let mut findings = vec![Finding::seen(match &outcome.instruction {
        Some(instruction) => format!("the instruction is {}", shortened(instruction)),
        None => told,
    })];
    if let (Some(index), None, XcmOutcomeKind::Incomplete) = (outcome.index, &outcome.instruction, outcome.kind) {
        let told = format!("{index} is the position in the message, in its error handler or in its appendix");
        findings.push(Finding::note(told));
    }
    if is_suspended {
        findings.push(Finding::seen("the receiver's state says that the execution of messages is suspended"));
    }
    let passing: Vec<_> = trials.iter().filter(|trial| trial.passes == Some(true)).collect();
    findings.extend(
        passing
            .iter()
            .map(|trial| Finding::note(format!("the barrier lets it pass {}: then {}", trial.told, trial.found))),
    );
    if passing.is_empty() && !trials.is_empty() {
        findings
            .push(Finding::note(format!("none of {} other forms and origins that were tried passes", trials.len())));
    }
    CheckOutcome::judged(detail, findings)
}

/// Returns events in words.
pub fn told_events(events: &[Value]) -> Vec<String> {
    let told = |event: &Value| {
        let Value::Variant { name: pallet, .. } = event else { return shortened(&event.to_string()) };
        let inner = message::field(event, "").map(ToString::to_string).unwrap_or_default();
        shortened(&format!("{pallet}.{inner}"))
    };
    events.iter().take(MOST).map(told).collect()
}

/// Returns the messages to be sent on, in words.
fn forwarded(site: &Site<'_>, forwarded: Option<&Forwarded>) -> Result<Vec<ForwardedMessage>> {
    let ty = site.message_type()?;
    let mut listed = Vec::new();
    for (to, messages) in forwarded.into_iter().flatten() {
        let to = Origin::decode(to.clone(), site).map_or_else(|_| hex::encode_prefixed(to), |to| to.told);
        for bytes in messages {
            if listed.len() == MOST {
                return Ok(listed);
            }
            let decoded = site.decode(ty, bytes).map_or_else(|failure| failure.to_string(), |it| pretty(&it));
            listed.push(ForwardedMessage { to: to.clone(), bytes: hex::encode_prefixed(bytes), decoded });
        }
    }
    Ok(listed)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Status, xcm::XcmError};

    fn outcome(kind: XcmOutcomeKind, error: Option<&str>) -> XcmOutcome {
        let error = error.map(|name| XcmError { name: name.into(), meaning: "it means this".into() });
        XcmOutcome { kind, error, index: Some(1), instruction: None, used: None }
    }

    fn message(first: Value) -> Message {
        let instructions = vec![first, Value::variant("Trap", Value::Number(7))];
        Message { bytes: Vec::new(), name: "V5".into(), version: 5, instructions, is_alterable: true }
    }

    #[test]
    fn the_instruction_is_named_where_its_position_is_unambiguous() {
        let mut failed = outcome(XcmOutcomeKind::Incomplete, Some("Trap(7)"));
        locate(&mut failed, &message(Value::unit_variant("ClearOrigin")));
        assert_eq!(failed.instruction.as_deref(), Some("Trap(7)"));
        let judged = executed(&failed, &[], false);
        assert_eq!(
            (judged.status, judged.detail.as_str()),
            (Status::Fail, "instruction 1 failed with Trap(7): it means this")
        );
        let mut handled = outcome(XcmOutcomeKind::Incomplete, Some("Trap(7)"));
        locate(&mut handled, &message(Value::variant("SetAppendix", Value::List(Vec::new()))));
        assert_eq!(handled.instruction, None);
        let told = executed(&handled, &[], false).findings.into_iter().map(|finding| finding.text).collect::<Vec<_>>();
        assert!(told.iter().any(|told| told.contains("in its error handler or in its appendix")), "{told:?}");
        assert!(judged.findings.iter().all(|finding| !finding.text.contains("appendix")), "{judged:?}");
    }

    #[test]
    fn what_the_barrier_lets_pass_is_told() {
        let trial = |passes| BarrierTrial {
            name: "unpaid-execution".into(),
            told: "with UnpaidExecution first".into(),
            passes: Some(passes),
            found: "executed to its end".into(),
        };
        let refused = outcome(XcmOutcomeKind::Refused, Some(BARRIER));
        let texts = |trials: &[BarrierTrial], suspended| {
            let judged = executed(&refused, trials, suspended);
            assert_eq!(judged.status, Status::Fail);
            judged.findings.into_iter().map(|finding| finding.text).collect::<Vec<_>>().join("; ")
        };
        let passing = "the barrier lets it pass with UnpaidExecution first: then executed to its end";
        assert!(texts(&[trial(false), trial(true)], false).contains(passing));
        assert!(texts(&[trial(false)], false).contains("none of 1 other forms"));
        assert!(texts(&[], true).contains("suspended") && !texts(&[], false).contains("suspended"));
        let complete = XcmOutcome { error: None, ..outcome(XcmOutcomeKind::Complete, None) };
        assert_eq!(executed(&complete, &[], true).status, Status::Pass);
        for (paused, status) in [(false, Status::Pass), (true, Status::Warn)] {
            assert_eq!(waiting(executed(&complete, &[], false), paused).status, status);
            assert_eq!(waiting(executed(&refused, &[], false), paused).status, Status::Fail);
        }
    }

    #[test]
    fn what_is_not_executed_is_not_judged() {
        let unknown = of_unknown(("a".into(), "b".into()), &[5, 0], "V5([])".into(), "why");
        assert!(unknown.checks.iter().all(|check| check.status == Status::NotJudged));
        let checks = unexecuted(CheckOutcome::fail("version 9"), "it cannot be decoded");
        assert_eq!((checks.len(), checks[0].status, checks[1].status), (5, Status::Fail, Status::NotJudged));
    }

    #[test]
    fn events_are_told_by_pallet_and_name() {
        let event = Value::variant("PolkadotXcm", Value::variant_of("Attempted", Vec::new()));
        assert_eq!(told_events(&[event]), ["PolkadotXcm.Attempted"]);
    }
}
