// SPDX-License-Identifier: Apache-2.0
//! Do the fields that a migrated struct kept have the values that they had?
//!
//! A migration that decodes a struct by a wrong older form shifts every field after the difference,
//! or puts defaults in their place. The result decodes. Only a comparison of its fields, by name,
//! shows it.

use crate::{
    rehearsal::Rehearsal,
    types::{Interface, compare, interface::Item, read},
};
use fork::sample;
use protocol::{CheckOutcome, Finding, Rank};
use worker::Result;

const MOST_ENTRIES: usize = 500;

/// The fields of one value after the migrations.
#[derive(Default)]
struct Kept {
    same: usize,
    /// Path, value before, value after.
    other: Vec<(String, String, String)>,
    /// The number of those that have the value of another field.
    shifted: usize,
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let [old, new] = rehearsal.interfaces()?;
    let (enacted, migration) = (rehearsal.enacted()?, rehearsal.migration()?);
    let routine = rehearsal.routine()?;
    let (mut findings, mut compared) = (Vec::new(), 0);
    for new_pallet in &new.pallets {
        let Some(old_pallet) = old.pallet(new_pallet.name) else { continue };
        for new_item in &new_pallet.items {
            let Some(old_item) = old_pallet.item(new_item.name) else { continue };
            if !compare(&old, old_item.value, &new, new_item.value).breaking() {
                continue;
            }
            let prefix = new_pallet.key(new_item.name);
            let (entries, _) = sample::entries(enacted, &prefix, MOST_ENTRIES)?;
            let mut kept = Vec::new();
            // A value that every block writes anew is not kept.
            for (key, earlier) in entries.into_iter().filter(|(key, _)| !routine.writes(key)) {
                let Some(later) = migration.chain.storage(&key)?.filter(|later| *later != earlier) else { continue };
                kept.extend(fields(&old, old_item, &earlier, &new, new_item, &later));
            }
            compared += kept.len();
            findings.extend(judge(&format!("{}.{}", new_pallet.name, new_item.name), &kept));
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
    let detail = match (findings.first().map(|finding| finding.rank), compared) {
        (Some(Rank::Seen), _) => {
            "fields that a struct kept have the values of others, or none of their own".to_string()
        }
        (_, 0) => "no struct was migrated in its place".to_string(),
        (_, count) => format!("{count} migrated structs compared field by field with what they were"),
    };
    Ok(CheckOutcome::judged(detail, findings))
}

fn fields(
    old: &Interface<'_>,
    old_item: &Item<'_>,
    earlier: &[u8],
    new: &Interface<'_>,
    new_item: &Item<'_>,
    later: &[u8],
) -> Option<Kept> {
    let before = read::leaves(old.types, old_item.value, earlier).ok()?;
    let after = read::leaves(new.types, new_item.value, later).ok()?;
    let mut kept = Kept::default();
    let meant: Vec<_> = before.iter().map(|(_, id, bytes)| read::canonical_text(old.types, *id, bytes).ok()).collect();
    for (path, new_id, bytes) in &after {
        let Some(place) = before.iter().position(|(known, _, _)| known == path) else { continue };
        if path.is_empty() || compare(old, before[place].1, new, *new_id).breaking() {
            continue;
        }
        let now = read::canonical_text(new.types, *new_id, bytes).ok();
        if meant[place] == now {
            kept.same += 1;
            continue;
        }
        // Zeros and empty values are everywhere: an equal one proves no shift.
        let plain = bytes.iter().all(|byte| *byte == 0);
        let elsewhere = !plain && before.iter().any(|(known, _, other)| known != path && other == bytes);
        kept.shifted += usize::from(elsewhere);
        kept.other.push((path.clone(), hex::encode_prefixed(before[place].2), hex::encode_prefixed(bytes)));
    }
    Some(kept)
}

fn judge(item: &str, kept: &[Kept]) -> Option<Finding> {
    let differing: Vec<_> = kept.iter().filter(|kept| !kept.other.is_empty()).collect();
    let first = differing.first()?;
    let shifted = differing.iter().filter(|kept| kept.shifted >= 2).count();
    let replaced = differing.iter().filter(|kept| kept.other.len() >= 3 && kept.other.len() > kept.same).count();
    let examples: Vec<_> =
        first.other.iter().take(4).map(|(path, was, is)| format!("{path} was {was} and is {is}")).collect();
    let told =
        |what: &str, count: usize| format!("{item}: {count} of {} values {what}: {}", kept.len(), examples.join("; "));
    Some(match (shifted, replaced) {
        (0, 0) => Finding::hazard(told("have fields with other values than before, is that meant?", differing.len())),
        (0, replaced) => Finding::seen(told("lost most of what their fields held", replaced)),
        (shifted, _) => Finding::seen(told("have fields with the values of other fields", shifted)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};

    mod before {
        #[derive(codec::Encode, scale_info::TypeInfo)]
        pub struct Configuration {
            pub max_code: u32,
            pub delay: u32,
            pub cooldown: u32,
            pub lookahead: u32,
        }
    }

    mod after {
        #[derive(codec::Encode, scale_info::TypeInfo)]
        pub struct Configuration {
            pub max_code: u32,
            pub backing: u32,
            pub delay: u32,
            pub cooldown: u32,
            pub lookahead: u32,
        }
    }

    fn registry<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        (registry.into(), id)
    }

    fn verdict(after: after::Configuration) -> Option<Rank> {
        let ((old_types, old_id), (new_types, new_id)) =
            (registry::<before::Configuration>(), registry::<after::Configuration>());
        let interface = Interface::empty;
        let item = |value| Item { name: "ActiveConfig", value, ..Item::default() };
        let before = before::Configuration { max_code: 3_145_728, delay: 600, cooldown: 14_400, lookahead: 3 };
        let kept = fields(
            &interface(&old_types),
            &item(old_id),
            &before.encode(),
            &interface(&new_types),
            &item(new_id),
            &after.encode(),
        );
        judge("Configuration.ActiveConfig", &kept.into_iter().collect::<Vec<_>>()).map(|finding| finding.rank)
    }

    #[test]
    fn a_field_put_in_and_the_rest_kept_is_well() {
        let right =
            after::Configuration { max_code: 3_145_728, backing: 2, delay: 600, cooldown: 14_400, lookahead: 3 };
        assert_eq!(verdict(right), None);
    }

    #[test]
    fn fields_read_one_place_off_fail() {
        let shifted =
            after::Configuration { max_code: 3_145_728, backing: 600, delay: 14_400, cooldown: 3, lookahead: 0 };
        assert_eq!(verdict(shifted), Some(Rank::Seen));
    }

    #[test]
    fn a_default_in_place_of_everything_fails() {
        let replaced = after::Configuration { max_code: 0, backing: 0, delay: 0, cooldown: 0, lookahead: 0 };
        assert_eq!(verdict(replaced), Some(Rank::Seen));
    }

    #[test]
    fn one_value_set_anew_is_asked_about() {
        let tuned =
            after::Configuration { max_code: 3_145_728, backing: 2, delay: 600, cooldown: 14_400, lookahead: 5 };
        assert_eq!(verdict(tuned), Some(Rank::Hazard));
    }
}
