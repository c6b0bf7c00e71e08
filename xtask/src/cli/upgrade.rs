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
    /// A chain by name, such as `paseo/asset-hub`, from which runtime, state and relay chain follow, or the
    /// name of several runtimes
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// The block, if the state is a node's [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// The number of healthy blocks that must follow the last migration
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub blocks: u32,
    #[command(flatten)]
    pub engine: EngineOptions,
    #[command(flatten)]
    pub route: RouteOptions,
    /// Skip the chain's own check of spec_name and spec_version
    #[arg(long)]
    pub without_checks: bool,
    /// The directory of the bundle [default: target/upgrade/RUNTIME of the workspace]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A key to sign with, in the forms of `sign --with` [default: an ephemeral key]
    #[arg(long, value_name = "KEY")]
    pub sign_with: Vec<String>,
    /// The file of signers and threshold [default: signers.json of the workspace, if it exists]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// A rule of `diff` that may be violated, and why
    #[arg(long, value_name = "KIND[=REASON]")]
    pub allow: Vec<String>,
    /// The maximum number of jobs that run at once [default: the number of processors]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// Run the runtime's benchmarks and update its weight files before the build
    #[arg(long, conflicts_with = "only")]
    pub weights: bool,
    /// The revision whose weights the current ones are compared with [default: the tag of the
    /// previous release]
    #[arg(long, value_name = "REVISION")]
    pub weights_base: Option<String>,
    /// Run only these jobs, with the evidence of earlier jobs in --out, which may be from another
    /// machine
    #[arg(long, value_enum, value_name = "JOB", value_delimiter = ',', requires = "out")]
    pub only: Vec<UpgradeJob>,
}

/// The jobs of an upgrade. Each job comes after those that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum UpgradeJob {
    Build,
    Inspect,
    BuildTryRuntime,
    Propose,
    Rehearse,
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
            Self::Rehearse => "rehearse",
            Self::Diff => "diff",
            Self::Weights => "weights",
            Self::DryRun => "dry-run",
            Self::Report => "report",
            Self::Manifest => "manifest",
            Self::Sign => "sign",
            Self::Verify => "verify",
        }
    }

    /// Returns the jobs that must finish before this one.
    pub fn after(self) -> &'static [Self] {
        match self {
            Self::Build => &[],
            Self::Inspect | Self::BuildTryRuntime | Self::Propose | Self::Diff | Self::Weights => &[Self::Build],
            Self::DryRun => &[Self::BuildTryRuntime],
            Self::Rehearse => &[Self::Propose],
            Self::Report => &[Self::Inspect, Self::DryRun, Self::Rehearse, Self::Diff, Self::Weights],
            Self::Manifest => &[Self::Report],
            Self::Sign => &[Self::Manifest],
            Self::Verify => &[Self::Sign],
        }
    }

    /// Returns whether the job uses the chain's state. The build resolves the state for later jobs.
    pub fn takes_state(self) -> bool {
        matches!(self, Self::Build | Self::Propose | Self::Rehearse | Self::Diff | Self::DryRun)
    }

    /// Returns whether the job reads the source or the state, and so must run on the commit of the
    /// blob.
    pub fn reads_source(self) -> bool {
        !matches!(self, Self::Report | Self::Manifest | Self::Sign | Self::Verify)
    }
}
