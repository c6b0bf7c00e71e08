// SPDX-License-Identifier: Apache-2.0
//! Renders compared and checked weights: for a terminal, as Markdown for a pull request, and as
//! CSV.

use crate::{
    field::{grouped, stated},
    steps::counted,
    table,
};
use protocol::weights::{
    EditOutcome, ManualEdit, Rendered, Written,
    check::{AgainstRelease, Checks, Report, StepResult},
    compare::{Change, Compared, Comparison, Pair},
};

/// The most rows in a text for people. The JSON and the CSV have all rows.
const ROW_LIMIT: usize = 50;

/// Returns the relevant extrinsics: changed, added, removed or not comparable, the largest changes
/// first.
pub(crate) fn relevant(comparison: &Comparison) -> Vec<&Compared> {
    let mut rows: Vec<&Compared> = comparison.extrinsics.iter().filter(|one| one.change != Change::Unchanged).collect();
    rows.sort_by(|left, right| magnitude(right).total_cmp(&magnitude(left)));
    rows
}

/// Returns the size of a change in percent. Growth from 0 is infinite.
fn magnitude(compared: &Compared) -> f64 {
    let both = &compared.by_method;
    both.ref_time.growth().abs().max(both.proof_size.growth().abs())
}

fn percent(pair: Pair) -> String {
    match pair.percent {
        _ if pair.growth().is_infinite() => "from 0".into(),
        Some(percent) => format!("{percent:+.1} %"),
        None => "-".into(),
    }
}

fn picoseconds(value: Option<u64>) -> String {
    match value.map(|value| value as f64) {
        None => "-".into(),
        Some(value) if value >= 1e9 => format!("{:.2} ms", value / 1e9),
        Some(value) => format!("{:.2} µs", value / 1e6),
    }
}

fn bytes(value: Option<u64>) -> String {
    value.map_or_else(|| "-".into(), grouped)
}

pub(crate) const HEAD: [&str; 9] = [
    "extrinsic",
    "change",
    "time before",
    "after",
    "change of time",
    "proof before",
    "after",
    "change of proof",
    "note",
];

fn row(compared: &Compared) -> Vec<String> {
    let (time, proof) = (compared.by_method.ref_time, compared.by_method.proof_size);
    let mut notes: Vec<String> = Vec::new();
    if compared.beyond_threshold {
        notes.push("beyond the threshold".into());
    }
    notes.extend(compared.no_longer_fits.iter().map(|what| format!("{what} no longer fits in a block")));
    notes.extend(compared.problem.clone());
    vec![
        format!("{}::{}", compared.pallet, compared.extrinsic),
        compared.change.name().into(),
        picoseconds(time.old),
        picoseconds(time.new),
        percent(time),
        bytes(proof.old),
        bytes(proof.new),
        percent(proof),
        notes.join("; "),
    ]
}

/// Returns the relevant extrinsics as rows under [`HEAD`].
pub(crate) fn relevant_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    relevant(comparison).into_iter().map(row).collect()
}

fn rows(comparison: &Comparison) -> (Vec<Vec<String>>, String) {
    let all = relevant(comparison);
    let more = all.len().saturating_sub(ROW_LIMIT);
    let more = if more > 0 { format!("and {more} more, which are in the JSON and the CSV\n") } else { String::new() };
    (all.into_iter().take(ROW_LIMIT).map(row).collect(), more)
}

/// Renders a comparison for a terminal.
pub fn terminal(comparison: &Comparison) -> String {
    let (rows, more) = rows(comparison);
    if rows.is_empty() {
        return summary(comparison);
    }
    let head = vec![HEAD.iter().map(|cell| (*cell).to_uppercase()).collect()];
    format!("{}{more}\n{}", table::aligned(&[head, rows].concat()), summary(comparison))
}

/// Renders the summary of a comparison, without its extrinsics.
pub fn summary(comparison: &Comparison) -> String {
    let count = &comparison.summary;
    let mut lines = vec![
        vec![
            "compared".into(),
            format!("{} with {}, {}", comparison.old, comparison.new, comparison.options.method.name()),
        ],
        vec![
            "extrinsics".into(),
            format!(
                "{} changed, {} unchanged, {} new, {} removed, {} incomparable",
                count.changed, count.unchanged, count.new, count.removed, count.incomparable
            ),
        ],
        vec!["beyond".into(), format!("{} by more than {} %", count.beyond_threshold, comparison.options.threshold)],
        vec!["too large".into(), format!("{} no longer fit in a block", count.no_longer_fits)],
    ];
    lines.extend(transfers(comparison));
    lines.push(vec!["verdict".into(), stated(comparison.verdict).to_uppercase()]);
    table::aligned(&lines)
}

/// Returns the rows of transfers, the most common paid calls.
fn transfers(comparison: &Comparison) -> Vec<Vec<String>> {
    let is_transfer = |one: &&Compared| {
        one.pallet == "pallet_balances"
            && ["transfer_allow_death", "transfer_keep_alive"].contains(&one.extrinsic.as_str())
    };
    let line = |one: &Compared| {
        let time = one.by_method.ref_time;
        let cost = format!("{} to {} ({})", picoseconds(time.old), picoseconds(time.new), percent(time));
        vec![one.extrinsic.clone(), cost]
    };
    comparison.extrinsics.iter().filter(is_transfer).map(line).collect()
}

/// Renders a comparison as Markdown for a pull request.
pub fn markdown(comparison: &Comparison) -> String {
    let (rows, more) = rows(comparison);
    let mut page = format!(
        "### Weights: {}\n\n{} compared with {} by `{}`, threshold {} %.\n\n",
        stated(comparison.verdict),
        table::escape(&comparison.old),
        table::escape(&comparison.new),
        comparison.options.method.name(),
        comparison.options.threshold,
    );
    if rows.is_empty() {
        page.push_str("Nothing changed.\n");
    } else {
        page.push_str(&table::markdown(&HEAD, &rows));
        page.push_str(&more);
    }
    page
}

/// Renders every extrinsic of a comparison as a CSV row.
pub fn csv(comparison: &Comparison) -> String {
    const HEAD: &str = "pallet,extrinsic,change,beyond_threshold,problem,ref_time_old,ref_time_new,ref_time_percent,\
        proof_size_old,proof_size_new,proof_size_percent,base_ref_time_old,base_ref_time_new,greatest_ref_time_old,\
        greatest_ref_time_new,reads_old,reads_new,writes_old,writes_new\n";
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let sides = |pair: Pair| [number(pair.old), number(pair.new)];
    let percent = |pair: Pair| [pair.percent.map(|percent| format!("{percent:?}")).unwrap_or_default()];
    let mut page = HEAD.to_owned();
    for compared in &comparison.extrinsics {
        let (time, proof) = (compared.by_method.ref_time, compared.by_method.proof_size);
        let named = [
            cell(&compared.pallet),
            cell(&compared.extrinsic),
            cell(compared.change.name()),
            compared.beyond_threshold.to_string(),
            compared.problem.as_deref().map(cell).unwrap_or_default(),
        ];
        let cells = [
            &named[..],
            &sides(time),
            &percent(time),
            &sides(proof),
            &percent(proof),
            &sides(compared.base.ref_time),
            &sides(compared.greatest.ref_time),
            &sides(compared.reads),
            &sides(compared.writes),
        ];
        page.push_str(&cells.concat().join(","));
        page.push('\n');
    }
    page
}

/// Quotes a CSV cell, and keeps spreadsheets from reading it as a formula.
fn cell(text: &str) -> String {
    let text: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    let harmless = text.chars().next().is_none_or(|first| first.is_alphanumeric() || first == '_');
    format!("\"{}{}\"", if harmless { "" } else { "'" }, text.replace('"', "\"\""))
}

/// Renders the findings of `weights check` by runtime.
pub fn checked(checks: &Checks) -> String {
    let mut page = String::new();
    for runtime in &checks.runtimes {
        page.push_str(&findings(runtime));
        page.push('\n');
    }
    page.push_str(&format!("verdict  {}\n", stated(checks.verdict).to_uppercase()));
    page
}

fn findings(report: &Report) -> String {
    let mut lines = vec![vec![
        "runtime".into(),
        format!(
            "{}: {}, {} with {}",
            report.runtime,
            counted(report.pallets, "pallet"),
            counted(report.files, "weight file"),
            counted(report.extrinsics, "extrinsic")
        ),
    ]];
    for finding in &report.findings {
        lines.push(vec![finding.severity.name().into(), finding.to_string()]);
    }
    if lines.len() == 1 {
        lines.push(vec!["pass".into(), "no findings".into()]);
    }
    lines.extend(report.not_checked.iter().map(|why| vec!["skipped".into(), why.clone()]));
    table::aligned(&lines)
}

/// The most rows in a report for voters.
const REPORT_ROW_LIMIT: usize = 25;

/// Formats in one sentence how the weights differ from those of the previous release. Returns
/// `None` if there is no previous release.
pub(crate) fn against_release(weights: &StepResult) -> Option<String> {
    Some(match weights.comparison.as_ref()? {
        AgainstRelease::Skipped { skipped } => format!("Not compared with the previous release: {skipped}."),
        AgainstRelease::Compared(comparison) => {
            let count = &comparison.summary;
            format!(
                "Against {}: {} changed, {} unchanged, {} new, {} removed; {} by more than {} %.",
                comparison.old,
                count.changed,
                count.unchanged,
                count.new,
                count.removed,
                count.beyond_threshold,
                comparison.options.threshold
            )
        }
    })
}

/// Returns the largest changes since the previous release, as rows under [`HEAD`].
fn largest_against_release(weights: &StepResult) -> Vec<Vec<String>> {
    match &weights.comparison {
        Some(AgainstRelease::Compared(comparison)) => {
            relevant(comparison).into_iter().take(REPORT_ROW_LIMIT).map(row).collect()
        }
        _ => Vec::new(),
    }
}

/// Renders the section of a bundle's report: the weights compared with those of the previous
/// release.
pub fn section_of_report(weights: &StepResult) -> String {
    let Some(summary) = against_release(weights) else { return String::new() };
    let rows = largest_against_release(weights);
    let table = if rows.is_empty() { String::new() } else { format!("\n{}", table::markdown(&HEAD, &rows)) };
    format!("\n{}\n{table}", table::escape(&summary))
}

/// Renders the list of files that `weights render` wrote.
pub fn rendered(rendered: &Rendered) -> String {
    let mut lines = Vec::new();
    for file in &rendered.files {
        let state = if file.changed { "written" } else { "unchanged" };
        lines.push(vec![state.into(), file.file.display().to_string(), counted(file.extrinsics, "extrinsic")]);
        for kept in &file.kept {
            let value = format!("{}: {}", kept.extrinsic, kept.value);
            let why = format!("{} measured, within ±{} of {}", kept.measured, kept.half_width, kept.old);
            lines.push(vec!["kept".into(), value, why]);
        }
        lines.extend(manual_edits(file));
    }
    table::aligned(&lines)
}

/// Returns rows on manual additions in a file that was replaced.
pub(crate) fn manual_edits(file: &Written) -> Vec<Vec<String>> {
    let line = |one: &ManualEdit| {
        let fate = match one.fate {
            EditOutcome::Kept => "kept",
            EditOutcome::Measured => "left out: it is measured now",
            EditOutcome::Gone => "LOST: the new file has no place for it",
        };
        let place = match one.extrinsic.as_str() {
            "" => format!("line {}", one.line),
            extrinsic => format!("{extrinsic}, line {}", one.line),
        };
        vec!["by hand".into(), format!("{place}: {}", one.text.lines().last().unwrap_or_default().trim()), fate.into()]
    };
    file.by_hand.iter().map(line).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use protocol::weights::check::Finding;
    use protocol::{
        Verdict, format,
        weights::{
            check::{Rule, Severity},
            compare::{Both, Options, Summary},
        },
    };

    pub(crate) fn compared(pallet: &str, extrinsic: &str, ref_time: Pair, proof_size: Pair) -> Compared {
        Compared {
            pallet: pallet.into(),
            extrinsic: extrinsic.into(),
            change: if ref_time.growth() == 0.0 && proof_size.growth() == 0.0 {
                Change::Unchanged
            } else {
                Change::Changed
            },
            by_method: Both { ref_time, proof_size },
            base: Both::default(),
            slopes: Default::default(),
            greatest: Both::default(),
            reads: Pair::default(),
            writes: Pair::default(),
            beyond_threshold: false,
            no_longer_fits: Vec::new(),
            problem: None,
        }
    }

    pub(crate) fn pair(old: u64, new: u64) -> Pair {
        Pair::new(Some(old), Some(new))
    }

    pub(crate) fn comparison(extrinsics: Vec<Compared>) -> Comparison {
        Comparison {
            format: format::WEIGHTS_COMPARISON.into(),
            old: "main".into(),
            new: "weights|x".into(),
            options: Options::default(),
            extrinsics,
            summary: Summary { changed: 2, unchanged: 1, incomparable: 1, beyond_threshold: 1, ..Summary::default() },
            verdict: Verdict::Fail,
        }
    }

    pub(crate) fn finding(rule: Rule, severity: Severity, pallet: Option<&str>, detail: &str) -> Finding {
        let pallet = pallet.map(str::to_owned);
        Finding { rule, severity, pallet, extrinsic: None, file: None, line: None, detail: detail.into() }
    }

    /// Returns a passed check of one file with two extrinsics.
    pub(crate) fn passed(findings: Vec<Finding>) -> StepResult {
        let check = Report {
            format: format::WEIGHTS.into(),
            runtime: "r".into(),
            pallets: 3,
            wires: Vec::new(),
            files: 1,
            extrinsics: 2,
            findings,
            not_checked: Vec::new(),
            verdict: Verdict::Pass,
        };
        StepResult { check, comparison: None, benchmarked: None }
    }

    fn of_all_kinds() -> Comparison {
        let odd = Compared {
            change: Change::Incomparable,
            problem: Some("no sum, \"x\"".into()),
            ..compared("p", "odd", Pair::default(), Pair::default())
        };
        let heavy = Compared {
            beyond_threshold: true,
            no_longer_fits: vec!["ref_time".into()],
            ..compared("=cmd|<b>", "f", pair(2_000_000_000, 3_000_000_000), pair(0, 5))
        };
        let transfer =
            compared("pallet_balances", "transfer_keep_alive", pair(100_000_000, 101_000_000), pair(3593, 3593));
        comparison(vec![transfer, heavy, compared("p", "same", pair(1, 1), pair(1, 1)), odd])
    }

    #[test]
    fn a_report_has_the_largest_changes_since_the_release_before() {
        let with = |comparison| section_of_report(&StepResult { comparison, ..passed(Vec::new()) });
        assert_eq!(with(None), "");
        let skipped = with(Some(AgainstRelease::Skipped { skipped: "v1 has no weight files".into() }));
        assert!(skipped.contains("Not compared with the previous release: v1 has no weight files."));
        let section = with(Some(AgainstRelease::Compared(Box::new(of_all_kinds()))));
        assert!(
            section.starts_with("\nAgainst main: 2 changed, 1 unchanged, 0 new, 0 removed; 1 by more than 5 %."),
            "{section}"
        );
        assert!(section.contains("| extrinsic | change |") && section.lines().count() > 4, "{section}");
    }

    #[test]
    fn the_largest_change_is_first_and_unchanged_rows_are_left_out() {
        let page = terminal(&of_all_kinds());
        let lines: Vec<&str> = page.lines().collect();
        assert!(
            lines[1].starts_with("=cmd|<b>::f") && lines[1].contains("from 0") && lines[1].contains("3.00 ms"),
            "{page}"
        );
        assert!(lines[1].contains("beyond the threshold; ref_time no longer fits in a block"));
        assert!(lines[2].contains("+1.0 %") && !page.contains("same"));
        assert!(
            page.contains("transfer_keep_alive  100.00 µs to 101.00 µs (+1.0 %)") && page.contains("FAILED"),
            "{page}"
        );
        assert!(page.contains("1 by more than 5 %"), "{page}");
    }

    #[test]
    fn names_cannot_become_markup_or_formulas() {
        let page = markdown(&of_all_kinds());
        assert!(page.contains("=cmd\\|\\<b\\>::f") && page.contains("weights\\|x"), "{page}");
        let page = csv(&of_all_kinds());
        assert!(page.contains("\"'=cmd|<b>\"") && page.contains("\"no sum, \"\"x\"\"\""), "{page}");
        let cells: Vec<_> = page.lines().take(2).map(|line| line.split(',').count()).collect();
        assert_eq!(cells, [19, 19]);
        assert!(
            page.lines().any(|line| line.starts_with("\"p\",\"same\",\"unchanged\",false,,1,1,0.0,1,1,0.0,")),
            "{page}"
        );
    }

    #[test]
    fn findings_are_shown_with_their_place() {
        let placed = Finding {
            extrinsic: Some("f".into()),
            file: Some("src/weights/pallet_x.rs".into()),
            line: Some(8),
            ..finding(Rule::ZeroProof, Severity::Failure, Some("pallet_x"), "reads A")
        };
        let none = finding(Rule::NoWeightFiles, Severity::Warning, None, "none");
        let checks = Checks {
            format: format::WEIGHTS_CHECKS.into(),
            runtimes: vec![passed(vec![placed, none]).check],
            verdict: Verdict::Fail,
        };
        assert_eq!(
            checked(&checks),
            "runtime  r: 3 pallets, 1 weight file with 2 extrinsics\n\
             failure  zero-proof  pallet_x::f (src/weights/pallet_x.rs:8): reads A\n\
             warning  no-weight-files: none\n\nverdict  FAILED\n"
        );
    }
}
