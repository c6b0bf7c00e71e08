// SPDX-License-Identifier: Apache-2.0
//! Formats single values.

use protocol::{Check, Finding, Rank, Verdict, dry_run::DryRunReport};

/// Returns the findings of a check or rule as texts. A finding states its rank if it differs from
/// that of the check's status.
pub fn findings(check: &Check) -> Vec<String> {
    let ranked = |finding: &Finding| match finding.rank {
        rank if rank == check.status.rank() => finding.text.clone(),
        Rank::Seen => finding.text.clone(),
        Rank::Hazard => format!("hazard: {}", finding.text),
        Rank::NotJudged => format!("not judged: {}", finding.text),
        Rank::Note => format!("note: {}", finding.text),
    };
    check.findings.iter().map(ranked).collect()
}

/// Formats a value, or `-` if there is none.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

/// Joins words with spaces, or returns `none` if there are none.
pub fn words(words: &[String]) -> String {
    if words.is_empty() { "none".into() } else { words.join(" ") }
}

/// Formats a size: `1,234 bytes`.
pub fn bytes(size: u64) -> String {
    format!("{} bytes", grouped(size))
}

/// Formats picoseconds as milliseconds.
pub fn milliseconds(picoseconds: u64) -> String {
    format!("{:.2} ms", picoseconds as f64 / 1e9)
}

/// Returns a verdict as a word within a sentence: `passed`, `failed`, `not judged`.
pub fn stated(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::PassWithHazards => "passed with hazards",
        Verdict::Fail => "failed",
        Verdict::NotJudged => "not judged",
        Verdict::Skip => "skipped",
    }
}

/// Returns the line that names the checks that a dry run left out, if it left any out.
pub fn left_out(dry_run: &DryRunReport) -> Option<String> {
    let names = dry_run.left_out.join(", ");
    (!names.is_empty()).then(|| format!("left out as requested, the verdict does not cover them: {names}"))
}

/// Formats a number with thousands separators: `1234567` as `1,234,567`.
pub fn grouped(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns text from a chain or a file as one line without control characters, so that it cannot look
/// like other lines.
pub fn one_line(text: &str) -> String {
    let harmless = |one: char| match one {
        '\n' | '\r' | '\t' => ' ',
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(harmless).collect()
}

/// The most characters of a value on a terminal. The JSON has all of them.
pub const VALUE_LIMIT: usize = 1_000;

/// Returns a value of a chain for a terminal: one line, and of a long one its beginning.
pub fn value(text: &str) -> String {
    match text.char_indices().nth(VALUE_LIMIT) {
        None => one_line(text),
        Some((end, _)) => format!("{}… (complete with --json)", one_line(text.get(..end).unwrap_or_default())),
    }
}

/// Shortens a hash to its first digits.
pub fn short(hash: &str) -> String {
    match hash.char_indices().nth(18) {
        Some((end, _)) if hash.starts_with("0x") => format!("{}…", &hash[..end]),
        _ => hash.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_say_their_rank_where_the_check_does_not() {
        let ranked = vec![Finding::seen("a"), Finding::hazard("b"), Finding::note("c")];
        assert_eq!(findings(&protocol::CheckOutcome::judged("", ranked).named("x")), ["a", "hazard: b", "note: c"]);
        assert_eq!(findings(&Check::warn("x", "").with(["b"])), ["b"]);
        assert_eq!(findings(&Check::pass("x", "").with(["b"])), ["b"]);
    }

    #[test]
    fn untrusted_text_is_one_line() {
        assert_eq!(one_line("a\nb\tc\u{1b}[31md\u{7f}"), "a b c\u{fffd}[31md\u{fffd}");
        assert_eq!(one_line("Zürich → 東京"), "Zürich → 東京");
    }

    #[test]
    fn numbers_are_grouped_and_hashes_shortened() {
        assert_eq!([0u64, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let hash = format!("0x{}", "ab".repeat(32));
        assert_eq!(short(&hash), "0xabababababababab…");
        assert_eq!(short("0x12"), "0x12");
        assert_eq!(milliseconds(1_500_000_000), "1.50 ms");
    }
}
