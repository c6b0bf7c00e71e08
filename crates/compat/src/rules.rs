// SPDX-License-Identifier: Apache-2.0
//! What an upgrade has to keep, and whether it did. Each rule has a name, by which it can be allowed to be broken.

mod apis;
mod metadata_hash;
mod storage;
mod versions;

use crate::{changes::Found, runtime::Runtime};
use serde::Serialize;
use std::collections::BTreeMap;
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
const FINDINGS: usize = 25;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    /// Not broken, or not to be told from what the two runtimes say.
    Warn,
    Fail,
    /// Broken, and meant to be.
    Allowed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub name: &'static str,
    pub status: Status,
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Why it may be broken, where it is allowed to be and somebody said why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Rules that may be broken, each with the reason, where there is one.
pub type Allowed = BTreeMap<String, Option<String>>;

impl Rule {
    fn new(name: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into(), findings: Vec::new(), reason: None }
    }

    fn pass(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Pass, detail)
    }

    fn warn(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Warn, detail)
    }

    fn fail(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Fail, detail)
    }

    fn with(mut self, mut findings: Vec<String>) -> Self {
        let more = findings.len().saturating_sub(FINDINGS);
        findings.truncate(FINDINGS);
        if more > 0 {
            findings.push(format!("and {more} more"));
        }
        self.findings = findings;
        self
    }
}

/// Judges the changes by every rule.
pub fn judge(old: &Runtime, new: &Runtime, found: &Found, allowed: &Allowed) -> Vec<Rule> {
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
    for rule in rules.iter_mut().filter(|rule| rule.status == Status::Fail) {
        if let Some(reason) = allowed.get(rule.name) {
            rule.status = Status::Allowed;
            rule.reason = reason.clone();
        }
    }
    rules
}

/// Refuses names that no rule has: a rule that was renamed must not go unnoticed.
pub fn check_allowed(allowed: &Allowed) -> Result<()> {
    match allowed.keys().find(|name| !NAMES.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!("there is no rule {name:?} to allow"))
            .expected(format!("one of {}", NAMES.join(", ")))
            .hint("rules are allowed by --allow KIND[=REASON] and in [workspace.metadata.cutover.allow]")),
    }
}
