// SPDX-License-Identifier: Apache-2.0
use crate::{
    cli,
    context::Context,
    runtimes::{Runtime, Workspace},
};
use serde_json::{Value, json};
use worker::Result;

pub fn run(context: &Context, _: &cli::List) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let runtimes: Vec<_> = workspace.runtimes.iter().map(|runtime| describe(context, runtime)).collect();
    let document = json!({"version": 1, "workspace": context.workspace, "runtimes": runtimes});
    if workspace.runtimes.is_empty() && !context.printer.is_json() {
        context.printer.status("the workspace has no runtime");
        return Ok(true);
    }
    context.printer.result(&document, || report::terminal::list_runtimes(&document))?;
    Ok(true)
}

fn describe(context: &Context, runtime: &Runtime) -> Value {
    let path = runtime.directory.strip_prefix(&context.workspace).unwrap_or(&runtime.directory);
    let from = match &runtime.through {
        None => json!(path),
        Some(member) => json!(format!("registry, through {member}")),
    };
    json!({
        "name": runtime.name,
        "package": runtime.package,
        "package_version": runtime.version,
        "path": from,
        "features": runtime.features,
        "release_features": runtime.release_features(),
        "state": runtime.config.state.as_deref().map(protocol::hide_addresses),
        "matrix": protocol::without_addresses(&json!(runtime.matrix)),
    })
}
