// SPDX-License-Identifier: Apache-2.0
//! The command line of `upgrade`.

use super::{EngineOptions, RouteOptions};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
pub struct Upgrade {
    /// A runtime of the workspace [default: the one that [workspace.metadata.cutover] names]
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    /// The chain to upgrade: a raw chain spec, a snapshot, a node or a network [default: `state` of the runtime's
    /// [package.metadata.cutover]]
    #[arg(long, short, value_name = "SOURCE")]
    pub state: Option<String>,
    /// A chain by name, such as `paseo/asset-hub`: its runtime, its state, and the relay that governs it
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// The block, where the state is a node's [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// How many healthy blocks must follow the last migration
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub blocks: u32,
    #[command(flatten)]
    pub engine: EngineOptions,
    #[command(flatten)]
    pub route: RouteOptions,
    /// Where the bundle is put [default: target/upgrade/RUNTIME of the workspace]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A key to sign with, as `sign --with` takes it [default: one that is thrown away]
    #[arg(long, value_name = "KEY")]
    pub sign_with: Vec<String>,
    /// The file that lists signers and threshold [default: signers.json of the workspace, if it is there]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// A rule of `diff` that may be broken, and why
    #[arg(long, value_name = "KIND[=REASON]")]
    pub allow: Vec<String>,
    /// How many jobs may run at once [default: as many as there are processors]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// Run the runtime's benchmarks and make its weight files anew before anything is built
    #[arg(long, conflicts_with = "only")]
    pub weights: bool,
    /// The revision whose weights the present ones are held against [default: the tag of the release before]
    #[arg(long, value_name = "REVISION")]
    pub weights_base: Option<String>,
    /// Do only these jobs, on the evidence that earlier ones left in --out, be it on another machine
    #[arg(long, value_enum, value_name = "JOB", value_delimiter = ',', requires = "out")]
    pub only: Vec<UpgradeJob>,
}

/// The jobs of an upgrade, each after those it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum UpgradeJob {
    Build,
    Inspect,
    BuildTryRuntime,
    Propose,
    Diff,
    Weights,
    DryRun,
    Report,
    Manifest,
    Sign,
    Verify,
}

impl UpgradeJob {
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Inspect => "inspect",
            Self::BuildTryRuntime => "build-try-runtime",
            Self::Propose => "propose",
            Self::Diff => "diff",
            Self::Weights => "weights",
            Self::DryRun => "dry-run",
            Self::Report => "report",
            Self::Manifest => "manifest",
            Self::Sign => "sign",
            Self::Verify => "verify",
        }
    }

    /// Those that must have been done before.
    pub fn after(self) -> &'static [Self] {
        match self {
            Self::Build => &[],
            Self::Inspect | Self::BuildTryRuntime | Self::Propose | Self::Diff | Self::Weights => &[Self::Build],
            Self::DryRun => &[Self::BuildTryRuntime],
            Self::Report => &[Self::Inspect, Self::DryRun, Self::Propose, Self::Diff, Self::Weights],
            Self::Manifest => &[Self::Report],
            Self::Sign => &[Self::Manifest],
            Self::Verify => &[Self::Sign],
        }
    }

    /// Whether it is about the chain's state; the build finds out which one that is, for those after it.
    pub fn takes_state(self) -> bool {
        matches!(self, Self::Build | Self::Propose | Self::Diff | Self::DryRun)
    }

    /// Whether it reads the source or the state, and so must run on the commit that the blob is of.
    pub fn reads_source(self) -> bool {
        !matches!(self, Self::Report | Self::Manifest | Self::Sign | Self::Verify)
    }
}
