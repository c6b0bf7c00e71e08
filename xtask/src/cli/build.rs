// SPDX-License-Identifier: Apache-2.0
//! The options of builds: profiles, engines, features.

use clap::Args;
pub use engines::options::{Engine, EngineOptions, Symbols};
use std::path::PathBuf;
pub use workspace::runtimes::release::Profile;

#[derive(Clone, Debug, Default, Args)]
pub struct BuildOptions {
    #[command(flatten)]
    pub engine: EngineOptions,
    /// How the blob is optimised
    #[arg(long, value_enum, default_value_t)]
    pub profile: Profile,
    /// Exactly these features of the runtime, instead of those for the chain (`features` of its
    /// [package.metadata.cutover]; else `on-chain-release-build` if it exists, and `metadata-hash`
    /// if the runtime checks its metadata hash and no other feature enables it). '' means none
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    pub features: Vec<String>,
    /// Disable the runtime's default features. Without `std` most runtimes build no Wasm
    #[arg(long)]
    pub no_default_features: bool,
    /// Also compile the runtime for this machine, as plain `cargo build` does: slower, with the
    /// same blob
    #[arg(long)]
    pub with_native: bool,
}

#[derive(Debug, Args)]
pub struct Build {
    /// A runtime: its package, or the package without `-runtime` [default: all of the workspace]
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    #[command(flatten)]
    pub options: BuildOptions,
    /// Compile all Wasm code again, without reusing earlier builds
    #[arg(long)]
    pub anew: bool,
    /// The directory of the blobs and digests [default: target/cutover of the workspace]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
