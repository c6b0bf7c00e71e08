// SPDX-License-Identifier: Apache-2.0
//! The move of a parachain to a relay chain that does not know it.
//!
//! The new relay chain counts its blocks anew, and its queues of messages begin anew. What a parachain keeps of its
//! old relay chain may then stop it. This is tried on twins of the network, after the parachain was onboarded: first
//! with its state as it is, then with the entries changed that the new relay chain contradicts. Those without whose
//! change the parachain stands are found by leaving out one after the other.

mod entries;
mod leftovers;

use crate::{authorization, input::Runtime, journeys::UNPAID, outcome::kept};
use entries::{Destination, Entry};
use network::{Network, ParaId, include_one, schedule::Changes};
use protocol::{CheckOutcome, Finding};
use worker::{Failure, Kind, Reporter, Result};

/// The most candidates until one takes the relay chain's message. A parachain may build as many blocks behind the
/// newest relay block.
const MOST_CANDIDATES: u32 = 16;

/// How the parachain went on.
struct Continuation {
    /// The relay blocks that include its first candidate and its last one.
    included: (u32, u32),
    /// Whether the last one takes a message of the relay chain.
    takes_message: bool,
}

/// What lets a parachain go on that stands.
enum Cure<T> {
    /// To change these entries, and no fewer.
    Found(Vec<Entry>, T),
    /// It stands with these changed too.
    Unknown(Vec<Entry>, Failure),
}

/// Tries whether the parachain goes on, and if it does not, why. It was onboarded, and no candidate of it may be
/// pending. `relay` and `parachain` are the present runtimes.
pub fn rehearse(
    network: &Network<'_>,
    id: ParaId,
    (relay, parachain): (&Runtime, &Runtime),
    reporter: &Reporter,
) -> Result<CheckOutcome> {
    let chain = network.parachain(id)?.chain();
    if chain.number() == 0 {
        return Ok(CheckOutcome::skip("the parachain has no block yet, so it moves from nowhere"));
    }
    reporter.status("trying the move to the new relay chain");
    let destination = destination(network, id)?;
    let message = authorization::call_of_root(relay, id, |version| Some([&[version, 1 << 2][..], &UNPAID].concat()));
    let attempt = |changes| kept(go_on(&mut network.twin(), id, changes, message.as_deref(), reporter));
    let outcome = match attempt(Vec::new())? {
        Ok(continuation) => CheckOutcome::judged(
            format!("the parachain goes on: {continuation}"),
            continuation.untried().into_iter().collect(),
        ),
        Err(failure) if failure.kind != Kind::Check => CheckOutcome::not_judged(failure.to_string()),
        Err(failure) => {
            reporter.status("looking for what stops the parachain on the new relay chain");
            let layout = &parachain.layout;
            let entries = entries::contradicted(layout, destination, |key| chain.storage(key))?;
            stopped(&failure, cure(entries, attempt)?)
        }
    };
    let left = leftovers::of(&parachain.layout, chain, destination.number)?;
    let findings = outcome.findings.into_iter().chain(left.into_iter().map(Finding::hazard)).collect();
    Ok(CheckOutcome::judged(outcome.detail, findings))
}

fn destination(network: &Network<'_>, id: ParaId) -> Result<Destination> {
    let relay = &network.relay;
    // The queue of a parachain that the relay chain did not know begins with the messages that wait.
    let none_waits = relay.waiting_for(id)?.downward == 0;
    let head = relay.last_downward_message(id)?.filter(|_| none_waits).unwrap_or_default();
    Ok(Destination { number: relay.chain().number(), slot: relay.slot()?, downward: head.to_fixed_bytes() })
}

/// Has candidates included after these changes of the parachain's state, the last one with a message of the relay
/// chain's root. `message` is the call that sends it.
fn go_on(
    network: &mut Network<'_>,
    id: ParaId,
    changes: Changes,
    message: Option<&[u8]>,
    reporter: &Reporter,
) -> Result<Continuation> {
    let (relay, parachain) = network.both(id)?;
    parachain.set(relay, changes)?;
    let first = include_one(network, id, reporter)??;
    network.relay.settle(id)?;
    let waits = match message {
        Some(call) => send(network, id, call)?,
        None => false,
    };
    let once_sent = |failure: Failure| match waits {
        true => {
            Failure { message: format!("once the relay chain has sent it a message, {}", failure.message), ..failure }
        }
        false => failure,
    };
    for _ in 0..MOST_CANDIDATES {
        let last = include_one(network, id, reporter)?.map_err(once_sent)?;
        if network.relay.waiting_for(id)?.downward == 0 {
            return Ok(Continuation { included: (first, last), takes_message: waits });
        }
    }
    Err(Failure::check("the parachain takes no message of the relay chain")
        .found(format!("one that waits after {MOST_CANDIDATES} candidates")))
}

/// Has the relay chain's root send a message to the parachain, and returns whether it waits there then.
fn send(network: &mut Network<'_>, id: ParaId, call: &[u8]) -> Result<bool> {
    let before = network.relay.waiting_for(id)?.downward;
    network.relay.schedule_as_root(&[call.to_vec()])?;
    network.advance(|_| false)?;
    Ok(network.relay.waiting_for(id)?.downward > before)
}

/// Looks for the entries that must be changed. `attempt` tries changes.
fn cure<T>(entries: Vec<Entry>, attempt: impl Fn(Changes) -> Result<Result<T>>) -> Result<Cure<T>> {
    if entries.is_empty() {
        return Ok(Cure::Unknown(entries, Failure::not_judged("no entry is known that could be changed")));
    }
    let mut continuation = match attempt(entries::changes(&entries))? {
        Ok(continuation) => continuation,
        Err(failure) => return Ok(Cure::Unknown(entries, failure)),
    };
    let mut needed = entries;
    for place in (0..needed.len()).rev() {
        let mut fewer = needed.clone();
        fewer.remove(place);
        // With none of them changed it stands.
        if fewer.is_empty() {
            break;
        }
        match attempt(entries::changes(&fewer))? {
            Ok(other) => (needed, continuation) = (fewer, other),
            Err(failure) if failure.kind != Kind::Check => return Ok(Cure::Unknown(needed, failure)),
            Err(_) => {}
        }
    }
    Ok(Cure::Found(needed, continuation))
}

/// Judges a parachain that stands with its state as it is, for this reason.
fn stopped(failure: &Failure, cure: Cure<Continuation>) -> CheckOutcome {
    let detail = failure.to_string();
    match cure {
        Cure::Found(needed, continuation) => {
            let mut findings: Vec<_> = needed.iter().map(Entry::finding).collect();
            findings.push(Finding::note(format!("with this written before the first block here, {continuation}")));
            findings.extend(continuation.untried());
            CheckOutcome::judged(detail, findings)
        }
        Cure::Unknown(entries, failure) => {
            let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
            let told = match names.is_empty() {
                true => failure.to_string(),
                false => format!("with {} changed too: {failure}", names.join(", ")),
            };
            CheckOutcome::not_judged(detail).with([told])
        }
    }
}

impl Continuation {
    /// Returns what was not tried.
    fn untried(&self) -> Option<Finding> {
        let unsent = "whether it takes messages of the new relay chain was not tried: no message of the root of the \
                      relay chain could be sent to it";
        (!self.takes_message).then(|| Finding::not_judged(unsent))
    }
}

impl std::fmt::Display for Continuation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, last) = self.included;
        write!(out, "candidates are included in relay blocks {first} to {last}")?;
        match self.takes_message {
            true => out.write_str(", and the last takes a message of the relay chain"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;
    use std::cell::Cell;

    fn entry(name: &str, mend: Option<&str>) -> Entry {
        let changes = vec![(name.as_bytes().to_vec(), None)];
        Entry { name: name.into(), told: "1 here, 2 there".into(), mend: mend.map(str::to_owned), changes }
    }

    fn continuation(takes_message: bool) -> Continuation {
        Continuation { included: (20, 23), takes_message }
    }

    /// Returns the entries without whose change a parachain stands that needs these, and how often it was tried.
    fn needed(needs: &[&str]) -> (Option<Vec<String>>, u32) {
        let trials = Cell::new(0);
        let attempt = |changes: Changes| {
            trials.set(trials.get() + 1);
            let changed = |name: &&str| changes.iter().any(|(key, _)| key == name.as_bytes());
            Ok(if needs.iter().all(changed) { Ok(()) } else { Err(Failure::check("it stands")) })
        };
        let entries = ["a", "b", "c"].map(|name| entry(name, Some("remove it"))).to_vec();
        let found = match cure(entries, attempt).expect("tried") {
            Cure::Found(entries, ()) => Some(entries.into_iter().map(|entry| entry.name).collect()),
            Cure::Unknown(..) => None,
        };
        (found, trials.get())
    }

    #[test]
    fn entries_that_need_not_be_changed_are_left_out() {
        let names = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
        assert_eq!(needed(&["a", "c"]), (names(&["a", "c"]), 4));
        assert_eq!(needed(&["b"]), (names(&["b"]), 4));
        assert_eq!(needed(&["a"]), (names(&["a"]), 3), "none of them changed is the state as it is");
        assert_eq!(needed(&["a", "b", "c"]), (names(&["a", "b", "c"]), 4));
        // Whatever is changed, it stands.
        assert_eq!(needed(&["d"]), (None, 1));
    }

    #[test]
    fn a_parachain_that_stands_fails_if_a_change_of_its_state_helps() {
        let failure = Failure::check("the parachain stands");
        let judge = |cure| stopped(&failure, cure);
        let outcome = judge(Cure::Found(vec![entry("a", Some("write 0"))], continuation(true)));
        assert_eq!((outcome.status, outcome.detail.as_str()), (Status::Fail, "the parachain stands"));
        let texts: Vec<_> = outcome.findings.iter().map(|finding| finding.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "a: 1 here, 2 there; write 0",
                "with this written before the first block here, candidates are included in relay blocks 20 to 23, and \
                 the last takes a message of the relay chain"
            ]
        );
        let clock = judge(Cure::Found(vec![entry("a", None)], continuation(true)));
        assert_eq!(clock.status, Status::NotJudged, "the states are of different times");
        let unknown = judge(Cure::Unknown(vec![entry("a", Some("write 0"))], Failure::check("no core")));
        assert_eq!(unknown.status, Status::NotJudged);
        assert_eq!(unknown.findings[0].text, "with a changed too: no core");
    }

    #[test]
    fn messages_that_were_not_tried_are_not_judged() {
        let status = |takes| Status::of(&continuation(takes).untried().into_iter().collect::<Vec<_>>());
        assert_eq!(status(true), Status::Pass);
        assert_eq!(status(false), Status::NotJudged);
    }
}
