// SPDX-License-Identifier: Apache-2.0
//! The parameters that an upgrade changes: every constant, part by part, in the units of [`crate::units`].

use crate::{
    interface::{Constant, Interface},
    runtime::{Identity, Runtime},
    units::Scales,
    value,
};
use serde::Serialize;
use std::collections::BTreeMap;
use worker::Result;

pub use crate::units::Tokens;

pub const FORMAT: &str = "cutover/parameters/v1";

#[derive(Clone, Debug, Serialize)]
pub struct Document {
    pub format: &'static str,
    pub old: Identity,
    pub new: Identity,
    pub parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    pub pallet: String,
    /// With the path of its part, where it has several: `BlockWeights.max_block.ref_time`.
    pub constant: String,
    /// Absent where the constant, or the part, is new or gone.
    pub old: Option<String>,
    pub new: Option<String>,
    /// Absent for plain numbers and texts.
    pub unit: Option<String>,
}

/// Every constant that is not what it was.
///
/// `block`: milliseconds between two blocks, where the constants do not tell it or tell it wrongly.
pub fn parameters(old: &Runtime, new: &Runtime, tokens: &Tokens, block: Option<u64>) -> Result<Document> {
    let (before, after) = (old.interface()?, new.interface()?);
    let scales = |interface: &Interface<'_>| Scales::of(interface, tokens, block);
    let (was, is) = (told(&before, &scales(&before)), told(&after, &scales(&after)));
    let mut keys: Vec<_> = was.keys().chain(is.keys()).collect();
    keys.sort();
    keys.dedup();
    let parameters = keys
        .into_iter()
        .filter(|key| was.get(*key).map(|found| &found.raw) != is.get(*key).map(|found| &found.raw))
        .map(|key| parameter(key, was.get(key), is.get(key)))
        .collect();
    Ok(Document { format: FORMAT, old: old.identity(), new: new.identity(), parameters })
}

type Key = (String, String);

struct Told {
    /// What is compared: the same number of blocks is the same parameter, though blocks became longer.
    raw: String,
    text: String,
    unit: Option<String>,
}

fn parameter((pallet, constant): &Key, old: Option<&Told>, new: Option<&Told>) -> Parameter {
    let units = [old, new].map(|told| told.and_then(|told| told.unit.clone()));
    let unit = match units {
        [Some(old), Some(new)] if old != new => Some(format!("old: {old}; new: {new}")),
        [old, new] => new.or(old),
    };
    let text = |told: Option<&Told>| told.map(|told| told.text.clone());
    Parameter { pallet: pallet.clone(), constant: constant.clone(), old: text(old), new: text(new), unit }
}

fn told(interface: &Interface<'_>, scales: &Scales) -> BTreeMap<Key, Told> {
    let mut all = BTreeMap::new();
    for pallet in &interface.pallets {
        for constant in &pallet.constants {
            for (path, told) in of_constant(interface, scales, pallet.name, constant) {
                let name = if path.is_empty() { constant.name.into() } else { format!("{}.{path}", constant.name) };
                all.insert((pallet.name.to_owned(), name), told);
            }
        }
    }
    all
}

fn of_constant(
    interface: &Interface<'_>,
    scales: &Scales,
    pallet: &str,
    constant: &Constant<'_>,
) -> Vec<(String, Told)> {
    match value::parts(interface.types, constant.ty, constant.value) {
        Ok(parts) => value::named(parts)
            .into_iter()
            .map(|part| {
                let told = scales.told(pallet, constant.name, &part);
                (part.path, Told { raw: part.text, text: told.text, unit: told.unit })
            })
            .collect(),
        // Shown as it is: a constant that cannot be read may still have changed.
        Err(_) => {
            let text = value::text(interface.types, constant.ty, constant.value);
            let raw = worker::hex_prefixed(constant.value);
            vec![(String::new(), Told { raw, text, unit: None })]
        }
    }
}
