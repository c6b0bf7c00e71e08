// SPDX-License-Identifier: Apache-2.0
//! The command line of `rehearse`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Rehearse {
    /// The proposal: an encoded call in hex, a file with one, a bundle, the directory of the --out of
    /// `propose`, `preimage:0xHASH` or `referendum:N`
    #[arg(value_name = "PROPOSAL")]
    pub proposal: String,
    #[command(flatten)]
    pub chains: ProposalChains,
    /// The blob of an upgrade that the proposal authorizes, which is then applied; can be repeated.
    /// That of a bundle need not be given
    #[arg(long, value_name = "BLOB")]
    pub code: Vec<PathBuf>,
    /// The fewest blocks to build after the proposal [default: as many as its messages take]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=2_000))]
    pub blocks: Option<u32>,
    /// End this many sessions of the relay chain after that: what a call schedules for a session has its
    /// effect then
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=24), hide_default_value = true)]
    pub sessions: u32,
    /// Write the evidence to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The chains that a proposal is dispatched on, and how.
#[derive(Debug, Args)]
pub struct ProposalChains {
    /// The chain that dispatches the proposal: a raw chain spec, a snapshot, a ws:// or http:// node,
    /// or a network (`paseo/people`)
    #[arg(long, short, value_name = "SOURCE")]
    pub state: Option<String>,
    /// The block of that chain, by hash or number, if its state is a node's [default: the last
    /// finalized; with --relay the head that the relay chain has]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// The relay chain of the chain that dispatches the proposal, in the forms of --state [default:
    /// none, the chain is alone or a relay chain]
    #[arg(long, value_name = "SOURCE")]
    pub relay: Option<String>,
    /// The block of the relay chain, by hash or number, if its state is a node's [default: the last
    /// finalized]
    #[arg(long, value_name = "BLOCK")]
    pub relay_at: Option<String>,
    /// Another parachain of the same relay chain, in the forms of --state; can be repeated
    #[arg(long, value_name = "SOURCE")]
    pub with: Vec<String>,
    /// A relay chain by name, such as `paseo`, with all its parachains, or the name of several
    /// runtimes, each with its configured state
    #[arg(long, value_name = "NETWORK", conflicts_with_all = ["state", "relay"])]
    pub network: Option<String>,
    /// The chain of the network that dispatches the proposal, such as `people` [default: the relay
    /// chain]
    #[arg(long, value_name = "CHAIN", requires = "network", conflicts_with = "state")]
    pub on: Option<String>,
    /// Register parachains on the relay chain's fork and give them cores, if the relay chain does not
    /// know them
    #[arg(long)]
    pub onboard: bool,
    /// The origin of the call: `root`, `signed:0xACCOUNT`, or the name of an origin of the runtime,
    /// such as `WhitelistedCaller` [default: that of the referendum, the key of
    /// Sudo for a call of this pallet, else root]
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    /// A proposal that the same chain dispatches before, in the forms of PROPOSAL; can be repeated, in the
    /// order of their enactment
    #[arg(long, value_name = "PROPOSAL")]
    pub after: Vec<String>,
}
