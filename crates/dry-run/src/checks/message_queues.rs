// SPDX-License-Identifier: Apache-2.0
//! Does the upgrade flood the queues between chains?
//!
//! Messages that a migration sends wait until other chains take them, some a block. A queue beyond what the relay chain or
//! the receiver lets in is a chain that hears nothing for hours, or stalls. Queues are compared as they were before the
//! first block of the new code with what the healthy blocks after the migrations left in them.

use crate::{
    input::Runtime,
    messages::{
        Place,
        outbound::{self, Form},
    },
};
use codec::Decode;
use fork::{AbridgedHostConfiguration, Chain, Layout};
use protocol::{Check, Finding, Rank};
use std::collections::BTreeMap;
use worker::Result;

const NAME: &str = "message-queues";

/// Ten minutes of blocks of six seconds: until then a queue only delays.
const PATIENCE: u64 = 100;
/// `MAX_POSSIBLE_ALLOCATION` of sp-core, from which the relay chain derives how many downward messages it keeps.
const MAX_POSSIBLE_ALLOCATION: u64 = 32 * 1024 * 1024;
/// `max_downward_message_size` of relay chains.
const MAX_DOWNWARD_MESSAGE: u64 = 51_200;
/// From the half of a full queue on the pallets call it congested and raise the fee of each message (`THRESHOLD_FACTOR`).
const CONGESTED: u64 = 2;

/// What waits for one receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waiting {
    messages: u64,
    bytes: u64,
}

/// When a queue is too long.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// Messages that leave in a block, where that is known.
    pace: Option<u64>,
    messages: u64,
    bytes: u64,
    why: &'static str,
}

type Lengths = BTreeMap<Place, (Waiting, Limit)>;

/// `alive`: the chain after its healthy blocks.
pub fn message_queues(from: &Runtime, to: &Runtime, enacted: &Chain, alive: &Chain) -> Result<Check> {
    let speaks = |layout: &Layout| {
        layout.parachain_system().is_some() || layout.pallet_with(&["DownwardMessageQueueHeads"], None).is_some()
    };
    if !speaks(&from.layout) && !speaks(&to.layout) {
        return Ok(Check::skip(NAME, "the chain exchanges no messages with others"));
    }
    Ok(judge(&lengths(&from.layout, enacted)?, &lengths(&to.layout, alive)?))
}

fn judge(before: &Lengths, after: &Lengths) -> Check {
    let mut findings = Vec::new();
    for (to, (waiting, limit)) in after {
        let had = before.get(to).map(|(had, _)| *had).unwrap_or_default();
        if waiting.messages <= had.messages && waiting.bytes <= had.bytes {
            continue;
        }
        let blocks = limit.pace.map(|pace| waiting.messages.div_ceil(pace.max(1)));
        let mut told =
            format!("to {to}: {} messages of {} bytes wait, {} before", waiting.messages, waiting.bytes, had.messages);
        if let Some(blocks) = blocks {
            told.push_str(&format!("; {blocks} blocks until they have left"));
        }
        if waiting.messages > limit.messages || waiting.bytes > limit.bytes || blocks.is_some_and(|all| all > PATIENCE)
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
    Check::judged(NAME, detail, findings)
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

/// What a parachain may have waiting for its relay chain, as the relay chain last told it.
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
        assert_eq!(verdict(Lengths::new(), pages(PATIENCE)), Status::Warn);
        assert_eq!(verdict(Lengths::new(), pages(PATIENCE + 1)), Status::Fail);
    }
}
