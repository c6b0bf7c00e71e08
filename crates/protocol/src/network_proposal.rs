// SPDX-License-Identifier: Apache-2.0
//! One proposal for the upgrades of several chains of a network.

use crate::{
    Source, exposed, format,
    proposal::{Apply, Call, Enactment, InnerCall, Route},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request to create one proposal for the upgrades of several chains.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkRequest {
    /// The chain whose root dispatches the proposal: a node, a chain spec, a snapshot, or the blob that it runs.
    #[serde(serialize_with = "exposed::one")]
    pub governing: Source,
    /// The parachain id of that chain, if it is a parachain and its state does not tell.
    #[serde(default)]
    pub para_id: Option<u32>,
    /// The chains to upgrade. The governing chain may be one of them.
    pub upgrades: Vec<ChainUpgradeRequest>,
    /// The route of the governing chain. By default it is sudo, before a referendum.
    #[serde(default)]
    pub route: Option<Route>,
    /// Whether no call takes effect if one of them fails.
    #[serde(default)]
    pub atomic: bool,
    /// The block at which an approved referendum takes effect.
    #[serde(default)]
    pub enactment: Enactment,
    /// Whether the chains skip the checks of spec_name and spec_version when the codes are applied.
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
    /// The node of the governing chain that links to decoded calls connect to.
    #[serde(default)]
    pub browser: Option<String>,
}

/// A chain to upgrade, and its new runtime.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainUpgradeRequest {
    /// The chain: a node, a chain spec, a snapshot, or the blob that it runs.
    #[serde(serialize_with = "exposed::one")]
    pub target: Source,
    /// The new runtime.
    #[serde(serialize_with = "exposed::one")]
    pub runtime: Source,
    /// The parachain id of the chain. By default it is read from its state.
    #[serde(default)]
    pub para_id: Option<u32>,
}

/// The calls by which a chain's root authorizes the upgrades of several chains, and the calls that apply them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkProposal {
    /// The format of the document: `cutover/network-proposal/v1`.
    #[schemars(schema_with = "format::network_proposal")]
    pub format: String,
    /// The route that was requested, or the default one.
    pub route: Route,
    /// The routes for which the governing chain has the pallets.
    pub possible_routes: Vec<Route>,
    /// The spec_name of the chain whose root dispatches the proposal.
    pub governing: String,
    /// The upgrades, in the order of their authorizations.
    pub upgrades: Vec<ChainUpgrade>,
    /// The call of Utility that holds the authorizations: `force_batch` or `batch_all`. Absent if there is one upgrade
    /// only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// The call that root dispatches: the batch, or the only authorization.
    pub call: InnerCall,
    /// Whether the chains skip the checks of spec_name and spec_version when the codes are applied.
    pub without_checks: bool,
    /// The calls, in the order in which they are submitted.
    pub calls: Vec<Call>,
    /// The calls that apply the codes after their authorization, one for each upgrade, in the order in which to submit
    /// them.
    pub applies: Vec<Apply>,
    /// The facts and tasks beside the calls, one sentence or more each.
    pub notes: Vec<String>,
    /// The links to polkadot.js that show a decoded call, one for each call with `bytes`.
    pub links: Vec<String>,
}

/// The upgrade of a chain by the proposal of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainUpgrade {
    /// The spec_name of the chain.
    pub chain: String,
    /// The parachain id. Absent for a relay chain, and for a governing chain whose state does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub para_id: Option<u32>,
    /// The spec_version of the runtime that the chain has now.
    pub from_spec_version: u32,
    /// The spec_version of the proposed runtime.
    pub to_spec_version: u32,
    /// The BLAKE2-256 hash of the proposed code: `0x` and hex digits.
    pub code_hash: String,
    /// The size of the proposed code, in bytes.
    pub code_length: usize,
    /// The call that authorizes the code, as the chain dispatches it.
    pub authorize: InnerCall,
    /// The version of the XCM message with that call, `V2` to `V5`. Absent for the governing chain itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xcm_version: Option<String>,
}
