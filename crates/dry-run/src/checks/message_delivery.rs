// SPDX-License-Identifier: Apache-2.0
//! Do the other chains still understand this one?
//!
//! What the upgrade sends, and what users send before it and after, goes to forks of the chains that get it. A message that
//! came further before, or that a migration sends and that is not executed to its end, stops the upgrade.

use crate::{
    input::Runtime,
    messages::{Counterpart, Fate, Place, Received, outbound, transfers},
};
use fork::{Chain, Executor};
use protocol::{Check, Finding, Rank};
use std::collections::BTreeMap;
use worker::Result;

const NAME: &str = "message-delivery";
/// Messages of the upgrade to one chain that are delivered: enough to know their kinds.
const MOST_MESSAGES: usize = 64;

#[derive(Default)]
struct Findings {
    told: Vec<Finding>,
    delivered: usize,
    /// Chains whose runtime has nothing to ask.
    mute: Vec<String>,
}

/// The chain before the upgrade and after it, and what left it or waits to leave since.
pub struct Sides<'a> {
    pub from: (&'a Runtime, &'a Chain),
    pub to: (&'a Runtime, &'a Chain),
    pub sent: &'a outbound::Queues,
}

pub fn message_delivery(sides: &Sides<'_>, counterparts: &[Counterpart], executor: &Executor) -> Result<Check> {
    if counterparts.is_empty() {
        return Ok(Check::skip(NAME, "no other chain was named that this one exchanges messages with (--with SOURCE)"));
    }
    let (from, before) = sides.from;
    let Some(place) = Place::of(from, before, executor)? else {
        return Ok(Check::skip(NAME, "the chain exchanges no messages with others"));
    };
    let mut findings = Findings::default();
    for counterpart in counterparts {
        of_the_upgrade(sides, place, counterpart, executor, &mut findings)?;
        of_users(sides, place, counterpart, executor, &mut findings)?;
    }
    Ok(judge(findings))
}

fn judge(findings: Findings) -> Check {
    let Findings { mut told, delivered, mute } = findings;
    // Somebody asked for it, by name.
    told.extend(
        mute.into_iter().map(|chain| Finding::not_judged(format!("{chain} has no DryRunApi: it could not be asked"))),
    );
    told.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
    let wrong = told.iter().filter(|finding| finding.rank == Rank::Seen).count();
    let unsure = told.iter().any(|finding| finding.rank > Rank::Note);
    let detail = match (wrong, unsure, delivered) {
        (0, false, 0) => return Check::skip(NAME, "nothing that this chain sends came to the chains that were named"),
        (0, false, count) => format!("{count} messages came as far as before"),
        (0, true, count) => format!("{count} messages delivered, not everything could be known"),
        (wrong, _, _) => format!("{wrong} messages do not arrive any more, or never did"),
    };
    Check::judged(NAME, detail, told)
}

/// What the migrations and the blocks after them sent.
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
            Some(Received { fate: Fate::Complete, .. }) => findings.delivered += 1,
            Some(Received { told, .. }) => *failed.entry(told).or_default() += 1,
        }
    }
    for (told, count) in failed {
        findings.told.push(Finding::seen(format!(
            "{count} of {} messages that the upgrade sends to {counterpart} are not executed to their end: {told}",
            messages.len()
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

/// Transfers, sent by the old code and by the new.
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
        // What the old code does not send either is no fault of the upgrade.
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
        if has.fate < had.fate {
            findings.told.push(Finding::seen(format!("{name}: {} now, {} before", has.told, had.told)));
        } else if has.fate < Fate::Complete {
            let told = format!("{name} did not come to its end before either: {}", has.told);
            findings.told.push(Finding::note(told));
        }
    }
    Ok(())
}

/// What became of the message that came least far.
fn worst(
    counterpart: &Counterpart,
    from: Place,
    messages: &[Vec<u8>],
    executor: &Executor,
) -> Result<Option<Received>> {
    let mut worst: Option<Received> = None;
    for message in messages {
        let Some(received) = counterpart.receive(from, message, executor)? else { return Ok(None) };
        if worst.as_ref().is_none_or(|worst| received.fate < worst.fate) {
            worst = Some(received);
        }
    }
    Ok(worst)
}
