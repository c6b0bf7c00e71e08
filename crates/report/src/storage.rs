// SPDX-License-Identifier: Apache-2.0
//! What an upgrade did to the state, without what every block does.

use crate::field::list;
use serde_json::Value;

/// The items that the upgrade changed, and a sentence on those that every block writes.
pub fn of_the_upgrade(dry_run: &Value) -> (Vec<&Value>, Option<String>) {
    let every_block = |change: &&Value| change.get("every_block") == Some(&Value::Bool(true));
    let (others, changes): (Vec<_>, Vec<_>) = list(dry_run, "/storage_changes").iter().partition(every_block);
    let others = match others.len() {
        0 => None,
        1 => Some("1 item that every block writes is not shown.".to_owned()),
        count => Some(format!("{count} items that every block writes are not shown.")),
    };
    (changes, others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_every_block_writes_is_counted_and_not_shown() {
        let dry_run = json!({"storage_changes": [
            {"item": "System.Number", "every_block": true},
            {"item": "Attestations.ByCode", "every_block": false},
            {"item": "Balances.Account"},
        ]});
        let (changes, others) = of_the_upgrade(&dry_run);
        let items: Vec<_> = changes.iter().map(|change| change["item"].as_str()).collect();
        assert_eq!(items, [Some("Attestations.ByCode"), Some("Balances.Account")]);
        assert_eq!(others.as_deref(), Some("1 item that every block writes is not shown."));
        assert_eq!(of_the_upgrade(&json!({})), (vec![], None));
    }
}
