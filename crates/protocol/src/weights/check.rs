// SPDX-License-Identifier: Apache-2.0
//! Checks of a runtime's weights, from its source.

use super::compare::{Comparison, DatabasePrice, Limits};
use crate::{Verdict, format, weights::raw::Machine};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::{collections::BTreeMap, path::PathBuf};

/// A request to check the weights of a runtime.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// The name of the runtime.
    pub runtime: String,
    /// The directory of its manifest.
    pub directory: PathBuf,
    /// The price of database accesses, to compute the time of a weight.
    #[serde(default)]
    pub price: DatabasePrice,
    /// The limits of a block, which a weight at its greatest components must not exceed.
    #[serde(default)]
    pub limits: Limits,
    /// The percentage by which a weight may differ from that of `base` if its pallet is unchanged.
    pub jump: f64,
    /// The runtime's directory in the base revision.
    #[serde(default)]
    pub base: Option<PathBuf>,
    /// The lock file of the current revision.
    #[serde(default)]
    pub lock: Option<PathBuf>,
    /// The lock file of the base revision.
    #[serde(default)]
    pub base_lock: Option<PathBuf>,
    /// The allowed failures, by `pallet` or `pallet::extrinsic`, with the reason.
    #[serde(default)]
    pub allow: BTreeMap<String, String>,
    /// The age of the weight files compared with the measured code.
    #[serde(default)]
    pub age: Age,
}

/// The age of weight files compared with the measured code, from version control. The caller
/// provides it: the worker runs no tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Age {
    /// The weight files that are older than the code.
    pub stale: Vec<Stale>,
    /// Why the age of files is unknown.
    pub not_checked: Vec<String>,
}

/// A weight file that is older than the measured code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stale {
    /// The pallet, as in the source: `pallet_balances`.
    pub pallet: String,
    /// Relative to the runtime's directory.
    pub file: String,
    /// The commit of the measurement, and what changed afterwards, in words.
    pub detail: String,
}

/// A pallet and its weight file in the runtime.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Measured {
    /// The pallet, as in the source: `pallet_balances`.
    pub pallet: String,
    /// Relative to the runtime's directory.
    pub file: String,
}

/// The report of `weights check` for several runtimes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checks {
    /// The format of the document: `cutover/weights-checks/v1`.
    #[schemars(schema_with = "format::weights_checks")]
    pub format: String,
    /// The reports of the selected runtimes.
    pub runtimes: Vec<Report>,
    /// The combined verdict. It fails if one of the reports does.
    pub verdict: Verdict,
}

/// The report of one runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The format of the document: `cutover/weights/v1`.
    #[schemars(schema_with = "format::weights")]
    pub format: String,
    /// The runtime's name in the workspace.
    pub runtime: String,
    /// The number of pallets that the runtime configures.
    pub pallets: usize,
    /// The weights that the runtime's source sets for its pallets.
    pub wires: Vec<Wire>,
    /// The number of weight files of the runtime.
    pub files: usize,
    /// The number of extrinsics in the files.
    pub extrinsics: usize,
    /// The findings of all rules: failures first, then warnings and allowed failures.
    pub findings: Vec<Finding>,
    /// The rules that could not be checked, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<String>,
    /// The verdict. It fails if one of the findings is a failure.
    pub verdict: Verdict,
}

/// The result of the step `weights` of an upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    /// The check of the weights in the source.
    #[serde(flatten)]
    pub check: Report,
    /// The comparison with the previous release. Null if there is none.
    pub comparison: Option<AgainstRelease>,
    /// The benchmarks that were run for this upgrade. Absent if none were run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmarked: Option<Benchmarked>,
}

/// The comparison of the previous release's weights with those of the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AgainstRelease {
    /// The reason why the weights were not compared.
    Skipped {
        /// The reason as a phrase: `v1.0.0 has no weight files in src/weights`.
        skipped: String,
    },
    /// The comparison, without unchanged extrinsics.
    Compared(Box<Comparison>),
}

/// Benchmarks that were run for an upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmarked {
    /// The machine of the benchmarks, with its measured speeds.
    pub machine: Machine,
    /// The measured pallets, in the order of the runtime.
    pub pallets: Vec<BenchmarkedPallet>,
}

/// A measured pallet, with the digest of its raw results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BenchmarkedPallet {
    /// The pallet's name in benchmarks: `pallet_balances`.
    pub pallet: String,
    /// The instance's name in the runtime: `Balances`.
    pub instance: String,
    /// The BLAKE2-256 hash of the file of raw results, `0x` and hex.
    pub raw_results: String,
}

/// An associated type of a pallet's configuration that sets its weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wire {
    /// The crate of the pallet, as in the source: `pallet_balances`.
    pub pallet: String,
    /// The associated type: `WeightInfo`, `SystemWeightInfo`.
    pub associated_type: String,
    /// The type that it is set to, as in the source but without spaces.
    pub weights: String,
    /// Where the weights come from, by the path of the type.
    pub kind: WireKind,
    /// The source file, relative to the runtime's directory.
    pub file: String,
    /// The line of the associated type, starting from 1.
    pub line: usize,
}

/// The origin of a pallet's weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireKind {
    /// A weight file of this runtime, by its module.
    Own(String),
    /// `()`.
    Unit,
    /// The weights in the pallet's crate. They were measured for another runtime: for the SDK's
    /// pallets, for the SDK's own node.
    OfThePallet,
    /// Weights for tests, without a real measurement.
    ForTests,
    /// The weights of another crate.
    OfAnother,
}

/// A finding of a rule about a weight or a weight file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule that was violated.
    pub rule: Rule,
    /// Whether the finding makes the report fail.
    pub severity: Severity,
    /// The pallet. Null if the finding is not about a pallet.
    pub pallet: Option<String>,
    /// The extrinsic. Null if the finding is not about a single extrinsic.
    pub extrinsic: Option<String>,
    /// The file, relative to the runtime's directory. Null if the finding is not about a file.
    pub file: Option<String>,
    /// The line, starting from 1. Null if the finding is not about a line.
    pub line: Option<usize>,
    /// The finding in words. For an allowed failure it ends with the reason.
    pub detail: String,
}

/// Writes the rule, the subject with its place in the source, and the detail in one line:
/// `zero-proof  pallet_x::f (src/weights/pallet_x.rs:8): reads A, and …`
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject().is_empty() {
            true => write!(formatter, "{}: {}", self.rule.name(), self.detail),
            false => write!(formatter, "{}  {}", self.rule.name(), self.without_rule()),
        }
    }
}

impl Finding {
    /// Returns the finding in one line without its rule.
    pub fn without_rule(&self) -> String {
        match self.subject().as_str() {
            "" => self.detail.clone(),
            subject => format!("{subject}: {}", self.detail),
        }
    }

    /// Returns the pallet and extrinsic of the finding, and its place in the source.
    fn subject(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = self.file.as_ref().map(|file| format!(" ({file}{line})")).unwrap_or_default();
        let extrinsic = self.extrinsic.as_ref().map(|extrinsic| format!("::{extrinsic}")).unwrap_or_default();
        let pallet = self.pallet.as_deref().unwrap_or_default();
        format!("{pallet}{extrinsic}{place}").trim_start().to_owned()
    }
}

/// A rule of weights, see `docs/weights.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A pallet has `()` as weights.
    UnitWeights,
    /// A pallet has weights for tests.
    TestWeights,
    /// A pallet has weights that were measured for another runtime.
    ForeignWeights,
    /// A pallet's weight module is missing.
    MissingFile,
    /// A weight file is unused.
    UnusedFile,
    /// The runtime has no weight files of its own.
    NoWeightFiles,
    /// The extrinsic reads storage, but its proof size is zero.
    ZeroProof,
    /// The comments list storage reads, but the code charges none.
    NoReads,
    /// The comments list storage writes, but the code charges none.
    NoWrites,
    /// The code charges another proof size than the comment `Estimated` says.
    ProofDiffers,
    /// The weight at the greatest components exceeds the limits of a block.
    TooHeavy,
    /// The weight is the maximum: the extrinsic is disabled, or measured as impossible.
    NeverFits,
    /// A weight function is not a supported sum.
    Unreadable,
    /// The file was measured on another machine than most files.
    OtherMachine,
    /// The file was measured with other settings than most files.
    OtherSettings,
    /// A weight differs by more than the limit from that of the base revision, although the pallet
    /// is unchanged.
    Jump,
    /// The code changed after it was measured.
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

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The report fails.
    Failure,
    /// A person should look at it. The report does not fail.
    Warning,
    /// A failure that the workspace's configuration allows, with its reason.
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
    fn a_step_has_a_comparison_or_the_reason_for_none() {
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
