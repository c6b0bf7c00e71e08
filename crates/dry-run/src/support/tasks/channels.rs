// SPDX-License-Identifier: Apache-2.0
//! Tasks about the channels of a parachain, and about the messages that wait for it.

use super::{
    Job, Wait,
    condition::{Condition, Test},
    lacks,
};
use crate::support::{
    case::Case,
    checks::{NO_STATE, OTHER_HEAD},
    plans::{self, Action, Plan, WRITES, call, calls},
    queue,
    reader::{Parts, Reader, number},
};
use artifact::pace::counted;
use codec::Encode;
use network::{ParaId, Relay};
use protocol::support::CauseKind;
use worker::{Failure, Result};

/// The first parachain that is no system chain.
const FIRST_PUBLIC: u32 = 2_000;
/// The sessions in which a channel opens.
const SESSIONS: u32 = 2;
/// The most waiting messages that are removed. Each has a key of its own on newer relay chains.
const MOST_MESSAGES: usize = 10_000;
/// The lists of channels that both sides asked for, and that are to be closed.
const OPEN: &str = "HrmpOpenChannelRequestsList";
const CLOSE: &str = "HrmpCloseChannelRequestsList";

/// A channel, by its sender and its recipient.
type Ends = (ParaId, ParaId);

/// Returns the opening of a channel with another parachain.
pub fn open(
    case: &Case<'_>,
    (other, receives): (u32, bool),
    (capacity, message_size): (Option<u32>, Option<u32>),
) -> Result<Job> {
    let (para, other) = (case.para, ParaId::from(other));
    if para == other {
        return Err(Failure::usage("a channel has two ends").found(format!("parachain {} twice", u32::from(para))));
    }
    let (sender, recipient) = if receives { (other, para) } else { (para, other) };
    let is_system = [para, other].iter().all(|id| u32::from(*id) < FIRST_PUBLIC);
    let by_anyone = call(&case.relay, "establish_system_channel", (sender, recipient));
    let named = format!("from {} to {}", u32::from(sender), u32::from(recipient));
    let (plan, limits) = match by_anyone.filter(|_| is_system && capacity.is_none() && message_size.is_none()) {
        Some(call) => {
            let told = format!("any account opens a channel {named}: both are system chains");
            (Plan::of("open-channel", told, vec![ONE_WAY.into()], vec![Action::Submit(call)]), None)
        }
        None => {
            let limits = match (capacity, message_size) {
                (Some(capacity), Some(size)) => (capacity, size),
                _ => {
                    let most = most(case)?;
                    (capacity.unwrap_or(most.0), message_size.unwrap_or(most.1))
                }
            };
            let plan = Plan::by_root(
                "open-channel",
                format!("the root opens a channel {named}"),
                vec![
                    ONE_WAY.into(),
                    "a request for the same channel that waits is cancelled".into(),
                    "the deposits of both sides are reserved on their accounts, unless one is a system chain".into(),
                ],
                calls(call(&case.relay, "force_open_hrmp_channel", (sender, recipient, limits.0, limits.1))),
            );
            (plan.ok_or_else(|| lacks(case, "Hrmp.force_open_hrmp_channel"))?, Some(limits))
        }
    };
    let condition = Condition::new(format!("the channel {named} is open"), Test::Channel { other, receives, limits });
    Ok(Job::new(plan, vec![condition], Wait::Sessions(SESSIONS)))
}

const ONE_WAY: &str = "it has one direction, and is open when the session ends";

/// Returns the most messages of a channel, and the most bytes of one, that the relay chain allows.
fn most(case: &Case<'_>) -> Result<(u32, u32)> {
    let reader = Reader::of(case.network.relay.chain(), &case.relay)?;
    limits(reader.parts("Configuration", "ActiveConfig", None)?)
}

fn limits(parts: Parts) -> Result<(u32, u32)> {
    let unknown = |why: String| {
        Failure::input("the relay chain does not say how large a channel may be")
            .found(why)
            .hint("give --capacity and --message-size")
    };
    let parts = parts.map_err(unknown)?;
    let limit = |name: &str| {
        let found = number(&parts, name).and_then(|number| u32::try_from(number).ok());
        found.ok_or_else(|| unknown(format!("no {name} in Configuration.ActiveConfig")))
    };
    Ok((limit("hrmp_channel_max_capacity")?, limit("hrmp_channel_max_message_size")?))
}

pub fn close(case: &mut Case<'_>) -> Result<Job> {
    let plan = plans::for_cause(case, CauseKind::ChannelMessages, None)?;
    let plan = plan.ok_or_else(|| lacks(case, "Hrmp.force_clean_hrmp"))?;
    Ok(Job::new(plan, vec![Condition::new("the parachain has no channel", Test::NoChannels)], Wait::Nothing))
}

/// Returns what opens and closes channels at once that would be at the end of the session.
pub fn process(case: &Case<'_>) -> Result<Job> {
    let reader = Reader::of(case.network.relay.chain(), &case.relay)?;
    let list = |item| {
        ends(reader.parts("Hrmp", item, None)?)
            .map_err(|why| Failure::not_judged("the requests for channels cannot be read").found(why))
    };
    let (open, close) = (list(OPEN)?, list(CLOSE)?);
    let mut confirmed = Vec::new();
    for (sender, recipient) in &open {
        let request = reader.parts("Hrmp", "HrmpOpenChannelRequests", Some(&(*sender, *recipient).encode()))?;
        if is_confirmed(&request) {
            confirmed.push((*sender, *recipient));
        }
    }
    let process = |name: &str, count: usize| call(&case.relay, name, count as u32);
    let both = process("force_process_hrmp_open", open.len()).zip(process("force_process_hrmp_close", close.len()));
    let plan = Plan::by_root(
        "process-channels",
        format!(
            "the root opens {} and closes {} at once",
            counted(confirmed.len() as u128, "channel"),
            counted(close.len() as u128, "channel")
        ),
        vec![
            "all channels of the relay chain that wait are concerned, and not only those of this parachain".into(),
            "messages in a channel that is closed are lost".into(),
        ],
        both.map(|(open, close)| vec![open, close]),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Hrmp.force_process_hrmp_open and force_process_hrmp_close"))?;
    let interface = case.relay.interface()?;
    let keys = |channels: &[Ends], item: &str| -> Vec<Vec<u8>> {
        let pallet = interface.pallet("Hrmp");
        channels.iter().filter_map(|ends| pallet?.entry(item, &ends.encode())).collect()
    };
    let present = keys(&confirmed, "HrmpChannels");
    let absent = [
        keys(&confirmed, "HrmpOpenChannelRequests"),
        keys(&close, "HrmpChannels"),
        keys(&close, "HrmpCloseChannelRequests"),
    ];
    let test = Test::Entries { present, absent: absent.concat() };
    let told = "the channels that both sides asked for are open, and those to be closed are gone";
    Ok(Job::new(plan, vec![Condition::new(told, test)], Wait::Nothing))
}

/// Returns the channels of a list of `HrmpChannelId`.
fn ends(parts: Parts) -> std::result::Result<Vec<Ends>, String> {
    let parts = parts?;
    let id = |number: u128| u32::try_from(number).ok().map(ParaId::from);
    let found = parts.iter().filter_map(|part| {
        let place = part.path.strip_suffix("sender")?;
        Some((id(part.number?)?, id(number(&parts, &format!("{place}recipient"))?)?))
    });
    Ok(found.collect())
}

fn is_confirmed(request: &Parts) -> bool {
    let confirmed = request.iter().flatten().find(|part| part.path == "confirmed");
    confirmed.is_some_and(|part| part.text == "true")
}

/// Returns the removal of all messages that wait for the parachain.
pub fn empty_downward(case: &mut Case<'_>) -> Result<Job> {
    let para = case.para;
    if case.parachain.is_none() {
        return Err(Failure::usage("the last message that the parachain received is not known")
            .found(NO_STATE)
            .expected("the state of the parachain"));
    }
    let waiting = case.network.relay.downward_messages(para)?;
    if waiting.len() > MOST_MESSAGES {
        return Err(Failure::not_judged("too many messages wait to be removed here")
            .found(waiting.len().to_string())
            .expected(format!("at most {MOST_MESSAGES}")));
    }
    // The next message continues the last one that the parachain received.
    let (_, parachain) = case.network.both(para)?;
    let head = parachain.last_downward_message(&[])?;
    let rest = waiting.get(waiting.len()..).unwrap_or_default();
    let set =
        call(&case.relay, "set_storage", vec![(Relay::key_of_downward_head(para), head.unwrap_or_default().encode())]);
    let removed = match waiting.is_empty() {
        true => Some(Vec::new()),
        false => queue::without_first(case, waiting.len(), rest)?,
    };
    let plan = Plan::by_root(
        "empty-downward-queue",
        "the root removes the messages from the relay chain that wait for the parachain",
        vec![
            WRITES.into(),
            format!("{} that the parachain has not received: they are lost", counted(waiting.len() as u128, "message")),
            "messages that are sent before the calls are dispatched break the chain of their hashes: try it again then"
                .into(),
        ],
        removed.zip(set).map(|(mut removed, set)| {
            removed.push(set);
            removed
        }),
    );
    let plan =
        plan.ok_or_else(|| lacks(case, "System.set_storage and kill_storage, of a queue in a form that is known"))?;
    let hazards = match case.is_at_head {
        true => Vec::new(),
        false => vec![format!("{OTHER_HEAD}: it may have received other messages")],
    };
    let told = "no message waits, and the relay chain's head is that of the last one that the parachain received";
    let condition = Condition::new(told, Test::NoDownward { head: head.map(|head| head.0) });
    Ok(Job { hazards, ..Job::new(plan, vec![condition], Wait::Nothing) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::value::Part;
    use worker::Kind;

    fn part(path: &str, text: &str) -> Part {
        Part { path: path.into(), types: Vec::new(), text: text.into(), number: text.parse().ok() }
    }

    #[test]
    fn the_limits_of_channels_are_those_of_the_relay_chain() {
        let all = || vec![part("hrmp_channel_max_capacity", "8"), part("hrmp_channel_max_message_size", "512")];
        assert_eq!(limits(Ok(all())), Ok((8, 512)));
        for parts in [Ok(all()[..1].to_vec()), Err("undecodable".to_owned())] {
            assert_eq!(limits(parts).expect_err("unknown").kind, Kind::Input);
        }
    }

    #[test]
    fn requests_are_read_by_their_ends() {
        let list = vec![
            part("0.sender", "2000"),
            part("0.recipient", "2001"),
            part("1.sender", "7"),
            part("1.recipient", "8"),
        ];
        assert_eq!(ends(Ok(list)), Ok(vec![(2_000.into(), 2_001.into()), (7.into(), 8.into())]));
        // Half of a channel is none.
        assert_eq!(ends(Ok(vec![part("0.sender", "2000")])), Ok(Vec::new()));
        assert!(ends(Err("undecodable".into())).is_err());
        let request = |confirmed: &str| Ok(vec![part("confirmed", confirmed), part("max_capacity", "8")]);
        assert!(
            is_confirmed(&request("true")) && !is_confirmed(&request("false")) && !is_confirmed(&Err(String::new()))
        );
    }
}
