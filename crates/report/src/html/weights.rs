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

/// The number of rows that are visible at first, the largest changes.
const VISIBLE_ROWS: usize = 20;
const ROW_LIMIT: usize = 500;
/// The change at the end of a bar, in percent.
const SCALE: f64 = 100.0;

/// Renders the section on changed weights of calls.
pub fn of_calls(dry_run: &DryRunReport) -> String {
    let Some(all) = call_weights::changed(dry_run) else { return String::new() };
    let mut content = tag("p", &text(&call_weights::summary(&all)));
    content.push_str(&charted(&all, "Call", "dry-run.json"));
    section("Weights of calls that changed", &content)
}

/// Renders the largest changes with bars, and folds the others. `file` has all changes.
fn charted(all: &[Changed], what: &'static str, file: &str) -> String {
    let rows: Vec<_> = all.iter().take(ROW_LIMIT).map(row).collect();
    let (first, rest) = rows.split_at(rows.len().min(VISIBLE_ROWS));
    let head = [what, "ref_time", "proof_size"];
    let mut content = String::new();
    if !first.is_empty() {
        let legend = "Bars to the right: increase, to the left: decrease. A full bar is 100 %.";
        content.push_str(&class("p", "soft", legend));
        content.push_str(&pairs(head, first));
    }
    if !rest.is_empty() {
        content.push_str(&folded(&format!("{} more, with smaller changes", rest.len()), &pairs(head, rest)));
    }
    if all.len() > ROW_LIMIT {
        content.push_str(&class("p", "soft", &format!("And {} more, which are in {file}.", all.len() - ROW_LIMIT)));
    }
    content
}

fn row(changed: &Changed) -> [String; 3] {
    let cell = |pair: Pair, unit: Unit| {
        let change = pair.change().map(|change| format!(" <small>{change}</small>")).unwrap_or_default();
        let bar = pair.percent().map(|percent| bar::of_change(percent, SCALE)).unwrap_or_default();
        text(&pair.format(unit)) + &change + &bar
    };
    [name(&changed.call), cell(changed.ref_time, call_weights::time), cell(changed.proof_size, call_weights::bytes)]
}

/// Renders the findings about the weights in the runtime's source.
pub fn in_source(weights: &StepResult) -> String {
    let check = &weights.check;
    let findings = &check.findings;
    let summary = format!(
        "{} with {}: {}, {}.",
        counted(check.files, "weight file"),
        counted(check.extrinsics, "extrinsic"),
        stated(check.verdict),
        counted(findings.len(), "finding")
    );
    let rows: Vec<_> = findings
        .iter()
        .take(ROW_LIMIT)
        .map(|finding| {
            let status = if finding.severity == Severity::Failure { Status::Fail } else { Status::Warn };
            (status, finding.rule.name().to_owned(), text(&finding.without_rule()))
        })
        .collect();
    let mut content = tag("p", &text(&summary));
    if !rows.is_empty() {
        content.push_str(&verdicts(&rows));
    }
    if let Some(summary) = crate::weights::against_release(weights) {
        content.push_str(&tag("h3", "Since the previous release"));
        content.push_str(&tag("p", &text(&summary)));
        if let Some(AgainstRelease::Compared(comparison)) = &weights.comparison {
            content.push_str(&charted(&call_weights::compared(comparison), "Extrinsic", "weights.json"));
        }
    }
    section("Weights in the source", &content)
}
