// SPDX-License-Identifier: Apache-2.0
//! Renders one proposal for the upgrades of several chains.

use crate::{
    field::value,
    table::aligned,
    terminal::{apply_rows, calls_of, indented, notes_of, pairs, routes},
};
use protocol::network_proposal::{ChainUpgrade, NetworkProposal};

/// Renders the proposal for a terminal.
pub fn terminal(proposal: &NetworkProposal) -> String {
    let call = match &proposal.batch {
        Some(batch) => format!("{batch} of {} authorizations", proposal.upgrades.len()),
        None => "one authorization".to_owned(),
    };
    let mut all = pairs(&[
        ("governing", value(&proposal.governing)),
        ("route", routes(proposal.route, &proposal.possible_routes)),
        ("call", call),
        ("hash", proposal.call.hash.clone()),
    ]);
    all.push_str("\nupgrades\n");
    all.push_str(&indented(&aligned(&proposal.upgrades.iter().map(upgrade).collect::<Vec<_>>())));
    all.push_str(&calls_of(&proposal.calls));
    for apply in &proposal.applies {
        let mut rows = apply_rows(apply);
        rows.extend(apply.files.first().map(|file| ("file", file.clone())));
        all.push_str(&format!("\nThen: {}\n{}", apply.description, indented(&pairs(&rows))));
    }
    all.push_str(&notes_of(&proposal.notes));
    all
}

fn upgrade(upgrade: &ChainUpgrade) -> Vec<String> {
    vec![
        value(&upgrade.chain),
        upgrade.para_id.map(|id| format!("parachain {id}")).unwrap_or_default(),
        format!("{} to {}", upgrade.from_spec_version, upgrade.to_spec_version),
        upgrade.code_hash.clone(),
        upgrade.xcm_version.as_ref().map_or("by itself".to_owned(), |version| format!("by XCM {version}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::proposal::{Apply, Call, InnerCall, Route};

    #[test]
    fn each_chain_is_listed_with_its_upgrade_and_its_apply_step() {
        let authorize = InnerCall {
            chain: "relay".into(),
            bytes: "0x0009".into(),
            hash: "0x12".into(),
            length: 34,
            decoded: "System.authorize_upgrade".into(),
        };
        let upgrade = |chain: &str, para_id, xcm_version: Option<&str>| ChainUpgrade {
            chain: chain.into(),
            para_id,
            from_spec_version: 1,
            to_spec_version: 2,
            code_hash: "0xab".into(),
            code_length: 4,
            authorize: authorize.clone(),
            xcm_version: xcm_version.map(str::to_owned),
        };
        let apply = |chain: &str| Apply {
            name: "apply_authorized_upgrade".into(),
            description: format!("Apply the authorized code on {chain}"),
            files: vec![format!("calls/02-{chain}.hex")],
            ..Apply::default()
        };
        let proposal = NetworkProposal {
            format: protocol::format::NETWORK_PROPOSAL.into(),
            route: Route::Sudo,
            possible_routes: vec![Route::Sudo],
            governing: "relay".into(),
            upgrades: vec![upgrade("relay", None, None), upgrade("para", Some(2000), Some("V5"))],
            batch: Some("force_batch".into()),
            call: authorize.clone(),
            without_checks: false,
            calls: vec![Call { name: "sudo".into(), description: "Authorize".into(), ..Call::default() }],
            applies: vec![apply("relay"), apply("para")],
            notes: vec!["a fact".into()],
            links: Vec::new(),
        };
        let text = terminal(&proposal);
        for part in [
            "force_batch of 2 authorizations",
            "by itself",
            "parachain 2000",
            "by XCM V5",
            "1. Authorize",
            "Then: Apply the authorized code on para",
            "calls/02-para.hex",
            "note: a fact",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let alone = NetworkProposal { batch: None, ..proposal };
        assert!(terminal(&alone).contains("one authorization"));
    }
}
