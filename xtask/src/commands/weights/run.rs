// SPDX-License-Identifier: Apache-2.0
//! Runs benchmarks, keeps their raw results, and makes the weight files of the runtime from them.

mod constants;
mod library;

use super::{
    super::{build, utf8},
    print,
    settings::{Settings, style},
};
use crate::cli::{self, Profile, WeightEngine};
use engines::Builder;
use protocol::{
    benchmark::{self, Files, MachineRequest, Measured, Request, RunRequest, RunSummary, Runs},
    format::BENCHMARKS,
    weights::{self, PlaceRequest, PlacedFile, RenderRequest, Rendered, raw::Machine},
};
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use worker::{Failure, Outcome, Result};
use workers::Worker;
use workspace::{
    context::Context,
    inputs::Variant,
    runtimes::{Runtime, Workspace},
};

/// The feature of a runtime that includes the benchmarks.
const FEATURE: &str = "runtime-benchmarks";

/// Runs `weights run`.
pub fn run(context: &Context, options: &cli::WeightsRun) -> Result<bool> {
    library::check_options(options)?;
    let workspace = Workspace::load(context)?;
    let selected = match options.runtimes.as_slice() {
        [] => vec![workspace.default_runtime()?],
        names => workspace.select(names)?,
    };
    if !options.list {
        expect_own_files(&selected)?;
    }
    let builder = Builder::new(context, &workspace)?;
    let mut passed = true;
    let mut documents = Vec::new();
    let constants = options.overhead || options.database.is_some();
    for runtime in selected {
        let run = Run { context, builder: &builder, workspace: &workspace, runtime, options };
        let (good, document) = if constants { run.constants()? } else { run.pallets()? };
        passed &= good;
        documents.push(document);
    }
    let document = Runs { format: BENCHMARKS.into(), runtimes: documents };
    print(context, &document, || match (options.list, constants) {
        (true, _) => report::benchmarks::list_all(&document),
        (false, true) => report::benchmarks::base_costs(&document),
        (false, false) => report::benchmarks::run(&document),
    })?;
    Ok(passed)
}

/// Checks that no two runtimes have the same weight files. Runtimes of one package do: the second
/// run would replace the results of the first.
fn expect_own_files(selected: &[&Runtime]) -> Result<()> {
    for (index, runtime) in selected.iter().enumerate() {
        if let Some(other) = selected[..index].iter().find(|other| other.id == runtime.id) {
            return Err(Failure::usage(format!("{} and {} have the same weight files", other.name, runtime.name))
                .found(format!("both are the package {}", runtime.package))
                .hint("run the benchmarks of one of them"));
        }
    }
    Ok(())
}

/// A run of one runtime's benchmarks.
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

    /// Returns the directory of the raw results.
    fn raw(&self) -> PathBuf {
        let target = self.workspace.metadata.target_directory.as_std_path();
        let default = match self.options.engine {
            WeightEngine::Cutover => target.join("weights"),
            WeightEngine::FrameBenchmarkingCli => target.join("weights").join(library::NAME),
        };
        self.options.raw.clone().unwrap_or_else(|| default.join(&self.runtime.name))
    }

    fn machine(&self) -> MachineRequest {
        MachineRequest { profile: self.settings().profile(), directory: self.context.cache.clone() }
    }

    fn preset(&self) -> String {
        self.settings().preset().cloned().unwrap_or_else(benchmark::preset)
    }

    /// Sends a request to the benchmark worker.
    fn measure<T: DeserializeOwned>(&self, request: &Request) -> Result<Outcome<T>> {
        let task = self.context.printer.task(&format!("weights {}", self.runtime.name));
        workers::ask(self.context, Worker::Benchmark, request, &task, &self.context.log("weights"))
    }

    /// Measures the runtime's pallets, or lists their benchmarks. Returns whether the run passed,
    /// and its document.
    pub fn pallets(&self) -> Result<(bool, benchmark::Run)> {
        let blob = match &self.options.blob {
            Some(blob) => blob.clone(),
            None => self.build_with_benchmarks()?,
        };
        let settings = self.settings();
        let request = RunRequest {
            runtime: utf8(&blob)?.to_owned(),
            out: self.raw(),
            pallets: self.options.pallets.clone(),
            extrinsics: self.options.extrinsics.clone(),
            exclude: settings.excluded(),
            extra: self.options.extra,
            preset: self.preset(),
            settings: settings.of_all()?,
            per_pallet: settings.per_pallet()?,
            continue_on_fail: self.options.continue_on_fail,
            anew: self.options.anew,
            machine: self.machine(),
            cache: Some(self.context.cache.join("executor")),
        };
        let run = benchmark::Run { runtime: self.runtime.name.clone(), ..benchmark::Run::default() };
        if self.options.list {
            let pallets = self.measure(&Request::List(request))?.value;
            return Ok((true, benchmark::Run { pallets: Some(pallets), ..run }));
        }
        let request = match self.options.engine {
            WeightEngine::Cutover => Request::Run(request),
            WeightEngine::FrameBenchmarkingCli => Request::RunLibrary(Box::new(self.library_request(request)?)),
        };
        let outcome: Outcome<RunSummary> = self.measure(&request)?;
        let (whole, left): (Vec<_>, Vec<_>) =
            outcome.value.pallets.iter().partition(|pallet| pallet.complete && pallet.benchmarks > 0);
        let left = left.into_iter().map(|pallet| pallet.pallet.clone()).collect();
        let machine = Some(&outcome.value.machine);
        let (good, mut files) = match self.options.engine {
            WeightEngine::Cutover => {
                self.render(machine, whole.into_iter().map(|pallet| pallet.path.clone()).collect())?
            }
            WeightEngine::FrameBenchmarkingCli => self.place(machine, &whole)?,
        };
        if let Files::Written { incomplete, .. } = &mut files {
            *incomplete = left;
        }
        let raw = Some(self.raw());
        Ok((outcome.passed && good, benchmark::Run { raw, run: Some(outcome.value), files: Some(files), ..run }))
    }

    /// Builds the blob with benchmarks. It is optimised like the released blob, because weights are
    /// measured times.
    fn build_with_benchmarks(&self) -> Result<PathBuf> {
        if !self.runtime.features.contains(FEATURE) {
            return Err(Failure::input(format!("{} has no benchmarks", self.runtime.package))
                .found(format!("no feature {FEATURE}"))
                .expected(format!("a feature {FEATURE} that turns on the pallets' benchmarks"))
                .hint("the runtime also needs `define_benchmarks!` and the runtime API Benchmark"));
        }
        let variant = Variant {
            profile: Profile::Production.name(),
            features: vec![FEATURE.into()],
            default_features: true,
            native: false,
        };
        self.build(&variant, "benchmarks")
    }

    /// Builds a blob in a directory of its own.
    fn build(&self, variant: &Variant, name: &str) -> Result<PathBuf> {
        let out = self.workspace.metadata.target_directory.as_std_path().join("cutover").join(name);
        Ok(build::build_one(self.builder, self.runtime, variant, &out)?.path)
    }

    /// Makes weight files from raw results, unless the machine does not match the profile. Returns
    /// whether the machine is accepted, and the files.
    fn render(&self, machine: Option<&Machine>, raw: Vec<PathBuf>) -> Result<(bool, Files)> {
        let settings = self.settings();
        let request = RenderRequest {
            raw,
            out: settings.directory(),
            shape: None,
            header: style(self.options.header)?,
            preamble: settings.header(),
            template: settings.template(),
            templates: settings.templates(),
            anew: self.options.anew,
        };
        self.write_files(machine, &weights::Request::Render(Box::new(request)))
    }

    /// Does the same with the weight files that another engine wrote.
    fn place(&self, machine: Option<&Machine>, pallets: &[&Measured]) -> Result<(bool, Files)> {
        let file = |pallet: &&Measured| {
            let path = pallet.weight_file.clone()?;
            Some(PlacedFile { pallet: pallet.pallet.clone(), instance: pallet.instance.clone(), path })
        };
        let request = PlaceRequest {
            files: pallets.iter().filter_map(file).collect(),
            out: self.settings().directory(),
            anew: self.options.anew,
        };
        self.write_files(machine, &weights::Request::Place(Box::new(request)))
    }

    fn write_files(&self, machine: Option<&Machine>, request: &weights::Request) -> Result<(bool, Files)> {
        let outside = machine.is_some_and(|machine| machine.within_profile == Some(false));
        let good = !outside || self.options.any_machine;
        let left = |why: &str| Ok((good, Files::Left { left: why.to_owned() }));
        if self.options.raw_only {
            return left("only raw results were requested");
        }
        if !good {
            return left("this machine does not match the profile; `--any-machine` makes weight files nevertheless");
        }
        let task = self.context.printer.task(&format!("weights {}", self.runtime.name));
        let log = self.context.log("weights");
        let rendered: Rendered = workers::ask(self.context, Worker::Weights, request, &task, &log)?.value;
        Ok((good, Files::Written { directory: self.settings().directory(), rendered, incomplete: Vec::new() }))
    }
}
