// SPDX-License-Identifier: Apache-2.0
//! Do the chains that this one sends messages to still execute them?
//!
//! Messages that the upgrade sends, and messages of users before and after it, are delivered to
//! forks of their receivers. A message that got further before fails the check, and so does one of
//! a migration that is not executed to its end.

use crate::{
    input::Runtime,
    messages::{Counterpart, Execution, Place, Received, outbound, transfers},
    rehearsal::Rehearsal,
};
use artifact::pace::counted;
use fork::{Chain, Executor};
use protocol::{CheckOutcome, Finding, Rank, checks::Need};
use std::collections::BTreeMap;
use worker::Result;

/// The most messages of the upgrade that are delivered to one chain: enough to see each kind.
const MOST_MESSAGES: usize = 64;

#[derive(Default)]
struct Findings {
    told: Vec<Finding>,
    delivered: usize,
    /// Chains whose runtime has no `DryRunApi`.
    mute: Vec<String>,
}

/// The chain before the upgrade and after it, and the messages that it sent or queued in between.
struct Sides<'a> {
    from: (&'a Runtime, &'a Chain),
    to: (&'a Runtime, &'a Chain),
    sent: &'a outbound::Queues,
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, counterparts, executor, .. } = rehearsal;
    let (enacted, life) = (rehearsal.enacted()?, rehearsal.life()?);
    let mut sent = life.sent.clone();
    outbound::join(&mut sent, outbound::waiting(&to.layout, &life.chain)?);
    outbound::without(&mut sent, &outbound::waiting(&from.layout, enacted)?);
    rehearsal.reporter.status("delivering messages to the other chains");
    let sides = Sides { from: (from, enacted), to: (to, &life.chain), sent: &sent };
    let Some(place) = Place::of(from, enacted, executor)? else {
        return Ok(Need::Messages.missing());
    };
    let mut findings = Findings::default();
    for counterpart in counterparts {
        of_the_upgrade(&sides, place, counterpart, executor, &mut findings)?;
        of_users(&sides, place, counterpart, executor, &mut findings)?;
    }
    Ok(judge(findings))
}

fn judge(findings: Findings) -> CheckOutcome {
    let Findings { mut told, delivered, mute } = findings;
    // The user named this chain.
    told.extend(
        mute.into_iter().map(|chain| Finding::not_judged(format!("{chain} has no DryRunApi: it could not be asked"))),
    );
    told.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
    let wrong = told.iter().filter(|finding| finding.rank == Rank::Seen).count();
    let unsure = told.iter().any(|finding| finding.rank > Rank::Note);
    let detail = match (wrong, unsure, delivered) {
        (0, false, 0) => return CheckOutcome::skip("nothing that this chain sends came to the chains that were named"),
        (0, false, count) => format!("{} came as far as before", counted(count as u128, "message")),
        (0, true, count) => format!("{} delivered, not everything could be known", counted(count as u128, "message")),
        (1, _, _) => "1 message does not arrive any more, or never did".to_owned(),
        (wrong, _, _) => format!("{wrong} messages do not arrive any more, or never did"),
    };
    CheckOutcome::judged(detail, told)
}

/// Delivers the messages of the migrations and of the blocks after them.
fn of_the_upgrade(
    sides: &Sides<'_>,
    place: Place,
    counterpart: &Counterpart,
    executor: &Executor,
    findings: &mut Findings,
) -> Result<()> {
    let Some(queue) = sides.sent.get(&counterpart.place) else { return Ok(()) };
    let messages: Vec<_> =
        queue.parts.iter().flat_map(|part| counterpart.messages(queue.form, part)).take(MOST_MESSAGES).collect();
    let mut failed = BTreeMap::<String, usize>::new();
    for message in &messages {
        match counterpart.receive(place, message, executor)? {
            None => return mute(counterpart, findings),
            Some(Received { execution: Execution::Complete, .. }) => findings.delivered += 1,
            Some(Received { told, .. }) => *failed.entry(told).or_default() += 1,
        }
    }
    for (told, count) in failed {
        let are = if count == 1 { "is" } else { "are" };
        findings.told.push(Finding::seen(format!(
            "{count} of {} that the upgrade sends to {counterpart} {are} not executed to the end: {told}",
            counted(messages.len() as u128, "message")
        )));
    }
    Ok(())
}

fn mute(counterpart: &Counterpart, findings: &mut Findings) -> Result<()> {
    let chain = counterpart.to_string();
    if !findings.mute.contains(&chain) {
        findings.mute.push(chain);
    }
    Ok(())
}

/// Delivers transfers, as the old code sends them and as the new code does.
fn of_users(
    sides: &Sides<'_>,
    place: Place,
    counterpart: &Counterpart,
    executor: &Executor,
    findings: &mut Findings,
) -> Result<()> {
    let ((from, before), (to, after)) = (sides.from, sides.to);
    let Some(sender) = transfers::sender(from, before)? else { return Ok(()) };
    let old = transfers::try_all(from, before, place, counterpart.place, sender, executor)?;
    let new = transfers::try_all(to, after, place, counterpart.place, sender, executor)?;
    for transfer in old {
        // A transfer that the old code does not send either is not a fault of the upgrade.
        let Ok(messages) = &transfer.messages else { continue };
        if messages.is_empty() {
            continue;
        }
        let name = format!("{} to {counterpart}", transfer.name);
        let Some(had) = worst(counterpart, place, messages, executor)? else { return mute(counterpart, findings) };
        let sent = match new.iter().find(|known| known.name == transfer.name).map(|known| &known.messages) {
            Some(Ok(sent)) if !sent.is_empty() => sent,
            Some(Err(why)) => {
                findings.told.push(Finding::seen(format!("{name} is not sent any more: {why}")));
                continue;
            }
            Some(Ok(_)) => {
                findings.told.push(Finding::seen(format!("{name} sends nothing any more")));
                continue;
            }
            None => {
                findings.told.push(Finding::hazard(format!("{name} is gone")));
                continue;
            }
        };
        let Some(has) = worst(counterpart, place, sent, executor)? else { return mute(counterpart, findings) };
        findings.delivered += 1;
        if has.execution < had.execution {
            findings.told.push(Finding::seen(format!("{name}: {} now, {} before", has.told, had.told)));
        } else if has.execution < Execution::Complete {
            let told = format!("{name} did not come to its end before either: {}", has.told);
            findings.told.push(Finding::note(told));
        }
    }
    Ok(())
}

/// Returns the result of the message that got least far.
fn worst(
    counterpart: &Counterpart,
    from: Place,
    messages: &[Vec<u8>],
    executor: &Executor,
) -> Result<Option<Received>> {
    let mut worst: Option<Received> = None;
    for message in messages {
        let Some(received) = counterpart.receive(from, message, executor)? else { return Ok(None) };
        if worst.as_ref().is_none_or(|worst| received.execution < worst.execution) {
            worst = Some(received);
        }
    }
    Ok(worst)
}
