// SPDX-License-Identifier: Apache-2.0
//! The command line of `verify`.

use super::{EngineOptions, Profile, ProposalChains};
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
    /// Verify a proposal from what is on chain to the source: what it authorizes, who names these codes,
    /// whether they are built from the source, and what the call does on forks
    Referendum(Box<VerifyReferendum>),
}

#[derive(Debug, Args)]
pub struct VerifyReferendum {
    /// The proposal: `referendum:N` or the number alone, `preimage:0xHASH`, an encoded call in hex, a
    /// file with one, a bundle, or the directory of `propose upgrade --out`
    #[arg(value_name = "PROPOSAL")]
    pub proposal: String,
    #[command(flatten)]
    pub chains: ProposalChains,
    /// A bundle that names a code of the proposal; can be repeated
    #[arg(long, value_name = "DIR")]
    pub bundle: Vec<PathBuf>,
    /// The file of signers of the bundles [default: signers.json of the workspace, if it exists]
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub root: Option<PathBuf>,
    /// The digest of a build that names a code of the proposal, as JSON of Cutover or srtool; can be
    /// repeated
    #[arg(long, value_name = "FILE")]
    pub digest: Vec<PathBuf>,
    /// The blob of a code of the proposal; can be repeated
    #[arg(long, value_name = "FILE")]
    pub blob: Vec<PathBuf>,
    /// Build the runtimes of the bundles, or those of --runtime, from a clean checkout, and compare. The
    /// options below and the workspace decide how, never a bundle
    #[arg(long)]
    pub rebuild: bool,
    /// A runtime to build: its package, or the package without `-runtime`; can be repeated
    #[arg(long, short, value_name = "NAME", requires = "rebuild")]
    pub runtime: Vec<String>,
    /// The commit to build the runtimes from [default: the one that the digest states, if one is given,
    /// else the work tree as it is]
    #[arg(long, value_name = "COMMIT", requires = "runtime")]
    pub commit: Option<String>,
    #[command(flatten)]
    pub engine: EngineOptions,
    /// Write the document to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write a page for voters to this file
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
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
