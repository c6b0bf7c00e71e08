// SPDX-License-Identifier: Apache-2.0
//! What the proposal did on forks.

use super::{
    element::{copied, from_to, name, section, tag, text, verdicts},
    summary,
};
use crate::rehearsed::{EVIDENCE, MOST, TITLE, change, introduction, more};
use protocol::rehearse::{RehearsalReport, RehearseOutcome, RehearsedUpgrade, StateDifference};

/// Renders the section: the checks, the upgrades and the changed entries.
pub fn rehearsed(outcome: &RehearseOutcome) -> String {
    let mut content = tag("p", &text(&introduction(outcome)));
    if let Some(report) = outcome.report() {
        content.push_str(&self::content(report, EVIDENCE));
    }
    section(TITLE, &content)
}

/// Renders the checks, the upgrades and the changed entries. `file` has all of these.
pub fn content(report: &RehearsalReport, file: &str) -> String {
    let mut content = verdicts(&report.checks.iter().map(summary::check).collect::<Vec<_>>());
    content.push_str(&changes(report, file));
    let upgrade = |upgrade: &RehearsedUpgrade| {
        let code = copied("the code's blake2_256", &upgrade.blake2_256);
        tag("li", &format!("{}: {}, {code}: {}", text(&upgrade.chain), text(&upgrade.version), text(&upgrade.told)))
    };
    let upgrades: String = report.upgrades.iter().map(upgrade).collect();
    if !upgrades.is_empty() {
        content.push_str(&tag("ul", &upgrades));
    }
    content
}

fn changes(report: &RehearsalReport, file: &str) -> String {
    let mut all = String::new();
    let shown = report.differences.get(..MOST).unwrap_or(&report.differences);
    for group in shown.chunk_by(|one, next| one.chain == next.chain) {
        let row = |difference: &StateDifference| {
            let [entry, without, with] = change(difference);
            [name(&entry), text(&without), text(&with)]
        };
        let chain = group.first().map(|difference| difference.chain.as_str()).unwrap_or_default();
        all.push_str(&tag("h3", &text(&format!("Changed on {chain}"))));
        let rows: Vec<_> = group.iter().map(row).collect();
        all.push_str(&from_to(["Entry", "Without the call", "With it"], &rows));
    }
    all + &more(report, file).map(|more| tag("p", &text(&more))).unwrap_or_default()
}
