// SPDX-License-Identifier: Apache-2.0
//! Two sets of weights compared, extrinsic by extrinsic.

pub mod load;
mod method;

use crate::{
    formula::{Cost, DatabasePrice, Linear},
    parse::Extrinsic,
};
use load::{Weights, find};
pub use method::{Method, Point};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// What the normal extrinsics of a block may use together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A value before and after; None where there is no such extrinsic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pair {
    pub old: Option<u64>,
    pub new: Option<u64>,
    /// None where one of them is missing, and where it grew from nothing: that has no percentage.
    pub percent: Option<f64>,
}

impl Pair {
    fn new(old: Option<u64>, new: Option<u64>) -> Self {
        let percent = match (old, new) {
            (Some(old), Some(new)) if old == new => Some(0.0),
            (Some(old), Some(new)) if old != 0 => Some((new as f64 - old as f64) * 100.0 / old as f64),
            _ => None,
        };
        Self { old, new, percent }
    }

    /// How much it grew; growth from nothing is more than any percentage.
    fn growth(&self) -> f64 {
        match (self.old, self.new) {
            (Some(0), Some(1..)) => f64::INFINITY,
            _ => self.percent.unwrap_or_default(),
        }
    }

    fn is_beyond(&self, threshold: f64) -> bool {
        self.growth().abs() > threshold
    }
}

/// Picoseconds of time with the database's part, and bytes of proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Both {
    pub ref_time: Pair,
    pub proof_size: Pair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    New,
    Removed,
    Changed,
    Unchanged,
    /// One of the two is no sum that can be read, or the method does not apply.
    Incomparable,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub changed: usize,
    pub unchanged: usize,
    pub new: usize,
    pub removed: usize,
    pub incomparable: usize,
    pub beyond_threshold: usize,
    pub no_longer_fits: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    pub version: u32,
    pub old: String,
    pub new: String,
    #[serde(flatten)]
    pub options: Options,
    pub extrinsics: Vec<Compared>,
    pub summary: Summary,
    pub verdict: &'static str,
}

impl Comparison {
    pub fn passed(&self) -> bool {
        self.verdict == "passed"
    }
}

/// Compares all that is in either. `names` are what the two sides are called.
pub fn compare(names: (&str, &str), mut old: Weights, mut new: Weights, options: &Options) -> Comparison {
    // Two single files are meant for each other, whatever they are called.
    if old.len() == 1 && new.len() == 1 && old.keys().ne(new.keys()) {
        let pallet = new.keys().next().cloned().unwrap_or_default();
        old = old.into_values().map(|file| (pallet.clone(), file)).collect();
        new = new.into_values().map(|file| (pallet.clone(), file)).collect();
    }
    let mut extrinsics = Vec::new();
    let pallets: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for pallet in pallets {
        let sides = (old.get(pallet), new.get(pallet));
        let of = [sides.0, sides.1].into_iter().flatten().flat_map(|file| file.extrinsics());
        let all: BTreeSet<&str> = of.map(|extrinsic| extrinsic.name.as_str()).collect();
        for name in all {
            extrinsics.push(one(pallet, name, find(sides.0, name), find(sides.1, name), options));
        }
    }
    let summary = summary(&extrinsics);
    let good = summary.beyond_threshold == 0 && summary.no_longer_fits == 0;
    Comparison {
        version: 1,
        old: names.0.into(),
        new: names.1.into(),
        options: options.clone(),
        extrinsics,
        summary,
        verdict: if good { "passed" } else { "failed" },
    }
}

fn summary(extrinsics: &[Compared]) -> Summary {
    let mut summary = Summary::default();
    for compared in extrinsics {
        *match compared.change {
            Change::New => &mut summary.new,
            Change::Removed => &mut summary.removed,
            Change::Changed => &mut summary.changed,
            Change::Unchanged => &mut summary.unchanged,
            Change::Incomparable => &mut summary.incomparable,
        } += 1;
        summary.beyond_threshold += usize::from(compared.beyond_threshold);
        summary.no_longer_fits += usize::from(!compared.no_longer_fits.is_empty());
    }
    summary
}

/// The two dimensions of a cost, reads and writes priced.
#[derive(Clone)]
struct Priced {
    time: Linear,
    proof: Linear,
}

fn one(pallet: &str, name: &str, old: Option<&Extrinsic>, new: Option<&Extrinsic>, options: &Options) -> Compared {
    let cost = |side: Option<&Extrinsic>| side.and_then(|one| one.cost.as_ref().ok()).cloned();
    let costs = (cost(old), cost(new));
    let priced = |cost: &Cost| Priced { time: cost.ref_time(options.price), proof: cost.proof.clone() };
    let sides = (costs.0.as_ref().map(priced), costs.1.as_ref().map(priced));
    let both = |value: &dyn Fn(&Linear) -> u64| Both {
        ref_time: Pair::new(
            sides.0.as_ref().map(|side| value(&side.time)),
            sides.1.as_ref().map(|side| value(&side.time)),
        ),
        proof_size: Pair::new(
            sides.0.as_ref().map(|side| value(&side.proof)),
            sides.1.as_ref().map(|side| value(&side.proof)),
        ),
    };
    let at = |point: &Point| both(&|part: &Linear| part.at(point));
    // Guessing never fails but for too many components; those are then all at zero.
    let greatest =
        Method::Asymptotic.points(old, new).ok().and_then(|points| points.into_iter().next()).unwrap_or_default();
    let unreadable = [("old", old), ("new", new)].into_iter().find_map(|(side, extrinsic)| {
        let problem = extrinsic?.cost.as_ref().err()?;
        Some(format!(
            "the {side} one cannot be read: line {}, column {}: {}",
            problem.line, problem.column, problem.reason
        ))
    });
    let points = options.method.points(old, new);
    let problem = unreadable.or_else(|| points.as_ref().err().cloned());
    let by_method = match (&problem, &points) {
        (None, Ok(points)) => Both {
            ref_time: worst(points.iter().map(|point| at(point).ref_time)),
            proof_size: worst(points.iter().map(|point| at(point).proof_size)),
        },
        _ => Both::default(),
    };
    let change = match (old, new) {
        _ if problem.is_some() => Change::Incomparable,
        (None, _) => Change::New,
        (_, None) => Change::Removed,
        _ if costs.0 == costs.1 => Change::Unchanged,
        _ => Change::Changed,
    };
    let components: BTreeSet<&String> = [&sides.0, &sides.1]
        .into_iter()
        .flatten()
        .flat_map(|side| side.time.slopes.keys().chain(side.proof.slopes.keys()))
        .collect();
    let slope = |name: &String| both(&|part: &Linear| part.slopes.get(name).copied().unwrap_or_default());
    let greatest_cost = at(&greatest);
    let count = |part: fn(&Cost) -> &Linear| {
        Pair::new(
            costs.0.as_ref().map(|cost| part(cost).at(&greatest)),
            costs.1.as_ref().map(|cost| part(cost).at(&greatest)),
        )
    };
    let limits = [
        ("ref_time", greatest_cost.ref_time, options.limits.ref_time),
        ("proof_size", greatest_cost.proof_size, options.limits.proof_size),
    ];
    let fitted = |(_, pair, limit): &&(&str, Pair, u64)| pair.old.is_none_or(|old| old <= *limit);
    let no_longer = limits.iter().filter(fitted).filter(|(_, pair, limit)| pair.new.is_some_and(|new| new > *limit));
    Compared {
        pallet: pallet.into(),
        extrinsic: name.into(),
        change,
        beyond_threshold: change == Change::Changed
            && (by_method.ref_time.is_beyond(options.threshold) || by_method.proof_size.is_beyond(options.threshold)),
        by_method,
        base: both(&|part: &Linear| part.base),
        slopes: components.into_iter().map(|name| (name.clone(), slope(name))).collect(),
        greatest: greatest_cost,
        reads: count(|cost| &cost.reads),
        writes: count(|cost| &cost.writes),
        no_longer_fits: no_longer.map(|(name, ..)| (*name).to_owned()).collect(),
        problem,
    }
}

/// Where it grew most; among equal growth where it is most.
fn worst(pairs: impl Iterator<Item = Pair>) -> Pair {
    let order = |pair: &Pair| (pair.growth(), pair.new.or(pair.old).unwrap_or_default());
    pairs
        .max_by(|left, right| {
            let (left, right) = (order(left), order(right));
            left.0.total_cmp(&right.0).then(left.1.cmp(&right.1))
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
