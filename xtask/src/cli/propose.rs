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
    /// Dispatch any call of a chain
    Call(ProposeCall),
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
