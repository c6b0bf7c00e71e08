// SPDX-License-Identifier: Apache-2.0
//! Creates one proposal for the upgrades of several chains: root of the governing chain authorizes its own new code, and
//! sends each other chain the call that authorizes that chain's.

use crate::{
    Chains, Options, Release, Target, Value,
    calls::{self, UpgradeCalls},
    propose::{AUTHORIZED, ProposalBuilder, apply, check_version, inner_call, links, unchecked},
    route::{governing_parachain, is_parachain},
    value::named,
    verified::{self, VerifiedCall},
};
use protocol::{
    network_proposal::{ChainUpgrade, NetworkProposal},
    proposal::{Apply, Route},
};
use worker::{Failure, Result};

/// The call of Utility that takes back all calls if one fails.
const ATOMIC: &str = "batch_all";
/// The call of Utility that goes on after a call that fails.
const INDEPENDENT: &str = "force_batch";

/// A chain of the network that is upgraded.
pub struct Upgraded<'chain> {
    /// The chain, as its present metadata describes it.
    pub target: &'chain Target,
    /// Its parachain id.
    pub para_id: Option<u32>,
    /// Whether it is the governing chain.
    pub is_governing: bool,
    /// The new runtime.
    pub release: Release<'chain>,
}

impl Upgraded<'_> {
    /// Returns the place in the order: the relay chain, which all others run on, before the parachains, and a parachain
    /// that governs them last, so that it can still act when another upgrade went wrong. Only the parachains between
    /// these are told apart by their para ids.
    fn rank(&self) -> (u8, Option<u32>) {
        match (is_parachain(self.target), self.is_governing) {
            (false, _) => (0, None),
            (true, false) => (1, self.para_id),
            (true, true) => (2, None),
        }
    }
}

/// Creates the proposal. Every call is encoded, decoded again and compared. The order in which the upgrades are given does
/// not matter. If `atomic`, no call takes effect if one of them fails.
///
/// # Errors
///
/// If the route is not possible, if a chain cannot be told to authorize its code, or if a chain would reject its release's
/// version.
pub fn network(
    governing: &Target,
    upgrades: &[Upgraded<'_>],
    atomic: bool,
    options: &Options,
) -> Result<NetworkProposal> {
    let own = Chains { target: governing, relay: None, para_id: None };
    let route = choose(own, options.route)?;
    route.check_options(options.enactment, options.note_preimage, options.referendum_index)?;
    let ordered = in_order(governing, upgrades)?;

    let mut builder = ProposalBuilder::new(governing, options);
    let (mut dispatched, mut carried) = (Vec::new(), Vec::new());
    let (mut documents, mut applies) = (Vec::new(), Vec::new());
    for upgrade in &ordered {
        let (target, release) = (upgrade.target, &upgrade.release);
        let upgrading = UpgradeCalls::of(target).filter(|calls| calls.by_hash()).ok_or_else(|| needs_code(target))?;
        builder.notes.extend(check_version(target, release, options.without_checks)?);
        expect_own_runtime(governing, &ordered, upgrade)?;
        builder.notes.extend(unchecked(target, &upgrading, options));
        let authorize = verified::encode(target, upgrading.root_call(release.code, options.without_checks)?)?;
        let mut document = ChainUpgrade {
            chain: target.name().into(),
            para_id: upgrade.para_id,
            from_spec_version: target.version().spec_version,
            to_spec_version: release.spec_version,
            code_hash: hex::encode_prefixed(crate::blake2_256(release.code)),
            code_length: release.code.len(),
            authorize: inner_call(&authorize),
            xcm_version: None,
        };
        if upgrade.is_governing {
            // The same chain, by the metadata that the other calls are encoded with.
            dispatched.push(verified::encode(governing, authorize.decoded)?);
        } else {
            let (send, version) = builder.message(message_to(governing, upgrade), &authorize)?;
            document.xcm_version = Some(version.name().to_owned());
            dispatched.push(send);
            carried.push(authorize);
        }
        documents.push(document);
        applies.extend(apply(target, &upgrading, release.code)?);
    }

    let batch = (dispatched.len() > 1).then_some(if atomic { ATOMIC } else { INDEPENDENT });
    let dispatched = match batch {
        Some(name) => vec![self::batch(governing, name, dispatched)?],
        None => dispatched,
    };
    let call = dispatched.first().map(inner_call).ok_or_else(no_upgrade)?;
    let proposal = dispatched.into_iter().chain(carried).collect();
    let names: Vec<_> = ordered.iter().map(|upgrade| upgrade.target.name()).collect();
    builder.by_route(route, proposal, &format!("Authorize the upgrades of {}", names.join(", ")), true, "Root")?;
    add_notes(&mut builder, governing, &ordered, batch)?;
    builder.notes.extend(applied(&applies, options.without_checks));
    let links = links(&builder.calls, None);
    Ok(NetworkProposal {
        format: protocol::format::NETWORK_PROPOSAL.into(),
        route,
        possible_routes: own.possible(),
        governing: governing.name().into(),
        upgrades: documents,
        batch: batch.map(str::to_owned),
        call,
        without_checks: options.without_checks,
        calls: builder.calls,
        applies,
        notes: builder.notes,
        links,
    })
}

/// Returns the route of the governing chain.
fn choose(own: Chains<'_>, requested: Option<Route>) -> Result<Route> {
    if let Some(route) = requested.filter(|route| route.by_relay()) {
        return Err(Failure::usage(format!("the route {route} is not that of a governing chain"))
            .found(format!("{} itself dispatches the proposal", own.target.name()))
            .expected("sudo, root-referendum or whitelisted-referendum"));
    }
    own.choose(requested).map_err(|failure| match own.possible().is_empty() {
        true => failure.hint("no route is possible on the governing chain: name another one with --on"),
        false => failure,
    })
}

/// Returns the message's sender and receiver.
fn message_to<'chain>(governing: &'chain Target, upgrade: &Upgraded<'chain>) -> Chains<'chain> {
    Chains { target: upgrade.target, relay: Some(governing), para_id: upgrade.para_id }
}

/// Returns the upgrades in their order. Fails if a chain cannot be reached, or is given twice.
fn in_order<'a, 'chain>(
    governing: &'chain Target,
    upgrades: &'a [Upgraded<'chain>],
) -> Result<Vec<&'a Upgraded<'chain>>> {
    for upgrade in upgrades.iter().filter(|upgrade| !upgrade.is_governing) {
        let lacks = message_to(governing, upgrade).lacks_message();
        if !lacks.is_empty() {
            let (target, sender) = (upgrade.target.name(), governing.name());
            return Err(Failure::input(format!("{sender} cannot tell {target} to authorize its upgrade"))
                .found(format!(
                    "{target} has {}; {sender} has {}",
                    upgrade.target.pallet_names(),
                    governing.pallet_names()
                ))
                .expected(lacks.join(", "))
                .hint("a para id that the state does not tell is given with --para-id SOURCE=ID"));
        }
    }
    let mut ordered: Vec<_> = upgrades.iter().collect();
    ordered.sort_by_key(|upgrade| upgrade.rank());
    for pair in ordered.windows(2) {
        if let [first, second] = pair
            && first.rank() == second.rank()
        {
            return Err(Failure::usage("two upgrades are of the same chain")
                .found(format!("{} and {}{}", first.target.name(), second.target.name(), parachain(second.rank().1)))
                .expected("one upgrade for each chain"));
        }
    }
    Ok(ordered)
}

/// Checks that a chain does not get the runtime of another chain of the proposal. Without the chains' own checks it would
/// run it.
fn expect_own_runtime(governing: &Target, all: &[&Upgraded<'_>], upgrade: &Upgraded<'_>) -> Result<()> {
    let (own, given) = (upgrade.target.name(), upgrade.release.spec_name.as_str());
    let mut names = std::iter::once(governing.name()).chain(all.iter().map(|other| other.target.name()));
    if own == given || names.all(|name| name != given) {
        return Ok(());
    }
    Err(Failure::check(format!("the new runtime of {own} is that of another chain of the proposal"))
        .found(format!("spec_name {given:?}"))
        .expected(format!("{own:?}, or a name that no other chain of the proposal has"))
        .hint("exchange the blobs"))
}

fn parachain(para_id: Option<u32>) -> String {
    para_id.map(|id| format!(", both parachain {id}")).unwrap_or_default()
}

/// Returns the call of Utility that holds the others.
fn batch<'chain>(
    governing: &'chain Target,
    name: &str,
    dispatched: Vec<VerifiedCall<'_>>,
) -> Result<VerifiedCall<'chain>> {
    let pallet =
        governing.pallet_of("Utility", "pallet_utility").filter(|pallet| governing.call(pallet, name).is_some());
    let pallet = pallet.ok_or_else(|| {
        Failure::input(format!("{} cannot dispatch several calls as one", governing.name()))
            .found(format!("{} has {}", governing.name(), governing.pallet_names()))
            .expected(format!("the pallet Utility with a call {name}"))
            .hint("propose each upgrade alone, with `propose upgrade`")
    })?;
    let calls = dispatched.into_iter().map(|call| call.decoded).collect();
    verified::encode(governing, calls::call(pallet, name, vec![named("calls", Value::List(calls))]))
}

fn add_notes(
    builder: &mut ProposalBuilder<'_>,
    governing: &Target,
    ordered: &[&Upgraded<'_>],
    batch: Option<&str>,
) -> Result<()> {
    let receivers: Vec<_> =
        ordered.iter().filter(|upgrade| !upgrade.is_governing).map(|upgrade| upgrade.target.name()).collect();
    if !receivers.is_empty() {
        let receivers = format!("each of {}", receivers.join(", "));
        if is_parachain(governing) {
            builder.notes.push(governing_parachain(governing, &receivers));
        }
        builder.note_sent(&receivers, AUTHORIZED)?;
    }
    let about_batch = batch.map(|name| match name {
        ATOMIC => {
            "Utility.batch_all takes back all calls if one of them fails. That does not hold for what the other chains \
             do with their messages"
        }
        _ => {
            "Utility.force_batch goes on after a call that fails, and succeeds itself: only the event \
             Utility.ItemFailed shows it"
        }
    });
    builder.notes.extend(about_batch.map(str::to_owned));
    builder.notes.push(
        "each code is applied by a call of its own, which any account can submit as soon as the code is authorized, in \
         any order. Submit them in the order in which they are listed, each when the chain before it runs its code. An \
         upgrade that must not be applied before another one belongs into a later proposal"
            .to_owned(),
    );
    Ok(())
}

/// Returns what the calls that apply the codes do not show by their own result.
fn applied(applies: &[Apply], without_checks: bool) -> Option<String> {
    if without_checks {
        return Some(
            "no chain compares spec_name and spec_version when it applies its code: whatever is wrong with a code, or \
             with the chain that it is for, takes effect"
                .to_owned(),
        );
    }
    applies.iter().any(|apply| apply.rejected_event.is_some()).then(|| {
        "a call that applies code succeeds even if spec_name or spec_version does not fit, and consumes the \
         authorization: where that call has a `rejected_event`, only the event shows it"
            .to_owned()
    })
}

fn no_upgrade() -> Failure {
    Failure::usage("no chain is given to upgrade").expected("one or more upgrades")
}

/// Returns the failure of a chain that takes no hash of code.
fn needs_code(target: &Target) -> Failure {
    Failure::input(format!("{} cannot authorize an upgrade by the hash of its code", target.name()))
        .found(format!("{} has {}", target.name(), target.pallet_names()))
        .expected("a call authorize_upgrade")
        .hint("upgrade this chain alone, with `propose upgrade`")
}
