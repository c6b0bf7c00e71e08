// SPDX-License-Identifier: Apache-2.0
//! The parameters that an upgrade changes: the constants, part by part, in human units.

use crate::{
    interface::{Constant, Interface},
    runtime::Runtime,
    units::{FormattedValue, UnitContext},
    value,
};
use protocol::{
    diff::{Parameter, ParametersReport},
    format,
};
use std::collections::BTreeMap;
use worker::Result;

pub use crate::units::Tokens;

/// Returns every constant that changed.
///
/// `block`: the time between two blocks, in milliseconds. It overrides the constants.
pub fn parameters(old: &Runtime, new: &Runtime, tokens: &Tokens, block: Option<u64>) -> Result<ParametersReport> {
    let (before, after) = (old.interface()?, new.interface()?);
    let units = |interface: &Interface<'_>| UnitContext::of(interface, tokens, block);
    let (was, is) = (constant_values(&before, &units(&before)), constant_values(&after, &units(&after)));
    let mut keys: Vec<_> = was.keys().chain(is.keys()).collect();
    keys.sort();
    keys.dedup();
    let parameters = keys
        .into_iter()
        .filter(|key| match (was.get(*key), is.get(*key)) {
            (Some(was), Some(is)) => !was.equals(is),
            _ => true,
        })
        .map(|key| parameter(key, was.get(key), is.get(key)))
        .collect();
    Ok(ParametersReport { format: format::PARAMETERS.to_owned(), old: old.identity(), new: new.identity(), parameters })
}

/// Returns the constants that are a number of blocks and whose duration changes because the time
/// between blocks changes, each with both durations. Empty if the time is unchanged or not known.
///
/// `blocks`: the time between two blocks before and after, in milliseconds. It overrides the
/// constants.
pub fn changed_durations(old: &Interface<'_>, new: &Interface<'_>, blocks: [Option<u64>; 2]) -> Vec<String> {
    let units = |interface: &Interface<'_>, block| UnitContext::of(interface, &Tokens::default(), block);
    let (before, after) = (units(old, blocks[0]), units(new, blocks[1]));
    let each = |units: &UnitContext| units.block.as_ref().map(|(each, _)| *each);
    match (each(&before), each(&after)) {
        (Some(was), Some(is)) if was != is => {}
        _ => return Vec::new(),
    }
    let (was, is) = (constant_values(old, &before), constant_values(new, &after));
    let both = was.iter().filter_map(|(key, was)| Some((key, was, is.get(key)?)));
    both.filter(|(_, was, is)| !was.same_time(is))
        .map(|((pallet, constant), was, is)| format!("{pallet}.{constant}: {} became {}", was.text, is.text))
        .collect()
}

type Key = (String, String);

/// The value of a constant, or of one part of it.
struct ConstantValue {
    /// The value without a unit.
    raw: String,
    text: String,
    unit: Option<String>,
    /// The duration of a number of blocks, in milliseconds. A constant is a changed parameter if
    /// only its duration changed.
    time: Option<u128>,
}

impl ConstantValue {
    fn equals(&self, other: &Self) -> bool {
        self.raw == other.raw && self.same_time(other)
    }

    fn same_time(&self, other: &Self) -> bool {
        !matches!((self.time, other.time), (Some(was), Some(is)) if was != is)
    }
}

fn parameter((pallet, constant): &Key, old: Option<&ConstantValue>, new: Option<&ConstantValue>) -> Parameter {
    let units = [old, new].map(|value| value.and_then(|value| value.unit.clone()));
    let unit = match units {
        [Some(old), Some(new)] if old != new => Some(format!("old: {old}; new: {new}")),
        [old, new] => new.or(old),
    };
    let text = |value: Option<&ConstantValue>| value.map(|value| value.text.clone());
    Parameter { pallet: pallet.clone(), constant: constant.clone(), old: text(old), new: text(new), unit }
}

fn constant_values(interface: &Interface<'_>, units: &UnitContext) -> BTreeMap<Key, ConstantValue> {
    let mut all = BTreeMap::new();
    for pallet in &interface.pallets {
        for constant in &pallet.constants {
            for (path, value) in parts_of_constant(interface, units, pallet.name, constant) {
                let name = if path.is_empty() { constant.name.into() } else { format!("{}.{path}", constant.name) };
                all.insert((pallet.name.to_owned(), name), value);
            }
        }
    }
    all
}

fn parts_of_constant(
    interface: &Interface<'_>,
    units: &UnitContext,
    pallet: &str,
    constant: &Constant<'_>,
) -> Vec<(String, ConstantValue)> {
    match value::parts(interface.types, constant.ty, constant.value) {
        Ok(parts) => value::named(parts)
            .into_iter()
            .map(|part| {
                let FormattedValue { text, unit, time } = units.format(pallet, constant.name, &part);
                (part.path, ConstantValue { raw: part.text, text, unit, time })
            })
            .collect(),
        // A constant that cannot be decoded may still have changed: show its bytes.
        Err(_) => {
            let text = value::text(interface.types, constant.ty, constant.value);
            let raw = hex::encode_prefixed(constant.value);
            vec![(String::new(), ConstantValue { raw, text, unit: None, time: None })]
        }
    }
}
