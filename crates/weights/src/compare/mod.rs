// SPDX-License-Identifier: Apache-2.0
//! Compares two sets of weights, extrinsic by extrinsic.

pub mod load;
mod method;

use crate::{
    formula::{Cost, Linear},
    parse::Extrinsic,
};
use load::{Weights, find_extrinsic};
use method::{Point, points};
use protocol::{
    Verdict,
    format::WEIGHTS_COMPARISON,
    weights::compare::{Both, Change, Compared, Comparison, Method, Options, Pair, Summary},
};
use std::collections::BTreeSet;

/// Compares all weights of both sides. `names` are the names of the two sides in the result.
pub fn compare(names: (&str, &str), mut old: Weights, mut new: Weights, options: &Options) -> Comparison {
    // Two single files are compared with each other, even if their names differ.
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
            extrinsics.push(compare_extrinsic(
                pallet,
                name,
                find_extrinsic(sides.0, name),
                find_extrinsic(sides.1, name),
                options,
            ));
        }
    }
    let summary = summary(&extrinsics);
    let verdict = verdict(&summary);
    Comparison {
        format: WEIGHTS_COMPARISON.into(),
        old: names.0.into(),
        new: names.1.into(),
        options: options.clone(),
        extrinsics,
        summary,
        verdict,
    }
}

/// Returns the verdict: a weight that cannot be compared is not judged, and neither are two sides
/// without a weight in common.
fn verdict(summary: &Summary) -> Verdict {
    let compared = summary.changed + summary.unchanged;
    match (summary.beyond_threshold + summary.no_longer_fits, summary.incomparable) {
        (0, 0) if compared > 0 => Verdict::Pass,
        (0, _) => Verdict::NotJudged,
        _ => Verdict::Fail,
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

/// The two dimensions of a weight. The time includes reads and writes at the price of the database.
#[derive(Clone)]
struct PricedWeight {
    /// Picoseconds.
    time: Linear,
    /// Bytes.
    proof: Linear,
}

fn compare_extrinsic(
    pallet: &str,
    name: &str,
    old: Option<&Extrinsic>,
    new: Option<&Extrinsic>,
    options: &Options,
) -> Compared {
    let cost = |side: Option<&Extrinsic>| side.and_then(|one| one.cost.as_ref().ok()).cloned();
    let costs = (cost(old), cost(new));
    let priced = |cost: &Cost| PricedWeight { time: cost.ref_time(options.price), proof: cost.proof.clone() };
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
    // Guessing fails only if there are too many components. All of them are at zero then.
    let greatest =
        points(Method::Asymptotic, old, new).ok().and_then(|points| points.into_iter().next()).unwrap_or_default();
    let unreadable = [("old", old), ("new", new)].into_iter().find_map(|(side, extrinsic)| {
        let problem = extrinsic?.cost.as_ref().err()?;
        Some(format!(
            "the {side} weight cannot be read: line {}, column {}: {}",
            problem.line, problem.column, problem.reason
        ))
    });
    let compared_at = points(options.method, old, new);
    let problem = unreadable.or_else(|| compared_at.as_ref().err().cloned());
    let by_method = match (&problem, &compared_at) {
        (None, Ok(points)) => Both {
            ref_time: worst_pair(points.iter().map(|point| at(point).ref_time)),
            proof_size: worst_pair(points.iter().map(|point| at(point).proof_size)),
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
    let is_beyond = |pair: Pair| pair.growth().abs() > options.threshold;
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
            && (is_beyond(by_method.ref_time) || is_beyond(by_method.proof_size)),
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

/// Returns the pair with the largest growth, and among those the one with the largest value.
fn worst_pair(pairs: impl Iterator<Item = Pair>) -> Pair {
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
