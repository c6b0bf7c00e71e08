// SPDX-License-Identifier: Apache-2.0
//! The rules of the version fields, of constants that must not change, and of the metadata hash.

use crate::{
    changes::RuntimeChanges, interface::Interface, parameters::changed_durations, runtime::Runtime,
    signing::SigningChanges,
};
use artifact::metadata_hash::Effect;
use protocol::Check;
use protocol::diff::{Change, ChangeKind};

/// Checks that the spec name is unchanged. `frame_system::can_set_code` rejects the code of another
/// chain.
pub(super) fn spec_name(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "spec-name";
    let (was, is) = (&old.version.spec_name, &new.version.spec_name);
    match was == is {
        true => Check::pass(NAME, is.clone()),
        false => {
            Check::fail(NAME, format!("{was} became {is}: this is another chain's runtime, and the chain rejects it"))
        }
    }
}

/// Checks that the spec version increases. `frame_system::can_set_code` rejects it otherwise.
pub(super) fn spec_version(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "spec-version";
    let (was, is) = (old.version.spec_version, new.version.spec_version);
    match (old.blake2_256 == new.blake2_256, is > was) {
        (true, _) => Check::pass(NAME, format!("{is}, and the same blob")),
        (false, true) => Check::pass(NAME, format!("{was} to {is}")),
        (false, false) => Check::fail(
            NAME,
            format!(
                "{was} to {is}, but the blob differs: the chain rejects it, and nodes and wallets that cache by the version confuse the two"
            ),
        ),
    }
}

/// Checks `transaction_version` as `sp_version::RuntimeVersion` requires: it must change when a
/// call is changed, removed or moved, but not when one is added. The same holds for the transaction
/// extensions.
pub(super) fn transaction_version(old: &Runtime, new: &Runtime, found: &RuntimeChanges) -> Check {
    const NAME: &str = "transaction-version";
    let SigningChanges { broken, partly, .. } = SigningChanges::of(&found.changes);
    let (was, is) = (old.version.transaction_version, new.version.transaction_version);
    let text = |version: Option<u32>| version.map_or("none".to_owned(), |version| version.to_string());
    let from_to = format!("{} to {}", text(was), text(is));
    let count = match broken.len() {
        1 => "1 change requires it".to_owned(),
        count => format!("{count} changes require it"),
    };
    if is < was {
        return Check::fail(NAME, format!("{from_to}: it fell")).with(broken);
    }
    match (broken.is_empty(), is > was) {
        // No call is decoded differently: releases remove old versions of XCM without raising it.
        (true, false) if !partly.is_empty() => Check::warn(
            NAME,
            format!("{} stays; calls with removed variants are rejected, all others encode as before", text(is)),
        )
        .with(partly),
        (true, false) => Check::pass(NAME, format!("{} stays; signed transactions encode as before", text(is))),
        (true, true) => Check::pass(NAME, format!("{from_to}, although no change requires it")),
        (false, true) => Check::pass(NAME, format!("{from_to}, and {count}")).with(broken),
        (false, false) if was.is_none() && is.is_none() => {
            Check::warn(NAME, format!("neither runtime has one, and {count}")).with(broken)
        }
        (false, false) => Check::fail(NAME, format!("{} stays, and {count} to increase", text(is))).with(broken),
    }
}

/// Checks the state version, which is the layout of the trie. Nodes migrate it in one direction
/// only.
pub(super) fn state_version(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "state-version";
    let (was, is) = (old.version.effective_state_version(), new.version.effective_state_version());
    match (is < was, is > was) {
        (true, _) => Check::fail(NAME, format!("{was} to {is}: the trie layout cannot be reverted")),
        (_, true) => {
            Check::warn(NAME, format!("{was} to {is}: the trie is written in another layout after the upgrade"))
        }
        _ => Check::pass(NAME, format!("{is} stays")),
    }
}

/// Constants that nodes read at genesis or calculate with. A chain stalls if its runtime changes
/// them.
const FIXED_CONSTANTS: [(&str, &str); 4] = [
    ("Babe", "EpochDuration"),
    ("Babe", "ExpectedBlockTime"),
    ("Aura", "SlotDuration"),
    ("ParachainSystem", "SelfParaId"),
];
/// Constants that may show another pace of blocks: some change for good reasons, and builds for
/// quick tests change them.
const PACE_CONSTANTS: [(&str, &str); 4] = [
    ("Timestamp", "MinimumPeriod"),
    ("Broker", "TimeslicePeriod"),
    ("Staking", "SessionsPerEra"),
    ("Slots", "LeasePeriod"),
];
/// The constant that collators of a parachain read for every block. Nodes of other chains read it
/// once, when they start.
const READ_BY_COLLATORS: (&str, &str) = ("Aura", "SlotDuration");

/// Checks that the constants of slots and epochs are unchanged.
pub(super) fn consensus(old: &Runtime, new: &Runtime, found: &RuntimeChanges) -> Check {
    const NAME: &str = "consensus";
    let (old, new) = (Interface::of(&old.metadata), Interface::of(&new.metadata));
    let parachain = new.as_ref().is_some_and(|new| new.pallet("ParachainSystem").is_some());
    let among = |listed: &dyn Fn((&str, &str)) -> bool| {
        let of_kind = |change: &&Change| matches!(change.kind, ChangeKind::ConstantValue | ChangeKind::ConstantType);
        let changes = found.changes.iter().filter(of_kind);
        let listed =
            changes.filter(|change| listed((change.pallet.as_deref().unwrap_or_default(), change.name.as_str())));
        listed.map(Change::summary).collect::<Vec<_>>()
    };
    let excused = |(pallet, name): (&str, &str)| parachain && (pallet, name) == READ_BY_COLLATORS;
    let fixed = among(&|constant| FIXED_CONSTANTS.contains(&constant) && !excused(constant));
    let mut hazards = among(&|constant| PACE_CONSTANTS.contains(&constant) || excused(constant));
    if let (Some(old), Some(new)) = (&old, &new) {
        hazards.extend(changed_durations(old, new, [None, None]));
    }
    if !fixed.is_empty() {
        return Check::fail(NAME, "slots or epochs differ from those of the chain").with([fixed, hazards].concat());
    }
    match hazards.is_empty() {
        true => Check::pass(NAME, "slots and epochs are the same, as far as constants show"),
        false => {
            Check::warn(NAME, "the time between blocks may change, and all durations in blocks with it").with(hazards)
        }
    }
}

/// Checks that the blob has the hash of its metadata (RFC-78) if the old one has. Offline wallets
/// sign this hash; a blob compiled without it rejects their transactions.
pub(super) fn metadata_hash(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "metadata-hash";
    match old.metadata_hash.effect_of(&new.metadata_hash) {
        Effect::None(detail) => Check::pass(NAME, detail),
        Effect::Lost(detail) => Check::fail(NAME, detail),
        Effect::Hazard(detail) => Check::warn(NAME, detail),
        Effect::Unknown(why) => Check::warn(NAME, format!("not judged: {why}")),
    }
}
