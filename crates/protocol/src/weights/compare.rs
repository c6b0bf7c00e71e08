// SPDX-License-Identifier: Apache-2.0
//! Two sets of weights compared, extrinsic by extrinsic.

use crate::{Verdict, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How weights are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    pub method: Method,
    pub price: DatabasePrice,
    /// Percent: a change of more than this, up or down, is a negative verdict.
    pub threshold: f64,
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { method: Method::default(), price: DatabasePrice::default(), threshold: 5.0, limits: Limits::default() }
    }
}

/// At which values of its components an extrinsic is compared. The names are those of subweight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Every component at its least value; zero where no range is given.
    Base,
    /// Wherever the increase is largest among all components at their least and greatest values. Both files have to
    /// give the same ranges.
    ExactWorst,
    /// The same, but where ranges differ the wider one is taken, and 0 to 100 where none is given.
    #[default]
    GuessWorst,
    /// Every component at its greatest value, ranges as for `exact-worst`.
    ExactAsymptotic,
    /// The same, ranges as for `guess-worst`.
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

/// What a read and a write cost, in picoseconds: the runtime's `DbWeight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatabasePrice {
    pub read: u64,
    pub write: u64,
}

impl Default for DatabasePrice {
    /// `frame_support::weights::constants::RocksDbWeight`: 25 µs and 100 µs.
    fn default() -> Self {
        Self { read: 25_000_000, write: 100_000_000 }
    }
}

/// What the normal extrinsics of a block may use together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Picoseconds.
    pub ref_time: u64,
    /// Bytes.
    pub proof_size: u64,
}

impl Default for Limits {
    /// Three quarters of the 2 s and of the 10 MiB that a parachain's block has.
    fn default() -> Self {
        Self { ref_time: 1_500_000_000_000, proof_size: 7_864_320 }
    }
}

/// Two sets of weights, all that is in either.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    #[schemars(schema_with = "format::weights_comparison")]
    pub format: String,
    /// What the two sides are called.
    pub old: String,
    pub new: String,
    #[serde(flatten)]
    pub options: Options,
    pub extrinsics: Vec<Compared>,
    pub summary: Summary,
    /// It failed where a weight is beyond the threshold or no longer fits in a block.
    pub verdict: Verdict,
}

/// One extrinsic, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    pub pallet: String,
    pub extrinsic: String,
    pub change: Change,
    /// By the method asked for.
    #[serde(flatten)]
    pub by_method: Both,
    /// With every component at zero.
    pub base: Both,
    /// A unit more of each component.
    pub slopes: BTreeMap<String, Both>,
    /// With every component at its greatest value, guessed where no range is given.
    pub greatest: Both,
    /// Database accesses with every component at its greatest value.
    pub reads: Pair,
    pub writes: Pair,
    pub beyond_threshold: bool,
    /// What of the greatest weight exceeds a block, where the old one fitted.
    pub no_longer_fits: Vec<String>,
    /// Why it is incomparable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What became of an extrinsic's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    New,
    Removed,
    Changed,
    Unchanged,
    /// One of the two is no sum that can be read, or the method does not apply.
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

/// Picoseconds of time with the database's part, and bytes of proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Both {
    pub ref_time: Pair,
    pub proof_size: Pair,
}

/// A value before and after; null where there is no such extrinsic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    pub old: Option<u64>,
    pub new: Option<u64>,
    /// Null where one of them is missing, and where it grew from nothing: that has no percentage.
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

    /// Returns by how many percent it grew. Growth from nothing is more than any percentage.
    pub fn growth(&self) -> f64 {
        match (self.old, self.new) {
            (Some(0), Some(1..)) => f64::INFINITY,
            _ => self.percent.unwrap_or_default(),
        }
    }
}

/// How many extrinsics there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub changed: usize,
    pub unchanged: usize,
    pub new: usize,
    pub removed: usize,
    pub incomparable: usize,
    pub beyond_threshold: usize,
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
    fn growth_from_nothing_has_no_percentage_and_is_the_largest() {
        assert_eq!(Pair::new(Some(4), Some(3)).percent, Some(-25.0));
        assert_eq!(Pair::new(Some(0), Some(0)).percent, Some(0.0));
        let grown = Pair::new(Some(0), Some(1));
        assert_eq!((grown.percent, grown.growth()), (None, f64::INFINITY));
        assert_eq!(Pair::new(None, Some(1)).growth(), 0.0);
    }
}
