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

/// The hashes in symbols that tell crates apart. They decide the order of functions in a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Symbols {
    /// Cargo's own for a workspace at /build, as in srtool's images
    Srtool,
    /// Hashes without any path, by the host engine only. The blob differs from srtool's
    Canonical,
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
    /// The hashes in symbols [default: srtool if this machine can build in /build, else canonical]
    #[arg(long, value_enum)]
    pub symbols: Option<Symbols>,
    /// Share compiled crates with other builds through an installed sccache, as it is configured
    /// (host engine). The evidence records it; rebuilds for verification never use it
    #[arg(long)]
    pub sccache: bool,
}
