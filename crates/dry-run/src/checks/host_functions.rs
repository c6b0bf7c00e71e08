// SPDX-License-Identifier: Apache-2.0
//! A blob that imports what nodes lack stops every one of them.

use crate::{input::Runtime, result::Check};
use fork::Executor;

pub fn host_functions(from: &Runtime, to: &Runtime) -> Check {
    const NAME: &str = "host-functions";
    let offered = Executor::host_functions();
    let before = from.host_functions();
    let missing: Vec<_> = to.host_functions().into_iter().filter(|name| !offered.contains(name)).collect();
    let new: Vec<_> = to.host_functions().into_iter().filter(|name| !before.contains(name)).collect();
    if !missing.is_empty() {
        let findings = missing
            .into_iter()
            .map(|name| {
                let known = if before.contains(&name) { "; the chain's runtime imports it too" } else { "" };
                format!("{name}: not offered by nodes of polkadot-sdk 2609{known}")
            })
            .collect::<Vec<_>>();
        // A chain with a node of its own may offer more: it does when today's code already imports the same.
        let only_known = findings.iter().all(|finding| finding.ends_with("imports it too"));
        let detail = format!("{} imported host functions are unknown to today's nodes", findings.len());
        return if only_known { Check::warn(NAME, detail) } else { Check::fail(NAME, detail) }.with(findings);
    }
    if new.is_empty() {
        Check::pass(NAME, "nothing imported that the chain's runtime does not import")
    } else {
        let findings =
            new.into_iter().map(|name| format!("{name}: newly imported; every node must offer it")).collect();
        Check::warn(NAME, "host functions are imported that the chain's runtime did not need").with(findings)
    }
}
