// SPDX-License-Identifier: Apache-2.0
//! The report of a comparison.

use crate::{
    changes::{RuntimeChanges, changes},
    rules::judge,
    runtime::Runtime,
};
use protocol::{
    Status,
    diff::{AllowedRules, Audience, Concerned, DiffReport, Severity},
    format,
};
use worker::Result;

/// Compares two runtimes and checks the rules. `allowed`: the rules that may be broken.
pub fn diff(old: &Runtime, new: &Runtime, allowed: &AllowedRules) -> Result<DiffReport> {
    let found = changes(old, new)?;
    let rules = judge(old, new, &found, allowed);
    Ok(DiffReport {
        format: format::DIFF.to_owned(),
        old: old.identity(),
        new: new.identity(),
        same: old.blake2_256 == new.blake2_256,
        verdict: (!rules.iter().any(|rule| rule.status == Status::Fail)).into(),
        rules,
        whom: affected(&found),
        untold: found.not_compared,
        changes: found.changes,
        parameters: None,
    })
}

fn affected(found: &RuntimeChanges) -> Vec<Concerned> {
    Audience::ALL
        .into_iter()
        .filter_map(|who| {
            let theirs: Vec<_> = found.changes.iter().filter(|change| change.breaks.contains(&who)).collect();
            let breaking = theirs.iter().filter(|change| change.severity == Severity::Breaking).count();
            let label = match who {
                Audience::EncodedCalls if !found.call_storing_pallets.is_empty() => {
                    format!("{} ({})", who.label(), found.call_storing_pallets.join(", "))
                }
                _ => who.label().to_owned(),
            };
            (!theirs.is_empty()).then_some(Concerned { who, label, changes: theirs.len(), breaking })
        })
        .collect()
}
