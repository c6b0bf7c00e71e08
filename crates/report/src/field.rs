// SPDX-License-Identifier: Apache-2.0
//! Reading documents that may be from another version.

use serde_json::Value;

/// A value as a person reads it, `-` where there is none.
pub fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".into(),
        Some(Value::Bool(false)) => "no".into(),
        Some(other) => other.to_string(),
    }
}

/// A verdict within a sentence: `passed`, `failed`, `not judged`.
pub fn outcome(value: &Value, pointer: &str) -> String {
    match text(value, pointer).as_str() {
        "pass" => "passed".into(),
        "pass_with_hazards" => "passed with hazards".into(),
        "fail" => "failed".into(),
        "skip" => "skipped".into(),
        other => other.replace('_', " "),
    }
}

pub fn list<'value>(value: &'value Value, pointer: &str) -> &'value [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The findings of a check or a rule, each as one text. A check's own have ranks: one that is not what the check's status
/// stands for says so.
pub fn findings(check: &Value) -> Vec<String> {
    let own = match text(check, "/status").as_str() {
        "fail" => "seen",
        "warn" => "hazard",
        "not_judged" => "not_judged",
        _ => "note",
    };
    let told = list(check, "/findings").iter().filter_map(|finding| match (finding.as_str(), finding.get("text")) {
        (Some(text), _) => Some(text.to_owned()),
        (None, Some(Value::String(text))) => match finding.get("rank").and_then(Value::as_str) {
            Some("hazard") if own != "hazard" => Some(format!("hazard: {text}")),
            Some("note") if own != "note" => Some(format!("note: {text}")),
            Some("not_judged") if own != "not_judged" => Some(format!("not judged: {text}")),
            _ => Some(text.clone()),
        },
        _ => None,
    });
    told.collect()
}

/// Returns the line that names the checks that a dry run left out, if it left any out.
pub fn left_out(dry_run: &Value) -> Option<String> {
    let names: Vec<_> = list(dry_run, "/left_out").iter().filter_map(Value::as_str).collect();
    let all = "the verdict does not cover them";
    (!names.is_empty()).then(|| format!("left out as asked, {all}: {}", names.join(", ")))
}

pub fn number(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer).and_then(Value::as_f64)
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn size(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_u64).map_or_else(|| "-".into(), |size| format!("{} bytes", grouped(size)))
}

/// The beginning of a hash: enough to compare with the eye.
pub fn short(hash: &str) -> String {
    match hash.char_indices().nth(18) {
        Some((end, _)) if hash.starts_with("0x") => format!("{}…", &hash[..end]),
        _ => hash.to_owned(),
    }
}

/// Picoseconds as milliseconds.
pub fn milliseconds(value: &Value, pointer: &str) -> String {
    number(value, pointer).map_or_else(|| "-".into(), |picoseconds| format!("{:.2} ms", picoseconds / 1e9))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn findings_say_their_rank_where_the_check_does_not() {
        let ranked =
            json!([{"rank": "seen", "text": "a"}, {"rank": "hazard", "text": "b"}, {"rank": "note", "text": "c"}]);
        assert_eq!(findings(&json!({"status": "fail", "findings": ranked})), ["a", "hazard: b", "note: c"]);
        assert_eq!(findings(&json!({"status": "warn", "findings": [{"rank": "hazard", "text": "b"}]})), ["b"]);
        assert_eq!(findings(&json!({"status": "fail", "findings": ["of a rule", 7, {"rank": "seen"}]})), ["of a rule"]);
    }

    #[test]
    fn what_is_missing_is_a_dash() {
        let value = json!({"a": null, "b": true, "c": 12, "d": "x"});
        let all = ["/a", "/b", "/c", "/d", "/e"].map(|pointer| text(&value, pointer));
        assert_eq!(all, ["-", "yes", "12", "x", "-"]);
        assert!(list(&value, "/d").is_empty());
    }

    #[test]
    fn numbers_are_grouped_and_hashes_shortened() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let hash = format!("0x{}", "ab".repeat(32));
        assert_eq!(short(&hash), "0xabababababababab…");
        assert_eq!(short("0x12"), "0x12");
        assert_eq!(milliseconds(&json!({"w": 1_500_000_000u64}), "/w"), "1.50 ms");
    }
}
