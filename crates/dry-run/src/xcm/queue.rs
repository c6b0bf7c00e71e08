// SPDX-License-Identifier: Apache-2.0
//! A message in the queue of its receiver, executed by the next block on the fork, as the chain itself does it.
//!
//! Relay chains and parachains have the same queue (pallet-message-queue). Its entries are written by their types.

use super::{
    outcome::{self, described},
    run::{Ran, Site, Told},
};
use crate::{
    block::records::{self, Record},
    messages::Place,
    outcome::kept,
    types::{Interface, compare::unwrapped, read},
};
use artifact::hashes::twox_64;
use codec::{Decode, Encode};
use compat::interface::Pallet;
use fork::{Author, BlockRequest, Chain};
use frame_metadata::v14::StorageHasher;
use proposal::{Field, Value, encode, named};
use protocol::xcm::{XcmError, XcmOutcome, XcmOutcomeKind};
use scale_info::{TypeDef, TypeDefPrimitive};
use worker::Result;

/// The chain after the block that took a message from its queue.
pub struct Queued {
    pub chain: Chain,
    /// The events of the block.
    records: Vec<Record>,
    /// The queue, as events name it.
    queue: Vec<u8>,
}

/// Executes a message from this chain in a block, or says why that is not possible.
pub fn execute(site: &Site<'_>, from: Option<Place>, message: &[u8]) -> Result<Told<Queued>> {
    let interface = site.interface()?;
    let has =
        |pallet: &&Pallet<'_>| ["BookStateFor", "ServiceHead", "Pages"].iter().all(|item| pallet.item(item).is_some());
    let Some(pallet) = interface.pallets.iter().find(has) else {
        return Ok(Err(format!("{} has no queue of messages that is known here", site.member.name)));
    };
    let (changes, queue) = match entries(site, &interface, pallet, from, message)? {
        Ok(changes) => changes,
        Err(why) => return Ok(Err(why)),
    };
    let mut chain = site.chain.clone();
    chain.set(changes)?;
    let mut author = Author::new(site.executor);
    if let Err(failure) = kept(author.build(&mut chain, BlockRequest { unproven: true, ..BlockRequest::default() }))? {
        return Ok(Err(format!("the next block could not be built: {failure}")));
    }
    let Some(records) = records::whole(&chain, &interface)? else {
        return Ok(Err("the events of the block cannot be decoded".into()));
    };
    Ok(Ok(Queued { chain, records, queue }))
}

/// The entries of a queue with one message, and the queue as events name it.
type Entries = (Vec<(Vec<u8>, Option<Vec<u8>>)>, Vec<u8>);

fn entries(
    site: &Site<'_>,
    interface: &Interface<'_>,
    pallet: &Pallet<'_>,
    from: Option<Place>,
    message: &[u8],
) -> Result<Told<Entries>> {
    let target = &site.member.target;
    let other = || Ok(Err("the queue of messages has a form that is not known here".to_owned()));
    let (Some(books), Some(pages)) = (pallet.item("BookStateFor"), pallet.item("Pages")) else { return other() };
    let is_known = |hashers: &[StorageHasher]| hashers.iter().all(|hasher| *hasher == StorageHasher::Twox64Concat);
    if !is_known(books.hashers)
        || !is_known(pages.hashers)
        || pages.hashers.len() != 2
        || !counts_in_32_bits(interface, pages.value)
    {
        return other();
    }
    let number = |id: u32| Value::Number(id.into());
    let queue = match (site.member.place, from) {
        (Some(Place::Parachain(_)), Some(Place::RelayChain)) => Value::unit_variant("Parent"),
        (Some(Place::Parachain(_)), Some(Place::Parachain(id))) => Value::variant("Sibling", number(id)),
        (Some(Place::RelayChain), Some(Place::Parachain(id))) => {
            Value::variant("Ump", Value::variant("Para", number(id)))
        }
        _ => return Ok(Err("no chain that has a queue here sends the message".into())),
    };
    let encoded = |ty: u32, value: &Value| encode::value(target, ty, value).ok();
    let Some(key) = books.key.and_then(|ty| encoded(ty, &queue)) else { return other() };
    let hashed = |part: &[u8]| [twox_64(part).to_vec(), part.to_vec()].concat();
    let book_key = [pallet.key("BookStateFor"), hashed(&key)].concat();
    let page = match site.chain.storage(&book_key)? {
        None => 0,
        Some(book) => {
            let leaves = read::leaves(interface.types, books.value, &book).unwrap_or_default();
            let leaf = |name: &str| leaves.iter().find(|(path, ..)| path == name).map(|(.., bytes)| *bytes);
            let waiting = leaf("message_count").and_then(|mut bytes| u64::decode(&mut bytes).ok());
            match (waiting, leaf("end").and_then(|mut bytes| u32::decode(&mut bytes).ok())) {
                (Some(0), Some(end)) => end,
                (Some(_), Some(_)) => return Ok(Err("other messages of the sender wait in the queue".into())),
                _ => return other(),
            }
        }
    };
    let Some(length) = u32::try_from(message.len()).ok() else { return other() };
    let neighbours = Value::Fields(vec![named("prev", queue.clone()), named("next", queue.clone())]);
    let book = Value::Fields(vec![
        named("begin", number(page)),
        named("end", number(page.saturating_add(1))),
        named("count", number(1)),
        named("ready_neighbours", Value::variant("Some", neighbours)),
        named("message_count", number(1)),
        named("size", number(length)),
    ]);
    // `ItemHeader`: the length, and whether the message was processed. It has no type in the metadata.
    let heap = [&length.encode()[..], &[0], message].concat();
    let content = Value::Fields(vec![
        named("remaining", number(1)),
        named("remaining_size", number(length)),
        named("first_index", number(0)),
        named("first", number(0)),
        named("last", number(0)),
        named("heap", Value::Bytes(heap)),
    ]);
    let (Some(book), Some(content)) = (encoded(books.value, &book), encoded(pages.value, &content)) else {
        return other();
    };
    let page_key = [pallet.key("Pages"), hashed(&key), hashed(&page.encode())].concat();
    // Other queues that are ready wait meanwhile.
    let changes =
        vec![(book_key, Some(book)), (page_key, Some(content)), (pallet.key("ServiceHead"), Some(key.clone()))];
    Ok(Ok((changes, key)))
}

/// Returns whether the numbers of a page have 32 bits, as those in the headers of its messages then have.
fn counts_in_32_bits(interface: &Interface<'_>, page: u32) -> bool {
    let fields = match interface.types.resolve(page).map(|ty| &ty.type_def) {
        Some(TypeDef::Composite(composite)) => composite.fields.as_slice(),
        _ => &[],
    };
    let remaining = fields.iter().find(|field| field.name.as_deref() == Some("remaining"));
    let ty = remaining.and_then(|field| interface.types.resolve(unwrapped(interface.types, field.ty.id)));
    ty.is_some_and(|ty| matches!(ty.type_def, TypeDef::Primitive(TypeDefPrimitive::U32)))
}

impl Queued {
    /// Returns what became of the message, or why that is not known.
    pub fn ran(&self, site: &Site<'_>) -> Told<Ran> {
        let own = |record: &&Record| {
            let names = ["Processed", "ProcessingFailed", "OverweightEnqueued"];
            let is_queue = record.field("origin").is_some_and(|origin| origin.value == self.queue);
            names.contains(&record.name.as_str()) && is_queue
        };
        let record = self.records.iter().find(own).ok_or("the next block did not execute it")?;
        let value =
            |record: &Record, name: &str| record.field(name).and_then(|field| site.decode(field.id, &field.value).ok());
        let failed = self.records.iter().rev().find_map(|record| match record.name.as_str() {
            "ProcessXcmError" => value(record, "error"),
            _ => None,
        });
        let used = value(record, "weight_used").as_ref().and_then(outcome::weight);
        let (kind, error) = match (record.name.as_str(), value(record, "success"), failed) {
            ("Processed", Some(Value::Bool(true)), _) => (XcmOutcomeKind::Complete, None),
            ("Processed", _, Some(error)) => (XcmOutcomeKind::Incomplete, Some(described(&error))),
            ("Processed", _, None) => {
                let meaning = "no event tells the error; a barrier that refuses a message has none";
                (XcmOutcomeKind::Incomplete, Some(XcmError { name: "Unknown".into(), meaning: meaning.into() }))
            }
            ("OverweightEnqueued", ..) => {
                (XcmOutcomeKind::Refused, Some(described(&Value::unit_variant("WeightLimitReached"))))
            }
            _ => {
                let error = value(record, "error").unwrap_or_else(|| Value::unit_variant("Unknown"));
                (XcmOutcomeKind::Refused, Some(described(&error)))
            }
        };
        let outcome = XcmOutcome { kind, error, index: None, instruction: None, used };
        Ok(Ran { outcome, events: Some(self.events(site)), forwarded: None })
    }

    /// Returns the events outside of extrinsics. Messages are executed before them or after them.
    fn events(&self, site: &Site<'_>) -> Vec<Value> {
        let outside = self.records.iter().filter(|record| record.extrinsic.is_none());
        let value = |record: &Record| {
            let fields = record.fields.iter().filter_map(|field| {
                Some(Field { name: field.name.clone(), value: site.decode(field.id, &field.value).ok()? })
            });
            Value::variant(&record.pallet, Value::Variant { name: record.name.clone(), fields: fields.collect() })
        };
        outside.map(value).collect()
    }
}
