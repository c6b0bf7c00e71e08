// SPDX-License-Identifier: Apache-2.0
//! The `weights check` command: checks the weights of the workspace's runtimes.

use super::{super::utf8, age, call, limits, print};
use crate::cli;
use console::printer::Task;
use protocol::{
    format::WEIGHTS_CHECKS,
    weights::{
        MeasuredRequest, Request,
        check::{CheckRequest, Checks, Measured, Report},
    },
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use worker::{Failure, Result};
use workers::Worker;
use workspace::{
    context::Context,
    git, revision,
    runtimes::{Runtime, Workspace},
};

/// Runs `weights check`.
pub fn run(context: &Context, options: &cli::WeightsCheck) -> Result<bool> {
    let workspace = Workspace::read(context)?;
    let mut passed = true;
    let mut reports = Vec::new();
    for runtime in workspace.select(&options.runtimes)? {
        let (price, limits) = limits(&options.limits);
        let task = context.printer.task("weights");
        let request = request(context, &workspace, runtime, &task, &context.log("weights"))?;
        drop(task);
        let mut request = CheckRequest { price, limits, jump: options.jump, ..request };
        let base = options.base.as_deref().map(|base| Base::of(context, runtime, base)).transpose()?;
        if let Some(base) = &base {
            base.add_to(context, &mut request);
        }
        let outcome = call::<Report>(context, &Request::Check(Box::new(request)))?;
        passed &= outcome.passed;
        reports.push(outcome.value);
    }
    let checks = Checks { format: WEIGHTS_CHECKS.into(), runtimes: reports, verdict: passed.into() };
    print(context, &checks, || report::weights::checked(&checks))?;
    Ok(passed)
}

/// Returns the request that checks a runtime's weights and compares their age with that of the
/// measured code. It has no base yet.
pub fn request(
    context: &Context,
    workspace: &Workspace,
    runtime: &Runtime,
    task: &Task,
    log: &Path,
) -> Result<CheckRequest> {
    let directory = runtime.directory.clone();
    let measured = Request::Measured(MeasuredRequest { directory: directory.clone() });
    let measured: Vec<Measured> = workers::ask(context, Worker::Weights, &measured, task, log)?.value;
    Ok(CheckRequest {
        runtime: runtime.name.clone(),
        directory,
        price: Default::default(),
        limits: Default::default(),
        jump: 30.0,
        base: None,
        lock: None,
        base_lock: None,
        allow: runtime.config.weights.allow.clone(),
        age: age::of(workspace, runtime, &measured)?,
    })
}

/// A runtime's source and the workspace's lock file in another revision.
pub struct Base {
    /// The runtime's directory.
    pub directory: PathBuf,
    lock: Option<PathBuf>,
    _extracted: Vec<TempDir>,
}

impl Base {
    /// Adds this revision as the base of a request.
    pub fn add_to(&self, context: &Context, request: &mut CheckRequest) {
        request.base = Some(self.directory.clone());
        request.base_lock = self.lock.clone();
        request.lock = Some(context.workspace.join("Cargo.lock"));
    }

    /// Extracts the runtime's source and the lock file of a revision to temporary directories.
    pub fn of(context: &Context, runtime: &Runtime, name: &str) -> Result<Self> {
        let root = git::root(&runtime.directory).ok_or_else(|| {
            Failure::input(format!("the runtime {} is not in a git repository", runtime.name))
                .found(runtime.directory.display().to_string())
        })?;
        let commit = revision::commit(&root, name)?;
        let inside = |path: &Path| -> Result<String> {
            let path = std::fs::canonicalize(path).map_err(|error| Failure::io("open", path, &error))?;
            let inside = path.strip_prefix(&root).unwrap_or(&path);
            Ok(utf8(inside)?.to_owned())
        };
        let (source, directory) = revision::extract(&root, &commit, &inside(&runtime.directory)?, &[".rs"])?;
        // Without a lock file in the repository the cause of a jump is unknown.
        let lock = inside(&context.workspace.join("Cargo.lock"))
            .and_then(|path| revision::extract(&root, &commit, &path, &["Cargo.lock"]))
            .ok();
        let (lock_directory, lock) = lock.unzip();
        Ok(Self { directory, lock, _extracted: std::iter::once(source).chain(lock_directory).collect() })
    }
}
