// SPDX-License-Identifier: Apache-2.0
//! Builds: of what, by whom, how.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

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

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
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
    /// (`features` of its [package.metadata.cutover], else `on-chain-release-build` where it has that, and `metadata-hash`
    /// where it checks the hash of its metadata and nothing else compiles it in)
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
