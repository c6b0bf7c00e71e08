// SPDX-License-Identifier: Apache-2.0
//! Weights compared, checked and rendered: for a terminal, as Markdown for a pull request, as CSV.

use crate::{
    field::{grouped, list, number, text},
    table,
};
use serde_json::Value;

/// So many rows stand in what people read; all are in the JSON and the CSV.
const ROW_LIMIT: usize = 50;

/// Those of interest: what changed, came, went or cannot be compared, the largest changes first.
pub(crate) fn of_interest(comparison: &Value) -> Vec<&Value> {
    let mut rows: Vec<&Value> =
        list(comparison, "/extrinsics").iter().filter(|one| text(one, "/change") != "unchanged").collect();
    rows.sort_by(|left, right| magnitude(right).total_cmp(&magnitude(left)));
    rows
}

/// How large a change is, in percent; growth from nothing is larger than any.
pub(crate) fn magnitude(compared: &Value) -> f64 {
    ["/ref_time", "/proof_size"].iter().map(|pair| change(compared, pair).abs()).fold(0.0, f64::max)
}

/// Percent by which a pair changed.
pub(crate) fn change(compared: &Value, pair: &str) -> f64 {
    let at = |key: &str| number(compared, &format!("{pair}/{key}"));
    match (at("percent"), at("old"), at("new")) {
        (Some(percent), ..) => percent,
        (None, Some(_), Some(new)) if new > 0.0 => f64::INFINITY,
        _ => 0.0,
    }
}

fn percent(compared: &Value, pair: &str) -> String {
    let change = change(compared, pair);
    match change.is_infinite() {
        true => "from 0".into(),
        false if text(compared, &format!("{pair}/percent")) == "-" => "-".into(),
        false => format!("{change:+.1} %"),
    }
}

fn picoseconds(compared: &Value, pointer: &str) -> String {
    match number(compared, pointer) {
        None => "-".into(),
        Some(value) if value >= 1e9 => format!("{:.2} ms", value / 1e9),
        Some(value) => format!("{:.2} µs", value / 1e6),
    }
}

fn bytes(compared: &Value, pointer: &str) -> String {
    compared.pointer(pointer).and_then(Value::as_u64).map_or_else(|| "-".into(), grouped)
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

fn row(compared: &Value) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    if text(compared, "/beyond_threshold") == "yes" {
        notes.push("beyond the threshold".into());
    }
    notes.extend(
        list(compared, "/no_longer_fits").iter().map(|what| format!("{} no longer fits in a block", text(what, ""))),
    );
    notes.extend(compared.pointer("/problem").map(|problem| text(problem, "")));
    vec![
        format!("{}::{}", text(compared, "/pallet"), text(compared, "/extrinsic")),
        text(compared, "/change"),
        picoseconds(compared, "/ref_time/old"),
        picoseconds(compared, "/ref_time/new"),
        percent(compared, "/ref_time"),
        bytes(compared, "/proof_size/old"),
        bytes(compared, "/proof_size/new"),
        percent(compared, "/proof_size"),
        notes.join("; "),
    ]
}

/// Those of interest as rows under [`HEAD`].
pub(crate) fn rows_of_interest(comparison: &Value) -> Vec<Vec<String>> {
    of_interest(comparison).into_iter().map(row).collect()
}

fn rows(comparison: &Value) -> (Vec<Vec<String>>, String) {
    let all = of_interest(comparison);
    let more = all.len().saturating_sub(ROW_LIMIT);
    let more = if more > 0 { format!("and {more} more, which are in the JSON and the CSV\n") } else { String::new() };
    (all.into_iter().take(ROW_LIMIT).map(row).collect(), more)
}

pub fn terminal(comparison: &Value) -> String {
    let (rows, more) = rows(comparison);
    if rows.is_empty() {
        return summary(comparison);
    }
    let head = vec![HEAD.iter().map(|cell| (*cell).to_uppercase()).collect()];
    format!("{}{more}\n{}", table::aligned(&[head, rows].concat()), summary(comparison))
}

pub fn summary(comparison: &Value) -> String {
    let count = |name: &str| text(comparison, &format!("/summary/{name}"));
    let mut lines = vec![
        vec![
            "compared".into(),
            format!("{} with {}, {}", text(comparison, "/old"), text(comparison, "/new"), text(comparison, "/method")),
        ],
        vec![
            "extrinsics".into(),
            format!(
                "{} changed, {} unchanged, {} new, {} removed, {} incomparable",
                count("changed"),
                count("unchanged"),
                count("new"),
                count("removed"),
                count("incomparable")
            ),
        ],
        vec![
            "beyond".into(),
            format!("{} by more than {} %", count("beyond_threshold"), text(comparison, "/threshold")),
        ],
        vec!["too large".into(), format!("{} no longer fit in a block", count("no_longer_fits"))],
    ];
    lines.extend(transfers(comparison));
    lines.push(vec!["verdict".into(), text(comparison, "/verdict").to_uppercase()]);
    table::aligned(&lines)
}

/// What people pay most often for.
fn transfers(comparison: &Value) -> Vec<Vec<String>> {
    let is_transfer = |one: &&Value| {
        text(one, "/pallet") == "pallet_balances"
            && ["transfer_allow_death", "transfer_keep_alive"].contains(&text(one, "/extrinsic").as_str())
    };
    let line = |one: &Value| {
        let cost = format!(
            "{} to {} ({})",
            picoseconds(one, "/ref_time/old"),
            picoseconds(one, "/ref_time/new"),
            percent(one, "/ref_time")
        );
        vec![text(one, "/extrinsic"), cost]
    };
    list(comparison, "/extrinsics").iter().filter(is_transfer).map(line).collect()
}

pub fn markdown(comparison: &Value) -> String {
    let (rows, more) = rows(comparison);
    let mut page = format!(
        "### Weights: {}\n\n{} compared with {} by `{}`, threshold {} %.\n\n",
        text(comparison, "/verdict"),
        table::escape(&text(comparison, "/old")),
        table::escape(&text(comparison, "/new")),
        table::escape(&text(comparison, "/method")),
        text(comparison, "/threshold"),
    );
    if rows.is_empty() {
        page.push_str("Nothing changed.\n");
    } else {
        page.push_str(&table::markdown(&HEAD, &rows));
        page.push_str(&more);
    }
    page
}

pub fn csv(comparison: &Value) -> String {
    let numbers = [
        "ref_time/old",
        "ref_time/new",
        "ref_time/percent",
        "proof_size/old",
        "proof_size/new",
        "proof_size/percent",
        "base/ref_time/old",
        "base/ref_time/new",
        "greatest/ref_time/old",
        "greatest/ref_time/new",
        "reads/old",
        "reads/new",
        "writes/old",
        "writes/new",
    ];
    let names = ["pallet", "extrinsic", "change", "beyond_threshold", "problem"];
    let head: Vec<String> = names.iter().chain(&numbers).map(|name| name.replace('/', "_")).collect();
    let mut page = head.join(",") + "\n";
    for compared in list(comparison, "/extrinsics") {
        let named = names.iter().map(|name| cell(compared.pointer(&format!("/{name}"))));
        let cells: Vec<String> =
            named.chain(numbers.iter().map(|name| cell(compared.pointer(&format!("/{name}"))))).collect();
        page.push_str(&cells.join(","));
        page.push('\n');
    }
    page
}

/// A cell that no reader splits, and no spreadsheet takes for a formula.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => {
            let text: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
            let harmless = text.chars().next().is_none_or(|first| first.is_alphanumeric() || first == '_');
            format!("\"{}{}\"", if harmless { "" } else { "'" }, text.replace('"', "\"\""))
        }
        Some(other) => other.to_string(),
    }
}

/// What `weights check` found, by runtime.
pub fn checked(document: &Value) -> String {
    let mut page = String::new();
    for runtime in list(document, "/runtimes") {
        page.push_str(&findings(runtime));
        page.push('\n');
    }
    page.push_str(&format!("verdict  {}\n", text(document, "/verdict").to_uppercase()));
    page
}

fn findings(runtime: &Value) -> String {
    let mut lines = vec![vec![
        "runtime".into(),
        format!(
            "{}: {} pallets, {} weight files with {} extrinsics",
            text(runtime, "/runtime"),
            text(runtime, "/pallets"),
            text(runtime, "/files"),
            text(runtime, "/extrinsics")
        ),
    ]];
    for finding in list(runtime, "/findings") {
        lines.push(vec![text(finding, "/severity"), finding_line(finding)]);
    }
    if lines.len() == 1 {
        lines.push(vec!["pass".into(), "no findings".into()]);
    }
    lines.extend(list(runtime, "/not_checked").iter().map(|why| vec!["skipped".into(), text(why, "")]));
    table::aligned(&lines)
}

/// `zero-proof  pallet_x::f (src/weights/pallet_x.rs:8): reads A, and …`
pub fn finding_line(finding: &Value) -> String {
    let rule = text(finding, "/rule");
    match subject(finding).as_str() {
        "" => format!("{rule}: {}", text(finding, "/detail")),
        _ => format!("{rule}  {}", finding_place(finding)),
    }
}

/// The same without the rule.
pub fn finding_place(finding: &Value) -> String {
    let detail = text(finding, "/detail");
    match subject(finding).as_str() {
        "" => detail,
        subject => format!("{subject}: {detail}"),
    }
}

/// What a finding is about, and where that is.
fn subject(finding: &Value) -> String {
    let named = |key: &str, before: &str| match finding.pointer(key) {
        None | Some(Value::Null) => String::new(),
        Some(_) => format!("{before}{}", text(finding, key)),
    };
    let place = match named("/file", "").as_str() {
        "" => String::new(),
        file => format!(" ({file}{})", named("/line", ":")),
    };
    format!("{}{}{place}", named("/pallet", ""), named("/extrinsic", "::")).trim_start().to_owned()
}

/// So many rows are in a report that people vote on.
const IN_REPORT: usize = 25;

/// In a sentence how the weights of an upgrade differ from those of the release before; nothing where there is none.
pub(crate) fn against_release(weights: &Value) -> Option<String> {
    let comparison = weights.pointer("/comparison").filter(|found| found.is_object())?;
    if let Some(why) = comparison.pointer("/skipped") {
        return Some(format!("Not compared with the release before: {}.", text(why, "")));
    }
    let count = |name: &str| text(comparison, &format!("/summary/{name}"));
    Some(format!(
        "Against {}: {} changed, {} unchanged, {} new, {} removed; {} by more than {} %.",
        text(comparison, "/old"),
        count("changed"),
        count("unchanged"),
        count("new"),
        count("removed"),
        count("beyond_threshold"),
        text(comparison, "/threshold").trim_end_matches(".0")
    ))
}

/// Their largest changes, under [`HEAD`].
pub(crate) fn largest_against_release(weights: &Value) -> Vec<Vec<String>> {
    let comparison = weights.pointer("/comparison").unwrap_or(&Value::Null);
    of_interest(comparison).into_iter().take(IN_REPORT).map(row).collect()
}

/// For the report of a bundle: the weights held against those of the release before.
pub fn section_of_report(weights: &Value) -> String {
    let Some(told) = against_release(weights) else { return String::new() };
    let rows = largest_against_release(weights);
    let table = if rows.is_empty() { String::new() } else { format!("\n{}", table::markdown(&HEAD, &rows)) };
    format!("\n{}\n{table}", table::escape(&told))
}

/// The files that `weights render` wrote.
pub fn rendered(document: &Value) -> String {
    let mut lines = Vec::new();
    for file in list(document, "/files") {
        let state = if text(file, "/changed") == "yes" { "written" } else { "unchanged" };
        lines.push(vec![state.into(), text(file, "/file"), format!("{} extrinsics", text(file, "/extrinsics"))]);
        for kept in list(file, "/kept") {
            let value = format!("{}: {}", text(kept, "/extrinsic"), text(kept, "/value"));
            let why = format!(
                "{} measured, within ±{} of {}",
                text(kept, "/measured"),
                text(kept, "/half_width"),
                text(kept, "/old")
            );
            lines.push(vec!["kept".into(), value, why]);
        }
        lines.extend(by_hand(file));
    }
    table::aligned(&lines)
}

/// What people had added to the file that was replaced.
pub(crate) fn by_hand(file: &Value) -> Vec<Vec<String>> {
    let line = |one: &Value| {
        let fate = match text(one, "/fate").as_str() {
            "kept" => "kept",
            "measured" => "left out: as much is measured now",
            _ => "GONE: it has no place in the new file",
        };
        let place = match text(one, "/extrinsic").as_str() {
            "" | "-" => format!("line {}", text(one, "/line")),
            extrinsic => format!("{extrinsic}, line {}", text(one, "/line")),
        };
        let last = text(one, "/text");
        vec!["by hand".into(), format!("{place}: {}", last.lines().last().unwrap_or_default().trim()), fate.into()]
    };
    list(file, "/by_hand").iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_has_the_largest_changes_since_the_release_before() {
        assert_eq!(section_of_report(&json!({"verdict": "pass", "comparison": null})), "");
        let skipped = json!({"comparison": {"skipped": "v1 has no weight files"}});
        assert!(section_of_report(&skipped).contains("Not compared with the release before: v1 has no weight files."));
        let section = section_of_report(&json!({"comparison": comparison()}));
        assert!(
            section.starts_with("\nAgainst main: 2 changed, 1 unchanged, 0 new, 0 removed; 1 by more than 5 %."),
            "{section}"
        );
        assert!(section.contains("| extrinsic | change |") && section.lines().count() > 4, "{section}");
    }

    pub(crate) fn comparison() -> Value {
        let pair = |old: u64, new: u64| json!({"old": old, "new": new, "percent": (new as f64 - old as f64) * 100.0 / old as f64});
        json!({
            "old": "main", "new": "weights|x", "method": "guess-worst", "threshold": 5.0, "verdict": "fail",
            "summary": {"changed": 2, "unchanged": 1, "new": 0, "removed": 0, "incomparable": 1, "beyond_threshold": 1, "no_longer_fits": 0},
            "extrinsics": [
                {"pallet": "pallet_balances", "extrinsic": "transfer_keep_alive", "change": "changed", "beyond_threshold": false,
                 "no_longer_fits": [], "ref_time": pair(100_000_000, 101_000_000), "proof_size": pair(3593, 3593)},
                {"pallet": "=cmd|<b>", "extrinsic": "f", "change": "changed", "beyond_threshold": true, "no_longer_fits": ["ref_time"],
                 "ref_time": pair(2_000_000_000, 3_000_000_000), "proof_size": {"old": 0, "new": 5, "percent": null}},
                {"pallet": "p", "extrinsic": "same", "change": "unchanged", "ref_time": pair(1, 1), "proof_size": pair(1, 1)},
                {"pallet": "p", "extrinsic": "odd", "change": "incomparable", "problem": "no sum, \"x\"", "ref_time": {}, "proof_size": {}},
            ],
        })
    }

    #[test]
    fn the_largest_change_stands_first_and_what_is_unchanged_nowhere() {
        let page = terminal(&comparison());
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
    }

    #[test]
    fn names_cannot_become_markup_or_formulas() {
        let page = markdown(&comparison());
        assert!(page.contains("=cmd\\|\\<b\\>::f") && page.contains("weights\\|x"), "{page}");
        let page = csv(&comparison());
        assert!(page.contains("\"'=cmd|<b>\"") && page.contains("\"no sum, \"\"x\"\"\""), "{page}");
        let cells = page.lines().next().map(|head| head.split(',').count());
        assert_eq!(cells, Some(19));
        assert!(page.lines().any(|line| line.starts_with("\"p\",\"same\",\"unchanged\"")), "all are in the CSV");
    }

    #[test]
    fn findings_are_shown_with_their_place() {
        let finding = json!({"rule": "zero-proof", "severity": "failure", "pallet": "pallet_x", "extrinsic": "f",
            "file": "src/weights/pallet_x.rs", "line": 8, "detail": "reads A"});
        let none =
            json!({"rule": "no-weight-files", "severity": "warning", "pallet": null, "file": null, "detail": "none"});
        let report = json!({"runtime": "r", "pallets": 3, "files": 1, "extrinsics": 2, "findings": [finding, none]});
        let page = checked(&json!({"runtimes": [report], "verdict": "fail"}));
        assert_eq!(
            page,
            "runtime  r: 3 pallets, 1 weight files with 2 extrinsics\n\
             failure  zero-proof  pallet_x::f (src/weights/pallet_x.rs:8): reads A\n\
             warning  no-weight-files: none\n\nverdict  FAILED\n"
        );
    }

    #[test]
    fn documents_of_another_version_leave_gaps() {
        for value in [json!(null), json!({"extrinsics": [1, {}], "runtimes": [{}], "files": [{"kept": [{}]}]})] {
            let _ = (terminal(&value), markdown(&value), csv(&value), checked(&value), rendered(&value));
        }
    }
}
