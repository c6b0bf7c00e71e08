// SPDX-License-Identifier: Apache-2.0
//! A blob that imports what nodes lack stops every one of them.

use crate::{
    input::Runtime,
    result::{Check, Finding, Rank},
};
use compat::host_functions::is_long_offered;
use fork::Executor;
use std::collections::BTreeSet;

const NAME: &str = "host-functions";

pub fn host_functions(from: &Runtime, to: &Runtime) -> Check {
    judge(&to.host_functions(), &from.host_functions(), &Executor::host_functions())
}

fn judge(imported: &BTreeSet<String>, before: &BTreeSet<String>, offered: &BTreeSet<String>) -> Check {
    let missing = imported.difference(offered).count();
    let findings: Vec<_> = imported
        .iter()
        .filter_map(|name| match (offered.contains(name), before.contains(name)) {
            (true, true) => None,
            (true, false) if is_long_offered(name) => {
                Some(Finding::note(format!("{name}: newly imported; nodes have offered it since 2022 or longer")))
            }
            (true, false) => Some(Finding::hazard(format!("{name}: newly imported; every node must offer it"))),
            // A chain with a node of its own may offer more: it does when today's code already imports the same.
            (false, true) => Some(Finding::hazard(format!(
                "{name}: not offered by nodes of polkadot-sdk 2609; the chain's runtime imports it too"
            ))),
            (false, false) => Some(Finding::seen(format!("{name}: not offered by nodes of polkadot-sdk 2609"))),
        })
        .collect();
    let detail = match (missing, findings.iter().map(|finding| finding.rank).max()) {
        (0, None) => "nothing imported that the chain's runtime does not import".to_string(),
        (0, Some(Rank::Note)) => "nothing newly imported but what every node has long had".to_string(),
        (0, Some(_)) => "host functions are imported that the chain's runtime did not need".to_string(),
        (missing, _) => format!("{missing} imported host functions are unknown to today's nodes"),
    };
    Check::judged(NAME, detail, findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Status;

    #[test]
    fn each_import_is_judged_by_itself() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let check =
            judge(&names(&["known", "own", "new", "unknown"]), &names(&["known", "own"]), &names(&["known", "new"]));
        let ranks: Vec<_> = check.findings.iter().map(|finding| finding.rank).collect();
        assert_eq!(ranks, [Rank::Hazard, Rank::Hazard, Rank::Seen], "{check:?}");
        let aged = names(&["known", "ext_storage_root_version_2", "ext_trie_blake2_256_ordered_root_version_2"]);
        let check = judge(&aged, &names(&["known"]), &aged);
        assert_eq!(check.status, Status::Pass, "as chains of 2021 import them once they are built anew: {check:?}");
        assert!(judge(&names(&["known"]), &names(&["known"]), &names(&["known"])).findings.is_empty());
    }
}
