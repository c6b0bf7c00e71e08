// SPDX-License-Identifier: Apache-2.0
//! The comparison of two sets of weights, extrinsic by extrinsic.

use crate::{Verdict, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The options of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The values of the components at which weights are compared.
    pub method: Method,
    /// The price of database accesses, to compute the time of a weight.
    pub price: DatabasePrice,
    /// The threshold in percent. The verdict is `fail` if a weight changes by more, up or down.
    pub threshold: f64,
    /// The limits that a weight must not newly exceed.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { method: Method::default(), price: DatabasePrice::default(), threshold: 5.0, limits: Limits::default() }
    }
}

/// The values of the components at which an extrinsic is compared. The names are those of
/// subweight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Every component at its least value, or at zero if it has no range.
    Base,
    /// The combination of least and greatest values with the largest increase. Both files must have
    /// the same ranges.
    ExactWorst,
    /// Like `exact-worst`. Ranges that differ are joined, and a missing range counts as 0 to 100.
    #[default]
    GuessWorst,
    /// Every component at its greatest value, with the ranges of `exact-worst`.
    ExactAsymptotic,
    /// Every component at its greatest value, with the ranges of `guess-worst`.
    Asymptotic,
}

impl Method {
    /// Returns the name in documents and on the command line: `guess-worst`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::ExactWorst => "exact-worst",
            Self::GuessWorst => "guess-worst",
            Self::ExactAsymptotic => "exact-asymptotic",
            Self::Asymptotic => "asymptotic",
        }
    }
}

/// The cost of a database read and write, in picoseconds: the runtime's `DbWeight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatabasePrice {
    /// The cost of one read, in picoseconds.
    pub read: u64,
    /// The cost of one write, in picoseconds.
    pub write: u64,
}

impl Default for DatabasePrice {
    /// `frame_support::weights::constants::RocksDbWeight`: 25 µs and 100 µs.
    fn default() -> Self {
        Self { read: 25_000_000, write: 100_000_000 }
    }
}

/// The weight limits for all normal extrinsics of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// The computation time, in picoseconds.
    pub ref_time: u64,
    /// The size of the storage proof, in bytes.
    pub proof_size: u64,
}

impl Default for Limits {
    /// Three quarters of the limits of a parachain's block, which are 2 s and 10 MiB.
    fn default() -> Self {
        Self { ref_time: 1_500_000_000_000, proof_size: 7_864_320 }
    }
}

/// The comparison of two sets of weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The format of the document: `cutover/weights-comparison/v1`.
    #[schemars(schema_with = "format::weights_comparison")]
    pub format: String,
    /// The name of the old side.
    pub old: String,
    /// The name of the new side.
    pub new: String,
    /// The options that the comparison used.
    #[serde(flatten)]
    pub options: Options,
    /// The extrinsics of both sides, by pallet and name.
    pub extrinsics: Vec<Compared>,
    /// The numbers of extrinsics. Unchanged ones are counted, even if they are not listed.
    pub summary: Summary,
    /// The verdict. It fails if a weight is beyond the threshold or no longer fits into a block. Else
    /// it is not judged if a weight is incomparable, or if no weight is on both sides.
    pub verdict: Verdict,
}

/// One extrinsic, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The name by which files are matched: the file's name without its ending, or the pallet if
    /// the file has a generic name such as `weights.rs`.
    pub pallet: String,
    /// The name of the weight function.
    pub extrinsic: String,
    /// Whether the weight is new, removed, changed, unchanged or incomparable.
    pub change: Change,
    /// The weight by the chosen method.
    #[serde(flatten)]
    pub by_method: Both,
    /// The weight with every component at zero.
    pub base: Both,
    /// The additional weight for each unit of a component.
    pub slopes: BTreeMap<String, Both>,
    /// The weight with every component at its greatest value. If a component has no range, its
    /// greatest value is assumed.
    pub greatest: Both,
    /// The database reads with every component at its greatest value.
    pub reads: Pair,
    /// The database writes with every component at its greatest value.
    pub writes: Pair,
    /// Whether a changed weight by the chosen method grew or shrank by more than the threshold, in
    /// time or proof size.
    pub beyond_threshold: bool,
    /// The parts of the greatest weight that exceed the limits, unless the old weight already did.
    pub no_longer_fits: Vec<String>,
    /// Why the weights are incomparable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The change of an extrinsic's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the new side has the extrinsic.
    New,
    /// Only the old side has the extrinsic.
    Removed,
    /// The formulas of the two weights differ.
    Changed,
    /// The formulas of the two weights are equal.
    Unchanged,
    /// One of the weights is not a supported sum, or the method does not apply.
    Incomparable,
}

impl Change {
    /// Returns the name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Incomparable => "incomparable",
        }
    }
}

/// The time in picoseconds, with database accesses, and the size of the proof in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Both {
    /// The computation time, in picoseconds.
    pub ref_time: Pair,
    /// The size of the storage proof, in bytes.
    pub proof_size: Pair,
}

/// A value before and after. Null if there is no such extrinsic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The value of the old side.
    pub old: Option<u64>,
    /// The value of the new side.
    pub new: Option<u64>,
    /// The change in percent. Null if a value is missing, or if it grew from zero.
    pub percent: Option<f64>,
}

impl Pair {
    /// Returns a pair with its percentage.
    pub fn new(old: Option<u64>, new: Option<u64>) -> Self {
        let percent = match (old, new) {
            (Some(old), Some(new)) if old == new => Some(0.0),
            (Some(old), Some(new)) if old != 0 => Some((new as f64 - old as f64) * 100.0 / old as f64),
            _ => None,
        };
        Self { old, new, percent }
    }

    /// Returns the growth in percent. Growth from zero is infinite.
    pub fn growth(&self) -> f64 {
        match (self.old, self.new) {
            (Some(0), Some(1..)) => f64::INFINITY,
            _ => self.percent.unwrap_or_default(),
        }
    }
}

/// The numbers of extrinsics of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The extrinsics whose weights differ.
    pub changed: usize,
    /// The extrinsics whose weights are equal.
    pub unchanged: usize,
    /// The extrinsics that only the new side has.
    pub new: usize,
    /// The extrinsics that only the old side has.
    pub removed: usize,
    /// The extrinsics whose weights could not be compared.
    pub incomparable: usize,
    /// The extrinsics that changed by more than the threshold.
    pub beyond_threshold: usize,
    /// The extrinsics that no longer fit into the limits of a block.
    pub no_longer_fits: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_documents() {
        use {Change::*, Method::*};
        for method in [Base, ExactWorst, GuessWorst, ExactAsymptotic, Asymptotic] {
            assert_eq!(serde_json::json!(method), method.name());
        }
        for change in [New, Removed, Changed, Unchanged, Incomparable] {
            assert_eq!(serde_json::json!(change), change.name());
        }
    }

    #[test]
    fn growth_from_zero_is_infinite_and_has_no_percentage() {
        assert_eq!(Pair::new(Some(4), Some(3)).percent, Some(-25.0));
        assert_eq!(Pair::new(Some(0), Some(0)).percent, Some(0.0));
        let grown = Pair::new(Some(0), Some(1));
        assert_eq!((grown.percent, grown.growth()), (None, f64::INFINITY));
        assert_eq!(Pair::new(None, Some(1)).growth(), 0.0);
    }
}
