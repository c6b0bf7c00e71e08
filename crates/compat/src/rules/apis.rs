// SPDX-License-Identifier: Apache-2.0
//! What nodes offer a runtime, and what it offers them.

use crate::changes::{RuntimeChanges, needed_by};
use protocol::Check;
use protocol::diff::ChangeKind;

/// Who calls an API decodes its answers by the types of a version: other types, another version.
pub(super) fn api_version(found: &RuntimeChanges) -> Check {
    const NAME: &str = "api-version";
    let raised = |api: &str| {
        found.changes.iter().any(|change| change.kind == ChangeKind::ApiVersionRaised && change.name == api)
    };
    let (mut broken, mut odd) = (Vec::new(), Vec::new());
    for change in &found.changes {
        let api = change.name.split('_').next().unwrap_or_default();
        let nodes = needed_by(api);
        let callers = nodes.unwrap_or("those who call it");
        match change.kind {
            ChangeKind::ApiRemoved if nodes.is_some() => {
                broken.push(format!("{}; {callers} need it", change.summary()))
            }
            ChangeKind::ApiRemoved => odd.push(change.summary()),
            ChangeKind::ApiVersionLowered => {
                broken.push(format!("{}; {callers} take it for what it was", change.summary()))
            }
            ChangeKind::ApiMethodArguments | ChangeKind::ApiMethodResult | ChangeKind::ApiMethodRemoved
                if !raised(api) =>
            {
                broken.push(format!("{}; the version of {api} stays, and {callers} cannot tell", change.summary()));
            }
            ChangeKind::ApiMethodArguments | ChangeKind::ApiMethodResult | ChangeKind::ApiMethodRemoved => {
                odd.push(format!("{}; {callers} must know the new version of {api} by then", change.summary()));
            }
            // An answer may hold what an older node cannot decode.
            ChangeKind::ApiMethodTypesGrown if !raised(api) => {
                odd.push(format!("{}; {callers} cannot decode it where it occurs", change.summary()));
            }
            ChangeKind::ApiMethodArgumentsShrunk if !raised(api) => {
                odd.push(format!("{}; {callers} that send one are not understood", change.summary()));
            }
            _ => {}
        }
    }
    if !broken.is_empty() {
        return Check::fail(NAME, "APIs changed and their versions do not say so").with([broken, odd].concat());
    }
    if !odd.is_empty() {
        return Check::warn(NAME, "APIs changed; nodes and clients have to be new enough").with(odd);
    }
    match found.not_compared.iter().any(|told| told.starts_with("the functions of runtime APIs")) {
        true => Check::pass(NAME, "no API removed or set back; their types are not told on both sides"),
        false => Check::pass(NAME, "APIs answer as before, or their versions rose"),
    }
}

/// A node that lacks a function a runtime imports cannot execute it at all. Which nodes are deployed is for people to know, so
/// that it is a hazard, here as in the dry run.
pub(super) fn host_functions(found: &RuntimeChanges) -> Check {
    const NAME: &str = "host-functions";
    let added: Vec<_> = found
        .changes
        .iter()
        .filter(|change| change.kind == ChangeKind::HostFunctionAdded)
        .map(|change| format!("{}: every node must offer it before the upgrade", change.name))
        .collect();
    match added.len() {
        0 => Check::pass(NAME, "nothing newly imported but what every node has long had"),
        1 => Check::warn(NAME, "1 function is newly imported").with(added),
        count => Check::warn(NAME, format!("{count} functions are newly imported")).with(added),
    }
}
