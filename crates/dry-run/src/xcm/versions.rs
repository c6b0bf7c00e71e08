// SPDX-License-Identifier: Apache-2.0
//! The versions of XCM that sender and receiver know of each other (pallet-xcm).

use super::{
    message::Message,
    run::{Site, Told},
};
use crate::{dispatch::value, messages::Place, types::read};
use codec::Decode;
use fork::sample;
use frame_metadata::v14::StorageHasher;
use protocol::{CheckOutcome, Finding, xcm::XcmVersions};
use worker::Result;

/// The most entries of `SupportedVersion` that are read.
const MOST: usize = 2_048;
/// The bytes before the location in a key of `SupportedVersion`: the hash of the version and the version, and the hash
/// of the location.
const BEFORE: usize = 8 + 4 + 16;

/// Returns the versions that take part. `sender` is the chain that sends the message, if its state is known.
pub fn of(site: &Site<'_>, sender: Option<&Site<'_>>, from: Option<Place>, version: u32) -> Result<XcmVersions> {
    let to = site.member.place;
    Ok(XcmVersions {
        message: version,
        receiver: decoded(site)?,
        receiver_safe: safe(site)?,
        receiver_noted: from.map(|from| noted(site, from)).transpose()?.flatten(),
        sender_safe: sender.map(safe).transpose()?.flatten(),
        sender_noted: sender.zip(to).map(|(sender, to)| noted(sender, to)).transpose()?.flatten(),
    })
}

/// Returns the versions that the runtime of a chain decodes.
pub fn decoded(site: &Site<'_>) -> Result<Vec<u32>> {
    let versions = site.interface()?.variants(Some(site.message_type()?));
    Ok(versions.iter().filter_map(|version| version.name.strip_prefix('V')?.parse().ok()).collect())
}

/// Returns the version that a chain sends to others that it knows nothing about.
pub fn safe(site: &Site<'_>) -> Result<Option<u32>> {
    let interface = site.interface()?;
    let Some(pallet) = interface.pallets.iter().find(|pallet| pallet.item("SafeXcmVersion").is_some()) else {
        return Ok(None);
    };
    let stored = site.chain.storage(&pallet.key("SafeXcmVersion"))?;
    Ok(stored.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()))
}

/// Returns the version that a chain has noted for another one.
pub fn noted(site: &Site<'_>, other: Place) -> Result<Option<u32>> {
    let interface = site.interface()?;
    let known = [StorageHasher::Twox64Concat, StorageHasher::Blake2_128Concat];
    let pallet = interface
        .pallets
        .iter()
        .find(|pallet| pallet.item("SupportedVersion").is_some_and(|item| item.hashers == known.as_slice()));
    let (Some(pallet), Some(own)) = (pallet, site.member.place) else { return Ok(None) };
    let prefix = pallet.key("SupportedVersion");
    let (entries, _) = sample::entries(site.chain, &prefix, MOST)?;
    let ty = site.location_type()?;
    let is_other = |key: &[u8]| {
        let location = key.get(prefix.len() + BEFORE..).and_then(|location| site.decode(ty, location).ok());
        location.is_some_and(|location| value::place(&location, own) == Some(other))
    };
    let versions =
        entries.iter().filter(|(key, _)| is_other(key)).filter_map(|(_, version)| u32::decode(&mut &version[..]).ok());
    // Entries of older versions of locations may remain.
    Ok(versions.max())
}

/// Can the receiver decode the message?
pub fn check(site: &Site<'_>, bytes: &[u8], message: &Told<Message>, versions: &XcmVersions) -> Result<CheckOutcome> {
    let list = versions.receiver.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let told = match message {
        Ok(message) => {
            let noted =
                [("sender", "receiver", versions.sender_noted), ("receiver", "sender", versions.receiver_noted)];
            let notes = noted.into_iter().filter_map(|(who, whom, version)| {
                Some(Finding::note(format!("the {who} has noted version {} for the {whom}", version?)))
            });
            let detail = format!("version {}, and the receiver decodes {list}", message.version);
            return Ok(CheckOutcome::judged(detail, notes.collect()));
        }
        Err(why) => why,
    };
    let interface = site.interface()?;
    let ty = site.message_type()?;
    let indices: Vec<_> = interface.variants(Some(ty)).iter().map(|version| version.index).collect();
    Ok(match bytes.first() {
        Some(version) if !indices.contains(version) => {
            CheckOutcome::fail(format!("version {version}, and the receiver decodes {list} alone"))
        }
        _ => match read::validate(interface.types, ty, bytes) {
            // The receiver can, and the tool cannot.
            Ok(()) => CheckOutcome::not_judged(format!("the message cannot be decoded here: {told}")),
            Err(why) => CheckOutcome::fail(format!("these bytes are no message that the receiver can decode: {why}")),
        },
    })
}
