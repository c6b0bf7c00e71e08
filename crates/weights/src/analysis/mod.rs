// SPDX-License-Identifier: Apache-2.0
//! Analyses raw results: fits base and slopes of time, reads, writes and proof size, each with its
//! confidence interval.
//!
//! The rules are those of `frame-benchmarking` 50.0.0 (`analysis.rs`) and `frame-benchmarking-cli`
//! 64.0.0 (`pallet/writer.rs`), so that the same measurements give the same weights. Time, reads,
//! writes and the estimated proof size are fitted by least squares, without the lowest and the
//! highest quarter of the repetitions of each value. The recorded proof size is fitted by median
//! slopes.

pub mod least_squares;
mod proof;

use least_squares::{fit, student_95};
use protocol::weights::raw::{Benchmark, RawResults, Repetition};
use std::collections::BTreeMap;
use worker::{Failure, Result};

pub use proof::{StorageAccess, estimate_proof};

/// A fitted value, in the unit of the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The value itself.
    pub value: f64,
    /// Half of the 95 % confidence interval.
    pub half_width: f64,
    /// The standard error.
    pub standard_error: f64,
}

/// A line fitted to samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fit {
    /// The value with every component at zero.
    pub base: Estimate,
    /// The slopes, in the order of the components.
    pub slopes: Vec<Estimate>,
    /// The smallest sample.
    pub minimum: u64,
}

/// The value of each component, and the measured value.
pub type Sample = (Vec<u32>, u64);

/// The analysis of one benchmark: everything that a weight function and its comments state. Time is
/// in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchmarkAnalysis {
    /// The benchmark's name, which is the name of its weight function.
    pub name: String,
    /// Name, minimum and maximum of each component.
    pub components: Vec<(String, u32, u32)>,
    /// The time in nanoseconds.
    pub time: Fit,
    /// The number of reads.
    pub reads: Fit,
    /// The number of writes.
    pub writes: Fit,
    /// The recorded proof size, in bytes.
    pub recorded_proof: Fit,
    /// The largest base and the largest slopes of any storage item, in bytes.
    pub estimated_proof: Fit,
    /// The accessed storage items, in the order of the comments.
    pub storage: Vec<StorageAccess>,
}

/// Analyses one benchmark of the raw results. Fails if a component was measured at one value only,
/// or if a proof size cannot be estimated in the mode that the benchmark gives.
pub fn analyse(results: &RawResults, benchmark: &Benchmark) -> Result<BenchmarkAnalysis> {
    let of = |failure: Failure| Failure {
        message: format!("{}::{}: {}", results.pallet, benchmark.extrinsic, failure.message),
        ..failure
    };
    let names: Vec<&str> = benchmark.components.iter().map(|component| component.name.as_str()).collect();
    let samples = |repetitions: &[Repetition], value: fn(&Repetition) -> u64| -> Vec<Sample> {
        repetitions.iter().map(|repetition| (values(repetition, &names), value(repetition))).collect()
    };
    let (estimated_proof, storage) = estimate_proof(results, benchmark, &names).map_err(of)?;
    Ok(BenchmarkAnalysis {
        name: benchmark.extrinsic.clone(),
        components: benchmark.components.iter().map(|one| (one.name.clone(), one.min, one.max)).collect(),
        time: least_squares_line(&samples(&benchmark.time, |one| one.extrinsic_time), &names).map_err(of)?,
        reads: least_squares_line(&samples(&benchmark.proof, |one| one.reads.into()), &names).map_err(of)?,
        writes: least_squares_line(&samples(&benchmark.proof, |one| one.writes.into()), &names).map_err(of)?,
        recorded_proof: median_slopes(&samples(&benchmark.proof, |one| one.proof_size.into()), &names).map_err(of)?,
        estimated_proof,
        storage,
    })
}

/// Returns the values of a repetition's components in the order of `names`.
pub fn values(repetition: &Repetition, names: &[&str]) -> Vec<u32> {
    names.iter().map(|name| repetition.components.get(*name).copied().unwrap_or_default()).collect()
}

/// Fits a line by least squares, without the lowest and the highest quarter of the repetitions of
/// each value.
pub fn least_squares_line(samples: &[Sample], names: &[&str]) -> Result<Fit> {
    let minimum =
        samples.iter().map(|(_, value)| *value).min().ok_or_else(|| Failure::input("there is no measurement"))?;
    if names.is_empty() {
        return Ok(constant(samples, minimum));
    }
    // Two samples determine a line without an error, so that least squares do not apply.
    if samples.len() <= 2 {
        return median_slopes(samples, names);
    }
    Ok(Regression::new(samples)?.fit(minimum))
}

/// A line fitted to the middle half of the repetitions of each value.
pub struct Regression {
    /// The fitted line.
    pub line: least_squares::Line,
    /// The factor from the standard errors of the trimmed samples to those of all samples: see
    /// [`Regression::new`].
    widening: f64,
}

impl Regression {
    /// Fits the line. Fails if the components do not vary independently of each other.
    pub fn new(samples: &[Sample]) -> Result<Self> {
        let groups = sorted_groups(samples);
        let mut rows = Vec::new();
        let mut ys = Vec::new();
        for (values, group) in &groups {
            let outer = group.len() / 4;
            for value in &group[outer..group.len() - outer] {
                rows.push(floats(values));
                ys.push(*value as f64);
            }
        }
        let none = || {
            Failure::input("no line fits the measurements").expected("components that vary independently of each other")
        };
        let mut line = fit(&rows, &ys, true).ok_or_else(none)?;
        // Weights are never negative. A line with a negative intercept is fitted through the
        // smallest measurement.
        if line.intercept.0 < -0.0001 {
            let least = ys.iter().copied().fold(f64::INFINITY, f64::min);
            ys.iter_mut().for_each(|y| *y -= least);
            let error = line.intercept.1;
            line = fit(&rows, &ys, false).ok_or_else(none)?;
            line.intercept = (least, error);
        }
        // The trimmed samples are noise too. The standard error of a trimmed mean by Tukey and
        // McLaughlin counts them at the edge of the kept samples, and divides by the kept share.
        let mut squares = 0.0;
        for (values, group) in &groups {
            let outer = group.len() / 4;
            let point = floats(values);
            let square = |value: u64| (value as f64 - line.value_at(&point)).powi(2);
            let kept = &group[outer..group.len() - outer];
            squares += kept.iter().map(|value| square(*value)).sum::<f64>();
            if let (Some(least), Some(greatest)) = (kept.first(), kept.last()) {
                squares += outer as f64 * (square(*least) + square(*greatest));
            }
        }
        let fitted = ys.len() - line.degrees_of_freedom;
        let spread = squares / samples.len().saturating_sub(fitted).max(1) as f64;
        let share = ys.len() as f64 / samples.len() as f64;
        let widening = if line.variance > 0.0 { (spread / line.variance).sqrt() / share.sqrt() } else { 1.0 };
        Ok(Self { line, widening })
    }

    /// Returns half of the 95 % confidence interval of a value with this standard error.
    pub fn half_width(&self, standard_error: f64) -> f64 {
        // Exact measurements have an interval of zero, even if there are few of them.
        if standard_error == 0.0 {
            0.0
        } else {
            standard_error * self.widening * student_95(self.line.degrees_of_freedom)
        }
    }

    fn fit(&self, minimum: u64) -> Fit {
        let estimate = |(value, standard_error): &(f64, f64)| Estimate {
            value: value.max(0.0),
            half_width: self.half_width(*standard_error),
            standard_error: *standard_error,
        };
        Fit { base: estimate(&self.line.intercept), slopes: self.line.slopes.iter().map(estimate).collect(), minimum }
    }
}

fn floats(values: &[u32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

fn sorted_groups(samples: &[Sample]) -> BTreeMap<&[u32], Vec<u64>> {
    let mut groups: BTreeMap<&[u32], Vec<u64>> = BTreeMap::new();
    for (values, value) in samples {
        groups.entry(values).or_default().push(*value);
    }
    groups.values_mut().for_each(|group| group.sort_unstable());
    groups
}

/// Returns the median with a confidence interval by ranks: for `n` values, the interval between the
/// ranks `0.98 · √n` below and above the middle contains the median of the distribution in 95 % of
/// all cases.
pub fn median(mut values: Vec<u64>) -> Estimate {
    values.sort_unstable();
    let count = values.len();
    let away = (0.98 * (count as f64).sqrt()).ceil() as usize;
    let middle = count / 2;
    let at = |place: usize| values.get(place.min(count.saturating_sub(1))).copied().unwrap_or_default() as f64;
    let half_width = (at(middle + away) - at(middle.saturating_sub(away))) / 2.0;
    Estimate { value: at(middle), half_width, standard_error: half_width / 1.96 }
}

/// Returns the fit of samples without components: the base is their median.
fn constant(samples: &[Sample], minimum: u64) -> Fit {
    Fit { base: median(samples.iter().map(|(_, value)| *value).collect()), slopes: Vec::new(), minimum }
}

/// The maximum number of samples that are compared in pairs. The number of pairs grows with its
/// square.
const PAIRED_LIMIT: usize = 2_000;

/// Fits the median slopes: for each component, the median of the slopes of all pairs of samples
/// that differ in this component alone, with the other components at their most frequent values.
pub fn median_slopes(samples: &[Sample], names: &[&str]) -> Result<Fit> {
    let minimum =
        samples.iter().map(|(_, value)| *value).min().ok_or_else(|| Failure::input("there is no measurement"))?;
    if names.is_empty() {
        return Ok(constant(samples, minimum));
    }
    let mut models = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let mut counted: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        for (values, _) in samples {
            let mut others = values.clone();
            others[at] = 0;
            *counted.entry(others).or_default() += 1;
        }
        let others = counted.into_iter().max_by_key(|(_, count)| *count).map(|(values, _)| values).unwrap_or_default();
        let matches =
            |values: &[u32]| values.iter().zip(&others).enumerate().all(|(place, (a, b))| place == at || a == b);
        let all: Vec<(f64, f64)> = samples
            .iter()
            .filter(|(values, _)| matches(values))
            .map(|(values, value)| (f64::from(values[at]), *value as f64))
            .collect();
        let every = all.len().div_ceil(PAIRED_LIMIT).max(1);
        let points: Vec<(f64, f64)> = all.into_iter().step_by(every).collect();
        let pairs = points
            .iter()
            .enumerate()
            .flat_map(|(place, one)| points[place + 1..].iter().map(move |other| (one, other)));
        let slopes =
            pairs.filter(|(one, other)| one.0 != other.0).map(|(one, other)| (one.1 - other.1) / (one.0 - other.0));
        let slope = middle_value(slopes.collect()).ok_or_else(|| {
            Failure::input(format!("component {name} was measured at one value only"))
                .expected("at least two values, to compute a slope")
        })?;
        let offset = middle_value(points.iter().map(|(x, y)| y - slope * x).collect()).unwrap_or_default();
        models.push((offset, slope, others));
    }
    let slopes: Vec<f64> = models.iter().map(|(_, slope, _)| *slope).collect();
    let (offset, _, others) = &models[0];
    let elsewhere: f64 = slopes.iter().zip(others).skip(1).map(|(slope, value)| slope * f64::from(*value)).sum();
    let estimate = |value: f64| Estimate { value: value.max(0.0), ..Estimate::default() };
    Ok(Fit { base: estimate(offset - elsewhere), slopes: slopes.into_iter().map(estimate).collect(), minimum })
}

/// Returns the median of floating-point values, without an interval.
fn middle_value(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Converts nanoseconds to picoseconds. The small addend corrects floating-point errors, so that
/// 2.999999999 becomes 3.
pub fn picoseconds(nanoseconds: f64) -> u64 {
    let value = nanoseconds + 0.000_000_005;
    (value.trunc() as u64).saturating_mul(1000).saturating_add((value.fract() * 1000.0) as u64)
}

/// Rounds a count or a number of bytes to the nearest integer.
pub fn rounded(value: f64) -> u64 {
    (value + 0.5) as u64
}

#[cfg(test)]
mod tests;
