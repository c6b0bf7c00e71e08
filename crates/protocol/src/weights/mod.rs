// SPDX-License-Identifier: Apache-2.0
//! Weights: what benchmarks measured, the files made from it, and how two sets of them differ.

pub mod check;
pub mod compare;
pub mod constants;
pub mod raw;

use crate::format;
use check::CheckRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// What the worker for weights is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Compare two sets of weights: the result is a [`compare::Comparison`].
    Compare(Box<CompareRequest>),
    /// Make weight files from raw results: the result is [`Rendered`].
    Render(Box<RenderRequest>),
    /// Check the weights of a runtime: the result is a [`check::Report`].
    Check(Box<CheckRequest>),
    /// List the pallets of a runtime that have weight files of its own: the result is a list of [`check::Measured`].
    Measured(MeasuredRequest),
}

/// Compare two sets of weights.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareRequest {
    pub old: Side,
    pub new: Side,
    #[serde(default)]
    pub options: compare::Options,
}

/// A file or directory, and how it is called in results: a revision's files lie in a temporary directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    pub name: String,
    pub path: PathBuf,
}

/// List the pallets of a runtime that have weight files of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredRequest {
    /// Where the runtime's manifest is.
    pub directory: PathBuf,
}

/// Make weight files from raw results, whatever these are of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenderRequest {
    pub raw: Vec<PathBuf>,
    /// A directory, or a file ending with `.rs` for the results of one pallet.
    pub out: PathBuf,
    /// Null: what the pallet's name says.
    #[serde(default)]
    pub shape: Option<Shape>,
    #[serde(default)]
    pub header: HeaderStyle,
    /// A file whose text stands before everything else.
    #[serde(default)]
    pub preamble: Option<PathBuf>,
    /// A Handlebars template in place of the shape.
    #[serde(default)]
    pub template: Option<PathBuf>,
    /// The same for single pallets, by their names.
    #[serde(default)]
    pub templates: BTreeMap<String, PathBuf>,
    /// Write what was measured, also where a former file's value is within the noise.
    #[serde(default)]
    pub anew: bool,
}

/// What a weight file implements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `impl pallet_x::WeightInfo for WeightInfo<T>`: a runtime's file.
    #[default]
    Runtime,
    /// The trait, `SubstrateWeight<T>` and `()`: a pallet's own file.
    Pallet,
    /// `impl WeightInfo<T>` without a trait: the files of XCM's instructions.
    Xcm,
}

/// What stands at the top of a weight file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case")]
pub enum HeaderStyle {
    /// Only what changes when the weights may: settings and machine.
    #[default]
    Stable,
    /// The lines of `frame-benchmarking-cli`'s template, which are others each time.
    Conventional { date: String, hostname: String, command: Vec<String> },
}

/// The weight files that were made from raw results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rendered {
    #[schemars(schema_with = "format::weight_files")]
    pub format: String,
    pub files: Vec<Written>,
}

/// One weight file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The pallet, or the constant that the file holds.
    pub pallet: String,
    /// Empty for constants.
    pub instance: String,
    pub file: PathBuf,
    /// How many weights are in it.
    pub extrinsics: usize,
    /// Whether the file is another one than before.
    pub changed: bool,
    pub kept: Vec<RetainedValue>,
    /// What people had added to the former file.
    pub by_hand: Vec<ManualEdit>,
}

/// A value of the former file that a new measurement did not refute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetainedValue {
    pub extrinsic: String,
    /// `base time`, `time of n`, `base proof`, `proof of n`.
    pub value: String,
    /// Picoseconds or bytes.
    pub old: u64,
    /// In the same unit.
    pub measured: u64,
    /// Half of the 95 % confidence interval of what was measured, in the same unit.
    pub half_width: u64,
}

/// Something in the former file that no benchmark put there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManualEdit {
    /// Empty outside of weight functions.
    pub extrinsic: String,
    /// Of the former file, from 1.
    pub line: usize,
    pub text: String,
    pub fate: EditOutcome,
}

/// What became of something that was added by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EditOutcome {
    /// It is in the new file.
    Kept,
    /// What was measured now is as much.
    Measured,
    /// It is not in the new file.
    Gone,
}
