// SPDX-License-Identifier: Apache-2.0
use super::element::{copied, facts, numbers, section, tag, text};
use crate::storage;
use protocol::dry_run::DryRunReport;

/// Renders the section on changed storage.
pub fn storage(dry_run: &DryRunReport) -> String {
    let (changes, others) = storage::of_the_upgrade(dry_run);
    let rows: Vec<_> = changes.into_iter().map(storage::row).collect();
    let table =
        if rows.is_empty() { String::new() } else { numbers(&["Keys of", "added", "changed", "removed"], &rows) };
    let others = others.map(|others| tag("p", &text(&others))).unwrap_or_default();
    section("Storage that the upgrade changed", &format!("{table}{others}"))
}

/// Renders the section on how to verify the bundle.
pub fn verifying() -> String {
    let all = copied("the command", "cargo xtask verify BUNDLE --root SIGNERS --rebuild");
    let quick = copied("the command", "cargo xtask verify BUNDLE --root SIGNERS");
    let rows = [
        (
            "Everything, in one command",
            format!(
                "{all} in a checkout of the commit above: digests, signatures, threshold, and a rebuild of the blob"
            ),
        ),
        ("Without building", quick),
        ("BUNDLE", "the directory of this page".to_owned()),
        ("SIGNERS", "the file of signers; take it from a source other than this bundle".to_owned()),
    ];
    section("How to verify this bundle", &facts(&rows))
}
