// SPDX-License-Identifier: Apache-2.0
//! The command lines of `dry-run` and `fork`.

use clap::{Args, Subcommand, ValueEnum, builder::PossibleValuesParser};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DryRun {
    #[command(subcommand)]
    pub command: Option<DryRunCommand>,
    /// The runtime to upgrade to: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: Option<String>,
    /// A blob of the same runtime built with the feature `try-runtime`, which enables more checks
    #[arg(long, value_name = "BLOB")]
    pub try_runtime: Option<PathBuf>,
    /// The state to upgrade: a raw chain spec, a snapshot, a ws:// or http:// node, or a network
    /// (`paseo/asset-hub`)
    #[arg(long, short, value_name = "SOURCE")]
    pub state: Option<String>,
    /// The block, by hash or number, if the state is a node's [default: the last finalized; with
    /// --relay the head that the relay chain has]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// The code that the chain runs, instead of the code in its state: a code substitute of the
    /// chain spec, by its block or blake2-256, or a blob
    #[arg(long, value_name = "BLOCK|HASH|FILE")]
    pub code: Option<String>,
    /// How the state of a node is loaded [default: lazy]
    #[arg(long, value_enum, value_name = "MODE")]
    pub state_mode: Option<StateMode>,
    /// Load the whole state without proofs, and continue if its root differs from the header's
    #[arg(long)]
    pub unverified: bool,
    /// The number of healthy blocks that must follow the last migration
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub blocks: u32,
    /// Another chain that this one exchanges messages with, in the forms of --state: messages are
    /// delivered to a fork of it
    #[arg(long, value_name = "SOURCE")]
    pub with: Vec<String>,
    /// The parachain's relay chain, in the forms of --state: its own runtime decides about the
    /// upgrade, on a fork [default: `relay` of [package.metadata.cutover.dry-run]]
    #[arg(long, value_name = "SOURCE")]
    pub relay: Option<String>,
    /// The block of the relay chain, by hash or number, if its state is a node's [default: the last
    /// finalized]
    #[arg(long, value_name = "BLOCK", requires = "relay")]
    pub relay_at: Option<String>,
    /// The relay chain's own new code, a blob: both upgrades are then rehearsed in each order
    #[arg(long, value_name = "BLOB")]
    pub relay_runtime: Option<PathBuf>,
    /// Register the parachain on the relay chain's fork and give it a core, if the relay chain does
    /// not know it
    #[arg(long)]
    pub onboard: bool,
    /// A check that may fail, and the reason
    #[arg(long, value_name = "CHECK=REASON")]
    pub allow: Vec<String>,
    /// A check whose hazards count as failures
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(protocol::CHECKS), hide_possible_values = true)]
    pub deny: Vec<String>,
    /// Count the hazards of every check as failures
    #[arg(long)]
    pub strict: bool,
    /// Run only this check; can be repeated. The evidence of a bundle needs all checks
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(protocol::CHECKS), hide_possible_values = true)]
    pub only: Vec<String>,
    /// Skip this check; can be repeated. The evidence of a bundle needs all checks
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
pub enum DryRunCommand {
    /// Re-execute a live block on its parent's state with the chain's own code, and compare the
    /// result with its header
    Block(DryRunBlock),
}

#[derive(Debug, Args)]
pub struct DryRunBlock {
    /// The block: a number, a hash or `finalized`
    #[arg(value_name = "NUMBER|HASH")]
    pub block: String,
    /// A node with the block and the state before it, or a network (`paseo/asset-hub`)
    #[arg(long, short, value_name = "NODE")]
    pub state: String,
    /// Also execute the block's transactions with another runtime: a name (it is built first) or a
    /// blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: Option<String>,
    /// Write the evidence to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateMode {
    /// Load each entry when it is read, with a proof against the block's state root
    Lazy,
    /// Load everything first and compare its root with the block's
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
    /// The block, by hash or number, if the source is a node [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// The code that the chain runs, instead of the code in its state: a code substitute of the
    /// chain spec, by its block or blake2-256, or a blob
    #[arg(long, value_name = "BLOCK|HASH|FILE")]
    pub code: Option<String>,
    /// A parachain that is served with its relay chain, whose runtime then decides about its blocks;
    /// can be repeated
    #[arg(long, value_name = "CHAIN")]
    pub with: Vec<String>,
    /// Onboard parachains on the fork that the relay chain does not know
    #[arg(long, requires = "with")]
    pub onboard: bool,
    /// Give development accounts (Alice, Bob and others) funds on each chain, and Alice sudo
    #[arg(long)]
    pub dev: bool,
    /// The file that keeps the block of each chain: it is written if it does not exist, and otherwise
    /// the chains are read at its blocks
    #[arg(long, value_name = "FILE")]
    pub pin: Option<PathBuf>,
    /// How the state of a node is loaded [default: lazy]
    #[arg(long, value_enum, value_name = "MODE")]
    pub state_mode: Option<StateMode>,
    /// The port on 127.0.0.1, and the next ones for parachains; 0 chooses free ones
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
    /// Build blocks only on `dev_newBlock`, not for every extrinsic
    #[arg(long)]
    pub manual: bool,
    /// Allow web pages of this origin to use the fork, for example https://polkadot.js.org. Pages
    /// on this machine are allowed, others are refused
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,
}
