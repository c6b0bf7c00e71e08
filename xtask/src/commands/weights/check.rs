// SPDX-License-Identifier: Apache-2.0
use super::{super::utf8, call, limits};
use crate::{
    cli,
    context::Context,
    git, revision,
    runtimes::{Runtime, Workspace},
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
        let mut request = request(runtime)?;
        let base = options.base.as_deref().map(|base| Base::of(context, runtime, base)).transpose()?;
        if let Some(fields) = request.as_object_mut() {
            fields.extend([("price".into(), price), ("limits".into(), limits), ("jump".into(), json!(options.jump))]);
            if let Some(base) = &base {
                fields.insert("base".into(), json!(utf8(&base.directory)?));
                fields.insert("base_lock".into(), json!(base.lock.as_deref().map(utf8).transpose()?));
                fields.insert("lock".into(), json!(utf8(&context.workspace.join("Cargo.lock"))?));
            }
        }
        let outcome = call(context, &request)?;
        passed &= outcome.passed;
        reports.push(outcome.value);
    }
    let document = json!({"version": 1, "runtimes": reports, "verdict": if passed { "passed" } else { "failed" }});
    context.printer.result(&document, || report::weights::checked(&document))?;
    Ok(passed)
}

/// The request that checks a runtime's weights by themselves.
pub fn request(runtime: &Runtime) -> Result<Value> {
    Ok(
        json!({"command": "check", "runtime": runtime.name, "directory": utf8(&runtime.directory)?, "jump": 30.0, "allow": runtime.config.weights.allow}),
    )
}

/// A runtime's source and the workspace's lock file in another revision.
struct Base {
    directory: PathBuf,
    lock: Option<PathBuf>,
    _extracted: Vec<TempDir>,
}

impl Base {
    fn of(context: &Context, runtime: &Runtime, name: &str) -> Result<Self> {
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
