// SPDX-License-Identifier: Apache-2.0
//! Renders a proposal that was read back.

use crate::{
    field::{bytes, grouped, or_dash, value},
    table::aligned,
    terminal::{indented, pairs},
};
use protocol::explanation::{CallExplanation, CallPurpose, ExplainedCall, PurposeKind};

/// The most rows of a table. The JSON has all of them.
const ROW_LIMIT: usize = 60;

/// Renders the document for a terminal.
pub fn terminal(explanation: &CallExplanation) -> String {
    let mut all = pairs(&[
        ("chain", value(&explanation.chain)),
        (
            "call",
            format!("{}: {}, {}", value(&explanation.source), value(&explanation.name), bytes(explanation.length)),
        ),
        ("hash", value(&explanation.blake2_256)),
        ("origin", value(&explanation.origin)),
    ]);
    all.push('\n');
    all.push_str(&indented(&explanation.decoded.lines().map(|line| value(line) + "\n").collect::<String>()));
    all.push_str("\nwhat it is for\n");
    match explanation.purposes.is_empty() {
        true => all.push_str(
            "   none of the known kinds: no upgrade, whitelisting, referendum or write to the storage by keys\n",
        ),
        false => {
            // An upgrade is told first, however many other calls are before it.
            let mut purposes: Vec<_> = explanation.purposes.iter().collect();
            purposes.sort_by_key(|purpose| purpose.kind != PurposeKind::Upgrade);
            all.push_str(&table(&purposes, |listed| purpose(listed)));
        }
    }
    if explanation.more_purposes > 0 {
        all.push_str(&format!("   … {} more of a kind are not listed\n", grouped(explanation.more_purposes)));
    }
    if !explanation.inner.is_empty() {
        all.push_str("\ncalls within it\n");
        all.push_str(&table(&explanation.inner, inner));
    }
    if explanation.more_inner > 0 {
        all.push_str(&format!("   … {} more are not listed\n", grouped(explanation.more_inner)));
    }
    all
}

fn table<T>(items: &[T], row: impl Fn(&T) -> Vec<String>) -> String {
    let rows: Vec<_> = items.iter().take(ROW_LIMIT).map(row).collect();
    let more = match items.len().saturating_sub(ROW_LIMIT) {
        0 => String::new(),
        more => format!("   … {more} more, see --json\n"),
    };
    indented(&aligned(&rows)) + &more
}

fn purpose(purpose: &CallPurpose) -> Vec<String> {
    vec![purpose.kind.words().to_owned(), value(&purpose.chain), value(&purpose.name), value(&purpose.told)]
}

fn inner(call: &ExplainedCall) -> Vec<String> {
    let within = match &call.within {
        Some(within) => format!("within {within}"),
        None => "in a message".to_owned(),
    };
    let hash = or_dash(Some(&call.blake2_256));
    vec![value(&call.chain), value(&call.name), value(&within), bytes(call.length), value(&hash)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_hashes_of_calls_are_shown() {
        let explanation = CallExplanation {
            chain: "solo".into(),
            source: "referendum 7".into(),
            name: "Sudo.sudo".into(),
            length: 36,
            decoded: "Sudo.sudo {\n  call: System.authorize_upgrade\n}".into(),
            purposes: vec![CallPurpose {
                kind: PurposeKind::Upgrade,
                chain: "solo".into(),
                name: "System.authorize_upgrade".into(),
                told: "authorizes the code 0x01\u{1b}".into(),
            }],
            inner: vec![ExplainedCall {
                chain: "solo".into(),
                within: Some("Sudo.sudo".into()),
                name: "System.authorize_upgrade".into(),
                length: 34,
                blake2_256: "0x0c".into(),
            }],
            more_inner: 3,
            more_purposes: 4,
            ..CallExplanation::default()
        };
        let shown = terminal(&explanation);
        for words in [
            "call    referendum 7: Sudo.sudo, 36 bytes\n",
            "   upgrade  solo  System.authorize_upgrade  authorizes the code 0x01",
            "   solo  System.authorize_upgrade  within Sudo.sudo  34 bytes  0x0c\n",
            "   … 3 more are not listed\n",
            "   … 4 more of a kind are not listed\n",
        ] {
            assert!(shown.contains(words), "{words}\n{shown}");
        }
        assert!(!shown.contains('\u{1b}'));
        let write = CallPurpose { kind: PurposeKind::StorageWrite, ..explanation.purposes[0].clone() };
        let last = terminal(&CallExplanation {
            purposes: [vec![write; ROW_LIMIT], explanation.purposes.clone()].concat(),
            ..explanation.clone()
        });
        assert!(last.contains("   upgrade  "), "{last}");
        let other = terminal(&CallExplanation { purposes: Vec::new(), inner: Vec::new(), ..explanation });
        assert!(other.contains("none of the known kinds") && !other.contains("calls within it"), "{other}");
    }
}
