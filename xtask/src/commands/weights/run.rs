// SPDX-License-Identifier: Apache-2.0
//! Benchmarks run, their raw results kept, weight files made of them where the runtime keeps its own.

mod alone;

use super::{
    super::{build, utf8},
    settings::{Settings, style},
};
use crate::{
    cli::{self, Profile},
    context::Context,
    engines::Builder,
    inputs::Variant,
    runtimes::{Runtime, Workspace},
    workers::{self, Worker},
};
use serde_json::{Value, json};
use std::path::PathBuf;
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
    let alone = options.overhead || options.database.is_some();
    for runtime in selected {
        let run = Run { context, builder: &builder, workspace: &workspace, runtime, options };
        let (good, document) = if alone { run.alone()? } else { run.pallets()? };
        passed &= good;
        documents.push(document);
    }
    let document = json!({"version": 1, "runtimes": documents});
    context.printer.result(&document, || match (options.list, alone) {
        (true, _) => report::benchmarks::list_all(&document),
        (false, true) => report::benchmarks::alone(&document),
        (false, false) => report::benchmarks::run(&document),
    })?;
    Ok(passed)
}

/// One runtime's run.
pub struct Run<'a> {
    pub context: &'a Context,
    pub builder: &'a Builder<'a>,
    pub workspace: &'a Workspace,
    pub runtime: &'a Runtime,
    pub options: &'a cli::WeightsRun,
}

impl Run<'_> {
    fn settings(&self) -> Settings<'_> {
        Settings { runtime: self.runtime, workspace: &self.context.workspace, options: self.options }
    }

    /// Where raw results are kept.
    fn raw(&self) -> PathBuf {
        let target = self.workspace.metadata.target_directory.as_std_path();
        self.options.raw.clone().unwrap_or_else(|| target.join("weights").join(&self.runtime.name))
    }

    fn machine(&self) -> Result<Value> {
        let profile = self.settings().profile();
        Ok(json!({"profile": profile.as_deref().map(utf8).transpose()?, "directory": utf8(&self.context.cache)?}))
    }

    fn measure(&self, request: &Value) -> Result<worker::Outcome<Value>> {
        let task = self.context.printer.task(&format!("weights {}", self.runtime.name));
        workers::call(self.context, Worker::Benchmark, request, &task, &self.context.log("weights"))
    }

    /// The verdict and what is said of the pallets' benchmarks.
    pub fn pallets(&self) -> Result<(bool, Value)> {
        let blob = match &self.options.blob {
            Some(blob) => blob.clone(),
            None => self.build_with_benchmarks()?,
        };
        let settings = self.settings();
        let raw = self.raw();
        let mut request = json!({
            "command": if self.options.list { "list" } else { "run" },
            "runtime": utf8(&blob)?,
            "out": utf8(&raw)?,
            "pallets": self.options.pallets,
            "extrinsics": self.options.extrinsics,
            "exclude": settings.excluded(),
            "extra": self.options.extra,
            "settings": settings.of_all(),
            "per_pallet": settings.per_pallet(),
            "continue_on_fail": self.options.continue_on_fail,
            "anew": self.options.anew,
            "machine": self.machine()?,
            "cache": utf8(&self.context.cache.join("executor"))?,
        });
        if let Some(preset) = settings.preset() {
            request["preset"] = json!(preset);
        }
        let outcome = self.measure(&request)?;
        if self.options.list {
            return Ok((true, json!({"runtime": self.runtime.name, "pallets": outcome.value})));
        }
        let (mut whole, mut left) = (Vec::new(), Vec::new());
        for pallet in outcome.value["pallets"].as_array().into_iter().flatten() {
            let complete = pallet["complete"].as_bool().unwrap_or_default();
            let some = pallet["benchmarks"].as_u64().is_some_and(|count| count > 0);
            if complete && some { whole.push(pallet["path"].clone()) } else { left.push(pallet["pallet"].clone()) }
        }
        let (good, mut files) = self.render(&outcome.value, whole)?;
        if let Some(fields) = files.as_object_mut().filter(|fields| fields.contains_key("rendered")) {
            fields.insert("incomplete".into(), json!(left));
        }
        let document = json!({"runtime": self.runtime.name, "raw": raw, "run": outcome.value, "files": files});
        Ok((outcome.passed && good, document))
    }

    /// The blob that has the benchmarks in it. It is optimised like the one that ships: weights are its times.
    fn build_with_benchmarks(&self) -> Result<PathBuf> {
        if !self.runtime.features.contains(FEATURE) {
            return Err(Failure::input(format!("{} has no benchmarks", self.runtime.package))
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
        self.build(&variant, "benchmarks")
    }

    /// The blob, in a directory of its own.
    fn build(&self, variant: &Variant, name: &str) -> Result<PathBuf> {
        let out = self.workspace.metadata.target_directory.as_std_path().join("cutover").join(name);
        Ok(build::build_one(self.builder, self.runtime, variant, &out)?.path)
    }

    /// Makes weight files of raw results, unless the machine that they are of is not the profile's; and whether it is.
    fn render(&self, run: &Value, raw: Vec<Value>) -> Result<(bool, Value)> {
        let outside = run.pointer("/machine/within_profile") == Some(&Value::Bool(false));
        let good = !outside || self.options.any_machine;
        if self.options.raw_only {
            return Ok((good, json!({"left": "only raw results were asked for"})));
        }
        if !good {
            let why = "this machine is not the profile's; `--any-machine` makes weight files all the same";
            return Ok((good, json!({"left": why})));
        }
        let settings = self.settings();
        let directory = settings.directory();
        let templates = settings.templates();
        let templates = templates.iter().map(|(pallet, path)| Ok((pallet.clone(), json!(utf8(path)?))));
        let request = json!({
            "command": "render",
            "raw": raw,
            "out": utf8(&directory)?,
            "preamble": settings.header().as_deref().map(utf8).transpose()?,
            "header": style(self.options.header),
            "template": settings.template().as_deref().map(utf8).transpose()?,
            "templates": templates.collect::<Result<serde_json::Map<_, _>>>()?,
            "anew": self.options.anew,
        });
        let task = self.context.printer.task(&format!("weights {}", self.runtime.name));
        let log = self.context.log("weights");
        let rendered = workers::call(self.context, Worker::Weights, &request, &task, &log)?.value;
        Ok((good, json!({"directory": directory, "rendered": rendered})))
    }
}
