// SPDX-License-Identifier: Apache-2.0
//! Would validators accept the code? Two thirds of them vote on it after they prepared it. Code
//! that takes them too long is never applied, without any notice.

use crate::rehearsal::Rehearsal;
use protocol::{CheckOutcome, Finding};
use validator::{MEMORY_LIMIT, MEMORY_WARNING, Prepared, TIME_LIMIT, time_limit};
use worker::{Kind, Result};

/// The limit of validators for uncompressed Wasm, in bytes: `VALIDATION_CODE_BOMB_LIMIT`, four
/// times the three MiB of a code.
const UNPACKED_LIMIT: usize = 4 * 3 * 1024 * 1024;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let to = &rehearsal.to;
    let Some(prepared) = rehearsal.validator() else {
        // Its metadata was read before, so it can be compiled.
        return Ok(CheckOutcome::pass("no parachain: nodes compile the code themselves, as was done here"));
    };
    let mut findings = Vec::new();
    if !to.sections.exports.iter().any(|export| export == "validate_block") {
        findings.push(Finding::seen("no function validate_block: validators have nothing to call"));
    }
    let (prepared, kept) = match prepared {
        Ok(validator) => (&validator.prepared, validator.kept),
        Err(failure) if failure.kind == Kind::Check => {
            findings.push(Finding::seen(failure.to_string()));
            return Ok(CheckOutcome::judged("validators refuse the code when they pre-check it", findings));
        }
        Err(failure) => return Err(failure.clone()),
    };
    Ok(judge(prepared, kept, to.unpacked, findings))
}

/// Judges what was measured, by this run or by an earlier one on the same machine (`kept`).
fn judge(prepared: &Prepared, kept: bool, unpacked: usize, mut findings: Vec<Finding>) -> CheckOutcome {
    if let Some(rank) = time_limit::judge(prepared.took, TIME_LIMIT) {
        let told = format!("{} that validators have: slower ones do not make it", time_limit::excess(rank, TIME_LIMIT));
        findings.push(Finding::new(rank, told));
    }
    match prepared.peak_memory {
        Some(peak) if peak > MEMORY_LIMIT => {
            let most = mebibytes(MEMORY_LIMIT);
            findings.push(Finding::seen(format!("more memory than the {most} MiB that relay chains allow")));
        }
        Some(peak) if peak > MEMORY_WARNING => {
            let most = mebibytes(MEMORY_WARNING);
            findings
                .push(Finding::hazard(format!("more than {most} MiB of memory: smaller validators do not have that")));
        }
        _ => {}
    }
    if unpacked > UNPACKED_LIMIT {
        findings.push(Finding::hazard(format!(
            "{unpacked} bytes unpacked: validators before 2025 refuse more than {UNPACKED_LIMIT}"
        )));
    }
    let memory = prepared.peak_memory.map(|peak| format!(" and {} MiB of memory", mebibytes(peak))).unwrap_or_default();
    let when = if kept { ", when this machine first prepared it" } else { "" };
    let measured = format!("{}{memory}{when}", time_limit::measured(prepared.took));
    CheckOutcome::judged("prepared as validators pre-check it", findings).measured(measured)
}

fn mebibytes(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fork::processor::MeasuredTime;
    use protocol::Status;

    fn prepared(seconds: f64, peak_memory: u64) -> Prepared {
        Prepared { took: MeasuredTime::from_reference(seconds), peak_memory: Some(peak_memory), artifact_size: 1 }
    }

    #[test]
    fn time_and_memory_beyond_what_validators_have_fail() {
        assert_eq!(judge(&prepared(8.0, 1 << 28), false, 1, vec![]).status, Status::Pass);
        assert_eq!(judge(&prepared(31.0, 1 << 28), false, 1, vec![]).status, Status::Warn);
        assert_eq!(judge(&prepared(91.0, 1 << 28), false, 1, vec![]).status, Status::Fail);
        assert_eq!(judge(&prepared(8.0, 1 << 35), false, 1, vec![]).status, Status::Fail);
        assert_eq!(judge(&prepared(8.0, 5 << 30), false, 1, vec![]).status, Status::Warn);
        assert_eq!(judge(&prepared(8.0, 1 << 28), false, 1 << 26, vec![]).status, Status::Warn);
    }
}
