// SPDX-License-Identifier: Apache-2.0
//! Compares metadata of each version with each other: what one version lacks is not a change.

use super::parts::*;
use crate::{diff, testing::ty};
use protocol::diff::AllowedRules;
use protocol::diff::ChangeKind;

const VERSIONS: [u32; 3] = [14, 15, 16];

#[test]
fn a_runtime_with_two_metadata_versions_has_no_changes() {
    for old in VERSIONS {
        for new in VERSIONS {
            let document = diff(&base().runtime(old), &base().runtime(new), &AllowedRules::new()).expect("compared");
            assert!(document.changes.is_empty(), "V{old} with V{new}: {:?}", document.changes);
            let lacks = |what: &str| document.untold.iter().any(|part| part.contains(what));
            assert_eq!(lacks("functions of runtime APIs"), old.min(new) < 15, "V{old} with V{new}");
            assert_eq!(lacks("sender"), old.min(new) < 15, "V{old} with V{new}");
            assert_eq!(lacks("view functions"), old.min(new) < 16, "V{old} with V{new}");
        }
    }
}

#[test]
fn common_parts_are_compared_for_every_pair_of_versions() {
    let changed = released(&base()).change(|s| {
        s.pallets[0].calls = Some(ty::<calls::moved::Call>());
        s.pallets[0].items[1].value = ty::<values::Account>();
        s.extensions[0].1 = ty::<u64>();
        s.pallets[0].event = Some(ty::<events::More>());
        s.pallets[0].constants.clear();
    });
    let expected = [
        "spec-version",
        "transaction-version",
        "extension-explicit",
        "call-moved",
        "call-moved",
        "event-added",
        "storage-value",
        "constant-removed",
    ];
    for old in VERSIONS {
        for new in VERSIONS {
            let document = diff(&base().runtime(old), &changed.runtime(new), &AllowedRules::new()).expect("compared");
            let kinds: Vec<_> = document.changes.iter().map(|change| change.kind.to_string()).collect();
            assert_eq!(kinds, expected, "V{old} with V{new}");
        }
    }
}

#[test]
fn the_functions_of_apis_are_compared_from_version_15_on() {
    let changed = base().change(|s| s.apis[0].1[0].2 = ty::<u64>());
    for old in VERSIONS {
        for new in VERSIONS {
            let document = diff(&base().runtime(old), &changed.runtime(new), &AllowedRules::new()).expect("compared");
            let found = document.changes.iter().any(|change| change.kind == ChangeKind::ApiMethodResult);
            assert_eq!(found, old.min(new) >= 15, "V{old} with V{new}");
        }
    }
}
