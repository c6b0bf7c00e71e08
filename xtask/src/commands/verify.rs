// SPDX-License-Identifier: Apache-2.0
use super::{accepted_signers, build::build_into, bundle_directory, root_file, utf8};
use crate::{
    cli::{self, EngineOptions},
    context::Context,
    engines::{self, Purpose},
    git,
    inputs::Variant,
    printer::Task,
    runtimes::Workspace,
    workers,
    workers::Worker,
};
use clap::ValueEnum as _;
use serde_json::{Value, json};
use std::path::Path;
use worker::{Failure, Outcome, Result};

/// A step's evidence may be this large.
const STEP_LIMIT: u64 = 16 * 1024 * 1024;

pub fn run(context: &Context, options: &cli::Verify) -> Result<bool> {
    if let Some(cli::VerifyWhat::Build(options)) = &options.what {
        return super::verify_build::run(context, options);
    }
    let Some(bundle) = options.bundle.as_deref() else { return Err(Failure::usage("no bundle is named")) };
    bundle_directory(bundle)?;
    let task = context.printer.task("verify");
    let log = context.log("verify");
    let root = root_file(context, options.root.as_deref())?;
    let mut outcome = ask(context, bundle, root.as_deref(), options.integrity_only, &task, &log)?;
    // What nobody signed for is not worth half an hour of compiling.
    if options.rebuild && outcome.passed {
        let (same, rebuilt) = rebuild(context, bundle, &outcome.value, &task, &log)?;
        outcome.passed &= same;
        if let Some(fields) = outcome.value.as_object_mut() {
            fields.insert("rebuilt".into(), rebuilt);
            fields.insert("verdict".into(), json!(if outcome.passed { "passed" } else { "failed" }));
        }
    }
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::verify(&outcome.value))?;
    Ok(outcome.passed)
}

/// Whether a bundle is signed off.
pub fn verify(
    context: &Context,
    bundle: &Path,
    root: Option<&Path>,
    task: &Task,
    log: &Path,
) -> Result<Outcome<Value>> {
    ask(context, bundle, root, false, task, log)
}

fn ask(
    context: &Context,
    bundle: &Path,
    root: Option<&Path>,
    integrity_only: bool,
    task: &Task,
    log: &Path,
) -> Result<Outcome<Value>> {
    let request = json!({
        "command": "verify",
        "bundle": utf8(bundle)?,
        "root": root.map(utf8).transpose()?,
        "accepted": utf8(&accepted_signers(context))?,
        "integrity_only": integrity_only,
    });
    workers::call(context, Worker::Evidence, &request, task, log)
}

/// Compiles every blob of the bundle again from the workspace's source, nothing taken from the cache.
fn rebuild(context: &Context, bundle: &Path, verified: &Value, task: &Task, log: &Path) -> Result<(bool, Value)> {
    let workspace = Workspace::load(context)?;
    let (variant, options) = recorded_build(bundle)?;
    let engine = engines::open(context, &workspace, &options, Purpose::Verification)?;
    let source = git::source(&context.workspace);
    let stated = verified.pointer("/predicate/source/commit").and_then(Value::as_str);
    if stated.is_some() && stated != source.commit.as_deref() {
        context.printer.warning(&format!(
            "the bundle was built from commit {}, the workspace is at {}",
            stated.unwrap_or_default(),
            source.commit.as_deref().unwrap_or("none")
        ));
    }
    let out = tempfile::tempdir()
        .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
    let mut all_same = true;
    let mut runtimes = Vec::new();
    for shipped in verified.pointer("/predicate/runtimes").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| shipped.get(name).and_then(Value::as_str).unwrap_or_default();
        let runtime = workspace.find(text("name"))?;
        task.say(&format!("building {} again", runtime.package));
        let built = build_into(&*engine, runtime, &variant, out.path(), task, log)?;
        let hash = built.document.get("blake2_256").and_then(Value::as_str).unwrap_or_default();
        let same = hash == text("blake2_256");
        all_same &= same;
        runtimes.push(json!({
            "name": text("name"),
            "blake2_256": hash,
            "expected": text("blake2_256"),
            "same": same,
            "rustc": built.document.get("rustc"),
            "engine": engine.name(),
            "commit": source.commit,
            "dirty": source.dirty,
        }));
    }
    if runtimes.is_empty() {
        return Err(Failure::input("the bundle names no runtime to build again"));
    }
    Ok((all_same, json!({"same": all_same, "runtimes": runtimes})))
}

/// How and where `build.json` of the bundle says the blob was built. The manifest that was just verified covers that file.
fn recorded_build(bundle: &Path) -> Result<(Variant, EngineOptions)> {
    let path = bundle.join("build.json");
    let step: Value = serde_json::from_slice(&worker::read_bounded(&path, STEP_LIMIT)?)
        .map_err(|error| Failure::input(format!("{} is no JSON", path.display())).found(error.to_string()))?;
    let result = step.get("result").cloned().unwrap_or_default();
    let profile = match result.get("profile").and_then(Value::as_str) {
        Some("production") => "production",
        Some("release") => "release",
        Some("dev") => "dev",
        other => {
            return Err(Failure::input(format!("{} does not say how the blob was built", path.display()))
                .found(format!("profile {}", other.unwrap_or("missing")))
                .expected("production, release or dev"));
        }
    };
    let features = result.get("features").and_then(Value::as_array).into_iter().flatten();
    let features = features.filter_map(Value::as_str).map(str::to_owned).collect();
    let default_features = result.get("default_features").and_then(Value::as_bool).unwrap_or(true);
    let name = result.get("engine").and_then(Value::as_str).unwrap_or_default();
    let engine = cli::Engine::from_str(name, false).map_err(|_| {
        Failure::input(format!("{} does not say where the blob was built", path.display()))
            .found(format!("engine {name:?}"))
            .expected("host, docker, podman or srtool")
    })?;
    let image = result.get("image").and_then(Value::as_str).map(str::to_owned);
    let options = EngineOptions { engine: Some(engine), image, ..EngineOptions::default() };
    Ok((Variant { profile, features, default_features, native: false }, options))
}
