// SPDX-License-Identifier: Apache-2.0
//! `report.md`: the evidence of an upgrade for those who vote on it.

use crate::{
    call_weights,
    field::{findings, list, milliseconds, size, text},
    steps,
    table::{escape, markdown},
};
use protocol::weights::check::StepResult;
use serde_json::Value;

/// What the report is made of: the results of the steps, `Null` for one that was not done.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    pub name: String,
    pub build: Value,
    pub inspect: Value,
    pub dry_run: Value,
    pub diff: Value,
    pub propose: Value,
    /// None for a runtime whose source is not checked.
    pub weights: Option<StepResult>,
}

/// The same evidence gives the same bytes: nothing here says when or how long.
pub fn report(bundle: &Bundle) -> String {
    let from = text(&bundle.dry_run, "/from/spec_version");
    let to = text(&bundle.inspect, "/spec_version");
    let mut all = format!("# Upgrade of {} from {from} to {to}\n\n", escape(&bundle.name));
    let verdict = steps::headline(steps::verdict(bundle), steps::hazards(&bundle.dry_run));
    let rows: Vec<_> = steps::steps(bundle)
        .into_iter()
        .map(|step| vec![step.status.word().to_owned(), step.name.to_owned(), step.told])
        .collect();
    all.push_str(&format!("**Verdict: {verdict}.**\n\n{}\n", markdown(&["Status", "Step", "Finding"], &rows)));
    all.push_str(
        "This report is a rendering of the evidence files beside it; where they differ, those files count. \
         `cargo xtask verify` checks them all.\n",
    );
    for section in [
        blob(bundle),
        checks(&bundle.dry_run),
        blocks(&bundle.dry_run),
        changes(&bundle.dry_run),
        weights_of_calls(&bundle.dry_run),
        crate::diff::section_of_report(&bundle.diff),
        crate::diff::parameters_of_report(&bundle.diff),
        bundle.weights.as_ref().map(weights).unwrap_or_default(),
        proposal(&bundle.propose),
    ] {
        if !section.is_empty() {
            all.push('\n');
            all.push_str(&section);
        }
    }
    all
}

fn row(name: &str, value: String) -> Vec<String> {
    vec![name.to_owned(), value]
}

fn blob(bundle: &Bundle) -> String {
    let facts = &bundle.inspect;
    let commit = match text(&bundle.build, "/dirty").as_str() {
        "yes" => format!("{} with uncommitted changes", text(&bundle.build, "/commit")),
        _ => text(&bundle.build, "/commit"),
    };
    let rows = [
        row("Name", text(facts, "/spec_name")),
        row("spec_version", text(facts, "/spec_version")),
        row("transaction_version", text(facts, "/transaction_version")),
        row("Size", format!("{}, {} decompressed", size(facts, "/size"), size(facts, "/size_decompressed"))),
        row("blake2_256", text(facts, "/blake2_256")),
        row("sha256", text(facts, "/sha256")),
        row("IPFS", text(facts, "/ipfs_cid")),
        row("Package", text(&bundle.build, "/package")),
        row("Profile, features", format!("{}, {}", text(&bundle.build, "/profile"), words(&bundle.build, "/features"))),
        row("Compiler", text(&bundle.build, "/rustc")),
        row("Commit", commit),
    ];
    format!("## The blob\n\n{}", markdown(&["", ""], &rows))
}

fn words(value: &Value, pointer: &str) -> String {
    let words: Vec<_> = list(value, pointer).iter().filter_map(Value::as_str).collect();
    if words.is_empty() { "none".into() } else { words.join(" ") }
}

fn checks(dry_run: &Value) -> String {
    if dry_run.is_null() {
        return String::new();
    }
    let mut all = format!(
        "## The checks\n\nOn the state of `{}` at block {}, state root `{}`.\n\n",
        text(dry_run, "/state/source").replace('`', "'"),
        text(dry_run, "/state/number"),
        text(dry_run, "/state/state_root"),
    );
    let mut rows = Vec::new();
    for check in list(dry_run, "/checks") {
        let mut detail = text(check, "/detail");
        for finding in findings(check) {
            detail.push_str("; ");
            detail.push_str(&finding);
        }
        rows.push(vec![text(check, "/status"), text(check, "/name"), detail]);
    }
    all.push_str(&markdown(&["Status", "Check", "Finding"], &rows));
    if let Some(left_out) = crate::field::left_out(dry_run) {
        all.push_str(&format!("\n{left_out}.\n"));
    }
    all
}

fn blocks(dry_run: &Value) -> String {
    let blocks = list(dry_run, "/blocks");
    if blocks.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = blocks
        .iter()
        .map(|block| {
            vec![
                text(block, "/number"),
                text(block, "/phase"),
                milliseconds(block, "/ref_time"),
                size(block, "/proof_size"),
            ]
        })
        .collect();
    format!("## The blocks built\n\n{}", markdown(&["Block", "Phase", "ref_time", "proof_size"], &rows))
}

fn weights_of_calls(dry_run: &Value) -> String {
    const MOST: usize = 30;
    let Some(all) = call_weights::changed(dry_run) else { return String::new() };
    let mut section = format!("## The weights of calls that changed\n\n{}\n", escape(&call_weights::summary(&all)));
    let rows = call_weights::rows(&all, MOST);
    if !rows.is_empty() {
        section.push_str(&format!("\n{}", markdown(&["Call", "ref_time", "proof_size"], &rows)));
    }
    if all.len() > MOST {
        section.push_str(&format!("\nAnd {} more, which are in dry-run.json.\n", all.len() - MOST));
    }
    section
}

fn weights(weights: &StepResult) -> String {
    let check = &weights.check;
    let mut all = format!(
        "## The weights in the source\n\n{} pallets, {} weight files of the runtime's own with {} extrinsics: {}.\n\n",
        check.pallets,
        check.files,
        check.extrinsics,
        crate::weights::stated(check.verdict),
    );
    let rows: Vec<_> = check
        .findings
        .iter()
        .map(|finding| vec![finding.severity.name().to_owned(), crate::weights::finding_line(finding)])
        .collect();
    all.push_str(&if rows.is_empty() { "No findings.\n".into() } else { markdown(&["Severity", "Finding"], &rows) });
    all.push_str(&crate::weights::section_of_report(weights));
    all
}

fn changes(dry_run: &Value) -> String {
    let (changes, others) = crate::storage::of_the_upgrade(dry_run);
    if changes.is_empty() && others.is_none() {
        return String::new();
    }
    let rows: Vec<_> = changes
        .iter()
        .map(|change| ["/item", "/added", "/changed", "/removed"].map(|field| text(change, field)).to_vec())
        .collect();
    let mut all = String::from("## The storage changed\n\n");
    if !rows.is_empty() {
        all.push_str(&markdown(&["Item", "Keys added", "Keys changed", "Keys removed"], &rows));
    }
    if let Some(others) = others {
        all.push_str(&format!("\n{others}\n"));
    }
    all
}

fn proposal(propose: &Value) -> String {
    if propose.is_null() {
        return String::new();
    }
    if let Some(error) = propose.get("error") {
        return format!("## The proposal\n\nRefused: {}.\n", escape(&text(error, "/message")));
    }
    let mut all = format!("## The proposal\n\nRoute: {}.\n", escape(&text(propose, "/route")));
    for (index, call) in list(propose, "/calls").iter().enumerate() {
        all.push_str(&format!("\n{}. {}\n\n", index + 1, escape(&text(call, "/description"))));
        let mut rows = vec![
            row("Chain", text(call, "/chain")),
            row("Call", text(call, "/decoded")),
            row("Call hash", text(call, "/hash")),
            row("Length", size(call, "/length")),
            row("Files", words(call, "/files")),
        ];
        if call.get("preimage").is_some_and(Value::is_object) {
            rows.push(row("Preimage", format!("{}, {}", text(call, "/preimage/hash"), size(call, "/preimage/length"))));
        }
        for carried in list(call, "/carries") {
            rows.push(row("In it", text(carried, "/decoded")));
            rows.push(row("Its hash", text(carried, "/hash")));
        }
        all.push_str(&markdown(&["", ""], &rows));
    }
    if propose.get("apply").is_some_and(Value::is_object) {
        all.push_str(&format!("\nThen: {}\n\n", escape(&text(propose, "/apply/description"))));
        let rows = [
            row("Call hash", text(propose, "/apply/hash")),
            row("Length", size(propose, "/apply/length")),
            row("Events", words(propose, "/apply/expected_events")),
        ];
        all.push_str(&markdown(&["", ""], &rows));
    }
    for note in list(propose, "/notes").iter().filter_map(Value::as_str) {
        all.push_str(&format!("\n- {}\n", escape(note)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::tests::{finding, passed};
    use protocol::weights::check::{Rule, Severity};
    use serde_json::json;

    fn bundle() -> Bundle {
        Bundle {
            name: "standalone".into(),
            build: json!({"package": "standalone-runtime", "profile": "production", "features": ["a", "b"], "commit": "abc", "dirty": true, "seconds": 9}),
            inspect: json!({"spec_name": "solo", "spec_version": 2, "size": 1000}),
            dry_run: json!({"from": {"spec_version": 1}, "verdict": "pass", "seconds": 5, "checks": [{"name": "x", "status": "pass", "detail": "a|b"}]}),
            diff: Value::Null,
            propose: json!({"route": "sudo", "calls": [{"description": "Do it", "hash": "0x12", "decoded": "Sudo.sudo(<x>)"}]}),
            weights: Some(passed(vec![finding(Rule::UnitWeights, Severity::Warning, Some("pallet_x"), "()")])),
        }
    }

    #[test]
    fn the_report_names_versions_verdict_and_calls() {
        let text = report(&bundle());
        assert!(text.starts_with("# Upgrade of standalone from 1 to 2\n"), "{text}");
        assert!(text.contains("**Verdict: PASSED.**"), "{text}");
        assert!(text.contains("| pass | Dry run on the chain's state | of 1 check: 1 passed |"), "{text}");
        assert!(text.contains("| pass | x | a\\|b |"), "{text}");
        assert!(text.contains("| Call | Sudo.sudo(\\<x\\>) |"), "{text}");
        assert!(text.contains("abc with uncommitted changes"), "{text}");
        assert!(text.contains("| warning | unit-weights  pallet_x: () |"), "{text}");
    }

    #[test]
    fn checks_that_were_left_out_are_named() {
        let mut bundle = bundle();
        bundle.dry_run["left_out"] = json!(["weights"]);
        assert!(report(&bundle).contains("\nleft out as asked, the verdict does not cover them: weights.\n"));
    }

    #[test]
    fn time_leaves_no_trace() {
        let mut other = bundle();
        other.build["seconds"] = json!(1);
        other.dry_run["seconds"] = json!(2);
        assert_eq!(report(&bundle()), report(&other));
    }

    #[test]
    fn steps_that_were_not_done_leave_no_section() {
        let text = report(&Bundle { name: "x".into(), ..Bundle::default() });
        assert!(!text.contains("## The checks") && !text.contains("## The proposal"), "{text}");
    }
}
