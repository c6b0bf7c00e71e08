// SPDX-License-Identifier: Apache-2.0
use super::element::{copied, facts, numbers, section};
use crate::field::{list, text as field};
use serde_json::Value;

pub fn storage(dry_run: &Value) -> String {
    let rows: Vec<_> = list(dry_run, "/storage_changes")
        .iter()
        .map(|change| ["/item", "/added", "/changed", "/removed"].map(|pointer| field(change, pointer)).to_vec())
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    section("Storage that the upgrade changed", &numbers(&["Keys of", "added", "changed", "removed"], &rows))
}

pub fn verifying() -> String {
    let all = copied("the command", "cargo xtask verify BUNDLE --root SIGNERS --rebuild");
    let quick = copied("the command", "cargo xtask verify BUNDLE --root SIGNERS");
    let rows = [
        ("All of it, in one command", format!("{all} in a checkout of the commit above: digests, signatures, threshold, and the blob built again")),
        ("Without building", quick),
        ("BUNDLE", "the directory that this page lies in".to_owned()),
        ("SIGNERS", "the file that lists whose signatures count, and how many of them; have it from somewhere else than this bundle".to_owned()),
    ];
    section("Checking all of this", &facts(&rows))
}
