// SPDX-License-Identifier: Apache-2.0
//! Renders weight files with a custom Handlebars template that was written for
//! `frame-benchmarking-cli`. The template's names are those of version 64.0.0
//! (`src/pallet/writer.rs`): numbers are strings, and the helpers are `underscore` and `join`.

use super::{Function, Options, built_in, sanitized, slopes, underscored};
use crate::{formula::Linear, parse::WeightFile};
use handlebars::{Context, Handlebars, Helper, HelperResult, JsonRender, Output, RenderContext};
use protocol::weights::{HeaderStyle, raw::RawResults};
use serde::Serialize;
use worker::{Failure, Result};

/// The largest template that is read, in bytes.
const SIZE_LIMIT: u64 = 1 << 20;
/// The largest file that a template may make, in bytes.
const TEXT_LIMIT: usize = 8 << 20;

/// A Handlebars template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The name in messages.
    name: String,
    text: String,
}

impl Template {
    /// Reads a template and checks its syntax.
    pub fn read(path: &std::path::Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = String::from_utf8(files::read_bounded(path, SIZE_LIMIT)?)
            .map_err(|_| Failure::input(format!("{name} is not a template")).found("bytes that are not UTF-8"))?;
        let template = Self { name, text };
        template.engine()?;
        Ok(template)
    }

    fn engine(&self) -> Result<Handlebars<'_>> {
        let mut engine = Handlebars::new();
        engine.register_helper("underscore", Box::new(underscore));
        engine.register_helper("join", Box::new(join));
        // The output is Rust, not HTML.
        engine.register_escape_fn(str::to_owned);
        engine.register_template_string("weights", &self.text).map_err(|error| {
            Failure::input(format!("{} is not a Handlebars template", self.name))
                .found(error.to_string())
                .expected("a template that frame-benchmarking-cli accepts with --template")
        })?;
        Ok(engine)
    }

    /// Renders the file. Fails if the result is not a weight file with a function for each
    /// benchmark.
    pub(super) fn render(&self, results: &RawResults, options: &Options, functions: &[Function]) -> Result<String> {
        let data = Data::of(results, options, functions);
        let text = self.engine()?.render("weights", &data).map_err(|error| {
            Failure::input(format!("{} cannot be rendered for {}", self.name, results.pallet))
                .found(error.to_string())
                .expected("the names and helpers of frame-benchmarking-cli, see docs/weights.md")
        })?;
        if text.len() > TEXT_LIMIT {
            return Err(Failure::input(format!("{} renders too large a file for {}", self.name, results.pallet))
                .found(format!("{} bytes", text.len()))
                .expected(format!("at most {TEXT_LIMIT} bytes")));
        }
        let made = WeightFile::parse(&text, &format!("the output of {} for {}", self.name, results.pallet))?;
        // A function that the template omits would have no measured weight.
        let lacks = |function: &&Function| !made.extrinsics().iter().any(|made| made.name == function.name);
        match functions.iter().find(lacks) {
            None => Ok(text),
            Some(function) => {
                Err(Failure::input(format!("{} renders an incomplete file for {}", self.name, results.pallet))
                    .found(format!("no function {}", function.name))
                    .expected("a function for each benchmark; use `exclude` to omit one"))
            }
        }
    }
}

#[derive(Serialize)]
struct Data {
    args: Vec<String>,
    date: String,
    hostname: String,
    cpuname: String,
    version: &'static str,
    pallet: String,
    instance: String,
    header: String,
    cmd: Command,
    benchmarks: Vec<Benchmark>,
}

#[derive(Serialize)]
struct Command {
    steps: u32,
    repeat: String,
    lowest_range_values: Vec<u32>,
    highest_range_values: Vec<u32>,
    wasm_execution: &'static str,
    chain: &'static str,
    db_cache: u32,
    analysis_choice: &'static str,
    worst_case_map_values: u32,
    additional_trie_layers: u8,
}

#[derive(Serialize)]
struct Benchmark {
    name: String,
    components: Vec<Component>,
    base_weight: String,
    base_reads: String,
    base_writes: String,
    base_calculated_proof_size: String,
    base_recorded_proof_size: String,
    component_weight: Vec<Slope>,
    component_reads: Vec<Slope>,
    component_writes: Vec<Slope>,
    component_calculated_proof_size: Vec<Slope>,
    component_recorded_proof_size: Vec<Slope>,
    component_ranges: Vec<Range>,
    comments: Vec<String>,
    /// In nanoseconds.
    min_execution_time: String,
}

#[derive(Serialize)]
struct Component {
    name: String,
    is_used: bool,
}

#[derive(Serialize)]
struct Slope {
    name: String,
    slope: String,
    error: String,
}

#[derive(Serialize)]
struct Range {
    name: String,
    min: u32,
    max: u32,
}

impl Data {
    fn of(results: &RawResults, options: &Options, functions: &[Function]) -> Self {
        // What differs each time is written only with the conventional header.
        let (args, date, hostname) = match &options.header {
            HeaderStyle::Stable => (Vec::new(), "-".into(), "-".into()),
            HeaderStyle::Conventional { date, hostname, command } => {
                (command.iter().map(|word| sanitized(word)).collect(), sanitized(date), sanitized(hostname))
            }
        };
        let settings = &results.settings;
        Self {
            args,
            date,
            hostname,
            cpuname: sanitized(&results.machine.cpu),
            version: env!("CARGO_PKG_VERSION"),
            pallet: results.pallet.clone(),
            instance: sanitized(&results.instance),
            header: options.preamble.clone(),
            cmd: Command {
                steps: settings.steps,
                repeat: built_in::repeat(settings),
                lowest_range_values: Vec::new(),
                highest_range_values: Vec::new(),
                wasm_execution: "Compiled",
                chain: "None",
                db_cache: 1024,
                analysis_choice: "MinSquares",
                worst_case_map_values: settings.worst_case_map_values,
                additional_trie_layers: settings.additional_trie_layers,
            },
            benchmarks: functions.iter().map(Benchmark::of).collect(),
        }
    }
}

impl Benchmark {
    fn of(function: &Function) -> Self {
        let cost = &function.cost;
        let exact = |part: &Linear| {
            let slopes = slopes(function, part);
            slopes.map(|(name, slope)| Slope::new(name, slope, 0)).collect::<Vec<_>>()
        };
        let timed = slopes(function, &cost.time).zip(&function.errors);
        let comments = function.storage.iter().flat_map(|touched| {
            let storage = format!("Storage: {}", touched.line);
            std::iter::once(storage).chain(touched.proofs.iter().map(|proof| format!("Proof: {proof}")))
        });
        Self {
            name: function.name.clone(),
            components: function
                .components
                .iter()
                .map(|(name, ..)| Component { name: name.clone(), is_used: built_in::is_used(function, name) })
                .collect(),
            base_weight: cost.time.base.to_string(),
            base_reads: cost.reads.base.to_string(),
            base_writes: cost.writes.base.to_string(),
            base_calculated_proof_size: cost.proof.base.to_string(),
            base_recorded_proof_size: function.recorded_proof.base.to_string(),
            component_weight: timed.map(|((name, slope), error)| Slope::new(name, slope, *error)).collect(),
            component_reads: exact(&cost.reads),
            component_writes: exact(&cost.writes),
            component_calculated_proof_size: exact(&cost.proof),
            component_recorded_proof_size: exact(&function.recorded_proof),
            component_ranges: function
                .components
                .iter()
                .map(|(name, min, max)| Range { name: name.clone(), min: *min, max: *max })
                .collect(),
            comments: comments.collect(),
            min_execution_time: (function.minimum / 1000).to_string(),
        }
    }
}

impl Slope {
    fn new(name: &str, slope: u64, error: u64) -> Self {
        Self { name: name.to_owned(), slope: slope.to_string(), error: error.to_string() }
    }
}

/// The helper `{{underscore number}}`. The number is a string or a number.
fn underscore(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let text = helper.param(0).map(|param| param.value().render()).unwrap_or_default();
    let text = text.parse().map(underscored).unwrap_or(text);
    Ok(out.write(&text)?)
}

/// The helper `{{join list}}`, which joins the elements with spaces.
fn join(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let value = helper.param(0).map(|param| param.value().clone()).unwrap_or_default();
    let text = match value.as_array() {
        Some(list) => list.iter().map(JsonRender::render).collect::<Vec<_>>().join(" "),
        None => value.render(),
    };
    Ok(out.write(&text)?)
}
