// SPDX-License-Identifier: Apache-2.0
//! The messages that a call sends, found by dispatching it (`DryRunApi_dry_run_call`).

use super::{
    explained::told_events,
    location::Origin as Location,
    message::{LONGEST, field, name},
    run::{Dispatched, Site},
    versions,
};
use crate::{
    dispatch::{origin::Origin, value},
    messages::Place,
    types::{Interface, read},
};
use artifact::{hashes::blake2_256, pace::counted};
use codec::{Compact, Decode};
use proposal::{Value, decode};
use protocol::{
    CheckOutcome, Finding,
    xcm::{ExplainSubject, ExplainedCall},
};
use std::collections::{BTreeMap, btree_map::Entry};
use worker::{Failure, Result};

/// The longest call, in bytes: as long as the longest preimage.
const LONGEST_CALL: usize = 4 * 1024 * 1024 + 64;

/// The most messages of a call.
const MOST: usize = 512;
/// The most findings of one kind.
const MOST_FINDINGS: usize = 50;

/// A message that a call sends.
pub struct Sent {
    /// The receiver, as the sender sees it.
    pub to: String,
    /// The receiver, if it is a chain of the same relay chain.
    pub place: Option<Place>,
    pub bytes: Vec<u8>,
}

/// Dispatches the call of a request, and returns it with the messages that it sends.
pub fn of(subject: &ExplainSubject, site: &Site<'_>) -> Result<(ExplainedCall, Vec<Sent>)> {
    let interface = site.interface()?;
    let (call, origin) = match subject {
        ExplainSubject::Call { bytes, origin } => (hex_of(bytes)?, Origin::parse(origin, &interface)?),
        ExplainSubject::Extrinsic { bytes } => of_extrinsic(&interface, &hex_of(bytes)?)?,
        ExplainSubject::Message { .. } => return Err(Failure::internal("a message is no call")),
    };
    if call.len() > LONGEST_CALL {
        return Err(Failure::input("the call is too long")
            .found(format!("{} bytes", call.len()))
            .expected(format!("at most {LONGEST_CALL}")));
    }
    let decoded = decode::call(site.member.target.types(), &call)?;
    let mut explained = ExplainedCall {
        origin: origin.to_string(),
        blake2_256: hex::encode_prefixed(blake2_256(&call)),
        decoded: value::pretty(&decoded),
        ..ExplainedCall::default()
    };
    let judged = |outcome: CheckOutcome| vec![outcome.named("dispatched")];
    let method = interface.method("DryRunApi", "dry_run_call");
    let Some(ty) = method.and_then(|method| method.inputs.first().copied()) else {
        let name = &site.member.name;
        explained.checks =
            judged(CheckOutcome::not_judged(format!("the runtime of {name} has no DryRunApi_dry_run_call")));
        return Ok((explained, Vec::new()));
    };
    let encoded = origin.encoded_as(&interface, ty).ok_or_else(|| {
        Failure::usage(format!("{origin} is no origin of {}", site.member.name))
            .expected("root, signed: and an account of the chain's length, or an origin of the runtime")
    })?;
    let newest = versions::decoded(site)?.into_iter().max().unwrap_or_default();
    // As long as nothing is known about a receiver, messages to it have this version.
    let usual = versions::safe(site)?.unwrap_or(newest);
    let first = match site.dispatch(&encoded, &call, usual)? {
        Ok(first) => first,
        Err(why) => {
            explained.checks = judged(CheckOutcome::not_judged(why));
            return Ok((explained, Vec::new()));
        }
    };
    explained.events = told_events(first.events.as_deref().unwrap_or_default());
    explained.local = first.local.as_ref().map(value::pretty);
    let sent = messages(site, (encoded.as_slice(), call.as_slice()), usual, &first)?;
    explained.checks = judged(match (&first.error, &sent) {
        // A call that fails sends nothing: its messages are rolled back.
        (Some(error), _) => CheckOutcome::fail(format!("it fails with {error}")),
        (None, None) => CheckOutcome::not_judged("the messages that it sends cannot be decoded"),
        (None, Some(sent)) => {
            let sends = match sent.len() {
                0 => "no message".to_owned(),
                count => counted(count as u128, "message"),
            };
            CheckOutcome::judged(format!("it succeeds, and sends {sends}"), within(first.events.as_deref(), &decoded))
        }
    });
    Ok((explained, sent.unwrap_or_default()))
}

/// Returns what was not done although the call succeeds: of a batch or by `Sudo`, and in a message that it executes itself.
fn within(events: Option<&[Value]>, call: &Value) -> Vec<Finding> {
    let Some(events) = events else { return vec![Finding::not_judged("the events of the call cannot be decoded")] };
    let told = |event: &Value| told_events(std::slice::from_ref(event)).concat();
    let failed = events.iter().filter(|event| field(event, "").is_some_and(holds_error));
    let failed =
        failed.map(|event| Finding::seen(format!("it ends well, and an event holds an error: {}", told(event))));
    let trapped = events.iter().filter(|event| field(event, "").is_some_and(|it| name(it) == "AssetsTrapped"));
    let trapped =
        trapped.map(|event| Finding::hazard(format!("assets are trapped on the chain itself: {}", told(event))));
    let mut findings: Vec<_> = failed.take(MOST_FINDINGS).chain(trapped.take(MOST_FINDINGS)).collect();
    if value::executes_calls(call) {
        let why = "it executes a message with a Transact on its own chain, and no event tells whether that call fails";
        findings.push(Finding::not_judged(why));
    }
    findings
}

/// Returns whether an event has an error, a result that is one, or the outcome of a message that failed.
fn holds_error(event: &Value) -> bool {
    let Value::Variant { fields, .. } = event else { return false };
    fields.iter().any(|field| match (field.name.as_deref(), name(&field.value)) {
        (_, "Err" | "Incomplete" | "Error") => true,
        (Some("error"), found) => found != "None",
        _ => false,
    })
}

/// Returns the messages of a call, each in the version that its sender uses for the receiver. Nothing if they cannot be
/// decoded.
fn messages(
    site: &Site<'_>,
    (origin, call): (&[u8], &[u8]),
    usual: u32,
    first: &Dispatched,
) -> Result<Option<Vec<Sent>>> {
    let Some(forwarded) = &first.forwarded else { return Ok(None) };
    // The dispatches with messages in other versions, which are the same ones in the same order.
    let mut others: BTreeMap<u32, Option<Dispatched>> = BTreeMap::new();
    let mut sent = Vec::new();
    for (position, (to, messages)) in forwarded.iter().enumerate() {
        let location = Location::decode(to.clone(), site);
        let place = location.as_ref().ok().and_then(|location| location.place);
        let version = place.map(|place| versions::noted(site, place)).transpose()?.flatten().unwrap_or(usual);
        if version != usual
            && let Entry::Vacant(free) = others.entry(version)
        {
            free.insert(site.dispatch(origin, call, version)?.ok());
        }
        let other = others.get(&version).and_then(Option::as_ref).and_then(|other| other.forwarded.as_ref());
        let same = other.and_then(|other| other.get(position)).filter(|(_, other)| other.len() == messages.len());
        let messages = same.map_or(messages, |(_, other)| other);
        let told = location.map_or_else(|_| hex::encode_prefixed(to), |location| location.told);
        for bytes in messages.iter().filter(|bytes| bytes.len() <= LONGEST) {
            sent.push(Sent { to: told.clone(), place, bytes: bytes.clone() });
        }
        if messages.iter().any(|bytes| bytes.len() > LONGEST) {
            return Ok(None);
        }
        if sent.len() > MOST {
            return Err(Failure::input("the call sends too many messages").expected(format!("at most {MOST}")));
        }
    }
    Ok(Some(sent))
}

fn hex_of(text: &str) -> Result<Vec<u8>> {
    hex::decode(text).map_err(|error| Failure::usage("what is explained is not in hex").found(error.to_string()))
}

/// Returns the call of an extrinsic, and who signed it.
fn of_extrinsic(interface: &Interface<'_>, bytes: &[u8]) -> Result<(Vec<u8>, Origin)> {
    let other = |found: &str| {
        Failure::input("the extrinsic has a form that is not known here")
            .found(found)
            .expected("an extrinsic of version 4 that is signed by an account")
            .hint("give the call alone, with the account that signs it")
    };
    let mut input = bytes;
    // With its length or without.
    let mut rest = bytes;
    if let Ok(Compact(length)) = Compact::<u32>::decode(&mut rest)
        && length as usize == rest.len()
    {
        input = rest;
    }
    let (preamble, mut input) = input.split_first().ok_or_else(|| other("no bytes"))?;
    if *preamble != 0b1000_0100 {
        return Err(other(&format!("the first byte {preamble:#04x}")));
    }
    let (Some(address), Some(signature)) = (interface.address, interface.signature) else {
        return Err(other("metadata that does not describe extrinsics"));
    };
    let mut skip = |ty: u32| -> Result<&[u8]> {
        let left = read::skip(interface.types, ty, input).map_err(|why| other(&why))?;
        let skipped = input.get(..input.len() - left.len()).unwrap_or_default();
        input = left;
        Ok(skipped)
    };
    let sender = skip(address)?;
    skip(signature)?;
    for extension in &interface.extensions {
        skip(extension.explicit)?;
    }
    // `MultiAddress::Id`, or an account alone.
    let account = match (sender.len(), sender.first()) {
        (20 | 32, _) => sender,
        (33, Some(0)) => sender.get(1..).unwrap_or_default(),
        _ => return Err(other("an address that is no account")),
    };
    Ok((input.to_vec(), Origin::Signed(account.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use proposal::named;
    use protocol::Status;
    use scale_info::{MetaType, PortableRegistry, Registry};

    fn registry() -> (PortableRegistry, u32, u32) {
        let mut registry = Registry::new();
        let account = registry.register_type(&MetaType::new::<[u8; 32]>()).id;
        let signature = registry.register_type(&MetaType::new::<[u8; 64]>()).id;
        (registry.into(), account, signature)
    }

    #[test]
    fn a_call_within_that_fails_is_seen() {
        let event = |pallet: &str, name: &str, field| Value::variant(pallet, Value::variant_of(name, vec![field]));
        let remark = Value::Call { pallet: "System".into(), name: "remark".into(), fields: Vec::new() };
        let status = |events: &[Value]| CheckOutcome::judged("it succeeds", within(Some(events), &remark)).status;
        let result = |name: &str| event("Sudo", "Sudid", named("sudo_result", Value::variant(name, Value::Number(1))));
        let outcome = |name: &str| event("PolkadotXcm", "Attempted", named("outcome", Value::unit_variant(name)));
        let error = || event("Utility", "ItemFailed", named("error", Value::unit_variant("BadOrigin")));
        for bad in [result("Err"), outcome("Incomplete"), error()] {
            assert_eq!(status(&[result("Ok"), bad]), Status::Fail);
        }
        assert_eq!(status(&[result("Ok"), outcome("Complete")]), Status::Pass);
        let trapped = event("PolkadotXcm", "AssetsTrapped", named("hash", Value::bytes([1; 32])));
        assert_eq!(status(&[trapped]), Status::Warn);
        assert_eq!(CheckOutcome::judged("", within(None, &remark)).status, Status::NotJudged);
        // No event tells how a call in a message of its own ends.
        let transact = Value::variant_of("Transact", vec![named("call", Value::bytes([1]))]);
        let message = named("message", Value::variant("V5", Value::List(vec![transact])));
        let execute = Value::Call { pallet: "PolkadotXcm".into(), name: "execute".into(), fields: vec![message] };
        assert_eq!(CheckOutcome::judged("", within(Some(&[]), &execute)).status, Status::NotJudged);
    }

    #[test]
    fn the_call_of_a_signed_extrinsic_is_read() {
        let (types, account, signature) = registry();
        let interface = Interface { address: Some(account), signature: Some(signature), ..Interface::empty(&types) };
        let plain = [&[0x84][..], &[7; 32], &[9; 64], &[0, 1, 4]].concat();
        for extrinsic in [plain.clone(), plain.encode()] {
            let (call, origin) = of_extrinsic(&interface, &extrinsic).expect("read");
            assert_eq!((call, origin), (vec![0, 1, 4], Origin::Signed(vec![7; 32])));
        }
        // Unsigned, cut short, and of metadata without the types.
        let unsigned = [&[4][..], &plain[1..]].concat();
        for extrinsic in [&unsigned[..], &plain[..60], &[]] {
            assert!(of_extrinsic(&interface, extrinsic).is_err());
        }
        assert!(of_extrinsic(&Interface::empty(&types), &plain).is_err());
    }
}
