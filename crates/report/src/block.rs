// SPDX-License-Identifier: Apache-2.0
//! Renders the report on a live block that was executed again.

use crate::{
    field::{bytes, milliseconds, or_dash},
    steps::counted,
    table::aligned,
    terminal::{pairs, version},
};
use protocol::block::{BlockReport, Execution, OtherRuntime};

/// Renders the report for a terminal.
pub fn terminal(report: &BlockReport) -> String {
    let (block, executed) = (&report.block, &report.executed);
    let finalized = if block.finalized { "final according to the node" } else { "not final" };
    let mut all = pairs(&[
        ("block", format!("{} {}, {finalized}", block.number, block.hash)),
        ("node", report.state.source.clone()),
        ("runtime", version(&report.runtime)),
        ("state root", state_root_outcome(report)),
        ("extrinsics", report.extrinsics.len().to_string()),
    ]);
    if let Some(ref_time) = executed.ref_time {
        all.push_str(&pairs(&[
            ("ref_time", milliseconds(ref_time)),
            ("proof_size", proof(executed)),
            ("executed in", format!("{:.1} ms", executed.import_seconds.unwrap_or_default() * 1e3)),
        ]));
    }
    all.push_str(&table("\ndiffers from the header\n", &executed.differences, |found| {
        vec![found.what.clone(), format!("header {}", found.header), format!("computed {}", found.computed)]
    }));
    if let Some(failure) = &executed.failure {
        all.push_str(&format!("\n{failure}\n"));
    }
    all.push_str(&table("\nfailed dispatches\n", &report.failed_dispatches, |failed| {
        let place = failed.extrinsic.map_or(failed.phase.clone(), |index| format!("extrinsic {index}"));
        vec![place, failed.event.clone(), failed.error.clone()]
    }));
    if let Some(found) = &report.other {
        all.push_str(&other_runtime(found));
    }
    all.push_str(&format!("\nverdict: {} ({:.1} s)\n", report.verdict.name(), report.seconds));
    all
}

fn state_root_outcome(report: &BlockReport) -> String {
    match report.executed.holds {
        true => format!("{} matches the executed block", report.block.state_root),
        false => "the executed block differs from its header".into(),
    }
}

fn proof(executed: &Execution) -> String {
    let [measured, declared] = [executed.proof_size, executed.declared_proof_size].map(|size| or_dash(size.map(bytes)));
    format!("{measured} measured, {declared} declared")
}

fn other_runtime(other: &OtherRuntime) -> String {
    let outcome = match &other.failure {
        Some(failure) => failure.clone(),
        None => format!("{} of {} transactions have another outcome", other.changed.len(), other.transactions),
    };
    let mut all = String::from("\n");
    all.push_str(&pairs(&[
        ("under", version(&other.runtime)),
        ("migrations", counted(other.migration_blocks, "block")),
        ("outcome", outcome),
    ]));
    all.push_str(&table("", &other.changed, |changed| {
        let became = format!("{} became {}", changed.before, changed.after);
        vec![format!("extrinsic {}", changed.index), or_dash(changed.call.as_ref()), became]
    }));
    all
}

fn table<T>(title: &str, found: &[T], row: impl Fn(&T) -> Vec<String>) -> String {
    match found {
        [] => String::new(),
        found => format!("{title}{}", aligned(&found.iter().map(row).collect::<Vec<_>>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        RpcUsage, RuntimeIdentity, StateIdentity, Verdict,
        block::{BlockIdentity, ChangedOutcome, DispatchOutcome, FailedDispatch, HeaderDifference},
    };

    fn report(executed: Execution) -> BlockReport {
        BlockReport {
            format: protocol::format::BLOCK.into(),
            block: BlockIdentity {
                number: 7,
                hash: "0x07".into(),
                parent_hash: "0x06".into(),
                state_root: "0x0a".into(),
                extrinsics_root: "0x0b".into(),
                sealed: true,
                finalized: true,
            },
            state: StateIdentity::default(),
            runtime: RuntimeIdentity::default(),
            executed,
            failed_dispatches: Vec::new(),
            extrinsics: Vec::new(),
            other: None,
            rpc: RpcUsage::default(),
            seconds: 0.0,
            verdict: Verdict::Fail,
        }
    }

    #[test]
    fn a_valid_block_is_rendered_in_a_few_lines() {
        let mut report = report(Execution {
            holds: true,
            ref_time: Some(1_500_000_000),
            proof_size: Some(1234),
            import_seconds: Some(0.0021),
            ..Execution::default()
        });
        report.failed_dispatches = vec![FailedDispatch {
            phase: "ApplyExtrinsic".into(),
            extrinsic: Some(2),
            event: "System.ExtrinsicFailed".into(),
            error: "Token(FundsUnavailable)".into(),
        }];
        report.other = Some(OtherRuntime {
            runtime: RuntimeIdentity::default(),
            migration_blocks: 2,
            failure: None,
            transactions: 3,
            changed: vec![ChangedOutcome {
                index: 2,
                call: Some("Balances.transfer_all".into()),
                before: DispatchOutcome::Success,
                after: DispatchOutcome::Refused("Invalid(Call)".into()),
            }],
        });
        let shown = terminal(&report);
        for words in [
            "7 0x07, final",
            "0x0a matches the executed block",
            "1,234 bytes measured",
            "extrinsic 2  System.ExtrinsicFailed  Token(FundsUnavailable)",
            "1 of 3 transactions have another outcome",
            "success became refused: Invalid(Call)",
            "verdict: fail",
        ] {
            assert!(shown.contains(words), "{words:?} is not in\n{shown}");
        }
    }

    #[test]
    fn an_invalid_block_shows_what_differs() {
        let difference = HeaderDifference { what: "state root".into(), header: "0x01".into(), computed: "0x02".into() };
        let shown = terminal(&report(Execution {
            differences: vec![difference],
            failure: Some("stopped".into()),
            ..Execution::default()
        }));
        assert!(shown.contains("state root  header 0x01  computed 0x02"), "{shown}");
        assert!(shown.contains("differs from its header") && shown.contains("stopped"), "{shown}");
        assert!(!shown.contains("ref_time"), "{shown}");
    }
}
