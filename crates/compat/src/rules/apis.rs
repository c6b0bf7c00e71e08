// SPDX-License-Identifier: Apache-2.0
//! The rules of runtime APIs and host functions.

use crate::changes::{RuntimeChanges, needed_by};
use protocol::Check;
use protocol::diff::ChangeKind;

/// Checks that the version of an API increases when its types change: callers decode the results by
/// the types of a version.
pub(super) fn api_version(found: &RuntimeChanges) -> Check {
    const NAME: &str = "api-version";
    let raised = |api: &str| {
        found.changes.iter().any(|change| change.kind == ChangeKind::ApiVersionRaised && change.name == api)
    };
    let (mut broken, mut hazards) = (Vec::new(), Vec::new());
    for change in &found.changes {
        let api = change.name.split('_').next().unwrap_or_default();
        let nodes = needed_by(api);
        let callers = nodes.unwrap_or("its callers");
        match change.kind {
            ChangeKind::ApiRemoved if nodes.is_some() => {
                broken.push(format!("{}; {callers} need it", change.summary()))
            }
            ChangeKind::ApiRemoved => hazards.push(change.summary()),
            ChangeKind::ApiVersionLowered => {
                broken.push(format!("{}; {callers} expect the former version", change.summary()))
            }
            ChangeKind::ApiMethodArguments | ChangeKind::ApiMethodResult | ChangeKind::ApiMethodRemoved
                if !raised(api) =>
            {
                broken
                    .push(format!("{}; the version of {api} stays, and {callers} cannot detect it", change.summary()));
            }
            ChangeKind::ApiMethodArguments | ChangeKind::ApiMethodResult | ChangeKind::ApiMethodRemoved => {
                hazards.push(format!("{}; {callers} must know the new version of {api} by then", change.summary()));
            }
            // A result may contain a variant that an older node cannot decode.
            ChangeKind::ApiMethodTypesGrown if !raised(api) => {
                hazards.push(format!("{}; {callers} cannot decode it where it occurs", change.summary()));
            }
            ChangeKind::ApiMethodArgumentsShrunk if !raised(api) => {
                hazards.push(format!("{}; calls by {callers} that contain one are rejected", change.summary()));
            }
            _ => {}
        }
    }
    if !broken.is_empty() {
        return Check::fail(NAME, "APIs changed but their versions did not increase").with([broken, hazards].concat());
    }
    if !hazards.is_empty() {
        return Check::warn(NAME, "APIs changed; nodes and clients must be new enough").with(hazards);
    }
    match found.apis_not_compared {
        true => Check::pass(NAME, "no API was removed or lowered; their types are not known on both sides"),
        false => Check::pass(NAME, "APIs are unchanged, or their versions increased"),
    }
}

/// Warns of newly imported host functions: a node without such a function cannot execute the
/// runtime.
///
/// It is a hazard, as in the dry run, because the tool does not know which nodes are deployed.
pub(super) fn host_functions(found: &RuntimeChanges) -> Check {
    const NAME: &str = "host-functions";
    let added: Vec<_> = found
        .changes
        .iter()
        .filter(|change| change.kind == ChangeKind::HostFunctionAdded)
        .map(|change| format!("{}: every node must offer it before the upgrade", change.name))
        .collect();
    match added.len() {
        0 => Check::pass(NAME, "no newly imported functions but those that every node has had for years"),
        1 => Check::warn(NAME, "1 function is newly imported").with(added),
        count => Check::warn(NAME, format!("{count} functions are newly imported")).with(added),
    }
}
