// SPDX-License-Identifier: Apache-2.0
//! Renders the comparison of two runtimes: first the verdict and the affected audiences, then every
//! change by pallet.

use crate::{
    field::{findings, grouped, or_dash},
    table::{aligned, escape, markdown},
};
use protocol::{
    Check, Status, Verdict,
    diff::{Change, ComparedRuntime, DiffOutcome, DiffReport, Parameter, ParametersReport, Severity},
    hazards,
};

/// Renders the document of `diff`.
pub fn difference(report: &DiffReport) -> String {
    let mut all = aligned(&[side("old", &report.old), side("new", &report.new)]);
    if report.same {
        all.push_str("\nthe same blob\n");
    }
    all.push('\n');
    all.push_str(&rules(&report.rules));
    let audiences = audiences(report);
    if !audiences.is_empty() {
        all.push_str("\nwho is affected\n");
        all.push_str(&audiences);
    }
    all.push_str(&changes(report));
    for part in &report.untold {
        all.push_str(&format!("\nnot compared: {part}"));
    }
    if !report.untold.is_empty() {
        all.push('\n');
    }
    let count = report.changes.len() as u64;
    let plural = if count == 1 { "" } else { "s" };
    // A comparison that passes may still have warnings that people must judge.
    let warned = match (report.verdict, hazards(&report.rules)) {
        (Verdict::Pass, 1) => " with 1 hazard".to_owned(),
        (Verdict::Pass, warned) if warned > 0 => format!(" with {warned} hazards"),
        _ => String::new(),
    };
    all.push_str(&format!("\nverdict: {}{warned} ({} change{plural})\n", report.verdict.name(), grouped(count)));
    all
}

fn side(side: &str, runtime: &ComparedRuntime) -> Vec<String> {
    vec![
        side.to_owned(),
        format!("{} {}", runtime.spec_name, runtime.spec_version),
        format!("transaction {}", or_dash(runtime.transaction_version)),
        format!("metadata V{}", runtime.metadata_version),
        runtime.blake2_256.clone(),
        runtime.source.clone(),
    ]
}

fn rules(rules: &[Check]) -> String {
    let mut rows = Vec::new();
    for rule in rules {
        rows.push(vec![rule.status.name().to_uppercase(), rule.name.clone(), rule.detail.clone()]);
        if rule.status != Status::Pass {
            let findings = findings(rule).into_iter();
            rows.extend(findings.map(|finding| vec![String::new(), String::new(), format!("- {finding}")]));
        }
    }
    aligned(&rows)
}

fn audiences(report: &DiffReport) -> String {
    let rows: Vec<_> = report
        .whom
        .iter()
        .map(|concerned| {
            let breaking = match concerned.breaking {
                0 => "none breaks them".to_owned(),
                1 => "1 breaks them".to_owned(),
                breaking => format!("{breaking} break them"),
            };
            let plural = if concerned.changes == 1 { "" } else { "s" };
            vec![format!("  {}", concerned.label), format!("{} change{plural}", concerned.changes), breaking]
        })
        .collect();
    aligned(&rows)
}

/// Returns the heading of a change: its pallet, or the part of the runtime that it belongs to.
/// Parts outside of pallets are listed first.
fn group(change: &Change) -> String {
    if let Some(pallet) = &change.pallet {
        return pallet.clone();
    }
    let kind = change.kind.to_string();
    let part = match kind.split('-').next().unwrap_or_default() {
        "api" => "runtime APIs",
        "host" => "host functions",
        "extension" | "extrinsic" => "transactions",
        "transaction" if kind != "transaction-version" => "transactions",
        _ => "version and size",
    };
    part.into()
}

fn changes(report: &DiffReport) -> String {
    let mut groups: Vec<(String, Vec<&Change>)> = Vec::new();
    for change in &report.changes {
        let name = group(change);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, changes)) => changes.push(change),
            None => groups.push((name, vec![change])),
        }
    }
    let mut all = String::new();
    for (name, changes) in groups {
        all.push_str(&format!("\n{name}\n"));
        let mut rows = Vec::new();
        for change in changes {
            let mark = match change.severity {
                Severity::Breaking => "!",
                Severity::Notable => "~",
                Severity::Harmless => " ",
            };
            let what = change.kind.to_string().replace('-', " ");
            rows.push(vec![format!("  {mark}"), what, change.name.clone(), values(change)]);
            rows.extend(change.details.iter().map(|detail| {
                let mut row = vec![String::new(); 3];
                row.push(format!("- {detail}"));
                row
            }));
        }
        all.push_str(&aligned(&rows));
    }
    if !all.is_empty() {
        all.push_str("\n  ! breaking   ~ notable\n");
    }
    all
}

fn values(change: &Change) -> String {
    match (&change.old, &change.new) {
        (None, None) => String::new(),
        (None, Some(one)) | (Some(one), None) => one.clone(),
        (Some(old), Some(new)) => format!("{old} -> {new}"),
    }
}

/// Renders the document of `diff --parameters` in the format in which networks publish changed
/// parameters.
pub fn parameters(report: &ParametersReport) -> String {
    let mut all = format!(
        "# Parameters of {} that change from {} to {}\n\n",
        escape(&report.new.spec_name),
        report.old.spec_version,
        report.new.spec_version
    );
    if report.parameters.is_empty() {
        all.push_str("No constant of the runtime changes.\n");
        return all;
    }
    all.push_str(&format!(
        "Old blob {}, new blob {}. A dash means that there is no value.\n",
        escape(&report.old.blake2_256),
        escape(&report.new.blake2_256)
    ));
    for (title, old, new) in [("Changed", true, true), ("New", false, true), ("Removed", true, false)] {
        let selected = report.parameters.iter().filter(|one| (one.old.is_some(), one.new.is_some()) == (old, new));
        let selected: Vec<_> = selected.collect();
        if !selected.is_empty() {
            all.push_str(&format!("\n## {title}\n"));
            all.push_str(&by_pallet(&selected));
        }
    }
    all
}

fn by_pallet(parameters: &[&Parameter]) -> String {
    let mut all = String::new();
    for of_one in parameters.chunk_by(|one, next| one.pallet == next.pallet) {
        let name = of_one.first().map(|parameter| parameter.pallet.as_str()).unwrap_or_default();
        let rows: Vec<_> = of_one.iter().map(|one| parameter_row(one.constant.clone(), one)).collect();
        let head = ["Constant", "Old", "New", "Unit, and how it is known"];
        all.push_str(&format!("\n### {}\n\n{}", escape(name), markdown(&head, &rows)));
    }
    all
}

fn parameter_row(name: String, one: &Parameter) -> Vec<String> {
    vec![name, or_dash(one.old.as_ref()), or_dash(one.new.as_ref()), or_dash(one.unit.as_ref())]
}

/// Renders the section of a bundle's report: the rules, the affected audiences and the breaking
/// changes. The evidence has all changes.
pub fn section_of_report(diff: &DiffOutcome) -> String {
    let rows: Vec<_> = diff
        .rules()
        .iter()
        .map(|rule| {
            let findings = findings(rule);
            let mut detail = rule.detail.clone();
            if rule.status != Status::Pass {
                detail.extend(findings.iter().flat_map(|finding| ["; ", finding]));
            }
            vec![rule.status.name().to_owned(), rule.name.clone(), detail]
        })
        .collect();
    let mut all = format!("## What changed\n\n{}", markdown(&["Status", "Rule", "Finding"], &rows));
    let Some(report) = diff.report() else { return all };
    let row = |label: &str, changes: usize, breaking: usize| {
        vec![label.to_owned(), changes.to_string(), breaking.to_string()]
    };
    let rows: Vec<_> = report.whom.iter().map(|one| row(&one.label, one.changes, one.breaking)).collect();
    if !rows.is_empty() {
        all.push('\n');
        all.push_str(&markdown(&["Who is affected", "Changes", "Of these breaking"], &rows));
    }
    let breaking = report.changes.iter().filter(|change| change.severity == Severity::Breaking);
    let rows: Vec<_> = breaking
        .take(100)
        .map(|change| vec![group(change), change.name.clone(), change.kind.to_string(), values(change)])
        .collect();
    if !rows.is_empty() {
        all.push('\n');
        all.push_str(&markdown(&["Where", "What", "Breaking change", "From, to"], &rows));
    }
    all
}

/// Renders the section of a bundle's report on the constants that change, in readable units: first
/// those that both runtimes have. A dash means that there is no value.
pub fn parameters_of_report(diff: &DiffOutcome) -> String {
    const ROW_LIMIT: usize = 100;
    let all = diff.report().and_then(|report| report.parameters.as_deref()).unwrap_or_default();
    if all.is_empty() {
        return String::new();
    }
    let mut ordered: Vec<_> = all.iter().collect();
    ordered.sort_by_key(|one| (one.old.is_none(), one.new.is_none()) != (false, false));
    let row = |one: &&Parameter| parameter_row(format!("{}.{}", one.pallet, one.constant), one);
    let rows: Vec<_> = ordered.iter().take(ROW_LIMIT).map(row).collect();
    let head = ["Parameter", "Old", "New", "Unit, and how it is known"];
    let mut section = format!("## The parameters that change\n\n{}", markdown(&head, &rows));
    if all.len() > ROW_LIMIT {
        section.push_str(&format!("\nAnd {} more, which are in diff.json.\n", all.len() - ROW_LIMIT));
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use protocol::{
        Failure,
        diff::{Audience, ChangeKind, NotCompared},
    };

    fn document() -> DiffReport {
        let moved = Change::new(ChangeKind::CallMoved, Severity::Breaking, &[Audience::EncodedCalls], "burn");
        let mut allowed = Check::warn("host-functions", "1 more");
        allowed.allowed = Some("nodes are new".into());
        let mut report = samples::diff();
        report.rules = vec![
            Check::pass("spec-name", "solo").with(["not shown"]),
            Check::fail("transaction-version", "1 stays").with(["Balances.burn: call moved"]),
            allowed,
        ];
        report.changes.insert(1, moved.within("Balances").from_to("index 1", "index 2"));
        report.verdict = Verdict::Fail;
        report
    }

    #[test]
    fn the_verdict_and_the_affected_audiences_are_above_the_changes() {
        let text = difference(&document());
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} in {text}"));
        assert!(at("FAIL  transaction-version") < at("indexers and front ends"));
        assert!(at("indexers and front ends") < at("\nBalances\n  !  storage value   Account\n"));
        assert!(text.contains("  !  call moved      burn     index 1 -> index 2\n"), "{text}");
        assert!(text.contains("1 more") && !text.contains("not shown"), "{text}");
        assert!(text.ends_with("verdict: fail (3 changes)\n"), "{text}");
        let rules = vec![Check::warn("storage-migration", "")];
        let warned = DiffReport { verdict: Verdict::Pass, rules, ..DiffReport::default() };
        assert!(difference(&warned).ends_with("verdict: pass with 1 hazard (0 changes)\n"));
    }

    #[test]
    fn names_from_metadata_cannot_become_markup() {
        let parameter = Parameter {
            pallet: "A|B".into(),
            constant: "C".into(),
            old: Some("<script>".into()),
            new: None,
            unit: None,
        };
        let runtime = ComparedRuntime { spec_name: "<b>".into(), ..ComparedRuntime::default() };
        let report = ParametersReport {
            format: protocol::format::PARAMETERS.into(),
            old: runtime.clone(),
            new: runtime,
            parameters: vec![parameter],
        };
        let text = parameters(&report);
        assert!(
            text.contains("## Removed\n\n### A\\|B")
                && text.contains("\\<script\\> | - | - |")
                && text.contains("\\<b\\>"),
            "{text}"
        );
        let none = ParametersReport { parameters: Vec::new(), ..report };
        assert!(parameters(&none).ends_with("No constant of the runtime changes.\n"));
        let mut hostile = document();
        hostile.changes[1].name = "<script>".into();
        assert!(section_of_report(&DiffOutcome::Compared(Box::new(hostile))).contains("\\<script\\>"));
    }

    #[test]
    fn the_report_has_first_the_parameters_that_both_runtimes_have() {
        let mut report = samples::diff();
        report.parameters.as_mut().expect("parameters").reverse();
        let text = parameters_of_report(&DiffOutcome::Compared(Box::new(report)));
        let rows = "| Balances.Limit | 1 PAS | 2 PAS | an amount |\n| Balances.New | - | 5 | - |\n";
        assert!(text.ends_with(rows), "{text}");
    }

    #[test]
    fn what_was_not_compared_says_so_and_has_no_parameters() {
        let not = DiffOutcome::NotCompared(NotCompared::new(Failure::input("metadata 13")));
        assert!(parameters_of_report(&not).is_empty());
        assert!(section_of_report(&not).ends_with("| skip | comparable | metadata 13 |\n"));
    }
}
