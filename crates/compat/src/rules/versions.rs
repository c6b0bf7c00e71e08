// SPDX-License-Identifier: Apache-2.0
//! The numbers by which chains, nodes and wallets tell runtimes apart, and what must not change at all.

use crate::{
    changes::RuntimeChanges, interface::Interface, parameters::changed_durations, runtime::Runtime,
    signing::SigningChanges,
};
use protocol::Check;
use protocol::diff::{Change, ChangeKind};

/// `frame_system::can_set_code` refuses the code of another chain.
pub(super) fn spec_name(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "spec-name";
    let (was, is) = (&old.version.spec_name, &new.version.spec_name);
    match was == is {
        true => Check::pass(NAME, is.clone()),
        false => {
            Check::fail(NAME, format!("{was} became {is}: this is another chain's runtime, and its chain refuses it"))
        }
    }
}

/// The same function refuses code whose version is not higher.
pub(super) fn spec_version(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "spec-version";
    let (was, is) = (old.version.spec_version, new.version.spec_version);
    match (old.blake2_256 == new.blake2_256, is > was) {
        (true, _) => Check::pass(NAME, format!("{is}, and the same blob")),
        (false, true) => Check::pass(NAME, format!("{was} to {is}")),
        (false, false) => Check::fail(
            NAME,
            format!(
                "{was} to {is}, though the blob is another: the chain refuses it, and nodes and wallets that cache by the version take one for the other"
            ),
        ),
    }
}

/// What `sp_version::RuntimeVersion` demands of `transaction_version`: that it changes when a call is changed or removed
/// or moves, and that it need not when one is added. What is signed beside the call counts like the call.
pub(super) fn transaction_version(old: &Runtime, new: &Runtime, found: &RuntimeChanges) -> Check {
    const NAME: &str = "transaction-version";
    let SigningChanges { broken: demanding, partly, .. } = SigningChanges::of(&found.changes);
    let (was, is) = (old.version.transaction_version, new.version.transaction_version);
    let told = |version: Option<u32>| version.map_or("not told".to_owned(), |version| version.to_string());
    let from_to = format!("{} to {}", told(was), told(is));
    let count = match demanding.len() {
        1 => "1 change demands it".to_owned(),
        count => format!("{count} changes demand it"),
    };
    if is < was {
        return Check::fail(NAME, format!("{from_to}: it went back")).with(demanding);
    }
    match (demanding.is_empty(), is > was) {
        // Nothing is taken for something else; so releases drop old versions of XCM without raising it.
        (true, false) if !partly.is_empty() => Check::warn(
            NAME,
            format!("{} stays; calls that hold what is gone are refused, all others encode as before", told(is)),
        )
        .with(partly),
        (true, false) => Check::pass(NAME, format!("{} stays; what is signed encodes as before", told(is))),
        (true, true) => Check::pass(NAME, format!("{from_to}, although nothing demands it")),
        (false, true) => Check::pass(NAME, format!("{from_to}, and {count}")).with(demanding),
        (false, false) if was.is_none() && is.is_none() => {
            Check::warn(NAME, format!("neither runtime tells one, and {count}")).with(demanding)
        }
        (false, false) => Check::fail(NAME, format!("{} stays, and {count} to rise", told(is))).with(demanding),
    }
}

/// The layout of the trie. Nodes convert in one direction.
pub(super) fn state_version(old: &Runtime, new: &Runtime) -> Check {
    const NAME: &str = "state-version";
    let (was, is) = (old.version.effective_state_version(), new.version.effective_state_version());
    match (is < was, is > was) {
        (true, _) => Check::fail(NAME, format!("{was} to {is}: tries do not go back")),
        (_, true) => Check::warn(NAME, format!("{was} to {is}: the trie is written in another layout from then on")),
        _ => Check::pass(NAME, format!("{is} stays")),
    }
}

/// Constants that nodes took over at the chain's beginning, or count with; a chain whose runtime changes them stalls.
const FIXED_CONSTANTS: [(&str, &str); 4] = [
    ("Babe", "EpochDuration"),
    ("Babe", "ExpectedBlockTime"),
    ("Aura", "SlotDuration"),
    ("ParachainSystem", "SelfParaId"),
];
/// Signs of other slots that have good uses too, and what a build for quick rehearsals has otherwise.
const PACE_CONSTANTS: [(&str, &str); 4] = [
    ("Timestamp", "MinimumPeriod"),
    ("Broker", "TimeslicePeriod"),
    ("Staking", "SessionsPerEra"),
    ("Slots", "LeasePeriod"),
];
/// The collators of a parachain ask for it with every block, and nodes of other chains once, when they start.
const READ_BY_COLLATORS: (&str, &str) = ("Aura", "SlotDuration");

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
    let mut loose = among(&|constant| PACE_CONSTANTS.contains(&constant) || excused(constant));
    if let (Some(old), Some(new)) = (&old, &new) {
        loose.extend(changed_durations(old, new, [None, None]));
    }
    if !fixed.is_empty() {
        return Check::fail(NAME, "slots or epochs are not what the chain runs on").with([fixed, loose].concat());
    }
    match loose.is_empty() {
        true => Check::pass(NAME, "slots and epochs, as far as constants tell them, are the same"),
        false => {
            Check::warn(NAME, "the pace of blocks may change, and all that is counted in blocks with it").with(loose)
        }
    }
}
