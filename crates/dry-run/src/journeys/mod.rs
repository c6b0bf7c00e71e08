// SPDX-License-Identifier: Apache-2.0
//! Messages between the chains of a network, which the chains themselves send, queue, deliver and execute.
//!
//! Accounts on each chain send every kind of transfer to the other chains, in signed transactions. The root of the relay
//! chain sends a message to each parachain. A message is known at its receiver by its identifier, which the sender's event
//! `Sent` (pallet-xcm) and the receiver's events of its message queue name. So other messages that are on their way count
//! for nothing.

mod comparison;

pub use comparison::{Comparison, attempt};

use crate::{
    block::records::{self, Record},
    input::Runtime,
    messages::{Execution, Place, Received, transfers},
    sites::Site,
    transaction::{self, Sender},
    types::Interface,
};
use codec::{Decode, Encode};
use fork::Chain;
use network::{Block, CollationOutcome, Network, ParaId, Parachain};
use std::collections::BTreeMap;
use worker::{Failure, Kind, Result};

/// The candidates of each parachain in which messages have time to arrive: idle chains need four. As many that are refused
/// in a row show that a parachain stands.
const CANDIDATES: u32 = 12;
/// The most relay blocks that are waited for that.
const MOST_BLOCKS: u32 = 60;
/// What is transferred, in existential deposits of the chain whose token it is.
const DEPOSITS: u128 = 1_000;
/// What is transferred where no existential deposit is known.
const AMOUNT: u128 = 1_000_000_000_000;
/// `UnpaidExecution { weight_limit: Unlimited, check_origin: None }`, as in versions 3 to 5 of XCM.
pub const UNPAID: [u8; 3] = [47, 0, 0];

/// The messages from one chain to another.
pub struct Way {
    from: Place,
    to: Place,
    sent: Vec<Sending>,
    /// Why nothing can be sent here.
    unable: Option<Failure>,
    /// Why it was not waited long enough for messages that did not arrive.
    unsure: Option<String>,
}

/// Something that sends a message.
struct Sending {
    name: String,
    by: By,
    /// Nothing before it was tried.
    outcome: Option<Dispatch>,
    /// What the receiver did with the message.
    arrival: Option<Received>,
}

enum By {
    /// An encoded transaction.
    Transaction(Vec<u8>),
    /// A task of the relay chain's scheduler, by its block and its index.
    Root(u32, u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Dispatch {
    /// With the identifier of the message. Older runtimes emit no event with it.
    Sent(Option<MessageId>),
    /// The call ended with this error.
    Failed(String),
    /// No block includes it, for this reason.
    Refused(String),
}

pub type MessageId = [u8; 32];

/// A message that a chain took out of its queue.
struct Arrival {
    at: Place,
    id: MessageId,
    received: Received,
}

/// What became of a parachain's candidates while messages were on their way.
#[derive(Default)]
struct Candidates {
    backed: u32,
    /// Those that were refused since the last one that was backed.
    refused: u32,
    reasons: Vec<String>,
}

/// Has messages sent, each way between all chains, and returns what came of them. `network` is used up.
///
/// # Errors
///
/// A failure of the relay chain.
pub fn run(mut network: Network<'_>, sites: &[Site<'_>]) -> Result<Vec<Way>> {
    let ids: Vec<_> = network.parachains.iter().map(Parachain::id).collect();
    for id in ids {
        network.relay.settle(id)?;
        network.follow(id)?;
    }
    for site in sites {
        expect_no_migration(site.chain(&network)?, *site)?;
    }
    let mut ways = Vec::new();
    for site in sites {
        match transactions(&mut network, *site, sites) {
            Ok(some) => ways.extend(some),
            Err(failure) if failure.kind == Kind::NotJudged => {
                ways.extend(
                    others(sites, site.place)
                        .map(|to| Way { unable: Some(failure.clone()), ..Way::new(site.place, to) }),
                );
            }
            Err(failure) => return Err(failure),
        }
    }
    tasks_of_root(&mut network, sites, &mut ways)?;
    network.parachains.iter_mut().for_each(Parachain::keep_included);
    let mut arrivals = Vec::new();
    let mut candidates: BTreeMap<Place, Candidates> = BTreeMap::new();
    for _ in 0..MOST_BLOCKS {
        let mut round = network.advance(|_| true)?;
        for parachain in &mut network.parachains {
            let place = Place::Parachain(parachain.id().into());
            candidates.entry(place).or_default().note(round.take_outcome(parachain.id()));
            for transaction in parachain.take_spoiling() {
                spoil(&transaction, &mut ways);
            }
        }
        let mut blocks = vec![(Place::RelayChain, round.block.block)];
        for parachain in &mut network.parachains {
            let place = Place::Parachain(parachain.id().into());
            blocks.extend(parachain.take_included().into_iter().map(|block| (place, block)));
        }
        for (place, block) in blocks {
            let Some(site) = sites.iter().find(|site| site.place == place) else { continue };
            note(*site, &block, &mut ways, &mut arrivals)?;
        }
        // A parachain's block is known after the relay block that includes it, which may execute its messages at once.
        ways.iter_mut().for_each(|way| way.receive(&mut arrivals));
        for parachain in &mut network.parachains {
            let place = Place::Parachain(parachain.id().into());
            parachain.offer(untried(&ways, place));
        }
        network.relay.offer(untried(&ways, Place::RelayChain));
        let had_time = candidates.values().all(Candidates::were_enough);
        if ways.iter().all(Way::ended) || had_time {
            break;
        }
    }
    for way in &mut ways {
        let of = [way.from, way.to].into_iter().filter_map(|place| Some((place, candidates.get(&place)?)));
        way.unsure = of.into_iter().find_map(|(place, of)| of.too_few(place));
    }
    Ok(ways)
}

/// Fails if a multi-block migration goes on: meanwhile no block takes transactions.
pub fn expect_no_migration(chain: &Chain, site: Site<'_>) -> Result<()> {
    let Some(pallet) = site.runtime.layout.migrations() else { return Ok(()) };
    match chain.storage(&pallet.key("Cursor"))? {
        None => Ok(()),
        Some(_) => Err(Failure::not_judged(format!("a multi-block migration of {} goes on", site.place))
            .expected("the end of the migration, before transactions are sent")),
    }
}

fn others<'s>(sites: &'s [Site<'_>], from: Place) -> impl Iterator<Item = Place> + 's {
    sites.iter().map(|site| site.place).filter(move |place| *place != from)
}

fn untried(ways: &[Way], from: Place) -> Vec<Vec<u8>> {
    let own = ways.iter().filter(|way| way.from == from).flat_map(|way| &way.sent);
    let untried = own.filter(|sending| sending.outcome.is_none());
    untried
        .filter_map(|sending| match &sending.by {
            By::Transaction(transaction) => Some(transaction.clone()),
            By::Root(..) => None,
        })
        .collect()
}

fn spoil(spoiling: &[u8], ways: &mut [Way]) {
    for sending in ways.iter_mut().flat_map(|way| &mut way.sent) {
        if matches!(&sending.by, By::Transaction(transaction) if transaction == spoiling) {
            sending.outcome = Some(Dispatch::Refused("no block can be built with it".to_owned()));
        }
    }
}

/// Gives accounts funds on a chain, and offers their transactions to the chain. Each has a transaction of its own, so
/// that none waits for another one.
fn transactions(network: &mut Network<'_>, from: Site<'_>, sites: &[Site<'_>]) -> Result<Vec<Way>> {
    let form = || {
        Failure::not_judged(format!("transactions of {} have a form that is not known here", from.place))
            .found("an account, a signature or an extension that a wallet does not make")
    };
    let chain = from.chain(network)?.clone();
    if chain.next_code()? != from.runtime.code {
        return Err(Failure::not_judged(format!("{} has another code by now than the one that was read", from.place)));
    }
    let interface = from.interface()?;
    let genesis = chain.genesis_hash()?.ok_or_else(form)?;
    let version = match from.place {
        Place::RelayChain => network.relay.version()?,
        Place::Parachain(id) => network.parachain(ParaId::from(id))?.version()?,
    };
    let relay = sites.iter().find(|site| site.place == Place::RelayChain);
    let amounts = [Some(&from), relay].map(|site| site.map_or(AMOUNT, |site| amount(site.present)));
    let (mut ways, mut funds) = (Vec::new(), Vec::new());
    for to in others(sites, from.place) {
        let receiver = transfers::receiver(&interface, from.place, to).ok_or_else(|| {
            Failure::not_judged(format!("{} sends no messages in a form that is known here", from.place))
                .expected("limited_teleport_assets, with locations of version 4 or later")
        })?;
        let mut way = Way::new(from.place, to);
        for (_, name, call) in transfers::calls(from.runtime, &receiver, Sender::new(0).account(), amounts) {
            let sender = Sender::new(funds.len() as u32);
            let (key, info) = transaction::funds(&interface, &chain, sender.account())?.ok_or_else(form)?;
            let transaction = sender.transaction(&interface, (genesis, &version), &info, &call).ok_or_else(form)?;
            funds.push((key, Some(info)));
            way.sent.push(Sending { name, by: By::Transaction(transaction), outcome: None, arrival: None });
        }
        ways.push(way);
    }
    let offered = untried(&ways, from.place);
    match from.place {
        Place::RelayChain => {
            network.relay.set(funds)?;
            network.relay.offer(offered);
        }
        Place::Parachain(id) => {
            let (relay, parachain) = network.both(ParaId::from(id))?;
            parachain.set(relay, funds)?;
            parachain.offer(offered);
        }
    }
    Ok(ways)
}

/// Has the root of the relay chain send a message to each parachain in the next block.
fn tasks_of_root(network: &mut Network<'_>, sites: &[Site<'_>], ways: &mut [Way]) -> Result<()> {
    let Some(relay) = sites.iter().find(|site| site.place == Place::RelayChain) else { return Ok(()) };
    let interface = relay.interface()?;
    let Some(index) = relay.runtime.send() else { return Ok(()) };
    let block = network.relay.chain().number().saturating_add(1);
    let mut calls = Vec::new();
    for way in ways.iter_mut().filter(|way| way.from == Place::RelayChain && way.unable.is_none()) {
        let Some(receiver) = transfers::receiver(&interface, way.from, way.to) else { continue };
        // A `VersionedXcm` with one instruction, in the version of the location.
        let message = [&[receiver[0], 1 << 2][..], &UNPAID].concat();
        let by = By::Root(block, calls.len() as u32);
        calls.push([&index[..], &receiver, &message].concat());
        way.sent.insert(0, Sending { name: "send by root".to_owned(), by, outcome: None, arrival: None });
    }
    match calls.is_empty() {
        true => Ok(()),
        false => network.relay.schedule_as_root(&calls),
    }
}

fn amount(runtime: &Runtime) -> u128 {
    let deposit = runtime.layout.constant("Balances", "ExistentialDeposit");
    let deposit = deposit.and_then(|bytes| u128::decode(&mut &bytes[..]).ok());
    deposit.filter(|deposit| *deposit > 0).map_or(AMOUNT, |deposit| deposit.saturating_mul(DEPOSITS))
}

/// Notes what a block of a chain sent, and which messages it executed.
fn note(site: Site<'_>, block: &Block, ways: &mut [Way], arrivals: &mut Vec<Arrival>) -> Result<()> {
    let interface = site.interface()?;
    let records = records::of(&block.after, &interface)?.ok_or_else(|| {
        Failure::not_judged(format!("the events of {} cannot be read", site.place))
            .found(format!("block {}", block.after.number()))
    })?;
    let extrinsics: Vec<_> = block.extrinsics.iter().map(Encode::encode).collect();
    for sending in ways.iter_mut().filter(|way| way.from == site.place).flat_map(|way| &mut way.sent) {
        if sending.outcome.is_none() {
            sending.outcome = match &sending.by {
                By::Transaction(transaction) => {
                    dispatched(transaction, &extrinsics, &records).or_else(|| refused(transaction, block))
                }
                By::Root(number, index) => of_task(*number, *index, &records),
            };
        }
    }
    let queue = site.runtime.layout.pallet_with(&["BookStateFor", "ServiceHead"], None);
    let own = records.iter().filter(|record| queue.is_some_and(|queue| queue.name == record.pallet));
    let received = own.filter_map(|record| received(&interface, record));
    arrivals.extend(received.map(|(id, received)| Arrival { at: site.place, id, received }));
    Ok(())
}

/// Returns what came of a transaction; nothing if the block does not have it.
fn dispatched(transaction: &[u8], extrinsics: &[Vec<u8>], records: &[Record]) -> Option<Dispatch> {
    let place = extrinsics.iter().position(|extrinsic| extrinsic == transaction)?;
    let own = || records.iter().filter(|record| record.extrinsic.is_some_and(|index| index as usize == place));
    own().filter(|record| record.pallet == "System").find_map(|record| match record.name.as_str() {
        "ExtrinsicSuccess" => Some(Dispatch::Sent(own().find_map(identifier))),
        "ExtrinsicFailed" => {
            Some(Dispatch::Failed(record.error.clone().unwrap_or_else(|| "an error without a name".to_owned())))
        }
        _ => None,
    })
}

/// Returns why the runtime refused to include a transaction in a block that has room.
fn refused(transaction: &[u8], block: &Block) -> Option<Dispatch> {
    let (_, answer) = block.refused.iter().find(|(refused, _)| refused == transaction)?;
    let has_room = *answer != fork::block::NO_ROOM;
    has_room.then(|| Dispatch::Refused(format!("it is no valid transaction: {}", hex::encode_prefixed(answer))))
}

/// Returns what came of a task of the scheduler; nothing if the block does not have it. The events of a task come before
/// its own, and after that of the task before it.
fn of_task(number: u32, index: u32, records: &[Record]) -> Option<Dispatch> {
    let is_task = |record: &Record| record.pallet == "Scheduler" && record.name == "Dispatched";
    let place = records.iter().position(|record| {
        is_task(record) && record.field("task").is_some_and(|task| task.value == (number, index).encode())
    })?;
    if let Some(error) = &records[place].error {
        return Some(Dispatch::Failed(error.clone()));
    }
    Some(Dispatch::Sent(records[..place].iter().rev().take_while(|record| !is_task(record)).find_map(identifier)))
}

/// Returns the identifier of a message that was sent.
fn identifier(record: &Record) -> Option<MessageId> {
    match record.name.as_str() {
        "Sent" => record.field("message_id")?.value.as_slice().try_into().ok(),
        _ => None,
    }
}

/// Returns the identifier of a message and what became of it, where an event of the message queue tells that.
pub fn received(interface: &Interface<'_>, record: &Record) -> Option<(MessageId, Received)> {
    let (execution, told) = match record.name.as_str() {
        "Processed" if record.field("success")?.value == [1] => (Execution::Complete, "executed".to_owned()),
        "Processed" => (Execution::Incomplete, "not executed to its end".to_owned()),
        "ProcessingFailed" => {
            let error = record.field("error")?;
            let error = compat::value::text(interface.types, error.id, &error.value);
            (Execution::Refused, format!("refused with {error}"))
        }
        "OverweightEnqueued" => (Execution::Refused, "set aside as too heavy".to_owned()),
        _ => return None,
    };
    let id = record.field("id")?.value.as_slice().try_into().ok()?;
    Some((id, Received { execution, told }))
}

impl Candidates {
    fn note(&mut self, outcome: CollationOutcome) {
        match outcome {
            CollationOutcome::NotAsked | CollationOutcome::NoClaim => {}
            CollationOutcome::NotBuilt(failure) | CollationOutcome::Invalid(failure)
                if failure.kind == Kind::NotJudged =>
            {
                self.reasons = vec![failure.to_string()];
            }
            CollationOutcome::Backed { .. } => {
                self.backed += 1;
                self.refused = 0;
            }
            refused => {
                self.refused += 1;
                self.reasons = refused.reasons();
            }
        }
    }

    /// Returns whether messages had time to arrive, or whether the parachain stands.
    fn were_enough(&self) -> bool {
        self.backed >= CANDIDATES || self.refused >= CANDIDATES
    }

    /// Returns why messages of a parachain had too little time to arrive.
    fn too_few(&self, place: Place) -> Option<String> {
        let reasons = self.reasons.iter().map(|reason| format!("; {reason}")).collect::<String>();
        let told = format!("{} candidates of {place} were backed in {MOST_BLOCKS} relay blocks{reasons}", self.backed);
        (!self.were_enough()).then_some(told)
    }
}

impl Way {
    fn new(from: Place, to: Place) -> Self {
        Self { from, to, sent: Vec::new(), unable: None, unsure: None }
    }

    /// Notes which of its messages arrived. Each arrival is of one message.
    fn receive(&mut self, arrivals: &mut Vec<Arrival>) {
        for sending in self.sent.iter_mut().filter(|sending| sending.arrival.is_none()) {
            if let Some(Dispatch::Sent(Some(id))) = &sending.outcome
                && let Some(place) = arrivals.iter().position(|arrival| arrival.at == self.to && arrival.id == *id)
            {
                sending.arrival = Some(arrivals.swap_remove(place).received);
            }
        }
    }

    fn ended(&self) -> bool {
        self.sent.iter().all(|sending| match &sending.outcome {
            Some(Dispatch::Sent(Some(_))) => sending.arrival.is_some(),
            outcome => outcome.is_some(),
        })
    }

    fn arrived(&self) -> usize {
        self.sent.iter().filter(|sending| sending.arrival.is_some()).count()
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "from {} to {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::records::EventField;

    #[test]
    fn a_message_is_that_of_its_own_task() {
        let record = |pallet: &str, name: &str, field: &str, value: Vec<u8>| Record {
            phase: "Initialization".into(),
            extrinsic: None,
            pallet: pallet.into(),
            name: name.into(),
            error: None,
            class: None,
            fields: vec![EventField { name: Some(field.into()), id: 0, value }],
        };
        let sent = |id: u8| record("XcmPallet", "Sent", "message_id", vec![id; 32]);
        let task = |index: u32| record("Scheduler", "Dispatched", "task", (9u32, index).encode());
        let records = [sent(1), task(0), sent(2), task(1), task(2)];
        assert_eq!(of_task(9, 0, &records), Some(Dispatch::Sent(Some([1; 32]))));
        assert_eq!(of_task(9, 1, &records), Some(Dispatch::Sent(Some([2; 32]))));
        assert_eq!(of_task(9, 2, &records), Some(Dispatch::Sent(None)), "it sends nothing");
        assert_eq!(of_task(8, 0, &records), None);
        let error = Record { error: Some("XcmPallet.SendFailure".into()), ..task(0) };
        assert_eq!(of_task(9, 0, &[sent(1), error]), Some(Dispatch::Failed("XcmPallet.SendFailure".into())));
    }
}
