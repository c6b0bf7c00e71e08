// SPDX-License-Identifier: Apache-2.0
//! The calls that people vote on.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Propose {
    #[command(subcommand)]
    pub what: Proposal,
}

#[derive(Debug, Subcommand)]
pub enum Proposal {
    /// The upgrade of a chain to a blob
    Upgrade(ProposeUpgrade),
}

#[derive(Clone, Debug, Default, Args)]
pub struct RouteOptions {
    /// The chain whose root governs the target: a blob, chain spec, snapshot, node or network
    #[arg(long, value_name = "SOURCE")]
    pub relay: Option<String>,
    /// The target's id among the parachains of its relay
    #[arg(long, value_name = "ID")]
    pub para_id: Option<u32>,
    /// By whose authority: sudo, root-referendum, whitelisted-referendum, relay-superuser-sudo,
    /// relay-superuser-referendum [default: the obvious one]
    #[arg(long, value_name = "ROUTE")]
    pub route: Option<String>,
    /// A referendum takes effect so many blocks after its approval [default: as soon as the track allows]
    #[arg(long, value_name = "BLOCKS", conflicts_with = "enact_at")]
    pub enact_after: Option<u64>,
    /// A referendum takes effect at this block
    #[arg(long, value_name = "BLOCK")]
    pub enact_at: Option<u64>,
    /// Let the chain skip its own check of spec_name and spec_version
    #[arg(long)]
    pub without_checks: bool,
    /// Submit the proposal as a preimage even where it is short enough to stand in the referendum itself
    #[arg(long)]
    pub note_preimage: bool,
    /// The index the referendum will have, for the call that places its decision deposit
    #[arg(long, value_name = "INDEX")]
    pub referendum_index: Option<u32>,
}

#[derive(Debug, Args)]
pub struct ProposeUpgrade {
    /// The runtime to upgrade to: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: String,
    /// The chain to upgrade: a blob, chain spec, snapshot, node or network that has its present runtime
    #[arg(long, short, value_name = "SOURCE")]
    pub target: String,
    #[command(flatten)]
    pub route: RouteOptions,
    /// Write the call bytes into this directory
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
