// SPDX-License-Identifier: Apache-2.0
//! Renders a dry run as JUnit XML, which CI systems can show: one suite with a case for each check.
//!
//! JUnit has no warnings. A check that warned is a passed case with its findings in the output. A
//! check that was not judged is an error, JUnit's term for a case without a verdict.

use crate::field::findings;
use protocol::{Check, Status, dry_run::DryRunReport};
use std::fmt::Write as _;

/// Renders a dry run as JUnit XML. A check that was left out is a skipped test case.
pub fn dry_run(report: &DryRunReport) -> String {
    let left_out = report.left_out.iter().map(|name| Check::skip(name, "left out as requested"));
    let checks: Vec<Check> = report.checks.iter().cloned().chain(left_out).collect();
    let count = |status: Status| checks.iter().filter(|check| check.status == status).count();
    let cases: String = checks.iter().map(case).collect();
    let name =
        format!("upgrade of {} {} to {}", report.from.spec_name, report.from.spec_version, report.to.spec_version);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" \
         errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n{cases}</testsuite>\n</testsuites>\n",
        escaped(&name),
        checks.len(),
        count(Status::Fail),
        count(Status::NotJudged),
        count(Status::Skip),
        report.seconds,
    )
}

fn case(check: &Check) -> String {
    let detail = escaped(&check.detail);
    let findings: Vec<String> = findings(check).iter().map(|finding| escaped(finding)).collect();
    let findings = findings.join("\n");
    let mut inside = String::new();
    // Writing to a string cannot fail.
    let _ = match check.status {
        Status::Fail => writeln!(inside, "<failure message=\"{detail}\">{findings}</failure>"),
        Status::NotJudged => writeln!(inside, "<error message=\"{detail}\">{findings}</error>"),
        Status::Skip => writeln!(inside, "<skipped message=\"{detail}\"/>"),
        Status::Warn => writeln!(inside, "<system-out>warning: {detail}\n{findings}</system-out>"),
        Status::Pass => writeln!(inside, "<system-out>{detail}</system-out>"),
    };
    format!("<testcase classname=\"dry-run\" name=\"{}\">\n{inside}</testcase>\n", escaped(&check.name))
}

/// Escapes text that a runtime may have chosen. Characters that are invalid in XML 1.0 are
/// replaced.
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
    use protocol::RuntimeIdentity;

    #[test]
    fn each_check_is_a_case() {
        let runtime = |spec_version| RuntimeIdentity {
            spec_name: "statemint".into(),
            spec_version,
            ..RuntimeIdentity::default()
        };
        let report = DryRunReport {
            from: runtime(1),
            to: runtime(2),
            seconds: 1.5,
            checks: vec![
                Check::pass("versions", "1 to 2"),
                Check::warn("code-size", "81 %").with(["large"]),
                Check::skip("try-state", "no try-runtime build"),
                Check::not_judged("healthy-blocks", "proof of work"),
                Check::fail("migrations", "a < b").with(["<evil a=\"b\">", "\u{1b}[31m"]),
            ],
            ..DryRunReport::default()
        };
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
        let report = DryRunReport {
            checks: vec![Check::pass("versions", "1 to 2")],
            left_out: vec!["weights".into()],
            ..DryRunReport::default()
        };
        let suite = dry_run(&report);
        assert!(suite.contains("tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"1\""), "{suite}");
        assert!(suite.contains("name=\"weights\">\n<skipped message=\"left out as requested\"/>"), "{suite}");
    }
}
