// SPDX-License-Identifier: Apache-2.0
//! The weights of calls before and after an upgrade, as the dry run read them from both runtimes.

use crate::{field::grouped, steps::counted};
use protocol::{
    dry_run::DryRunReport,
    weights::compare::{Change, Comparison, Pair as Sides},
};

/// A call whose weight changed.
pub struct Changed {
    pub call: String,
    pub ref_time: Pair,
    pub proof_size: Pair,
}

/// A value before and after the upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    pub old: u64,
    pub new: u64,
}

impl Pair {
    /// Returns the change in percent, or `None` if there is none. Growth from 0 is infinite.
    pub fn percent(self) -> Option<f64> {
        match (self.old, self.new) {
            (old, new) if old == new => None,
            (0, _) => Some(f64::INFINITY),
            (old, new) => Some((new as f64 - old as f64) * 100.0 / old as f64),
        }
    }

    /// Formats both values: `12.00 → 15.00 µs`.
    pub fn format(self, unit: Unit) -> String {
        let ((old, old_unit), (new, new_unit)) = (unit(self.old), unit(self.new));
        match (self.old == self.new, old_unit == new_unit) {
            (true, _) => format!("{new} {new_unit}"),
            (false, true) => format!("{old} → {new} {new_unit}"),
            (false, false) => format!("{old} {old_unit} → {new} {new_unit}"),
        }
    }

    /// Formats the change in percent, such as `+25.0 %`, if it is a finite number.
    pub fn change(self) -> Option<String> {
        self.percent().filter(|percent| percent.is_finite()).map(|percent| format!("{percent:+.1} %"))
    }

    fn magnitude(self) -> f64 {
        self.percent().map_or(0.0, f64::abs)
    }
}

/// Formats a value and returns its unit.
pub type Unit = fn(u64) -> (String, &'static str);

/// Formats picoseconds in a readable unit.
pub fn time(picoseconds: u64) -> (String, &'static str) {
    match picoseconds {
        0..1_000_000_000 => (format!("{:.2}", picoseconds as f64 / 1e6), "µs"),
        _ => (format!("{:.2}", picoseconds as f64 / 1e9), "ms"),
    }
}

/// Formats bytes in a readable unit.
pub fn bytes(bytes: u64) -> (String, &'static str) {
    (grouped(bytes), "bytes")
}

/// Returns the calls whose weights changed, the largest changes first. Returns `None` if the dry
/// run did not read the weights.
pub fn changed(dry_run: &DryRunReport) -> Option<Vec<Changed>> {
    let all = dry_run.call_weights.as_ref()?.iter().map(|call| Changed {
        call: call.call.clone(),
        ref_time: Pair { old: call.old.ref_time, new: call.new.ref_time },
        proof_size: Pair { old: call.old.proof_size, new: call.new.proof_size },
    });
    Some(largest_first(all.collect()))
}

/// Returns the changed extrinsics of a comparison of weight files, as `weights compare` makes it.
pub fn compared(comparison: &Comparison) -> Vec<Changed> {
    let pair = |sides: Sides| Pair { old: sides.old.unwrap_or_default(), new: sides.new.unwrap_or_default() };
    let changed = comparison.extrinsics.iter().filter(|one| one.change == Change::Changed);
    let all = changed.map(|one| Changed {
        call: format!("{}::{}", one.pallet, one.extrinsic),
        ref_time: pair(one.by_method.ref_time),
        proof_size: pair(one.by_method.proof_size),
    });
    largest_first(all.collect())
}

fn largest_first(mut all: Vec<Changed>) -> Vec<Changed> {
    let magnitude = |one: &Changed| one.ref_time.magnitude().max(one.proof_size.magnitude());
    all.sort_by(|one, other| magnitude(other).total_cmp(&magnitude(one)));
    all
}

/// Formats a summary: `12 calls have other weights: 3 more ref_time and 9 less, …`
pub fn summary(all: &[Changed]) -> String {
    if all.is_empty() {
        return "The weights of all calls that both runtimes have are unchanged.".into();
    }
    let count = |of: fn(&Changed) -> Pair, more: bool| {
        all.iter().map(of).filter(|pair| if more { pair.new > pair.old } else { pair.new < pair.old }).count()
    };
    format!(
        "{} {} other weights: {} more ref_time and {} less, {} more proof_size and {} less.",
        counted(all.len(), "call"),
        if all.len() == 1 { "has" } else { "have" },
        count(|one| one.ref_time, true),
        count(|one| one.ref_time, false),
        count(|one| one.proof_size, true),
        count(|one| one.proof_size, false),
    )
}

/// Returns the rows of the largest changes for the report in Markdown, at most `most`.
pub fn rows(all: &[Changed], most: usize) -> Vec<Vec<String>> {
    let cell = |pair: Pair, unit: Unit| match pair.change() {
        Some(change) => format!("{}, {change}", pair.format(unit)),
        None => pair.format(unit),
    };
    let row = |one: &Changed| vec![one.call.clone(), cell(one.ref_time, time), cell(one.proof_size, bytes)];
    all.iter().take(most).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::tests::{self as weights, pair};
    use protocol::{Weight, dry_run::CallWeight};

    fn dry_run(call_weights: Option<Vec<CallWeight>>) -> DryRunReport {
        DryRunReport { call_weights, ..DryRunReport::default() }
    }

    #[test]
    fn the_largest_change_is_first() {
        let call = |call: &str, old: (u64, u64), new: (u64, u64)| {
            let weight = |(ref_time, proof_size)| Weight { ref_time, proof_size };
            CallWeight { call: call.into(), old: weight(old), new: weight(new) }
        };
        let dry_run = dry_run(Some(vec![
            call("A.a", (100_000_000, 3593), (101_000_000, 3593)),
            call("B.b", (2_000_000_000, 10), (1_000_000_000, 10)),
            call("C.c", (1, 0), (1, 5)),
        ]));
        let all = changed(&dry_run).expect("weights");
        assert_eq!(
            rows(&all, 9),
            [
                ["C.c", "0.00 µs", "0 → 5 bytes"],
                ["B.b", "2.00 → 1.00 ms, -50.0 %", "10 bytes"],
                ["A.a", "100.00 → 101.00 µs, +1.0 %", "3,593 bytes"],
            ]
        );
        assert_eq!(
            summary(&all),
            "3 calls have other weights: 1 more ref_time and 1 less, 1 more proof_size and 0 less."
        );
    }

    #[test]
    fn weight_files_are_compared_alike() {
        let of_file = weights::compared("p", "f", pair(4_000_000, 5_000_000), pair(1, 1));
        let same = weights::compared("p", "same", pair(1, 1), pair(1, 1));
        let all = compared(&weights::comparison(vec![of_file, same]));
        assert_eq!(rows(&all, 9), [["p::f", "4.00 → 5.00 µs, +25.0 %", "1 bytes"]]);
    }

    #[test]
    fn weights_that_were_not_read_differ_from_unchanged_ones() {
        assert!(changed(&dry_run(None)).is_none());
        assert!(changed(&dry_run(Some(Vec::new()))).is_some_and(|all| all.is_empty()));
    }
}
