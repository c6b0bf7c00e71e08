// SPDX-License-Identifier: Apache-2.0
//! Does the upgrade flood the queues between chains?
//!
//! Messages that a migration sends wait until other chains take them, a few in each block. A queue
//! beyond the limit of the relay chain or of the receiver delays a chain for hours, or stops it.
//! The queues before the first block of the new code are compared with those after the healthy
//! blocks that follow the migrations.

use crate::{
    messages::{
        Place,
        outbound::{self, Form},
    },
    rehearsal::Rehearsal,
};
use artifact::pace::counted;
use codec::Decode;
use fork::{AbridgedHostConfiguration, Chain, Layout};
use protocol::{CheckOutcome, Finding, Rank};
use std::collections::BTreeMap;
use worker::Result;

/// Ten minutes of blocks of six seconds. A queue that empties in less is only a delay.
const MOST_BLOCKS: u64 = 100;
/// `MAX_POSSIBLE_ALLOCATION` of sp-core, from which the relay chain derives how many downward messages it keeps.
const MAX_POSSIBLE_ALLOCATION: u64 = 32 * 1024 * 1024;
/// `max_downward_message_size` of relay chains.
const MAX_DOWNWARD_MESSAGE: u64 = 51_200;
/// Beyond half of a full queue pallets raise the fee of each message (`THRESHOLD_FACTOR`).
const CONGESTED: u64 = 2;

/// The queue of one receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waiting {
    messages: u64,
    bytes: u64,
}

/// The limit of a queue.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// The messages that leave in a block, where that is known.
    pace: Option<u64>,
    messages: u64,
    bytes: u64,
    why: &'static str,
}

type Lengths = BTreeMap<Place, (Waiting, Limit)>;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, .. } = rehearsal;
    let (enacted, life) = (rehearsal.enacted()?, rehearsal.life()?);
    Ok(judge(&lengths(&from.layout, enacted)?, &lengths(&to.layout, &life.chain)?))
}

fn judge(before: &Lengths, after: &Lengths) -> CheckOutcome {
    let mut findings = Vec::new();
    for (to, (waiting, limit)) in after {
        let had = before.get(to).map(|(had, _)| *had).unwrap_or_default();
        if waiting.messages <= had.messages && waiting.bytes <= had.bytes {
            continue;
        }
        let blocks = limit.pace.map(|pace| waiting.messages.div_ceil(pace.max(1)));
        let messages = counted(waiting.messages as u128, "waiting message");
        let mut told = format!("to {to}: {messages} of {} bytes, {} before", waiting.bytes, had.messages);
        if let Some(blocks) = blocks {
            told.push_str(&format!("; {} until they have left", counted(blocks as u128, "block")));
        }
        if waiting.messages > limit.messages
            || waiting.bytes > limit.bytes
            || blocks.is_some_and(|all| all > MOST_BLOCKS)
        {
            findings.push(Finding::seen(format!("{told}; {}", limit.why)));
        } else {
            findings.push(Finding::hazard(told));
        }
    }
    let flooded = findings.iter().filter(|finding| finding.rank == Rank::Seen).count();
    let detail = match (flooded, findings.len()) {
        (0, 0) => "no queue of messages is longer than before".to_string(),
        (0, grown) => format!("{grown} queues of messages are longer than before"),
        (flooded, _) => format!("the upgrade floods {flooded} queues of messages"),
    };
    CheckOutcome::judged(detail, findings)
}

fn lengths(layout: &Layout, chain: &Chain) -> Result<Lengths> {
    let mut lengths = Lengths::new();
    for (to, queue) in outbound::waiting(layout, chain)? {
        let waiting = Waiting { messages: queue.parts.len() as u64, bytes: queue.bytes() };
        let limit = match (to, queue.form) {
            (Place::RelayChain, _) => upward(layout, chain)?,
            (Place::Parachain(_), Form::Page) => Limit {
                pace: Some(1),
                messages: u64::MAX,
                bytes: u64::MAX,
                why: "a page of messages leaves for each receiver in a block",
            },
            (Place::Parachain(_), Form::Single) => Limit {
                pace: None,
                messages: MAX_POSSIBLE_ALLOCATION / MAX_DOWNWARD_MESSAGE / CONGESTED,
                bytes: u64::MAX,
                why: "the relay chain calls the queue congested: its receiver hears nothing else before it took them all",
            },
        };
        lengths.insert(to, (waiting, limit));
    }
    Ok(lengths)
}

/// Returns the limit of the queue to the relay chain, as the relay chain last gave it.
fn upward(layout: &Layout, chain: &Chain) -> Result<Limit> {
    let configuration = match layout.parachain_system() {
        Some(pallet) => chain.storage(&pallet.key("HostConfiguration"))?,
        None => None,
    };
    let configuration = configuration.and_then(|bytes| AbridgedHostConfiguration::decode(&mut &bytes[..]).ok());
    Ok(Limit {
        pace: configuration.as_ref().map(|known| known.max_upward_message_num_per_candidate.into()),
        messages: u64::MAX,
        bytes: configuration.map_or(u64::MAX, |known| u64::from(known.max_upward_queue_size) / CONGESTED),
        why: "the relay chain takes no more at once",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn queue(messages: u64, bytes: u64) -> Lengths {
        let limit = Limit { pace: Some(16), messages: 327, bytes: 524_288, why: "no more" };
        Lengths::from([(Place::RelayChain, (Waiting { messages, bytes }, limit))])
    }

    fn verdict(before: Lengths, after: Lengths) -> Status {
        judge(&before, &after).status
    }

    #[test]
    fn a_queue_that_was_long_before_is_no_fault_of_the_upgrade() {
        assert_eq!(verdict(queue(400, 900_000), queue(400, 900_000)), Status::Pass);
        assert_eq!(verdict(queue(400, 900_000), queue(390, 800_000)), Status::Pass);
    }

    #[test]
    fn a_queue_beyond_a_limit_fails_and_one_that_grew_warns() {
        assert_eq!(verdict(Lengths::new(), queue(10, 1_000)), Status::Warn);
        assert_eq!(verdict(Lengths::new(), queue(328, 1_000)), Status::Fail);
        assert_eq!(verdict(Lengths::new(), queue(10, 524_289)), Status::Fail);
    }

    #[test]
    fn a_queue_that_takes_long_to_leave_fails() {
        let limit = Limit { pace: Some(1), messages: u64::MAX, bytes: u64::MAX, why: "one a block" };
        let pages = |messages| Lengths::from([(Place::Parachain(1000), (Waiting { messages, bytes: 1 }, limit))]);
        assert_eq!(verdict(Lengths::new(), pages(MOST_BLOCKS)), Status::Warn);
        assert_eq!(verdict(Lengths::new(), pages(MOST_BLOCKS + 1)), Status::Fail);
    }
}
