// SPDX-License-Identifier: Apache-2.0
//! The statistics in the comments of files of constants. The percentiles are computed as in
//! `frame-benchmarking-cli` 64.0.0 (`src/shared/stats.rs`): the value at the rank, without
//! interpolation.

use crate::analysis::median;

/// The statistics of a series of times, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// The minimum.
    pub min: u64,
    /// The maximum.
    pub max: u64,
    /// The mean, rounded down.
    pub average: u64,
    /// The median.
    pub median: u64,
    /// The standard deviation.
    pub deviation: f64,
    /// The 99th percentile.
    pub p99: u64,
    /// The 95th percentile.
    pub p95: u64,
    /// The 75th percentile.
    pub p75: u64,
    /// Half of the 95 % confidence interval of the median.
    pub half_width: f64,
}

/// Computes the statistics of times. All values are zero if there are no times.
pub fn stats(times: &[u64]) -> Stats {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else { return Stats::default() };
    let count = sorted.len() as f64;
    let average = sorted.iter().map(|time| *time as f64).sum::<f64>() / count;
    let variance = sorted.iter().map(|time| (*time as f64 - average).powi(2)).sum::<f64>() / count;
    let percentile = |share: f64| {
        let rank = (count * share).ceil() as usize;
        sorted[rank.saturating_sub(1).min(sorted.len() - 1)]
    };
    Stats {
        min: *min,
        max: *max,
        average: average as u64,
        median: percentile(0.5),
        deviation: variance.sqrt(),
        p99: percentile(0.99),
        p95: percentile(0.95),
        p75: percentile(0.75),
        half_width: median(sorted.clone()).half_width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_numbers_have_known_percentiles() {
        let backwards: Vec<u64> = (1..=100).rev().collect();
        let found = stats(&backwards);
        assert_eq!((found.min, found.max, found.average, found.median), (1, 100, 50, 50));
        assert_eq!((found.p99, found.p95, found.p75), (99, 95, 75));
        assert!((found.deviation - 28.866).abs() < 0.001, "{}", found.deviation);
        assert!(found.half_width > 8.0 && found.half_width < 12.0, "{}", found.half_width);
    }

    #[test]
    fn few_numbers_and_none_are_handled() {
        assert_eq!(stats(&[]), Stats::default());
        for count in 1..10 {
            let found = stats(&vec![7; count]);
            assert_eq!((found.min, found.median, found.p99, found.half_width), (7, 7, 7, 0.0));
        }
    }
}
