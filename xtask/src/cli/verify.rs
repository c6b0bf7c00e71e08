// SPDX-License-Identifier: Apache-2.0
//! The command line of `verify`.

use super::{EngineOptions, Profile};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Verify {
    #[command(subcommand)]
    pub command: Option<VerifyCommand>,
    /// The bundle's directory
    #[arg(required = true)]
    pub bundle: Option<PathBuf>,
    /// The file of signers and threshold [default: signers.json of the workspace, if it exists]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// Check only that the bundle is undamaged and its steps passed, not that enough signers signed
    /// it
    #[arg(long)]
    pub integrity_only: bool,
    /// Rebuild the runtimes from a clean checkout of the bundle's commit and compare the blobs. The
    /// options below and the workspace decide how, never the bundle
    #[arg(long)]
    pub rebuild: bool,
    #[command(flatten)]
    pub engine: EngineOptions,
}

#[derive(Debug, Subcommand)]
pub enum VerifyCommand {
    /// Rebuild a runtime and compare it with a digest, a blob, a hash or the code of a chain
    Build(VerifyBuild),
}

#[derive(Debug, Args)]
#[group(id = "expected", required = true, multiple = false, args = ["source", "digest", "blob", "code_hash"])]
pub struct VerifyBuild {
    /// The source of the blob: a chain spec, a snapshot, or a ws:// or http:// node
    pub source: Option<String>,
    /// The digest of a build, as JSON of Cutover or srtool
    #[arg(long, value_name = "FILE")]
    pub digest: Option<PathBuf>,
    /// The blob itself
    #[arg(long, value_name = "FILE")]
    pub blob: Option<PathBuf>,
    /// The blake2-256 of the deployed blob
    #[arg(long, value_name = "0xHEX")]
    pub code_hash: Option<String>,
    /// The runtime: its package, or the package without `-runtime` [default: the digest's, else the workspace's]
    #[arg(long, short, value_name = "NAME")]
    pub runtime: Option<String>,
    /// The commit to build [default: the digest's, else the work tree as it is]
    #[arg(long, value_name = "COMMIT")]
    pub commit: Option<String>,
    #[command(flatten)]
    pub engine: EngineOptions,
    /// How the blob is optimised [default: the digest's, else production]
    #[arg(long, value_enum)]
    pub profile: Option<Profile>,
    /// Exactly these features of the runtime, instead of those for the chain. '' means none
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    pub features: Vec<String>,
    /// Disable the runtime's default features
    #[arg(long)]
    pub no_default_features: bool,
}
