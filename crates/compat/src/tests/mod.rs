// SPDX-License-Identifier: Apache-2.0
//! Comparisons of small runtimes that differ in one thing, for each kind of change and each rule.

mod hostile;
mod incidents;
mod kinds;
mod pairings;
mod parts;
mod rules;
mod seen;
mod signing;
mod wire;

use crate::{diff, testing::RuntimeBuilder};
use protocol::Status;
use protocol::diff::{AllowedRules, DiffReport};

/// Compares two runtimes with metadata 16 on both sides.
fn compared(old: &RuntimeBuilder, new: &RuntimeBuilder) -> DiffReport {
    diff(&old.runtime(16), &new.runtime(16), &AllowedRules::new()).expect("compared")
}

/// Returns the kinds of the changes, each with its title.
fn kinds(old: &RuntimeBuilder, new: &RuntimeBuilder) -> Vec<String> {
    let named = |document: DiffReport| {
        document.changes.iter().map(|change| format!("{} {}", change.kind, change.title())).collect()
    };
    named(compared(old, new))
}

fn status(document: &DiffReport, rule: &str) -> Status {
    document.rules.iter().find(|found| found.name == rule).expect("the rule").status
}
