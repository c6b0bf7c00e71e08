// SPDX-License-Identifier: Apache-2.0
//! The proposal of an upgrade: the calls that make a chain take new code.

use crate::{Failure, Source, either::either, exposed};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, path::PathBuf, str::FromStr};

/// What the worker of proposals can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum ProposalRequest {
    Propose(ProposeRequest),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeRequest {
    /// The new runtime.
    #[serde(serialize_with = "exposed::one")]
    pub runtime: Source,
    /// The chain as it is: a node, a chain spec, a snapshot, or the blob it runs.
    #[serde(serialize_with = "exposed::one")]
    pub target: Source,
    /// The chain whose root governs the target, if that is another one.
    #[serde(default, serialize_with = "exposed::optional")]
    pub relay: Option<Source>,
    #[serde(default)]
    pub para_id: Option<u32>,
    /// Chosen by what the chains have where it is not given.
    #[serde(default)]
    pub route: Option<Route>,
    #[serde(default)]
    pub enactment: Enactment,
    /// The chain shall not compare spec_name and spec_version when the code is applied.
    #[serde(default)]
    pub without_checks: bool,
    /// Note the proposal as a preimage even where it is short enough to lie in the referendum.
    #[serde(default)]
    pub note_preimage: bool,
    /// Once the referendum is submitted: its index, for the call that places the decision deposit.
    #[serde(default)]
    pub referendum_index: Option<u32>,
    /// Where `calls/` is written.
    #[serde(default)]
    pub out: Option<PathBuf>,
    /// What links open with.
    #[serde(default)]
    pub browser: BrowserNodes,
}

/// Nodes that may be shown to everybody, of the two chains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserNodes {
    pub target: Option<String>,
    pub relay: Option<String>,
}

/// When an approved referendum takes effect: so many blocks after its approval, or at that block. The track's own minimum
/// counts in either case, so `After(0)` is as soon as the track allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enactment {
    After(u64),
    At(u64),
}

impl Default for Enactment {
    fn default() -> Self {
        Self::After(0)
    }
}

/// By whose authority root comes to authorize an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The chain's own sudo key.
    Sudo,
    /// A referendum of the chain, on the root track.
    RootReferendum,
    /// A referendum on the track for calls a fellowship has whitelisted.
    WhitelistedReferendum,
    /// The sudo key of the chain that governs this one, by XCM as Superuser.
    RelaySuperuserSudo,
    /// A root referendum of the chain that governs this one, by XCM as Superuser.
    RelaySuperuserReferendum,
}

impl Route {
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

    pub fn by_referendum(self) -> bool {
        !matches!(self, Self::Sudo | Self::RelaySuperuserSudo)
    }

    pub fn by_relay(self) -> bool {
        matches!(self, Self::RelaySuperuserSudo | Self::RelaySuperuserReferendum)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A text that is the name of no route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRoute(pub String);

impl UnknownRoute {
    /// Returns what would be one: `one of sudo, …`.
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

/// Every call that a route takes, and the step that applies the upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    pub route: Route,
    pub possible_routes: Vec<Route>,
    /// The chain that is upgraded.
    pub chain: String,
    pub from_spec_version: u32,
    pub to_spec_version: u32,
    /// The blake2-256 of the code that is proposed.
    pub code_hash: String,
    /// In bytes.
    pub code_length: usize,
    pub without_checks: bool,
    /// Left out where no message is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xcm_version: Option<String>,
    /// In the order they are to be submitted.
    pub calls: Vec<Call>,
    /// Null on a chain from before upgrades were authorized: there the call itself carries the code.
    pub apply: Option<Apply>,
    /// What has to be done or known beside the calls.
    pub notes: Vec<String>,
    /// One a call whose bytes are shown: the call decoded in a browser.
    pub links: Vec<String>,
}

impl Proposal {
    /// Returns the hash that is decided on: of the preimage of the first call, else of that call.
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

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    pub name: String,
    /// spec_name of the chain it is submitted on.
    pub chain: String,
    pub description: String,
    /// In hex. Left out of a call that carries the code: those are in the file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    /// The blake2-256 of the bytes.
    pub hash: String,
    /// In bytes.
    pub length: usize,
    /// Of the call that is voted on, in a referendum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preimage: Option<Preimage>,
    pub decoded: String,
    /// The calls that lie in this one as mere bytes, from the outermost in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<InnerCall>,
    /// Relative to the output directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The bytes themselves, for the files. No document has them.
    #[serde(skip)]
    pub encoded: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preimage {
    pub hash: String,
    /// In bytes.
    pub length: usize,
}

/// A call within another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InnerCall {
    pub chain: String,
    /// In hex. Left out where it carries the code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    pub hash: String,
    /// In bytes.
    pub length: usize,
    pub decoded: String,
}

/// The call that hands the code over once it is authorized. It is as large as the code, so its bytes are in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Apply {
    pub name: String,
    pub chain: String,
    pub description: String,
    /// The blake2-256 of the bytes.
    pub hash: String,
    /// In bytes.
    pub length: usize,
    pub decoded: String,
    /// The events of success, in their order.
    pub expected_events: Vec<String>,
    /// The event of a refusal that is no error. Left out where the chain has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_event: Option<String>,
    /// Relative to the output directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The bytes themselves, for the files. No document has them.
    #[serde(skip)]
    pub encoded: Vec<u8>,
}

/// The result of the step `propose`: the proposal, or why the chain would refuse this upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ProposeOutcome {
    Refused { error: Failure },
    Proposed(Box<Proposal>),
}

impl ProposeOutcome {
    pub fn proposal(&self) -> Option<&Proposal> {
        match self {
            Self::Proposed(proposal) => Some(proposal),
            Self::Refused { .. } => None,
        }
    }

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
