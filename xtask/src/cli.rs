// SPDX-License-Identifier: Apache-2.0
//! The command line's shape. The reference in `docs/commands.md` is made from it.

mod build;
mod ci;
mod dry_run;
mod propose;
mod release;
mod sign;
mod snapshot;
mod upgrade;
mod verify;
mod weights;

pub use build::*;
pub use ci::*;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub use dry_run::*;
pub use propose::*;
pub use release::*;
pub use sign::*;
pub use snapshot::*;
use std::{path::PathBuf, process::ExitCode};
pub use upgrade::*;
pub use verify::*;
pub use weights::*;

const EXIT_CODES: &str = "\
Exit codes:
  0    everything is fine
  1    a check gave a negative verdict
  2    the command line is wrong
  3    the environment lacks something (a tool, the network, disk space)
  4    an input is not what it has to be
  5    a defect of Cutover
  6    not judged: a check that applies could not look
  130  interrupted";

/// Take a runtime of a Polkadot SDK chain from source to a signed upgrade
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalOptions,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Debug, Default, Args)]
pub struct GlobalOptions {
    /// Put one JSON document on standard output
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Say nothing about what is being done, only results and errors
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Color what goes to standard error (NO_COLOR is honoured too)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Global options")]
    pub color: ColorChoice,
    /// Annotate the commit with what failed and add to the step's summary, in a workflow of GitHub
    #[arg(long, global = true, help_heading = "Global options")]
    pub github: bool,
    /// Work on the runtimes of another Cargo workspace
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub workspace: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find what this machine lacks, say what will be done, do it
    Setup(Setup),
    /// Make Cutover the `cargo xtask` of another workspace: show what changes, then change it
    Init(Init),
    /// List the runtimes of the workspace
    List(List),
    /// Build runtimes to Wasm blobs, reproducibly
    Build(Build),
    /// Read the facts of a runtime from a blob, a chain spec, a snapshot or a node
    Inspect(Inspect),
    /// Compare two runtimes: what changed, whom it breaks, whether the versions say so
    Diff(Diff),
    /// Try an upgrade on a copy of a chain's state
    DryRun(DryRun),
    /// Serve a copy of a chain over JSON-RPC on this machine, and build blocks on it
    Fork(Fork),
    /// Make a snapshot of a chain's state, look into one, check one
    Snapshot(Snapshot),
    /// Compare weights, check those of a runtime, make weight files from raw results
    Weights(Weights),
    /// Make the calls by which a chain authorizes and applies an upgrade
    Propose(Propose),
    /// Sign the manifest of a bundle
    Sign(Sign),
    /// Say whose signatures count: make, sign and check the file of signers
    Signers(Signers),
    /// Check a bundle (digests, signatures, threshold and, if asked, a rebuild), or build a blob again and compare
    Verify(Verify),
    /// Do all of it: build, inspect, dry-run, propose, sign, verify; leave a bundle
    Upgrade(Upgrade),
    /// What pull requests need: a matrix of jobs, what a change affects, a comment
    Ci(Ci),
    /// Release runtimes: plan it, prepare its files, publish it
    Release(Release),
    /// Run the tests of Cutover's workspace
    Test(Test),
    /// Print a completion script for a shell
    Completions(Completions),
}

#[derive(Debug, Args)]
pub struct Setup {
    /// Only report; exit 3 if something is missing
    #[arg(long, conflicts_with = "builder_image")]
    pub check: bool,
    /// Make a builder image out of the distribution's packages, for container builds without a registry of images
    #[arg(long)]
    pub builder_image: bool,
    /// The engine that the image is made with and kept in
    #[arg(long, value_enum, default_value = "podman", requires = "builder_image")]
    pub engine: ImageEngine,
}

/// What can make an image by itself, without a daemon's own idea of dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImageEngine {
    Podman,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Where the workspace gets Cutover from: a directory, or a git repository at a commit [default: the directory that
    /// this command runs from, which only this machine has]
    #[arg(long, value_name = "PATH|URL@REV")]
    pub cutover: Option<String>,
    /// The name of the command and of its package's directory [default: xtask, or cutover where that is taken]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Change what is shown without asking
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct List {}

#[derive(Debug, Args)]
pub struct Inspect {
    /// A blob, hex, chain spec or snapshot; a ws:// or http:// node; a network (`paseo/asset-hub`); `-` for standard input
    pub source: String,
    /// Only read what the blob's sections say, without executing it: no metadata versions and no pallets
    #[arg(long)]
    pub no_metadata: bool,
    /// The chain's token, with which the hash of the metadata is made, where the source does not say it
    #[arg(long, value_name = "SYMBOL:DECIMALS", conflicts_with = "no_metadata")]
    pub token: Option<String>,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The present runtime: a blob, hex, chain spec, snapshot, node or network; `-` for standard input
    pub old: String,
    /// The new runtime
    pub new: String,
    /// A rule that may be broken, and why
    #[arg(long, value_name = "KIND[=REASON]", conflicts_with_all = ["bytes", "parameters"])]
    pub allow: Vec<String>,
    /// Write the parameter change document: every constant that changed, in human units
    #[arg(long, conflicts_with = "bytes")]
    pub parameters: bool,
    /// The decimals of the chain's token [default: what the chain spec or node says]
    #[arg(long, value_name = "N", requires = "parameters", value_parser = clap::value_parser!(u32).range(0..=38))]
    pub decimals: Option<u32>,
    /// The symbol of the chain's token [default: what the chain spec or node says]
    #[arg(long, value_name = "SYMBOL", requires = "parameters")]
    pub symbol: Option<String>,
    /// The milliseconds between two blocks [default: what Babe's, Aura's or Timestamp's constants say]
    #[arg(long, value_name = "MS", requires = "parameters", value_parser = clap::value_parser!(u64).range(1..))]
    pub block_time: Option<u64>,
    /// Compare the bytes: where they differ, and the probable causes
    #[arg(long)]
    pub bytes: bool,
}

#[derive(Debug, Args)]
pub struct Test {
    /// What is passed on to the test runner
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell that is to source it
    pub shell: clap_complete::Shell,
}

/// Help and versions are data and go to standard output; a wrong command line exits with 2.
pub fn usage_error(error: &clap::Error) -> ExitCode {
    // It repeats what it does not understand, which may be an address with a key in it.
    let text = error.render().to_string();
    let _ = match error.use_stderr() && text.contains("://") {
        true => std::io::Write::write_all(&mut std::io::stderr(), protocol::hide_addresses(&text).as_bytes()),
        false => error.print(),
    };
    match error.use_stderr() {
        true => ExitCode::from(worker::Kind::Usage.exit_code()),
        false => ExitCode::SUCCESS,
    }
}
