// SPDX-License-Identifier: Apache-2.0
//! Weights: raw results of benchmarks, weight files, and comparisons of weights.

pub mod check;
pub mod compare;
pub mod constants;
pub mod raw;

use crate::format;
use check::CheckRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// A request to the worker of weights.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Compare two sets of weights; the result is a [`compare::Comparison`].
    Compare(Box<CompareRequest>),
    /// Generate weight files from raw results; the result is a [`Rendered`].
    Render(Box<RenderRequest>),
    /// Put weight files of another engine into the directory of a runtime; the result is a
    /// [`Rendered`].
    Place(Box<PlaceRequest>),
    /// Check the weights of a runtime; the result is a [`check::Report`].
    Check(Box<CheckRequest>),
    /// List the pallets with weight files in the runtime; the result is a list of
    /// [`check::Measured`].
    Measured(MeasuredRequest),
}

/// A request to compare two sets of weights.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareRequest {
    /// The weights before a change.
    pub old: Side,
    /// The weights after the change.
    pub new: Side,
    /// The method, the price of database accesses and the limits.
    #[serde(default)]
    pub options: compare::Options,
}

/// A file or directory with weights, and its name in results. Files of a revision are in a
/// temporary directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// The name in results and messages: a path or a revision.
    pub name: String,
    /// The path that is read. Both weight files and raw results are accepted.
    pub path: PathBuf,
}

/// A request to list the pallets with weight files in the runtime.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredRequest {
    /// The directory of the runtime's manifest.
    pub directory: PathBuf,
}

/// A request to generate weight files from raw results of any kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenderRequest {
    /// The files of raw results. They can be of pallets, of blocks and extrinsics, or of a
    /// database.
    pub raw: Vec<PathBuf>,
    /// A directory, or a file ending with `.rs` for the results of one pallet.
    pub out: PathBuf,
    /// The shape of the files. Null: chosen by the pallet's name.
    #[serde(default)]
    pub shape: Option<Shape>,
    /// The style of the lines at the top of each file.
    #[serde(default)]
    pub header: HeaderStyle,
    /// The file whose text is written at the top of each weight file.
    #[serde(default)]
    pub preamble: Option<PathBuf>,
    /// The Handlebars template that replaces the shape.
    #[serde(default)]
    pub template: Option<PathBuf>,
    /// The templates of single pallets, by the pallet's name.
    #[serde(default)]
    pub templates: BTreeMap<String, PathBuf>,
    /// Whether to write the measured values even if the previous values are within the noise.
    #[serde(default)]
    pub anew: bool,
}

/// A request to put weight files that another engine wrote into the directory of a runtime.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceRequest {
    /// The files.
    pub files: Vec<PlacedFile>,
    /// The directory.
    pub out: PathBuf,
    /// Whether a file that is not a weight file may be replaced.
    #[serde(default)]
    pub anew: bool,
}

/// A weight file that another engine wrote.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedFile {
    /// The pallet's name in benchmarks: `pallet_balances`.
    pub pallet: String,
    /// The instance's name in the runtime: `Balances`.
    pub instance: String,
    /// The path of the file.
    pub path: PathBuf,
}

/// The shape of a weight file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The file of a runtime: `impl pallet_x::WeightInfo for WeightInfo<T>`.
    #[default]
    Runtime,
    /// The file of a pallet: the trait, `SubstrateWeight<T>` and `()`.
    Pallet,
    /// The file of XCM instructions: `impl WeightInfo<T>` without a trait.
    Xcm,
}

/// The style of the header of a weight file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case")]
pub enum HeaderStyle {
    /// Only the settings and the machine. It changes only if they change.
    #[default]
    Stable,
    /// The lines of `frame-benchmarking-cli`'s template, which change with every run.
    Conventional {
        /// The date of the run in UTC: `2026-11-22`.
        date: String,
        /// The name of the machine.
        hostname: String,
        /// The words of the command line.
        command: Vec<String>,
    },
}

/// The weight files that were generated from raw results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rendered {
    /// The format of the document: `cutover/weight-files/v1`.
    #[schemars(schema_with = "format::weight_files")]
    pub format: String,
    /// The files that the results gave, also those whose content is unchanged.
    pub files: Vec<Written>,
}

/// One weight file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The pallet, or the constant in the file.
    pub pallet: String,
    /// The pallet's instance. Empty for constants.
    pub instance: String,
    /// The path of the file. It is in the output directory of the request, or is the output file
    /// itself.
    pub file: PathBuf,
    /// The number of weights in the file.
    pub extrinsics: usize,
    /// Whether the content of the file changed.
    pub changed: bool,
    /// The previous values that were kept.
    pub kept: Vec<RetainedValue>,
    /// The manual edits in the previous file.
    pub by_hand: Vec<ManualEdit>,
}

/// A value of the previous file that was kept, because the new measurement agrees with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetainedValue {
    /// The weight function, or the constant: `BlockExecutionWeight`.
    pub extrinsic: String,
    /// The value: `base time`, `time of n`, `base proof`, `proof of n`.
    pub value: String,
    /// The previous value, in picoseconds or bytes.
    pub old: u64,
    /// The measured value, in the same unit.
    pub measured: u64,
    /// The half-width of the 95 % confidence interval of the measured value, in the same unit.
    pub half_width: u64,
}

/// A manual edit in the previous file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManualEdit {
    /// The extrinsic. Empty outside of weight functions.
    pub extrinsic: String,
    /// The line in the previous file, starting from 1.
    pub line: usize,
    /// The source text of the edit.
    pub text: String,
    /// What became of the edit.
    pub fate: EditOutcome,
}

/// The outcome of a manual edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EditOutcome {
    /// The new file contains it.
    Kept,
    /// It was left out, because the new measured value is at least as large.
    Measured,
    /// It is not in the new file, and no measured value replaces it.
    Gone,
}
