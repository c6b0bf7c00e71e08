// SPDX-License-Identifier: Apache-2.0
//! Two runtimes compared, as a person reads it: the verdict and whom it breaks first, then every change by pallet.

use crate::{
    field::{findings, grouped, list, text},
    table::{aligned, escape, markdown},
};
use serde_json::Value;

/// The document of `diff`.
pub fn difference(document: &Value) -> String {
    let mut all = aligned(&[side(document, "old"), side(document, "new")]);
    if text(document, "/same") == "yes" {
        all.push_str("\nthe same blob\n");
    }
    all.push('\n');
    all.push_str(&rules(document));
    let whom = whom(document);
    if !whom.is_empty() {
        all.push_str("\nwhom it concerns\n");
        all.push_str(&whom);
    }
    all.push_str(&changes(document));
    for untold in list(document, "/untold").iter().filter_map(Value::as_str) {
        all.push_str(&format!("\nnot compared: {untold}"));
    }
    if !list(document, "/untold").is_empty() {
        all.push('\n');
    }
    let count = list(document, "/changes").len() as u64;
    let plural = if count == 1 { "" } else { "s" };
    // A comparison that passes may still have something for people to judge.
    let warned = list(document, "/rules")
        .iter()
        .filter(|rule| text(rule, "/status") == "warn" && text(rule, "/allowed") == "-")
        .count();
    let hazards = match (text(document, "/verdict").as_str(), warned) {
        ("pass", 1) => " with 1 hazard".to_owned(),
        ("pass", warned) if warned > 0 => format!(" with {warned} hazards"),
        _ => String::new(),
    };
    let verdict = text(document, "/verdict") + &hazards;
    all.push_str(&format!("\nverdict: {verdict} ({} change{plural})\n", grouped(count)));
    all
}

fn side(document: &Value, side: &str) -> Vec<String> {
    let of = |field: &str| text(document, &format!("/{side}/{field}"));
    vec![
        side.to_owned(),
        format!("{} {}", of("spec_name"), of("spec_version")),
        format!("transaction {}", of("transaction_version")),
        format!("metadata V{}", of("metadata_version")),
        of("blake2_256"),
        of("source"),
    ]
}

fn rules(document: &Value) -> String {
    let mut rows = Vec::new();
    for rule in list(document, "/rules") {
        let status = text(rule, "/status");
        rows.push(vec![status.to_uppercase(), text(rule, "/name"), text(rule, "/detail")]);
        if status != "pass" {
            let findings = findings(rule).into_iter();
            rows.extend(findings.map(|finding| vec![String::new(), String::new(), format!("- {finding}")]));
        }
    }
    aligned(&rows)
}

fn whom(document: &Value) -> String {
    let rows: Vec<_> = list(document, "/whom")
        .iter()
        .map(|concerned| {
            let count = |field: &str| text(concerned, field);
            let breaking = match count("/breaking").as_str() {
                "0" => "none breaks them".to_owned(),
                "1" => "1 breaks them".to_owned(),
                breaking => format!("{breaking} break them"),
            };
            let changes = count("/changes");
            let plural = if changes == "1" { "" } else { "s" };
            vec![format!("  {}", count("/label")), format!("{changes} change{plural}"), breaking]
        })
        .collect();
    aligned(&rows)
}

/// What is in no pallet stands first, under the part of the runtime it belongs to.
fn group(change: &Value) -> String {
    let pallet = text(change, "/pallet");
    if pallet != "-" {
        return pallet;
    }
    let kind = text(change, "/kind");
    let part = match kind.split('-').next().unwrap_or_default() {
        "api" => "runtime APIs",
        "host" => "host functions",
        "extension" | "extrinsic" => "transactions",
        "transaction" if kind != "transaction-version" => "transactions",
        _ => "version and size",
    };
    part.into()
}

fn changes(document: &Value) -> String {
    let mut groups: Vec<(String, Vec<&Value>)> = Vec::new();
    for change in list(document, "/changes") {
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
            let mark = match text(change, "/severity").as_str() {
                "breaking" => "!",
                "notable" => "~",
                _ => " ",
            };
            let what = text(change, "/kind").replace('-', " ");
            rows.push(vec![format!("  {mark}"), what, text(change, "/name"), values(change)]);
            let details = list(change, "/details").iter().filter_map(Value::as_str);
            rows.extend(details.map(|detail| {
                let mut row = vec![String::new(); 3];
                row.push(format!("- {detail}"));
                row
            }));
        }
        all.push_str(&aligned(&rows));
    }
    if !all.is_empty() {
        all.push_str("\n  ! breaks somebody   ~ somebody will want to know\n");
    }
    all
}

fn values(change: &Value) -> String {
    match (text(change, "/old").as_str(), text(change, "/new").as_str()) {
        ("-", "-") => String::new(),
        ("-", one) | (one, "-") => one.to_owned(),
        (old, new) => format!("{old} -> {new}"),
    }
}

/// The document of `diff --parameters`, as a network publishes it.
pub fn parameters(document: &Value) -> String {
    let of = |pointer: &str| escape(&text(document, pointer));
    let mut all = format!(
        "# Parameters of {} that change from {} to {}\n\n",
        of("/new/spec_name"),
        of("/old/spec_version"),
        of("/new/spec_version")
    );
    let parameters = list(document, "/parameters");
    if parameters.is_empty() {
        all.push_str("No constant of the runtime changes.\n");
        return all;
    }
    all.push_str(&format!(
        "Old blob {}, new blob {}. A dash stands for what is not there.\n",
        of("/old/blake2_256"),
        of("/new/blake2_256")
    ));
    let present = |parameter: &Value, side: &str| parameter.get(side).is_some_and(|value| !value.is_null());
    for (title, old, new) in [("Changed", true, true), ("New", false, true), ("Gone", true, false)] {
        let those = parameters.iter().filter(|one| (present(one, "old"), present(one, "new")) == (old, new));
        let those: Vec<_> = those.collect();
        if !those.is_empty() {
            all.push_str(&format!("\n## {title}\n"));
            all.push_str(&by_pallet(&those));
        }
    }
    all
}

fn by_pallet(parameters: &[&Value]) -> String {
    let mut all = String::new();
    for of_one in parameters.chunk_by(|one, next| text(one, "/pallet") == text(next, "/pallet")) {
        let name = of_one.first().map(|parameter| text(parameter, "/pallet")).unwrap_or_default();
        let row = |one: &&Value| ["/constant", "/old", "/new", "/unit"].map(|field| text(one, field)).to_vec();
        let rows: Vec<_> = of_one.iter().map(row).collect();
        let head = ["Constant", "Old", "New", "Unit, and how it is known"];
        all.push_str(&format!("\n### {}\n\n{}", escape(&name), markdown(&head, &rows)));
    }
    all
}

/// For the report of a bundle: the rules, whom it concerns and what breaks somebody; the evidence has the rest.
pub fn section_of_report(document: &Value) -> String {
    if document.is_null() {
        return String::new();
    }
    let rows: Vec<_> = list(document, "/rules")
        .iter()
        .map(|rule| {
            let findings = findings(rule);
            let mut told = text(rule, "/detail");
            if text(rule, "/status") != "pass" {
                told.extend(findings.iter().flat_map(|finding| ["; ", finding]));
            }
            vec![text(rule, "/status"), text(rule, "/name"), told]
        })
        .collect();
    let mut all = format!("## What changed\n\n{}", markdown(&["Status", "Rule", "Finding"], &rows));
    let rows: Vec<_> = list(document, "/whom")
        .iter()
        .map(|concerned| ["/label", "/changes", "/breaking"].map(|field| text(concerned, field)).to_vec())
        .collect();
    if !rows.is_empty() {
        all.push('\n');
        all.push_str(&markdown(&["Whom it concerns", "Changes", "Of these breaking"], &rows));
    }
    let breaking = list(document, "/changes").iter().filter(|change| text(change, "/severity") == "breaking");
    let rows: Vec<_> = breaking
        .take(100)
        .map(|change| vec![group(change), text(change, "/name"), text(change, "/kind"), values(change)])
        .collect();
    if !rows.is_empty() {
        all.push('\n');
        all.push_str(&markdown(&["Where", "What", "Breaking change", "From, to"], &rows));
    }
    all
}

/// For the report of a bundle: the constants that both runtimes have and that change, in human units.
pub fn parameters_of_report(document: &Value) -> String {
    const MOST: usize = 100;
    let both = |one: &&Value| ["old", "new"].iter().all(|side| one.get(side).is_some_and(|value| !value.is_null()));
    let changed: Vec<_> = list(document, "/parameters").iter().filter(both).collect();
    if changed.is_empty() {
        return String::new();
    }
    let row = |one: &&Value| {
        let name = format!("{}.{}", text(one, "/pallet"), text(one, "/constant"));
        [vec![name], ["/old", "/new", "/unit"].map(|field| text(one, field)).to_vec()].concat()
    };
    let rows: Vec<_> = changed.iter().take(MOST).map(row).collect();
    let head = ["Parameter", "Old", "New", "Unit, and how it is known"];
    let mut all = format!("## The parameters that change\n\n{}", markdown(&head, &rows));
    if changed.len() > MOST {
        all.push_str(&format!("\nAnd {} more, which are in diff.json.\n", changed.len() - MOST));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "old": {"spec_name": "solo", "spec_version": 1, "metadata_version": 14, "source": "a.wasm"},
            "new": {"spec_name": "solo", "spec_version": 2, "metadata_version": 16, "source": "b.wasm"},
            "rules": [
                {"name": "spec-name", "status": "pass", "detail": "solo", "findings": ["not shown"]},
                {"name": "transaction-version", "status": "fail", "detail": "1 stays", "findings": ["Balances.burn: call moved"]},
                {"name": "host-functions", "status": "warn", "detail": "1 more; allowed: nodes are new", "allowed": "nodes are new"},
            ],
            "whom": [{"who": "signed-transactions", "label": "signed transactions", "changes": 2, "breaking": 1}],
            "changes": [
                {"kind": "spec-version", "name": "spec_version", "old": "1", "new": "2", "severity": "notable"},
                {"kind": "call-moved", "pallet": "Balances", "name": "burn", "old": "index 1", "new": "index 2", "severity": "breaking"},
            ],
            "untold": ["view functions: not in the old runtime's metadata V14"],
            "verdict": "fail",
        })
    }

    #[test]
    fn the_verdict_and_whom_it_breaks_stand_above_the_changes() {
        let text = difference(&document());
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} in {text}"));
        assert!(at("FAIL  transaction-version") < at("signed transactions"));
        assert!(at("signed transactions") < at("\nBalances\n  !  call moved  burn  index 1 -> index 2\n"));
        assert!(text.contains("1 more; allowed: nodes are new") && !text.contains("not shown"), "{text}");
        assert!(text.ends_with("verdict: fail (2 changes)\n"), "{text}");
        let warned = json!({"verdict": "pass", "rules": [{"name": "storage-migration", "status": "warn"}]});
        assert!(difference(&warned).ends_with("verdict: pass with 1 hazard (0 changes)\n"));
    }

    #[test]
    fn names_from_metadata_cannot_become_markup() {
        let text = parameters(&json!({
            "old": {"spec_version": 1}, "new": {"spec_version": 2, "spec_name": "<b>"},
            "parameters": [{"pallet": "A|B", "constant": "C", "old": "<script>", "new": null, "unit": null}],
        }));
        assert!(
            text.contains("## Gone\n\n### A\\|B")
                && text.contains("\\<script\\> | - | - |")
                && text.contains("\\<b\\>"),
            "{text}"
        );
        let mut hostile = document();
        hostile["changes"][1]["name"] = json!("<script>");
        assert!(section_of_report(&hostile).contains("\\<script\\>"));
    }

    #[test]
    fn the_report_has_the_parameters_that_both_have() {
        let document = json!({"parameters": [
            {"pallet": "B", "constant": "Deposit", "old": "1 PAS", "new": "2 PAS", "unit": "an amount"},
            {"pallet": "B", "constant": "New", "old": null, "new": "5"},
        ]});
        let text = parameters_of_report(&document);
        assert!(text.ends_with("| B.Deposit | 1 PAS | 2 PAS | an amount |\n"), "{text}");
    }

    #[test]
    fn nothing_is_rendered_as_nothing() {
        assert!(parameters_of_report(&Value::Null).is_empty());
        assert!(section_of_report(&Value::Null).is_empty());
        assert!(difference(&json!({})).ends_with("verdict: - (0 changes)\n"));
        assert!(parameters(&json!({})).ends_with("No constant of the runtime changes.\n"));
    }
}
