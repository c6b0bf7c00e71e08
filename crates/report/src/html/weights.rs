// SPDX-License-Identifier: Apache-2.0
//! The weights of calls, as both runtimes report them, and of the weight files in the runtime's
//! source.

use super::{
    bar,
    element::{class, folded, name, pairs, section, tag, text, verdicts},
};
use crate::{
    call_weights::{self, Changed, Pair, Unit},
    field::stated,
    steps::{Status, counted},
};
use protocol::{
    dry_run::DryRunReport,
    weights::check::{AgainstRelease, Severity, StepResult},
};

/// So many stand in the page at once, the largest changes first.
const SHOWN: usize = 20;
const MOST: usize = 500;
/// A bar's side: twice as much, or nothing left.
const SCALE: f64 = 100.0;

pub fn of_calls(dry_run: &DryRunReport) -> String {
    let Some(all) = call_weights::changed(dry_run) else { return String::new() };
    let mut content = tag("p", &text(&call_weights::summary(&all)));
    content.push_str(&charted(&all, "Call", "dry-run.json"));
    section("Weights of calls that changed", &content)
}

/// Renders the largest changes with bars, and folds the others. `file` has all changes.
fn charted(all: &[Changed], what: &'static str, file: &str) -> String {
    let rows: Vec<_> = all.iter().take(MOST).map(row).collect();
    let (first, rest) = rows.split_at(rows.len().min(SHOWN));
    let head = [what, "ref_time", "proof_size"];
    let mut content = String::new();
    if !first.is_empty() {
        let legend = "Bars to the right: dearer, to the left: cheaper; they end at twice as much.";
        content.push_str(&class("p", "soft", legend));
        content.push_str(&pairs(head, first));
    }
    if !rest.is_empty() {
        content.push_str(&folded(&format!("{} more, with smaller changes", rest.len()), &pairs(head, rest)));
    }
    if all.len() > MOST {
        content.push_str(&class("p", "soft", &format!("And {} more, which are in {file}.", all.len() - MOST)));
    }
    content
}

fn row(changed: &Changed) -> [String; 3] {
    let cell = |pair: Pair, unit: Unit| {
        let change = pair.change().map(|change| format!(" <small>{change}</small>")).unwrap_or_default();
        let bar = pair.percent().map(|percent| bar::of_change(percent, SCALE)).unwrap_or_default();
        text(&pair.told(unit)) + &change + &bar
    };
    [name(&changed.call), cell(changed.ref_time, call_weights::time), cell(changed.proof_size, call_weights::bytes)]
}

/// What the runtime's source says about its weights.
pub fn in_source(weights: &StepResult) -> String {
    let check = &weights.check;
    let findings = &check.findings;
    let told = format!(
        "{} weight files with {} extrinsics: {}, {}.",
        check.files,
        check.extrinsics,
        stated(check.verdict),
        counted(findings.len(), "finding")
    );
    let rows: Vec<_> = findings
        .iter()
        .take(MOST)
        .map(|finding| {
            let status = if finding.severity == Severity::Failure { Status::Fail } else { Status::Warn };
            (status, finding.rule.name().to_owned(), text(&finding.without_rule()))
        })
        .collect();
    let mut content = tag("p", &text(&told));
    if !rows.is_empty() {
        content.push_str(&verdicts(&rows));
    }
    if let Some(told) = crate::weights::against_release(weights) {
        content.push_str(&tag("h3", "Since the release before"));
        content.push_str(&tag("p", &text(&told)));
        if let Some(AgainstRelease::Compared(comparison)) = &weights.comparison {
            content.push_str(&charted(&call_weights::compared(comparison), "Extrinsic", "weights.json"));
        }
    }
    section("Weights in the source", &content)
}
