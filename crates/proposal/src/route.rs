// SPDX-License-Identifier: Apache-2.0
//! The routes through governance to an upgrade, and which of them a chain has.

use crate::{
    Target,
    calls::{self, UpgradeCalls},
    xcm::{self, Destination},
};
use protocol::proposal::Route;
use worker::{Failure, Result};

/// Returns whether a chain is a parachain.
pub(crate) fn is_parachain(chain: &Target) -> bool {
    chain.pallet_of("ParachainSystem", "cumulus_pallet_parachain_system").is_some()
}

/// Returns whether a chain is a relay chain. `Paras` is the registry of its parachains.
fn is_relay_chain(chain: &Target) -> bool {
    chain.pallet("Paras").is_some()
}

/// Names something that a chain has or lacks.
fn on(chain: &Target, what: &str) -> String {
    format!("{what} on {}", chain.name())
}

/// Returns the note on a governing chain that is a parachain. `target` names the chains that it governs.
pub(crate) fn governing_parachain(governing: &Target, target: &str) -> String {
    let governing = governing.name();
    format!(
        "{governing} is itself a parachain: {target} executes the call only if it takes messages of {governing} as \
         orders of its root, as it does of an Asset Hub that holds the network's governance"
    )
}

/// The chain to upgrade and, if there is one, the chain whose root governs it: its relay chain, or
/// a parachain that hosts the relay chain's governance, such as an Asset Hub.
#[derive(Clone, Copy)]
pub struct Chains<'chain> {
    /// The chain to upgrade.
    pub target: &'chain Target,
    /// The governing chain.
    pub relay: Option<&'chain Target>,
    /// The target's parachain id.
    pub para_id: Option<u32>,
}

impl<'chain> Chains<'chain> {
    /// Returns the destination of the XCM message. `None` if the target is neither a parachain with
    /// a known id nor the relay chain of a governing parachain.
    pub fn destination(&self) -> Option<Destination> {
        match (is_parachain(self.relay?), is_parachain(self.target), self.para_id) {
            (true, true, Some(id)) => Some(Destination::Sibling(id)),
            (false, true, Some(id)) => Some(Destination::Child(id)),
            (true, false, None) if is_relay_chain(self.target) => Some(Destination::Parent),
            _ => None,
        }
    }

    /// Returns what the target lacks to be a destination of the relay's messages.
    fn lacking_destination(&self) -> String {
        let name = self.target.name();
        match (is_parachain(self.target), is_relay_chain(self.target)) {
            (true, _) => format!("the para id of {name}"),
            (false, true) => format!("a parachain as the relay and no para id: {name} is a relay chain"),
            (false, false) => format!("a parachain or a relay chain as the target, which {name} is not"),
        }
    }

    /// Returns a note if the governing chain is a parachain, which is rarely so.
    pub fn governing_parachain(&self, route: Route) -> Option<String> {
        let relay = self.relay.filter(|relay| route.by_relay() && is_parachain(relay))?;
        Some(governing_parachain(relay, self.target.name()))
    }

    /// Returns what the chains lack for the message by which the governing chain's root authorizes an upgrade of the
    /// target. Empty if it can be sent.
    pub fn lacks_message(&self) -> Vec<String> {
        let target = self.target;
        let mut lacks = Vec::new();
        let mut need = |exists: bool, what: String| {
            if !exists {
                lacks.push(what);
            }
        };
        // Code is too large for an XCM message.
        let by_hash = UpgradeCalls::of(target).is_some_and(|upgrading| upgrading.by_hash());
        need(by_hash, on(target, "a call authorize_upgrade"));
        match self.relay {
            None => need(false, "a relay (the chain whose root governs this one)".into()),
            Some(relay) => {
                need(xcm::receives(target), on(target, "XCM"));
                need(self.destination().is_some(), self.lacking_destination());
                need(xcm::pallet(relay).is_some(), on(relay, "the pallet XcmPallet"));
            }
        }
        lacks
    }

    /// Returns what the chains lack for a route. Empty if the route is possible.
    pub fn lacks(&self, route: Route) -> Vec<String> {
        let target = self.target;
        let mut lacks = if route.by_relay() { self.lacks_message() } else { Vec::new() };
        if route.by_relay() && self.relay.is_none() {
            return lacks;
        }
        let mut need = |exists: bool, what: String| {
            if !exists {
                lacks.push(what);
            }
        };
        need(route.by_relay() || UpgradeCalls::of(target).is_some(), on(target, "a call to set code"));
        let governing = self.governing(route);
        match route {
            Route::Sudo | Route::RelaySuperuserSudo => {
                need(calls::sudo_pallet(governing).is_some(), on(governing, "the pallet Sudo"));
            }
            Route::RootReferendum | Route::RelaySuperuserReferendum => {
                need(calls::referenda_pallet(governing).is_some(), on(governing, "the pallet Referenda"));
                need(calls::referendum_origin(governing, "Root").is_some(), on(governing, "referenda for root"));
            }
            Route::WhitelistedReferendum => {
                need(calls::referenda_pallet(target).is_some(), on(target, "the pallet Referenda"));
                need(calls::whitelist_pallet(target).is_some(), on(target, "the pallet Whitelist"));
                let origin = calls::referendum_origin(target, "WhitelistedCaller");
                need(origin.is_some(), on(target, "the origin WhitelistedCaller"));
            }
        }
        lacks
    }

    /// Returns the chain on which the calls of the route are submitted.
    pub fn governing(&self, route: Route) -> &'chain Target {
        self.relay.filter(|_| route.by_relay()).unwrap_or(self.target)
    }

    /// Returns the possible routes.
    pub fn possible(&self) -> Vec<Route> {
        Route::ALL.into_iter().filter(|route| self.lacks(*route).is_empty()).collect()
    }

    /// Returns the requested route, or the default route: by the relay if there is one, and by sudo
    /// rather than by a referendum. The whitelisted track is never the default.
    ///
    /// Fails if the route is not possible.
    pub fn choose(&self, requested: Option<Route>) -> Result<Route> {
        let possible = self.possible();
        if let Some(route) = requested {
            return if possible.contains(&route) {
                Ok(route)
            } else {
                Err(self.impossible(format!("{} cannot be upgraded by the route {route}", self.target.name()), route))
            };
        }
        let preferred = match self.relay {
            Some(_) => [Route::RelaySuperuserSudo, Route::RelaySuperuserReferendum],
            None => [Route::Sudo, Route::RootReferendum],
        };
        preferred.into_iter().find(|route| possible.contains(route)).ok_or_else(|| {
            let closest = preferred.into_iter().min_by_key(|route| self.lacks(*route).len()).unwrap_or(Route::Sudo);
            self.impossible(format!("there is no default route to upgrade {}", self.target.name()), closest)
        })
    }

    fn impossible(&self, message: String, route: Route) -> Failure {
        let possible: Vec<_> = self.possible().into_iter().map(Route::name).collect();
        let mut found = format!("{} has {}", self.target.name(), self.target.pallet_names());
        if let Some(relay) = self.relay {
            found.push_str(&format!("; {} has {}", relay.name(), relay.pallet_names()));
        }
        let hint = if self.relay.is_some() && route.by_relay() && !xcm::receives(self.target) {
            format!(
                "{} receives no messages of other chains: omit --relay if it governs itself, or exchange --target and \
                 --relay",
                self.target.name()
            )
        } else if possible.is_empty() {
            match self.relay {
                Some(_) => "no route is possible with these two chains".into(),
                None => "no route is possible on this chain alone; if another chain governs it, give it with --relay \
                         and --para-id"
                    .into(),
            }
        } else {
            format!("possible: {}; choose with --route", possible.join(", "))
        };
        Failure::input(message)
            .found(found)
            .expected(format!("for {route}: {}", self.lacks(route).join(", ")))
            .hint(hint)
    }
}
