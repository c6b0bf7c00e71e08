// SPDX-License-Identifier: Apache-2.0
//! XCM messages explained: what a chain does with one, and why it fails.

use crate::{Check, RpcUsage, Source, Verdict, Weight, dry_run::Counterpart, exposed, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request to explain a message, or those that a call sends. The result is an [`Explanation`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// What is explained.
    pub subject: ExplainSubject,
    /// The state of the chain that executes the message, or that dispatches the call.
    #[serde(serialize_with = "exposed::one")]
    pub chain: Source,
    /// The block whose state is read from a node: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// Chains that may receive messages of the call, given like its state.
    #[serde(default, serialize_with = "exposed::list")]
    pub with: Vec<Source>,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// The directory of the cache of trie nodes.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

/// What is explained.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExplainSubject {
    /// A message.
    Message {
        /// The encoded `VersionedXcm`, `0x` and hex.
        bytes: String,
        /// Where it comes from.
        from: MessageSender,
    },
    /// A call.
    Call {
        /// The encoded call, `0x` and hex.
        bytes: String,
        /// The origin that dispatches it: `root`, `signed:` and an account in hex, or the name of an origin.
        origin: String,
    },
    /// An extrinsic.
    Extrinsic {
        /// The encoded extrinsic, `0x` and hex, with its length or without.
        bytes: String,
    },
}

/// Where a message comes from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageSender {
    /// A location as the receiver sees it: `parent`, `para:2000`, `sibling:2000`, `child:2000`, or one in JSON.
    Location(String),
    /// A chain, given like the state of the receiver.
    Chain {
        /// The state of the sender.
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    },
}

/// What a chain does with a message, or with those that a call sends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The format of the document: `cutover/xcm-explanation/v1`.
    #[schemars(schema_with = "format::xcm_explanation")]
    pub format: String,
    /// The chain that executes the message, or that dispatches the call.
    pub chain: Counterpart,
    /// The call that sends the messages, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<ExplainedCall>,
    /// The messages: the given one, or those that the call sends, in their order.
    pub messages: Vec<ExplainedMessage>,
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

/// A call whose messages are explained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedCall {
    /// The origin that dispatches it, in words.
    pub origin: String,
    /// The BLAKE2-256 hash of the encoded call, `0x` and hex.
    pub blake2_256: String,
    /// The call in words.
    pub decoded: String,
    /// The message that the call executed on its own chain, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// The events of the dispatch, in their order.
    pub events: Vec<String>,
    /// The check `dispatched`.
    pub checks: Vec<Check>,
}

/// A message, and what its receiver does with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedMessage {
    /// Its origin, as the receiver sees it.
    pub from: String,
    /// Its receiver: a chain in words, or the location that the sender gives it.
    pub to: String,
    /// The receiver with its block. Nothing if its state was not given: then the message was not executed.
    pub receiver: Option<Counterpart>,
    /// The encoded `VersionedXcm`, `0x` and hex.
    pub bytes: String,
    /// The BLAKE2-256 hash of these bytes, `0x` and hex.
    pub blake2_256: String,
    /// The message in words, with the calls that it carries. Empty if it cannot be decoded.
    pub decoded: String,
    /// The versions that take part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<XcmVersions>,
    /// How it was executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<XcmWay>,
    /// What became of it. Nothing if it was not executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<XcmOutcome>,
    /// The messages that were tried to find out what the barrier asks for. Empty if it let the message pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<BarrierTrial>,
    /// What its execution costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fees: Option<XcmFees>,
    /// The calls that it carries, with their results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transacts: Vec<ExplainedTransact>,
    /// The assets that it leaves in the trap of the receiver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trapped: Vec<TrappedAssets>,
    /// The events of its execution, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The messages that its execution sends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forwarded: Vec<ForwardedMessage>,
    /// The checks, in their order.
    pub checks: Vec<Check>,
}

/// How a message was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum XcmWay {
    /// By the runtime's own `DryRunApi`.
    DryRunApi,
    /// By a block on the fork, which took it from the message queue.
    Queue,
}

/// The versions of XCM that take part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct XcmVersions {
    /// The version of the message.
    pub message: u32,
    /// The versions that the receiver's runtime decodes.
    pub receiver: Vec<u32>,
    /// The version that the receiver sends to chains that it knows nothing about (`SafeXcmVersion`).
    pub receiver_safe: Option<u32>,
    /// The version that the receiver has noted for the sender (`SupportedVersion`).
    pub receiver_noted: Option<u32>,
    /// The `SafeXcmVersion` of the sender, if its state was given.
    pub sender_safe: Option<u32>,
    /// The version that the sender has noted for the receiver, if its state was given.
    pub sender_noted: Option<u32>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct XcmOutcome {
    /// How far it came.
    pub kind: XcmOutcomeKind,
    /// The error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<XcmError>,
    /// The position of the instruction that failed, from 0. Nothing where the receiver does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// That instruction with its fields. Nothing if an error handler or an appendix has instructions of the same
    /// position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// The weight that the execution used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Weight>,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum XcmOutcomeKind {
    /// It was executed to its end.
    Complete,
    /// An instruction failed. What the instructions before it did stays.
    Incomplete,
    /// It was refused before the first instruction.
    Refused,
}

/// An error of the executor of messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct XcmError {
    /// The error with its fields: `TooExpensive`.
    pub name: String,
    /// What it usually means. Empty for an error that is not known here.
    pub meaning: String,
}

/// Another message, which was tried to find out what the barrier asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BarrierTrial {
    /// The name of the change: `unpaid-execution`.
    pub name: String,
    /// What is different, in words.
    pub told: String,
    /// Whether the barrier lets it pass. Nothing if that could not be tried.
    pub passes: Option<bool>,
    /// What became of it, or why it could not be tried.
    pub found: String,
}

/// What the execution of a message costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct XcmFees {
    /// The weight that the receiver computes for the message before it is executed. It is the weight that is bought.
    pub needed: Option<Weight>,
    /// The weight that the execution used.
    pub used: Option<Weight>,
    /// The weight that was bought and not used: its price is refunded into the holding at the end.
    pub surplus: Option<Weight>,
    /// The payments in the message.
    pub offers: Vec<XcmOffer>,
    /// The assets that the receiver takes as fees, in words.
    pub accepted: Vec<String>,
}

/// A payment in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct XcmOffer {
    /// The instruction: `BuyExecution` or `PayFees`.
    pub instruction: String,
    /// The asset, in words.
    pub asset: String,
    /// The amount, in plain units, if the asset is fungible.
    pub amount: Option<String>,
    /// The weight that is bought at most. Nothing if it is unlimited.
    pub limit: Option<Weight>,
    /// The price of the needed weight in this asset, in plain units.
    pub price: Option<String>,
    /// The price of the used weight in this asset, in plain units.
    pub used_price: Option<String>,
    /// Why there is no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_price: Option<String>,
}

/// A call that a message carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedTransact {
    /// The position of the instruction in the message.
    pub index: u32,
    /// The pallet and the call: `System.remark`. Nothing if the receiver cannot decode it.
    pub call: Option<String>,
    /// Whether the call succeeded. Nothing where that is not known.
    pub succeeded: Option<bool>,
    /// The error of the call where it is dispatched by itself, or why it is not known whether it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// Assets that a message leaves in the trap of its receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrappedAssets {
    /// The hash of origin and assets, under which they are kept, `0x` and hex.
    pub hash: String,
    /// The location that may claim them, as the receiver sees it.
    pub origin: String,
    /// The assets, in words.
    pub assets: String,
    /// The message that claims them and deposits them at that location: an encoded `VersionedXcm`, `0x` and hex. It
    /// must come from that location.
    pub claim: Option<String>,
    /// That message in words.
    pub claim_decoded: Option<String>,
    /// Where the claim was tried, and what became of it.
    pub tried: String,
    /// Whether the claim was executed to its end and left nothing in the trap. Nothing if it was not tried.
    pub works: Option<bool>,
}

/// A message that the execution of another one sends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForwardedMessage {
    /// The receiver, as the sender sees it.
    pub to: String,
    /// The encoded `VersionedXcm`, `0x` and hex.
    pub bytes: String,
    /// The message in words.
    pub decoded: String,
}
