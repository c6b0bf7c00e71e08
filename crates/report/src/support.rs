// SPDX-License-Identifier: Apache-2.0
//! Renders what is wrong with a parachain, and the repairs that were tried.

use crate::{
    field::{bytes, value},
    table::aligned,
    terminal::{check_rows, indented, with_hazards},
};
use protocol::{
    Verdict,
    dry_run::Counterpart,
    support::{Attempt, CauseKind, Diagnosis, Fact, REPLACE_CODE, RepairCall, RepairReport},
};
use std::path::Path;

/// The longest call that is shown, in hex digits.
const CALL_LIMIT: usize = 1_000;

/// Renders a diagnosis for a terminal.
pub fn diagnosis(diagnosis: &Diagnosis) -> String {
    let mut all = body(diagnosis);
    let verdict = with_hazards(diagnosis.verdict, diagnosis.hazards);
    all.push_str(&format!("\nverdict: {verdict} ({:.1} s)\n", diagnosis.seconds));
    if !diagnosis.causes.is_empty() {
        let para = diagnosis.para;
        all.push_str(&format!("to try repairs: cargo xtask support repair --para {para}, with the same chains\n"));
    }
    all
}

/// Renders the chains with their blocks.
pub(crate) fn chains(relay: &Counterpart, parachain: Option<&Counterpart>) -> String {
    let chain = |name: &str, chain: &Counterpart| {
        vec![name.to_owned(), value(&chain.chain), format!("block {}", chain.number), value(&chain.block_hash)]
    };
    let mut rows = vec![chain("relay chain", relay)];
    rows.extend(parachain.map(|own| chain("parachain", own)));
    aligned(&rows)
}

fn body(diagnosis: &Diagnosis) -> String {
    let mut all = chains(&diagnosis.relay, diagnosis.parachain.as_ref());
    for group in diagnosis.facts.chunk_by(|one, next| one.group == next.group) {
        let heading = group.first().map(|fact| fact.group.as_str()).unwrap_or_default();
        let row = |fact: &Fact| vec![value(&fact.name), value(&fact.value)];
        all.push_str(&format!("\n{}\n", value(heading)));
        all.push_str(&indented(&aligned(&group.iter().map(row).collect::<Vec<_>>())));
    }
    all.push('\n');
    all.push_str(&aligned(&check_rows(&diagnosis.checks)));
    all.push_str("\nwhat is wrong\n");
    if diagnosis.causes.is_empty() {
        all.push_str("   nothing was found\n");
    }
    for (position, cause) in diagnosis.causes.iter().enumerate() {
        all.push_str(&format!("   {}. {}\n", position + 1, value(&cause.told)));
    }
    all
}

/// Renders repairs for a terminal. `out` is the directory that their calls were written to.
pub fn repair(report: &RepairReport, out: Option<&Path>) -> String {
    let mut all = body(&report.diagnosis);
    for tried in &report.attempts {
        all.push('\n');
        all.push_str(&attempt(tried));
    }
    let proposed = report.proposed.and_then(|position| report.attempts.get(position));
    all.push('\n');
    match proposed {
        Some(attempt) => all.push_str(&what_to_do(attempt, out)),
        None => all.push_str(&without_repair(report)),
    }
    all.push_str(&format!("\nverdict: {} ({:.1} s)\n", report.verdict, report.seconds));
    all
}

fn attempt(tried: &Attempt) -> String {
    let mut all = format!("repair {}: {}\n", value(&tried.name), value(&tried.told));
    let mut rows: Vec<_> = tried.calls.iter().map(call).collect();
    rows.extend(tried.substitute.as_ref().map(|substitute| {
        vec![format!("codeSubstitutes at block {}", substitute.block), value(&substitute.blake2_256), String::new()]
    }));
    all.push_str(&indented(&aligned(&rows)));
    for cost in &tried.costs {
        all.push_str(&format!("   - {}\n", value(cost)));
    }
    let sessions = match tried.sessions {
        0 => String::new(),
        sessions => format!(" after {}", crate::counted(sessions as usize, "session")),
    };
    let heads = crate::counted(tried.heads as usize, "candidate");
    all.push_str(&match &tried.obstacle {
        None => format!("   WORKS: {heads} included{sessions}\n"),
        Some(obstacle) => format!("   DOES NOT WORK: {heads} included{sessions}: {}\n", value(obstacle)),
    });
    all
}

/// Returns the row of a call in a table.
pub(crate) fn call(call: &RepairCall) -> Vec<String> {
    vec![format!("{} by {}", value(&call.name), value(&call.origin)), value(&call.hash), bytes(call.length)]
}

/// Says why no repair is proposed.
fn without_repair(report: &RepairReport) -> String {
    let told = match (report.verdict, report.attempts.is_empty()) {
        (verdict, _) if verdict.passed() => return "no repair is needed: the next block is included\n".into(),
        (Verdict::NotJudged, true) => "no repair was tried: the checks say what was not judged\n",
        (Verdict::NotJudged, false) => "it was not judged whether a repair works\n",
        (_, true) => "no repair is known for that\n",
        (_, false) => "no repair works\n",
    };
    let mut tried = report.attempts.iter().flat_map(|attempt| attempt.name.split("-and-"));
    let may_need_code = report.diagnosis.causes.iter().any(|cause| {
        matches!(cause.kind, CauseKind::BlockFails | CauseKind::ValidationFails | CauseKind::CandidateRefused)
    });
    match may_need_code && !tried.any(|name| name == REPLACE_CODE) {
        true => {
            format!("{told}a runtime that fails needs a blob that mends it, with the same spec_version: --code BLOB\n")
        }
        false => told.into(),
    }
}

/// Says what to sign, and what else to do.
fn what_to_do(attempt: &Attempt, out: Option<&Path>) -> String {
    let mut all = "what to do\n".to_owned();
    all.push_str(&to_sign(&attempt.calls));
    if attempt.substitute.is_some() {
        all.push_str("   then restart the parachain's nodes with the code substitute in their chain spec\n");
    }
    all.push_str(&written(&attempt.files, out));
    all
}

/// Says which calls are to be signed, and what to do with them.
pub(crate) fn to_sign(calls: &[RepairCall]) -> String {
    let mut all = String::new();
    for (position, call) in calls.iter().enumerate() {
        let text = match call.bytes.len() {
            0 => "too long to be shown: write it to a file with --calls DIR".to_owned(),
            length if length > CALL_LIMIT => "long: see --json, or write it to a file with --calls DIR".to_owned(),
            _ => value(&call.bytes),
        };
        all.push_str(&format!("   {}. {} by {}: {text}\n", position + 1, value(&call.name), value(&call.origin)));
    }
    if calls.is_empty() {
        all.push_str("   wait: nothing is to be signed\n");
    } else {
        all.push_str("   what each call does to all chains: cargo xtask rehearse CALL --state RELAY\n");
    }
    if calls.iter().any(|call| call.origin == "root") {
        all.push_str("   for the key of Sudo or a referendum: cargo xtask propose call CALL --target RELAY\n");
    }
    all
}

/// Says which files were written to a directory, if any were.
pub(crate) fn written(files: &[String], out: Option<&Path>) -> String {
    match out.filter(|_| !files.is_empty()) {
        Some(out) => {
            let names = files.iter().map(|name| value(name)).collect::<Vec<_>>().join(", ");
            format!("   written to {}: {names}\n", out.display())
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        Check,
        support::{Cause, CodeSubstitute},
    };

    fn found() -> Diagnosis {
        Diagnosis {
            para: 2000,
            relay: Counterpart { chain: "the relay chain (paseo)".into(), number: 7, ..Counterpart::default() },
            facts: vec![Fact { group: "cores".into(), name: "claims".into(), value: "none\u{1b}[2J".into() }],
            checks: vec![Check::fail("core", "no core")],
            causes: vec![Cause { kind: CauseKind::NoCore, told: "no core".into() }],
            verdict: Verdict::Fail,
            ..Diagnosis::default()
        }
    }

    fn repaired() -> Attempt {
        Attempt {
            name: "assign-core".into(),
            told: "the root assigns a core".into(),
            costs: vec!["a core".into()],
            calls: vec![RepairCall {
                origin: "root".into(),
                name: "Coretime.assign_core".into(),
                bytes: "0x4a04".into(),
                ..RepairCall::default()
            }],
            sessions: 1,
            heads: 10,
            works: true,
            ..Attempt::default()
        }
    }

    #[test]
    fn a_diagnosis_ends_with_what_is_wrong() {
        let text = diagnosis(&found());
        assert!(text.contains("what is wrong\n   1. no core\n") && text.contains("verdict: fail"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let fine = diagnosis(&Diagnosis { causes: Vec::new(), verdict: Verdict::Pass, ..found() });
        assert!(fine.contains("nothing was found") && !fine.contains("support repair"), "{fine}");
    }

    #[test]
    fn a_repair_that_works_says_what_to_sign() {
        let report = RepairReport {
            diagnosis: found(),
            attempts: vec![Attempt { works: false, obstacle: Some("it traps".into()), ..repaired() }, repaired()],
            proposed: Some(1),
            verdict: Verdict::Pass,
            ..RepairReport::default()
        };
        let text = repair(&report, None);
        for part in [
            "DOES NOT WORK: 10 candidates included after 1 session: it traps",
            "WORKS: 10 candidates included after 1 session",
            "1. Coretime.assign_core by root: 0x4a04",
            "for the key of Sudo or a referendum: cargo xtask propose call CALL --target RELAY",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let substitute = Some(CodeSubstitute { block: 9, blake2_256: "0x12".into() });
        let written = Attempt { substitute, files: vec!["01-a.hex".into()], ..repaired() };
        let text =
            repair(&RepairReport { attempts: vec![written], proposed: Some(0), ..report }, Some(Path::new("calls")));
        assert!(
            text.contains("restart the parachain's nodes") && text.contains("written to calls: 01-a.hex"),
            "{text}"
        );
    }

    #[test]
    fn without_a_repair_the_report_says_so() {
        let none = RepairReport { diagnosis: found(), verdict: Verdict::Fail, ..RepairReport::default() };
        assert!(repair(&none, None).contains("no repair is known for that"));
        let needless = RepairReport { verdict: Verdict::Pass, ..none.clone() };
        assert!(repair(&needless, None).contains("no repair is needed"));
        let failed = RepairReport { attempts: vec![repaired()], ..none.clone() };
        assert!(repair(&failed, None).contains("no repair works\n"));
        let untried = RepairReport { verdict: Verdict::NotJudged, ..none };
        assert!(repair(&untried, None).contains("no repair was tried"));
        let unjudged = RepairReport { verdict: Verdict::NotJudged, ..failed };
        assert!(repair(&unjudged, None).contains("it was not judged whether a repair works"));
    }

    #[test]
    fn a_runtime_that_fails_needs_a_blob() {
        let causes = vec![Cause { kind: CauseKind::BlockFails, told: "it panics".into() }];
        let report = RepairReport {
            diagnosis: Diagnosis { causes, ..found() },
            verdict: Verdict::Fail,
            ..RepairReport::default()
        };
        assert!(repair(&report, None).contains("no repair is known for that\na runtime that fails needs a blob"));
        // One was given, or the runtime does not fail.
        let given =
            Attempt { name: "set-head-and-replace-code".into(), obstacle: Some("it traps".into()), ..repaired() };
        let given = RepairReport { attempts: vec![given], ..report.clone() };
        let other = RepairReport { diagnosis: found(), ..report };
        for report in [given, other] {
            assert!(!repair(&report, None).contains("--code"), "{report:#?}");
        }
    }
}
