// SPDX-License-Identifier: Apache-2.0
//! Upgrades rehearsed, and the forks that they are rehearsed on.

use clap::{Args, Subcommand, ValueEnum, builder::PossibleValuesParser};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DryRun {
    #[command(subcommand)]
    pub of: Option<DryRunOf>,
    /// The runtime to upgrade to: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: Option<String>,
    /// A blob of the same runtime built with the feature `try-runtime`: more checks are possible
    #[arg(long, value_name = "BLOB")]
    pub try_runtime: Option<PathBuf>,
    /// The state to upgrade: a raw chain spec, a snapshot, a ws:// or http:// node, or a network (`paseo/asset-hub`)
    #[arg(long, short, value_name = "SOURCE")]
    pub state: Option<String>,
    /// The block, by hash or number, where the state is a node's [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// The code that the chain runs, in place of the one in its state: a code substitute of the chain spec, by its block or
    /// blake2-256, or a blob
    #[arg(long, value_name = "BLOCK|HASH|FILE")]
    pub code: Option<String>,
    /// How the state of a node is taken [default: lazy]
    #[arg(long, value_enum, value_name = "MODE")]
    pub state_mode: Option<StateMode>,
    /// Take the whole state as the node gives it, and go on if its root is not the header's
    #[arg(long)]
    pub unverified: bool,
    /// How many healthy blocks must follow the last migration
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub blocks: u32,
    /// Another chain, given like the state, that this one exchanges messages with: they are delivered to a fork of it
    #[arg(long, value_name = "SOURCE")]
    pub with: Vec<String>,
    /// A check that may fail, and who knows that it is well
    #[arg(long, value_name = "CHECK=REASON")]
    pub allow: Vec<String>,
    /// A check whose hazards count as failures
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(protocol::CHECKS), hide_possible_values = true)]
    pub deny: Vec<String>,
    /// Hazards count as failures, whatever the check
    #[arg(long)]
    pub strict: bool,
    /// Make this check only, and others named so; evidence for a bundle needs all of them
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(protocol::CHECKS), hide_possible_values = true)]
    pub only: Vec<String>,
    /// Leave this check out; evidence for a bundle needs all of them
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(protocol::CHECKS), hide_possible_values = true)]
    pub skip: Vec<String>,
    /// Write the evidence to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the checks as JUnit XML to this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum DryRunOf {
    /// Execute a live block once more on its parent's state, by the chain's own code, and compare with its header
    Block(DryRunBlock),
}

#[derive(Debug, Args)]
pub struct DryRunBlock {
    /// The block: a number, a hash or `finalized`
    #[arg(value_name = "NUMBER|HASH")]
    pub block: String,
    /// The node that has the block and the state before it, or a network (`paseo/asset-hub`)
    #[arg(long, short, value_name = "NODE")]
    pub state: String,
    /// See also what another runtime would have made of the block's transactions: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: Option<String>,
    /// Write the evidence to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateMode {
    /// What is read, when it is read, each part proven by the block's state root
    Lazy,
    /// All of it at first, its root compared with the block's
    Full,
}

impl From<StateMode> for protocol::StateMode {
    fn from(mode: StateMode) -> Self {
        match mode {
            StateMode::Lazy => Self::Lazy,
            StateMode::Full => Self::Full,
        }
    }
}

#[derive(Debug, Args)]
pub struct Fork {
    /// The chain to fork: a raw chain spec, a snapshot, or a ws:// or http:// node
    pub source: String,
    /// The block, by hash or number, where the source is a node [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// The code that the chain runs, in place of the one in its state: a code substitute of the chain spec, by its block or
    /// blake2-256, or a blob
    #[arg(long, value_name = "BLOCK|HASH|FILE")]
    pub code: Option<String>,
    /// How the state of a node is taken [default: lazy]
    #[arg(long, value_enum, value_name = "MODE")]
    pub state_mode: Option<StateMode>,
    /// The port on 127.0.0.1; 0 takes one that is free
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
    /// Build blocks only for `dev_newBlock`, not for every extrinsic
    #[arg(long)]
    pub manual: bool,
    /// Let pages of this origin use the fork, as https://polkadot.js.org; those of this machine may, others are refused
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,
}
