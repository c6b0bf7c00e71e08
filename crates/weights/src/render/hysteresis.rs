// SPDX-License-Identifier: Apache-2.0
//! Keeps old values that are within the confidence interval of the new measurement, so that each
//! difference between two files is a real one.

use super::Function;
use crate::{
    analysis::{BenchmarkAnalysis, Fit},
    formula::Linear,
    parse::Extrinsic,
};
use protocol::weights::RetainedValue;

/// Restores the old values that are within the confidence interval, and returns them. If no other
/// value differs, the figures in the comments are restored as well.
pub fn keep_old_values(function: &mut Function, analysed: &BenchmarkAnalysis, old: &Extrinsic) -> Vec<RetainedValue> {
    let Ok(previous) = &old.cost else { return Vec::new() };
    let names: Vec<&str> = analysed.components.iter().map(|(name, ..)| name.as_str()).collect();
    // The values can be compared only if the components are the same.
    if !old.components.iter().map(|one| one.name.as_str()).eq(names.iter().copied()) {
        return Vec::new();
    }
    let mut kept = Vec::new();
    let mut of = |new: &mut Linear, previous: &Linear, fit: &Fit, unit: f64, what: &str| {
        let mut one = |value: &mut u64, old: u64, half_width: f64, name: String| {
            let half_width = half_width * unit;
            let refuted = half_width == 0.0 || (*value as f64 - old as f64).abs() > half_width;
            if *value != old && !refuted {
                kept.push(RetainedValue {
                    extrinsic: function.name.clone(),
                    value: name,
                    old,
                    measured: *value,
                    half_width: half_width as u64,
                });
                *value = old;
            }
        };
        one(&mut new.base, previous.base, fit.base.half_width, format!("base {what}"));
        for (name, slope) in names.iter().zip(&fit.slopes) {
            let mut value = new.slopes.get(*name).copied().unwrap_or_default();
            let old = previous.slopes.get(*name).copied().unwrap_or_default();
            one(&mut value, old, slope.half_width, format!("{what} of {name}"));
            new.slopes.insert((*name).to_owned(), value);
        }
        new.slopes.retain(|_, slope| *slope != 0);
    };
    of(&mut function.cost.time, &previous.time, &analysed.time, 1000.0, "time");
    of(&mut function.cost.proof, &previous.proof, &analysed.estimated_proof, 1.0, "proof");
    if function.cost == *previous {
        function.minimum = old.minimum_time.unwrap_or(function.minimum);
        function.recorded_proof = old.measured_proof.clone().unwrap_or_else(|| function.recorded_proof.clone());
        function.errors = old.standard_errors.clone();
    }
    // There is one error for each slope, also for slopes that were restored.
    function.errors.resize(function.cost.time.slopes.len(), 0);
    kept
}
