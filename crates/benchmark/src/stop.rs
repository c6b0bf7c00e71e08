// SPDX-License-Identifier: Apache-2.0
//! When a benchmark has been repeated enough.

use std::collections::BTreeMap;
use weights::raw::Repetition;

/// Two-sided 95 % of the normal distribution; with the ten samples and more there are, close enough to Student's.
const NINETY_FIVE_PERCENT: f64 = 1.96;
const FEWEST: usize = 10;

/// Whether the worst case is known well enough: the confidence interval of the mean time at the point that takes
/// longest is, on each side, at most this share of it. That point is what weights are charged by, and its neighbours
/// were repeated as often.
pub fn tight(time: &[Repetition], tolerance: f64) -> bool {
    let mut points: BTreeMap<Vec<u32>, Vec<f64>> = BTreeMap::new();
    for repetition in time {
        let point = repetition.components.values().copied().collect();
        points.entry(point).or_default().push(repetition.extrinsic_time as f64);
    }
    let worst = points.into_values().map(without_outliers).max_by(|a, b| mean(a).total_cmp(&mean(b)));
    worst.is_some_and(|samples| samples.len() >= FEWEST && half_width(&samples) <= tolerance * mean(&samples))
}

/// What lies further from the middle half than its width and a half is an interruption, not the benchmark (Tukey).
/// `frame_benchmarking::Analysis::min_squares_iqr` leaves out what it leaves out by the same rule.
fn without_outliers(mut samples: Vec<f64>) -> Vec<f64> {
    samples.sort_by(f64::total_cmp);
    if samples.len() < 4 {
        return samples;
    }
    let (low, high) = (samples[samples.len() / 4], samples[samples.len() * 3 / 4]);
    let room = 1.5 * (high - low);
    samples.retain(|sample| (low - room..=high + room).contains(sample));
    samples
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len().max(1) as f64
}

fn half_width(samples: &[f64]) -> f64 {
    let count = samples.len() as f64;
    let middle = mean(samples);
    let variance = samples.iter().map(|sample| (sample - middle).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    NINETY_FIVE_PERCENT * (variance / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(n: u32, times: &[u64]) -> Vec<Repetition> {
        let one = |time: &u64| Repetition {
            components: BTreeMap::from([("n".to_string(), n)]),
            extrinsic_time: *time,
            ..Repetition::default()
        };
        times.iter().map(one).collect()
    }

    #[test]
    fn what_is_the_same_each_time_is_known() {
        assert!(tight(&samples(1, &[1000; 10]), 0.01));
        assert!(!tight(&samples(1, &[1000; 9]), 0.01));
        assert!(!tight(&[], 0.01));
    }

    #[test]
    fn noise_at_the_worst_point_counts_and_elsewhere_does_not() {
        let noisy: Vec<u64> = (0..20).map(|index| 1000 + 100 * (index % 5)).collect();
        let quiet = [5000; 20];
        assert!(tight(&[samples(9, &quiet), samples(1, &noisy)].concat(), 0.02));
        let loud: Vec<u64> = noisy.iter().map(|time| time * 10).collect();
        assert!(!tight(&[samples(9, &loud), samples(1, &quiet)].concat(), 0.02));
        assert!(tight(&[samples(9, &loud), samples(1, &quiet)].concat(), 0.2));
    }

    #[test]
    fn one_interruption_does_not_keep_it_going() {
        let mut times = [1000; 20];
        times[7] = 90_000;
        assert!(tight(&samples(1, &times), 0.01));
    }
}
