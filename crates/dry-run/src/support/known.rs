// SPDX-License-Identifier: Apache-2.0
//! What both chains know of the parachain.

use super::{
    case::Case,
    facts,
    reader::{Assignment, Parts, Reader, number},
};
use codec::{Compact, Decode, Encode};
use network::{UpgradeGoAhead, ValidationCodeHash};
use protocol::support::Fact;
use std::collections::BTreeMap;
use worker::{Failure, Result};

/// Where a parachain keeps the number of the relay block on which its last block was built.
const RELAY_NUMBER: &str = "LastRelayChainBlockNumber";

/// A value, or why the relay chain does not tell it.
pub type Told<T> = std::result::Result<T, String>;

/// What the relay chain knows of a parachain.
pub struct Known {
    /// The number of the relay block.
    pub number: u32,
    /// The variant of `ParaLifecycle`.
    pub lifecycle: Option<String>,
    pub head: Option<Vec<u8>>,
    /// The number of the block that the head is.
    pub head_number: Option<u32>,
    /// Whether the state of the parachain is at this head.
    pub is_at_head: bool,
    /// Whether the parachain's node does not know that head.
    pub lacks_head: bool,
    /// The relay block on which the head was built.
    pub context: Option<u32>,
    pub code: Option<ValidationCodeHash>,
    /// The length of that code in bytes; nothing if the relay chain does not have it.
    pub code_length: Option<usize>,
    /// The hash of the code that is scheduled, and the relay block of the go-ahead once it is known.
    pub future: Option<(String, Option<u32>)>,
    /// The votes of validators on that code, in words.
    pub votes: Option<String>,
    pub signal: Option<UpgradeGoAhead>,
    /// The cores in the claim queue, each with the number of claims.
    pub claims: Vec<(u32, usize)>,
    /// The assignments of cores that name the parachain.
    pub assigned: Vec<Assignment>,
    /// The relay block since which disputes freeze the relay chain.
    pub frozen: Told<Option<u128>>,
    /// The messages that wait from the relay chain.
    pub downward: usize,
    pub downward_head: Option<[u8; 32]>,
    pub receives: Vec<Channel>,
    pub sends: Vec<Channel>,
    /// The messages to the relay chain that wait there.
    pub upward: Told<Upward>,
    pub own: Option<Own>,
    pub facts: Vec<Fact>,
}

/// What the parachain knows itself.
pub struct Own {
    pub number: u32,
    pub code: ValidationCodeHash,
    /// Whether a code waits for the go-ahead.
    pub has_pending_code: bool,
    /// The upgrade that is authorized, in words.
    pub authorized: Option<String>,
    /// The head of the chain of messages from the relay chain, as it will be after those that wait.
    pub downward_head: Option<[u8; 32]>,
    /// The same of each sender.
    pub sideways_heads: BTreeMap<u32, [u8; 32]>,
    /// The number of the relay block on which its last block was built.
    pub relay_number: Option<u32>,
}

/// A channel of the parachain.
pub struct Channel {
    pub other: u32,
    pub messages: u32,
    pub bytes: u32,
    pub capacity: u32,
    pub most_bytes: u32,
    pub head: Option<[u8; 32]>,
}

/// The queue of messages to the relay chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upward {
    pub messages: u128,
    pub bytes: u128,
    /// The most messages and bytes of the queue.
    pub most: u128,
    pub most_bytes: u128,
    /// Whether messages wait and none of them is executed: each is too heavy for every block.
    pub is_stuck: bool,
}

impl Channel {
    /// Returns whether the sender cannot send another message.
    pub fn is_full(&self) -> bool {
        self.messages >= self.capacity || self.bytes >= self.most_bytes
    }
}

impl Upward {
    /// Returns whether the parachain cannot send another message.
    pub fn is_full(&self) -> bool {
        self.messages >= self.most || self.bytes >= self.most_bytes
    }

    fn read(reader: &Reader<'_>, id: &[u8]) -> Result<Told<Self>> {
        // `AggregateMessageOrigin::Ump(UmpQueueId::Para(id))`
        let queue = [&[0, 0][..], id].concat();
        let book = reader.parts("MessageQueue", "BookStateFor", Some(&queue))?;
        Ok(Self::of(book, reader.parts("Configuration", "ActiveConfig", None)?))
    }

    /// Takes the numbers from a `BookState`, which has no parts while the queue was never used, and from the configuration.
    fn of(book: Parts, configuration: Parts) -> Told<Self> {
        let (book, configuration) = (book?, configuration?);
        let limit =
            |path| number(&configuration, path).ok_or_else(|| format!("Configuration.ActiveConfig has no {path}"));
        let waiting = |path| match book.is_empty() {
            true => Ok(0),
            false => number(&book, path).ok_or_else(|| format!("MessageQueue.BookStateFor has no {path}")),
        };
        let messages = waiting("message_count")?;
        let is_ready = !book.iter().any(|part| part.path == "ready_neighbours" && part.text == "None");
        Ok(Self {
            messages,
            bytes: waiting("size")?,
            most: limit("max_upward_queue_count")?,
            most_bytes: limit("max_upward_queue_size")?,
            is_stuck: messages > 0 && !is_ready,
        })
    }
}

impl Known {
    /// Reads everything from the states. Nothing is built.
    pub fn read(case: &mut Case<'_>) -> Result<Self> {
        let para = case.para;
        let id = para.encode();
        let own = Own::read(case)?;
        let relay = &case.network.relay;
        let reader = Reader::of(relay.chain(), &case.relay)?;
        let head = relay.head_of(para)?;
        let header = head.as_deref().and_then(|head| fork::Header::decode(&mut &head[..]).ok());
        let code = relay.current_code(para)?;
        let code_length = match code {
            Some(code) => relay.validation_code(code)?.map(|code| code.len()),
            None => None,
        };
        let (future, votes) = match reader.bytes("Paras", "FutureCodeHash", Some(&id))? {
            Some(hash) => (Some((hex::encode_prefixed(&hash), relay.foretold(para)?)), votes(&reader, &hash)?),
            None => (None, None),
        };
        let channels = |receives| -> Result<Vec<Channel>> {
            let channels = relay.channels(para, receives)?.into_iter();
            Ok(channels
                .map(|(other, channel)| Channel {
                    other: other.into(),
                    messages: channel.msg_count,
                    bytes: channel.total_size,
                    capacity: channel.max_capacity,
                    most_bytes: channel.max_total_size,
                    head: channel.mqc_head.map(|head| head.0),
                })
                .collect())
        };
        let assigned = ["ParaScheduler", "CoretimeAssignmentProvider"]
            .iter()
            .map(|pallet| reader.assignments(pallet, para.into()))
            .collect::<Result<Vec<_>>>()?;
        let context = reader.bytes("Paras", "MostRecentContext", Some(&id))?;
        let frozen = reader.parts("ParasDisputes", "Frozen", None)?;
        let mut known = Self {
            number: relay.chain().number(),
            lifecycle: reader.words("Paras", "ParaLifecycles", Some(&id))?,
            head_number: header.map(|header| header.number),
            is_at_head: case.is_at_head,
            lacks_head: case.lacks_head,
            context: context.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()),
            head,
            code,
            code_length,
            future,
            votes,
            signal: relay.signal(para)?,
            claims: relay.claims(para)?,
            assigned: assigned.into_iter().flatten().collect(),
            frozen: frozen.map(|parts| parts.iter().find_map(|part| part.number)),
            downward: relay.downward_messages(para)?.len(),
            downward_head: relay.last_downward_message(para)?.map(|head| head.0),
            receives: channels(true)?,
            sends: channels(false)?,
            upward: Upward::read(&reader, &id)?,
            own,
            facts: Vec::new(),
        };
        known.facts = facts::of(&known, case, &reader)?;
        Ok(known)
    }
}

impl Own {
    fn read(case: &mut Case<'_>) -> Result<Option<Self>> {
        let Some(member) = &case.parachain else { return Ok(None) };
        let para = case.para;
        let (downward, sideways) =
            (case.network.relay.downward_messages(para)?, case.network.relay.sideways_messages(para)?);
        let (_, parachain) = case.network.both(para)?;
        let downward_head = parachain.last_downward_message(&downward)?.map(|head| head.0);
        let sideways_heads = parachain.last_sideways_messages(&sideways)?;
        let chain = parachain.chain();
        let system = member.runtime.layout.parachain_system();
        let system = system.ok_or_else(|| Failure::internal("a parachain without the pallet of parachains"))?;
        let relay_number = match system.has_item(RELAY_NUMBER) {
            // The first block finds none, which stands for 0.
            true => Some(chain.storage(&system.key(RELAY_NUMBER))?.unwrap_or_else(|| vec![0; 4])),
            false => None,
        };
        Ok(Some(Self {
            number: chain.number(),
            code: network::upgrade::code_hash(&chain.next_code()?),
            has_pending_code: chain.storage(&system.key("PendingValidationCode"))?.is_some(),
            authorized: Reader::of(chain, member)?.words("System", "AuthorizedUpgrade", None)?,
            downward_head,
            sideways_heads: sideways_heads.into_iter().map(|(id, head)| (id.into(), head.0)).collect(),
            relay_number: relay_number.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()),
        }))
    }
}

/// Returns the votes of validators on a code in words; nothing if they are not asked for.
fn votes(reader: &Reader<'_>, code: &[u8]) -> Result<Option<String>> {
    let (pallet, item) = ("Paras", "PvfActiveVoteMap");
    let field = |path| reader.field(pallet, item, Some(code), path);
    let (Some(accept), Some(reject)) = (field("votes_accept")?, field("votes_reject")?) else { return Ok(None) };
    let (Some((accept, validators)), Some((reject, _))) = (ones(&accept), ones(&reject)) else { return Ok(None) };
    let age = field("age")?.and_then(|age| u32::decode(&mut &age[..]).ok());
    let most = reader.parts("Configuration", "ActiveConfig", None)?.unwrap_or_default();
    let told = format!("{accept} of {validators} validators accept it, {reject} reject it");
    Ok(Some(match (age, number(&most, "pvf_voting_ttl")) {
        (Some(age), Some(most)) => format!("{told}; {age} of {most} sessions have passed, after which it is dropped"),
        _ => told,
    }))
}

/// Returns the number of ones in an encoded bit vector, and its length.
fn ones(mut bits: &[u8]) -> Option<(u32, u32)> {
    let Compact(length) = Compact::<u32>::decode(&mut bits).ok()?;
    Some((bits.iter().map(|byte| byte.count_ones()).sum(), length))
}

/// Returns the hash of a code as text.
pub fn named(code: ValidationCodeHash) -> String {
    hex::encode_prefixed(code.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::value::Part;

    #[test]
    fn a_channel_is_full_by_its_messages_or_its_bytes() {
        let channel =
            |messages, bytes| Channel { other: 1, messages, bytes, capacity: 10, most_bytes: 100, head: None };
        assert!(!channel(9, 99).is_full() && channel(10, 5).is_full() && channel(1, 100).is_full());
    }

    #[test]
    fn the_votes_in_a_bit_vector_are_counted() {
        // 20 bits in three bytes.
        assert_eq!(ones(&[20 << 2, 0b1000_0001, 0, 0b1111]), Some((6, 20)));
        assert_eq!(ones(&[0]), Some((0, 0)));
        assert_eq!(ones(&[]), None);
    }

    fn part(path: &str, text: &str) -> Part {
        Part { path: path.into(), types: Vec::new(), text: text.into(), number: text.parse().ok() }
    }

    #[test]
    fn a_queue_that_cannot_be_read_is_not_taken_for_an_empty_one() {
        let limits = || Ok(vec![part("max_upward_queue_count", "10"), part("max_upward_queue_size", "100")]);
        let book =
            |ready: &str| Ok(vec![part("message_count", "2"), part("size", "30"), part("ready_neighbours", ready)]);
        let upward = Upward { messages: 2, bytes: 30, most: 10, most_bytes: 100, is_stuck: false };
        // A neighbour has parts of its own.
        assert_eq!(Upward::of(Ok(vec![part("message_count", "2"), part("size", "30")]), limits()), Ok(upward.clone()));
        assert_eq!(Upward::of(book("None"), limits()), Ok(Upward { is_stuck: true, ..upward }));
        assert_eq!(Upward::of(Ok(Vec::new()), limits()).map(|queue| queue.messages), Ok(0), "never used");
        assert!(Upward::of(Err("undecodable".into()), limits()).is_err());
        assert!(Upward::of(Ok(vec![part("size", "30")]), limits()).is_err());
        assert!(Upward::of(Ok(Vec::new()), Ok(Vec::new())).is_err());
    }
}
