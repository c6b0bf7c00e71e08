// SPDX-License-Identifier: Apache-2.0
//! The XCM message by which one chain's root acts as another's: unpaid, one `Transact` as Superuser.

use crate::{Target, Value, metadata::Pallet, value::named};
use worker::{Failure, Result};

/// Versions up to 4 want the call's weight said beforehand, and refuse the call if it needs more. Authorizing an upgrade
/// takes one storage write, about 0.2 ms; this is fifty times as much and still 2 % of a parachain's block.
const WEIGHT_REF_TIME: u128 = 10_000_000_000;
const WEIGHT_PROOF_SIZE: u128 = 65_536;

/// Where the message goes, seen from the chain that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// From a relay chain to one of its parachains.
    Child(u32),
    /// From a parachain to another under the same relay.
    Sibling(u32),
    /// From a parachain to its relay.
    Parent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum XcmVersion {
    /// Of chains that stand still since 2022: a genesis state, a forgotten test network.
    V2,
    V3,
    V4,
    V5,
}

impl XcmVersion {
    const NEWEST_FIRST: [Self; 4] = [Self::V5, Self::V4, Self::V3, Self::V2];

    pub fn name(self) -> &'static str {
        match self {
            Self::V2 => "V2",
            Self::V3 => "V3",
            Self::V4 => "V4",
            Self::V5 => "V5",
        }
    }
}

/// The pallet that sends, if the chain has one.
pub fn pallet(chain: &Target) -> Option<&Pallet> {
    chain
        .pallet_of("XcmPallet", "pallet_xcm")
        .or_else(|| chain.pallet("PolkadotXcm"))
        .filter(|pallet| chain.call(pallet, "send").is_some())
}

/// The newest version that the sender can write and, as far as its metadata tells, the receiver can read: a message is
/// not always converted on its way.
pub fn version(sender: &Target, receiver: &Target) -> Result<XcmVersion> {
    let none = |found: String| {
        Failure::input(format!("{} and {} share no version of XCM that can be used", sender.name(), receiver.name()))
            .found(found)
            .expected("one of V2, V3, V4, V5")
    };
    let argument = |name: &str| {
        let send = sender.call(pallet(sender)?, "send")?;
        let field = send.fields.iter().find(|field| field.name.as_deref() == Some(name))?;
        Some(names(sender, field.ty.id))
    };
    let (Some(messages), Some(locations)) = (argument("message"), argument("dest")) else {
        return Err(none(format!("no call to send one on {}", sender.name())));
    };
    // A runtime without XCM types in its metadata may still read any: then the sender alone decides.
    let readable = receiver
        .registry()
        .types
        .iter()
        .find(|ty| ty.ty.path.segments.last().is_some_and(|last| last == "VersionedXcm"));
    let readable = readable.map(|ty| names(receiver, ty.id));
    let usable = |version: &XcmVersion| {
        let has = |names: &[String]| names.iter().any(|name| name == version.name());
        has(&messages) && has(&locations) && readable.as_deref().is_none_or(has)
    };
    XcmVersion::NEWEST_FIRST.into_iter().find(usable).ok_or_else(|| {
        let there = readable.as_ref().map_or("unknown".into(), |names| names.join(", "));
        none(format!("{} on {}, {there} on {}", messages.join(", "), sender.name(), receiver.name()))
    })
}

fn names(chain: &Target, ty: u32) -> Vec<String> {
    let variants = chain.variants(ty).map(|variants| variants.variants.as_slice()).unwrap_or_default();
    variants.iter().map(|variant| variant.name.clone()).collect()
}

/// `send(dest, [UnpaidExecution, Transact])` of the sender's XCM pallet.
pub fn send(pallet: &Pallet, version: XcmVersion, destination: Destination, call: &[u8]) -> Value {
    let versioned = |value| Value::variant(version.name(), value);
    Value::Call {
        pallet: pallet.name.clone(),
        name: "send".into(),
        fields: vec![
            named("dest", versioned(location(version, destination))),
            named("message", versioned(message(version, call))),
        ],
    }
}

fn location(version: XcmVersion, destination: Destination) -> Value {
    let (parents, para_id) = match destination {
        Destination::Child(id) => (0, Some(id)),
        Destination::Sibling(id) => (1, Some(id)),
        Destination::Parent => (1, None),
    };
    let interior = match para_id {
        None => Value::unit_variant("Here"),
        Some(id) => {
            let junction = Value::variant("Parachain", Value::Number(id.into()));
            // Since version 4 the junctions are an array.
            Value::variant("X1", if version >= XcmVersion::V4 { Value::List(vec![junction]) } else { junction })
        }
    };
    Value::Fields(vec![named("parents", Value::Number(parents)), named("interior", interior)])
}

fn message(version: XcmVersion, call: &[u8]) -> Value {
    let require = |weight| named("require_weight_at_most", weight);
    let weight = match version {
        XcmVersion::V5 => named("fallback_max_weight", Value::unit_variant("None")),
        XcmVersion::V3 | XcmVersion::V4 => require(Value::Fields(vec![
            named("ref_time", Value::Number(WEIGHT_REF_TIME)),
            named("proof_size", Value::Number(WEIGHT_PROOF_SIZE)),
        ])),
        XcmVersion::V2 => require(Value::Number(WEIGHT_REF_TIME)),
    };
    let origin = if version == XcmVersion::V2 { "origin_type" } else { "origin_kind" };
    let transact = Value::variant_of(
        "Transact",
        vec![named(origin, Value::unit_variant("Superuser")), weight, named("call", Value::bytes(call))],
    );
    // Version 2 has no such instruction: who need not pay did not say so.
    if version == XcmVersion::V2 {
        return Value::List(vec![transact]);
    }
    let unpaid = Value::variant_of(
        "UnpaidExecution",
        vec![
            named("weight_limit", Value::unit_variant("Unlimited")),
            named("check_origin", Value::unit_variant("None")),
        ],
    );
    Value::List(vec![unpaid, transact])
}
