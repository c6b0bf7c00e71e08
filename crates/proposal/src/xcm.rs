// SPDX-License-Identifier: Apache-2.0
//! The XCM message by which a chain's root dispatches a call as root of another chain: unpaid
//! execution and one `Transact` as Superuser.

use crate::{Pallet, Target, Value, value::named};
use worker::{Failure, Result};

/// The `ref_time` that `Transact` declares for the call, in picoseconds. XCM up to version 4
/// requires it and rejects a call that needs more. Authorizing an upgrade takes one storage write,
/// about 0.2 ms. This is fifty times as much and 2 % of a parachain's block.
const WEIGHT_REF_TIME: u128 = 10_000_000_000;
/// The proof size that `Transact` declares for the call, in bytes.
const WEIGHT_PROOF_SIZE: u128 = 65_536;

/// The destination of the message, relative to the sending chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// From a relay chain to one of its parachains.
    Child(u32),
    /// From a parachain to another parachain of the same relay chain.
    Sibling(u32),
    /// From a parachain to its relay chain.
    Parent,
}

/// A version of XCM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum XcmVersion {
    /// Version 2, of chains that were not upgraded since 2022, such as a genesis state.
    V2,
    /// Version 3.
    V3,
    /// Version 4.
    V4,
    /// Version 5.
    V5,
}

impl XcmVersion {
    const NEWEST_FIRST: [Self; 4] = [Self::V5, Self::V4, Self::V3, Self::V2];

    /// Returns the name of the variant in versioned types.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2 => "V2",
            Self::V3 => "V3",
            Self::V4 => "V4",
            Self::V5 => "V5",
        }
    }
}

/// Returns the pallet with the call `send`, if the chain has one.
pub fn pallet(chain: &Target) -> Option<&Pallet> {
    chain
        .pallet_of("XcmPallet", "pallet_xcm")
        .or_else(|| chain.pallet("PolkadotXcm"))
        .filter(|pallet| chain.call(pallet, "send").is_some())
}

/// The names of pallets that only a chain with XCM has.
const RECEIVING_PALLETS: [&str; 5] = ["XcmPallet", "PolkadotXcm", "CumulusXcm", "XcmpQueue", "DmpQueue"];

/// Returns whether the chain receives messages of other chains, as far as its metadata shows.
pub fn receives(chain: &Target) -> bool {
    RECEIVING_PALLETS.into_iter().any(|name| chain.pallet(name).is_some()) || versioned_message(chain).is_some()
}

/// Returns the type of messages in the chain's metadata.
fn versioned_message(chain: &Target) -> Option<u32> {
    let is_message = |path: &[String]| path.last().is_some_and(|last| last == "VersionedXcm");
    chain.registry().types.iter().find(|ty| is_message(&ty.ty.path.segments)).map(|ty| ty.id)
}

/// Returns the newest version that the sender can encode and the receiver can decode, as far as its
/// metadata shows: messages are not always converted on the way.
///
/// Fails if there is none.
pub fn version(sender: &Target, receiver: &Target) -> Result<XcmVersion> {
    let none = |found: String| {
        Failure::input(format!("{} and {} have no supported XCM version in common", sender.name(), receiver.name()))
            .found(found)
            .expected("one of V2, V3, V4, V5")
    };
    let argument = |name: &str| {
        let send = sender.call(pallet(sender)?, "send")?;
        let field = send.fields.iter().find(|field| field.name.as_deref() == Some(name))?;
        Some(names(sender, field.ty.id))
    };
    let (Some(messages), Some(locations)) = (argument("message"), argument("dest")) else {
        return Err(none(format!("no call to send a message on {}", sender.name())));
    };
    // A runtime without XCM types in its metadata may still decode any version: then only the
    // sender counts.
    let readable = versioned_message(receiver).map(|ty| names(receiver, ty));
    let usable = |version: &XcmVersion| {
        let has = |names: &[String]| names.iter().any(|name| name == version.name());
        has(&messages) && has(&locations) && readable.as_deref().is_none_or(has)
    };
    XcmVersion::NEWEST_FIRST.into_iter().find(usable).ok_or_else(|| {
        let receivable = readable.as_ref().map_or("unknown".into(), |names| names.join(", "));
        none(format!("{} on {}, {receivable} on {}", messages.join(", "), sender.name(), receiver.name()))
    })
}

fn names(chain: &Target, ty: u32) -> Vec<String> {
    let variants = chain.variants(ty).map(|variants| variants.variants.as_slice()).unwrap_or_default();
    variants.iter().map(|variant| variant.name.clone()).collect()
}

/// Returns the call `send(dest, [UnpaidExecution, Transact])` of the sender's XCM pallet.
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
            // From version 4 on the junctions are an array.
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
    // Version 2 has no such instruction: unpaid execution needs none.
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
