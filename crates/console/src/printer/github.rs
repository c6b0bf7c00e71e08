// SPDX-License-Identifier: Apache-2.0
//! Writes annotations of a commit and the summary of a step for GitHub's runner.
//!
//! The runner reads every line of a step, on both streams, for commands: `::name …` at the start,
//! with optional spaces before it, and the older `##[name]` anywhere. Text from elsewhere must not
//! contain either.

use protocol::{
    Check, Status,
    weights::check::{Finding, Severity},
};
use serde::Deserialize;
use serde_json::Value;
use std::{borrow::Cow, io::Write, path::Path};
use worker::{Failure, Result};

/// The number of errors that GitHub shows for a step.
const ANNOTATIONS: usize = 10;
/// The limit of a summary here, in bytes. GitHub accepts 1 MiB for a step.
const SUMMARY: usize = 256 * 1024;

/// An error annotation of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The name of the failed check or rule, or `cargo xtask`.
    pub title: String,
    /// The text below the title. It can have several lines.
    pub message: String,
    /// The file that the annotation is about, if there is one.
    pub file: Option<String>,
    /// The line in the file, starting from 1.
    pub line: Option<u64>,
}

impl Annotation {
    /// Returns the annotation of a failed command, without a file.
    pub fn of_failure(failure: &Failure) -> Self {
        let parts = [("found: ", &failure.found), ("expected: ", &failure.expected), ("hint: ", &failure.hint)];
        let mut message = failure.message.clone();
        for (label, part) in parts {
            if let Some(part) = part {
                message.push_str(&format!("\n{label}{part}"));
            }
        }
        Self { title: "cargo xtask".into(), message, file: None, line: None }
    }

    /// Returns the workflow command of the annotation. Line ends are escaped in values, and
    /// separators in properties as well.
    pub fn command(&self) -> String {
        let value = |text: &str| super::clean(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |text: &str| value(text).replace(':', "%3A").replace(',', "%2C");
        let mut command = format!("::error title={}", property(&self.title));
        if let Some(file) = &self.file {
            command.push_str(&format!(",file={}", property(file)));
        }
        if let Some(line) = self.line {
            command.push_str(&format!(",line={line}"));
        }
        format!("{command}::{}", value(&self.message))
    }
}

/// Returns an annotation for each failed check, rule and finding, anywhere in a result.
pub fn failed(result: &Value) -> Vec<Annotation> {
    let mut found = Vec::new();
    collect(result, &mut found);
    let more = found.len().saturating_sub(ANNOTATIONS);
    if more > 0 {
        found.truncate(ANNOTATIONS - 1);
        let message = format!("and {} more, which are in the output", more + 1);
        found.push(Annotation { title: "cargo xtask".into(), message, file: None, line: None });
    }
    found
}

fn collect(value: &Value, found: &mut Vec<Annotation>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => {
            if let Ok(check) = Check::deserialize(value) {
                if check.status == Status::Fail {
                    let findings =
                        check.outcome.findings.iter().take(20).map(|finding| format!("\n- {}", finding.text));
                    let message = check.outcome.detail + &findings.collect::<String>();
                    found.push(Annotation { title: check.name, message, file: None, line: None });
                }
            } else if let Ok(finding) = Finding::deserialize(value) {
                if finding.severity == Severity::Failure {
                    found.push(Annotation {
                        title: finding.rule.name().to_owned(),
                        message: finding.to_string(),
                        line: finding.line.map(|line| line as u64),
                        file: finding.file,
                    });
                }
            } else {
                fields.values().for_each(|value| collect(value, found));
            }
        }
        _ => {}
    }
}

/// Returns the text with workflow commands disabled.
pub fn without_commands(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##[") {
        return Cow::Borrowed(text);
    }
    let mut tamed = String::with_capacity(text.len() + 8);
    for line in text.split_inclusive('\n') {
        let begins = line.len() - line.trim_start().len();
        let (blanks, rest) = line.split_at(begins);
        tamed.push_str(blanks);
        tamed.push_str(
            &rest.strip_prefix("::").map_or(rest.to_owned(), |rest| format!(": :{rest}")).replace("##[", "## ["),
        );
    }
    Cow::Owned(tamed)
}

/// Does the same for a JSON document, in which commands can only occur within strings.
pub fn json_without_commands(text: &str) -> Cow<'_, str> {
    match text.contains("##[") {
        true => Cow::Owned(text.replace("##[", "#\\u0023[")),
        false => Cow::Borrowed(text),
    }
}

/// Adds a section with the text to the step's summary.
pub fn summarize(file: &Path, title: &str, text: &str) -> Result<()> {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let mut text = super::clean(text);
    if text.len() > SUMMARY {
        let at = (0..=SUMMARY).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(at);
        text.push_str("\n…");
    }
    let section = format!("### {title}\n\n{fence}text\n{}\n{fence}\n\n", text.trim_end());
    let written = std::fs::File::options().create(true).append(true).open(file);
    written
        .and_then(|mut file| file.write_all(section.as_bytes()))
        .map_err(|error| Failure::io("add to the step's summary", file, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_a_command_are_escaped_for_the_runner() {
        let annotation = Annotation {
            title: "a:b,c%".into(),
            message: "100 %\n::error::forged\r".into(),
            file: Some("src/a,b.rs".into()),
            line: Some(7),
        };
        assert_eq!(
            annotation.command(),
            "::error title=a%3Ab%2Cc%25,file=src/a%2Cb.rs,line=7::100 %25%0A::error::forged\u{fffd}"
        );
    }

    #[test]
    fn failed_checks_rules_and_findings_are_found_anywhere() {
        let result = json!({"runtimes": [
            {"checks": [Check::pass("versions", ""), Check::fail("try-state", "no").with(["x"])]},
            {"findings": [{"severity": "warning", "rule": "jump", "detail": "a"}, {"severity": "failure", "rule": "zero-proof", "pallet": "p", "detail": "d", "file": "w.rs", "line": 3}]},
        ]});
        let found = failed(&result);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].title.as_str(), found[0].message.as_str()), ("try-state", "no\n- x"));
        assert_eq!((found[1].title.as_str(), found[1].line), ("zero-proof", Some(3)));
        let many: Vec<_> = (0..30).map(|_| Check::fail("n", "")).collect();
        let found = failed(&json!({ "checks": many }));
        assert_eq!((found.len(), found[9].message.as_str()), (10, "and 21 more, which are in the output"));
    }

    #[test]
    fn foreign_text_contains_no_command() {
        assert_eq!(without_commands("a\n  ::add-mask::x\nb ##[error]y"), "a\n  : :add-mask::x\nb ## [error]y");
        assert_eq!(without_commands("Balances::transfer"), "Balances::transfer");
        let tamed = json_without_commands(r###"{"a": "##[error]"}"###).into_owned();
        assert!(!tamed.contains("##["));
        assert_eq!(serde_json::from_str::<Value>(&tamed).expect("JSON"), json!({"a": "##[error]"}));
    }

    #[test]
    fn a_summary_is_added_and_cannot_leave_its_fence() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("summary");
        summarize(&file, "one", "a\n````\n<b>").expect("written");
        summarize(&file, "two", &"x".repeat(2 * SUMMARY)).expect("written");
        let text = std::fs::read_to_string(&file).expect("read");
        assert!(text.starts_with("### one\n\n`````text\na\n````\n<b>\n`````\n"), "{}", &text[..80]);
        assert!(text.contains("### two") && text.len() < SUMMARY + 400);
    }
}
