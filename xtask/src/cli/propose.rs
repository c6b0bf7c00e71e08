// SPDX-License-Identifier: Apache-2.0
//! The command line of `propose`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Propose {
    #[command(subcommand)]
    pub command: ProposeCommand,
}

#[derive(Debug, Subcommand)]
pub enum ProposeCommand {
    /// Upgrade a chain to a blob
    Upgrade(ProposeUpgrade),
    /// Upgrade several chains of a network by one proposal of the chain that governs them
    Network(ProposeNetwork),
    /// Dispatch any call of a chain
    Call(ProposeCall),
    /// Find the keys that suffice for a call of Sudo, each tried on a fork, and make the calls of a multisig's
    /// signatories
    Keys(ProposeKeys),
    /// Read a proposal of others back: the call decoded whole, what it is for, and the hashes of the calls in it.
    /// Nothing is dispatched
    Explain(ProposeExplain),
}

#[derive(Debug, Args)]
pub struct ProposeExplain {
    /// The proposal: an encoded call in hex, a file with one, a bundle, the directory of
    /// `propose upgrade --out`, `preimage:0xHASH` or `referendum:N`
    #[arg(value_name = "PROPOSAL")]
    pub proposal: String,
    /// The chain that dispatches the proposal: a raw chain spec, a snapshot, a ws:// or http:// node, or a
    /// network
    #[arg(long, short, value_name = "SOURCE")]
    pub target: String,
    /// The block of that chain, by hash or number, if its state is a node's [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// A chain that messages of the call go to, in the forms of --target: calls in them are decoded by its
    /// types; can be repeated
    #[arg(long, value_name = "SOURCE")]
    pub with: Vec<String>,
    /// Write the document to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Args)]
pub struct RouteOptions {
    /// The chain whose root governs the target: a blob, chain spec, snapshot, node or network
    #[arg(long, value_name = "SOURCE")]
    pub relay: Option<String>,
    /// The target's id among the parachains of its relay
    #[arg(long, value_name = "ID")]
    pub para_id: Option<u32>,
    /// The route: sudo, root-referendum, whitelisted-referendum, relay-superuser-sudo,
    /// relay-superuser-referendum [default: derived from the chains]
    #[arg(long, value_name = "ROUTE")]
    pub route: Option<String>,
    #[command(flatten)]
    pub referendum: ReferendumOptions,
}

/// How a referendum is submitted and enacted.
#[derive(Clone, Debug, Default, Args)]
pub struct ReferendumOptions {
    /// The number of blocks between the approval of a referendum and its enactment [default: the
    /// minimum of the track]
    #[arg(long, value_name = "BLOCKS", conflicts_with = "enact_at")]
    pub enact_after: Option<u64>,
    /// The block at which a referendum is enacted
    #[arg(long, value_name = "BLOCK")]
    pub enact_at: Option<u64>,
    /// Submit the proposal as a preimage even if it is short enough to be inline in the referendum
    #[arg(long)]
    pub note_preimage: bool,
    /// The index that the referendum will have, for the call that places its decision deposit
    #[arg(long, value_name = "INDEX")]
    pub referendum_index: Option<u32>,
}

#[derive(Debug, Args)]
pub struct ProposeUpgrade {
    /// The runtime to upgrade to: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: String,
    /// The chain to upgrade, from which its current runtime is read: a blob, chain spec, snapshot,
    /// node or network
    #[arg(long, short, value_name = "SOURCE")]
    pub target: String,
    #[command(flatten)]
    pub route: RouteOptions,
    /// Skip the chain's own check of spec_name and spec_version
    #[arg(long)]
    pub without_checks: bool,
    /// Write the call bytes, and the document of --json, into this directory
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ProposeNetwork {
    /// The chain whose root dispatches the proposal: a blob, chain spec, snapshot, node or network; with
    /// --network the name of one of its runtimes [default with --network: the relay chain]
    #[arg(long, value_name = "SOURCE", required_unless_present = "network")]
    pub on: Option<String>,
    /// A chain to upgrade, in the forms of --on, and its new runtime: a name (it is built first) or a blob;
    /// one option for each chain. The last `=` separates the two
    #[arg(long, value_name = "SOURCE=NAME|BLOB", required_unless_present = "network")]
    pub upgrade: Vec<String>,
    /// The name of several runtimes that are upgraded together, each from its configured state, instead of
    /// --upgrade
    #[arg(long, value_name = "NETWORK", conflicts_with = "upgrade")]
    pub network: Option<String>,
    /// The para id of a chain, by its source as it was given, if its state and the configuration do not tell;
    /// one option for each chain
    #[arg(long, value_name = "SOURCE=ID")]
    pub para_id: Vec<String>,
    /// The route: sudo, root-referendum, whitelisted-referendum [default: derived from the chain of --on]
    #[arg(long, value_name = "ROUTE")]
    pub route: Option<String>,
    #[command(flatten)]
    pub referendum: ReferendumOptions,
    /// Take back all calls if one of them fails, by `batch_all` [default: the others go on, by `force_batch`]
    #[arg(long)]
    pub atomic: bool,
    /// Skip the chains' own checks of spec_name and spec_version
    #[arg(long)]
    pub without_checks: bool,
    /// Write the call bytes, and the document of --json, into this directory
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ProposeCall {
    /// The call: `Pallet.call` with --args, an encoded call in hex, or a file with one
    #[arg(value_name = "CALL")]
    pub call: String,
    /// The arguments of the call as a JSON object: bytes and accounts are `0x` and hex, large numbers text,
    /// a variant its name, or an object with its name alone
    #[arg(long, value_name = "JSON")]
    pub args: Option<String>,
    /// The chain that dispatches the call: a blob, chain spec, snapshot, node or network
    #[arg(long, short, value_name = "SOURCE")]
    pub target: String,
    /// The origin of a referendum of the target, by its name in the runtime, such as `GeneralAdmin` [default:
    /// root]
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    #[command(flatten)]
    pub route: RouteOptions,
    /// Write the call bytes, and the document of --json, into this directory
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ProposeKeys {
    /// The call of Sudo: in hex, a file with one, a bundle, or the directory of `propose upgrade --out` or
    /// `propose call --out`
    #[arg(value_name = "PROPOSAL")]
    pub proposal: String,
    /// The chain that dispatches the call: a raw chain spec, a snapshot, a ws:// or http:// node, or a network
    #[arg(long, short, value_name = "SOURCE")]
    pub state: String,
    /// The block of that chain, by hash or number, if its state is a node's [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// The number of signatories of the multisig that suffice
    #[arg(long, value_name = "N", requires = "signatory")]
    pub threshold: Option<u16>,
    /// A signatory of the multisig, by SS58 or in hex; one option for each
    #[arg(long, value_name = "ACCOUNT", requires = "threshold")]
    pub signatory: Vec<String>,
    /// Write the calls of the signatories to this directory
    #[arg(long, value_name = "DIR", requires = "signatory")]
    pub calls: Option<PathBuf>,
    /// Write the document to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
