// SPDX-License-Identifier: Apache-2.0
//! One comment for a pull request, from the evidence of one or several upgrades.
//!
//! It is posted in the name of the project, over evidence that anyone who opens a pull request can make. So what comes from
//! evidence stands in code spans only, where neither markup nor mentions, links or references are seen, and is cut to a
//! length.

use crate::{
    Bundle,
    field::{findings, list, size, text},
    table,
};
use protocol::{Verdict, weights::compare::Comparison};
use serde_json::Value;

/// Stands in every comment and is not shown: by it the next run finds the comment that it replaces.
pub const MARKER: &str = "<!-- cutover: upgrade report -->";

/// What GitHub takes, in characters; these are bytes, of which there are never fewer.
pub const LIMIT: usize = 65_536;

/// Of one text from evidence so much is shown.
const LONGEST: usize = 160;

/// Rows of a list, fewer where the whole would be too long.
const DETAIL: [usize; 5] = [40, 15, 5, 1, 0];

/// The same evidence gives the same comment. `weights`: a comparison of weights.
pub fn render(bundles: &[Bundle], weights: Option<&Comparison>) -> String {
    let mut comment = String::new();
    for rows in DETAIL {
        comment = with_detail(bundles, weights, rows);
        if comment.len() <= LIMIT {
            return comment;
        }
    }
    const CUT: &str = "\n\nThe rest is too long for a comment: see the bundle.\n";
    let most = LIMIT - CUT.len();
    // At the end of a line: no span or row is left open.
    let at = comment.bytes().take(most).rposition(|byte| byte == b'\n');
    comment.truncate(at.unwrap_or(0));
    comment + CUT
}

fn with_detail(bundles: &[Bundle], weights: Option<&Comparison>, rows: usize) -> String {
    let failed = bundles.iter().any(|bundle| !passed(bundle));
    let mut all = format!("{MARKER}\n## Runtime upgrades: {}\n\n", if failed { "failed" } else { "passed" });
    if bundles.is_empty() {
        all.push_str("No runtime is affected.\n");
    } else {
        all.push_str(&overview(bundles));
    }
    for bundle in bundles {
        all.push_str(&runtime(bundle, rows));
    }
    if let Some(weights) = weights {
        all.push_str(&compared(weights, rows));
    }
    all.push_str("\nMade from the evidence of the bundles alone; `cargo xtask verify BUNDLE` checks it.\n");
    all
}

fn overview(bundles: &[Bundle]) -> String {
    let rows: Vec<_> = bundles
        .iter()
        .map(|bundle| {
            vec![
                code(&bundle.name),
                format!(
                    "{} → {}",
                    code(&text(&bundle.dry_run, "/from/spec_version")),
                    code(&text(&bundle.inspect, "/spec_version"))
                ),
                verdict(&bundle.dry_run).into(),
                if bundle.diff.get("error").is_some() { "not compared" } else { verdict(&bundle.diff) }.into(),
                bundle.weights.as_ref().map_or("not checked", |weights| word(weights.check.verdict)).into(),
                if proposed(bundle) { "pass" } else { "**FAIL**" }.into(),
                share(bundle),
            ]
        })
        .collect();
    table::ready(&["Runtime", "spec_version", "Dry run", "Diff", "Weights", "Proposal", "Size"], &rows)
}

/// The size, what it was, and how much of the limit it takes.
fn share(bundle: &Bundle) -> String {
    let new = bundle.inspect.pointer("/size").and_then(Value::as_u64);
    let old = bundle.diff.pointer("/old/code_size").and_then(Value::as_u64);
    let limit = bundle.build.pointer("/size_limit").and_then(Value::as_u64).filter(|limit| *limit > 0);
    let mut told = size(&bundle.inspect, "/size");
    if let (Some(new), Some(old)) = (new, old) {
        told.push_str(&format!(" ({:+})", i128::from(new) - i128::from(old)));
    }
    if let (Some(new), Some(limit)) = (new, limit) {
        told.push_str(&format!(", {} % of the limit", u128::from(new) * 100 / u128::from(limit)));
    }
    told
}

fn runtime(bundle: &Bundle, most: usize) -> String {
    let facts = &bundle.inspect;
    let mut all = format!("\n### {}\n\n", code(&bundle.name));
    let versions =
        |pointer: &str, old: &str| format!("{} → {}", code(&text(&bundle.diff, old)), code(&text(facts, pointer)));
    let commit = match text(&bundle.build, "/dirty").as_str() {
        "yes" => format!("{} with uncommitted changes", code(&text(&bundle.build, "/commit"))),
        _ => code(&text(&bundle.build, "/commit")),
    };
    let first = bundle.propose.pointer("/calls/0").cloned().unwrap_or_default();
    let call = first.pointer("/preimage/hash").or_else(|| first.get("hash")).and_then(Value::as_str).unwrap_or("-");
    let rows = [
        ("spec_name", code(&text(facts, "/spec_name"))),
        ("transaction_version", versions("/transaction_version", "/old/transaction_version")),
        ("blake2_256", code(&text(facts, "/blake2_256"))),
        ("sha256", code(&text(facts, "/sha256"))),
        ("Proposal", format!("{}, hash {}", code(&text(&bundle.propose, "/route")), code(call))),
        ("Commit", commit),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    all.push_str(&table::ready(&["", ""], &rows));
    if let Some(error) = bundle.propose.pointer("/error/message").and_then(Value::as_str) {
        all.push_str(&format!("\n**The proposal is refused:** {}\n", code(error)));
    }
    all.push_str(&checks("Dry run", list(&bundle.dry_run, "/checks"), most));
    all.push_str(&checks("Diff", list(&bundle.diff, "/rules"), most));
    all.push_str(&changes(&bundle.diff, most));
    all.push_str(&weights(bundle, most));
    all
}

/// What did not pass, one by one; the rest in a line.
fn checks(title: &str, checks: &[Value], most: usize) -> String {
    if checks.is_empty() {
        return String::new();
    }
    let with = |status: &str| checks.iter().filter(|check| text(check, "/status") == status).count();
    let counts = ["pass", "warn", "allowed", "fail", "not_judged", "skip"].map(|status| (with(status), status));
    let counts: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {}", name.replace('_', " ")))
        .collect();
    let mut all = format!("\n**{title}:** {}\n", counts.join(", "));
    let told = |wanted: &'static str| checks.iter().filter(move |check| text(check, "/status") == wanted);
    let lines: Vec<_> = told("fail")
        .chain(told("not_judged"))
        .chain(told("allowed"))
        .chain(told("warn"))
        .map(|check| {
            let finding = findings(check).first().map(|finding| format!("; {}", code(finding))).unwrap_or_default();
            format!("{} {}: {}{finding}", status(check), code(&text(check, "/name")), code(&text(check, "/detail")))
        })
        .collect();
    all.push_str(&items(&lines, most.max(3)));
    all
}

fn status(check: &Value) -> &'static str {
    match text(check, "/status").as_str() {
        "fail" => "**FAIL**",
        "not_judged" => "**NOT JUDGED**",
        "allowed" => "allowed",
        _ => "warn",
    }
}

fn changes(diff: &Value, most: usize) -> String {
    let changes = list(diff, "/changes");
    if changes.is_empty() {
        return String::new();
    }
    let breaking: Vec<_> = changes.iter().filter(|change| text(change, "/severity") == "breaking").collect();
    let mut all =
        format!("\n<details><summary>{} changes, {} of them breaking</summary>\n\n", changes.len(), breaking.len());
    let whom = list(diff, "/whom").iter().filter(|whom| text(whom, "/breaking") != "0");
    let whom: Vec<_> = whom
        .map(|whom| format!("{}: {} breaking", code(&text(whom, "/label")), code(&text(whom, "/breaking"))))
        .collect();
    all.push_str(&items(&whom, most.max(3)));
    let rows: Vec<_> = breaking
        .iter()
        .take(most)
        .map(|change| {
            let details: Vec<_> = list(change, "/details").iter().filter_map(Value::as_str).collect();
            let name = match change.get("pallet").and_then(Value::as_str) {
                Some(pallet) => format!("{pallet}.{}", text(change, "/name")),
                None => text(change, "/name"),
            };
            vec![code(&text(change, "/kind")), code(&name), code(&details.join("; "))]
        })
        .collect();
    if !rows.is_empty() {
        all.push('\n');
        all.push_str(&table::ready(&["Change", "What", "How"], &rows));
    }
    all.push_str(&more(breaking.len(), most));
    all.push_str("\n</details>\n");
    all
}

fn weights(bundle: &Bundle, most: usize) -> String {
    let of_calls = list(&bundle.dry_run, "/checks").iter().find(|check| text(check, "/name") == "weights");
    let mut lines: Vec<String> = Vec::new();
    if let Some(check) = of_calls {
        lines.push(format!("the calls of both runtimes: {}", code(&text(check, "/detail"))));
        lines.extend(findings(check).iter().map(|finding| code(finding)));
    }
    for finding in bundle.weights.iter().flat_map(|weights| &weights.check.findings) {
        lines.push(format!("in the source: {}", code(&crate::weights::finding_line(finding))));
    }
    match lines.is_empty() {
        true => String::new(),
        false => format!("\n**Weights:**\n{}", items(&lines, most.max(3))),
    }
}

/// A comparison of weight files, as `weights compare --json` gives it.
fn compared(comparison: &Comparison, most: usize) -> String {
    let rows = crate::weights::rows_of_interest(comparison);
    let mut all = format!(
        "\n### Weights: {}\n\n{} compared with {}\n",
        word(comparison.verdict),
        code(&comparison.old),
        code(&comparison.new)
    );
    let count = rows.len();
    let rows: Vec<_> =
        rows.into_iter().take(most).map(|row| row.iter().map(|cell| code(cell)).collect::<Vec<_>>()).collect();
    if !rows.is_empty() {
        all.push('\n');
        all.push_str(&table::ready(&crate::weights::HEAD, &rows));
    }
    all.push_str(&more(count, most));
    all
}

fn items(lines: &[String], most: usize) -> String {
    let mut all: String = lines.iter().take(most).map(|line| format!("- {line}\n")).collect();
    if lines.len() > most {
        all.push_str(&format!("- and {} more\n", lines.len() - most));
    }
    all
}

fn more(count: usize, shown: usize) -> String {
    if count > shown { format!("\nAnd {} more, which are in the evidence.\n", count - shown) } else { String::new() }
}

pub fn passed(bundle: &Bundle) -> bool {
    let failed = [&bundle.dry_run, &bundle.diff].into_iter().any(|result| verdict(result) == "**FAIL**")
        || bundle.weights.as_ref().is_some_and(|weights| weights.check.verdict == Verdict::Fail);
    // A dry run that did not end in a verdict passed nothing.
    let rehearsed = ["pass", "pass_with_hazards"].contains(&text(&bundle.dry_run, "/verdict").as_str());
    !failed && proposed(bundle) && rehearsed
}

fn proposed(bundle: &Bundle) -> bool {
    bundle.propose.is_object() && bundle.propose.get("error").is_none()
}

/// Returns a verdict as the comment states it.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::PassWithHazards => "pass, with hazards",
        Verdict::NotJudged => "**NOT JUDGED**",
        Verdict::Fail => "**FAIL**",
        Verdict::Skip => "skip",
    }
}

/// The tool's own word, and none that the evidence brings.
fn verdict(result: &Value) -> &'static str {
    match text(result, "/verdict").as_str() {
        "pass" => "pass",
        "pass_with_hazards" => "pass, with hazards",
        "not_judged" => "**NOT JUDGED**",
        "warn" => "warn",
        "fail" => "**FAIL**",
        _ => "no verdict",
    }
}

/// Text from evidence as a code span. What would end the span or the cell of a table is replaced by what looks like it, and
/// what is not seen (controls, marks of direction, joiners) by a sign that is.
fn code(text: &str) -> String {
    let mut shown = String::new();
    for character in text.trim().chars().take(LONGEST) {
        shown.push(match character {
            '\n' | '\r' | '\t' => ' ',
            '`' => '\'',
            '|' => '¦',
            '\\' => '⧵',
            unseen if is_unseen(unseen) => '\u{fffd}',
            other => other,
        });
    }
    if text.trim().chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    match shown.trim() {
        "" => "`-`".into(),
        shown => format!("`{shown}`"),
    }
}

fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::tests as weights;
    use protocol::weights::check::{Rule, Severity, StepResult};
    use serde_json::json;

    fn passed_with(pallet: &str, detail: &str) -> StepResult {
        weights::passed(vec![weights::finding(Rule::UnitWeights, Severity::Warning, Some(pallet), detail)])
    }

    fn bundle() -> Bundle {
        Bundle {
            name: "standalone".into(),
            build: json!({"commit": "abc", "dirty": false, "size_limit": 1000}),
            inspect: json!({"spec_name": "solo", "spec_version": 2, "transaction_version": 2, "size": 500, "blake2_256": "0x12"}),
            dry_run: json!({"from": {"spec_version": 1}, "verdict": "pass", "checks": [
                {"name": "versions", "status": "pass", "detail": "fine"},
                {"name": "weights", "status": "pass", "detail": "93 calls"},
                {"name": "code-size", "status": "warn", "detail": "large"},
            ]}),
            diff: json!({"verdict": "pass", "old": {"code_size": 600, "transaction_version": 1}, "rules": [{"name": "spec-name", "status": "pass"}],
                "changes": [{"severity": "breaking", "kind": "call-arguments", "pallet": "P", "name": "attest", "details": ["2 became 3"]}],
                "whom": [{"label": "wallets", "changes": 1, "breaking": 1}]}),
            propose: json!({"route": "sudo", "calls": [{"hash": "0x34"}]}),
            weights: Some(passed_with("p", "()")),
        }
    }

    #[test]
    fn a_comment_tells_versions_hashes_verdicts_and_size() {
        let comment = render(&[bundle()], None);
        assert!(comment.starts_with(MARKER), "{comment}");
        for wanted in [
            "## Runtime upgrades: passed",
            "| `standalone` | `1` → `2` | pass | pass | pass | pass | 500 bytes (-100), 50 % of the limit |",
            "| blake2_256 | `0x12` |",
            "`sudo`, hash `0x34`",
            "- warn `code-size`: `large`",
            "1 changes, 1 of them breaking",
            "| `call-arguments` | `P.attest` | `2 became 3` |",
            "`93 calls`",
            "unit-weights",
        ] {
            assert!(comment.contains(wanted), "{wanted} is missing in\n{comment}");
        }
    }

    #[test]
    fn a_verdict_that_is_missing_or_negative_fails() {
        let changed = |change: fn(&mut Bundle)| {
            let mut bundle = bundle();
            change(&mut bundle);
            render(&[bundle], None)
        };
        for comment in [
            changed(|bundle| bundle.dry_run["verdict"] = json!("fail")),
            changed(|bundle| bundle.dry_run = json!({})),
            changed(|bundle| bundle.diff["verdict"] = json!("fail")),
            changed(|bundle| bundle.propose = json!({"error": {"message": "too old"}})),
            changed(|bundle| bundle.weights.as_mut().expect("checked").check.verdict = Verdict::Fail),
        ] {
            assert!(comment.contains("## Runtime upgrades: failed"), "{comment}");
        }
    }

    fn poison(value: &mut Value, text: &str) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| poison(item, text)),
            Value::Object(fields) => fields
                .iter_mut()
                .filter(|(key, _)| !["status", "severity"].contains(&key.as_str()))
                .for_each(|(_, value)| poison(value, text)),
            _ => *value = json!(text),
        }
    }

    #[test]
    fn names_from_a_chain_are_text_and_nothing_else() {
        let evil = "x` | @octocat <img src=x onerror=alert(1)> [a](https://evil.example) \\| \n## ``` #1 <!-- -->\u{202e}</details>";
        let mut bundle = bundle();
        bundle.name = evil.into();
        for step in [&mut bundle.build, &mut bundle.inspect, &mut bundle.dry_run, &mut bundle.diff, &mut bundle.propose]
        {
            poison(step, evil);
        }
        bundle.weights = Some(passed_with(evil, evil));
        let changed = weights::compared(evil, evil, weights::pair(1, 2), weights::pair(0, 0));
        let comparison = Comparison { old: evil.into(), new: evil.into(), ..weights::comparison(vec![changed]) };
        let comment = render(&[bundle], Some(&comparison));
        assert_eq!(
            comment.matches("<!--").count() - outside(&comment).matches("<!--").count(),
            comment.matches("<!--").count() - 1
        );
        let outside = outside(&comment);
        for markup in ["octocat", "<img", "evil", "onerror", "#1", "\u{202e}", "\\"] {
            assert!(!outside.contains(markup), "{markup} outside of code in\n{outside}");
        }
        assert_eq!(outside.matches("</details>").count(), outside.matches("<details>").count());
        // Every row of a table has the cells of its head.
        for rows in comment.split("\n\n").filter(|block| block.starts_with('|')) {
            let cells: Vec<_> =
                rows.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count()).collect();
            assert!(cells.windows(2).all(|pair| pair[0] == pair[1]), "{rows}");
        }
    }

    /// A comment without its code spans, which are on one line each.
    fn outside(comment: &str) -> String {
        let lines = comment.lines().map(|line| {
            assert_eq!(line.matches('`').count() % 2, 0, "an open span: {line}");
            line.split('`').step_by(2).collect::<Vec<_>>().join("")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_comment_is_never_longer_than_github_takes() {
        let mut large = bundle();
        let change = large.diff["changes"][0].clone();
        let long = "ü".repeat(1_000);
        large.diff["changes"] = Value::Array(
            (0..120)
                .map(|_| {
                    let mut one = change.clone();
                    one["name"] = json!(long);
                    one
                })
                .collect(),
        );
        large.dry_run["checks"] = Value::Array(
            (0..100).map(|_| json!({"name": long, "status": "fail", "detail": long, "findings": [long]})).collect(),
        );
        for count in [1, 3, 64] {
            let comment = render(&vec![large.clone(); count], None);
            assert!(comment.len() <= LIMIT, "{count}: {}", comment.len());
            assert!(comment.starts_with(MARKER) && comment.contains("more"), "{count}");
            let _ = outside(&comment);
        }
    }

    #[test]
    fn nothing_affected_is_said() {
        assert!(render(&[], None).contains("No runtime is affected"));
    }
}
