// SPDX-License-Identifier: Apache-2.0
use super::{
    build::{build_one, default_out},
    target, utf8,
};
use crate::{
    cli::{self, Profile},
    context::Context,
    engines::Builder,
    inputs::Variant,
    runtimes::Workspace,
    workers,
    workers::Worker,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use worker::{Failure, Result};

pub fn run(context: &Context, options: &cli::Snapshot) -> Result<bool> {
    match &options.of {
        cli::SnapshotOf::Genesis(options) => genesis(context, options),
    }
}

fn genesis(context: &Context, options: &cli::SnapshotGenesis) -> Result<bool> {
    target::check_path(&options.runtime)?;
    let blob = blob(context, options)?;
    let out = std::path::absolute(&options.out).map_err(|error| Failure::io("use", &options.out, &error))?;
    let request = json!({
        "command": "genesis",
        "runtime": utf8(&blob)?,
        "preset": options.preset,
        "blocks": options.blocks,
        "out": utf8(&out)?,
    });
    let task = context.printer.task("snapshot");
    let outcome = workers::call(context, Worker::DryRun, &request, &task, &context.log("snapshot"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::snapshot(&outcome.value))?;
    Ok(outcome.passed)
}

/// A file as it is; a runtime built with just the features that were asked for.
fn blob(context: &Context, options: &cli::SnapshotGenesis) -> Result<PathBuf> {
    if Path::new(&options.runtime).is_file() {
        return Ok(options.runtime.clone().into());
    }
    let workspace = Workspace::load(context)?;
    let runtime = workspace.find(&options.runtime)?;
    let builder = Builder::new(context, &workspace)?;
    let variant = Variant {
        profile: Profile::Production.name(),
        features: options.features.clone(),
        default_features: true,
        native: false,
    };
    let out = default_out(&workspace).join("snapshot");
    Ok(build_one(&builder, runtime, &variant, &out)?.path)
}
