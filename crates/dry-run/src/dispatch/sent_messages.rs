// SPDX-License-Identifier: Apache-2.0
//! The messages that chains send while a call has its effects, and what their receivers do with them.
//!
//! The sender's event `Sent` (pallet-xcm) names the receiver and the identifier of a message, and so do its events about
//! versions. The receiver's message queue names the identifier again when it executes the message.

use super::{stage::Member, value};
use crate::{
    block::records::{EventField, Record},
    journeys::{MessageId, received},
    messages::{Execution, Place, Received},
};
use proposal::decode;
use worker::Result;

#[derive(Default)]
pub struct SentMessages {
    /// The messages in the order in which they were sent.
    pub messages: Vec<SentMessage>,
    /// What was received under an identifier that no sender named, each with the position of its chain.
    pub unmatched: Vec<(usize, MessageId, Received)>,
}

pub struct SentMessage {
    /// The position of the sender.
    pub from: usize,
    pub to: Receiver,
    /// The number of the sender's block.
    pub sent: u32,
    pub id: MessageId,
    /// What it asks for. Nothing if its instructions are not known.
    pub instructions: Option<Instructions>,
    /// What it says, or the event that told of it: without identifiers, which differ from run to run.
    content: Vec<u8>,
    pub received: Option<Received>,
}

/// The instructions of a message that say whether its calls succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instructions {
    /// The number of `Transact`.
    pub calls: usize,
    /// The number of `ExpectTransactStatus`.
    pub expectations: usize,
    /// Whether it handles errors itself: then a failed expectation may not fail the message.
    pub handles_errors: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// A chain that takes part, by its position.
    Member(usize),
    /// Another chain, in words.
    Other(String),
}

impl SentMessages {
    /// Notes what a block of the chain at `position` sent and received.
    pub fn note(&mut self, position: usize, number: u32, members: &[Member], records: &[Record]) -> Result<()> {
        let Some(member) = members.get(position) else { return Ok(()) };
        let interface = member.interface()?;
        // The transport of a parachain has an event for each message, and pallet-xcm one for those that it knows.
        let named = records.iter().filter(|record| identifier(record).is_some()).count();
        let by_transport: Vec<_> = records.iter().filter_map(|record| sent_by_transport(record, members)).collect();
        for (id, to) in by_transport.into_iter().skip(named) {
            let (content, instructions) = (b"transport".to_vec(), None);
            self.send(SentMessage { from: position, to, sent: number, id, instructions, content, received: None });
        }
        for record in records {
            if let Some(id) = identifier(record) {
                let to = record.field("destination").map(|field| receiver(member, field, members));
                let to = to.unwrap_or_else(|| Receiver::Other("a chain that the event does not name".to_owned()));
                let message = record.field("message");
                let instructions = match message {
                    Some(field) => instructions(member, field),
                    // Those about versions carry no calls.
                    None => Some(Instructions::default()),
                };
                let content = message.map_or_else(|| record.name.clone().into_bytes(), |field| field.value.clone());
                self.send(SentMessage { from: position, to, sent: number, id, instructions, content, received: None });
            }
            if let Some((id, received)) = received(&interface, record) {
                self.receive(position, id, received);
            }
        }
        Ok(())
    }

    /// Notes a message. A parachain's block is known after the relay block that includes it, which may execute its messages
    /// at once: then it was received already.
    fn send(&mut self, mut message: SentMessage) {
        if let Some(place) = self.unmatched.iter().position(|(at, id, _)| message.may_arrive(*at, *id)) {
            let (at, _, received) = self.unmatched.remove(place);
            message.to = Receiver::Member(at);
            message.received = Some(received);
        }
        self.messages.push(message);
    }

    fn receive(&mut self, position: usize, id: MessageId, received: Received) {
        match self.messages.iter_mut().find(|message| message.received.is_none() && message.may_arrive(position, id)) {
            Some(message) => {
                message.to = Receiver::Member(position);
                message.received = Some(received);
            }
            None => self.unmatched.push((position, id, received)),
        }
    }

    /// Returns whether every message to a chain that takes part was received.
    pub fn is_delivered(&self) -> bool {
        self.messages.iter().all(|message| message.received.is_some() || matches!(message.to, Receiver::Other(_)))
    }

    /// Keeps the messages that another run over the same blocks did not send. Identifiers follow from the blocks, so a
    /// message that both sent may have two.
    pub fn without(mut self, other: &Self) -> Self {
        let known = |message: &SentMessage, known: &SentMessage| (known.from, known.id) == (message.from, message.id);
        let says = |message: &SentMessage| (message.from, message.content.clone());
        let own = |all: &[SentMessage], others: &[SentMessage]| -> Vec<(usize, Vec<u8>)> {
            all.iter().filter(|message| !others.iter().any(|other| known(message, other))).map(says).collect()
        };
        let mut same = own(&other.messages, &self.messages);
        self.messages.retain(|message| {
            if other.messages.iter().any(|other| known(message, other)) {
                return false;
            }
            let place = same.iter().position(|content| *content == says(message));
            place.map(|place| same.swap_remove(place)).is_none()
        });
        let mut unmatched: Vec<_> = other.unmatched.iter().collect();
        for exact in [true, false] {
            self.unmatched.retain(|(position, id, received)| {
                let is_it = |(at, known, told): &&(usize, MessageId, Received)| {
                    at == position && if exact { known == id } else { told == received }
                };
                let place = unmatched.iter().position(is_it);
                place.map(|place| unmatched.swap_remove(place)).is_none()
            });
        }
        // A message that its receiver refuses before the first instruction has another identifier there.
        for position in 0..=self.unmatched.iter().map(|(position, ..)| *position).max().unwrap_or(0) {
            let mut open = self
                .messages
                .iter_mut()
                .filter(|message| message.to == Receiver::Member(position) && message.received.is_none());
            let is_failed = |received: &Received| received.execution != Execution::Complete;
            let mut unmatched =
                self.unmatched.iter().enumerate().filter(|(_, (at, _, told))| *at == position && is_failed(told));
            if let (Some(message), None, Some((place, (_, _, told))), None) =
                (open.next(), open.next(), unmatched.next(), unmatched.next())
            {
                message.received = Some(told.clone());
                self.unmatched.remove(place);
            }
        }
        self
    }
}

impl SentMessage {
    /// Returns whether it is what the chain at `position` received under this identifier.
    fn may_arrive(&self, position: usize, id: MessageId) -> bool {
        self.id == id
            && match self.to {
                Receiver::Member(to) => to == position,
                Receiver::Other(_) => self.from != position,
            }
    }

    /// Returns whether the receiver executed it to its end.
    pub fn is_executed(&self) -> bool {
        self.received.as_ref().is_some_and(|received| received.execution == Execution::Complete)
    }
}

/// Returns the receiver by a location as the sender sees it.
fn receiver(sender: &Member, field: &EventField, members: &[Member]) -> Receiver {
    let location = decode::value(sender.target.types(), field.id, &field.value).ok();
    let place = sender.place.and_then(|from| value::place(location.as_ref()?, from));
    let position = place.and_then(|place| members.iter().position(|member| member.place == Some(place)));
    match (position, place, location) {
        (Some(position), ..) => Receiver::Member(position),
        (None, Some(place), _) => Receiver::Other(place.to_string()),
        (None, None, Some(location)) => Receiver::Other(location.to_string()),
        (None, None, None) => Receiver::Other("a location that cannot be decoded".to_owned()),
    }
}

/// Returns the identifier of a message whose event names its receiver too.
fn identifier(record: &Record) -> Option<MessageId> {
    record.field("destination")?;
    record.field("message_id")?.value.as_slice().try_into().ok()
}

fn instructions(sender: &Member, field: &EventField) -> Option<Instructions> {
    let message = decode::value(sender.target.types(), field.id, &field.value).ok()?;
    let count = |name| value::count(&message, name);
    Some(Instructions {
        calls: count("Transact"),
        expectations: count("ExpectTransactStatus"),
        handles_errors: count("SetErrorHandler") > 0,
    })
}

/// Returns the message of an event of the transport. Runtimes before the event `Sent` had no other one.
fn sent_by_transport(record: &Record, members: &[Member]) -> Option<(MessageId, Receiver)> {
    let to = match (record.pallet.as_str(), record.name.as_str()) {
        ("ParachainSystem", "UpwardMessageSent") => {
            match members.iter().position(|member| member.place == Some(Place::RelayChain)) {
                Some(position) => Receiver::Member(position),
                None => Receiver::Other(Place::RelayChain.to_string()),
            }
        }
        ("XcmpQueue", "XcmpMessageSent") => Receiver::Other("another parachain".to_owned()),
        _ => return None,
    };
    let hash = &record.field("message_hash")?.value;
    // Older events have an `Option` of the hash.
    let hash = hash.get(hash.len().checked_sub(32)?..)?;
    Some((hash.try_into().ok()?, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(from: usize, to: Receiver, id: u8) -> SentMessage {
        let instructions = Some(Instructions::default());
        SentMessage { from, to, sent: 1, id: [id; 32], instructions, content: vec![id], received: None }
    }

    fn complete() -> Received {
        Received { execution: Execution::Complete, told: "executed".into() }
    }

    #[test]
    fn a_message_may_be_received_before_its_senders_block_is_known() {
        let mut sent = SentMessages::default();
        sent.receive(0, [1; 32], complete());
        sent.send(message(1, Receiver::Member(0), 1));
        sent.send(message(1, Receiver::Member(0), 2));
        sent.receive(0, [2; 32], complete());
        assert!(sent.messages.iter().all(SentMessage::is_executed) && sent.unmatched.is_empty());
        // The twin: the identifier of another chain's message.
        sent.receive(1, [3; 32], complete());
        sent.send(message(1, Receiver::Member(0), 3));
        assert!(!sent.messages[2].is_executed());
    }

    #[test]
    fn one_message_under_another_identifier_is_the_one_that_is_missing() {
        let refused = || Received { execution: Execution::Refused, told: "refused".into() };
        let sent = |messages: &[u8], unmatched: &[u8]| SentMessages {
            messages: messages.iter().map(|id| message(0, Receiver::Member(1), *id)).collect(),
            unmatched: unmatched.iter().map(|id| (1, [*id; 32], refused())).collect(),
        };
        let one = sent(&[1], &[9]).without(&SentMessages::default());
        assert_eq!(one.messages[0].received, Some(refused()));
        // The twins: one of two, and what arrives without the call too.
        assert!(
            sent(&[1, 2], &[9])
                .without(&SentMessages::default())
                .messages
                .iter()
                .all(|message| message.received.is_none())
        );
        assert_eq!(sent(&[1], &[9]).without(&sent(&[], &[9])).messages[0].received, None);
        let executed = SentMessages { unmatched: vec![(1, [9; 32], complete())], ..sent(&[1], &[]) };
        assert_eq!(
            executed.without(&SentMessages::default()).messages[0].received,
            None,
            "one that was executed is another one"
        );
        // A message that both runs send has another identifier in each.
        let again = SentMessages {
            messages: vec![SentMessage { id: [7; 32], ..message(0, Receiver::Member(1), 1) }],
            ..sent(&[], &[])
        };
        assert!(again.without(&sent(&[1], &[])).messages.is_empty());
    }
}
