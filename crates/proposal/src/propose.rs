// SPDX-License-Identifier: Apache-2.0
//! The proposal of an upgrade: every call a route takes, and the step that applies it.

use crate::{
    Target, Value,
    calls::{self, Enactment, INLINE_LIMIT, UpgradeCalls},
    links::links,
    route::{Chains, Route},
    value::named,
    verified::{self, VerifiedCall},
    xcm,
};
use serde::Serialize;
use worker::{Failure, Result};

/// A call beyond this carries code.
const MAX_SHOWN_BYTES: usize = 64 * 1024;

/// The release that is proposed: the code as it will be set, and what its version section says.
pub struct Release<'code> {
    pub code: &'code [u8],
    pub spec_name: String,
    pub spec_version: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Chosen by what the chains have where it is not given.
    pub route: Option<Route>,
    pub enactment: Enactment,
    /// The chain shall not compare spec_name and spec_version when the code is applied.
    pub without_checks: bool,
    /// Note the proposal as a preimage even where it is short enough to lie in the referendum.
    pub note_preimage: bool,
    /// Once the referendum is submitted: its index, for the call that places the decision deposit.
    pub referendum_index: Option<u32>,
}

impl Options {
    /// What only a referendum has is not left out in silence where there is none.
    fn check_against_route(&self, route: Route) -> Result<()> {
        let given = [
            ("--enact-after or --enact-at", self.enactment != Enactment::default()),
            ("--note-preimage", self.note_preimage),
            ("--referendum-index", self.referendum_index.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given && !route.by_referendum()) {
            None => Ok(()),
            Some((option, _)) => Err(Failure::usage(format!("the route {route} has no use for {option}"))
                .found("a route without a referendum: what it proposes takes effect at once")
                .expected("a referendum")
                .hint("leave it out, or choose another route with --route")),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    pub route: Route,
    pub possible_routes: Vec<Route>,
    /// The chain that is upgraded.
    pub chain: String,
    pub from_spec_version: u32,
    pub to_spec_version: u32,
    pub code_hash: String,
    pub code_length: usize,
    pub without_checks: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xcm_version: Option<&'static str>,
    /// In the order they are to be submitted.
    pub calls: Vec<Call>,
    /// Nothing on a chain from before upgrades were authorized: there the call itself carries the code.
    pub apply: Option<Apply>,
    /// What has to be done or known beside the calls.
    pub notes: Vec<String>,
    /// One a call whose bytes are shown: the call decoded in a browser.
    pub links: Vec<String>,
}

impl Proposal {
    /// Has the links open with a node of the chain that the calls are for.
    pub fn link_to(&mut self, endpoint: &str) {
        self.links = links(&self.calls, Some(endpoint));
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    pub name: String,
    /// spec_name of the chain it is submitted on.
    pub chain: String,
    pub description: String,
    /// Left out of a call that carries the code: those are in the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    /// blake2_256 of the bytes.
    pub hash: String,
    pub length: usize,
    /// Of the call that is voted on, in a referendum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preimage: Option<Preimage>,
    pub decoded: String,
    /// The calls that lie in this one as mere bytes, from the outermost in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<InnerCall>,
    /// Relative to the output directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    #[serde(skip)]
    pub encoded: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preimage {
    pub hash: String,
    pub length: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InnerCall {
    pub chain: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    pub hash: String,
    pub length: usize,
    pub decoded: String,
}

/// The call that hands the code over once it is authorized. It is as large as the code, so its bytes are in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Apply {
    pub name: String,
    pub chain: String,
    pub description: String,
    pub hash: String,
    pub length: usize,
    pub decoded: String,
    /// The events of success, in their order.
    pub expected_events: Vec<String>,
    /// The event of a refusal that is no error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_event: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Builds the proposal. Every call is encoded, decoded back and compared on the way.
pub fn upgrade(chains: Chains<'_>, release: &Release<'_>, options: &Options) -> Result<Proposal> {
    let target = chains.target;
    let mut notes = Vec::new();
    notes.extend(check_version(target, release, options.without_checks)?);
    let route = chains.choose(options.route)?;
    options.check_against_route(route)?;
    let upgrading = UpgradeCalls::of(target).ok_or_else(|| missing("a call to upgrade"))?;
    if upgrading.never_checks() && !options.without_checks {
        notes
            .push(format!("{} does not compare versions by itself: that they fit is checked here only", target.name()));
    }
    let root_call = verified::encode(target, upgrading.root_call(release.code, options.without_checks)?)?;
    let governing = chains.governing(route);
    let mut builder = ProposalBuilder { chain: governing, options, calls: Vec::new(), notes, xcm_version: None };
    // What root on the governing chain has to do.
    let proposal = if route.by_relay() { builder.by_xcm(chains, root_call)? } else { vec![root_call] };
    match route {
        Route::Sudo | Route::RelaySuperuserSudo => builder.sudo(proposal, target, upgrading.by_hash())?,
        Route::RootReferendum | Route::RelaySuperuserReferendum => builder.referendum(proposal, "Root")?,
        Route::WhitelistedReferendum => builder.whitelisted(proposal)?,
    }
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
        xcm_version: builder.xcm_version,
        calls: builder.calls,
        apply,
        notes: builder.notes,
        links,
    })
}

/// What the chain will check when the code is applied, before anyone votes on it. The answer is a note.
fn check_version(target: &Target, release: &Release<'_>, without_checks: bool) -> Result<Option<String>> {
    let old = target.version();
    let problem = if release.spec_name != old.spec_name {
        let message = format!("the new runtime is not one of the chain {}", old.spec_name);
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
        return Ok(Some(format!("{problem}. The chain will not notice: this is proposed without checks")));
    }
    Err(problem.hint("the chain would use the authorization up and refuse the code"))
}

struct ProposalBuilder<'chain> {
    /// Where the calls are submitted.
    chain: &'chain Target,
    options: &'chain Options,
    calls: Vec<Call>,
    notes: Vec<String>,
    xcm_version: Option<&'static str>,
}

impl<'chain> ProposalBuilder<'chain> {
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

    /// Wraps a call of the target for its Superuser on the governing chain. Outermost first.
    fn by_xcm(&mut self, chains: Chains<'chain>, inner: VerifiedCall<'chain>) -> Result<Vec<VerifiedCall<'chain>>> {
        let destination = chains.destination().ok_or_else(|| missing("a destination"))?;
        let pallet = xcm::pallet(self.chain).ok_or_else(|| missing("an XCM pallet"))?;
        let version = xcm::version(self.chain, chains.target)?;
        self.xcm_version = Some(version.name());
        let send = verified::encode(self.chain, xcm::send(pallet, version, destination, &inner.bytes))?;
        self.notes.push(format!(
            "{}.send succeeds once the message is queued. Whether {} let {} act as its root shows there: the event \
             System.UpgradeAuthorized or, on older chains, ParachainSystem.UpgradeAuthorized",
            pallet.name,
            chains.target.name(),
            self.chain.name(),
        ));
        Ok(vec![send, inner])
    }

    fn sudo(&mut self, mut proposal: Vec<VerifiedCall<'chain>>, target: &Target, by_hash: bool) -> Result<()> {
        let pallet = calls::sudo_pallet(self.chain).ok_or_else(|| missing("the pallet Sudo"))?;
        let inner = proposal.remove(0);
        let description = format!(
            "{} {} by the sudo key of {}: submitted by that account, or through it where it is a multisig or has a proxy",
            if by_hash { "Authorize the upgrade of" } else { "Set the code of" },
            target.name(),
            self.chain.name()
        );
        // What lies in it in full is decoded with it; what remains is mere bytes.
        let call = if by_hash {
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
            let description = "Note the preimage of the proposal: by any account, which lends a deposit".into();
            self.push(description, note, &proposal, true)?;
        }
        let bounded = if inline { calls::inline(&voted.bytes) } else { calls::lookup(&voted.bytes) };
        let submit = calls::submit(pallet, origin_value, bounded, self.options.enactment);
        let description =
            format!("Submit the referendum with the origin {origin}: by any account, which lends a deposit");
        self.push(description, submit, &proposal, true)?;
        self.deposit(pallet)
    }

    fn deposit(&mut self, pallet: &crate::metadata::Pallet) -> Result<()> {
        let name = "place_decision_deposit";
        match self.options.referendum_index {
            Some(index) => {
                let call = calls::call(pallet, name, vec![named("index", Value::Number(index.into()))]);
                let description = format!("Place the decision deposit of referendum {index}: by any account");
                self.push(description, call, &[], false)
            }
            None => {
                self.notes.push(format!(
                    "without {}.{name}(index) the referendum is never decided. Its index is known from the event \
                     {}.Submitted; propose again with it to have that call as well",
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
            "Whitelist the call: dispatched by the origin that the Whitelist of {} obeys (a fellowship, or root), \
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

fn inner_call(carried: &VerifiedCall<'_>) -> InnerCall {
    InnerCall {
        chain: carried.chain.name().into(),
        bytes: shown(&carried.bytes),
        hash: hex::encode_prefixed(crate::blake2_256(&carried.bytes)),
        length: carried.bytes.len(),
        decoded: carried.decoded.to_string(),
    }
}

fn apply(target: &Target, upgrading: &UpgradeCalls<'_>, code: &[u8]) -> Result<Option<Apply>> {
    let Some(intention) = upgrading.apply(code) else { return Ok(None) };
    let call = verified::encode(target, intention)?;
    let rejected = "RejectedInvalidAuthorizedUpgrade";
    Ok(Some(Apply {
        name: call.name().into(),
        chain: target.name().into(),
        description: format!("Hand the authorized code to {}: by any account, after the authorization", target.name()),
        hash: hex::encode_prefixed(crate::blake2_256(&call.bytes)),
        length: call.bytes.len(),
        decoded: call.decoded.to_string(),
        expected_events: expected_events(target),
        rejected_event: target.has_event("System", rejected).then(|| format!("System.{rejected}")),
        files: Vec::new(),
        bytes: call.bytes,
    }))
}

/// Of new code that is accepted, in their order, as far as the chain has them.
fn expected_events(target: &Target) -> Vec<String> {
    let expected: &[(&str, &str)] = if target.pallet("ParachainSystem").is_some() {
        &[("ParachainSystem", "ValidationFunctionStored"), ("ParachainSystem", "ValidationFunctionApplied")]
    } else {
        &[("System", "CodeUpdated")]
    };
    let there = expected.iter().filter(|(pallet, name)| target.has_event(pallet, name));
    there.map(|(pallet, name)| format!("{pallet}.{name}")).collect()
}

fn apply_note(target: &Target, apply: Option<&Apply>) -> String {
    let mut expected = expected_events(target).join(", then ");
    if expected.is_empty() {
        expected = "a higher spec_version".into();
    }
    match apply {
        Some(Apply { name, rejected_event: Some(event), .. }) => format!(
            "{name} reports success even when spec_name or spec_version does not fit, and the authorization is gone: \
             only the event {event} shows it. Expected: {expected}"
        ),
        Some(Apply { name, .. }) => format!("expected after {name}: {expected}"),
        None => format!(
            "{} is from before upgrades were authorized by hash, so the call itself carries the code: it is in the \
             files and not shown. Expected after it: {expected}",
            target.name()
        ),
    }
}

/// The bytes as text, unless they are nothing to look at.
fn shown(bytes: &[u8]) -> String {
    if bytes.len() > MAX_SHOWN_BYTES { String::new() } else { hex::encode_prefixed(bytes) }
}

/// A route is only taken when nothing is lacking, so this is ours to explain.
fn missing(what: &str) -> Failure {
    Failure::internal(format!("a route was chosen for which {what} is missing"))
}
