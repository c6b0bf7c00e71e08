// SPDX-License-Identifier: Apache-2.0
//! Would the chain take this blob? The rules are those of `frame_system::can_set_code`, and those
//! that wallets and nodes derive from the version.

use crate::rehearsal::Rehearsal;
use protocol::{CheckOutcome, Finding};
use worker::Result;

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let (old, new) = (&rehearsal.from.version, &rehearsal.to.version);
    let mut findings = Vec::new();
    if old.spec_name != new.spec_name {
        findings.push(Finding::seen(format!(
            "spec_name: found {}, expected {}: this is another chain's runtime",
            new.spec_name, old.spec_name
        )));
    }
    if new.spec_version <= old.spec_version {
        findings.push(Finding::seen(format!(
            "spec_version: found {}, expected more than {}: the chain refuses the code",
            new.spec_version, old.spec_version
        )));
    }
    match (old.transaction_version, new.transaction_version) {
        (Some(before), Some(after)) if after < before => {
            findings.push(Finding::seen(format!(
                "transaction_version: found {after}, expected at least {before}: wallets refuse to sign"
            )));
        }
        _ => {}
    }
    if new.effective_state_version() < old.effective_state_version() {
        findings.push(Finding::seen(format!(
            "state_version: found {}, expected at least {}: tries do not go back",
            new.effective_state_version(),
            old.effective_state_version()
        )));
    }
    if old.impl_name != new.impl_name {
        findings.push(Finding::hazard(format!("impl_name: {} became {}", old.impl_name, new.impl_name)));
    }
    let summary = format!("{} {} to {} {}", old.spec_name, old.spec_version, new.spec_name, new.spec_version);
    Ok(CheckOutcome::judged(summary, findings))
}
