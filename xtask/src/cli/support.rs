// SPDX-License-Identifier: Apache-2.0
//! The command line of `support`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Support {
    /// Find out why a parachain makes no blocks: what both chains know of it, and its next block tried on
    /// forks
    Diagnose(Diagnose),
    /// Try repairs of a parachain on forks until one works, and write the calls of it
    Repair(Repair),
}

/// A parachain with its relay chain.
#[derive(Debug, Args)]
pub struct Case {
    /// The number of the parachain on its relay chain
    #[arg(long, value_name = "ID")]
    pub para: u32,
    /// The relay chain: a raw chain spec, a snapshot, a ws:// or http:// node, or a network (`paseo`)
    #[arg(long, value_name = "SOURCE")]
    pub relay: Option<String>,
    /// The block of the relay chain, by hash or number, if its state is a node's [default: the last
    /// finalized]
    #[arg(long, value_name = "BLOCK")]
    pub relay_at: Option<String>,
    /// The state of the parachain, in the forms of --relay [default: none, only what the relay chain
    /// knows is told]
    #[arg(long, short, value_name = "SOURCE")]
    pub state: Option<String>,
    /// The block of the parachain, by hash or number, if its state is a node's [default: the head that
    /// the relay chain has, or the node's last finalized block]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// A relay chain by name, such as `paseo`. The state is that of its parachain with this number, if a
    /// node of it is known
    #[arg(long, value_name = "NETWORK", conflicts_with = "relay")]
    pub network: Option<String>,
    /// Write the document to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Diagnose {
    #[command(flatten)]
    pub case: Case,
}

#[derive(Debug, Args)]
pub struct Repair {
    #[command(flatten)]
    pub case: Case,
    /// A blob that mends the runtime of the parachain, with the spec_version of the present one
    #[arg(long, value_name = "BLOB")]
    pub code: Option<PathBuf>,
    /// The candidates that must be included after a repair
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub heads: u32,
    /// Write the calls of the repair that works to this directory
    #[arg(long, value_name = "DIR")]
    pub calls: Option<PathBuf>,
}
