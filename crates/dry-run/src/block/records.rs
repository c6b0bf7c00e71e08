// SPDX-License-Identifier: Apache-2.0
//! The events of a block, with the extrinsic that they belong to and the errors that they carry.

use crate::types::{Interface, read};
use codec::{Compact, Decode};
use fork::Chain;
use scale_info::{TypeDef, Variant, form::PortableForm};
use worker::Result;

/// The most events that are read. Blocks of busy chains have some thousand.
pub const MOST: u32 = 100_000;
/// The events whose fields are kept, whatever pallet they are of: those about messages and about the scheduler's tasks.
const WITH_FIELDS: [&str; 5] = ["Sent", "Processed", "ProcessingFailed", "OverweightEnqueued", "Dispatched"];
/// The most fields of an event that are kept.
const MOST_FIELDS: usize = 16;
/// The most errors within errors that are followed.
const DEPTH: u32 = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `Initialization`, `ApplyExtrinsic` or `Finalization`.
    pub phase: String,
    pub extrinsic: Option<u32>,
    pub pallet: String,
    pub name: String,
    /// A dispatch error that the event carries, by name.
    pub error: Option<String>,
    /// The class of the dispatch of an extrinsic.
    pub class: Option<Class>,
    /// The fields. [`of`] keeps those of events about messages and tasks alone.
    pub fields: Vec<EventField>,
}

/// A field of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventField {
    pub name: Option<String>,
    /// Its type.
    pub id: u32,
    pub value: Vec<u8>,
}

impl Record {
    /// Returns the field with this name.
    pub fn field(&self, name: &str) -> Option<&EventField> {
        self.fields.iter().find(|field| field.name.as_deref() == Some(name))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Mandatory dispatches, which may exceed the limits of a block: its inherents.
    Mandatory,
    Other,
}

/// Returns the events of the last block of the chain; nothing where the types of the runtime do not
/// describe them.
pub fn of(chain: &Chain, interface: &Interface<'_>) -> Result<Option<Vec<Record>>> {
    read_with(chain, interface, |name| WITH_FIELDS.contains(&name))
}

/// Returns the events as [`of`] does, each with its fields.
pub fn whole(chain: &Chain, interface: &Interface<'_>) -> Result<Option<Vec<Record>>> {
    read_with(chain, interface, |_| true)
}

fn read_with(chain: &Chain, interface: &Interface<'_>, keeps: fn(&str) -> bool) -> Result<Option<Vec<Record>>> {
    let Some(system) = interface.pallet("System") else { return Ok(None) };
    let Some(item) = system.item("Events") else { return Ok(None) };
    let bytes = chain.storage(&system.key("Events"))?.unwrap_or_else(|| vec![0]);
    Ok(decode(interface, item.value, &bytes, keeps))
}

/// `keeps` says whether the fields of an event with this name are kept.
fn decode(interface: &Interface<'_>, list: u32, bytes: &[u8], keeps: fn(&str) -> bool) -> Option<Vec<Record>> {
    let types = interface.types;
    let TypeDef::Sequence(records) = &types.resolve(list)?.type_def else { return None };
    let TypeDef::Composite(record) = &types.resolve(records.type_param.id)?.type_def else { return None };
    let mut input = bytes;
    let count = Compact::<u32>::decode(&mut input).ok()?.0;
    let mut found = Vec::new();
    for _ in 0..count.min(MOST) {
        let mut event = None;
        let mut phase = None;
        for field in &record.fields {
            let rest = read::skip(types, field.ty.id, input).ok()?;
            let value = &input[..input.len() - rest.len()];
            match field.name.as_deref() {
                Some("phase") => phase = Some(phase_of(interface, field.ty.id, value)?),
                Some("event") => event = Some(event_of(interface, field.ty.id, value, keeps)?),
                _ => {}
            }
            input = rest;
        }
        let (phase, extrinsic) = phase?;
        found.push(Record { phase, extrinsic, ..event? });
    }
    Some(found)
}

fn phase_of(interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Option<(String, Option<u32>)> {
    let name = variant(interface, id, *bytes.first()?)?.name.clone();
    let extrinsic = (name == "ApplyExtrinsic").then(|| u32::decode(&mut &bytes[1..]).ok()).flatten();
    Some((name, extrinsic))
}

/// The outer enum gives the pallet, the inner one the event.
fn event_of(interface: &Interface<'_>, outer: u32, bytes: &[u8], keeps: fn(&str) -> bool) -> Option<Record> {
    let pallet = variant(interface, outer, *bytes.first()?)?;
    let event = variant(interface, pallet.fields.first()?.ty.id, *bytes.get(1)?)?;
    let mut input = bytes.get(2..)?;
    let (mut error, mut class) = (None, None);
    let mut fields = Vec::new();
    for field in &event.fields {
        let rest = read::skip(interface.types, field.ty.id, input).ok()?;
        let value = &input[..input.len() - rest.len()];
        error = error.or_else(|| error_in(interface, field.ty.id, value));
        class = class.or_else(|| class_in(interface, field.ty.id, value));
        if keeps(&event.name) && fields.len() < MOST_FIELDS {
            fields.push(EventField { name: field.name.clone(), id: field.ty.id, value: value.to_vec() });
        }
        input = rest;
    }
    Some(Record {
        phase: String::new(),
        extrinsic: None,
        pallet: pallet.name.clone(),
        name: event.name.clone(),
        error,
        class,
        fields,
    })
}

fn variant<'a>(interface: &Interface<'a>, id: u32, index: u8) -> Option<&'a Variant<PortableForm>> {
    match &interface.types.resolve(id)?.type_def {
        TypeDef::Variant(variants) => variants.variants.iter().find(|variant| variant.index == index),
        _ => None,
    }
}

fn is(interface: &Interface<'_>, id: u32, name: &str) -> bool {
    let ty = interface.types.resolve(id);
    ty.is_some_and(|ty| ty.path.segments.last().is_some_and(|last| last == name))
}

/// Returns a dispatch error, or that of a result.
pub fn error_in(interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Option<String> {
    if is(interface, id, "DispatchError") {
        return named(interface, id, bytes, 0);
    }
    if is(interface, id, "DispatchErrorWithPostInfo") {
        let leaves = read::leaves(interface.types, id, bytes).ok()?;
        let (_, id, error) = leaves.into_iter().find(|(path, ..)| path == "error")?;
        return error_in(interface, id, error);
    }
    if is(interface, id, "Result") {
        let chosen = variant(interface, id, *bytes.first()?)?;
        let inner = chosen.fields.first()?.ty.id;
        return match chosen.name.as_str() {
            "Err" => error_in(interface, inner, bytes.get(1..)?),
            _ => None,
        };
    }
    None
}

/// Returns an error by the names of its variants, and one of a pallet by the name of the pallet.
fn named(interface: &Interface<'_>, id: u32, bytes: &[u8], depth: u32) -> Option<String> {
    let chosen = variant(interface, id, *bytes.first()?)?;
    let (name, rest) = (&chosen.name, bytes.get(1..)?);
    if name == "Module"
        && let [index, error, ..] = rest
        && let Some(pallet) = interface.pallets.iter().find(|pallet| pallet.index == *index)
        && let Some(error) = interface.variants(pallet.error).iter().find(|known| known.index == *error)
    {
        return Some(format!("{}.{}", pallet.name, error.name));
    }
    let within = chosen.fields.first().filter(|_| depth < DEPTH);
    match within.and_then(|field| named(interface, field.ty.id, rest, depth + 1)) {
        Some(within) => Some(format!("{name}({within})")),
        None => Some(name.clone()),
    }
}

/// Returns the class in a `DispatchInfo`.
fn class_in(interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Option<Class> {
    let leaves = read::leaves(interface.types, id, bytes).ok()?;
    let (_, id, value) = leaves
        .into_iter()
        .find(|(path, id, _)| path.rsplit('.').next() == Some("class") && is(interface, *id, "DispatchClass"))?;
    Some(match variant(interface, id, *value.first()?)?.name.as_str() {
        "Mandatory" => Class::Mandatory,
        _ => Class::Other,
    })
}
