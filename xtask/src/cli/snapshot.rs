// SPDX-License-Identifier: Apache-2.0
//! States of chains as files.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Snapshot {
    #[command(subcommand)]
    pub of: SnapshotOf,
}

#[derive(Debug, Subcommand)]
pub enum SnapshotOf {
    /// Take the whole state of a block from nodes, each byte of it proven. Cut short, it goes on where it was; of a later
    /// block it takes what changed
    Create(SnapshotCreate),
    /// Make one of a chain that begins with a genesis preset of a runtime
    Genesis(SnapshotGenesis),
    /// Say what a snapshot or chain spec holds
    Info(SnapshotFile),
    /// Compute the root of a snapshot's entries and compare it with the one of its header
    Verify(SnapshotFile),
    /// Forget the trie nodes of live chains that were kept between runs
    Prune,
}

#[derive(Debug, Args)]
pub struct SnapshotCreate {
    /// Nodes of one chain (ws:// or http://), or a network (`paseo/asset-hub`), whose nodes are then all asked
    #[arg(required = true, value_name = "NODE")]
    pub nodes: Vec<String>,
    /// The block, by hash or number [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// Where the snapshot is written
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// The kind of file
    #[arg(long, value_enum, default_value_t)]
    pub format: SnapshotFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SnapshotFormat {
    /// Compressed, and sealed by a hash
    #[default]
    Cutover,
    /// What try-runtime reads (its version 4)
    TryRuntime,
}

#[derive(Debug, Args)]
pub struct SnapshotFile {
    /// A snapshot (of Cutover, or of try-runtime), or a raw chain spec
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct SnapshotGenesis {
    /// The runtime: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: String,
    /// Features the runtime is built with, where it is built
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    pub features: Vec<String>,
    /// The genesis preset
    #[arg(long, default_value = "development", value_name = "PRESET")]
    pub preset: String,
    /// How many blocks are built on it
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub blocks: u32,
    /// Where the snapshot is written
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
}
