// SPDX-License-Identifier: Apache-2.0
//! The options of builds that choose the engine.

use clap::{Args, ValueEnum};

/// Where a build runs.
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

/// The options that choose the engine and its image.
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
