// SPDX-License-Identifier: Apache-2.0
//! The keys that can dispatch a call of the pallet Sudo, and what each signatory of a multisig submits.

use crate::{Check, RpcUsage, Source, Verdict, Weight, dry_run::Counterpart, exposed, format, rehearse::Proposed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request to find the keys that suffice for a call of the pallet Sudo. The result is a [`KeysReport`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysRequest {
    /// The call that the key of Sudo signs.
    pub proposal: Proposed,
    /// The state of the chain that dispatches it.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    /// The block whose state is read from a node: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// The multisig whose signatories are to sign it.
    #[serde(default)]
    pub multisig: Option<MultisigRequest>,
    /// The directory that the calls of the signatories are written to.
    #[serde(default)]
    pub out: Option<PathBuf>,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// The directory of the cache of trie nodes.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

/// An account of several signatories (pallet-multisig).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultisigRequest {
    /// The number of signatories that suffice.
    pub threshold: u16,
    /// The accounts of all signatories: SS58 addresses, or `0x` and hex.
    pub signatories: Vec<String>,
}

/// The keys that suffice for a call of the pallet Sudo, each tried on a fork.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeysReport {
    /// The format of the document: `cutover/keys/v1`.
    #[schemars(schema_with = "format::keys")]
    pub format: String,
    /// The chain with its block.
    pub chain: Counterpart,
    /// The call, in words.
    pub call: String,
    /// The BLAKE2-256 hash of the encoded call, `0x` and hex.
    pub blake2_256: String,
    /// The length of the encoded call in bytes.
    pub length: u64,
    /// The key of Sudo, and the accounts that act for it, in the order of the chain.
    pub keys: Vec<TriedKey>,
    /// What the signatories of a multisig submit; nothing if none was named, or if it is no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multisig: Option<MultisigCalls>,
    /// The checks, in their order.
    pub checks: Vec<Check>,
    /// The use of the nodes. Not in evidence.
    #[serde(default)]
    pub rpc: RpcUsage,
    /// The duration of the run. Not in evidence.
    #[serde(default)]
    pub seconds: f64,
    /// The combined verdict of all checks.
    pub verdict: Verdict,
    /// The number of hazards.
    pub hazards: usize,
}

/// An account that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TriedKey {
    /// The account, as wallets show it.
    pub account: String,
    /// The bytes of the account, `0x` and hex.
    pub account_id: String,
    /// The type of the proxy, by its name in the runtime; nothing for the key of Sudo itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_type: Option<String>,
    /// The blocks between the announcement of a proxy's call and the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<u64>,
    /// Whether the call reaches Sudo if this account signs it; nothing if that was not judged.
    pub suffices: Option<bool>,
    /// What was seen.
    pub told: String,
}

/// What the signatories of a multisig submit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MultisigCalls {
    /// The account of the multisig, as wallets show it.
    pub account: String,
    /// The bytes of the account, `0x` and hex.
    pub account_id: String,
    /// The number of signatories that suffice.
    pub threshold: u16,
    /// The accounts of all signatories, in the order of their bytes.
    pub signatories: Vec<String>,
    /// The account for which the multisig acts as a proxy; nothing if it is the key of Sudo itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_of: Option<String>,
    /// The call that the multisig dispatches, in words.
    pub call: String,
    /// The encoded call that the multisig dispatches, `0x` and hex. Absent if it is longer than 64 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    /// The BLAKE2-256 hash of that call, `0x` and hex. It is the hash that wallets show to each signatory.
    pub call_hash: String,
    /// The weight that the call may have.
    pub max_weight: Weight,
    /// The deposit of the signatory who begins, in the smallest unit of the chain's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<String>,
    /// The approvals that the state has; nothing if nobody has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingMultisig>,
    /// The calls of the signatories who have not approved. One of each as many as lack submits its call.
    pub calls: Vec<SignatoryCall>,
}

/// Approvals of a call that the state has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PendingMultisig {
    /// The timepoint: the block of the first approval.
    pub height: u32,
    /// The timepoint: the index of the extrinsic in that block.
    pub index: u32,
    /// The account that reserved the deposit.
    pub depositor: String,
    /// The accounts that have approved.
    pub approvals: Vec<String>,
}

/// The call of a signatory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignatoryCall {
    /// The account of the signatory, as wallets show it.
    pub signatory: String,
    /// The bytes of the account, `0x` and hex.
    pub signatory_id: String,
    /// The pallet and the call: `Multisig.as_multi`.
    pub name: String,
    /// The encoded call, `0x` and hex. Absent if it is longer than 64 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bytes: String,
    /// The length of the encoded call in bytes.
    pub length: u64,
    /// The BLAKE2-256 hash of the encoded call, `0x` and hex.
    pub hash: String,
    /// The names of the files that were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}
