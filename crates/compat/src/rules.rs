// SPDX-License-Identifier: Apache-2.0
//! The rules that an upgrade must keep. A broken rule can be allowed by its name.

mod apis;
mod storage;
mod versions;

use crate::{changes::RuntimeChanges, runtime::Runtime};
use protocol::Check;
use protocol::{Finding, Status, diff::AllowedRules};
use worker::{Failure, Result};

/// The names of the rules, in the order of the report.
pub const NAMES: [&str; 9] = [
    "spec-name",
    "spec-version",
    "transaction-version",
    "state-version",
    "consensus",
    "storage-migration",
    "api-version",
    "host-functions",
    "metadata-hash",
];

/// The most findings of a rule that are shown. Counts include all of them.
const MAX_FINDINGS: usize = 25;

/// Truncates the findings and adds how many more there are.
fn limit_findings(findings: &mut Vec<Finding>) {
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        findings.truncate(MAX_FINDINGS);
        findings.push(Finding::note(format!("and {more} more")));
    }
}

/// Checks every rule against the changes.
pub fn judge(old: &Runtime, new: &Runtime, found: &RuntimeChanges, allowed: &AllowedRules) -> Vec<Check> {
    let mut rules = vec![
        versions::spec_name(old, new),
        versions::spec_version(old, new),
        versions::transaction_version(old, new, found),
        versions::state_version(old, new),
        versions::consensus(old, new, found),
        storage::migration(old, new, found),
        apis::api_version(found),
        apis::host_functions(found),
        versions::metadata_hash(old, new),
    ];
    for rule in &mut rules {
        limit_findings(&mut rule.findings);
        if rule.status == Status::Fail
            && let Some(reason) = allowed.get(&rule.name)
        {
            rule.status = Status::Warn;
            let reason = reason.clone().unwrap_or_else(|| "no reason given".to_owned());
            rule.detail.push_str(&format!("; allowed: {reason}"));
            rule.allowed = Some(reason);
        }
    }
    rules
}

/// Fails if a name in `allowed` is not the name of a rule. So a renamed rule is noticed.
pub fn check_allowed(allowed: &AllowedRules) -> Result<()> {
    match allowed.keys().find(|name| !NAMES.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!("unknown rule {name:?} to allow"))
            .expected(format!("one of {}", NAMES.join(", ")))
            .hint("rules are allowed by --allow KIND[=REASON] and in [workspace.metadata.cutover.allow]")),
    }
}
