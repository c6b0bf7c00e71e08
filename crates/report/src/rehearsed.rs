// SPDX-License-Identifier: Apache-2.0
//! The section of a bundle's reports on what the proposal did on forks.

use crate::{
    field::{findings, one_line, or_dash, short},
    table::{escape, markdown},
};
use protocol::{
    Check,
    rehearse::{RehearsalReport, RehearseOutcome, RehearsedChain, RehearsedUpgrade, StateDifference},
};

/// The most changed entries in a report. The evidence has all of them.
pub(crate) const MOST: usize = 40;
/// The most characters of a value in a report.
const LONGEST: usize = 160;

/// The file of the evidence, which has everything.
pub(crate) const EVIDENCE: &str = "rehearse.json";

/// The title of the section.
pub(crate) const TITLE: &str = "What the proposal does";

/// A table with its heading, and the names of its columns.
struct Table {
    heading: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// Returns the sentence above the tables.
pub(crate) fn introduction(outcome: &RehearseOutcome) -> String {
    match outcome {
        RehearseOutcome::NotDispatched { not_dispatched, .. } => format!("It was not dispatched: {not_dispatched}."),
        RehearseOutcome::Rehearsed(report) => format!(
            "{} dispatched it on forks: {}, {}. Hash of all differences: {}.",
            report.call.chain, report.call.source, report.call.blake2_256, report.difference_hash
        ),
    }
}

/// Returns the tables: chains, checks, upgrades and changed entries.
fn tables(report: &RehearsalReport) -> Vec<Table> {
    let mut tables = vec![
        Table {
            heading: "Chains",
            columns: &["Chain", "spec_version", "Blocks"],
            rows: report.chains.iter().map(chain).collect(),
        },
        Table {
            heading: "Checks of the proposal",
            columns: &["Status", "Check", "Finding"],
            rows: report.checks.iter().map(check).collect(),
        },
        Table {
            heading: "Upgrades",
            columns: &["Chain", "Runtime", "Code", "How"],
            rows: report.upgrades.iter().map(upgrade).collect(),
        },
        Table {
            heading: "Changed entries of the states",
            columns: &["Chain", "Entry", "Without the call", "With it"],
            rows: report.differences.iter().take(MOST).map(difference).collect(),
        },
    ];
    if let (Some(last), Some(more)) = (tables.last_mut(), more(report, EVIDENCE)) {
        last.rows.push(vec![String::new(), more, String::new(), String::new()]);
    }
    tables.retain(|table| !table.rows.is_empty());
    tables
}

/// Returns what is said about the changed entries that are not in the report, if there are any. `file` has them.
pub(crate) fn more(report: &RehearsalReport, file: &str) -> Option<String> {
    let more = report.differences.len().saturating_sub(MOST) as u64 + report.more_differences;
    (more > 0).then(|| format!("{more} more, in {file}"))
}

fn chain(chain: &RehearsedChain) -> Vec<String> {
    let fork = &chain.identity;
    let blocks = match &chain.absent {
        None => format!("{} to {}", fork.number, chain.ended),
        Some(why) => format!("took no part: {why}"),
    };
    vec![fork.chain.clone(), fork.spec_version.to_string(), blocks]
}

fn check(check: &Check) -> Vec<String> {
    let findings: Vec<_> = std::iter::once(check.detail.clone()).chain(findings(check)).collect();
    vec![check.status.to_string(), check.name.clone(), findings.join("; ")]
}

fn upgrade(upgrade: &RehearsedUpgrade) -> Vec<String> {
    vec![upgrade.chain.clone(), upgrade.version.clone(), short(&upgrade.blake2_256), upgrade.told.clone()]
}

fn difference(difference: &StateDifference) -> Vec<String> {
    let [entry, without, with] = change(difference);
    vec![difference.chain.clone(), entry, without, with]
}

/// Returns a changed entry, its value without the call and that with it, each on a line of limited length.
pub(crate) fn change(StateDifference { item, key, without, with, .. }: &StateDifference) -> [String; 3] {
    let entry = if key.is_empty() { item.clone() } else { format!("{item} of {key}") };
    [entry, or_dash(without.as_ref()), or_dash(with.as_ref())].map(|text| cut(&text))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => one_line(text),
        Some((end, _)) => format!("{}…", one_line(&text[..end])),
    }
}

/// Renders the section of the Markdown report.
pub(crate) fn section_of_report(outcome: &RehearseOutcome) -> String {
    let mut all = format!("## {TITLE}\n\n{}\n", escape(&introduction(outcome)));
    for table in outcome.report().map(tables).unwrap_or_default() {
        all.push_str(&format!("\n{}\n\n{}", table.heading, markdown(table.columns, &table.rows)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_section_names_the_call_and_what_it_changed() {
        let report = samples::rehearsal();
        let text = section_of_report(&RehearseOutcome::Rehearsed(Box::new(report.clone())));
        for part in ["0x34", "0x56", "solo 2", "System.AuthorizedUpgrade", "code_hash: 0x12", "7 to 12"] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let differences = vec![report.differences[0].clone(); MOST + 2];
        let many = RehearsalReport { differences, more_differences: 3, ..report };
        let last = tables(&many).pop().and_then(|mut table| table.rows.pop()).expect("a row");
        assert_eq!(last[1], "5 more, in rehearse.json");
    }

    #[test]
    fn a_proposal_that_was_not_dispatched_says_why() {
        let text =
            section_of_report(&RehearseOutcome::NotDispatched { not_dispatched: "no state".into(), applies: false });
        assert!(text.ends_with("It was not dispatched: no state.\n"), "{text}");
    }

    #[test]
    fn hostile_values_stay_in_their_cell() {
        let (item, with) = ("a|b\n# c".to_owned(), Some("x".repeat(500)));
        let hostile = StateDifference { item, with, ..StateDifference::default() };
        let report = RehearsalReport { differences: vec![hostile], ..RehearsalReport::default() };
        let text = section_of_report(&RehearseOutcome::Rehearsed(Box::new(report)));
        assert!(!text.contains("\n# c") && !text.contains(&"x".repeat(200)), "{text}");
    }
}
