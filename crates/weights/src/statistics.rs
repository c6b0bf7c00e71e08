// SPDX-License-Identifier: Apache-2.0
//! Decides whether a benchmark was repeated often enough.

use crate::analysis::{Regression, Sample, median, values};
use protocol::weights::raw::{ComponentRange, Repetition};

/// The precision of the measured time of the worst case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Nanoseconds with every component at its maximum.
    pub worst_case: f64,
    /// Half of the 95 % confidence interval, in nanoseconds.
    pub half_width: f64,
}

impl Precision {
    /// Returns the half-width relative to the worst case: 0.02 is two percent.
    pub fn relative(&self) -> f64 {
        if self.worst_case > 0.0 { self.half_width / self.worst_case } else { f64::INFINITY }
    }
}

/// The minimum number of repetitions from which the spread is estimated.
const MIN_REPETITIONS: usize = 8;

/// Returns the precision of the repetitions so far. `None` if there are too few of them, or if they
/// do not determine a line yet.
pub fn precision(repetitions: &[Repetition], components: &[ComponentRange]) -> Option<Precision> {
    if repetitions.len() < MIN_REPETITIONS {
        return None;
    }
    if components.is_empty() {
        let time = median(repetitions.iter().map(|one| one.extrinsic_time).collect());
        return Some(Precision { worst_case: time.value, half_width: time.half_width });
    }
    let names: Vec<&str> = components.iter().map(|component| component.name.as_str()).collect();
    let samples: Vec<Sample> = repetitions.iter().map(|one| (values(one, &names), one.extrinsic_time)).collect();
    let regression = Regression::new(&samples).ok()?;
    let worst: Vec<f64> = components.iter().map(|component| f64::from(component.max)).collect();
    let half_width = regression.half_width(regression.line.error_at(&worst));
    Some(Precision { worst_case: regression.line.value_at(&worst), half_width })
}

/// Returns whether no further repetition is needed: the half-width of the worst case's confidence
/// interval is at most `tolerance`, relative to the worst case (0.02 is two percent).
pub fn is_precise_enough(repetitions: &[Repetition], components: &[ComponentRange], tolerance: f64) -> bool {
    precision(repetitions, components).is_some_and(|precision| precision.relative() <= tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn repetition(n: Option<u32>, extrinsic_time: u64) -> Repetition {
        let components = n.map(|n| ("n".to_owned(), n)).into_iter().collect::<BTreeMap<_, _>>();
        Repetition { components, extrinsic_time, ..Repetition::default() }
    }

    /// Returns uniform noise from a fixed sequence.
    fn noise(at: u64) -> u64 {
        at.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407) >> 33
    }

    #[test]
    fn measurements_with_little_noise_are_precise_enough() {
        let range = [ComponentRange { name: "n".into(), min: 0, max: 10 }];
        let measured = |spread: u64, count: u64| -> Vec<Repetition> {
            (0..count)
                .map(|at| repetition(Some((at % 11) as u32), 10_000 + 100 * (at % 11) + noise(at) % spread))
                .collect()
        };
        assert!(is_precise_enough(&measured(20, 66), &range, 0.01));
        assert!(!is_precise_enough(&measured(9_000, 66), &range, 0.01));
        let few = precision(&measured(9_000, 66), &range).expect("known").half_width;
        let many = precision(&measured(9_000, 660), &range).expect("known").half_width;
        assert!(many < few / 2.0, "ten times the repetitions: {few} {many}");
    }

    #[test]
    fn a_benchmark_without_components_is_judged_by_its_median() {
        let same: Vec<_> = (0..20).map(|_| repetition(None, 500)).collect();
        assert_eq!(precision(&same, &[]), Some(Precision { worst_case: 500.0, half_width: 0.0 }));
        let spread: Vec<_> = (0..20).map(|at| repetition(None, 100 * at)).collect();
        assert!(!is_precise_enough(&spread, &[], 0.1));
    }

    #[test]
    fn too_few_repetitions_are_never_precise_enough() {
        assert!(!is_precise_enough(&[], &[], 1.0));
        assert!(!is_precise_enough(&vec![repetition(None, 5); 3], &[], 1.0));
        assert!(
            !is_precise_enough(&vec![repetition(None, 0); 30], &[], 1.0),
            "times of zero have no relative precision"
        );
    }
}
