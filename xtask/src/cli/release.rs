// SPDX-License-Identifier: Apache-2.0
//! The command line of `release`.

use super::EngineOptions;
use clap::{Args, Subcommand};
use release::{plan::Selection, publication::PublishOptions};
use std::path::PathBuf;
pub use workspace::runtimes::release::Group;

#[derive(Debug, Args)]
pub struct Release {
    #[command(subcommand)]
    pub command: ReleaseCommand,
}

#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Show what would be released and why: the tag, the runtimes, the changes since the last
    /// release
    Plan(ReleasePlan),
    /// Create the directory of a release: blobs, variants, notes, parameters, bundles, checksums
    Prepare(Box<ReleasePrepare>),
    /// Add a signature to the bundles of a prepared release. Each signer runs it in turn
    Sign(ReleaseSign),
    /// Publish a prepared release on GitHub with the command `gh`: create a draft, compare its
    /// files, then release it
    Publish(ReleasePublish),
}

#[derive(Clone, Debug, Default, Args)]
pub struct ReleaseSelection {
    /// A runtime to release [default: all whose spec_version increased since the last release]
    #[arg(long = "runtime", short, value_name = "NAME")]
    pub runtimes: Vec<String>,
    /// Release only this part of the network, with its own tag
    #[arg(long, value_enum, value_name = "GROUP")]
    pub group: Option<Group>,
    /// The tag [default: made from the spec_version by `tag` of [workspace.metadata.cutover.release]]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Expect the tag to exist already, at the commit that is released
    #[arg(long)]
    pub tagged: bool,
}

impl ReleaseSelection {
    /// Returns the selection of the plan.
    pub fn selection(&self) -> Selection {
        let Self { runtimes, group, tag, tagged } = self.clone();
        Selection { runtimes, group, tag, tagged }
    }
}

#[derive(Debug, Args)]
pub struct ReleasePlan {
    #[command(flatten)]
    pub selection: ReleaseSelection,
    /// Accepted as for the other commands. A plan never changes anything
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ReleasePrepare {
    #[command(flatten)]
    pub selection: ReleaseSelection,
    #[command(flatten)]
    pub engine: EngineOptions,
    /// The state on which a runtime's upgrade is rehearsed, for its bundle [default: `state` of the
    /// runtime's [package.metadata.cutover]]
    #[arg(long = "state", value_name = "[NAME=]SOURCE")]
    pub states: Vec<String>,
    /// The runtime that the release is compared with: a blob, chain spec, snapshot, node or network
    /// [default: the one in the state]
    #[arg(long = "previous", value_name = "[NAME=]SOURCE")]
    pub previous: Vec<String>,
    /// Rehearse no upgrade and create no bundle
    #[arg(long)]
    pub no_bundle: bool,
    /// A key to sign the bundles with, in the forms of `sign --with` [default: an ephemeral key]
    #[arg(long, value_name = "KEY")]
    pub sign_with: Vec<String>,
    /// The file of signers and threshold [default: signers.json of the workspace, if it exists]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// The directory of the release [default: target/releases/TAG of the workspace]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only show what would be built and written
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ReleaseSign {
    /// The directory that `release prepare` made
    pub directory: PathBuf,
    /// A key, in the forms of `sign --with`
    #[arg(long = "with", value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    /// The file of signers and threshold [default: signers.json of the workspace, if it exists]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ReleasePublish {
    /// The directory that `release prepare` made
    pub directory: PathBuf,
    /// The file of signers and threshold; a release below the threshold is not published [default:
    /// signers.json of the workspace, if it exists]
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// The repository on GitHub [default: the one of the workspace's remote, as gh finds it]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Mark it as a pre-release
    #[arg(long)]
    pub prerelease: bool,
    /// Keep the draft after the upload, to be published by hand
    #[arg(long)]
    pub draft: bool,
    /// Only print the commands, without running them
    #[arg(long)]
    pub dry_run: bool,
}

impl ReleasePublish {
    /// Returns the options of the publication.
    pub fn publish(&self) -> PublishOptions {
        PublishOptions {
            repo: self.repo.clone(),
            prerelease: self.prerelease,
            draft: self.draft,
            dry_run: self.dry_run,
        }
    }
}
