// SPDX-License-Identifier: Apache-2.0
//! The calls of the proposal: the call that is voted on, the calls inside it, and the call that
//! anyone can submit afterwards.

use super::element::{copied, facts, name, section, tag, text};
use crate::field::{bytes, or_dash};
use protocol::proposal::{Call, ProposeOutcome};

/// The greatest length of a call's hex text on the page, in bytes. Longer calls are in their files.
const COPY_LIMIT: usize = 2048;

/// Renders the section on the proposal.
pub fn proposal(propose: &ProposeOutcome) -> String {
    let proposal = match propose {
        ProposeOutcome::Refused { error } => {
            let or_dash = |part: &Option<String>| text(&or_dash(part.as_ref()));
            return section(
                "The proposal",
                &facts(&[
                    ("Refused", text(&error.message)),
                    ("Found", or_dash(&error.found)),
                    ("Expected", or_dash(&error.expected)),
                    ("What to do", or_dash(&error.hint)),
                ]),
            );
        }
        ProposeOutcome::Proposed(proposal) => proposal,
    };
    let mut content = tag("p", &format!("Route: {}.", proposal.route));
    for (index, call) in proposal.calls.iter().enumerate() {
        content.push_str(&tag("h3", &format!("{}. {}", index + 1, text(&call.description))));
        content.push_str(&facts(&call_rows(call)));
    }
    if let Some(apply) = &proposal.apply {
        content.push_str(&tag("h3", &format!("Then: {}", text(&apply.description))));
        let mut rows = vec![
            ("Call hash", copied("the call's hash", &apply.hash)),
            ("Length", text(&bytes(apply.length as u64))),
            ("Events of success", name(&listed(&apply.expected_events))),
        ];
        rows.extend(apply.rejected_event.iter().map(|event| ("Event of failure", name(event))));
        content.push_str(&facts(&rows));
    }
    let notes: String = proposal.notes.iter().map(|note| tag("li", &text(note))).collect();
    if !notes.is_empty() {
        content.push_str(&tag("ul", &notes));
    }
    section("The proposal", &content)
}

fn call_rows(call: &Call) -> Vec<(&'static str, String)> {
    let decoded = |decoded: &str| format!("<code class=\"call\">{}</code>", multi_line(&text(decoded)));
    let mut rows = vec![
        ("On", text(&call.chain)),
        ("Call", decoded(&call.decoded)),
        ("Call hash", copied("the call's hash", &call.hash)),
        ("Length", text(&bytes(call.length as u64))),
    ];
    if let Some(preimage) = &call.preimage {
        rows.push(("Preimage", copied("the preimage's hash", &preimage.hash)));
        rows.push(("Preimage length", text(&bytes(preimage.length as u64))));
    }
    if call.bytes.len() <= COPY_LIMIT && !call.bytes.is_empty() {
        rows.push(("Bytes", copied("the call's bytes", &call.bytes)));
    }
    for carried in &call.carries {
        rows.push(("Inner call", decoded(&carried.decoded)));
        rows.push(("Inner call hash", copied("the hash of the inner call", &carried.hash)));
    }
    if !call.files.is_empty() {
        rows.push(("Files", text(&listed(&call.files))));
    }
    rows
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "-".into() } else { words.join(", ") }
}

/// Formats a call over several lines, one argument each. The call may hold any text, so unbalanced
/// braces must be harmless.
fn multi_line(decoded: &str) -> String {
    const SHORT: usize = 60;
    const DEPTH_LIMIT: usize = 12;
    if decoded.chars().count() <= SHORT {
        return decoded.to_owned();
    }
    let (mut lines, mut open) = (String::new(), Vec::new());
    let line = |lines: &mut String, open: &[char]| {
        lines.truncate(lines.trim_end_matches(' ').len());
        lines.push('\n');
        let depth = open.iter().filter(|bracket| **bracket == '{').count().min(DEPTH_LIMIT);
        lines.extend(std::iter::repeat_n("  ", depth));
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
                    line(&mut lines, &open);
                }
                false
            }
            ',' => open.last() == Some(&'{'),
            _ => false,
        };
        lines.push(character);
        if breaks {
            line(&mut lines, &open);
            while rest.next_if_eq(&' ').is_some() {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_call_is_spread_over_lines() {
        let call = "Sudo.sudo { call: XcmPallet.send { dest: V5({ parents: 0, interior: X1([Parachain(1001)]) }), message: 0x12 } }";
        assert_eq!(
            multi_line(call),
            "Sudo.sudo {\n  call: XcmPallet.send {\n    dest: V5({\n      parents: 0,\n      interior: X1([Parachain(1001)])\n    }),\n    message: 0x12\n  }\n}"
        );
        assert_eq!(multi_line("System.remark { remark: 0x12 }"), "System.remark { remark: 0x12 }");
    }

    #[test]
    fn unbalanced_brackets_are_harmless() {
        for text in ["}".repeat(100), "{".repeat(100), "])},".repeat(50)] {
            assert!(multi_line(&text).chars().filter(|one| !one.is_whitespace()).eq(text.chars()), "{text}");
        }
    }
}
