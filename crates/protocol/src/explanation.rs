// SPDX-License-Identifier: Apache-2.0
//! Proposals of others, read back: the call decoded whole, and what it is for. Nothing is dispatched.

use crate::{Source, exposed, format, rehearse::Proposed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request to explain a proposal. The result is a [`CallExplanation`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainCallRequest {
    /// The proposal.
    pub proposal: Proposed,
    /// Where the call comes from, for the document. By default what the proposal is.
    #[serde(default)]
    pub source: Option<String>,
    /// The source of the state of the chain that dispatches it: a raw chain spec, a snapshot or a node.
    #[serde(serialize_with = "exposed::one")]
    pub target: Source,
    /// The block whose state is read from a node: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// The chains that messages of the call go to, given like the first one.
    #[serde(default, serialize_with = "exposed::list")]
    pub with: Vec<Source>,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// The directory of the cache of trie nodes.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

/// A proposal that was decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallExplanation {
    /// The format of the document: `cutover/explanation/v1`.
    #[schemars(schema_with = "format::explanation")]
    pub format: String,
    /// The chain that dispatches the call.
    pub chain: String,
    /// Where the call comes from: `the call`, `the preimage` or `referendum 7`.
    pub source: String,
    /// The origin that dispatches it: that of the referendum, the key of Sudo for a call of this pallet, or root.
    pub origin: String,
    /// The pallet and the call: `Utility.batch_all`.
    pub name: String,
    /// The length of the encoded call in bytes.
    pub length: u64,
    /// The BLAKE2-256 hash of the encoded call, `0x` and hex. It is the hash of its preimage.
    pub blake2_256: String,
    /// The whole call, with the calls that its messages carry, a line each part.
    pub decoded: String,
    /// What the call and the calls in it are for, in their order. Empty if they are none of the known kinds.
    pub purposes: Vec<CallPurpose>,
    /// The number of purposes that are not listed, because there are too many of one kind.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_purposes: u64,
    /// The calls within the call, in their order.
    pub inner: Vec<ExplainedCall>,
    /// The number of calls within the call that are not listed, because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_inner: u64,
}

/// What a call is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallPurpose {
    /// The kind.
    pub kind: PurposeKind,
    /// The chain that dispatches the call.
    pub chain: String,
    /// The pallet and the call.
    pub name: String,
    /// What it does, in words.
    pub told: String,
}

/// A kind of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurposeKind {
    /// It authorizes a code, or puts one in place.
    Upgrade,
    /// It whitelists a call, or dispatches a whitelisted one.
    Whitelisting,
    /// It submits a referendum.
    Referendum,
    /// It writes to the storage by keys.
    StorageWrite,
}

impl PurposeKind {
    /// Returns the kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Whitelisting => "whitelisting",
            Self::Referendum => "referendum",
            Self::StorageWrite => "storage write",
        }
    }
}

/// A call within another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedCall {
    /// The chain that dispatches it.
    pub chain: String,
    /// The call around it; nothing if a message carries it.
    pub within: Option<String>,
    /// The pallet and the call.
    pub name: String,
    /// The length of the encoded call in bytes.
    pub length: u64,
    /// The BLAKE2-256 hash of the encoded call, `0x` and hex. Wallets and pallets compare it.
    pub blake2_256: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
