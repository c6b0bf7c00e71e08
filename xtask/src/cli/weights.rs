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
    /// Run a runtime's benchmarks and update its weight files
    Run(Box<WeightsRun>),
    /// Compare two sets of weights; exit 1 if one changed by more than the threshold, or no longer
    /// fits in a block
    Compare(WeightsCompare),
    /// Check that a runtime's weights exist, are used and are plausible; exit 1 if not
    Check(WeightsCheck),
    /// Make weight files from raw results; the same results give the same bytes
    Render(WeightsRender),
    /// Measure this machine and compare it with a hardware profile
    Machine(WeightsMachine),
}

#[derive(Clone, Debug, Args)]
pub struct WeightLimits {
    /// The time of a database read, in picoseconds [default: 25000000, RocksDB's]
    #[arg(long, default_value_t = 25_000_000, value_name = "PS", hide_default_value = true)]
    pub read_weight: u64,
    /// The time of a database write, in picoseconds [default: 100000000, RocksDB's]
    #[arg(long, default_value_t = 100_000_000, value_name = "PS", hide_default_value = true)]
    pub write_weight: u64,
    /// The time limit of a block's normal extrinsics, in picoseconds [default: 1.5 s, three
    /// quarters of 2 s]
    #[arg(long, default_value_t = 1_500_000_000_000, value_name = "PS", hide_default_value = true)]
    pub block_ref_time: u64,
    /// The proof size limit of a block's normal extrinsics, in bytes [default: 7864320, three
    /// quarters of 10 MiB]
    #[arg(long, default_value_t = 7_864_320, value_name = "BYTES", hide_default_value = true)]
    pub block_proof_size: u64,
}

/// The values of the components at which extrinsics are compared. The names are those of subweight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CompareMethod {
    /// Every component at its minimum
    Base,
    /// Components at the values with the largest increase; both sides must give the same ranges
    ExactWorst,
    /// Components at the values with the largest increase; different or missing ranges are guessed
    #[default]
    GuessWorst,
    /// Every component at its maximum; both sides must give the same ranges
    ExactAsymptotic,
    /// Every component at its maximum; different or missing ranges are guessed
    Asymptotic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    Markdown,
    Csv,
    /// A chart of the largest changes
    Svg,
}

#[derive(Debug, Args)]
pub struct WeightsCompare {
    /// The old side: a weight file, raw results, a directory of them, `REVISION:PATH`, or a
    /// revision alone for the other side's path in it
    pub old: String,
    /// The new side, in the same forms
    pub new: String,
    /// The values of the components at which extrinsics are compared
    #[arg(long, short, value_enum, default_value_t)]
    pub method: CompareMethod,
    /// The verdict is negative if a weight changes by more than this, up or down
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT")]
    pub threshold: f64,
    #[command(flatten)]
    pub limits: WeightLimits,
    /// The output format, instead of a table for the terminal
    #[arg(long, value_enum)]
    pub format: Option<CompareFormat>,
    /// Write the output to this file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct WeightsCheck {
    /// A runtime of the workspace [default: all]
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    /// Compare the weights with those of this revision
    #[arg(long, value_name = "REVISION")]
    pub base: Option<String>,
    /// Fail if a weight differs from that of the base by more than this, and its pallet has the
    /// same version
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
    /// A file of XCM instructions, which implements no trait
    Xcm,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WeightHeader {
    /// Settings and machine only, which change only with the measurement
    #[default]
    Stable,
    /// With date, host name and command line, which differ each time
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
    /// The form of the files [default: xcm for the pallets of XCM instructions, else runtime]
    #[arg(long, value_enum)]
    pub shape: Option<WeightShape>,
    /// A Handlebars template for pallets, as for frame-benchmarking-cli, instead of a shape
    #[arg(long, value_name = "FILE", conflicts_with = "shape")]
    pub template: Option<PathBuf>,
    /// The header of the files
    #[arg(long, value_enum, default_value_t)]
    pub header: WeightHeader,
    /// A file of comment lines that are written at the start of each file, for example a licence
    #[arg(long, value_name = "FILE")]
    pub header_file: Option<PathBuf>,
    /// Write the measured values, also where the old value is within the confidence interval
    #[arg(long)]
    pub anew: bool,
}

/// The engines that run benchmarks of pallets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WeightEngine {
    /// Cutover's own, which repeats until the time is known to the tolerance
    #[default]
    Cutover,
    /// The library `frame-benchmarking-cli`, which is built on first use
    FrameBenchmarkingCli,
}

/// The options that apply only to the benchmarks of pallets.
const PALLETS: [&str; 7] = ["pallets", "extrinsics", "exclude", "extra", "list", "steps", "continue_on_fail"];

#[derive(Clone, Debug, Default, Args)]
pub struct WeightsRun {
    /// A runtime: its package, or the package without `-runtime` [default: the workspace's]
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    /// A blob that was built with `runtime-benchmarks`, instead of building one; with --overhead,
    /// the released blob
    #[arg(long, value_name = "BLOB")]
    pub blob: Option<PathBuf>,
    /// Only these pallets, as benchmarks name them: `pallet_balances`
    #[arg(long = "pallet", short, value_name = "PALLET")]
    pub pallets: Vec<String>,
    /// Only these benchmarks. Weight files are made only of pallets whose benchmarks were all
    /// measured
    #[arg(long = "extrinsic", short, value_name = "NAME")]
    pub extrinsics: Vec<String>,
    /// Exclude this pallet or this benchmark (`pallet_balances::upgrade_accounts`)
    #[arg(long, value_name = "NAME")]
    pub exclude: Vec<String>,
    /// Include the benchmarks that the runtime marks as extra
    #[arg(long)]
    pub extra: bool,
    /// List the benchmarks without running them
    #[arg(long)]
    pub list: bool,
    /// The engine that runs the benchmarks
    #[arg(long, value_enum, default_value_t)]
    pub engine: WeightEngine,
    /// The time for which frame-benchmarking-cli repeats each benchmark at least; 0 repeats it only
    /// as often as --repeat says [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub min_duration: Option<u64>,
    /// The lowest values of the components of all benchmarks, in their order (frame-benchmarking-cli
    /// only)
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub low: Vec<u32>,
    /// The highest values of the components of all benchmarks, in their order
    /// (frame-benchmarking-cli only)
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub high: Vec<u32>,
    /// Measure the overhead of a block and of an extrinsic, instead of the pallets
    #[arg(long, conflicts_with_all = PALLETS)]
    pub overhead: bool,
    /// The maximum number of extrinsics in the full block [default: as many as fit]
    #[arg(long, value_name = "N", requires = "overhead")]
    pub max_extrinsics: Option<u32>,
    /// Measure database reads and writes with this state, instead of the pallets
    #[arg(long, value_name = "SOURCE", conflicts_with_all = PALLETS)]
    pub database: Option<String>,
    /// The number of values of each component, from its minimum to its maximum [default: 50]
    #[arg(long, value_name = "N")]
    pub steps: Option<u32>,
    /// The maximum number of repetitions of each value, or of each block [default: 20 and 500]
    #[arg(long, value_name = "N")]
    pub repeat: Option<u32>,
    /// Stop repeating when half of the worst case's confidence interval is below this share of its
    /// value; 0 never stops early [default: 0.02]
    #[arg(long, value_name = "SHARE")]
    pub tolerance: Option<f64>,
    /// The genesis preset of the benchmarks' state [default: development]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Continue when a benchmark fails; the failures are listed at the end, and the exit code is 1
    #[arg(long)]
    pub continue_on_fail: bool,
    /// Run all benchmarks again, and write the measured values, also where the old value is within
    /// the confidence interval
    #[arg(long)]
    pub anew: bool,
    /// The hardware profile with which this machine is compared
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Make weight files also on a machine that does not match the profile; their header says so
    #[arg(long)]
    pub any_machine: bool,
    /// Write raw results only, and no weight files
    #[arg(long)]
    pub raw_only: bool,
    /// The header of the files
    #[arg(long, value_enum, default_value_t)]
    pub header: WeightHeader,
    /// The directory of the raw results [default: target/weights/RUNTIME of the workspace, or
    /// target/weights/frame-benchmarking-cli/RUNTIME]
    #[arg(long, value_name = "DIR")]
    pub raw: Option<PathBuf>,
    /// The directory of the weight files [default: `weights.directory` of the runtime's
    /// [package.metadata.cutover], else its src/weights]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct WeightsMachine {
    /// The hardware profile with which this machine is compared
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// The directory in which the disk is measured [default: Cutover's cache directory]
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
}
