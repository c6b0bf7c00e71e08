// SPDX-License-Identifier: Apache-2.0
//! Parts of `[workspace.metadata.cutover]` that are asked for without the runtimes.

use super::{WorkspaceConfig, explain, metadata, section};
use crate::{context::Context, networks::Networks, process::Tool};
use cargo_metadata::MetadataCommand;
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
    // Without its dependencies, of which nothing is asked: they take a second.
    let cargo = Tool::new("cargo").args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]);
    let mut cargo = cargo.arg(context.workspace.join("Cargo.toml")).directory(&context.workspace);
    if context.foreign() {
        cargo = cargo.env_remove("RUSTUP_TOOLCHAIN");
    }
    let metadata = MetadataCommand::parse(cargo.output().map_err(|failure| explain(failure, context))?)
        .map_err(|error| Failure::environment("`cargo metadata` gave something unknown").found(error.to_string()))?;
    let config: Option<WorkspaceConfig> = section(&metadata.workspace_metadata, "[workspace.metadata.cutover]")?;
    Ok(config.unwrap_or_default().allow)
}
