// SPDX-License-Identifier: Apache-2.0
//! A dry run as JUnit XML, which every CI shows: one suite, a case for each check.
//!
//! JUnit has no warnings: a check that warned passed, and what it said stands in its output. A check that could not look
//! is an error, JUnit's word for a case that came to no verdict.

use crate::field::{findings, list, number, text};
use serde_json::{Value, json};
use std::fmt::Write as _;

pub fn dry_run(report: &Value) -> String {
    let (checks, left_out) = (list(report, "/checks"), list(report, "/left_out"));
    let count = |status: &str| checks.iter().filter(|check| text(check, "/status") == status).count();
    let mut cases = String::new();
    for check in checks {
        cases.push_str(&case(check));
    }
    // A check that was left out is a case that was not run.
    for name in left_out {
        let check = json!({"name": name, "status": "skip", "detail": "left out as asked"});
        cases.push_str(&case(&check));
    }
    let name = format!(
        "upgrade of {} {} to {}",
        text(report, "/from/spec_name"),
        text(report, "/from/spec_version"),
        text(report, "/to/spec_version")
    );
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" \
         errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n{cases}</testsuite>\n</testsuites>\n",
        escaped(&name),
        checks.len() + left_out.len(),
        count("fail"),
        count("not_judged"),
        count("skip") + left_out.len(),
        number(report, "/seconds").unwrap_or_default(),
    )
}

fn case(check: &Value) -> String {
    let detail = escaped(&text(check, "/detail"));
    let findings: Vec<String> = findings(check).iter().map(|finding| escaped(finding)).collect();
    let findings = findings.join("\n");
    let mut inside = String::new();
    // Writing to a string does not fail.
    let _ = match text(check, "/status").as_str() {
        "fail" => writeln!(inside, "<failure message=\"{detail}\">{findings}</failure>"),
        "not_judged" => writeln!(inside, "<error message=\"{detail}\">{findings}</error>"),
        "skip" => writeln!(inside, "<skipped message=\"{detail}\"/>"),
        "warn" => writeln!(inside, "<system-out>warning: {detail}\n{findings}</system-out>"),
        _ => writeln!(inside, "<system-out>{detail}</system-out>"),
    };
    format!("<testcase classname=\"dry-run\" name=\"{}\">\n{inside}</testcase>\n", escaped(&text(check, "/name")))
}

/// Text that a runtime may have chosen: markup in it stays text, and what XML 1.0 cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_case() {
        let report = json!({
            "from": {"spec_name": "statemint", "spec_version": 1},
            "to": {"spec_name": "statemint", "spec_version": 2},
            "seconds": 1.5,
            "checks": [
                {"name": "versions", "status": "pass", "detail": "1 to 2"},
                {"name": "code-size", "status": "warn", "detail": "81 %", "findings": ["large"]},
                {"name": "try-state", "status": "skip", "detail": "no try-runtime build"},
                {"name": "healthy-blocks", "status": "not_judged", "detail": "proof of work"},
                {"name": "migrations", "status": "fail", "detail": "a < b", "findings": ["<evil a=\"b\">", "\u{1b}[31m"]},
            ],
        });
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites>\n\
            <testsuite name=\"upgrade of statemint 1 to 2\" tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"1.500\">\n\
            <testcase classname=\"dry-run\" name=\"versions\">\n<system-out>1 to 2</system-out>\n</testcase>\n\
            <testcase classname=\"dry-run\" name=\"code-size\">\n<system-out>warning: 81 %\nlarge</system-out>\n</testcase>\n\
            <testcase classname=\"dry-run\" name=\"try-state\">\n<skipped message=\"no try-runtime build\"/>\n</testcase>\n\
            <testcase classname=\"dry-run\" name=\"healthy-blocks\">\n<error message=\"proof of work\"></error>\n</testcase>\n\
            <testcase classname=\"dry-run\" name=\"migrations\">\n<failure message=\"a &lt; b\">&lt;evil a=&quot;b&quot;&gt;\n\
            \u{fffd}[31m</failure>\n</testcase>\n\
            </testsuite>\n</testsuites>\n";
        assert_eq!(dry_run(&report), expected);
    }

    #[test]
    fn a_check_that_was_left_out_is_skipped() {
        let report = json!({
            "checks": [{"name": "versions", "status": "pass", "detail": "1 to 2"}],
            "left_out": ["weights"],
        });
        let suite = dry_run(&report);
        assert!(suite.contains("tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"1\""), "{suite}");
        assert!(suite.contains("name=\"weights\">\n<skipped message=\"left out as asked\"/>"), "{suite}");
    }
}
