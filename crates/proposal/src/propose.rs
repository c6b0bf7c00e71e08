// SPDX-License-Identifier: Apache-2.0
//! Creates the proposal of an upgrade: the calls of a route, and the call that applies the upgrade.

use crate::{
    Pallet, Target, Value,
    calls::{self, INLINE_LIMIT, UpgradeCalls},
    route::Chains,
    value::named,
    verified::{self, VerifiedCall},
    xcm::{self, XcmVersion},
};
use protocol::proposal::{Apply, Call, CallProposal, Enactment, InnerCall, Preimage, Proposal, Route};
use worker::{Failure, Result};

/// The most bytes of a call that are shown. A larger call contains code.
const MAX_SHOWN_BYTES: usize = 64 * 1024;

/// The events of a chain whose root authorized an upgrade.
pub(crate) const AUTHORIZED: &str =
    "the event System.UpgradeAuthorized or, on older chains, ParachainSystem.UpgradeAuthorized";

/// The proposed release: its code and its version.
pub struct Release<'code> {
    /// The deployed code.
    pub code: &'code [u8],
    /// The spec_name of its version section.
    pub spec_name: String,
    /// The spec_version of its version section.
    pub spec_version: u32,
}

/// The options of a proposal.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The route. `None`: a route that the chains have.
    pub route: Option<Route>,
    /// When the referendum takes effect.
    pub enactment: Enactment,
    /// The chain does not check spec_name and spec_version when the code is applied.
    pub without_checks: bool,
    /// Note the proposal as a preimage even if it is short enough for the referendum.
    pub note_preimage: bool,
    /// The index of the submitted referendum, for the call that places the decision deposit.
    pub referendum_index: Option<u32>,
}

/// Creates the proposal. Every call is encoded, decoded again and compared.
///
/// Fails if no route is possible, if an option does not apply to the route, or if the chain would
/// reject the release's versions.
pub fn upgrade(chains: Chains<'_>, release: &Release<'_>, options: &Options) -> Result<Proposal> {
    let target = chains.target;
    // A release that the chain would reject is refused before its route is chosen.
    let version = check_version(target, release, options.without_checks)?;
    let route = chains.choose(options.route)?;
    route.check_options(options.enactment, options.note_preimage, options.referendum_index)?;
    let upgrading = UpgradeCalls::of(target).ok_or_else(|| missing("a call to upgrade"))?;
    let mut builder = ProposalBuilder::new(chains.governing(route), options);
    builder.notes.extend(version);
    builder.notes.extend(chains.governing_parachain(route));
    builder.notes.extend(unchecked(target, &upgrading, options));
    let root_call = verified::encode(target, upgrading.root_call(release.code, options.without_checks)?)?;
    // The calls that root dispatches on the governing chain.
    let proposal = if route.by_relay() { builder.by_xcm(chains, root_call)? } else { vec![root_call] };
    let action = if upgrading.by_hash() { "Authorize the upgrade of" } else { "Set the code of" };
    builder.by_route(route, proposal, &format!("{action} {}", target.name()), upgrading.by_hash(), "Root")?;
    let apply = apply(target, &upgrading, release.code)?;
    builder.notes.push(apply_note(target, apply.as_ref()));
    let links = links(&builder.calls, None);
    Ok(Proposal {
        route,
        possible_routes: chains.possible(),
        chain: target.name().into(),
        from_spec_version: target.version().spec_version,
        to_spec_version: release.spec_version,
        code_hash: hex::encode_prefixed(crate::blake2_256(release.code)),
        code_length: release.code.len(),
        without_checks: options.without_checks,
        xcm_version: builder.xcm_version.map(str::to_owned),
        calls: builder.calls,
        apply,
        notes: builder.notes,
        links,
    })
}

/// Creates the proposal of a call. Every call is encoded, decoded again and compared. A referendum of the target has this
/// origin, by default root.
///
/// # Errors
///
/// If no route is possible, or if an option does not apply to the route.
pub fn call(chains: Chains<'_>, intention: Value, origin: Option<&str>, options: &Options) -> Result<CallProposal> {
    let target = chains.target;
    let route = chains.choose(options.route)?;
    route.check_options(options.enactment, options.note_preimage, options.referendum_index)?;
    if let Some(origin) = origin.filter(|_| route != Route::RootReferendum) {
        return Err(Failure::usage(format!("the origin {origin} needs a referendum of {}", target.name()))
            .found(format!("the route {route}"))
            .expected(Route::RootReferendum.name()));
    }
    let inner = verified::encode(target, intention)?;
    let own = inner_call(&inner);
    let action = match &inner.decoded {
        Value::Call { pallet, name, .. } => format!("Dispatch {pallet}.{name}"),
        _ => "Dispatch the call".to_owned(),
    };
    let mut builder = ProposalBuilder::new(chains.governing(route), options);
    builder.notes.extend(chains.governing_parachain(route));
    let proposal = if route.by_relay() { builder.by_xcm(chains, inner)? } else { vec![inner] };
    builder.by_route(route, proposal, &action, true, origin.unwrap_or("Root"))?;
    let links = links(&builder.calls, None);
    Ok(CallProposal {
        format: protocol::format::CALL_PROPOSAL.into(),
        route,
        possible_routes: chains.possible(),
        call: own,
        xcm_version: builder.xcm_version.map(str::to_owned),
        calls: builder.calls,
        notes: builder.notes,
        links,
    })
}

/// Checks the versions as the chain does when the code is applied. Without checks a problem becomes
/// a note.
pub(crate) fn check_version(target: &Target, release: &Release<'_>, without_checks: bool) -> Result<Option<String>> {
    let old = target.version();
    let problem = if release.spec_name != old.spec_name {
        let message = format!("the new runtime is not of the chain {}", old.spec_name);
        Failure::check(message)
            .found(format!("spec_name {:.64?}", release.spec_name))
            .expected(format!("{:?}, the chain's own", old.spec_name))
    } else if release.spec_version <= old.spec_version {
        Failure::check(format!("the spec_version of the new {} does not increase", old.spec_name))
            .found(release.spec_version.to_string())
            .expected(format!("above {}, the chain's own", old.spec_version))
    } else {
        return Ok(None);
    };
    if without_checks {
        return Ok(Some(format!("{problem}. The chain will not detect it: the proposal is without checks")));
    }
    Err(problem.hint("the chain would consume the authorization and reject the code"))
}

/// Returns a note on a chain that does not check versions when the code is applied.
pub(crate) fn unchecked(target: &Target, upgrading: &UpgradeCalls<'_>, options: &Options) -> Option<String> {
    (upgrading.never_checks() && !options.without_checks)
        .then(|| format!("{} does not compare versions itself: only this proposal checked them", target.name()))
}

/// Collects the calls of a proposal.
pub(crate) struct ProposalBuilder<'chain> {
    /// The chain that the calls are submitted on.
    chain: &'chain Target,
    options: &'chain Options,
    pub(crate) calls: Vec<Call>,
    pub(crate) notes: Vec<String>,
    xcm_version: Option<&'static str>,
}

impl<'chain> ProposalBuilder<'chain> {
    pub(crate) fn new(chain: &'chain Target, options: &'chain Options) -> Self {
        Self { chain, options, calls: Vec::new(), notes: Vec::new(), xcm_version: None }
    }

    /// Adds the calls of a route that dispatch a proposal. `action` says what it does, and `origin` is that of a
    /// referendum. The weight of a call with code in it is not declared.
    pub(crate) fn by_route(
        &mut self,
        route: Route,
        proposal: Vec<VerifiedCall<'chain>>,
        action: &str,
        weighed: bool,
        origin: &str,
    ) -> Result<()> {
        match route {
            Route::Sudo | Route::RelaySuperuserSudo => self.sudo(proposal, action, weighed),
            Route::RootReferendum | Route::RelaySuperuserReferendum => self.referendum(proposal, origin),
            Route::WhitelistedReferendum => self.whitelisted(proposal),
        }
    }

    fn push(
        &mut self,
        description: String,
        intention: Value,
        carried: &[VerifiedCall<'_>],
        preimage: bool,
    ) -> Result<()> {
        let call = verified::encode(self.chain, intention)?;
        let preimage = carried.first().filter(|_| preimage);
        self.calls.push(Call {
            name: call.name().into(),
            chain: self.chain.name().into(),
            description,
            hash: hex::encode_prefixed(crate::blake2_256(&call.bytes)),
            length: call.bytes.len(),
            bytes: shown(&call.bytes),
            preimage: preimage.map(|proposal| Preimage {
                hash: hex::encode_prefixed(crate::blake2_256(&proposal.bytes)),
                length: proposal.bytes.len(),
            }),
            decoded: call.decoded.to_string(),
            carries: carried.iter().map(inner_call).collect(),
            files: Vec::new(),
            encoded: call.bytes,
        });
        Ok(())
    }

    /// Wraps a call of the target in an XCM message of the governing chain. Returns both calls, the
    /// outermost first.
    fn by_xcm(&mut self, chains: Chains<'chain>, inner: VerifiedCall<'chain>) -> Result<Vec<VerifiedCall<'chain>>> {
        let (send, version) = self.message(chains, &inner)?;
        self.xcm_version = Some(version.name());
        let effect = match inner.name() {
            "authorize_upgrade" | "authorize_upgrade_without_checks" => AUTHORIZED,
            _ => "the events of the call, as MessageQueue.Processed says nothing of its result",
        };
        self.note_sent(chains.target.name(), effect)?;
        Ok(vec![send, inner])
    }

    /// Returns the call that sends the target a call, which it dispatches as root, and the version of the message.
    pub(crate) fn message(
        &self,
        chains: Chains<'_>,
        inner: &VerifiedCall<'_>,
    ) -> Result<(VerifiedCall<'chain>, XcmVersion)> {
        let destination = chains.destination().ok_or_else(|| missing("a destination"))?;
        let pallet = xcm::pallet(self.chain).ok_or_else(|| missing("an XCM pallet"))?;
        let version = xcm::version(self.chain, chains.target)?;
        let send = verified::encode(self.chain, xcm::send(pallet, version, destination, &inner.bytes))?;
        Ok((send, version))
    }

    /// Notes that the result of a call `send` does not tell what the receiver does, and what tells it.
    pub(crate) fn note_sent(&mut self, receiver: &str, effect: &str) -> Result<()> {
        let pallet = xcm::pallet(self.chain).ok_or_else(|| missing("an XCM pallet"))?;
        self.notes.push(format!(
            "{}.send succeeds when the message is queued. Check on {receiver} that it accepted {} as root: {effect}",
            pallet.name,
            self.chain.name()
        ));
        Ok(())
    }

    /// Wraps a call for the key of Sudo. `action` says what it does. The weight of one that has code may be above that of
    /// a block, so it is not declared.
    fn sudo(&mut self, mut proposal: Vec<VerifiedCall<'chain>>, action: &str, weighed: bool) -> Result<()> {
        let pallet = calls::sudo_pallet(self.chain).ok_or_else(|| missing("the pallet Sudo"))?;
        let inner = proposal.remove(0);
        let description = format!(
            "{action} by the sudo key of {}: submitted by that account, or through it where it is a multisig or has a proxy",
            self.chain.name()
        );
        // The inner call is decoded with this one. The remaining calls are encoded bytes inside of
        // it.
        let call = if weighed {
            calls::sudo(pallet, inner.decoded)
        } else {
            calls::sudo_of_any_weight(self.chain, pallet, inner.decoded)
        };
        self.push(description, call, &proposal, false)
    }

    fn referendum(&mut self, proposal: Vec<VerifiedCall<'chain>>, origin: &str) -> Result<()> {
        let pallet = calls::referenda_pallet(self.chain).ok_or_else(|| missing("the pallet Referenda"))?;
        let origin_value =
            calls::referendum_origin(self.chain, origin).ok_or_else(|| missing("the origin of the referendum"))?;
        let voted = proposal.first().ok_or_else(|| missing("a proposal"))?;
        let inline = voted.bytes.len() <= INLINE_LIMIT && !self.options.note_preimage;
        if !inline {
            let preimages = calls::preimage_pallet(self.chain).ok_or_else(|| {
                Failure::input(format!("{} cannot note the preimage of the proposal", self.chain.name()))
                    .found(format!("a proposal of {} bytes and no pallet Preimage", voted.bytes.len()))
                    .expected(format!("that pallet, or at most {INLINE_LIMIT} bytes"))
            })?;
            let note = calls::call(preimages, "note_preimage", vec![named("bytes", Value::bytes(&voted.bytes))]);
            let description = "Note the preimage of the proposal: by any account, which reserves a deposit".into();
            self.push(description, note, &proposal, true)?;
        }
        let bounded = if inline { calls::inline(&voted.bytes) } else { calls::lookup(&voted.bytes) };
        let submit = calls::submit(pallet, origin_value, bounded, self.options.enactment);
        let description =
            format!("Submit the referendum with the origin {origin}: by any account, which reserves a deposit");
        self.push(description, submit, &proposal, true)?;
        self.deposit(pallet)
    }

    fn deposit(&mut self, pallet: &Pallet) -> Result<()> {
        let name = "place_decision_deposit";
        match self.options.referendum_index {
            Some(index) => {
                let call = calls::call(pallet, name, vec![named("index", Value::Number(index.into()))]);
                let description = format!("Place the decision deposit of referendum {index}: by any account");
                self.push(description, call, &[], false)
            }
            None => {
                self.notes.push(format!(
                    "without {}.{name}(index) the referendum is never decided. The event {}.Submitted has its index; \
                     run the command again with --referendum-index to get that call as well",
                    pallet.name, pallet.name
                ));
                Ok(())
            }
        }
    }

    fn whitelisted(&mut self, mut proposal: Vec<VerifiedCall<'chain>>) -> Result<()> {
        let pallet = calls::whitelist_pallet(self.chain).ok_or_else(|| missing("the pallet Whitelist"))?;
        let call_hash = crate::blake2_256(&proposal.first().ok_or_else(|| missing("a proposal"))?.bytes);
        let whitelist = calls::call(pallet, "whitelist_call", vec![named("call_hash", Value::bytes(call_hash))]);
        let description = format!(
            "Whitelist the call: dispatched by the origin that the Whitelist of {} accepts (a fellowship, or root), \
             before the referendum is enacted",
            self.chain.name()
        );
        self.push(description, whitelist, &proposal, false)?;
        let inner = proposal.remove(0);
        let dispatch =
            calls::call(pallet, "dispatch_whitelisted_call_with_preimage", vec![named("call", inner.decoded)]);
        proposal.insert(0, verified::encode(self.chain, dispatch)?);
        self.referendum(proposal, "WhitelistedCaller")
    }
}

pub(crate) fn inner_call(carried: &VerifiedCall<'_>) -> InnerCall {
    InnerCall {
        chain: carried.chain.name().into(),
        bytes: shown(&carried.bytes),
        hash: hex::encode_prefixed(crate::blake2_256(&carried.bytes)),
        length: carried.bytes.len(),
        decoded: carried.decoded.to_string(),
    }
}

/// Returns the call that applies the code after its authorization, if the chain has one.
pub(crate) fn apply(target: &Target, upgrading: &UpgradeCalls<'_>, code: &[u8]) -> Result<Option<Apply>> {
    let Some(intention) = upgrading.apply(code) else { return Ok(None) };
    let call = verified::encode(target, intention)?;
    let rejected = "RejectedInvalidAuthorizedUpgrade";
    Ok(Some(Apply {
        name: call.name().into(),
        chain: target.name().into(),
        description: format!("Apply the authorized code on {}: by any account, after the authorization", target.name()),
        hash: hex::encode_prefixed(crate::blake2_256(&call.bytes)),
        length: call.bytes.len(),
        decoded: call.decoded.to_string(),
        expected_events: expected_events(target),
        rejected_event: target.has_event("System", rejected).then(|| format!("System.{rejected}")),
        files: Vec::new(),
        encoded: call.bytes,
    }))
}

/// Returns the events of a successful upgrade that the chain has, in their order.
fn expected_events(target: &Target) -> Vec<String> {
    let expected: &[(&str, &str)] = if target.pallet("ParachainSystem").is_some() {
        &[("ParachainSystem", "ValidationFunctionStored"), ("ParachainSystem", "ValidationFunctionApplied")]
    } else {
        &[("System", "CodeUpdated")]
    };
    let known = expected.iter().filter(|(pallet, name)| target.has_event(pallet, name));
    known.map(|(pallet, name)| format!("{pallet}.{name}")).collect()
}

fn apply_note(target: &Target, apply: Option<&Apply>) -> String {
    let mut expected = expected_events(target).join(", then ");
    if expected.is_empty() {
        expected = "a higher spec_version".into();
    }
    match apply {
        Some(Apply { name, rejected_event: Some(event), .. }) => format!(
            "{name} succeeds even if spec_name or spec_version does not fit, and consumes the authorization: only \
             the event {event} shows it. Expected: {expected}"
        ),
        Some(Apply { name, .. }) => format!("expected after {name}: {expected}"),
        None => format!(
            "{} cannot authorize upgrades by hash, so the call itself contains the code: it is in the files and not \
             shown. Expected after it: {expected}",
            target.name()
        ),
    }
}

/// Returns a link to the decoded call in a browser for each call whose bytes are shown. `endpoint`:
/// the node that the browser connects to.
pub(crate) fn links(calls: &[Call], endpoint: Option<&str>) -> Vec<String> {
    let query = endpoint.map(|url| format!("?rpc={}", percent_encoded(url))).unwrap_or_default();
    let shown = calls.iter().map(|call| call.bytes.as_str()).filter(|bytes| !bytes.is_empty());
    shown.map(|bytes| format!("https://polkadot.js.org/apps/{query}#/extrinsics/decode/{bytes}")).collect()
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Returns the bytes in hex, or nothing if they are too long to show.
fn shown(bytes: &[u8]) -> String {
    if bytes.len() > MAX_SHOWN_BYTES { String::new() } else { hex::encode_prefixed(bytes) }
}

/// Returns an internal failure: a route is only chosen if the chains have everything it requires.
pub(crate) fn missing(what: &str) -> Failure {
    Failure::internal(format!("a route was chosen for which {what} is missing"))
}
