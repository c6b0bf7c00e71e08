// SPDX-License-Identifier: Apache-2.0
//! What both chains know of the parachain, in words.

use super::{
    case::Case,
    known::{Channel, Known, named},
    reader::{Assignment, Reader, WHOLE, number},
};
use codec::Encode;
use network::ParaId;
use protocol::support::Fact;
use worker::Result;

/// The seconds from a relay block to the next.
const RELAY_SLOT: u64 = 6;
/// The most channels in one direction, and requests for channels, that are listed.
const MOST: usize = 200;

/// The facts of one group.
struct Group<'f> {
    name: &'static str,
    facts: &'f mut Vec<Fact>,
}

impl Group<'_> {
    fn add(&mut self, name: impl Into<String>, value: impl Into<Option<String>>) {
        let group = self.name.to_owned();
        self.facts.extend(value.into().map(|value| Fact { group, name: name.into(), value }));
    }
}

/// Returns the facts in the order of their groups. What a chain does not have is no fact.
pub fn of(known: &Known, case: &Case<'_>, relay: &Reader<'_>) -> Result<Vec<Fact>> {
    let mut facts = Vec::new();
    registration(known, case, relay, &mut Group { name: "registration", facts: &mut facts })?;
    head(known, case, &mut Group { name: "head", facts: &mut facts });
    code(known, case, &mut Group { name: "code", facts: &mut facts })?;
    cores(known, &mut Group { name: "cores", facts: &mut facts });
    messages(known, &mut Group { name: "messages", facts: &mut facts });
    channels(known, case, relay, &mut Group { name: "channels", facts: &mut facts })?;
    accounts(case, relay, &mut Group { name: "accounts", facts: &mut facts })?;
    Ok(facts)
}

fn registration(known: &Known, case: &Case<'_>, relay: &Reader<'_>, group: &mut Group<'_>) -> Result<()> {
    group.add("lifecycle", known.lifecycle.clone().unwrap_or_else(|| "not registered".into()));
    // The manager, the deposit and the lock, which networks keep in a pallet of any name.
    if let Some(registrar) = case.relay.runtime.layout.pallet_with(&["PendingSwap", "Paras"], None) {
        group.add("registrar", relay.words(&registrar.name, "Paras", Some(&case.para.encode()))?);
    }
    Ok(())
}

fn head(known: &Known, case: &Case<'_>, group: &mut Group<'_>) {
    group.add(
        "relay chain's head",
        known.head.as_deref().map(|head| {
            let hash = hex::encode_prefixed(artifact::hashes::blake2_256(head));
            match known.head_number {
                Some(number) => format!("block {number}, {hash}"),
                None => format!("{} bytes that are no header, {hash}", head.len()),
            }
        }),
    );
    group.add(
        "built on relay block",
        known.context.map(|context| {
            let age = u64::from(known.number.saturating_sub(context));
            format!("{context}, {age} relay blocks ago (about {} min)", age.saturating_mul(RELAY_SLOT) / 60)
        }),
    );
    group.add("pending candidates", case.pending.to_string());
    if let (Some(own), Some(member)) = (&known.own, &case.parachain) {
        group.add("parachain's state", format!("block {}, {}", own.number, member.identity.block_hash));
        group.add("built on, it says", own.relay_number.map(|number| format!("relay block {number}")));
    }
}

fn code(known: &Known, case: &Case<'_>, group: &mut Group<'_>) -> Result<()> {
    group.add(
        "relay chain's code",
        known.code.map(|code| match known.code_length {
            Some(length) => format!("{}, {length} bytes", named(code)),
            None => format!("{}, which it does not have", named(code)),
        }),
    );
    group.add(
        "scheduled",
        known.future.as_ref().map(|(hash, at)| match at {
            Some(at) => format!("{hash}, go-ahead at relay block {at}"),
            None => format!("{hash}, without a block for the go-ahead"),
        }),
    );
    group.add("votes", known.votes.clone());
    group.add("signal", known.signal.as_ref().map(|signal| format!("{signal:?}")));
    let relay = &case.network.relay;
    if relay.is_restricted(case.para)? {
        let end = relay.cooldowns()?.into_iter().find(|(id, _)| *id == case.para);
        let end = end.map_or(String::new(), |(_, end)| format!(" before relay block {end}"));
        group.add("restriction", format!("no other code may be scheduled{end}"));
    }
    if let Some(own) = &known.own {
        group.add("parachain's code", named(own.code));
        group.add("authorized upgrade", own.authorized.clone());
        group.add("parachain's next code", own.has_pending_code.then(|| "waits for the go-ahead".to_owned()));
    }
    Ok(())
}

fn cores(known: &Known, group: &mut Group<'_>) {
    let claims: Vec<_> = known.claims.iter().map(|(core, count)| format!("core {core}: {count}")).collect();
    group.add("claims in the queue", if claims.is_empty() { "none".to_owned() } else { claims.join(", ") });
    for Assignment { core, share, .. } in known.assigned.iter().take(MOST) {
        let core = core.map_or_else(|| "a core".to_owned(), |core| format!("core {core}"));
        group.add("assigned", format!("{core}, {share} of {WHOLE} parts"));
    }
    let frozen = known.frozen.as_ref().ok().copied().flatten();
    group.add("frozen", frozen.map(|number| format!("since a dispute about relay block {number}")));
}

fn messages(known: &Known, group: &mut Group<'_>) {
    let head = known.downward_head.map_or_else(|| "none".to_owned(), hex::encode_prefixed);
    group.add("from the relay chain", format!("{} wait, head {head}", known.downward));
    if let Ok(upward) = &known.upward {
        let stuck = if upward.is_stuck { "; none is executed, as each is too heavy for a block" } else { "" };
        let (messages, bytes) = (upward.messages, upward.bytes);
        let (most, most_bytes) = (upward.most, upward.most_bytes);
        group.add(
            "to the relay chain",
            format!("{messages} of {most} messages, {bytes} of {most_bytes} bytes wait{stuck}"),
        );
    }
}

fn channels(known: &Known, case: &Case<'_>, relay: &Reader<'_>, group: &mut Group<'_>) -> Result<()> {
    for (way, channels) in [("from", &known.receives), ("to", &known.sends)] {
        for channel in channels.iter().take(MOST) {
            let Channel { other, messages, bytes, capacity, most_bytes, .. } = channel;
            let told = format!("{messages} of {capacity} messages, {bytes} of {most_bytes} bytes");
            group.add(format!("{way} {other}"), told);
        }
        let more = channels.len().saturating_sub(MOST);
        group.add(format!("more {way} others"), (more > 0).then(|| more.to_string()));
    }
    let requests = [("opened", "HrmpOpenChannelRequestsList"), ("closed", "HrmpCloseChannelRequestsList")];
    for (what, item) in requests {
        // A list of `HrmpChannelId`.
        let parts = relay.parts("Hrmp", item, None)?.unwrap_or_default();
        let ids = parts.iter().filter_map(|part| {
            let place = part.path.strip_suffix(".sender")?;
            Some((part.number?, number(&parts, &format!("{place}.recipient"))?))
        });
        let id = u128::from(u32::from(case.para));
        for (sender, recipient) in ids.filter(|(from, to)| *from == id || *to == id).take(MOST) {
            group.add(format!("to be {what}"), format!("from {sender} to {recipient}, at the end of a session"));
        }
    }
    Ok(())
}

fn accounts(case: &Case<'_>, relay: &Reader<'_>, group: &mut Group<'_>) -> Result<()> {
    let account = relay.parts("System", "Account", Some(&sovereign(b"para", case.para)))?.unwrap_or_default();
    let amount = |path| number(&account, path);
    let told = amount("data.free").zip(amount("data.reserved"));
    group.add(
        "on the relay chain",
        told.map(|(free, reserved)| format!("{free} free and {reserved} reserved, in the smallest unit")),
    );
    Ok(())
}

/// Returns the account of a parachain: `para` on its relay chain, `sibl` on another parachain.
pub fn sovereign(prefix: &[u8; 4], para: ParaId) -> Vec<u8> {
    [&prefix[..], &para.encode(), &[0; 24]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_of_a_parachain_is_that_of_the_relay_chain() {
        let account = sovereign(b"para", 2000.into());
        assert_eq!(account.len(), 32);
        assert_eq!(account[..8], [b'p', b'a', b'r', b'a', 0xd0, 0x07, 0, 0]);
    }

    #[test]
    fn a_fact_without_a_value_is_none() {
        let mut facts = Vec::new();
        let mut group = Group { name: "head", facts: &mut facts };
        group.add("known", "7".to_owned());
        group.add("unknown", None::<String>);
        assert_eq!(facts, [Fact { group: "head".into(), name: "known".into(), value: "7".into() }]);
    }
}
