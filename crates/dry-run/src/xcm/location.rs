// SPDX-License-Identifier: Apache-2.0
//! The origin of a message, as the chain that executes it sees it.

use super::run::Site;
use crate::{
    dispatch::value,
    messages::{Place, newest},
};
use proposal::{Field, Value, encode, json};
use worker::{Failure, Result};

const FORMS: &str = "parent, para:2000, sibling:2000, child:2000, or a location in JSON such as {\"parents\": 1, \
                     \"interior\": \"Here\"}";

/// The origin of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The encoded `VersionedLocation`.
    pub bytes: Vec<u8>,
    /// The location in words.
    pub told: String,
    /// The chain, if the location is one.
    pub place: Option<Place>,
}

impl Origin {
    /// Reads an origin of the command line.
    pub fn parse(text: &str, site: &Site<'_>) -> Result<Self> {
        let text = text.trim();
        if text.starts_with('{') {
            return Self::of_json(text, site);
        }
        if text == "parent" {
            return Self::of_place(Place::RelayChain, site);
        }
        let number = ["para:", "sibling:", "child:"].into_iter().find_map(|form| text.strip_prefix(form));
        let unknown = || Failure::usage("the origin of the message is no location").found(text).expected(FORMS);
        let id: u32 = number.ok_or_else(unknown)?.parse().map_err(|_| unknown())?;
        match (text.starts_with("child:"), text.starts_with("sibling:"), site.member.place) {
            (true, _, Some(Place::Parachain(_))) | (_, true, Some(Place::RelayChain)) => {
                Err(unknown().hint(format!("{} sees other parachains as para:{id}", site.member.name)))
            }
            _ => Self::of_place(Place::Parachain(id), site),
        }
    }

    /// Returns a chain as an origin.
    ///
    /// # Errors
    ///
    /// If it is the chain itself, or if that chain has no place among others.
    pub fn of_place(place: Place, site: &Site<'_>) -> Result<Self> {
        let none = || {
            Failure::usage(format!("{} does not see {place} as the origin of a message", site.member.name))
                .expected(FORMS)
        };
        let interface = site.interface()?;
        let version = newest(&interface, Some(&site.location_type()?)).ok_or_else(none)?;
        // A relay chain is nobody's parent.
        let own = site.member.place.ok_or_else(none)?;
        let bytes = place.seen_from(own, version).ok_or_else(none)?;
        Self::decode(bytes, site)
    }

    /// Reads an encoded `VersionedLocation`.
    pub fn decode(bytes: Vec<u8>, site: &Site<'_>) -> Result<Self> {
        let location = site.decode(site.location_type()?, &bytes)?;
        Ok(Self {
            told: inner(&location).to_string(),
            place: site.member.place.and_then(|own| value::place(&location, own)),
            bytes,
        })
    }

    fn of_json(text: &str, site: &Site<'_>) -> Result<Self> {
        let given: serde_json::Value = serde_json::from_str(text).map_err(|error| {
            Failure::usage("the origin of the message is no JSON").found(error.to_string()).expected(FORMS)
        })?;
        let ty = site.location_type()?;
        let target = &site.member.target;
        let is_plain = given.as_object().is_some_and(|object| object.contains_key("parents"));
        let given = match (is_plain, newest_name(site, ty)) {
            (true, Some(version)) => serde_json::Value::Object([(version, given)].into_iter().collect()),
            _ => given,
        };
        let location = json::value(target, "origin", ty, &given)?;
        Self::decode(encode::value(target, ty, &location)?, site)
    }
}

/// Returns the name of the newest version of a versioned type.
fn newest_name(site: &Site<'_>, ty: u32) -> Option<String> {
    let versions = site.member.target.variants(ty)?;
    versions.variants.iter().max_by_key(|version| version.index).map(|version| version.name.clone())
}

/// Returns the value in a versioned one.
pub fn inner(versioned: &Value) -> &Value {
    match versioned {
        Value::Variant { fields, .. } => match fields.as_slice() {
            [Field { value, .. }] => value,
            _ => versioned,
        },
        other => other,
    }
}

/// Encodes a location in the newest version of the chain that uses it, as events and storage have it.
pub fn versioned(location: &Value, site: &Site<'_>) -> Result<Option<Vec<u8>>> {
    let ty = site.location_type()?;
    let Some(version) = newest_name(site, ty) else { return Ok(None) };
    Ok(encode::value(&site.member.target, ty, &Value::variant(&version, location.clone())).ok())
}
