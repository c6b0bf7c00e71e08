// SPDX-License-Identifier: Apache-2.0
//! The comparison of two runtimes as one document, `cutover/diff/v1`.

use crate::{
    change::Change,
    changes::{Found, changes},
    parameters::Parameter,
    rules::{Allowed, Rule, Status, judge},
    runtime::{Identity, Runtime},
    whom::{Severity, Whom},
};
use serde::Serialize;
use worker::Result;

pub const FORMAT: &str = "cutover/diff/v1";

#[derive(Clone, Debug, Serialize)]
pub struct Document {
    pub format: &'static str,
    pub old: Identity,
    pub new: Identity,
    /// Whether it is one blob.
    pub same: bool,
    pub verdict: Verdict,
    pub rules: Vec<Rule>,
    /// Whom the changes concern, each with how many there are and how many of them break something.
    pub whom: Vec<Concerned>,
    pub changes: Vec<Change>,
    /// The constants that changed, in human units, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Parameter>>,
    /// What the metadata of a side does not tell, so that it could not be compared.
    pub untold: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Concerned {
    pub who: Whom,
    pub label: String,
    pub changes: usize,
    pub breaking: usize,
}

/// Compares two runtimes and judges what was found.
pub fn diff(old: &Runtime, new: &Runtime, allowed: &Allowed) -> Result<Document> {
    let found = changes(old, new)?;
    let rules = judge(old, new, &found, allowed);
    let failed = rules.iter().any(|rule| rule.status == Status::Fail);
    Ok(Document {
        format: FORMAT,
        old: old.identity(),
        new: new.identity(),
        same: old.blake2_256 == new.blake2_256,
        verdict: if failed { Verdict::Fail } else { Verdict::Pass },
        rules,
        whom: concerned(&found),
        untold: found.untold,
        changes: found.changes,
        parameters: None,
    })
}

fn concerned(found: &Found) -> Vec<Concerned> {
    Whom::ALL
        .into_iter()
        .filter_map(|who| {
            let theirs: Vec<_> = found.changes.iter().filter(|change| change.breaks.contains(&who)).collect();
            let breaking = theirs.iter().filter(|change| change.severity == Severity::Breaking).count();
            let label = match who {
                Whom::EncodedCalls if !found.keepers.is_empty() => {
                    format!("{} ({})", who.label(), found.keepers.join(", "))
                }
                _ => who.label().to_owned(),
            };
            (!theirs.is_empty()).then_some(Concerned { who, label, changes: theirs.len(), breaking })
        })
        .collect()
}
