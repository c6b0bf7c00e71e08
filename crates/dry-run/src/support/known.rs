// SPDX-License-Identifier: Apache-2.0
//! What both chains know of the parachain.

use super::{
    case::Case,
    reader::{Assignment, Reader, WHOLE},
};
use codec::{Decode, Encode};
use network::{ParaId, UpgradeGoAhead, ValidationCodeHash};
use protocol::support::Fact;
use std::collections::BTreeMap;
use worker::Result;

/// The seconds from a relay block to the next.
const RELAY_SLOT: u64 = 6;
/// The bytes before and after the number of a parachain in its account on the relay chain.
const SOVEREIGN: (&[u8; 4], usize) = (b"para", 24);

/// What the relay chain knows of a parachain.
pub struct Known {
    /// The number of the relay block.
    pub number: u32,
    /// The variant of `ParaLifecycle`.
    pub lifecycle: Option<String>,
    pub head: Option<Vec<u8>>,
    /// The number of the block that the head is.
    pub head_number: Option<u32>,
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
    pub frozen: Option<u32>,
    /// The messages that wait from the relay chain.
    pub downward: usize,
    pub downward_head: Option<[u8; 32]>,
    pub receives: Vec<Channel>,
    pub sends: Vec<Channel>,
    /// The messages to the relay chain that wait there, and their bytes.
    pub upward: Option<(u128, u128)>,
    /// The most messages and bytes of that queue.
    pub upward_limit: (Option<u128>, Option<u128>),
    pub own: Option<Own>,
    pub facts: Vec<Fact>,
}

/// What the parachain knows itself.
pub struct Own {
    pub number: u32,
    pub code: ValidationCodeHash,
    /// Whether a code waits for the go-ahead.
    pub has_pending_code: bool,
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

impl Channel {
    /// Returns whether the sender cannot send another message.
    pub fn is_full(&self) -> bool {
        self.messages >= self.capacity || self.bytes >= self.most_bytes
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
        let number = |pallet, item, key| -> Result<Option<u32>> {
            Ok(reader.bytes(pallet, item, key)?.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()))
        };
        let head = relay.head_of(para)?;
        let header = head.as_deref().and_then(|head| fork::Header::decode(&mut &head[..]).ok());
        let code = relay.current_code(para)?;
        let code_length = match code {
            Some(code) => relay.validation_code(code)?.map(|code| code.len()),
            None => None,
        };
        let future = reader.bytes("Paras", "FutureCodeHash", Some(&id))?;
        let votes = match &future {
            Some(hash) => reader.words("Paras", "PvfActiveVoteMap", Some(hash))?,
            None => None,
        };
        let future = match future {
            Some(hash) => Some((hex::encode_prefixed(hash), relay.foretold(para)?)),
            None => None,
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
        // `AggregateMessageOrigin::Ump(UmpQueueId::Para(id))`
        let queue = [&[0, 0][..], &id].concat();
        let waiting = |part| reader.number("MessageQueue", "BookStateFor", Some(&queue), part);
        let limit = |part| reader.number("Configuration", "ActiveConfig", None, part);
        let assigned = ["ParaScheduler", "CoretimeAssignmentProvider"]
            .iter()
            .map(|pallet| reader.assignments(pallet, para.into()))
            .collect::<Result<Vec<_>>>()?;
        let known = Self {
            number: relay.chain().number(),
            lifecycle: reader.words("Paras", "ParaLifecycles", Some(&id))?,
            head_number: header.map(|header| header.number),
            context: number("Paras", "MostRecentContext", Some(&id))?,
            head,
            code,
            code_length,
            future,
            votes,
            signal: relay.signal(para)?,
            claims: relay.claims(para)?,
            assigned: assigned.into_iter().flatten().collect(),
            frozen: reader
                .bytes("ParasDisputes", "Frozen", None)?
                .and_then(|bytes| Option::<u32>::decode(&mut &bytes[..]).ok().flatten()),
            downward: relay.downward_messages(para)?.len(),
            downward_head: relay.last_downward_message(para)?.map(|head| head.0),
            receives: channels(true)?,
            sends: channels(false)?,
            upward: waiting("message_count")?.zip(waiting("size")?),
            upward_limit: (limit("max_upward_queue_count")?, limit("max_upward_queue_size")?),
            own,
            facts: Vec::new(),
        };
        let facts = known.facts(case, &reader, para)?;
        Ok(Self { facts, ..known })
    }

    fn facts(&self, case: &Case<'_>, reader: &Reader<'_>, para: ParaId) -> Result<Vec<Fact>> {
        let id = para.encode();
        let mut facts = Vec::new();
        let mut fact = |group: &str, name: &str, value: Option<String>| {
            facts.extend(value.map(|value| Fact { group: group.into(), name: name.into(), value }));
        };
        fact("registration", "lifecycle", Some(self.lifecycle.clone().unwrap_or_else(|| "not registered".into())));
        fact("registration", "registrar", reader.words("Registrar", "Paras", Some(&id))?);
        let hash = |bytes: &[u8]| hex::encode_prefixed(artifact::hashes::blake2_256(bytes));
        let of_block = |number: u32| format!("block {number}");
        fact(
            "head",
            "relay chain's head",
            self.head.as_deref().map(|head| match self.head_number {
                Some(number) => format!("{}, {}", of_block(number), hash(head)),
                None => format!("{} bytes that are no header, {}", head.len(), hash(head)),
            }),
        );
        fact(
            "head",
            "built on relay block",
            self.context.map(|context| {
                let age = u64::from(self.number.saturating_sub(context));
                format!("{context}, {age} relay blocks ago (about {} min)", age.saturating_mul(RELAY_SLOT) / 60)
            }),
        );
        fact("head", "pending candidates", Some(case.pending.to_string()));
        if let (Some(own), Some(member)) = (&self.own, &case.parachain) {
            fact(
                "head",
                "parachain's state",
                Some(format!("{}, {}", of_block(own.number), member.identity.block_hash)),
            );
            fact("head", "built on, it says", own.relay_number.map(|number| format!("relay block {number}")));
        }
        fact(
            "code",
            "relay chain's code",
            self.code.map(|code| match self.code_length {
                Some(length) => format!("{}, {length} bytes", named(code)),
                None => format!("{}, which it does not have", named(code)),
            }),
        );
        fact("code", "parachain's code", self.own.as_ref().map(|own| named(own.code)));
        fact(
            "code",
            "scheduled",
            self.future.as_ref().map(|(hash, at)| match at {
                Some(at) => format!("{hash}, go-ahead at relay block {at}"),
                None => format!("{hash}, which waits for the votes of validators"),
            }),
        );
        fact("code", "votes", self.votes.clone());
        fact("code", "signal", self.signal.as_ref().map(|signal| format!("{signal:?}")));
        let restricted = case.network.relay.is_restricted(para)?;
        fact("code", "restriction", restricted.then(|| "no other code may be scheduled now".to_owned()));
        let claims: Vec<_> = self.claims.iter().map(|(core, count)| format!("core {core}: {count}")).collect();
        let claims = if claims.is_empty() { "none".to_owned() } else { claims.join(", ") };
        fact("cores", "claims in the queue", Some(claims));
        for Assignment { core, share, .. } in &self.assigned {
            let core = core.map_or_else(|| "a core".to_owned(), |core| format!("core {core}"));
            fact("cores", "assigned", Some(format!("{core}, {share} of {WHOLE} parts")));
        }
        fact("cores", "frozen", self.frozen.map(|number| format!("since a dispute about relay block {number}")));
        fact("messages", "from the relay chain", Some(format!("{} wait", self.downward)));
        fact(
            "messages",
            "to the relay chain",
            self.upward.map(|(count, bytes)| format!("{count} wait, {bytes} bytes")),
        );
        for (way, channels) in [("from", &self.receives), ("to", &self.sends)] {
            for channel in channels {
                let Channel { other, messages, bytes, capacity, most_bytes, .. } = channel;
                let told = format!("{messages} of {capacity} messages, {bytes} of {most_bytes} bytes");
                fact("channels", &format!("{way} {other}"), Some(told));
            }
        }
        fact("accounts", "on the relay chain", reader.words("System", "Account", Some(&sovereign(para)))?);
        Ok(facts)
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
        let reader = Reader::of(chain, member)?;
        let relay_number = reader.bytes("ParachainSystem", "LastRelayChainBlockNumber", None)?;
        Ok(Some(Self {
            number: chain.number(),
            code: network::upgrade::code_hash(&chain.next_code()?),
            has_pending_code: reader.bytes("ParachainSystem", "PendingValidationCode", None)?.is_some(),
            downward_head,
            sideways_heads: sideways_heads.into_iter().map(|(id, head)| (id.into(), head.0)).collect(),
            relay_number: relay_number.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()),
        }))
    }
}

/// Returns the hash of a code as text.
pub fn named(code: ValidationCodeHash) -> String {
    hex::encode_prefixed(code.as_ref())
}

/// Returns the account of a parachain on its relay chain.
fn sovereign(para: ParaId) -> Vec<u8> {
    let (prefix, zeros) = SOVEREIGN;
    [&prefix[..], &para.encode(), &vec![0; zeros]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_of_a_parachain_is_that_of_the_relay_chain() {
        let account = sovereign(2000.into());
        assert_eq!(account.len(), 32);
        assert_eq!(account[..8], [b'p', b'a', b'r', b'a', 0xd0, 0x07, 0, 0]);
    }

    #[test]
    fn a_channel_is_full_by_its_messages_or_its_bytes() {
        let channel =
            |messages, bytes| Channel { other: 1, messages, bytes, capacity: 10, most_bytes: 100, head: None };
        assert!(!channel(9, 99).is_full() && channel(10, 5).is_full() && channel(1, 100).is_full());
    }
}
