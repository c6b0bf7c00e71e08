// SPDX-License-Identifier: Apache-2.0
//! Renders one comment for a pull request from the evidence of one or several upgrades.
//!
//! The project posts the comment, but anyone who opens a pull request can make the evidence. So all
//! texts from evidence are shortened and written in code spans. Markup, mentions, links and
//! references have no effect there.

use crate::{
    Bundle,
    field::{bytes, findings, or_dash},
    steps::counted,
    table,
};
use protocol::{
    Check, Status, Verdict,
    diff::{DiffOutcome, DiffReport, Severity},
    inspect::RuntimeFacts,
    proposal::Proposal,
    weights::compare::Comparison,
};

/// A hidden marker in every comment. The next run finds the comment to replace by it.
pub const MARKER: &str = "<!-- cutover: upgrade report -->";

/// The length limit of GitHub, in characters. It is applied to bytes, of which there are at least
/// as many.
pub const LIMIT: usize = 65_536;

/// The greatest length of one text from evidence, in characters.
const TEXT_LIMIT: usize = 160;

/// The numbers of rows of a list to try, until the whole comment is short enough.
const ROW_LIMITS: [usize; 5] = [40, 15, 5, 1, 0];

/// Renders the comment. The same evidence gives the same comment. `weights` is a comparison of
/// weights.
pub fn render(bundles: &[Bundle], weights: Option<&Comparison>) -> String {
    let mut comment = String::new();
    for rows in ROW_LIMITS {
        comment = render_rows(bundles, weights, rows);
        if comment.len() <= LIMIT {
            return comment;
        }
    }
    const CUT: &str = "\n\nThe rest is too long for a comment: see the bundle.\n";
    let most = LIMIT - CUT.len();
    // Cut at the end of a line, so that no code span or table row stays open.
    let at = comment.bytes().take(most).rposition(|byte| byte == b'\n');
    comment.truncate(at.unwrap_or(0));
    comment + CUT
}

fn render_rows(bundles: &[Bundle], weights: Option<&Comparison>, rows: usize) -> String {
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
    all.push_str("\nRendered only from the evidence of the bundles; `cargo xtask verify BUNDLE` checks it.\n");
    all
}

fn overview(bundles: &[Bundle]) -> String {
    let rows: Vec<_> = bundles
        .iter()
        .map(|bundle| {
            let (from, to) = bundle.versions();
            let diff = match &bundle.diff {
                Some(DiffOutcome::NotCompared(_)) => "not compared",
                Some(DiffOutcome::Compared(report)) => verdict_word(report.verdict),
                None => "no verdict",
            };
            vec![
                code(&bundle.name),
                format!("{} → {}", code(&from), code(&to)),
                bundle.dry_run.as_ref().map_or("no verdict", |report| verdict_word(report.verdict)).into(),
                diff.into(),
                bundle.weights.as_ref().map_or("not checked", |weights| verdict_word(weights.check.verdict)).into(),
                if proposal(bundle).is_some() { "pass" } else { "**FAIL**" }.into(),
                size_and_share(bundle),
            ]
        })
        .collect();
    table::ready(&["Runtime", "spec_version", "Dry run", "Diff", "Weights", "Proposal", "Size"], &rows)
}

/// Formats the size, its change, and the share of the limit in percent.
fn size_and_share(bundle: &Bundle) -> String {
    let Some(new) = bundle.inspect.as_ref().map(|facts| facts.size) else { return "-".into() };
    let mut size = bytes(new);
    if let Some(report) = compared_runtimes(bundle) {
        size.push_str(&format!(" ({:+})", i128::from(new) - i128::from(report.old.code_size)));
    }
    let limit = bundle.build.as_ref().map(|build| build.record.size_limit).filter(|limit| *limit > 0);
    if let Some(limit) = limit {
        size.push_str(&format!(", {} % of the limit", u128::from(new) * 100 / u128::from(limit)));
    }
    size
}

fn compared_runtimes(bundle: &Bundle) -> Option<&DiffReport> {
    bundle.diff.as_ref()?.report()
}

fn runtime(bundle: &Bundle, most: usize) -> String {
    let facts = bundle.inspect.as_ref();
    let mut all = format!("\n### {}\n\n", code(&bundle.name));
    let fact = |of: fn(&RuntimeFacts) -> String| code(&or_dash(facts.map(of)));
    let old = compared_runtimes(bundle).and_then(|report| report.old.transaction_version);
    let built = bundle.build.as_ref().map(|build| &build.record);
    let mut commit = code(&or_dash(built.and_then(|record| record.commit.as_ref())));
    if built.is_some_and(|record| record.dirty == Some(true)) {
        commit.push_str(" with uncommitted changes");
    }
    let proposed = proposal(bundle);
    let route = code(&or_dash(proposed.map(|proposal| proposal.route)));
    let hash = code(&or_dash(proposed.and_then(|proposal| proposal.decided_hash())));
    let transaction = fact(|facts| or_dash(facts.transaction_version));
    let rows = [
        ("spec_name", fact(|facts| facts.spec_name.clone())),
        ("transaction_version", format!("{} → {transaction}", code(&or_dash(old)))),
        ("blake2_256", fact(|facts| facts.blake2_256.clone())),
        ("sha256", fact(|facts| facts.sha256.clone())),
        ("Proposal", format!("{route}, hash {hash}")),
        ("Commit", commit),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    all.push_str(&table::ready(&["", ""], &rows));
    if let Some(error) = bundle.propose.as_ref().and_then(|propose| propose.refusal()) {
        all.push_str(&format!("\n**The proposal is refused:** {}\n", code(&error.message)));
    }
    if let Some(report) = &bundle.dry_run {
        all.push_str(&checks("Dry run", &report.checks, most));
    }
    if let Some(diff) = &bundle.diff {
        all.push_str(&checks("Diff", diff.rules(), most));
    }
    all.push_str(&compared_runtimes(bundle).map(|report| changes(report, most)).unwrap_or_default());
    all.push_str(&weights(bundle, most));
    all
}

/// Renders the checks that did not pass one by one, and the others in one line.
fn checks(title: &str, checks: &[Check], most: usize) -> String {
    if checks.is_empty() {
        return String::new();
    }
    let with = |status: Status| checks.iter().filter(move |check| check.status == status);
    let counts = [Status::Pass, Status::Warn, Status::Fail, Status::NotJudged, Status::Skip];
    let counts: Vec<_> = counts
        .iter()
        .map(|status| (with(*status).count(), status))
        .filter(|(count, _)| *count > 0)
        .map(|(count, status)| format!("{count} {status}"))
        .collect();
    let mut all = format!("\n**{title}:** {}\n", counts.join(", "));
    let marked = [(Status::Fail, "**FAIL**"), (Status::NotJudged, "**NOT JUDGED**"), (Status::Warn, "warn")];
    let lines: Vec<_> = marked
        .into_iter()
        .flat_map(|(status, mark)| with(status).map(move |check| (mark, check)))
        .map(|(mark, check)| {
            let finding = findings(check).first().map(|finding| format!("; {}", code(finding))).unwrap_or_default();
            format!("{mark} {}: {}{finding}", code(&check.name), code(&check.detail))
        })
        .collect();
    all.push_str(&items(&lines, most.max(3)));
    all
}

fn changes(report: &DiffReport, most: usize) -> String {
    let changes = &report.changes;
    if changes.is_empty() {
        return String::new();
    }
    let breaking: Vec<_> = changes.iter().filter(|change| change.severity == Severity::Breaking).collect();
    let counted = counted(changes.len(), "change");
    let mut all = format!("\n<details><summary>{counted}, {} of them breaking</summary>\n\n", breaking.len());
    let audiences = report.whom.iter().filter(|audience| audience.breaking != 0);
    let audiences: Vec<_> =
        audiences.map(|audience| format!("{}: `{}` breaking", code(&audience.label), audience.breaking)).collect();
    all.push_str(&items(&audiences, most.max(3)));
    let rows: Vec<_> = breaking
        .iter()
        .take(most)
        .map(|change| {
            let name = match &change.pallet {
                Some(pallet) => format!("{pallet}.{}", change.name),
                None => change.name.clone(),
            };
            vec![code(&change.kind.to_string()), code(&name), code(&change.details.join("; "))]
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
    let checks = bundle.dry_run.as_ref().map(|report| report.checks.as_slice()).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    if let Some(check) = checks.iter().find(|check| check.name == "weights") {
        lines.push(format!("the calls of both runtimes: {}", code(&check.detail)));
        lines.extend(findings(check).iter().map(|finding| code(finding)));
    }
    for finding in bundle.weights.iter().flat_map(|weights| &weights.check.findings) {
        lines.push(format!("in the source: {}", code(&finding.to_string())));
    }
    match lines.is_empty() {
        true => String::new(),
        false => format!("\n**Weights:**\n{}", items(&lines, most.max(3))),
    }
}

/// Renders a comparison of weight files, as `weights compare --json` prints it.
fn compared(comparison: &Comparison, most: usize) -> String {
    let rows = crate::weights::relevant_rows(comparison);
    let mut all = format!(
        "\n### Weights: {}\n\n{} compared with {}\n",
        verdict_word(comparison.verdict),
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

/// Returns whether the upgrade passed: the dry run passed, a proposal was made, and neither the
/// comparison nor the weight check failed.
pub fn passed(bundle: &Bundle) -> bool {
    let failed = compared_runtimes(bundle).is_some_and(|report| report.verdict == Verdict::Fail)
        || bundle.weights.as_ref().is_some_and(|weights| weights.check.verdict == Verdict::Fail);
    // A dry run without a passing verdict is not a pass.
    let rehearsed = bundle.dry_run.as_ref().is_some_and(|report| report.verdict.passed());
    !failed && proposal(bundle).is_some() && rehearsed
}

fn proposal(bundle: &Bundle) -> Option<&Proposal> {
    bundle.propose.as_ref()?.proposal()
}

/// Returns the word for a verdict in the comment.
fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::PassWithHazards => "pass, with hazards",
        Verdict::NotJudged => "**NOT JUDGED**",
        Verdict::Fail => "**FAIL**",
        Verdict::Skip => "skip",
    }
}

/// Formats text from evidence as a code span. Characters that would end the span or a table cell
/// are replaced by similar ones. Invisible characters (controls, direction marks, joiners) are
/// replaced by a visible one.
fn code(text: &str) -> String {
    let mut shown = String::new();
    for character in text.trim().chars().take(TEXT_LIMIT) {
        shown.push(match character {
            '\n' | '\r' | '\t' => ' ',
            '`' => '\'',
            '|' => '¦',
            '\\' => '⧵',
            invisible if is_invisible(invisible) => '\u{fffd}',
            other => other,
        });
    }
    if text.trim().chars().nth(TEXT_LIMIT).is_some() {
        shown.push('…');
    }
    match shown.trim() {
        "" => "`-`".into(),
        shown => format!("`{shown}`"),
    }
}

fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        samples::{self, diff_of, dry_run_of},
        weights::tests as weights,
    };
    use protocol::{
        Failure,
        diff::{Change, ChangeKind},
        proposal::ProposeOutcome,
    };

    fn bundle() -> Bundle {
        let mut bundle = samples::bundle();
        let checks = [Check::pass("weights", "93 calls"), Check::warn("code-size", "large")];
        dry_run_of(&mut bundle).checks.extend(checks);
        bundle
    }

    #[test]
    fn a_comment_shows_versions_hashes_verdicts_and_size() {
        let comment = render(&[bundle()], None);
        assert!(comment.starts_with(MARKER), "{comment}");
        for wanted in [
            "## Runtime upgrades: passed",
            "| `standalone` | `1` → `2` | pass | pass | pass | pass | 1,000 bytes (+100), 25 % of the limit |",
            "| transaction_version | `1` → `3` |",
            "| blake2_256 | `0x12` |",
            "`sudo`, hash `0x34`",
            "- warn `code-size`: `large`",
            "2 changes, 1 of them breaking",
            "- `indexers and front ends`: `1` breaking",
            "| `storage-value` | `Balances.Account` | `free: u128 became u64` |",
            "`93 calls`",
            "never-fits",
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
            changed(|bundle| dry_run_of(bundle).verdict = Verdict::Fail),
            changed(|bundle| dry_run_of(bundle).verdict = Verdict::NotJudged),
            changed(|bundle| bundle.dry_run = None),
            changed(|bundle| diff_of(bundle).verdict = Verdict::Fail),
            changed(|bundle| bundle.propose = Some(ProposeOutcome::Refused { error: Failure::check("too old") })),
            changed(|bundle| bundle.weights.as_mut().expect("checked").check.verdict = Verdict::Fail),
        ] {
            assert!(comment.contains("## Runtime upgrades: failed"), "{comment}");
        }
    }

    #[test]
    fn names_from_a_chain_are_text_and_nothing_else() {
        let evil = "x` | @octocat <img src=x onerror=alert(1)> [a](https://evil.example) \\| \n## ``` #1 <!-- -->\u{202e}</details>";
        let changed = weights::compared(evil, evil, weights::pair(1, 2), weights::pair(0, 0));
        let comparison = Comparison { old: evil.into(), new: evil.into(), ..weights::comparison(vec![changed]) };
        let comment = render(&[samples::poisoned(evil)], Some(&comparison));
        assert_eq!(
            comment.matches("<!--").count() - outside(&comment).matches("<!--").count(),
            comment.matches("<!--").count() - 1
        );
        let outside = outside(&comment);
        for markup in ["octocat", "<img", "evil", "onerror", "#1", "\u{202e}", "\\"] {
            assert!(!outside.contains(markup), "{markup} outside of code in\n{outside}");
        }
        assert_eq!(outside.matches("</details>").count(), outside.matches("<details>").count());
        // Every row of a table has as many cells as its head.
        for rows in comment.split("\n\n").filter(|block| block.starts_with('|')) {
            let cells: Vec<_> =
                rows.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count()).collect();
            assert!(cells.windows(2).all(|pair| pair[0] == pair[1]), "{rows}");
        }
    }

    /// Removes the code spans, which never span several lines.
    fn outside(comment: &str) -> String {
        let lines = comment.lines().map(|line| {
            assert_eq!(line.matches('`').count() % 2, 0, "an open span: {line}");
            line.split('`').step_by(2).collect::<Vec<_>>().join("")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_comment_is_never_longer_than_github_allows() {
        let mut large = bundle();
        let long = "ü".repeat(1_000);
        let change = Change::new(ChangeKind::CallArguments, Severity::Breaking, &[], long.clone());
        diff_of(&mut large).changes = vec![change; 120];
        dry_run_of(&mut large).checks = vec![Check::fail(&long, &long).with([long.clone()]); 100];
        for count in [1, 3, 64] {
            let comment = render(&vec![large.clone(); count], None);
            assert!(comment.len() <= LIMIT, "{count}: {}", comment.len());
            assert!(comment.starts_with(MARKER) && comment.contains("more"), "{count}");
            let _ = outside(&comment);
        }
    }

    #[test]
    fn a_comment_without_affected_runtimes_says_so() {
        assert!(render(&[], None).contains("No runtime is affected"));
    }
}
