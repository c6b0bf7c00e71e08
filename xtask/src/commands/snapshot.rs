// SPDX-License-Identifier: Apache-2.0
//! The `snapshot` commands.

use super::{
    build::{build_one, default_out},
    target, utf8,
};
use crate::{
    cli::{self, Profile},
    sources::SourceLocation,
};
use engines::Builder;
use protocol::{
    Source,
    fork::Request,
    inspect::{self, StateSummary},
    snapshot::{GenesisRequest, PruneRequest, SnapshotFormat, SnapshotRequest},
};
use serde::{Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};
use worker::{Code, Failure, Kind, Outcome, Result};
use workers::Worker;
use workspace::{
    context::Context,
    inputs::Variant,
    networks,
    runtimes::{self, Workspace},
};

pub fn run(context: &Context, options: &cli::Snapshot) -> Result<bool> {
    match &options.command {
        cli::SnapshotCommand::Create(options) => create(context, options),
        cli::SnapshotCommand::Genesis(options) => genesis(context, options),
        cli::SnapshotCommand::Info(options) => Ok(state(context, options)?.is_some()),
        cli::SnapshotCommand::Verify(options) => verify(context, options),
        cli::SnapshotCommand::Prune => prune(context),
    }
}

/// Creates a snapshot from nodes.
fn create(context: &Context, options: &cli::SnapshotCreate) -> Result<bool> {
    let out = std::path::absolute(&options.out).map_err(|error| Failure::io("use", &options.out, &error))?;
    let mut nodes = Vec::new();
    for text in &options.nodes {
        match networks::nodes(&runtimes::networks(context)?, text)? {
            Some(all) => nodes.extend(all),
            None => match SourceLocation::parse(text)? {
                SourceLocation::Live(live) => nodes.extend(live.nodes),
                SourceLocation::File(other) => {
                    return Err(Failure::usage(format!("{other} is not a node"))
                        .expected("a ws:// or http:// address, or the name of a network")
                        .hint("cargo xtask snapshot info FILE shows what a file contains"));
                }
            },
        }
    }
    let request = Request::Snapshot(SnapshotRequest {
        nodes,
        at: options.at.clone().unwrap_or_else(|| "finalized".into()),
        store: context.nodes.clone(),
        out,
        format: match options.format {
            cli::SnapshotFormat::Cutover => SnapshotFormat::Cutover,
            cli::SnapshotFormat::TryRuntime => SnapshotFormat::TryRuntime,
        },
    });
    call(context, &request, report::terminal::snapshot)
}

/// Verifies that a snapshot is complete and matches its state root.
fn verify(context: &Context, options: &cli::SnapshotFile) -> Result<bool> {
    // A damaged snapshot is a failed check. A file that is not a snapshot is an input error.
    let verdict = |failure: Failure| match failure.is(Code::Damaged) {
        true => Failure { kind: Kind::Check, ..failure },
        false => failure,
    };
    let Some(summary) = state(context, options).map_err(verdict)? else { return Ok(false) };
    if summary.state_root.is_none() {
        return Err(Failure::input(format!("{} has no state root", options.file.display()))
            .expected("a snapshot of a block, whose header has the root of its state"));
    }
    Ok(summary.verified && summary.complete != Some(false))
}

/// Shows the content of a state file. `None` if it did not pass.
fn state(context: &Context, options: &cli::SnapshotFile) -> Result<Option<StateSummary>> {
    let request = inspect::Request::State { source: Source::File(options.file.clone()) };
    let task = context.printer.task("snapshot");
    let outcome: Outcome<StateSummary> =
        workers::ask(context, Worker::Inspect, &request, &task, &context.log("snapshot"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::state(&outcome.value))?;
    Ok(outcome.passed.then_some(outcome.value))
}

/// Deletes the cached trie nodes of live chains.
fn prune(context: &Context) -> Result<bool> {
    call(context, &Request::Prune(PruneRequest { store: context.nodes.clone() }), report::terminal::pruned)
}

/// Sends a request to the fork worker and prints the result.
fn call<T: Serialize + DeserializeOwned>(context: &Context, request: &Request, show: fn(&T) -> String) -> Result<bool> {
    let task = context.printer.task("snapshot");
    let outcome = workers::ask(context, Worker::Fork, request, &task, &context.log("snapshot"))?;
    drop(task);
    context.printer.result(&outcome.value, || show(&outcome.value))?;
    Ok(outcome.passed)
}

/// Creates a snapshot of a chain from a genesis preset of a runtime.
fn genesis(context: &Context, options: &cli::SnapshotGenesis) -> Result<bool> {
    target::check_path(&options.runtime)?;
    let blob = blob(context, options)?;
    let out = std::path::absolute(&options.out).map_err(|error| Failure::io("use", &options.out, &error))?;
    let request = Request::Genesis(GenesisRequest {
        runtime: utf8(&blob)?.to_owned(),
        preset: options.preset.clone(),
        blocks: options.blocks,
        out,
    });
    call(context, &request, report::terminal::genesis)
}

/// Returns the blob: a file, or a runtime built with exactly the given features.
fn blob(context: &Context, options: &cli::SnapshotGenesis) -> Result<PathBuf> {
    if Path::new(&options.runtime).is_file() {
        return Ok(options.runtime.clone().into());
    }
    let workspace = Workspace::load(context)?;
    let runtime = workspace.find(&options.runtime)?;
    let builder = Builder::new(context, &workspace)?;
    let variant = Variant {
        profile: Profile::Production.name(),
        features: options.features.iter().filter(|feature| !feature.is_empty()).cloned().collect(),
        default_features: true,
        native: false,
    };
    let out = default_out(&workspace).join("snapshot");
    Ok(build_one(&builder, runtime, &variant, &out)?.path)
}
