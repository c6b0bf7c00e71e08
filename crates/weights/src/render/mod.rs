// SPDX-License-Identifier: Apache-2.0
//! Makes weight files from raw results. The same results give the same bytes.

mod built_in;
mod custom_template;
mod manual_edits;

use crate::{
    analysis::{self, BenchmarkAnalysis, Fit},
    formula::{Cost, Linear},
    parse::{Component, Extrinsic, WeightFile, comments},
};
use protocol::weights::{HeaderStyle, ManualEdit, RetainedValue, Shape, raw::RawResults};
use std::collections::BTreeMap;
use worker::{Failure, Result};

pub(crate) use built_in::sanitized;
use built_in::slopes;
pub use custom_template::Template;
pub use manual_edits::PreviousFile;

/// The pallet whose benchmarks are XCM instructions: `pallet_xcm_benchmarks::generic` and
/// `::fungible`.
const XCM_INSTRUCTIONS: &str = "pallet_xcm_benchmarks";

/// Returns the shape that a runtime's file of this pallet has.
pub fn shape_of(pallet: &str) -> Shape {
    if is_xcm(pallet) { Shape::Xcm } else { Shape::Runtime }
}

fn is_xcm(pallet: &str) -> bool {
    pallet.split("::").next() == Some(XCM_INSTRUCTIONS)
}

/// The options for rendering a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The form of the file.
    pub shape: Shape,
    /// The style of the header.
    pub header: HeaderStyle,
    /// The text at the start of the file: a licence.
    pub preamble: String,
    /// A custom template that is used instead of the shape.
    pub template: Option<Template>,
}

/// A weight function with the numbers that are written.
#[derive(Clone, Debug, PartialEq)]
struct Function {
    name: String,
    /// Name, minimum and maximum of each component.
    components: Vec<(String, u32, u32)>,
    cost: Cost,
    recorded_proof: Linear,
    /// The standard errors of the slopes of time that are not zero, in their order, in picoseconds.
    errors: Vec<u64>,
    /// The shortest measured time in picoseconds.
    minimum: u64,
    storage: Vec<analysis::StorageAccess>,
}

/// A rendered file.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedFile {
    /// The content of the file.
    pub text: String,
    /// The values of the previous file that were kept because the measurement does not contradict
    /// them.
    pub kept: Vec<RetainedValue>,
    /// The manual edits of the previous file, with their outcome.
    pub by_hand: Vec<ManualEdit>,
}

/// Renders a file. If the `previous` file is given, its manual edits are kept, and so are its
/// values that are within the confidence interval of the measurement.
pub fn render(results: &RawResults, options: &Options, previous: Option<&PreviousFile>) -> Result<RenderedFile> {
    let mut functions = Vec::new();
    let mut kept = Vec::new();
    for benchmark in &results.benchmarks {
        let analysed = analysis::analyse(results, benchmark)?;
        let mut function = function(&analysed);
        let old = previous.filter(|previous| previous.keep_values);
        let old = old.and_then(|previous| previous.file.extrinsics().iter().find(|old| old.name == function.name));
        if let Some(old) = old {
            kept.extend(keep_old_values(&mut function, &analysed, old));
        }
        functions.push(function);
    }
    let text = match &options.template {
        Some(template) => template.render(results, options, &functions)?,
        None => built_in::file(results, options, &functions)?,
    };
    let (text, by_hand) = match previous {
        Some(previous) => previous.apply_manual_edits(text)?,
        None => (text, Vec::new()),
    };
    Ok(RenderedFile { text, kept, by_hand })
}

/// Returns the weights that raw results give, in the form of a parsed weight file.
pub fn extrinsics(results: &RawResults) -> Result<WeightFile> {
    let extrinsics = results.benchmarks.iter().map(|benchmark| {
        let function = function(&analysis::analyse(results, benchmark)?);
        let component = |(name, min, max): &(String, u32, u32)| Component {
            name: name.clone(),
            range: Some((u64::from(*min), u64::from(*max))),
        };
        Ok(Extrinsic {
            components: function.components.iter().map(component).collect(),
            estimated_proof: Some(function.cost.proof.clone()),
            measured_proof: Some(function.recorded_proof),
            minimum_time: Some(function.minimum),
            standard_errors: function.errors,
            cost: Ok(function.cost),
            name: function.name,
            line: 0,
            storage: Vec::new(),
        })
    });
    let implementation = crate::parse::Implementation {
        of_trait: None,
        for_type: "WeightInfo<T>".into(),
        database: Some("T::DbWeight".into()),
        extrinsics: extrinsics.collect::<Result<_>>()?,
    };
    let header = comments::Header {
        pallet: Some(results.pallet.clone()),
        steps: Some(results.settings.steps.to_string()),
        repeat: Some(built_in::repeat(&results.settings)),
        cpu: Some(results.machine.cpu.clone()),
        profile: results.machine.profile.clone(),
        ..comments::Header::default()
    };
    Ok(WeightFile { name: results.pallet.clone(), header, implementations: vec![implementation] })
}

/// Restores the old values that are within the confidence interval, and returns them. Each
/// remaining difference between the two files is then a real one. If no value differs any more, the
/// figures in the comments are restored as well.
fn keep_old_values(function: &mut Function, analysed: &BenchmarkAnalysis, old: &Extrinsic) -> Vec<RetainedValue> {
    let Ok(previous) = &old.cost else { return Vec::new() };
    let names: Vec<&str> = analysed.components.iter().map(|(name, ..)| name.as_str()).collect();
    // The values can be compared only if the components are the same.
    if !old.components.iter().map(|one| one.name.as_str()).eq(names.iter().copied()) {
        return Vec::new();
    }
    let mut kept = Vec::new();
    let mut restore = |new: &mut Linear, previous: &Linear, fit: &Fit, unit: f64, what: &str| {
        let mut restore_value = |value: &mut u64, old: u64, half_width: f64, name: String| {
            let half_width = half_width * unit;
            let contradicted = half_width == 0.0 || (*value as f64 - old as f64).abs() > half_width;
            if *value != old && !contradicted {
                kept.push(RetainedValue {
                    extrinsic: function.name.clone(),
                    value: name,
                    old,
                    measured: *value,
                    half_width: half_width as u64,
                });
                *value = old;
            }
        };
        restore_value(&mut new.base, previous.base, fit.base.half_width, format!("base {what}"));
        for (name, slope) in names.iter().zip(&fit.slopes) {
            let mut value = new.slopes.get(*name).copied().unwrap_or_default();
            let old = previous.slopes.get(*name).copied().unwrap_or_default();
            restore_value(&mut value, old, slope.half_width, format!("{what} of {name}"));
            new.slopes.insert((*name).to_owned(), value);
        }
        new.slopes.retain(|_, slope| *slope != 0);
    };
    restore(&mut function.cost.time, &previous.time, &analysed.time, 1000.0, "time");
    restore(&mut function.cost.proof, &previous.proof, &analysed.estimated_proof, 1.0, "proof");
    if function.cost == *previous {
        function.minimum = old.minimum_time.unwrap_or(function.minimum);
        function.recorded_proof = old.measured_proof.clone().unwrap_or_else(|| function.recorded_proof.clone());
        function.errors = old.standard_errors.clone();
    }
    // There is one error for each slope, also for slopes that were restored.
    function.errors.resize(function.cost.time.slopes.len(), 0);
    kept
}

/// Returns the weight function of an analysed benchmark.
fn function(analysed: &BenchmarkAnalysis) -> Function {
    let names: Vec<&str> = analysed.components.iter().map(|(name, ..)| name.as_str()).collect();
    let linear = |fit: &Fit, whole: fn(f64) -> u64| {
        let slopes = names.iter().zip(&fit.slopes).map(|(name, slope)| ((*name).to_owned(), whole(slope.value)));
        Linear {
            base: whole(fit.base.value),
            slopes: slopes.filter(|(_, slope)| *slope != 0).collect::<BTreeMap<_, _>>(),
        }
    };
    let of_proof = |value: f64| value as u64;
    let slopes = names.iter().zip(&analysed.time.slopes);
    let used = slopes.filter(|(_, slope)| analysis::picoseconds(slope.value) != 0);
    Function {
        name: analysed.name.clone(),
        components: analysed.components.clone(),
        errors: used.map(|(_, slope)| analysis::picoseconds(slope.standard_error)).collect(),
        cost: Cost {
            time: linear(&analysed.time, analysis::picoseconds),
            proof: linear(&analysed.estimated_proof, analysis::rounded),
            reads: linear(&analysed.reads, analysis::rounded),
            writes: linear(&analysed.writes, analysis::rounded),
        },
        // `frame-benchmarking-cli` truncates median slopes and does not round them.
        recorded_proof: linear(&analysed.recorded_proof, of_proof),
        minimum: analysed.time.minimum.saturating_mul(1000),
        storage: analysed.storage.clone(),
    }
}

/// Formats a number with underscores: `1234567` as `1_234_567`.
pub(crate) fn underscored(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// Returns the path of the file in a runtime's directory of weights. Files of XCM instructions are
/// in the subdirectory `xcm`.
pub fn relative_path(pallet: &str, instance: &str, several: bool) -> std::path::PathBuf {
    let name = file_name(pallet, instance, several);
    if is_xcm(pallet) { std::path::Path::new("xcm").join(name) } else { name.into() }
}

/// Returns the name of the file for a pallet's weights. It contains the instance if the runtime has
/// several of them.
pub fn file_name(pallet: &str, instance: &str, several: bool) -> String {
    let mut name = pallet.replace("::", "_");
    if several {
        name.push('_');
        let mut previous = '_';
        for character in instance.chars().filter(char::is_ascii_alphanumeric) {
            if character.is_ascii_uppercase() && previous.is_ascii_lowercase() {
                name.push('_');
            }
            name.push(character.to_ascii_lowercase());
            previous = character;
        }
    }
    format!("{name}.rs")
}

/// Checks that a preamble consists of comments alone.
pub fn check_preamble(text: &str, name: &str) -> Result<()> {
    let inside = text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with("//"));
    if inside {
        return Ok(());
    }
    Err(Failure::input(format!("{name} is not a file header")).expected("only lines that begin with `//`"))
}

#[cfg(test)]
pub(crate) mod tests;
