// SPDX-License-Identifier: Apache-2.0
//! The changes of the new runtime and the affected audiences.

use super::{
    element::{class, folded, from_to, name, numbers, section, tag, text, verdicts},
    summary::check,
};
use crate::{field::or_dash, steps::counted};
use protocol::diff::{Change, DiffOutcome, DiffReport, Parameter, Severity};

/// The most rows of a list on the page.
const ROW_LIMIT: usize = 500;

/// Renders the section on rules and changes.
pub fn changes(diff: &DiffOutcome) -> String {
    let rules: Vec<_> = diff.rules().iter().map(check).collect();
    if rules.is_empty() {
        return String::new();
    }
    let compared = diff.report().map(compared).unwrap_or_default();
    section("What changed, and who is affected", &(verdicts(&rules) + &compared))
}

fn compared(report: &DiffReport) -> String {
    let mut content = String::new();
    let rows: Vec<_> = report
        .whom
        .iter()
        .map(|concerned| vec![concerned.label.clone(), concerned.changes.to_string(), concerned.breaking.to_string()])
        .collect();
    if !rows.is_empty() {
        content.push_str(&tag("h3", "Who is affected"));
        content.push_str(&numbers(&["Who", "changes", "breaking"], &rows));
    }
    let (breaking, others): (Vec<_>, Vec<_>) =
        report.changes.iter().partition(|change| change.severity == Severity::Breaking);
    if !breaking.is_empty() {
        content.push_str(&tag("h3", "Breaking changes"));
        content.push_str(&listed(&breaking));
    }
    if !others.is_empty() {
        let what = if breaking.is_empty() { "change" } else { "other change" };
        content.push_str(&folded(&counted(others.len(), what), &listed(&others)));
    }
    let not_compared: String = report.untold.iter().map(|part| tag("li", &text(part))).collect();
    if !not_compared.is_empty() {
        content.push_str(&class("p", "soft", "Not compared:"));
        content.push_str(&class("ul", "soft", &not_compared));
    }
    content
}

fn listed(changes: &[&Change]) -> String {
    let rows: String = changes.iter().take(ROW_LIMIT).map(|change| listed_one(change)).collect();
    let more = changes.len().saturating_sub(ROW_LIMIT);
    let more = match more {
        0 => String::new(),
        more => class("p", "soft", &format!("And {more} more, which are in diff.json.")),
    };
    class("ul", "changes", &rows) + &more
}

/// Renders one change: `Balances.transfer  call moved  index 0 → index 1`, and below it the
/// details.
fn listed_one(change: &Change) -> String {
    let values = match (&change.old, &change.new) {
        (None, None) => String::new(),
        (None, Some(one)) | (Some(one), None) => format!(" {}", text(one)),
        (Some(old), Some(new)) => format!(" {} → {}", text(old), text(new)),
    };
    let details: String = change.details.iter().map(|detail| tag("li", &text(detail))).collect();
    let details = if details.is_empty() { details } else { tag("ul", &details) };
    let kind = text(&change.kind.to_string().replace('-', " "));
    format!("<li><code>{}</code> <strong>{kind}</strong>{values}{details}</li>\n", name(&change.title()))
}

/// Renders the constants that changed, in readable units.
pub fn parameters(report: &DiffReport) -> String {
    let all = report.parameters.as_deref().unwrap_or_default();
    let select = |old: bool, new: bool| -> Vec<[String; 3]> {
        all.iter().filter(|one| (one.old.is_some(), one.new.is_some()) == (old, new)).take(ROW_LIMIT).map(row).collect()
    };
    let (changed, new, removed) = (select(true, true), select(false, true), select(true, false));
    if [&changed, &new, &removed].iter().all(|rows| rows.is_empty()) {
        return String::new();
    }
    let head = ["Parameter", "Old", "New"];
    let mut content = match changed.is_empty() {
        true => tag("p", "No parameter changes that both runtimes have."),
        false => from_to(head, &changed),
    };
    for (rows, what) in [(new, "new"), (removed, "removed")] {
        if !rows.is_empty() {
            content.push_str(&folded(&format!("{} {what}", rows.len()), &from_to(head, &rows)));
        }
    }
    section("Parameters that change", &content)
}

fn row(parameter: &Parameter) -> [String; 3] {
    let title = format!("{}.{}", parameter.pallet, parameter.constant);
    let unit = parameter.unit.as_ref().map(|unit| format!("<small>{}</small>", text(unit))).unwrap_or_default();
    let value = |value: &Option<String>| text(&or_dash(value.as_ref()));
    [name(&title) + &unit, value(&parameter.old), value(&parameter.new)]
}
