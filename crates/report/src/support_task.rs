// SPDX-License-Identifier: Apache-2.0
//! Renders a support task that was tried.

use crate::{
    field::value,
    support::{call, chains, to_sign, written},
    table::aligned,
    terminal::{check_rows, indented, with_hazards},
};
use protocol::support::{TaskCondition, TaskReport};
use std::path::Path;

/// Renders a task for a terminal. `out` is the directory that its calls were written to.
pub fn task(report: &TaskReport, out: Option<&Path>) -> String {
    let mut all = chains(&report.relay, report.parachain.as_ref());
    all.push_str(&format!("\ntask {}: {}\n", value(&report.task), value(&report.told)));
    all.push_str(&indented(&aligned(&report.calls.iter().map(call).collect::<Vec<_>>())));
    for cost in &report.costs {
        all.push_str(&format!("   - {}\n", value(cost)));
    }
    all.push_str("\nknown good when\n");
    for one in &report.conditions {
        all.push_str(&condition(one));
    }
    if report.sessions > 0 {
        all.push_str(&format!("   after {}\n", crate::counted(report.sessions as usize, "session")));
    }
    all.push('\n');
    all.push_str(&aligned(&check_rows(&report.checks)));
    if report.verdict.passed() {
        all.push_str("\nwhat to do\n");
        all.push_str(&to_sign(&report.calls));
        all.push_str(&written(&report.files, out));
    }
    let verdict = with_hazards(report.verdict, report.hazards);
    all.push_str(&format!("\nverdict: {verdict} ({:.1} s)\n", report.seconds));
    all
}

fn condition(condition: &TaskCondition) -> String {
    let word = |holds: Option<bool>| match holds {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    };
    let (told, found) = (value(&condition.told), value(&condition.found));
    format!("   {told}: {} before, {} after: {found}\n", word(condition.before), word(condition.after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Check, Verdict, support::RepairCall};

    fn unlocked() -> TaskReport {
        TaskReport {
            task: "unlock".into(),
            told: "the root removes the lock".into(),
            costs: vec!["only the relay chain's root can dispatch it".into()],
            calls: vec![RepairCall {
                origin: "root".into(),
                name: "Registrar.remove_lock".into(),
                bytes: "0x4604d0070000".into(),
                length: 6,
                ..RepairCall::default()
            }],
            conditions: vec![TaskCondition {
                told: "it is unlocked".into(),
                before: Some(false),
                after: Some(true),
                found: "it is not locked\u{1b}[2J".into(),
            }],
            sessions: 1,
            checks: vec![Check::pass("known-good", "it is unlocked")],
            verdict: Verdict::Pass,
            ..TaskReport::default()
        }
    }

    #[test]
    fn a_task_that_works_says_what_to_sign() {
        let text = task(&unlocked(), None);
        for part in [
            "task unlock: the root removes the lock\n   Registrar.remove_lock by root",
            "   it is unlocked: no before, yes after: it is not locked",
            "after 1 session",
            "PASS  known-good",
            "1. Registrar.remove_lock by root: 0x4604d0070000",
            "cargo xtask rehearse CALL",
            "cargo xtask propose call CALL",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
        let written = TaskReport { files: vec!["01-a.hex".into()], ..unlocked() };
        assert!(task(&written, Some(Path::new("calls"))).contains("written to calls: 01-a.hex"));
    }

    #[test]
    fn a_task_that_does_not_work_says_nothing_to_sign() {
        let failed = TaskReport {
            conditions: vec![TaskCondition { after: None, ..unlocked().conditions.remove(0) }],
            checks: vec![Check::fail("known-good", "it is locked")],
            verdict: Verdict::Fail,
            ..unlocked()
        };
        let text = task(&failed, None);
        assert!(text.contains("not known after") && text.contains("verdict: fail"), "{text}");
        assert!(!text.contains("what to do") && !text.contains("propose call"), "{text}");
    }
}
