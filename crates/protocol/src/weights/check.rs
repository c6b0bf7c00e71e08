// SPDX-License-Identifier: Apache-2.0
//! Whether a runtime's weights can be trusted, as far as its source tells.

use super::compare::{Comparison, DatabasePrice, Limits};
use crate::{Verdict, format, weights::raw::Machine};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// Check the weights of a runtime.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// How the runtime is called.
    pub runtime: String,
    /// Where its manifest is.
    pub directory: PathBuf,
    #[serde(default)]
    pub price: DatabasePrice,
    #[serde(default)]
    pub limits: Limits,
    /// Percent by which a weight may differ from that of `base` without a cause.
    pub jump: f64,
    /// The runtime's directory in another revision.
    #[serde(default)]
    pub base: Option<PathBuf>,
    /// The lock file of this state.
    #[serde(default)]
    pub lock: Option<PathBuf>,
    /// The lock file of that revision.
    #[serde(default)]
    pub base_lock: Option<PathBuf>,
    /// What may stay as it is, by `pallet` or `pallet::extrinsic`, with the reason.
    #[serde(default)]
    pub allow: BTreeMap<String, String>,
    /// What version control tells of the code that was measured.
    #[serde(default)]
    pub age: Age,
}

/// Weight files and the code they are of, as version control knows them. It is asked by who calls: no tool is run here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Age {
    pub stale: Vec<Stale>,
    /// Why it could not be told of all or of some.
    pub not_checked: Vec<String>,
}

/// A weight file that is older than the code it was measured of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stale {
    pub pallet: String,
    /// Relative to the runtime's directory.
    pub file: String,
    pub detail: String,
}

/// A pallet and the weight file of the runtime's own that it is given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Measured {
    pub pallet: String,
    /// Relative to the runtime's directory.
    pub file: String,
}

/// What `weights check` found of several runtimes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checks {
    #[schemars(schema_with = "format::weights_checks")]
    pub format: String,
    pub runtimes: Vec<Report>,
    pub verdict: Verdict,
}

/// What was found of one runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    #[schemars(schema_with = "format::weights")]
    pub format: String,
    pub runtime: String,
    /// How many pallets the runtime configures.
    pub pallets: usize,
    pub wires: Vec<Wire>,
    /// How many weight files the runtime has.
    pub files: usize,
    /// How many extrinsics are in them.
    pub extrinsics: usize,
    pub findings: Vec<Finding>,
    /// Rules that could not be asked, with why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<String>,
    /// It failed where one of the findings is a failure.
    pub verdict: Verdict,
}

/// The result of the step `weights` of an upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    #[serde(flatten)]
    pub check: Report,
    /// Null where there is no release before.
    pub comparison: Option<AgainstRelease>,
    /// What was measured for this upgrade, where its weights were made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmarked: Option<Benchmarked>,
}

/// The weights of the release before compared with those of the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AgainstRelease {
    /// Why they were not compared.
    Skipped { skipped: String },
    /// Extrinsics that did not change are left out.
    Compared(Box<Comparison>),
}

/// Benchmarks that were run for an upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmarked {
    pub machine: Machine,
    pub pallets: Vec<BenchmarkedPallet>,
}

/// A pallet that was measured, and the digest of its raw results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BenchmarkedPallet {
    pub pallet: String,
    pub instance: String,
    pub raw_results: String,
}

/// An associated type of a pallet's configuration that weights come through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wire {
    /// The crate of the pallet, as the source names it: `pallet_balances`.
    pub pallet: String,
    /// `WeightInfo`, `SystemWeightInfo`.
    pub associated_type: String,
    /// What it is set to, as written but without spaces.
    pub weights: String,
    pub kind: WireKind,
    pub file: String,
    pub line: usize,
}

/// Whose weights a pallet is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireKind {
    /// A file of this runtime, by its module.
    Own(String),
    /// `()`.
    Unit,
    /// What the pallet brings with it: measured for another runtime, the SDK's own node for the SDK's pallets.
    OfThePallet,
    /// Weights for tests, which mean nothing.
    ForTests,
    /// Another crate's.
    OfAnother,
}

/// Something that a rule says about a weight or a file of weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub rule: Rule,
    pub severity: Severity,
    /// Null where it is about no pallet.
    pub pallet: Option<String>,
    /// Null where it is about no single extrinsic.
    pub extrinsic: Option<String>,
    /// Relative to the runtime's directory. Null where it is about no file.
    pub file: Option<String>,
    /// From 1. Null where it is about no line.
    pub line: Option<usize>,
    pub detail: String,
}

/// What is asked of weights: see `docs/weights.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A pallet has `()` for weights.
    UnitWeights,
    /// A pallet has weights that were made for tests.
    TestWeights,
    /// A pallet has weights that were measured for another runtime.
    ForeignWeights,
    /// A pallet is given a module of weights that is not there.
    MissingFile,
    /// A weight file is used by nothing.
    UnusedFile,
    /// The runtime has no weight files of its own.
    NoWeightFiles,
    ZeroProof,
    NoReads,
    NoWrites,
    ProofDiffers,
    TooHeavy,
    /// Its weight is the largest there is: switched off, or measured as impossible.
    NeverFits,
    /// A weight function that is no sum.
    Unreadable,
    OtherMachine,
    OtherSettings,
    /// A weight is far from that of the former revision, and the pallet is the same.
    Jump,
    /// The code was changed after it was measured.
    Stale,
}

impl Rule {
    /// Returns the name in documents: `zero-proof`.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnitWeights => "unit-weights",
            Self::TestWeights => "test-weights",
            Self::ForeignWeights => "foreign-weights",
            Self::MissingFile => "missing-file",
            Self::UnusedFile => "unused-file",
            Self::NoWeightFiles => "no-weight-files",
            Self::ZeroProof => "zero-proof",
            Self::NoReads => "no-reads",
            Self::NoWrites => "no-writes",
            Self::ProofDiffers => "proof-differs",
            Self::TooHeavy => "too-heavy",
            Self::NeverFits => "never-fits",
            Self::Unreadable => "unreadable",
            Self::OtherMachine => "other-machine",
            Self::OtherSettings => "other-settings",
            Self::Jump => "jump",
            Self::Stale => "stale",
        }
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Failure,
    Warning,
    /// A failure that the workspace's configuration lets pass, with its reason.
    Allowed,
}

impl Severity {
    /// Returns the name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Warning => "warning",
            Self::Allowed => "allowed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_those_of_documents() {
        use Rule::*;
        let rules = [
            UnitWeights,
            TestWeights,
            ForeignWeights,
            MissingFile,
            UnusedFile,
            NoWeightFiles,
            ZeroProof,
            NoReads,
            NoWrites,
            ProofDiffers,
            TooHeavy,
            NeverFits,
            Unreadable,
            OtherMachine,
            OtherSettings,
            Jump,
            Stale,
        ];
        for rule in rules {
            assert_eq!(json!(rule), rule.name());
        }
        for severity in [Severity::Failure, Severity::Warning, Severity::Allowed] {
            assert_eq!(json!(severity), severity.name());
        }
    }

    #[test]
    fn a_step_tells_a_comparison_from_the_reason_for_none() {
        let report = json!({"format": format::WEIGHTS, "runtime": "r", "pallets": 1, "wires": [], "files": 1, "extrinsics": 2,
            "findings": [], "verdict": "pass"});
        let with = |comparison: serde_json::Value| {
            let mut result = report.clone();
            result["comparison"] = comparison;
            let read: StepResult = serde_json::from_value(result.clone()).expect("a result");
            assert_eq!(json!(read), result);
            read.comparison
        };
        assert_eq!(with(json!(null)), None);
        assert!(
            matches!(with(json!({"skipped": "why"})), Some(AgainstRelease::Skipped { skipped }) if skipped == "why")
        );
        let comparison = json!({"format": format::WEIGHTS_COMPARISON, "old": "v1", "new": "the source", "method": "guess-worst",
            "price": {"read": 1, "write": 2}, "threshold": 5.0, "limits": {"ref_time": 3, "proof_size": 4}, "extrinsics": [],
            "summary": {"changed": 0, "unchanged": 9, "new": 0, "removed": 0, "incomparable": 0, "beyond_threshold": 0,
            "no_longer_fits": 0}, "verdict": "pass"});
        assert!(matches!(with(comparison), Some(AgainstRelease::Compared(read)) if read.summary.unchanged == 9));
    }
}
