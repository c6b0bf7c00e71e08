// SPDX-License-Identifier: Apache-2.0
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Weights {
    #[command(subcommand)]
    pub what: WeightsCommand,
}

#[derive(Debug, Subcommand)]
pub enum WeightsCommand {
    /// Run a runtime's benchmarks and make its weight files anew
    Run(Box<WeightsRun>),
    /// Compare two sets of weights; exit 1 where one changed by more than the threshold, or no longer fits in a block
    Compare(WeightsCompare),
    /// Check that a runtime's weights are there, wired in and sane; exit 1 where they are not
    Check(WeightsCheck),
    /// Make weight files from raw results, the same bytes each time
    Render(WeightsRender),
    /// Measure this machine, and hold it against a profile
    Machine(WeightsMachine),
}

#[derive(Clone, Debug, Args)]
pub struct WeightLimits {
    /// What a read of the database costs, in picoseconds [default: 25000000, RocksDB's]
    #[arg(long, default_value_t = 25_000_000, value_name = "PS", hide_default_value = true)]
    pub read_weight: u64,
    /// What a write costs, in picoseconds [default: 100000000, RocksDB's]
    #[arg(long, default_value_t = 100_000_000, value_name = "PS", hide_default_value = true)]
    pub write_weight: u64,
    /// The time that the normal extrinsics of a block have, in picoseconds [default: 1.5 s, three quarters of 2 s]
    #[arg(long, default_value_t = 1_500_000_000_000, value_name = "PS", hide_default_value = true)]
    pub block_ref_time: u64,
    /// The proof size that they have, in bytes [default: 7864320, three quarters of 10 MiB]
    #[arg(long, default_value_t = 7_864_320, value_name = "BYTES", hide_default_value = true)]
    pub block_proof_size: u64,
}

/// At which values of its components an extrinsic is compared: the names are those of subweight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CompareMethod {
    /// Every component at its least value
    Base,
    /// Where the increase is largest; both sides must give the same ranges
    ExactWorst,
    /// Where the increase is largest; ranges that differ or lack are guessed
    #[default]
    GuessWorst,
    /// Every component at its greatest value; both sides must give the same ranges
    ExactAsymptotic,
    /// Every component at its greatest value; ranges that differ or lack are guessed
    Asymptotic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    Markdown,
    Csv,
    /// A picture of the largest changes
    Svg,
}

#[derive(Debug, Args)]
pub struct WeightsCompare {
    /// A weight file, raw results, a directory of them, `REVISION:PATH`, or a revision alone for the same path in it
    pub old: String,
    /// The same
    pub new: String,
    /// At which values of its components an extrinsic is compared
    #[arg(long, short, value_enum, default_value_t)]
    pub method: CompareMethod,
    /// A change of more than this, up or down, is a negative verdict
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT")]
    pub threshold: f64,
    #[command(flatten)]
    pub limits: WeightLimits,
    /// What to write in place of a table for the terminal
    #[arg(long, value_enum)]
    pub format: Option<CompareFormat>,
    /// Write it to this file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct WeightsCheck {
    /// A runtime of the workspace [default: all]
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    /// Hold the weights against those of this revision
    #[arg(long, value_name = "REVISION")]
    pub base: Option<String>,
    /// A weight that differs from the base's by more than this needs a cause: another version of its pallet
    #[arg(long, default_value_t = 30.0, value_name = "PERCENT")]
    pub jump: f64,
    #[command(flatten)]
    pub limits: WeightLimits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WeightShape {
    /// A runtime's file: `impl pallet_x::WeightInfo for WeightInfo<T>`
    Runtime,
    /// A pallet's own file: the trait, `SubstrateWeight<T>` and `()`
    Pallet,
    /// A file of XCM's instructions, which implements no trait
    Xcm,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WeightHeader {
    /// Only what changes when the weights may
    #[default]
    Stable,
    /// With date, host name and command line, which are others each time
    Conventional,
}

#[derive(Debug, Args)]
pub struct WeightsRender {
    /// Raw results of benchmarks
    #[arg(required = true)]
    pub raw: Vec<PathBuf>,
    /// The directory of the weight files, or the file
    #[arg(long, short, value_name = "DIR|FILE.rs")]
    pub output: PathBuf,
    /// What the files implement [default: a runtime's file, or XCM's, as the pallet is]
    #[arg(long, value_enum)]
    pub shape: Option<WeightShape>,
    /// A Handlebars template for pallets, as frame-benchmarking-cli takes it, in place of a shape
    #[arg(long, value_name = "FILE", conflicts_with = "shape")]
    pub template: Option<PathBuf>,
    /// What stands at the top of the files
    #[arg(long, value_enum, default_value_t)]
    pub header: WeightHeader,
    /// A file of comment lines that go before everything else: a licence
    #[arg(long, value_name = "FILE")]
    pub header_file: Option<PathBuf>,
    /// Write what was measured, also where the old file's value is within the noise
    #[arg(long)]
    pub anew: bool,
}

/// What only the pallets' benchmarks have.
const PALLETS: [&str; 7] = ["pallets", "extrinsics", "exclude", "extra", "list", "steps", "continue_on_fail"];

#[derive(Clone, Debug, Default, Args)]
pub struct WeightsRun {
    /// A runtime: its package, or the package without `-runtime` [default: the workspace's]
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    /// A blob that was built with `runtime-benchmarks`, in place of building one; with --overhead, the blob that ships
    #[arg(long, value_name = "BLOB")]
    pub blob: Option<PathBuf>,
    /// Only these pallets, as benchmarks name them: `pallet_balances`
    #[arg(long = "pallet", short, value_name = "PALLET")]
    pub pallets: Vec<String>,
    /// Only these benchmarks. Weight files are made of pallets that were measured whole
    #[arg(long = "extrinsic", short, value_name = "NAME")]
    pub extrinsics: Vec<String>,
    /// Not this pallet, or not this benchmark (`pallet_balances::upgrade_accounts`)
    #[arg(long, value_name = "NAME")]
    pub exclude: Vec<String>,
    /// Benchmarks too that the runtime marks as extra
    #[arg(long)]
    pub extra: bool,
    /// Only list what there is to run
    #[arg(long)]
    pub list: bool,
    /// Measure what a block and an extrinsic cost by themselves, in place of the pallets
    #[arg(long, conflicts_with_all = PALLETS)]
    pub overhead: bool,
    /// At most so many extrinsics in the full block [default: as many as fit]
    #[arg(long, value_name = "N", requires = "overhead")]
    pub max_extrinsics: Option<u32>,
    /// Measure what reads and writes of a database cost, on this state, in place of the pallets
    #[arg(long, value_name = "SOURCE", conflicts_with_all = PALLETS)]
    pub database: Option<String>,
    /// Values of each component, from the lowest to the highest [default: 50]
    #[arg(long, value_name = "N")]
    pub steps: Option<u32>,
    /// Repetitions of each value, or of each block, at most [default: 20 and 500]
    #[arg(long, value_name = "N")]
    pub repeat: Option<u32>,
    /// Stop repeating when the worst case is known to this share of it; 0 to repeat to the end [default: 0.02]
    #[arg(long, value_name = "SHARE")]
    pub tolerance: Option<f64>,
    /// The genesis preset that benchmarks begin with [default: development]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Go on when a benchmark fails; the failures are listed at the end, and the exit code is 1
    #[arg(long)]
    pub continue_on_fail: bool,
    /// Run again what was run before, and write what was measured where a former value is within the noise
    #[arg(long)]
    pub anew: bool,
    /// The hardware profile that this machine is held against
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Make weight files on a machine that is not the profile's too; their header says so
    #[arg(long)]
    pub any_machine: bool,
    /// Make no weight files, only raw results
    #[arg(long)]
    pub raw_only: bool,
    /// What stands at the top of the files
    #[arg(long, value_enum, default_value_t)]
    pub header: WeightHeader,
    /// Where raw results are kept [default: target/weights/RUNTIME of the workspace]
    #[arg(long, value_name = "DIR")]
    pub raw: Option<PathBuf>,
    /// Where weight files are written [default: `weights.directory` of the runtime's [package.metadata.cutover], else its
    /// src/weights]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct WeightsMachine {
    /// The hardware profile that this machine is held against
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Where the disk is measured [default: Cutover's cache directory]
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
}
