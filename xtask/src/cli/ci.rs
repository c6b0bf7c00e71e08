// SPDX-License-Identifier: Apache-2.0
//! The command line of `ci`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Ci {
    #[command(subcommand)]
    pub what: CiWhat,
}

#[derive(Debug, Subcommand)]
pub enum CiWhat {
    /// Print the jobs that upgrade the workspace's runtimes, each able to run on a machine of its own
    Matrix(CiMatrix),
    /// Select the runtimes that a change can affect, and say why
    Changed(CiChanged),
    /// Render bundles as one comment for a pull request
    Comment(CiComment),
    /// Put a comment under a pull request on GitHub, in place of the one of the last run, with `gh`
    Post(CiPost),
    /// Check the workflows of the workspace with actionlint and zizmor, installed into the cache
    Lint(CiLint),
    /// Check the dependencies of the workspace with cargo-deny, installed into the cache: licences, bans, sources, and
    /// advisories where their database can be fetched
    Deny(CiDeny),
    /// Look at a bundle's report.html in headless Chromium, through Playwright, installed into the cache
    Page(CiPage),
    /// Have clients that nobody here wrote use a fork that is served: @polkadot/api, polkadot-api and chopsticks, installed into the cache
    Clients(CiClients),
}

#[derive(Debug, Args)]
pub struct CiMatrix {
    /// A runtime: its package, or the package without `-runtime`. Without: all of the workspace
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    /// Only runtimes that what changed since this commit, tag or branch can affect
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Only the jobs of these stages
    #[arg(long = "stage", value_enum, value_name = "STAGE", value_delimiter = ',')]
    pub stages: Vec<Stage>,
    /// For people without; with --json the document that GitHub takes as `strategy.matrix`
    #[arg(long, value_enum, conflicts_with = "json")]
    pub format: Option<MatrixFormat>,
    /// The container image that the jobs run in: it must hold the workspace for Kubernetes
    #[arg(long, value_name = "IMAGE", requires = "format")]
    pub image: Option<String>,
    /// The volume claim that the jobs of Kubernetes share, for bundles
    #[arg(long, value_name = "CLAIM", default_value = "cutover-bundles")]
    pub claim: String,
}

/// Jobs of one stage need only those of the stages before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// The blob and its facts
    Build,
    /// What is found out about the blob, side by side
    Check,
    /// Everything joined to one signed bundle
    Join,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Check => "check",
            Self::Join => "join",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MatrixFormat {
    /// Lines for `$GITHUB_OUTPUT`: a matrix for each stage, and whether there is anything to do
    Github,
    /// A child pipeline
    Gitlab,
    /// Jobs, to be created stage by stage
    Kubernetes,
}

#[derive(Debug, Args)]
pub struct CiChanged {
    /// What the change is held against: a commit, tag or branch. The comparison begins where the two parted
    #[arg(long, value_name = "REV")]
    pub base: String,
}

#[derive(Debug, Args)]
pub struct CiComment {
    /// A bundle's directory, or one that holds the bundles of several runtimes
    #[arg(required = true, value_name = "BUNDLE")]
    pub bundles: Vec<PathBuf>,
    /// A result of `weights compare --json`, shown among what changed
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Write the comment to this file, not to standard output
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CiPost {
    /// What `ci comment` wrote
    pub comment: PathBuf,
    /// The repository on GitHub
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: String,
    /// The commit of the pull request that the comment is about
    #[arg(long, value_name = "COMMIT")]
    pub commit: String,
    /// Where the pull request comes from
    #[arg(long, value_name = "OWNER:BRANCH")]
    pub head: String,
}

#[derive(Debug, Args)]
pub struct CiLint {}

#[derive(Debug, Args)]
pub struct CiDeny {}

#[derive(Debug, Args)]
pub struct CiClients {
    /// Where the fork listens, as `cargo xtask fork` says it
    #[arg(value_name = "URL")]
    pub url: String,
}

#[derive(Debug, Args)]
pub struct CiPage {
    /// The page
    #[arg(value_name = "FILE")]
    pub page: PathBuf,
    /// Where a picture of each view is put
    #[arg(long, value_name = "DIR")]
    pub pictures: Option<PathBuf>,
}
