// SPDX-License-Identifier: Apache-2.0
//! The command line of `ci`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Ci {
    #[command(subcommand)]
    pub command: CiCommand,
}

#[derive(Debug, Subcommand)]
pub enum CiCommand {
    /// Print the jobs that upgrade the workspace's runtimes; each can run on its own machine
    Matrix(CiMatrix),
    /// Select the runtimes that a change can affect, and say why
    Changed(CiChanged),
    /// Render bundles as one comment for a pull request
    Comment(CiComment),
    /// Post a comment on a GitHub pull request with `gh`, replacing the comment of the last run
    Post(CiPost),
    /// Check the workflows of the workspace with actionlint and zizmor, installed into the cache
    Lint(CiLint),
    /// Check the dependencies of the workspace with cargo-deny, installed into the cache: licences,
    /// bans, sources, and advisories if their database can be fetched
    Deny(CiDeny),
    /// Test a bundle's report.html in headless Chromium with Playwright, installed into the cache
    Page(CiPage),
    /// Test a running fork with third-party clients: @polkadot/api, polkadot-api and chopsticks,
    /// installed into the cache
    Clients(CiClients),
}

#[derive(Debug, Args)]
pub struct CiMatrix {
    /// A runtime: its package, or the package without `-runtime` [default: all of the workspace]
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    /// Only runtimes that are affected by changes since this commit, tag or branch
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Only the jobs of these stages
    #[arg(long = "stage", value_enum, value_name = "STAGE", value_delimiter = ',')]
    pub stages: Vec<Stage>,
    /// The output format [default: a table]; with --json, the document that GitHub takes as
    /// `strategy.matrix`
    #[arg(long, value_enum, conflicts_with = "json")]
    pub format: Option<MatrixFormat>,
    /// The container image of the jobs. For Kubernetes it must contain the workspace
    #[arg(long, value_name = "IMAGE", requires = "format")]
    pub image: Option<String>,
    /// The persistent volume claim for bundles, shared by the jobs in Kubernetes
    #[arg(long, value_name = "CLAIM", default_value = "cutover-bundles")]
    pub claim: String,
}

/// The stages of a pipeline. A job needs only the jobs of earlier stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// The blob and its facts
    Build,
    /// The checks of the blob, in parallel
    Check,
    /// All results joined into one signed bundle
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
    /// The commit, tag or branch that the change is compared with. The comparison starts at the
    /// merge base
    #[arg(long, value_name = "REV")]
    pub base: String,
}

#[derive(Debug, Args)]
pub struct CiComment {
    /// A bundle's directory, or a directory with the bundles of several runtimes
    #[arg(required = true, value_name = "BUNDLE")]
    pub bundles: Vec<PathBuf>,
    /// A result of `weights compare --json`, shown with the changes
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Write the comment to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CiPost {
    /// The file that `ci comment` wrote
    pub comment: PathBuf,
    /// The repository on GitHub
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: String,
    /// The commit of the pull request that the comment is about
    #[arg(long, value_name = "COMMIT")]
    pub commit: String,
    /// The head branch of the pull request
    #[arg(long, value_name = "OWNER:BRANCH")]
    pub head: String,
}

#[derive(Debug, Args)]
pub struct CiLint {}

#[derive(Debug, Args)]
pub struct CiDeny {}

#[derive(Debug, Args)]
pub struct CiClients {
    /// The address of the fork, as `cargo xtask fork` prints it
    #[arg(value_name = "URL")]
    pub url: String,
}

#[derive(Debug, Args)]
pub struct CiPage {
    /// The page, report.html of a bundle
    #[arg(value_name = "FILE")]
    pub page: PathBuf,
    /// The directory for a screenshot of each view
    #[arg(long, value_name = "DIR")]
    pub pictures: Option<PathBuf>,
}
