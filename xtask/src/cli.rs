// SPDX-License-Identifier: Apache-2.0
//! The command line's shape. The reference in `docs/commands.md` is made from it.

mod ci;
mod release;
mod upgrade;
mod weights;

pub use ci::*;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub use release::*;
use std::{path::PathBuf, process::ExitCode};
pub use upgrade::*;
pub use weights::*;

const EXIT_CODES: &str = "\
Exit codes:
  0    everything is fine
  1    a check gave a negative verdict
  2    the command line is wrong
  3    the environment lacks something (a tool, the network, disk space)
  4    an input is not what it has to be
  5    a defect of Cutover
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Optimised across all crates: what goes on chain
    #[default]
    Production,
    /// Optimised, faster to build
    Release,
    /// Not optimised, neither compacted nor compressed
    Dev,
}

impl Profile {
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The compilers of this machine
    Host,
    /// A container of docker, by the contract of srtool's images
    Docker,
    /// A container of podman, by the same contract
    Podman,
    /// An installed srtool (the crate srtool-cli), as it is
    Srtool,
}

#[derive(Clone, Debug, Default, Args)]
pub struct EngineOptions {
    /// Where the build runs [default: `engine` of [workspace.metadata.cutover], else host]
    #[arg(long, value_enum)]
    pub engine: Option<Engine>,
    /// The image that a container is made from, by its digest [default: `image` of [workspace.metadata.cutover], else
    /// that of srtool for the workspace's compiler]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Take an image that is named without a digest, as it is today
    #[arg(long)]
    pub allow_moving_tag: bool,
    /// Let a container build a work tree that differs from its commit. The evidence says so
    #[arg(long)]
    pub allow_dirty: bool,
    /// Put nothing between cargo and rustc in a container, as srtool does: symbols then come from the paths there, and
    /// the blob is that of srtool, which may differ from the host's
    #[arg(long)]
    pub plain: bool,
    /// Let an installed sccache give what other builds compiled, and keep what this one compiles, wherever it is configured
    /// to (host engine). The evidence says so; what is built anew to verify it never does that
    #[arg(long)]
    pub sccache: bool,
}

#[derive(Clone, Debug, Default, Args)]
pub struct BuildOptions {
    #[command(flatten)]
    pub engine: EngineOptions,
    /// How the blob is optimised
    #[arg(long, value_enum, default_value_t)]
    pub profile: Profile,
    /// Exactly these features of the runtime, in place of those for what goes on chain
    /// (`features` of its [package.metadata.cutover], else `on-chain-release-build` where it has that)
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    pub features: Vec<String>,
    /// Leave the runtime's default features out. Without `std` most runtimes build no Wasm
    #[arg(long)]
    pub no_default_features: bool,
    /// Compile the runtime for this machine too, as plain `cargo build` does: slower, and the blob is the same
    #[arg(long)]
    pub with_native: bool,
}

#[derive(Debug, Args)]
pub struct Build {
    /// A runtime: its package, or the package without `-runtime`. Without: all of the workspace
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    #[command(flatten)]
    pub options: BuildOptions,
    /// Compile all Wasm code again, whatever was built before
    #[arg(long)]
    pub anew: bool,
    /// Where blobs and digests are put [default: target/cutover of the workspace]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// A blob, hex, chain spec or snapshot; a ws:// or http:// node; a network (`paseo/asset-hub`); `-` for standard input
    pub source: String,
    /// Only read what the blob's sections say, without executing it: no metadata versions and no pallets
    #[arg(long)]
    pub no_metadata: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DryRun {
    #[command(subcommand)]
    pub of: Option<DryRunOf>,
    /// The runtime to upgrade to: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: Option<String>,
    /// A blob of the same runtime built with the feature `try-runtime`: more checks are possible
    #[arg(long, value_name = "BLOB")]
    pub try_runtime: Option<PathBuf>,
    /// The state to upgrade: a raw chain spec, a snapshot, a ws:// or http:// node, or a network (`paseo/asset-hub`)
    #[arg(long, short, value_name = "SOURCE")]
    pub state: Option<String>,
    /// The block, by hash or number, where the state is a node's [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// How the state of a node is taken [default: lazy]
    #[arg(long, value_enum, value_name = "MODE")]
    pub state_mode: Option<StateMode>,
    /// Take the whole state as the node gives it, and go on if its root is not the header's
    #[arg(long)]
    pub unverified: bool,
    /// How many healthy blocks must follow the last migration
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub blocks: u32,
    /// Another chain, given like the state, that this one exchanges messages with: they are delivered to a fork of it
    #[arg(long, value_name = "SOURCE")]
    pub with: Vec<String>,
    /// A check that may fail, and who knows that it is well
    #[arg(long, value_name = "CHECK=REASON")]
    pub allow: Vec<String>,
    /// Write the evidence to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the checks as JUnit XML to this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum DryRunOf {
    /// Execute a live block once more on its parent's state, by the chain's own code, and compare with its header
    Block(DryRunBlock),
}

#[derive(Debug, Args)]
pub struct DryRunBlock {
    /// The block: a number, a hash or `finalized`
    #[arg(value_name = "NUMBER|HASH")]
    pub block: String,
    /// The node that has the block and the state before it, or a network (`paseo/asset-hub`)
    #[arg(long, short, value_name = "NODE")]
    pub state: String,
    /// See also what another runtime would have made of the block's transactions: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: Option<String>,
    /// Write the evidence to this file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateMode {
    /// What is read, when it is read, each part proven by the block's state root
    Lazy,
    /// All of it at first, its root compared with the block's
    Full,
}

impl StateMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Full => "full",
        }
    }
}

#[derive(Debug, Args)]
pub struct Fork {
    /// The chain to fork: a raw chain spec, a snapshot, or a ws:// or http:// node
    pub source: String,
    /// The block, by hash or number, where the source is a node [default: the last finalized]
    #[arg(long, value_name = "BLOCK")]
    pub at: Option<String>,
    /// How the state of a node is taken [default: lazy]
    #[arg(long, value_enum, value_name = "MODE")]
    pub state_mode: Option<StateMode>,
    /// The port on 127.0.0.1; 0 takes one that is free
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
    /// Build blocks only for `dev_newBlock`, not for every extrinsic
    #[arg(long)]
    pub manual: bool,
}

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

#[derive(Debug, Args)]
pub struct Propose {
    #[command(subcommand)]
    pub what: Proposal,
}

#[derive(Debug, Subcommand)]
pub enum Proposal {
    /// The upgrade of a chain to a blob
    Upgrade(ProposeUpgrade),
}

#[derive(Clone, Debug, Default, Args)]
pub struct RouteOptions {
    /// The chain whose root governs the target: a blob, chain spec, snapshot, node or network
    #[arg(long, value_name = "SOURCE")]
    pub relay: Option<String>,
    /// The target's id among the parachains of its relay
    #[arg(long, value_name = "ID")]
    pub para_id: Option<u32>,
    /// How root comes to say it: sudo, root-referendum, whitelisted-referendum, relay-superuser-sudo,
    /// relay-superuser-referendum [default: the obvious one]
    #[arg(long, value_name = "ROUTE")]
    pub route: Option<String>,
    /// A referendum takes effect so many blocks after its approval [default: as soon as the track allows]
    #[arg(long, value_name = "BLOCKS", conflicts_with = "enact_at")]
    pub enact_after: Option<u64>,
    /// A referendum takes effect at this block
    #[arg(long, value_name = "BLOCK")]
    pub enact_at: Option<u64>,
    /// Let the chain skip its own check of spec_name and spec_version
    #[arg(long)]
    pub without_checks: bool,
    /// Submit the proposal as a preimage even where it is short enough to stand in the referendum itself
    #[arg(long)]
    pub note_preimage: bool,
    /// The index the referendum will have, for the call that places its decision deposit
    #[arg(long, value_name = "INDEX")]
    pub referendum_index: Option<u32>,
}

#[derive(Debug, Args)]
pub struct ProposeUpgrade {
    /// The runtime to upgrade to: a name (it is built first) or a blob
    #[arg(long, short, value_name = "NAME|BLOB")]
    pub runtime: String,
    /// The chain to upgrade: a blob, chain spec, snapshot, node or network that has its present runtime
    #[arg(long, short, value_name = "SOURCE")]
    pub target: String,
    #[command(flatten)]
    pub route: RouteOptions,
    /// Write the call bytes into this directory
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Sign {
    /// The bundle's directory
    pub bundle: PathBuf,
    /// A key: an OpenSSH private key file; `agent` or `agent:KEY` for one behind the ssh agent, by name, fingerprint or
    /// public key line; `sr25519:FILE` or `ed25519:FILE` for a chain key (a secret phrase or seed in a file);
    /// `import:TYPE:[PUBLIC_KEY:]FILE` for a signature made elsewhere; `throw-away` for a key that nobody keeps
    #[arg(long = "with", value_name = "KEY", required_unless_present = "message")]
    pub keys: Vec<String>,
    /// Sign nothing: write the bytes to sign into this file, to be signed elsewhere
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    pub message: Option<PathBuf>,
    /// The file that lists signers and threshold [default: signers.json of the workspace, if it is there]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Signers {
    #[command(subcommand)]
    pub what: SignersCommand,
}

#[derive(Debug, Subcommand)]
pub enum SignersCommand {
    /// Write a file of signers, or the next version of one
    Init(SignersInit),
    /// Agree to a file of signers: add a signature to it
    Sign(SignersSign),
    /// Check that its own signers, and those of the version before it, agreed to it
    Verify(SignersVerify),
}

#[derive(Debug, Args)]
pub struct SignersInit {
    /// The file to write
    pub file: PathBuf,
    /// How many of the signers must sign
    #[arg(long, value_name = "M")]
    pub threshold: u32,
    /// A signer: `NAME=ssh-ed25519 AAAA…` (a public key line), `NAME=FILE.pub`, `NAME=sr25519:KEY` or `NAME=ed25519:KEY` with
    /// a chain key as 0x hex or address
    #[arg(long = "signer", value_name = "NAME=KEY", required = true)]
    pub signers: Vec<String>,
    /// The last day on which it holds (UTC)
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub expires: Option<String>,
    /// The version that this one replaces
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SignersSign {
    /// The file of signers
    pub file: PathBuf,
    /// A key, as `sign --with` takes it; not a throw-away one
    #[arg(long = "with", value_name = "KEY", required = true)]
    pub keys: Vec<String>,
}

#[derive(Debug, Args)]
pub struct SignersVerify {
    /// The file of signers
    pub file: PathBuf,
    /// The version that this one replaces: its signers must have agreed too
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Verify {
    #[command(subcommand)]
    pub what: Option<VerifyWhat>,
    /// The bundle's directory
    #[arg(required = true)]
    pub bundle: Option<PathBuf>,
    /// The file that lists signers and threshold [default: signers.json of the workspace, if it is there]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// Compile the runtimes again from the workspace's source and compare
    #[arg(long)]
    pub rebuild: bool,
}

#[derive(Debug, Subcommand)]
pub enum VerifyWhat {
    /// Build a runtime again and compare it with a digest, a blob, a hash or what a chain has
    Build(VerifyBuild),
}

#[derive(Debug, Args)]
#[group(id = "expected", required = true, multiple = false, args = ["source", "digest", "blob", "code_hash"])]
pub struct VerifyBuild {
    /// What has the blob: a chain spec, a snapshot, or a ws:// or http:// node
    pub source: Option<String>,
    /// The digest of a build: Cutover's or srtool's JSON
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
    /// Exactly these features of the runtime, in place of those for what goes on chain
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    pub features: Vec<String>,
    /// Leave the runtime's default features out
    #[arg(long)]
    pub no_default_features: bool,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The runtime that is: a blob, hex, chain spec, snapshot, node or network; `-` for standard input
    pub old: String,
    /// The runtime that is to be
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
    pub shell: clap_complete::Shell,
}

/// Help and versions are data and go to standard output; a wrong command line exits with 2.
pub fn usage_error(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.use_stderr() {
        true => ExitCode::from(worker::Kind::Usage.exit_code()),
        false => ExitCode::SUCCESS,
    }
}
