// SPDX-License-Identifier: Apache-2.0
//! The definition of the command line. `docs/commands.md` is generated from it.

mod build;
mod ci;
mod dry_run;
mod propose;
mod rehearse;
mod release;
mod sign;
mod snapshot;
mod support;
mod upgrade;
mod verify;
mod weights;
mod xcm;

pub use build::*;
pub use ci::*;
use clap::{Args, Parser, Subcommand, ValueEnum, error::ErrorKind};
use console::printer::{Color, Printer, PrinterOptions};
pub use dry_run::*;
pub use propose::*;
pub use rehearse::*;
pub use release::*;
pub use sign::*;
pub use snapshot::*;
use std::{path::PathBuf, process::ExitCode};
pub use support::*;
pub use upgrade::*;
pub use verify::*;
pub use weights::*;
use worker::Failure;
pub use xcm::*;

const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    a check failed
  2    the command line is invalid
  3    the environment lacks something (a tool, the network, disk space)
  4    an input is invalid
  5    a bug in Cutover
  6    not judged: an applicable check could not run
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
    /// Write one JSON document to standard output
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Print only results and errors, no progress
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Color the output on standard error (NO_COLOR is respected too)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Global options")]
    pub color: ColorChoice,
    /// In a GitHub workflow, annotate the commit with failures and add to the step's summary
    #[arg(long, global = true, help_heading = "Global options")]
    pub github: bool,
    /// Use the runtimes of another Cargo workspace
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub workspace: Option<PathBuf>,
}

impl GlobalOptions {
    /// Returns the options of the printer.
    pub fn printer(&self) -> PrinterOptions {
        let color = match self.color {
            ColorChoice::Auto => Color::Auto,
            ColorChoice::Always => Color::Always,
            ColorChoice::Never => Color::Never,
        };
        PrinterOptions { json: self.json, quiet: self.quiet, color, github: self.github }
    }
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
    /// Find what is missing on this machine, show the plan, and install it
    Setup(Setup),
    /// Make Cutover the `cargo xtask` of another workspace: show the changes, then apply them
    Init(Init),
    /// List the runtimes of the workspace
    List(List),
    /// Build runtimes to Wasm blobs, reproducibly
    Build(Build),
    /// Show the facts of a runtime from a blob, a chain spec, a snapshot or a node
    Inspect(Inspect),
    /// Compare two runtimes: what changed, who is affected, and whether the versions reflect it
    Diff(Diff),
    /// Rehearse an upgrade on a copy of a chain's state
    DryRun(DryRun),
    /// Dispatch a proposal by its own origin on copies of chains, and show all that it does
    Rehearse(Rehearse),
    /// Help a parachain: find out why it makes no blocks, and try repairs and single tasks on forks
    #[command(subcommand)]
    Support(Support),
    /// Explain XCM messages: what a chain does with one, and why it fails
    #[command(subcommand)]
    Xcm(Xcm),
    /// Serve a copy of a chain over JSON-RPC on this machine, and build blocks on it
    Fork(Fork),
    /// Create, show and verify snapshots of a chain's state
    Snapshot(Snapshot),
    /// Run benchmarks, compare and check weights, and render weight files from raw results
    Weights(Weights),
    /// Make the calls that authorize and apply an upgrade on a chain
    Propose(Propose),
    /// Sign the manifest of a bundle
    Sign(Sign),
    /// Manage the file of signers, whose signatures count: create, sign and verify it
    Signers(Signers),
    /// Verify a bundle (digests, signatures, threshold and, optionally, a rebuild), or rebuild a
    /// blob and compare it
    Verify(Verify),
    /// Run the whole upgrade: build, inspect, dry-run, propose, rehearse, sign, verify; write a bundle
    Upgrade(Upgrade),
    /// Commands for pull requests: a matrix of jobs, the effects of a change, a comment
    Ci(Ci),
    /// Release runtimes: plan, prepare, sign and publish a release
    Release(Release),
    /// Pack the workers of this version into one archive, for machines that should not build them
    Dist(Dist),
    /// Run the tests of Cutover's workspace
    Test(Test),
    /// Print a completion script for a shell
    Completions(Completions),
}

#[derive(Debug, Args)]
pub struct Setup {
    /// Only report; the exit code is 3 if something is missing
    #[arg(long, conflicts_with = "builder_image")]
    pub check: bool,
    /// Build a builder image from the distribution's packages, for container builds without an
    /// image registry
    #[arg(long)]
    pub builder_image: bool,
    /// Install the workers of an archive that `dist` wrote, so that they are not built here
    #[arg(long, value_name = "FILE|URL", conflicts_with_all = ["check", "builder_image"], requires = "digest")]
    pub workers: Option<String>,
    /// The digest of the archive: `sha256:` and hex digits
    #[arg(long, value_name = "HASH", requires = "workers")]
    pub digest: Option<String>,
    /// The engine that stores and runs the image
    #[arg(long, value_enum, default_value = "podman", requires = "builder_image")]
    pub engine: ImageEngine,
}

/// The engines that can store the builder image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImageEngine {
    Docker,
    Podman,
}

#[derive(Debug, Args)]
pub struct Dist {
    /// The directory that the archive is written to [default: target/dist]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Where the workspace gets Cutover from: a directory, or a git repository at a commit
    /// [default: the directory of this installation, which exists only on this machine]
    #[arg(long, value_name = "PATH|URL@REV")]
    pub cutover: Option<String>,
    /// The name of the command and of its package's directory [default: xtask, or cutover if that
    /// is taken]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Apply the changes without asking for confirmation
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct List {
    /// Also list the runtimes that only tests use: dev-dependencies, and dependencies of packages
    /// with an emulator of several chains
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// A blob, hex, chain spec or snapshot; a ws:// or http:// node; a network (`paseo/asset-hub`);
    /// `-` for standard input
    pub source: String,
    /// Read only the blob's sections, without executing it: no metadata versions and no pallets
    #[arg(long)]
    pub no_metadata: bool,
    /// The chain's token, from which the metadata hash is computed [default: as the source states
    /// it]
    #[arg(long, value_name = "SYMBOL:DECIMALS", conflicts_with = "no_metadata")]
    pub token: Option<String>,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The current runtime: a blob, hex, chain spec, snapshot, node or network; `-` for standard
    /// input
    pub old: String,
    /// The new runtime
    pub new: String,
    /// A rule that may be violated, and why
    #[arg(long, value_name = "KIND[=REASON]", conflicts_with_all = ["bytes", "parameters"])]
    pub allow: Vec<String>,
    /// Print the parameter change document: every constant that changed, in human units
    #[arg(long, conflicts_with = "bytes")]
    pub parameters: bool,
    /// The decimals of the chain's token [default: from the chain spec or node]
    #[arg(long, value_name = "N", requires = "parameters", value_parser = clap::value_parser!(u32).range(0..=38))]
    pub decimals: Option<u32>,
    /// The symbol of the chain's token [default: from the chain spec or node]
    #[arg(long, value_name = "SYMBOL", requires = "parameters")]
    pub symbol: Option<String>,
    /// The milliseconds between two blocks [default: from the constants of Babe, Aura or Timestamp]
    #[arg(long, value_name = "MS", requires = "parameters", value_parser = clap::value_parser!(u64).range(1..))]
    pub block_time: Option<u64>,
    /// Compare the bytes: where they differ, and the likely causes
    #[arg(long)]
    pub bytes: bool,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Arguments that are passed to the test runner
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell that will source the script
    pub shell: clap_complete::Shell,
}

/// Prints a clap error and returns the exit code. Help and versions are data: they go to standard
/// output. An invalid command line exits with 2. With `--json` its error is also a document.
pub fn usage_error(error: &clap::Error) -> ExitCode {
    // The message repeats invalid arguments, which may be an address with a key in it.
    let text = error.render().to_string();
    let _ = match error.use_stderr() && text.contains("://") {
        true => std::io::Write::write_all(&mut std::io::stderr(), protocol::hide_addresses(&text).as_bytes()),
        false => error.print(),
    };
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    // The options were not parsed, so they are searched for.
    let given = |option: &str| std::env::args_os().skip(1).take_while(|word| word != "--").any(|word| word == option);
    let options = PrinterOptions { json: given("--json"), github: given("--github"), ..PrinterOptions::default() };
    Printer::new(&options).failure_document(&usage_failure(error));
    ExitCode::from(worker::Kind::Usage.exit_code())
}

/// Returns a clap error as a failure: its first paragraph, and its tip or the command for help.
fn usage_failure(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage("the command line has no command").hint("cargo xtask --help");
    }
    let text = protocol::hide_addresses(&error.render().to_string());
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = first.trim_start_matches("error: ").split_whitespace().collect();
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    Failure::usage(words.join(" ")).hint(tip.unwrap_or("--help after the command shows its options"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_command_line_is_a_failure_with_a_message_and_a_hint() {
        let failure = |words: &[&str]| {
            let words = ["cargo xtask"].iter().chain(words);
            usage_failure(&Cli::try_parse_from(words).expect_err("invalid"))
        };
        let unknown = failure(&["list", "--nope"]);
        assert_eq!((unknown.kind, &*unknown.message), (worker::Kind::Usage, "unexpected argument '--nope' found"));
        assert!(unknown.hint.is_some_and(|hint| hint.contains("--help")));
        let missing = failure(&["verify"]).message;
        assert_eq!(missing, "the following required arguments were not provided: <BUNDLE>");
        let similar = failure(&["upgrad"]).hint;
        assert!(similar.as_ref().is_some_and(|hint| hint.contains("'upgrade'")), "{similar:?}");
        let address = failure(&["list", "wss://node/secret-token"]).message;
        assert!(!address.contains("secret-token"), "{address}");
        assert_eq!(failure(&[]).message, "the command line has no command");
    }
}
