// SPDX-License-Identifier: Apache-2.0
//! The proposal of an upgrade: the calls that make a chain take new code.

use crate::{Failure, Source, either::either, exposed, format, network_proposal::NetworkRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, path::PathBuf, str::FromStr};

/// A request to the worker of proposals.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum ProposalRequest {
    /// Create the proposal of an upgrade; the result is a `Proposal`.
    Propose(ProposeRequest),
    /// Create the proposal of any call; the result is a `CallProposal`.
    Call(CallRequest),
    /// Create one proposal for the upgrades of several chains; the result is a `NetworkProposal`.
    Network(NetworkRequest),
}

/// A request to create the proposal of a call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRequest {
    /// The chain that dispatches the call: a node, a chain spec, a snapshot, or the blob that it runs.
    #[serde(serialize_with = "exposed::one")]
    pub target: Source,
    /// The call.
    pub call: GivenCall,
    /// The chain whose root governs the target, if that is another one.
    #[serde(default, serialize_with = "exposed::optional")]
    pub relay: Option<Source>,
    /// The parachain id of the target, for a route by another chain.
    #[serde(default)]
    pub para_id: Option<u32>,
    /// The route, as that of an upgrade.
    #[serde(default)]
    pub route: Option<Route>,
    /// The origin of a referendum of the target, by its name in the runtime: `GeneralAdmin`. By default root.
    #[serde(default)]
    pub origin: Option<String>,
    /// The block at which an approved referendum takes effect.
    #[serde(default)]
    pub enactment: Enactment,
    /// Whether to note the proposal as a preimage even if it is short enough to be part of the
    /// referendum.
    #[serde(default)]
    pub note_preimage: bool,
    /// The index of the submitted referendum, to create the call that places the decision deposit.
    #[serde(default)]
    pub referendum_index: Option<u32>,
    /// The directory in which the folder `calls` is written. Null to write no files.
    #[serde(default)]
    pub out: Option<PathBuf>,
    /// The nodes that links to decoded calls connect to.
    #[serde(default)]
    pub browser: BrowserNodes,
}

/// A call that somebody proposes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenCall {
    /// The encoded call, `0x` and hex.
    Encoded(String),
    /// `Pallet.call` with its arguments, by their names.
    Named {
        /// The pallet and the call.
        name: String,
        /// The arguments. Their form follows from the types of the chain's metadata.
        arguments: serde_json::Value,
    },
}

/// The calls by which a call is dispatched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallProposal {
    /// The format of the document: `cutover/call-proposal/v1`.
    #[schemars(schema_with = "format::call_proposal")]
    pub format: String,
    /// The route that was requested, or the default one.
    pub route: Route,
    /// The routes for which the chains have the pallets.
    pub possible_routes: Vec<Route>,
    /// The call, as root or the origin of the referendum dispatches it.
    pub call: InnerCall,
    /// The version of the XCM message, `V2` to `V5`. Absent if no message is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xcm_version: Option<String>,
    /// The calls, in the order in which they are submitted.
    pub calls: Vec<Call>,
    /// The facts and tasks beside the calls, one sentence or more each.
    pub notes: Vec<String>,
    /// The links to polkadot.js that show a decoded call, one for each call with `bytes`.
    pub links: Vec<String>,
}

/// A request to create the proposal of an upgrade.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeRequest {
    /// The new runtime.
    #[serde(serialize_with = "exposed::one")]
    pub runtime: Source,
    /// The chain to upgrade: a node, a chain spec, a snapshot, or the blob that it runs.
    #[serde(serialize_with = "exposed::one")]
    pub target: Source,
    /// The chain whose root governs the target, if that is another one.
    #[serde(default, serialize_with = "exposed::optional")]
    pub relay: Option<Source>,
    /// The parachain id of the target, for a route by another chain. By default it is read from the
    /// target, if that is a state file.
    #[serde(default)]
    pub para_id: Option<u32>,
    /// The route. By default it is one by `relay` if that is given, and by sudo before a
    /// referendum. The whitelisted track is never the default.
    #[serde(default)]
    pub route: Option<Route>,
    /// The block at which an approved referendum takes effect.
    #[serde(default)]
    pub enactment: Enactment,
    /// Whether the chain skips the checks of spec_name and spec_version when the code is applied.
    #[serde(default)]
    pub without_checks: bool,
    /// Whether to note the proposal as a preimage even if it is short enough to be part of the
    /// referendum.
    #[serde(default)]
    pub note_preimage: bool,
    /// The index of the submitted referendum, to create the call that places the decision deposit.
    #[serde(default)]
    pub referendum_index: Option<u32>,
    /// The directory in which the folder `calls` is written. Null to write no files.
    #[serde(default)]
    pub out: Option<PathBuf>,
    /// The nodes that links to decoded calls connect to.
    #[serde(default)]
    pub browser: BrowserNodes,
}

/// The URLs of nodes for links to a browser. They appear in the proposal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserNodes {
    /// A node of the chain to upgrade.
    pub target: Option<String>,
    /// A node of the chain whose root governs the target.
    pub relay: Option<String>,
}

impl BrowserNodes {
    /// Returns the node of the chain that the calls of a route are submitted on.
    pub fn of(&self, route: Route) -> Option<&str> {
        let node = if route.by_relay() { &self.relay } else { &self.target };
        node.as_deref()
    }
}

/// The block at which an approved referendum takes effect. The minimum enactment period of the
/// track applies as well, so `After(0)` is as soon as the track allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enactment {
    /// This number of blocks after the approval.
    After(u64),
    /// The block with this number.
    At(u64),
}

impl Default for Enactment {
    fn default() -> Self {
        Self::After(0)
    }
}

/// The authority by which root authorizes an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The chain's own sudo key.
    Sudo,
    /// A referendum of the chain, on the root track.
    RootReferendum,
    /// A referendum on the track for calls that a fellowship has whitelisted.
    WhitelistedReferendum,
    /// The sudo key of the chain that governs this one, by XCM as Superuser.
    RelaySuperuserSudo,
    /// A root referendum of the chain that governs this one, by XCM as Superuser.
    RelaySuperuserReferendum,
}

impl Route {
    /// All routes.
    pub const ALL: [Self; 5] = [
        Self::Sudo,
        Self::RootReferendum,
        Self::WhitelistedReferendum,
        Self::RelaySuperuserSudo,
        Self::RelaySuperuserReferendum,
    ];

    /// Returns the name in documents and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::RootReferendum => "root-referendum",
            Self::WhitelistedReferendum => "whitelisted-referendum",
            Self::RelaySuperuserSudo => "relay-superuser-sudo",
            Self::RelaySuperuserReferendum => "relay-superuser-referendum",
        }
    }

    /// Returns whether the route has a referendum.
    pub fn by_referendum(self) -> bool {
        !matches!(self, Self::Sudo | Self::RelaySuperuserSudo)
    }

    /// Fails if an option that applies to referenda only is given and the route has none.
    pub fn check_options(
        self,
        enactment: Enactment,
        note_preimage: bool,
        referendum_index: Option<u32>,
    ) -> Result<(), Failure> {
        let given = [
            ("--enact-after or --enact-at", enactment != Enactment::default()),
            ("--note-preimage", note_preimage),
            ("--referendum-index", referendum_index.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given && !self.by_referendum()) {
            None => Ok(()),
            Some((option, _)) => Err(Failure::usage(format!("{option} does not apply to the route {self}"))
                .found("a route without a referendum: its calls take effect at once")
                .expected("a route with a referendum")
                .hint("omit the option, or choose another route with --route")),
        }
    }

    /// Returns whether the calls are submitted on the chain that governs the target.
    pub fn by_relay(self) -> bool {
        matches!(self, Self::RelaySuperuserSudo | Self::RelaySuperuserReferendum)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// The error for a text that is not the name of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRoute(pub String);

impl UnknownRoute {
    /// Returns the expected names as text: `one of sudo, …`.
    pub fn expected() -> String {
        format!("one of {}", Route::ALL.map(Route::name).join(", "))
    }
}

impl fmt::Display for UnknownRoute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unknown route: found {:?}, expected {}", self.0, Self::expected())
    }
}

impl std::error::Error for UnknownRoute {}

impl FromStr for Route {
    type Err = UnknownRoute;

    fn from_str(name: &str) -> Result<Self, UnknownRoute> {
        Self::ALL.into_iter().find(|route| route.name() == name).ok_or_else(|| UnknownRoute(name.to_owned()))
    }
}

/// The calls of a route, and the call that applies the upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// The route that was requested, or the default one.
    pub route: Route,
    /// The routes for which the chains have the pallets.
    pub possible_routes: Vec<Route>,
    /// The spec_name of the chain that is upgraded.
    pub chain: String,
    /// The spec_version of the runtime that the chain has now.
    pub from_spec_version: u32,
    /// The spec_version of the proposed runtime.
    pub to_spec_version: u32,
    /// The BLAKE2-256 hash of the proposed code: `0x` and hex digits.
    pub code_hash: String,
    /// The size of the proposed code, in bytes.
    pub code_length: usize,
    /// Whether the chain skips the checks of spec_name and spec_version when the code is applied.
    pub without_checks: bool,
    /// The version of the XCM message, `V2` to `V5`. Absent if no message is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xcm_version: Option<String>,
    /// The calls, in the order in which they are submitted.
    pub calls: Vec<Call>,
    /// The call that applies the code after its authorization. Null on a chain that cannot
    /// authorize upgrades by hash: its first call contains the code.
    pub apply: Option<Apply>,
    /// The facts and tasks beside the calls, one sentence or more each.
    pub notes: Vec<String>,
    /// The links to polkadot.js that show a decoded call, one for each call with `bytes`.
    pub links: Vec<String>,
}

impl Proposal {
    /// Returns the hash that is decided on: that of the first call's preimage, or else of the call
    /// itself.
    pub fn decided_hash(&self) -> Option<&str> {
        let first = self.calls.first()?;
        Some(first.preimage.as_ref().map_or(&first.hash, |preimage| &preimage.hash))
    }

    /// Returns the files that were written, relative to the output directory.
    pub fn files(&self) -> impl Iterator<Item = &String> {
        let apply = self.apply.iter().flat_map(|apply| &apply.files);
        self.calls.iter().flat_map(|call| &call.files).chain(apply)
    }
}

/// A call of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    /// The name of the call, without its pallet.
    pub name: String,
    /// The spec_name of the chain on which it is submitted.
    pub chain: String,
    /// What the call does and who can submit it.
    pub description: String,
    /// The encoded call: `0x` and hex digits. Absent if it is larger than 64 KiB, because it
    /// contains code: its bytes are in the files.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    /// The BLAKE2-256 hash of the bytes: `0x` and hex digits.
    pub hash: String,
    /// The size of the encoded call, in bytes.
    pub length: usize,
    /// The preimage of the call that is voted on. Absent outside of a referendum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preimage: Option<Preimage>,
    /// The call, decoded from its bytes and written as text.
    pub decoded: String,
    /// The calls that this one contains as encoded bytes, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<InnerCall>,
    /// The paths of the files with the call, relative to the output directory: one in hex, one with
    /// the bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The encoded call, for the files. It is not part of documents.
    #[serde(skip)]
    pub encoded: Vec<u8>,
}

/// The preimage of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preimage {
    /// The BLAKE2-256 hash of the encoded call: `0x` and hex digits.
    pub hash: String,
    /// The size of the encoded call, in bytes.
    pub length: usize,
}

/// A call within another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InnerCall {
    /// The spec_name of the chain that dispatches it.
    pub chain: String,
    /// The encoded call: `0x` and hex digits. Absent if it is larger than 64 KiB, because it
    /// contains code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    /// The BLAKE2-256 hash of the bytes: `0x` and hex digits.
    pub hash: String,
    /// The size of the encoded call, in bytes.
    pub length: usize,
    /// The call, decoded from its bytes and written as text.
    pub decoded: String,
}

/// The call that applies the code after its authorization. It contains the code, so its bytes are
/// only in the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Apply {
    /// The name of the call, without its pallet.
    pub name: String,
    /// The spec_name of the chain on which it is submitted.
    pub chain: String,
    /// What the call does and who can submit it.
    pub description: String,
    /// The BLAKE2-256 hash of the encoded call: `0x` and hex digits.
    pub hash: String,
    /// The size of the encoded call, in bytes.
    pub length: usize,
    /// The call, decoded from its bytes and written as text.
    pub decoded: String,
    /// The events of a successful upgrade, in their order, as `PALLET.NAME`.
    pub expected_events: Vec<String>,
    /// The event, as `PALLET.NAME`, if the chain rejects the code although the call succeeds.
    /// Absent if the chain has no such event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_event: Option<String>,
    /// The paths of the files with the call, relative to the output directory: one in hex, one with
    /// the bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The encoded call, for the files. It is not part of documents.
    #[serde(skip)]
    pub encoded: Vec<u8>,
}

/// The result of the step `propose`: the proposal, or the reason why the chain would reject the
/// upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ProposeOutcome {
    /// The chain would reject the upgrade.
    Refused {
        /// The failed check, such as a spec_version that does not increase.
        error: Failure,
    },
    /// The proposal was created.
    Proposed(Box<Proposal>),
}

impl ProposeOutcome {
    /// Returns the proposal, if one was created.
    pub fn proposal(&self) -> Option<&Proposal> {
        match self {
            Self::Proposed(proposal) => Some(proposal),
            Self::Refused { .. } => None,
        }
    }

    /// Returns the failed check, if the chain would reject the upgrade.
    pub fn refusal(&self) -> Option<&Failure> {
        match self {
            Self::Proposed(_) => None,
            Self::Refused { error } => Some(error),
        }
    }
}

impl<'de> Deserialize<'de> for ProposeOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        either(
            deserializer,
            "error",
            |Refused { error }| Self::Refused { error },
            |proposal| Self::Proposed(Box::new(proposal)),
        )
    }
}

#[derive(Deserialize)]
struct Refused {
    error: Failure,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_route_goes_by_its_name() {
        for route in Route::ALL {
            assert_eq!(route.name().parse(), Ok(route));
            assert_eq!(json!(route), route.name());
        }
        let unknown = "magic".parse::<Route>().expect_err("no route").to_string();
        assert!(unknown.contains("\"magic\"") && unknown.contains("root-referendum"), "{unknown}");
    }

    #[test]
    fn a_refusal_is_told_from_a_proposal() {
        let refused =
            json!({"error": {"kind": "check", "message": "the spec_version does not increase", "found": "1"}});
        let outcome = ProposeOutcome::deserialize(&refused).expect("a refusal");
        assert_eq!(outcome.refusal().and_then(|error| error.found.as_deref()), Some("1"));
        assert_eq!(json!(outcome), refused);
        let error = ProposeOutcome::deserialize(json!({"route": "sudo"})).expect_err("too little").to_string();
        assert!(error.contains("possible_routes"), "{error}");
    }
}
