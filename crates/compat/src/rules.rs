// SPDX-License-Identifier: Apache-2.0
//! What an upgrade has to keep, and whether it did. Each rule has a name, by which it can be allowed to be broken.

mod apis;
mod metadata_hash;
mod storage;
mod versions;

use crate::{changes::RuntimeChanges, runtime::Runtime};
use protocol::Check;
use protocol::{Finding, Status, diff::AllowedRules};
use worker::{Failure, Result};

/// The rules in the order in which they are told.
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

/// What of a rule is told; counts are always whole.
const MAX_FINDINGS: usize = 25;

/// Cuts the findings to so many, and says how many more there are.
fn limit_findings(findings: &mut Vec<Finding>) {
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        findings.truncate(MAX_FINDINGS);
        findings.push(Finding::note(format!("and {more} more")));
    }
}

/// Judges the changes by every rule.
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
        metadata_hash::metadata_hash(old, new),
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

/// Refuses names that no rule has: a rule that was renamed must not go unnoticed.
pub fn check_allowed(allowed: &AllowedRules) -> Result<()> {
    match allowed.keys().find(|name| !NAMES.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!("there is no rule {name:?} to allow"))
            .expected(format!("one of {}", NAMES.join(", ")))
            .hint("rules are allowed by --allow KIND[=REASON] and in [workspace.metadata.cutover.allow]")),
    }
}
