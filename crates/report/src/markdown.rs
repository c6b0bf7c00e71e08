// SPDX-License-Identifier: Apache-2.0
//! Renders `report.md`: the evidence of an upgrade for voters.

use crate::{
    Bundle, call_weights,
    checklist::{self, TaskState},
    field::{bytes, findings, milliseconds, or_dash, stated, words},
    steps::{self, counted},
    table::{escape, markdown},
};
use protocol::{
    build::BuildRecord,
    dry_run::{Block, DryRunReport},
    inspect::RuntimeFacts,
    proposal::ProposeOutcome,
    weights::check::StepResult,
};

/// Renders the report. The same evidence gives the same bytes, so the report has no dates and
/// durations.
pub fn report(bundle: &Bundle) -> String {
    let (from, to) = bundle.versions();
    let mut all = format!("# Upgrade of {} from {from} to {to}\n\n", escape(&bundle.name));
    let verdict = steps::headline(steps::verdict(bundle), steps::hazards(bundle));
    let rows: Vec<_> = steps::steps(bundle)
        .into_iter()
        .map(|step| vec![step.status.word().to_owned(), step.name.to_owned(), step.summary])
        .collect();
    all.push_str(&format!("**Verdict: {verdict}.**\n\n{}\n", markdown(&["Status", "Step", "Finding"], &rows)));
    all.push_str(
        "This report is rendered from the evidence files beside it. If it differs from them, the files are right. \
         `cargo xtask verify` checks them all.\n",
    );
    let dry_run = bundle.dry_run.as_ref();
    for section in [
        Some(blob(bundle)),
        dry_run.map(checks),
        dry_run.map(blocks),
        dry_run.map(changes),
        dry_run.map(weights_of_calls),
        bundle.diff.as_ref().map(crate::diff::section_of_report),
        bundle.diff.as_ref().map(crate::diff::parameters_of_report),
        bundle.weights.as_ref().map(weights),
        bundle.propose.as_ref().map(proposal),
        bundle.rehearse.as_ref().map(crate::rehearsed::section_of_report),
        Some(checklist(bundle)),
        Some(verifying()),
    ] {
        if let Some(section) = section.filter(|section| !section.is_empty()) {
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
    let (facts, build) = (bundle.inspect.as_ref(), bundle.build.as_ref().map(|build| &build.record));
    let fact = |of: fn(&RuntimeFacts) -> String| or_dash(facts.map(of));
    let built = |of: fn(&BuildRecord) -> String| or_dash(build.map(of));
    let rows = [
        row("Name", fact(|facts| facts.spec_name.clone())),
        row("spec_version", fact(|facts| facts.spec_version.to_string())),
        row("transaction_version", fact(|facts| or_dash(facts.transaction_version))),
        row("Size", fact(|facts| format!("{}, {} decompressed", bytes(facts.size), bytes(facts.size_decompressed)))),
        row("blake2_256", fact(|facts| facts.blake2_256.clone())),
        row("sha256", fact(|facts| facts.sha256.clone())),
        row("IPFS", fact(|facts| facts.ipfs_cid.clone())),
        row("Package", built(|build| build.package.clone())),
        row("Profile, features", built(|build| format!("{}, {}", build.profile, words(&build.features)))),
        row("Compiler", built(|build| build.rustc.clone())),
        row("Commit", built(commit)),
    ];
    format!("## The blob\n\n{}", markdown(&["", ""], &rows))
}

fn commit(build: &BuildRecord) -> String {
    let changed = if build.dirty == Some(true) { " with uncommitted changes" } else { "" };
    or_dash(build.commit.as_ref()) + changed
}

fn checks(dry_run: &DryRunReport) -> String {
    let state = &dry_run.state;
    let mut all = format!(
        "## The checks\n\nOn the state of `{}` at block {}, state root `{}`.\n\n",
        state.source.replace('`', "'"),
        state.number,
        state.state_root,
    );
    let mut rows = Vec::new();
    for check in &dry_run.checks {
        let mut detail = check.detail.clone();
        for finding in findings(check) {
            detail.push_str("; ");
            detail.push_str(&finding);
        }
        rows.push(vec![check.status.name().to_owned(), check.name.clone(), detail]);
    }
    all.push_str(&markdown(&["Status", "Check", "Finding"], &rows));
    if let Some(left_out) = crate::field::left_out(dry_run) {
        all.push_str(&format!("\n{left_out}.\n"));
    }
    all
}

fn blocks(dry_run: &DryRunReport) -> String {
    if dry_run.blocks.is_empty() {
        return String::new();
    }
    let row = |block: &Block| {
        let phase = block.phase.name().to_owned();
        vec![block.number.to_string(), phase, milliseconds(block.ref_time), bytes(block.proof_size)]
    };
    let rows: Vec<_> = dry_run.blocks.iter().map(row).collect();
    format!("## The blocks built\n\n{}", markdown(&["Block", "Phase", "ref_time", "proof_size"], &rows))
}

fn weights_of_calls(dry_run: &DryRunReport) -> String {
    const ROW_LIMIT: usize = 30;
    let Some(all) = call_weights::changed(dry_run) else { return String::new() };
    let mut section = format!("## The weights of calls that changed\n\n{}\n", escape(&call_weights::summary(&all)));
    let rows = call_weights::rows(&all, ROW_LIMIT);
    if !rows.is_empty() {
        section.push_str(&format!("\n{}", markdown(&["Call", "ref_time", "proof_size"], &rows)));
    }
    if all.len() > ROW_LIMIT {
        section.push_str(&format!("\nAnd {} more, which are in dry-run.json.\n", all.len() - ROW_LIMIT));
    }
    section
}

fn weights(weights: &StepResult) -> String {
    let check = &weights.check;
    let mut all = format!(
        "## The weights in the source\n\n{}, {} of the runtime's own with {}: {}.\n\n",
        counted(check.pallets, "pallet"),
        counted(check.files, "weight file"),
        counted(check.extrinsics, "extrinsic"),
        stated(check.verdict),
    );
    let rows: Vec<_> =
        check.findings.iter().map(|finding| vec![finding.severity.name().to_owned(), finding.to_string()]).collect();
    all.push_str(&if rows.is_empty() { "No findings.\n".into() } else { markdown(&["Severity", "Finding"], &rows) });
    all.push_str(&crate::weights::section_of_report(weights));
    all
}

fn changes(dry_run: &DryRunReport) -> String {
    let (changes, others) = crate::storage::of_the_upgrade(dry_run);
    if changes.is_empty() && others.is_none() {
        return String::new();
    }
    let rows: Vec<_> = changes.into_iter().map(crate::storage::row).collect();
    let mut all = String::from("## The storage changed\n\n");
    if !rows.is_empty() {
        all.push_str(&markdown(&["Item", "Keys added", "Keys changed", "Keys removed"], &rows));
    }
    if let Some(others) = others {
        all.push_str(&format!("\n{others}\n"));
    }
    all
}

fn proposal(propose: &ProposeOutcome) -> String {
    let proposal = match propose {
        ProposeOutcome::Refused { error } => {
            return format!("## The proposal\n\nRefused: {}.\n", escape(&error.message));
        }
        ProposeOutcome::Proposed(proposal) => proposal,
    };
    let mut all = format!("## The proposal\n\nRoute: {}.\n", proposal.route);
    for (index, call) in proposal.calls.iter().enumerate() {
        all.push_str(&format!("\n{}. {}\n\n", index + 1, escape(&call.description)));
        let mut rows = vec![
            row("Chain", call.chain.clone()),
            row("Call", call.decoded.clone()),
            row("Call hash", call.hash.clone()),
            row("Length", bytes(call.length as u64)),
            row("Files", words(&call.files)),
        ];
        if let Some(preimage) = &call.preimage {
            rows.push(row("Preimage", format!("{}, {}", preimage.hash, bytes(preimage.length as u64))));
        }
        for carried in &call.carries {
            rows.push(row("Inner call", carried.decoded.clone()));
            rows.push(row("Inner call hash", carried.hash.clone()));
        }
        all.push_str(&markdown(&["", ""], &rows));
    }
    if let Some(apply) = &proposal.apply {
        all.push_str(&format!("\nThen: {}\n\n", escape(&apply.description)));
        let rows = [
            row("Call hash", apply.hash.clone()),
            row("Length", bytes(apply.length as u64)),
            row("Events", words(&apply.expected_events)),
        ];
        all.push_str(&markdown(&["", ""], &rows));
    }
    for note in &proposal.notes {
        all.push_str(&format!("\n- {}\n", escape(note)));
    }
    all
}

fn checklist(bundle: &Bundle) -> String {
    let mut all = format!("## {}\n", checklist::TITLE);
    for part in checklist::parts(bundle) {
        all.push_str(&format!("\n### {}\n\n", part.title));
        for task in part.tasks {
            let mark = match task.state {
                TaskState::Done => "[x] ",
                TaskState::Open => "[ ] ",
                TaskState::DoesNotApply => "",
            };
            all.push_str(&format!("- {mark}{}\n", escape(&task.text)));
        }
    }
    all
}

fn verifying() -> String {
    "## How to verify this bundle\n\n    \
     cargo xtask verify BUNDLE --root SIGNERS --rebuild\n\n\
     In a checkout of the commit above. It checks digests, signatures and threshold, and builds the blob again. \
     Without `--rebuild` it builds nothing. BUNDLE is the directory of this report. SIGNERS is the file of signers: \
     take it from a source other than this bundle. The signers are not in this report, because signatures cover it: \
     the command shows them.\n"
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_report_names_versions_verdict_and_calls() {
        let mut bundle = samples::bundle();
        bundle.build.as_mut().expect("built").record.dirty = Some(true);
        let text = report(&bundle);
        assert!(text.starts_with("# Upgrade of standalone from 1 to 2\n"), "{text}");
        assert!(text.contains("**Verdict: PASSED.**"), "{text}");
        for line in [
            "| pass | Dry run on the chain's state | of 3 checks: 2 passed, 1 does not apply |",
            "| pass | code-size | small\\|fine |",
            "| Call | Sudo.sudo(\\<x\\>) |",
            "abc with uncommitted changes",
            "| warning | never-fits  pallet_xcm: Weight::MAX |",
            "- [x] The blob is newer than what the chain runs, and small enough\n",
            "- [ ] Weights of calls are unchanged, or were benchmarked again (weights: not run)\n",
            "- Sessions end under the new code (does not apply: no sessions)\n",
            "- [ ] The upgrade was announced\n",
            "\n    cargo xtask verify BUNDLE --root SIGNERS --rebuild\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn checks_that_were_left_out_are_named() {
        let mut bundle = samples::bundle();
        samples::dry_run_of(&mut bundle).left_out = vec!["weights".into()];
        assert!(report(&bundle).contains("\nleft out as requested, the verdict does not cover them: weights.\n"));
    }

    #[test]
    fn the_duration_is_not_shown() {
        let mut other = samples::bundle();
        samples::dry_run_of(&mut other).seconds = 2.0;
        assert_eq!(report(&samples::bundle()), report(&other));
    }

    #[test]
    fn steps_that_did_not_run_have_no_section() {
        let text = report(&Bundle { name: "x".into(), ..Bundle::default() });
        assert!(!text.contains("## The checks") && !text.contains("## The proposal"), "{text}");
    }
}
