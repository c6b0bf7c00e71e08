// SPDX-License-Identifier: Apache-2.0
//! The storage changes of an upgrade, without those that every block makes.

use protocol::dry_run::{DryRunReport, StorageChange};

/// Returns the items that the upgrade changed, and a sentence on the number of items that every
/// block writes.
pub fn of_the_upgrade(dry_run: &DryRunReport) -> (Vec<&StorageChange>, Option<String>) {
    let (others, changes): (Vec<_>, Vec<_>) = dry_run.storage_changes.iter().partition(|change| change.every_block);
    let others = match others.len() {
        0 => None,
        1 => Some("1 item that every block writes is not shown.".to_owned()),
        count => Some(format!("{count} items that every block writes are not shown.")),
    };
    (changes, others)
}

/// Returns a table row: the item, and the numbers of added, changed and removed keys.
pub fn row(change: &StorageChange) -> Vec<String> {
    vec![change.item.clone(), change.added.to_string(), change.changed.to_string(), change.removed.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_block_writes_is_counted_and_not_shown() {
        let change =
            |item: &str, every_block| StorageChange { item: item.into(), every_block, ..StorageChange::default() };
        let storage_changes = vec![change("System.Number", true), change("Balances.Account", false)];
        let dry_run = DryRunReport { storage_changes, ..DryRunReport::default() };
        let (changes, others) = of_the_upgrade(&dry_run);
        assert_eq!(changes, [&change("Balances.Account", false)]);
        assert_eq!(others.as_deref(), Some("1 item that every block writes is not shown."));
        assert_eq!(of_the_upgrade(&DryRunReport::default()), (vec![], None));
    }
}
