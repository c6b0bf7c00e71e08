// SPDX-License-Identifier: Apache-2.0
//! Do nodes offer the host functions that the blob imports? A missing one stops every node.

use crate::rehearsal::Rehearsal;
use compat::host_functions::is_long_offered;
use fork::{Executor, executor::Origin};
use protocol::{CheckOutcome, Finding, Rank};
use std::collections::{BTreeMap, BTreeSet};
use worker::Result;

const SDK: &str = "nodes of polkadot-sdk 2609";

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, .. } = rehearsal;
    let parachain = from.layout.parachain_system().is_some();
    Ok(judge(&to.host_functions(), &from.host_functions(), &Executor::host_functions(), parachain))
}

fn judge(
    imported: &BTreeSet<String>,
    before: &BTreeSet<String>,
    offered: &BTreeMap<String, Origin>,
    parachain: bool,
) -> CheckOutcome {
    let missing = imported.iter().filter(|name| !offered.contains_key(*name)).count();
    let findings: Vec<_> = imported
        .iter()
        .filter_map(|name| finding(name, offered.get(name).copied(), before.contains(name), parachain))
        .collect();
    let detail = match (missing, findings.iter().map(|finding| finding.rank).max()) {
        (0, _) if imported.is_subset(before) => "nothing imported that the chain's runtime does not import".to_string(),
        (0, None | Some(Rank::Note)) => "nothing newly imported but what every node has long had".to_string(),
        (0, Some(_)) => "host functions are imported that the chain's runtime did not need".to_string(),
        (missing, _) => format!("{missing} imported host functions are unknown to today's nodes"),
    };
    CheckOutcome::judged(detail, findings)
}

fn finding(name: &str, origin: Option<Origin>, known: bool, parachain: bool) -> Option<Finding> {
    let lacking = format!("{name}: not offered by {SDK}");
    let own = format!("{name}: offered by the workspace's own host functions, not by {SDK}");
    Some(match (origin, known) {
        (Some(Origin::Nodes), true) => return None,
        (Some(Origin::Nodes), false) if is_long_offered(name) => {
            Finding::note(format!("{name}: newly imported; nodes have offered it since 2022 or longer"))
        }
        (Some(Origin::Nodes), false) => Finding::hazard(format!("{name}: newly imported; every node must offer it")),
        (Some(Origin::Workspace), true) => Finding::note(format!("{own}; the chain's runtime imports it too")),
        // The node of a collator may offer it; the validators that check its blocks do not.
        (Some(Origin::Workspace), false) if parachain => Finding::seen(format!(
            "{own}; newly imported, and validators refuse a block that calls it unless their relay chain enabled it"
        )),
        (Some(Origin::Workspace), false) => {
            Finding::hazard(format!("{own}; newly imported, and every node must offer it"))
        }
        // A chain with its own node may offer more. It does when the present code imports the same.
        (None, true) => Finding::hazard(format!("{lacking}; the chain's runtime imports it too")),
        (None, false) => Finding::seen(lacking),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn of_nodes(names: &[&str]) -> BTreeMap<String, Origin> {
        names.iter().map(|name| ((*name).to_owned(), Origin::Nodes)).collect()
    }

    #[test]
    fn each_import_is_judged_by_itself() {
        let offered = of_nodes(&["known", "new"]);
        let check = judge(&names(&["known", "own", "new", "unknown"]), &names(&["known", "own"]), &offered, false);
        let ranks: Vec<_> = check.findings.iter().map(|finding| finding.rank).collect();
        assert_eq!(ranks, [Rank::Hazard, Rank::Hazard, Rank::Seen], "{check:?}");
        let aged = ["known", "ext_storage_root_version_2", "ext_trie_blake2_256_ordered_root_version_2"];
        let check = judge(&names(&aged), &names(&["known"]), &of_nodes(&aged), true);
        assert_eq!(check.status, Status::Pass, "as chains of 2021 import them once they are built anew: {check:?}");
        assert!(judge(&names(&["known"]), &names(&["known"]), &offered, false).findings.is_empty());
    }

    #[test]
    fn what_the_workspace_offers_is_named_as_its_own() {
        let offered = [("own".to_owned(), Origin::Workspace)].into();
        let judge = |before: &[&str], parachain| judge(&names(&["own"]), &names(before), &offered, parachain);
        let check = judge(&["own"], true);
        assert_eq!((check.status, check.findings[0].rank), (Status::Pass, Rank::Note), "{check:?}");
        assert!(check.findings[0].text.contains("the workspace's own"), "{check:?}");
        assert!(check.detail.contains("nothing imported"), "{check:?}");
        assert_eq!(judge(&[], false).status, Status::Warn, "every node must have it");
        assert_eq!(judge(&[], true).status, Status::Fail, "validators have not");
    }
}
