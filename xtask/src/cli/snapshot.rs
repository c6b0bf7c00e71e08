// SPDX-License-Identifier: Apache-2.0
//! The command line of `snapshot`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Snapshot {
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Download the whole state of a block from nodes, with a proof for every entry. It resumes
    /// after an interruption; for a later block it downloads only what changed
    Create(SnapshotCreate),
    /// Create the snapshot of a new chain from a genesis preset of a runtime
    Genesis(SnapshotGenesis),
    /// Show what a snapshot or chain spec contains
    Info(SnapshotFile),
    /// Compute the state root of a snapshot and compare it with the one in its header
    Verify(SnapshotFile),
    /// Delete the trie nodes of live chains that are cached between runs
    Prune,
}

#[derive(Debug, Args)]
pub struct SnapshotCreate {
    /// Nodes of one chain (ws:// or http://), or a network (`paseo/asset-hub`), of which all nodes
    /// are used
    #[arg(required = true, value_name = "NODE")]
    pub nodes: Vec<String>,
    /// The block, by hash or number [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// The file of the snapshot
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// The file format
    #[arg(long, value_enum, default_value_t)]
    pub format: SnapshotFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SnapshotFormat {
    /// Compressed, with a checksum
    #[default]
    Cutover,
    /// The format of try-runtime (its version 4)
    TryRuntime,
}

#[derive(Debug, Args)]
pub struct SnapshotFile {
    /// A snapshot (of Cutover or try-runtime), or a raw chain spec
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct SnapshotGenesis {
    /// The runtime: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: String,
    /// The features with which the runtime is built, if it is built
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    pub features: Vec<String>,
    /// The genesis preset
    #[arg(long, default_value = "development", value_name = "PRESET")]
    pub preset: String,
    /// The number of blocks that are built on it
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub blocks: u32,
    /// The file of the snapshot
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
}
