// SPDX-License-Identifier: Apache-2.0
//! Will the chain take the upgrade after this one?
//!
//! An upgrade needs someone who decides on a code, and a chain that applies it. Applying is
//! rehearsed as for this upgrade, with the present code as the next one, and no block of it is
//! built. The ways to decide are tried on both runtimes: the roots of other chains, the sudo key,
//! and the first steps of the governance of the chain. Only a way that the present code has and the
//! new one lacks counts.

use crate::{
    ask::parachain_id,
    enactment::{self, Obstacle, Versions},
    input::Runtime,
    messages::transfers,
    rehearsal::Rehearsal,
    superuser::{self, Sender},
    transaction::{self, Sent, variant},
    types::{Interface, interface::Pallet, read},
};
use codec::{Compact, Encode};
use fork::{Author, Chain, Executor};
use protocol::{CheckOutcome, Finding, Rank};
use worker::Result;

/// The number of Asset Hub at every relay chain of the Polkadot SDK: governance is there, or is
/// moving there.
const ASSET_HUB: u32 = 1_000;

/// A way to decide on a code.
struct Way {
    /// `the relay chain's root can authorize one`
    name: String,
    state: State,
}

enum State {
    Open,
    /// Why it is closed.
    Closed(String),
    /// Why it could not be tried.
    NotTried(String),
}

/// A runtime on a state of its chain.
type Side<'a> = (&'a Runtime, &'a Chain);

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, chain, executor, .. } = rehearsal;
    let by_the_chain = rehearsal.enactment()?.by_the_chain;
    let (before, after) = ((from, chain), (to, &rehearsal.migration()?.chain));
    rehearsal.reporter.status("trying the ways to the next upgrade");
    let mut applies = None;
    // What the present code cannot do either is not a fault of the upgrade.
    if by_the_chain {
        match enactment::apply(after.1, &mut *rehearsal.author()?, &before.0.code, Versions::Unchecked)? {
            Ok(_) => applies = Some("the chain applies an authorized upgrade"),
            Err(Obstacle::NotJudged(failure)) => return Ok(CheckOutcome::not_judged(failure.to_string())),
            Err(obstacle) => {
                let detail = "the chain could apply an authorized upgrade, and cannot under the new code";
                return Ok(CheckOutcome::fail(detail).with(vec![obstacle.failure().to_string()]));
            }
        }
    }
    let size = after.0.code.bytes().len();
    let mut had = ways(before, size, executor)?;
    had.retain(|way| matches!(way.state, State::Open));
    // If nobody could decide before, nothing can be lost.
    let has = match had.is_empty() {
        true => Vec::new(),
        false => ways(after, size, executor)?,
    };
    Ok(judge(applies, &had, &has))
}

/// Judges the ways. `had` are those that were open; `has` are those of the new code, open or
/// closed.
fn judge(applies: Option<&str>, had: &[Way], has: &[Way]) -> CheckOutcome {
    let mut open: Vec<_> = applies.into_iter().map(str::to_owned).collect();
    let (mut closed, mut not_tried) = (Vec::new(), Vec::new());
    for way in had {
        match has.iter().find(|known| known.name == way.name).map(|known| &known.state) {
            Some(State::Open) => open.push(way.name.clone()),
            Some(State::Closed(why)) => closed.push(format!("no more under the new code: {}: {why}", way.name)),
            Some(State::NotTried(why)) => not_tried.push(format!("under the new code: {}: {why}", way.name)),
            None => closed.push(format!("no more under the new code: {}: it is gone", way.name)),
        }
    }
    // Sudo may be replaced by governance, a way that did not exist before.
    let new = has.iter().filter(|way| !had.iter().any(|known| known.name == way.name));
    open.extend(new.filter(|way| matches!(way.state, State::Open)).map(|way| way.name.clone()));
    let decides = open.len() > usize::from(applies.is_some());
    // If another way is open, people must judge the closed one.
    let of_closed = match (decides, not_tried.is_empty()) {
        (false, true) => Rank::Seen,
        _ => Rank::Hazard,
    };
    let of_not_tried = if decides { Rank::Note } else { Rank::NotJudged };
    let detail = match (closed.len(), not_tried.len(), decides) {
        (0, 0, _) if open.is_empty() => {
            return CheckOutcome::skip("none of the ways that are known here is open to the chain's present code");
        }
        (0, 0, _) | (0, _, true) => format!("under the new code too, {}", open.join(", ")),
        (_, 0, false) => "nobody who could decide on an upgrade can under the new code".to_owned(),
        (_, untried, false) => {
            format!(
                "{untried} of the ways to the next upgrade could not be tried under the new code, and no other is left"
            )
        }
        (gone, _, true) => {
            format!("{gone} of the ways to the next upgrade are closed by this one; left are: {}", open.join(", "))
        }
    };
    let ranked = |rank: Rank, texts: Vec<String>| texts.into_iter().map(move |text| Finding::new(rank, text));
    CheckOutcome::judged(detail, ranked(of_closed, closed).chain(ranked(of_not_tried, not_tried)).collect())
}

/// Returns the ways of the runtime, open or closed. Ways that the tool cannot try are left out.
fn ways(side: Side<'_>, size: usize, executor: &Executor) -> Result<Vec<Way>> {
    let mut ways = by_message(side, executor)?;
    let (runtime, chain) = side;
    let Some(interface) = runtime.interface() else { return Ok(ways) };
    let mut author = Author::new(executor);
    let mut send =
        |name: String, account: [u8; 32], call: &[u8], done: &dyn Fn(&Chain) -> Result<bool>| -> Result<()> {
            let state = match transaction::send(runtime, &interface, chain, &mut author, account, call)? {
                Sent::Dispatched(after) if done(&after)? => State::Open,
                Sent::Dispatched(_) => State::Closed("the call changes nothing".to_owned()),
                Sent::Refused(why) => State::Closed(why),
                Sent::NotKnown(why) => State::NotTried(why),
            };
            ways.push(Way { name, state });
            Ok(())
        };
    let decision = decision(runtime);
    if let (Some((call, key)), Some(sudo)) = (&decision, runtime.layout.pallet_with(&["Key"], Some("sudo_as")))
        && let Some(holder) = chain.storage(&sudo.key("Key"))?.and_then(|key| <[u8; 32]>::try_from(key).ok())
        && let Some(index) = sudo.call("sudo")
    {
        let name = format!("{}'s key can decide on one", sudo.name);
        let call = [&index[..], call].concat();
        send(name, holder, &call, &|after| authorized(after, key))?;
    }
    let Some((account, _)) = transfers::sender(runtime, chain)? else { return Ok(ways) };
    for (name, call) in of_governance(&interface, decision.as_ref().map(|(call, _)| call.as_slice()), size) {
        send(name, account, &call, &|_| Ok(true))?;
    }
    Ok(ways)
}

/// The hash of a later code. Any will do.
const HASH: [u8; 32] = *b"the code of the upgrade to come.";

/// Returns `system.authorize_upgrade`, and the key that shows its effect.
fn authorize(runtime: &Runtime) -> Option<(Vec<u8>, Vec<u8>)> {
    let system = runtime.layout.pallet("System")?;
    let call = system.call("authorize_upgrade").filter(|_| system.has_item("AuthorizedUpgrade"))?;
    Some(((call, HASH).encode(), system.key("AuthorizedUpgrade")))
}

/// Returns the call by which root decides, and the key that shows its effect. In runtimes from
/// before `system.authorize_upgrade` root sets the code; there any call that writes shows that root
/// is accepted.
fn decision(runtime: &Runtime) -> Option<(Vec<u8>, Vec<u8>)> {
    const KEY: &[u8] = b":cutover:next-upgrade";
    authorize(runtime).or_else(|| {
        let call = runtime.layout.pallet("System")?.call("set_storage")?;
        Some(((call, vec![(KEY.to_vec(), HASH.to_vec())]).encode(), KEY.to_vec()))
    })
}

/// Returns whether that code is authorized: another may have been before.
fn authorized(chain: &Chain, key: &[u8]) -> Result<bool> {
    Ok(chain.storage(key)?.is_some_and(|authorization| authorization.starts_with(&HASH)))
}

/// Tries the roots of other chains, which a parachain may accept as its own.
fn by_message((runtime, chain): Side<'_>, executor: &Executor) -> Result<Vec<Way>> {
    let mut ways = Vec::new();
    if runtime.layout.parachain_system().is_none() {
        return Ok(ways);
    }
    let mut senders = vec![(Sender::RelayChain, "the relay chain's root can authorize one")];
    if parachain_id(runtime, chain, executor)?.is_some_and(|id| id != ASSET_HUB) {
        senders.push((Sender::Sibling(ASSET_HUB), "Asset Hub's root can authorize one"));
    }
    let Some((call, key)) = authorize(runtime) else { return Ok(ways) };
    let mut author = Author::new(executor);
    for (sender, name) in senders {
        let open =
            superuser::obeyed(chain, &mut author, &runtime.code, sender, &call, |chain| authorized(chain, &key))?;
        let why = "UnpaidExecution, Transact of system.authorize_upgrade as Superuser, in XCM 5, 4 and 3, was sent, and is not \
                   obeyed; see the barrier, the origin converter and the queue of messages";
        let state = if open { State::Open } else { State::Closed(why.to_owned()) };
        ways.push(Way { name: name.to_owned(), state });
    }
    Ok(ways)
}

/// Returns the first steps of an upgrade: noting the code, and submitting a referendum. The
/// proposal is `authorize`. The noted preimage is as large as a code.
fn of_governance(interface: &Interface<'_>, authorize: Option<&[u8]>, size: usize) -> Vec<(String, Vec<u8>)> {
    let mut calls = Vec::new();
    let mut add = |pallet: &Pallet<'_>, what: &str, call: &str, arguments: Option<Vec<u8>>| {
        let index = interface.calls(pallet).iter().find(|known| known.name == call).map(|call| call.index);
        if let (Some(index), Some(arguments)) = (index, arguments) {
            let name = format!("{what} ({}.{call})", pallet.name);
            calls.push((name, [&[pallet.index, index][..], &arguments].concat()));
        }
    };
    for pallet in &interface.pallets {
        let has = |item: &str| pallet.item(item).is_some();
        if has("PreimageFor") {
            // Unique, because a preimage that is noted already is refused.
            let noted = || [b"cutover".to_vec(), vec![0; size.saturating_sub(7)]].concat();
            add(pallet, "a preimage as large as the code can be noted", "note_preimage", Some(noted().encode()));
        }
        let Some(proposal) = authorize else { continue };
        if has("ReferendumInfoFor") {
            let arguments = referendum(interface, pallet, proposal);
            add(pallet, "a referendum can be submitted", "submit", arguments);
        }
        if has("PublicProps") {
            add(pallet, "a referendum can be proposed", "propose", motion(interface, pallet, proposal));
        }
    }
    calls
}

/// Returns the types of the arguments of a call.
fn arguments(interface: &Interface<'_>, pallet: &Pallet<'_>, call: &str) -> Option<Vec<u32>> {
    let call = interface.calls(pallet).iter().find(|known| known.name == call)?;
    Some(call.fields.iter().map(|field| field.ty.id).collect())
}

/// Returns the arguments of `pallet_referenda::submit`: the origin Root, the proposal, as soon as
/// possible.
fn referendum(interface: &Interface<'_>, pallet: &Pallet<'_>, proposal: &[u8]) -> Option<Vec<u8>> {
    let [origin, call, moment] = arguments(interface, pallet, "submit")?.try_into().ok()?;
    let system = variant(interface, origin, "system")?;
    let root = variant(interface, system.fields.first()?.ty.id, "Root")?;
    let after = variant(interface, moment, "After")?;
    let blocks = read::default_value(interface.types, after.fields.first()?.ty.id)?;
    Some([&[system.index, root.index][..], &bounded(interface, call, proposal)?, &[after.index], &blocks].concat())
}

/// Returns the arguments of `pallet_democracy::propose`: the proposal, or its hash in older ones,
/// and the least deposit.
fn motion(interface: &Interface<'_>, pallet: &Pallet<'_>, proposal: &[u8]) -> Option<Vec<u8>> {
    let [call, _] = arguments(interface, pallet, "propose")?.try_into().ok()?;
    let least = pallet.constants.iter().find(|constant| constant.name == "MinimumDeposit")?;
    let mut wide = [0; 16];
    wide.get_mut(..least.value.len())?.copy_from_slice(least.value);
    let call = match bounded(interface, call, proposal) {
        Some(call) => call,
        None => read::default_value(interface.types, call).filter(|hash| hash.len() == 32)?,
    };
    Some([call, Compact(u128::from_le_bytes(wide)).encode()].concat())
}

/// `Bounded::Inline`
fn bounded(interface: &Interface<'_>, id: u32, call: &[u8]) -> Option<Vec<u8>> {
    Some([vec![variant(interface, id, "Inline")?.index], call.encode()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn way(name: &str, open: bool) -> Way {
        Way { name: name.into(), state: if open { State::Open } else { State::Closed("TooManyHolds".into()) } }
    }

    #[test]
    fn one_way_of_several_that_closes_warns_and_the_last_one_fails() {
        let had = [way("a preimage", true), way("a referendum", true)];
        let check = |has: &[Way]| judge(Some("applies"), &had, has);
        assert_eq!(check(&had).status, Status::Pass);
        let one = check(&[way("a preimage", false), way("a referendum", true)]);
        assert_eq!(one.status, Status::Warn);
        assert!(one.findings[0].text.contains("a preimage: TooManyHolds"), "{one:?}");
        assert_eq!(check(&[way("a preimage", false)]).status, Status::Fail, "the other is gone");
        let replaced = check(&[way("a motion", true)]);
        assert_eq!(replaced.status, Status::Warn, "somebody else decides from now on");
        assert!(replaced.detail.ends_with("left are: applies, a motion"), "{replaced:?}");
        assert_eq!(judge(Some("applies"), &[], &[]).status, Status::Pass, "nobody was known to decide before either");
        assert_eq!(judge(None, &[], &[]).status, Status::Skip);
        assert_eq!(judge(None, &had, &[way("a preimage", false), way("a referendum", true)]).status, Status::Warn);
    }

    #[test]
    fn a_way_that_could_not_be_tried_is_not_said_to_be_closed() {
        let had = [way("a preimage", true), way("a referendum", true)];
        let not_tried = |name: &str| Way { name: name.into(), state: State::NotTried("OwnMode".into()) };
        let check = |has: &[Way]| judge(Some("applies"), &had, has).status;
        assert_eq!(check(&[not_tried("a preimage"), not_tried("a referendum")]), Status::NotJudged);
        assert_eq!(check(&[way("a preimage", false), not_tried("a referendum")]), Status::NotJudged);
        assert_eq!(check(&[way("a preimage", true), not_tried("a referendum")]), Status::Pass);
        assert_eq!(judge(None, &[], &[not_tried("a preimage")]).status, Status::Skip);
    }
}
