// SPDX-License-Identifier: Apache-2.0
//! The calls of the proposal: what is voted on, what lies within it, and what anyone may do after.

use super::element::{copied, facts, name, section, tag, text};
use crate::field::{list, size, text as field};
use serde_json::Value;

/// Longer calls are in their files.
const COPIED: usize = 2048;

pub fn proposal(propose: &Value) -> String {
    if propose.is_null() {
        return String::new();
    }
    if let Some(error) = propose.get("error") {
        let rows = [("Refused", "/message"), ("Found", "/found"), ("Expected", "/expected"), ("What to do", "/hint")];
        let rows = rows.map(|(name, pointer)| (name, text(&field(error, pointer))));
        return section("The proposal", &facts(&rows));
    }
    let mut content = tag("p", &format!("Route: {}.", text(&field(propose, "/route"))));
    for (index, call) in list(propose, "/calls").iter().enumerate() {
        content.push_str(&tag("h3", &format!("{}. {}", index + 1, text(&field(call, "/description")))));
        content.push_str(&facts(&one(call)));
    }
    if propose.get("apply").is_some_and(Value::is_object) {
        content.push_str(&tag("h3", &format!("Then: {}", text(&field(propose, "/apply/description")))));
        let events = words(propose, "/apply/expected_events");
        let mut rows = vec![
            ("Call hash", copied("the call's hash", &field(propose, "/apply/hash"))),
            ("Length", text(&size(propose, "/apply/length"))),
            ("Events of success", name(&events)),
        ];
        if propose.pointer("/apply/rejected_event").is_some_and(Value::is_string) {
            rows.push(("Event of failure", name(&field(propose, "/apply/rejected_event"))));
        }
        content.push_str(&facts(&rows));
    }
    let notes: String =
        list(propose, "/notes").iter().filter_map(Value::as_str).map(|note| tag("li", &text(note))).collect();
    if !notes.is_empty() {
        content.push_str(&tag("ul", &notes));
    }
    section("The proposal", &content)
}

fn one(call: &Value) -> Vec<(&'static str, String)> {
    let decoded = |call: &Value| format!("<code class=\"call\">{}</code>", spread(&text(&field(call, "/decoded"))));
    let mut rows = vec![
        ("On", text(&field(call, "/chain"))),
        ("Call", decoded(call)),
        ("Call hash", copied("the call's hash", &field(call, "/hash"))),
        ("Length", text(&size(call, "/length"))),
    ];
    if call.get("preimage").is_some_and(Value::is_object) {
        rows.push(("Preimage", copied("the preimage's hash", &field(call, "/preimage/hash"))));
        rows.push(("Its length", text(&size(call, "/preimage/length"))));
    }
    let bytes = field(call, "/bytes");
    if bytes.len() <= COPIED && bytes != "-" {
        rows.push(("Bytes", copied("the call's bytes", &bytes)));
    }
    for carried in list(call, "/carries") {
        rows.push(("In it", decoded(carried)));
        rows.push(("Its hash", copied("the hash of the call in it", &field(carried, "/hash"))));
    }
    if !list(call, "/files").is_empty() {
        rows.push(("Files", text(&words(call, "/files"))));
    }
    rows
}

fn words(value: &Value, pointer: &str) -> String {
    let words: Vec<_> = list(value, pointer).iter().filter_map(Value::as_str).collect();
    if words.is_empty() { "-".into() } else { words.join(", ") }
}

/// A call over several lines, each argument on its own. What it holds may be anything: a brace too many harms nothing.
fn spread(decoded: &str) -> String {
    const SHORT: usize = 60;
    const DEEPEST: usize = 12;
    if decoded.chars().count() <= SHORT {
        return decoded.to_owned();
    }
    let (mut spread, mut open) = (String::new(), Vec::new());
    let line = |spread: &mut String, open: &[char]| {
        spread.truncate(spread.trim_end_matches(' ').len());
        spread.push('\n');
        let depth = open.iter().filter(|bracket| **bracket == '{').count().min(DEEPEST);
        spread.extend(std::iter::repeat_n("  ", depth));
    };
    let mut rest = decoded.chars().peekable();
    while let Some(character) = rest.next() {
        let breaks = match character {
            '{' | '[' | '(' => {
                open.push(character);
                character == '{'
            }
            '}' | ']' | ')' => {
                open.pop();
                if character == '}' {
                    line(&mut spread, &open);
                }
                false
            }
            ',' => open.last() == Some(&'{'),
            _ => false,
        };
        spread.push(character);
        if breaks {
            line(&mut spread, &open);
            while rest.next_if_eq(&' ').is_some() {}
        }
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_call_is_spread_over_lines() {
        let call = "Sudo.sudo { call: XcmPallet.send { dest: V5({ parents: 0, interior: X1([Parachain(1001)]) }), message: 0x12 } }";
        assert_eq!(
            spread(call),
            "Sudo.sudo {\n  call: XcmPallet.send {\n    dest: V5({\n      parents: 0,\n      interior: X1([Parachain(1001)])\n    }),\n    message: 0x12\n  }\n}"
        );
        assert_eq!(spread("System.remark { remark: 0x12 }"), "System.remark { remark: 0x12 }");
    }

    #[test]
    fn brackets_that_fit_nothing_harm_nothing() {
        for text in ["}".repeat(100), "{".repeat(100), "])},".repeat(50)] {
            assert!(spread(&text).chars().filter(|one| !one.is_whitespace()).eq(text.chars()), "{text}");
        }
    }
}
