// SPDX-License-Identifier: Apache-2.0
//! One comment from the evidence of bundles.
//!
//! A bundle may come from a pull request that nobody trusts: it is read bounded, its parts are held against each other, and
//! what it says is text and never markup.

use crate::{
    cli,
    commands::{reports::read_result, utf8},
    context::Context,
    inputs::file_digest,
    workers::{self, Worker},
};
use protocol::weights::compare::Comparison;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

const STEPS: [&str; 5] = ["build", "inspect", "diff", "dry-run", "propose"];
const EVIDENCE_LIMIT: u64 = 16 * 1024 * 1024;
/// As many runtimes as a workspace may have, and more.
const BUNDLES: usize = 64;

pub fn run(context: &Context, options: &cli::CiComment) -> Result<bool> {
    let mut directories = Vec::new();
    for given in &options.bundles {
        directories.extend(bundles_in(given)?);
    }
    if directories.len() > BUNDLES {
        return Err(Failure::input("there are too many bundles for one comment")
            .found(directories.len().to_string())
            .expected(format!("at most {BUNDLES}")));
    }
    let bundles = directories.iter().map(|directory| read(context, directory)).collect::<Result<Vec<_>>>()?;
    let mut names = BTreeSet::new();
    if let Some(twice) = bundles.iter().find(|bundle| !names.insert(&bundle.name)) {
        return Err(Failure::input(format!("two bundles are of the runtime {}", twice.name)).expected("one of each"));
    }
    let weights = options.weights.as_deref().map(compared_weights).transpose()?;
    let comment = report::comment::render(&bundles, weights.as_ref());
    match &options.out {
        Some(path) => {
            files::write_whole(path, comment.as_bytes())?;
            context.printer.status(&format!("{} bytes written to {}", comment.len(), path.display()));
            if context.printer.is_json() {
                let document = json!({"version": 1, "comment": path, "size": comment.len()});
                context.printer.result(&document, String::new)?;
            }
        }
        None => {
            let document = json!({"version": 1, "body": comment, "size": comment.len()});
            context.printer.result(&document, || comment.clone())?;
        }
    }
    Ok(true)
}

/// A bundle, or those that lie in a directory: what `upgrade --out` makes for one runtime and for several.
fn bundles_in(given: &Path) -> Result<Vec<PathBuf>> {
    if given.join("build.json").is_file() {
        return Ok(vec![given.to_path_buf()]);
    }
    let io = |error: std::io::Error| Failure::io("read the bundle", given, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(given).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.join("build.json").is_file() {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Failure::input(format!("{} is no bundle", given.display()))
            .found("no build.json in it")
            .expected("a directory that `cargo xtask upgrade` wrote, or one that holds several"));
    }
    Ok(found)
}

/// Where there is a manifest, what it covers must be what it says. A part that did not travel is not missed here.
fn expect_its_files(context: &Context, directory: &Path) -> Result<()> {
    if !directory.join("manifest.json").is_file() {
        return Ok(());
    }
    let task = context.printer.task("comment");
    let request = json!({"command": "verify", "bundle": utf8(directory)?, "integrity_only": true});
    let verified = workers::call(context, Worker::Evidence, &request, &task, &context.log("comment"))?.value;
    let subjects = verified.get("subjects").and_then(Value::as_array).into_iter().flatten();
    let name = |subject: &Value| subject.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut wrong = subjects.filter(|subject| subject["ok"] != json!(true) && directory.join(name(subject)).exists());
    match wrong.next() {
        None => Ok(()),
        Some(subject) => {
            let reason = subject.get("reason").and_then(Value::as_str).unwrap_or("is not what it says").to_owned();
            Err(Failure::check(format!("{} in {} does not fit its manifest", name(subject), directory.display()))
                .found(format!("it {reason}"))
                .hint("take the files of one upgrade"))
        }
    }
}

fn read(context: &Context, directory: &Path) -> Result<report::Bundle> {
    let build = step(directory, "build")?;
    let runtime = build.get("runtime").and_then(Value::as_str).unwrap_or_default().to_owned();
    let blob = build.pointer("/result/blob/blake2_256").and_then(Value::as_str).unwrap_or_default().to_owned();
    if blob.is_empty() || runtime.is_empty() {
        return Err(Failure::input(format!(
            "build.json in {} does not name its runtime and blob",
            directory.display()
        ))
        .hint("run the step again"));
    }
    let mut results = Vec::new();
    for name in STEPS {
        results.push(same_upgrade(directory, name, &runtime, &blob)?);
    }
    // A runtime from a registry has none.
    let weights = match directory.join("weights.json").is_file() {
        true => same_upgrade(directory, "weights", &runtime, &blob)?,
        false => Value::Null,
    };
    let weights = read_result("weights", weights)?;
    // The blob itself need not have travelled; where it is there it must be the one.
    let file = build.pointer("/result/blob/path").and_then(Value::as_str).unwrap_or_default();
    let file = directory.join(Path::new(file).file_name().unwrap_or_default());
    if file.is_file() && file_digest(&file)? != blob {
        return Err(Failure::check(format!("{} is not the blob that the evidence is about", file.display()))
            .found(file_digest(&file)?)
            .expected(blob));
    }
    expect_its_files(context, directory)?;
    let mut results = results.into_iter();
    let mut next = || results.next().unwrap_or_default();
    Ok(report::Bundle {
        name: runtime,
        build: next(),
        inspect: next(),
        diff: next(),
        dry_run: next(),
        propose: next(),
        weights,
    })
}

/// The result of a step, if it is about this runtime and this blob.
fn same_upgrade(directory: &Path, name: &str, runtime: &str, blob: &str) -> Result<Value> {
    let evidence = step(directory, name)?;
    let about = evidence.pointer("/inputs/blob/blake2_256").or_else(|| evidence.pointer("/result/blob/blake2_256"));
    let about = about.and_then(Value::as_str).unwrap_or("no blob");
    if about != blob || evidence.get("runtime").and_then(Value::as_str) != Some(runtime) {
        return Err(Failure::check(format!(
            "{name}.json in {} is about another blob than build.json",
            directory.display()
        ))
        .found(format!("{about} of {}", evidence.get("runtime").cloned().unwrap_or_default()))
        .expected(format!("{blob} of {runtime:?}"))
        .hint("take the files of one upgrade"));
    }
    expect_one_verdict(directory, name, &evidence)?;
    // Older evidence has it; a comment that changes with the clock would be posted anew each time.
    Ok(protocol::without_volatile(evidence.get("result").cloned().unwrap_or_default()))
}

/// A step that failed has no result that passed, and none that failed passed.
fn expect_one_verdict(directory: &Path, name: &str, evidence: &Value) -> Result<()> {
    let of = |pointer: &str| evidence.pointer(pointer).and_then(Value::as_str);
    let (step, result) = (of("/verdict").unwrap_or("none"), of("/result/verdict"));
    let same = match result {
        Some("pass" | "pass_with_hazards") => step == "pass",
        Some("fail") => step == "fail",
        Some("not_judged") => step == "not_judged",
        // Others say nothing of it, and a proposal that was refused has no verdict of its own.
        _ => true,
    };
    match same {
        true => Ok(()),
        false => Err(Failure::check(format!("{name}.json in {} has two verdicts", directory.display()))
            .found(format!("the step: {step}, its result: {}", result.unwrap_or("none")))
            .hint("run the step again")),
    }
}

fn step(directory: &Path, name: &str) -> Result<Value> {
    let path = directory.join(format!("{name}.json"));
    // Not a link to what lies elsewhere on this machine.
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(Failure::input(format!("the bundle {} is incomplete", directory.display()))
            .found(format!("no file {name}.json"))
            .expected("the evidence of every step")
            .hint(format!("cargo xtask upgrade --only {name}, or take the bundle of the join")));
    }
    let evidence = json_file(&path)?;
    let is_step =
        evidence.get("format") == Some(&json!("cutover/step/v1")) && evidence.get("step") == Some(&json!(name));
    match is_step {
        true => Ok(evidence),
        false => Err(Failure::input(format!("{} is no evidence of the step {name}", path.display()))
            .found(format!("format {}, step {}", evidence["format"], evidence["step"]))
            .expected(format!("format \"cutover/step/v1\", step {name:?}"))),
    }
}

fn compared_weights(path: &Path) -> Result<Comparison> {
    serde_json::from_value(json_file(path)?).map_err(|error| {
        Failure::input(format!("{} is no comparison of weights", path.display()))
            .found(error.to_string())
            .expected("what `cargo xtask weights compare --json` printed")
    })
}

fn json_file(path: &Path) -> Result<Value> {
    serde_json::from_slice(&files::read_bounded(path, EVIDENCE_LIMIT)?)
        .map_err(|error| Failure::input(format!("{} is no JSON", path.display())).found(error.to_string()))
}
