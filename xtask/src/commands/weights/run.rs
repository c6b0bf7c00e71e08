// SPDX-License-Identifier: Apache-2.0
//! Benchmarks run, their raw results kept, weight files made of them where the runtime keeps its own.

use super::super::{build, utf8};
use crate::{
    cli::{self, Profile},
    context::Context,
    engines::Builder,
    inputs::Variant,
    runtimes::{Runtime, Weights, Workspace},
    workers::{self, Worker},
};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};

const FEATURE: &str = "runtime-benchmarks";

pub fn run(context: &Context, options: &cli::WeightsRun) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let selected = match options.runtimes.as_slice() {
        [] => vec![workspace.default_runtime()?],
        names => workspace.select(names)?,
    };
    let builder = Builder::new(context, &workspace)?;
    let mut passed = true;
    let mut documents = Vec::new();
    for runtime in selected {
        let (good, document) = of_runtime(context, &builder, &workspace, runtime, options)?;
        passed &= good;
        documents.push(document);
    }
    let document = json!({"version": 1, "runtimes": documents});
    context.printer.result(&document, || match options.list {
        true => report::benchmarks::list_all(&document),
        false => report::benchmarks::run(&document),
    })?;
    Ok(passed)
}

fn of_runtime(
    context: &Context,
    builder: &Builder<'_>,
    workspace: &Workspace,
    runtime: &Runtime,
    options: &cli::WeightsRun,
) -> Result<(bool, Value)> {
    let blob = match &options.blob {
        Some(blob) => blob.clone(),
        None => build_with_benchmarks(builder, workspace, runtime)?,
    };
    let config = &runtime.config.weights;
    let raw = match &options.raw {
        Some(raw) => raw.clone(),
        None => workspace.metadata.target_directory.as_std_path().join("weights").join(&runtime.name),
    };
    let profile = profile(runtime, options);
    let excluded = [options.exclude.as_slice(), config.exclude.as_slice()].concat();
    let mut request = json!({
        "command": if options.list { "list" } else { "run" },
        "runtime": utf8(&blob)?,
        "out": utf8(&raw)?,
        "pallets": options.pallets,
        "extrinsics": options.extrinsics,
        "exclude": excluded,
        "extra": options.extra,
        "settings": settings(config, options),
        "per_pallet": per_pallet(config, options),
        "continue_on_fail": options.continue_on_fail,
        "anew": options.anew,
        "machine": {"profile": profile.as_deref().map(utf8).transpose()?, "directory": utf8(&context.cache)?},
        "cache": utf8(&context.cache.join("executor"))?,
    });
    if let Some(preset) = options.preset.as_ref().or(config.preset.as_ref()) {
        request["preset"] = json!(preset);
    }
    let task = context.printer.task(&format!("weights {}", runtime.name));
    let outcome = workers::call(context, Worker::Benchmark, &request, &task, &context.log("weights"))?;
    if options.list {
        return Ok((true, json!({"runtime": runtime.name, "pallets": outcome.value})));
    }
    let outside = outcome.value.pointer("/machine/within_profile") == Some(&Value::Bool(false));
    let written = if options.raw_only {
        json!({"left": "only raw results were asked for"})
    } else if outside && !options.any_machine {
        json!({"left": "this machine is not the profile's; `--any-machine` makes weight files all the same"})
    } else {
        render(context, runtime, options, &outcome.value)?
    };
    let mut passed = outcome.passed;
    passed &= !outside || options.any_machine;
    Ok((passed, json!({"runtime": runtime.name, "raw": raw, "run": outcome.value, "files": written})))
}

/// The blob that has the benchmarks in it. It is optimised like the one that ships: weights are its times.
fn build_with_benchmarks(builder: &Builder<'_>, workspace: &Workspace, runtime: &Runtime) -> Result<PathBuf> {
    if !runtime.features.contains(FEATURE) {
        return Err(Failure::input(format!("{} has no benchmarks", runtime.package))
            .found(format!("no feature {FEATURE}"))
            .expected(format!("a feature {FEATURE} that turns on the pallets' benchmarks"))
            .hint("define_benchmarks! in the runtime and the runtime API Benchmark are what else it takes"));
    }
    let variant = Variant {
        profile: Profile::Production.name(),
        features: vec![FEATURE.into()],
        default_features: true,
        native: false,
    };
    let out = workspace.metadata.target_directory.as_std_path().join("cutover").join("benchmarks");
    let built = build::build_one(builder, runtime, &variant, &out)?;
    Ok(built.path)
}

/// The hardware profile: of the command line, else of the runtime's configuration, relative to its manifest.
fn profile(runtime: &Runtime, options: &cli::WeightsRun) -> Option<PathBuf> {
    let configured = runtime.config.weights.profile.as_ref().map(|path| runtime.directory.join(path));
    options.profile.clone().or(configured)
}

/// The configuration's settings under those of the command line. Keys stand there with hyphens, as in all of it.
fn settings(config: &Weights, options: &cli::WeightsRun) -> Value {
    let mut settings = keys(&config.settings);
    let given = [
        ("steps", options.steps.map(Value::from)),
        ("repeat_max", options.repeat.map(Value::from)),
        ("repeat_min", options.repeat.map(|repeat| Value::from(repeat.min(3)))),
        ("tolerance", options.tolerance.map(Value::from)),
    ];
    settings.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))));
    Value::Object(settings)
}

fn per_pallet(config: &Weights, options: &cli::WeightsRun) -> Value {
    let all = settings(config, options);
    let merged = config.per_pallet.iter().map(|(pallet, own)| {
        let mut merged = all.clone();
        if let Some(merged) = merged.as_object_mut() {
            merged.extend(keys(own));
        }
        (pallet.clone(), merged)
    });
    Value::Object(merged.collect())
}

fn keys(settings: &Map<String, Value>) -> Map<String, Value> {
    settings.iter().map(|(name, value)| (name.replace('-', "_"), value.clone())).collect()
}

/// Makes the weight files of all pallets that were measured whole.
fn render(context: &Context, runtime: &Runtime, options: &cli::WeightsRun, run: &Value) -> Result<Value> {
    let config = &runtime.config.weights;
    let directory = options
        .output
        .clone()
        .unwrap_or_else(|| runtime.directory.join(config.directory.as_deref().unwrap_or(Path::new("src/weights"))));
    let (mut whole, mut left) = (Vec::new(), Vec::new());
    for pallet in run["pallets"].as_array().into_iter().flatten() {
        let complete = pallet["complete"].as_bool().unwrap_or_default();
        let some = pallet["benchmarks"].as_u64().is_some_and(|count| count > 0);
        if complete && some { whole.push(pallet["path"].clone()) } else { left.push(pallet["pallet"].clone()) }
    }
    let header = config.header.as_ref().map(|header| runtime.directory.join(header));
    let request = json!({
        "command": "render",
        "raw": whole,
        "out": utf8(&directory)?,
        "preamble": header.as_deref().map(utf8).transpose()?,
        "anew": options.anew,
    });
    let task = context.printer.task(&format!("weights {}", runtime.name));
    let rendered = workers::call(context, Worker::Weights, &request, &task, &context.log("weights"))?.value;
    Ok(json!({"directory": directory, "rendered": rendered, "incomplete": left}))
}
