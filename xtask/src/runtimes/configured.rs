// SPDX-License-Identifier: Apache-2.0
//! Parts of `[workspace.metadata.cutover]` that are asked for without the runtimes.

use super::{WorkspaceConfig, explain, metadata, section};
use crate::{context::Context, networks::Networks, process::Tool};
use cargo_metadata::{Metadata, MetadataCommand};
use std::collections::BTreeMap;
use worker::{Failure, Result};

/// The networks that the workspace's configuration defines.
pub fn configured_networks(context: &Context) -> Result<Networks> {
    let metadata = metadata(context)?;
    let config: Option<WorkspaceConfig> = section(&metadata.workspace_metadata, "[workspace.metadata.cutover]")?;
    Ok(config.unwrap_or_default().networks)
}

/// The rules of `diff` that the workspace allows to be broken, each with the reason.
pub fn configured_allowances(context: &Context) -> Result<BTreeMap<String, String>> {
    let metadata = members(context)?;
    let config: Option<WorkspaceConfig> = section(&metadata.workspace_metadata, "[workspace.metadata.cutover]")?;
    Ok(config.unwrap_or_default().allow)
}

/// What cargo knows about the workspace without its dependencies: they take a second, and a lock file.
pub fn members(context: &Context) -> Result<Metadata> {
    let cargo = Tool::new("cargo").args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]);
    let mut cargo = cargo.arg(context.workspace.join("Cargo.toml")).directory(&context.workspace);
    if context.foreign() {
        cargo = cargo.env_remove("RUSTUP_TOOLCHAIN");
    }
    MetadataCommand::parse(cargo.output().map_err(|failure| explain(failure, context))?)
        .map_err(|error| Failure::environment("`cargo metadata` gave something unknown").found(error.to_string()))
}
