// SPDX-License-Identifier: Apache-2.0
//! The options of builds: profiles, engines, features.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Optimised across all crates: for the chain
    #[default]
    Production,
    /// Optimised, faster to build
    Release,
    /// Not optimised, not compacted and not compressed
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
    /// A docker container, with the interface of srtool's images
    Docker,
    /// A podman container, with the same interface
    Podman,
    /// An installed srtool (the crate srtool-cli), unchanged
    Srtool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct EngineOptions {
    /// Where the build runs [default: `engine` of [workspace.metadata.cutover], else host]
    #[arg(long, value_enum)]
    pub engine: Option<Engine>,
    /// The image of the container, by its digest [default: `image` of [workspace.metadata.cutover],
    /// else the srtool image for the workspace's compiler]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Allow an image that is named without a digest
    #[arg(long)]
    pub allow_moving_tag: bool,
    /// Allow a container build of a work tree that differs from its commit. The evidence records it
    #[arg(long)]
    pub allow_dirty: bool,
    /// Use no rustc wrapper in a container, as srtool does: symbols then depend on the paths in the
    /// container, and the blob is the one that srtool builds, which may differ from the host's
    #[arg(long)]
    pub plain: bool,
    /// Share compiled crates with other builds through an installed sccache, as it is configured
    /// (host engine). The evidence records it; rebuilds for verification never use it
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
    /// Exactly these features of the runtime, instead of those for the chain (`features` of its
    /// [package.metadata.cutover]; else `on-chain-release-build` if it exists, and `metadata-hash`
    /// if the runtime checks its metadata hash and no other feature enables it)
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
