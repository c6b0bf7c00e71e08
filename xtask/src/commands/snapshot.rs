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
    networks::{self, Place},
    runtimes::Workspace,
    workers,
    workers::Worker,
};
use protocol::Endpoint;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use worker::{Code, Failure, Kind, Result};

pub fn run(context: &Context, options: &cli::Snapshot) -> Result<bool> {
    match &options.of {
        cli::SnapshotOf::Create(options) => create(context, options),
        cli::SnapshotOf::Genesis(options) => genesis(context, options),
        cli::SnapshotOf::Info(options) => Ok(state(context, options)?.is_some()),
        cli::SnapshotOf::Verify(options) => verify(context, options),
        cli::SnapshotOf::Prune => prune(context),
    }
}

fn create(context: &Context, options: &cli::SnapshotCreate) -> Result<bool> {
    let out = std::path::absolute(&options.out).map_err(|error| Failure::io("use", &options.out, &error))?;
    let mut nodes = Vec::new();
    for text in &options.nodes {
        match networks::nodes(context, text)? {
            Some(all) => nodes.extend(all),
            None => match Place::parse(text)? {
                Place::Live(live) => nodes.extend(live.nodes),
                Place::File(other) => {
                    return Err(Failure::usage(format!("{other} is no node"))
                        .expected("a ws:// or http:// address, or the name of a network")
                        .hint("cargo xtask snapshot info FILE says what a file holds"));
                }
            },
        }
    }
    let request = json!({
        "command": "snapshot",
        "nodes": nodes.iter().map(Endpoint::expose).collect::<Vec<_>>(),
        "at": options.at.as_deref().unwrap_or("finalized"),
        "store": utf8(&context.nodes)?,
        "out": utf8(&out)?,
        "format": match options.format {
            cli::SnapshotFormat::Cutover => "cutover",
            cli::SnapshotFormat::TryRuntime => "try-runtime",
        },
    });
    call(context, Worker::DryRun, &request, report::terminal::snapshot)
}

fn verify(context: &Context, options: &cli::SnapshotFile) -> Result<bool> {
    // That a snapshot is not what it was is the answer; that a file is none is not.
    let verdict = |failure: Failure| match failure.is(Code::Damaged) {
        true => Failure { kind: Kind::Check, ..failure },
        false => failure,
    };
    let Some(summary) = state(context, options).map_err(verdict)? else { return Ok(false) };
    if summary.get("state_root").is_none_or(Value::is_null) {
        return Err(Failure::input(format!("{} carries no state root", options.file.display()))
            .expected("a snapshot of a block, whose header has the root of its state"));
    }
    let is = |name: &str| summary.get(name).and_then(Value::as_bool);
    Ok(is("verified") == Some(true) && is("complete") != Some(false))
}

/// Shows what a file holds.
fn state(context: &Context, options: &cli::SnapshotFile) -> Result<Option<Value>> {
    let request = json!({"command": "state", "source": utf8(&options.file)?});
    let task = context.printer.task("snapshot");
    let outcome = workers::call(context, Worker::Artifact, &request, &task, &context.log("snapshot"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::state(&outcome.value))?;
    Ok(outcome.passed.then_some(outcome.value))
}

fn prune(context: &Context) -> Result<bool> {
    call(
        context,
        Worker::DryRun,
        &json!({"command": "prune", "store": utf8(&context.nodes)?}),
        report::terminal::pruned,
    )
}

fn call(context: &Context, worker: Worker, request: &Value, show: fn(&Value) -> String) -> Result<bool> {
    let task = context.printer.task("snapshot");
    let outcome = workers::call(context, worker, request, &task, &context.log("snapshot"))?;
    drop(task);
    context.printer.result(&outcome.value, || show(&outcome.value))?;
    Ok(outcome.passed)
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
    call(context, Worker::DryRun, &request, report::terminal::snapshot)
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
