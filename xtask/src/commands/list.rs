// SPDX-License-Identifier: Apache-2.0
//! The `list` command: the runtimes of the workspace.

use super::utf8;
use crate::cli;
use protocol::{
    format,
    workspace::{ListReport, ListedRuntime},
};
use worker::{Failure, Result};
use workspace::{
    context::Context,
    runtimes::{Runtime, Workspace},
};

pub fn run(context: &Context, options: &cli::List) -> Result<bool> {
    let workspace = Workspace::read(context)?;
    let shipped = workspace.runtimes.iter().map(|runtime| (runtime, true));
    let others = workspace.test_runtimes.iter().filter(|_| options.all).map(|runtime| (runtime, false));
    let described = shipped.chain(others).map(|(runtime, shipped)| describe(context, runtime, shipped));
    let runtimes = described.collect::<Result<Vec<_>>>()?;
    let hidden = if options.all { 0 } else { workspace.test_runtimes.len() };
    if hidden > 0 {
        context.printer.status(&format!("not listed: {hidden} used by tests alone (--all lists them)"));
    }
    if runtimes.is_empty() && !context.printer.is_json() {
        context.printer.status("the workspace has no runtime");
        return Ok(true);
    }
    let report = ListReport { format: format::LIST.into(), workspace: context.workspace.clone(), runtimes };
    context.printer.result(&report, || report::terminal::list_runtimes(&report))?;
    Ok(true)
}

fn describe(context: &Context, runtime: &Runtime, shipped: bool) -> Result<ListedRuntime> {
    let path = runtime.directory.strip_prefix(&context.workspace).unwrap_or(&runtime.directory);
    let path = match &runtime.through {
        None => utf8(path)?.to_owned(),
        Some(member) => format!("registry, through {member}"),
    };
    let matrix = serde_json::to_value(&runtime.matrix).map_err(|error| {
        Failure::internal(format!("the matrix entry of {} cannot be written as JSON", runtime.name))
            .found(error.to_string())
    })?;
    Ok(ListedRuntime {
        name: runtime.name.clone(),
        package: runtime.package.clone(),
        package_version: runtime.version.clone(),
        path,
        shipped,
        features: runtime.features.iter().cloned().collect(),
        release_features: runtime.release_features(),
        state: runtime.state().as_deref().map(protocol::hide_addresses),
        matrix: protocol::without_addresses(&matrix),
    })
}
