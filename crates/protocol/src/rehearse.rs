// SPDX-License-Identifier: Apache-2.0
//! The rehearsal of a proposal: a call that its own origin dispatches on forks, and everything that it does on all
//! chains.

use crate::{
    Check, RpcUsage, Source, Verdict,
    dry_run::{Counterpart, RelayRequest},
    either::either,
    exposed, format,
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// A request to dispatch a proposal on forks. The result is a [`RehearsalReport`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RehearseRequest {
    /// The proposal.
    pub proposal: Proposed,
    /// Where the call comes from, for the report. By default what the proposal is.
    #[serde(default)]
    pub source: Option<String>,
    /// The source of the state of the chain that dispatches it: a raw chain spec, a snapshot or a node.
    #[serde(serialize_with = "exposed::one")]
    pub state: Source,
    /// The block whose state is read from a node: a number, a hash or `finalized`.
    #[serde(default)]
    pub at: Option<String>,
    /// The relay chain, if the chain that dispatches the proposal is a parachain. Without it, the chain is rehearsed
    /// alone. Its `runtime` is not used.
    #[serde(default)]
    pub relay: Option<RelayRequest>,
    /// Other parachains of the same relay chain.
    #[serde(default, serialize_with = "exposed::list")]
    pub with: Vec<Source>,
    /// Whether parachains that the relay chain does not know are onboarded on its fork first.
    #[serde(default)]
    pub onboard: bool,
    /// The origin of the call: `root`, `signed:` and an account in hex, or the name of an origin of the runtime, such as
    /// `WhitelistedCaller`. By default that of the referendum, the key of Sudo for a call of the pallet Sudo, or root.
    #[serde(default)]
    pub origin: Option<String>,
    /// The proposals that the same chain dispatches before it, in their order.
    #[serde(default)]
    pub after: Vec<EarlierProposal>,
    /// The blobs of upgrades that the proposal authorizes. They are applied on the chains that authorized them.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Blobs that may be those of upgrades that the proposal authorizes. They are applied like `codes`, and nothing is
    /// wrong if no chain authorizes them.
    #[serde(default)]
    pub known_codes: Vec<String>,
    /// The fewest blocks that are built after the proposal: of the relay chain, or of the chain that is alone. By default
    /// as many as the messages take.
    #[serde(default)]
    pub blocks: u32,
    /// The number of sessions of the relay chain that end after that. What a call schedules for a session has its effect
    /// then.
    #[serde(default)]
    pub sessions: u32,
    /// The directory of the cache of compiled runtimes.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// The directory of the cache of trie nodes.
    #[serde(default)]
    pub nodes: Option<PathBuf>,
}

/// A proposal that is dispatched before the one that is rehearsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierProposal {
    /// The proposal.
    pub proposal: Proposed,
    /// Where the call comes from, for the report.
    #[serde(default)]
    pub source: Option<String>,
    /// The origin of the call, in the forms of a request. By default the proposal's own.
    #[serde(default)]
    pub origin: Option<String>,
}

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposed {
    /// An encoded call, `0x` and hex.
    Call(String),
    /// The BLAKE2-256 hash of a preimage that the state has, `0x` and hex.
    Preimage(String),
    /// The number of a referendum of the pallet Referenda. Its origin and its call are in the state.
    Referendum(u32),
}

/// What a proposal did on forks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RehearsalReport {
    /// The format of the document: `cutover/rehearsal/v1`.
    #[schemars(schema_with = "format::rehearsal")]
    pub format: String,
    /// The call.
    pub call: RehearsedCall,
    /// The proposals that were dispatched before it. What is told of the call is what differs after them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierCall>,
    /// The chains: the one that dispatches the call, then the relay chain and the others in the order of the request.
    pub chains: Vec<RehearsedChain>,
    /// The events that the call caused, in the order of the blocks. They are those that the same blocks do not have without
    /// the call.
    pub events: Vec<RehearsedEvent>,
    /// The number of events that are not listed, because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_events: u64,
    /// The messages that were sent, in their order.
    pub messages: Vec<RehearsedMessage>,
    /// The balances that the call changed, in plain units. Of each chain: the total issuance, then what moved most of its
    /// token, then what moved most of each asset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub balances: Vec<BalanceChange>,
    /// The number of balances that are not listed, because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_balances: u64,
    /// The entries of the states that the call changed. Those that only follow from others come last.
    pub differences: Vec<StateDifference>,
    /// The number of changed entries that are not listed, because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_differences: u64,
    /// The BLAKE2-256 hash of all differences, `0x` and hex: of the encoded tuples of the chain in words, the key, and the
    /// values without and with the call, in the order of the chains and keys. It is the same for everybody who rehearses the
    /// same call with the same options on the same blocks. It does not cover the call, its events, or upgrades.
    pub difference_hash: String,
    /// The storage items of which entries were left out of the differences: any other call changes these entries too.
    pub left_out: Vec<String>,
    /// The codes that the chains authorize after the call, and those that it put in place. Read before any upgrade is
    /// applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorized: Vec<AuthorizedCode>,
    /// The hashes of calls and codes that the call names, and what each is the hash of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<NamedHash>,
    /// The number of such hashes that were not looked up, because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_hashes: u64,
    /// The upgrades that were applied after the call.
    pub upgrades: Vec<RehearsedUpgrade>,
    /// What was done to the forks that nobody does to live chains.
    pub notes: Vec<String>,
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

/// A call that was dispatched before the one that is rehearsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EarlierCall {
    /// Where the call comes from.
    pub source: String,
    /// The pallet and the call: `System.authorize_upgrade`.
    pub name: String,
    /// The BLAKE2-256 hash of the encoded call, `0x` and hex.
    pub blake2_256: String,
    /// The origin that dispatched it.
    pub origin: String,
    /// The block of the chain that dispatched it.
    pub block: u32,
    /// The error that it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was not done although it ended well, as far as events tell: calls of a batch that failed, and messages that were
    /// not executed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<String>,
}

/// The result of the step `rehearse`: what the proposal of an upgrade did, or why it was not dispatched.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RehearseOutcome {
    /// It was not dispatched.
    NotDispatched {
        /// Why not.
        not_dispatched: String,
        /// Whether it could have been: the step is then not judged. Else it is skipped.
        applies: bool,
    },
    /// It was.
    Rehearsed(Box<RehearsalReport>),
}

impl RehearseOutcome {
    /// Returns what the proposal did, if it was dispatched.
    pub fn report(&self) -> Option<&RehearsalReport> {
        match self {
            Self::NotDispatched { .. } => None,
            Self::Rehearsed(report) => Some(report),
        }
    }

    /// Returns the verdict of the step.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::NotDispatched { applies: true, .. } => Verdict::NotJudged,
            Self::NotDispatched { applies: false, .. } => Verdict::Skip,
            Self::Rehearsed(report) => report.verdict,
        }
    }
}

impl<'de> Deserialize<'de> for RehearseOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        either(
            deserializer,
            "not_dispatched",
            |NotDispatched { not_dispatched, applies }| Self::NotDispatched { not_dispatched, applies },
            |report| Self::Rehearsed(Box::new(report)),
        )
    }
}

#[derive(Deserialize)]
struct NotDispatched {
    not_dispatched: String,
    applies: bool,
}

/// The call of a proposal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RehearsedCall {
    /// The chain that dispatches it: `the relay chain (paseo)`.
    pub chain: String,
    /// Where it comes from: `the call`, `the preimage`, `referendum 7`, or the call of a bundle around it.
    pub source: String,
    /// Its BLAKE2-256 hash, `0x` and hex. It is the hash of its preimage.
    pub blake2_256: String,
    /// Its length in bytes.
    pub length: u64,
    /// The whole call, with the calls that its messages carry, a line each part.
    pub decoded: String,
    /// The origin that dispatches it.
    pub origin: String,
    /// How it is dispatched: `scheduler` or `sudo`.
    pub route: String,
}

/// A chain of a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RehearsedChain {
    /// The chain, with the block that its fork began on.
    #[serde(flatten)]
    pub identity: Counterpart,
    /// The number of the last block.
    pub ended: u32,
    /// Why it took no part; nothing if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
}

/// An event that the call caused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RehearsedEvent {
    /// The chain.
    pub chain: String,
    /// The number of its block.
    pub block: u32,
    /// The pallet and the event: `Scheduler.Dispatched`.
    pub name: String,
    /// The fields in words; nothing if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fields: String,
    /// The error that the event carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A message that a chain sent to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RehearsedMessage {
    /// The sender.
    pub from: String,
    /// The receiver, as far as the sender's event names it.
    pub to: String,
    /// The number of the sender's block.
    pub sent: u32,
    /// The identifier of the message, `0x` and hex.
    pub id: String,
    /// Whether the receiver takes part, so that the message was followed.
    pub followed: bool,
    /// What the receiver did with it; nothing if it did not arrive, or if it was not followed.
    pub received: Option<String>,
    /// Whether it was executed to its end.
    pub executed: bool,
    /// Whether the calls of its `Transact` instructions succeeded. Nothing if it has none, or if that is not known.
    pub calls_succeeded: Option<bool>,
}

/// An entry of a chain's state that the call changed. Values are in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateDifference {
    /// The chain.
    pub chain: String,
    /// The pallet and its storage item: `System.Account`.
    pub item: String,
    /// The key in a map, in words. Empty for a single value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The value after the same blocks without the call; nothing if there is none.
    pub without: Option<String>,
    /// The value with the call; nothing if there is none.
    pub with: Option<String>,
    /// Whether it only follows from other changes, as the queues of a message do. It never does if the call writes to the
    /// storage by keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bookkeeping: bool,
}

/// A balance that the call changed. Amounts are decimal numbers of the smallest unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BalanceChange {
    /// The chain.
    pub chain: String,
    /// The account, by SS58 with the prefix of the chain, or in hex if it has 20 bytes. Nothing for the total issuance.
    pub account: Option<String>,
    /// Whose account it is, if the account tells: that of a parachain, of the relay chain or of a pallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<String>,
    /// The pallet and the number of the asset. Nothing for the chain's own token, of which what is free and what is reserved
    /// counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// The balance after the same blocks without the call.
    pub without: String,
    /// The balance with the call.
    pub with: String,
    /// By how much the call changes it, with its sign: `+5`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub change: String,
}

/// An upgrade that the call authorized, and that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RehearsedUpgrade {
    /// The chain.
    pub chain: String,
    /// The BLAKE2-256 hash of the code, `0x` and hex.
    pub blake2_256: String,
    /// The spec_name and spec_version of the code.
    pub version: String,
    /// How the code came into place, or why it did not.
    pub told: String,
    /// Whether the chain runs the code.
    pub live: bool,
}

/// A code that a chain authorizes after the call, or that the call put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthorizedCode {
    /// The chain whose state has it.
    pub chain: String,
    /// The storage item: `System.AuthorizedUpgrade`.
    pub item: String,
    /// The parachain whose code it is, if its relay chain has it. Nothing if it is the code of the chain itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub para: Option<u32>,
    /// The spec_name of the chain whose code it is. Nothing if that chain takes no part.
    pub spec_name: Option<String>,
    /// The BLAKE2-256 hash of the code, `0x` and hex. Nothing if the state has it in a form that is not known.
    pub blake2_256: Option<String>,
    /// How far the code is.
    pub stage: CodeStage,
    /// Whether the chain compares spec_name and spec_version before it takes the code. Nothing if that is not known, or
    /// if the code is past this point.
    pub checks_version: Option<bool>,
    /// Whether the call did it: the same blocks without the call do not have it.
    pub by_the_call: bool,
}

/// How far a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeStage {
    /// Anyone may submit it.
    Authorized,
    /// It is stored, and becomes the code of the chain later.
    Pending,
    /// It is the code of the chain.
    InPlace,
}

impl CodeStage {
    /// Returns the stage in words: `in place`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Pending => "pending",
            Self::InPlace => "in place",
        }
    }
}

/// A hash that the call names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedHash {
    /// The hash, `0x` and hex.
    pub hash: String,
    /// What names it: `Whitelist.whitelist_call`, or a storage item and its chain.
    pub named_by: String,
    /// What it has to be the BLAKE2-256 hash of.
    pub subject: HashSubject,
    /// What it is the hash of, in words. Nothing if none of what is known here has this hash.
    pub found: Option<String>,
    /// Whether that is what it has to be. Nothing if none of what is known here has this hash.
    pub fits: Option<bool>,
}

/// What a hash has to be the hash of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HashSubject {
    /// An encoded call.
    Call,
    /// A code as it is deployed.
    Code,
}

impl HashSubject {
    /// Returns the subject in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Call => "a call",
            Self::Code => "a code",
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
