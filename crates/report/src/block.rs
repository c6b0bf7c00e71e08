// SPDX-License-Identifier: Apache-2.0
//! A live block that was executed once more.

use crate::{
    field::{list, milliseconds, number, size, text},
    table::aligned,
    terminal::{pairs, version},
};
use serde_json::Value;

pub fn terminal(report: &Value) -> String {
    let finalized = if text(report, "/block/finalized") == "yes" { "final, as the node says" } else { "not final" };
    let mut all = pairs(&[
        ("block", format!("{} {}, {finalized}", text(report, "/block/number"), text(report, "/block/hash"))),
        ("node", text(report, "/state/source")),
        ("runtime", version(report, "/runtime")),
        ("state root", holds(report)),
        ("extrinsics", format!("{}", list(report, "/extrinsics").len())),
    ]);
    if report.pointer("/executed/ref_time").is_some_and(Value::is_u64) {
        let seconds = number(report, "/executed/import_seconds").unwrap_or_default();
        all.push_str(&pairs(&[
            ("ref_time", milliseconds(report, "/executed/ref_time")),
            ("proof_size", proof(report)),
            ("executed in", format!("{:.1} ms", seconds * 1e3)),
        ]));
    }
    all.push_str(&table(report, "/executed/differences", "\ndiffers from the header\n", |found| {
        vec![
            text(found, "/what"),
            format!("header {}", text(found, "/header")),
            format!("computed {}", text(found, "/computed")),
        ]
    }));
    if let Some(failure) = report.pointer("/executed/failure").and_then(Value::as_str) {
        all.push_str(&format!("\n{failure}\n"));
    }
    all.push_str(&table(report, "/failed_dispatches", "\nfailed dispatches\n", |failed| {
        let place = match text(failed, "/extrinsic").as_str() {
            "-" => text(failed, "/phase"),
            index => format!("extrinsic {index}"),
        };
        vec![place, text(failed, "/event"), text(failed, "/error")]
    }));
    if report.get("other").is_some_and(Value::is_object) {
        all.push_str(&other(report));
    }
    let seconds = number(report, "/seconds").unwrap_or_default();
    all.push_str(&format!("\nverdict: {} ({seconds:.1} s)\n", text(report, "/verdict")));
    all
}

fn holds(report: &Value) -> String {
    match text(report, "/executed/holds").as_str() {
        "yes" => format!("{} is what the block leads to", text(report, "/block/state_root")),
        _ => "the block does not lead to what its header says".into(),
    }
}

fn proof(report: &Value) -> String {
    format!(
        "{} measured, {} declared",
        size(report, "/executed/proof_size"),
        size(report, "/executed/declared_proof_size")
    )
}

fn other(report: &Value) -> String {
    let changed = list(report, "/other/changed");
    let outcome = match report.pointer("/other/failure").and_then(Value::as_str) {
        Some(failure) => failure.to_owned(),
        None => format!("{} of {} transactions end otherwise", changed.len(), text(report, "/other/transactions")),
    };
    let mut all = String::from("\n");
    all.push_str(&pairs(&[
        ("under", version(report, "/other/runtime")),
        ("migrations", format!("{} blocks", text(report, "/other/migration_blocks"))),
        ("outcome", outcome),
    ]));
    all.push_str(&table(report, "/other/changed", "", |changed| {
        vec![
            format!("extrinsic {}", text(changed, "/index")),
            text(changed, "/call"),
            format!("{} became {}", text(changed, "/before"), text(changed, "/after")),
        ]
    }));
    all
}

fn table(report: &Value, pointer: &str, title: &str, row: impl Fn(&Value) -> Vec<String>) -> String {
    match list(report, pointer) {
        [] => String::new(),
        found => format!("{title}{}", aligned(&found.iter().map(row).collect::<Vec<_>>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_block_that_holds_is_told_in_a_few_lines() {
        let shown = terminal(&json!({
            "block": {"number": 7, "hash": "0x07", "finalized": true, "state_root": "0x0a"},
            "executed": {"holds": true, "ref_time": 1_500_000_000u64, "proof_size": 1234, "import_seconds": 0.0021},
            "failed_dispatches": [{"phase": "ApplyExtrinsic", "extrinsic": 2, "event": "System.ExtrinsicFailed", "error": "Token(FundsUnavailable)"}],
            "other": {"transactions": 3, "migration_blocks": 2, "changed": [
                {"index": 2, "call": "Balances.transfer_all", "before": "success", "after": "refused: Invalid(Call)"}]},
            "verdict": "fail",
        }));
        for words in [
            "7 0x07, final",
            "0x0a is what the block leads to",
            "1,234 bytes measured",
            "extrinsic 2  System.ExtrinsicFailed  Token(FundsUnavailable)",
            "1 of 3 transactions end otherwise",
            "success became refused: Invalid(Call)",
            "verdict: fail",
        ] {
            assert!(shown.contains(words), "{words:?} is not in\n{shown}");
        }
    }

    #[test]
    fn a_block_that_does_not_hold_says_what_differs() {
        let differences = json!([{"what": "state root", "header": "0x01", "computed": "0x02"}]);
        let shown = terminal(&json!({"executed": {"holds": false, "differences": differences, "failure": "stopped"}}));
        assert!(shown.contains("state root  header 0x01  computed 0x02"), "{shown}");
        assert!(shown.contains("does not lead to") && shown.contains("stopped"), "{shown}");
        assert!(!shown.contains("ref_time"), "{shown}");
    }
}
