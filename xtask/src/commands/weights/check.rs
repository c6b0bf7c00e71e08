// SPDX-License-Identifier: Apache-2.0
use super::{
    super::utf8,
    age::{self, Measured},
    call, limits,
};
use crate::{
    cli,
    context::Context,
    git,
    printer::Task,
    revision,
    runtimes::{Runtime, Workspace},
    workers::{self, Worker},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use worker::{Failure, Result};

pub fn run(context: &Context, options: &cli::WeightsCheck) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let mut passed = true;
    let mut reports = Vec::new();
    for runtime in workspace.select(&options.runtimes)? {
        let (price, limits) = limits(&options.limits);
        let task = context.printer.task("weights");
        let mut request = request(context, &workspace, runtime, &task, &context.log("weights"))?;
        drop(task);
        let base = options.base.as_deref().map(|base| Base::of(context, runtime, base)).transpose()?;
        if let Some(fields) = request.as_object_mut() {
            fields.extend([("price".into(), price), ("limits".into(), limits), ("jump".into(), json!(options.jump))]);
        }
        if let Some(base) = &base {
            base.add_to(context, &mut request)?;
        }
        let outcome = call(context, &request)?;
        passed &= outcome.passed;
        reports.push(outcome.value);
    }
    let document = json!({"version": 1, "runtimes": reports, "verdict": if passed { "passed" } else { "failed" }});
    context.printer.result(&document, || report::weights::checked(&document))?;
    Ok(passed)
}

/// The request that checks a runtime's weights by themselves, and against the code they are of.
pub fn request(context: &Context, workspace: &Workspace, runtime: &Runtime, task: &Task, log: &Path) -> Result<Value> {
    let directory = utf8(&runtime.directory)?;
    let measured = json!({"command": "measured", "directory": directory});
    let measured = workers::call(context, Worker::Weights, &measured, task, log)?.value;
    let measured: Vec<Measured> = serde_json::from_value(measured).map_err(|error| {
        Failure::internal("the worker told of weight files unintelligibly").found(error.to_string())
    })?;
    Ok(json!({
        "command": "check",
        "runtime": runtime.name,
        "directory": directory,
        "jump": 30.0,
        "allow": runtime.config.weights.allow,
        "age": age::of(workspace, runtime, &measured)?,
    }))
}

/// A runtime's source and the workspace's lock file in another revision.
pub struct Base {
    /// The runtime's directory.
    pub directory: PathBuf,
    lock: Option<PathBuf>,
    _extracted: Vec<TempDir>,
}

impl Base {
    /// Makes a request one that holds the weights against this revision's.
    pub fn add_to(&self, context: &Context, request: &mut Value) -> Result<()> {
        request["base"] = json!(utf8(&self.directory)?);
        request["base_lock"] = json!(self.lock.as_deref().map(utf8).transpose()?);
        request["lock"] = json!(utf8(&context.workspace.join("Cargo.lock"))?);
        Ok(())
    }

    pub fn of(context: &Context, runtime: &Runtime, name: &str) -> Result<Self> {
        let root = git::root(&runtime.directory).ok_or_else(|| {
            Failure::input(format!("the runtime {} is in no git repository", runtime.name))
                .found(runtime.directory.display().to_string())
        })?;
        let commit = revision::commit(&root, name)?;
        let inside = |path: &Path| -> Result<String> {
            let path = std::fs::canonicalize(path).map_err(|error| Failure::io("open", path, &error))?;
            let inside = path.strip_prefix(&root).unwrap_or(&path);
            Ok(utf8(inside)?.to_owned())
        };
        let (source, directory) = revision::extract(&root, &commit, &inside(&runtime.directory)?, &[".rs"])?;
        // A lock file that is not under version control leaves the cause of a jump unknown.
        let lock = inside(&context.workspace.join("Cargo.lock"))
            .and_then(|path| revision::extract(&root, &commit, &path, &["Cargo.lock"]))
            .ok();
        let (lock_directory, lock) = lock.unzip();
        Ok(Self { directory, lock, _extracted: std::iter::once(source).chain(lock_directory).collect() })
    }
}
