// SPDX-License-Identifier: Apache-2.0
//! The events of a block, by pallet and name: `System.Events`, read with the types of the runtime.

use crate::types::{Interface, read};
use codec::{Compact, Decode};
use fork::Chain;
use scale_info::TypeDef;
use worker::Result;

/// The most events that are read. Blocks of busy chains have some thousand.
const MOST: u32 = 100_000;

/// An event's pallet and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub pallet: String,
    pub name: String,
}

/// Returns the events of the last block of the chain; none where the types of the runtime do not
/// describe them.
pub fn of(chain: &Chain, interface: &Interface<'_>) -> Result<Vec<Event>> {
    let Some(system) = interface.pallet("System") else { return Ok(Vec::new()) };
    let Some(item) = system.item("Events") else { return Ok(Vec::new()) };
    let bytes = chain.storage(&system.key("Events"))?.unwrap_or_default();
    Ok(decode(interface, item.value, &bytes).unwrap_or_default())
}

fn decode(interface: &Interface<'_>, list: u32, bytes: &[u8]) -> Option<Vec<Event>> {
    let types = interface.types;
    let TypeDef::Sequence(records) = &types.resolve(list)?.type_def else { return None };
    let TypeDef::Composite(record) = &types.resolve(records.type_param.id)?.type_def else { return None };
    let mut input = bytes;
    let count = Compact::<u32>::decode(&mut input).ok()?.0;
    let mut events = Vec::new();
    for _ in 0..count.min(MOST) {
        for field in &record.fields {
            if field.name.as_deref() == Some("event") {
                events.push(event(interface, field.ty.id, input)?);
            }
            input = read::skip(types, field.ty.id, input).ok()?;
        }
    }
    Some(events)
}

/// The outer enum gives the pallet, the inner one the event.
fn event(interface: &Interface<'_>, outer: u32, bytes: &[u8]) -> Option<Event> {
    let variant = |id: u32, index: u8| match &interface.types.resolve(id)?.type_def {
        TypeDef::Variant(variants) => variants.variants.iter().find(|variant| variant.index == index),
        _ => None,
    };
    let pallet = variant(outer, *bytes.first()?)?;
    let event = variant(pallet.fields.first()?.ty.id, *bytes.get(1)?)?;
    Some(Event { pallet: pallet.name.clone(), name: event.name.clone() })
}
