// SPDX-License-Identifier: Apache-2.0
//! Failed upgrades that a comparison of the two runtimes detects (docs/incidents.md), each with a
//! correct counterpart.

use super::{compared, parts::*, status};
use crate::testing::{Pallet, RuntimeBuilder, ty};
use artifact::{hashes::blake2_64, metadata_hash::MetadataHashStatus, version::api};
use codec::Encode;
use protocol::diff::{Audience, ChangeKind};
use protocol::{Status, Verdict};

fn babe(spec_name: &str, epoch: u64) -> RuntimeBuilder {
    let constants = vec![("EpochDuration", ty::<u64>(), epoch.encode())];
    base()
        .with(Pallet { name: "Babe", index: 2, constants, ..Pallet::default() })
        .change(|s| s.version.spec_name = spec_name.into())
}

#[test]
fn n01_another_chains_runtime_with_other_epochs() {
    let document = compared(&babe("kusama", 600), &released(&babe("polkadot", 2400)));
    assert_eq!(status(&document, "spec-name"), Status::Fail);
    assert_eq!(status(&document, "consensus"), Status::Fail);
    assert_eq!(compared(&babe("kusama", 600), &released(&babe("kusama", 600))).verdict, Verdict::Pass);
}

#[test]
fn n03_host_functions_that_deployed_nodes_lack() {
    let new = released(&base()).change(|s| s.host_functions.push("ext_default_child_storage_root_version_3"));
    let document = compared(&base(), &new);
    assert_eq!(status(&document, "host-functions"), Status::Warn);
    let rule = document.rules.iter().find(|rule| rule.name == "host-functions").expect("the rule");
    assert!(rule.findings[0].text.starts_with("ext_default_child_storage_root_version_3"));
}

#[test]
fn n10_call_indices_moved_under_the_same_transaction_version() {
    let moved = released(&base()).change(|s| s.pallets[0].calls = Some(ty::<calls::moved::Call>()));
    assert_eq!(compared(&base(), &moved).verdict, Verdict::Pass, "raised");
    let same = moved.change(|s| s.version.transaction_version = Some(1));
    let document = compared(&base(), &same);
    assert_eq!(status(&document, "transaction-version"), Status::Fail);
    assert!(document.whom.iter().any(|whom| whom.who == Audience::SignedTransactions && whom.breaking == 2));
}

#[test]
fn n34_pallets_that_moved_under_the_same_transaction_version() {
    let of = |sudo, para_sudo| {
        let pallet = |name, index| Pallet { name, index, calls: Some(ty::<calls::plain::Call>()), ..Pallet::default() };
        base().with(pallet("Sudo", sudo)).with(pallet("ParaSudoWrapper", para_sudo))
    };
    let moved = released(&of(251, 249));
    assert_eq!(compared(&of(255, 250), &moved).verdict, Verdict::Pass, "raised");
    let document = compared(&of(255, 250), &moved.change(|s| s.version.transaction_version = Some(1)));
    assert_eq!(status(&document, "transaction-version"), Status::Fail);
    let rule = document.rules.iter().find(|rule| rule.name == "transaction-version").expect("the rule");
    assert!(rule.findings[0].text.starts_with("Sudo: pallet moved, index 255 to index 251"), "{rule:?}");
    assert!(rule.findings[1].text.starts_with("ParaSudoWrapper: pallet moved, index 250 to index 249"), "{rule:?}");
}

#[test]
fn n18_an_extension_that_wallets_do_not_know() {
    let extended = released(&base()).change(|s| {
        s.extensions.push(("VerifySignature", ty::<Option<[u8; 64]>>(), ty::<()>()));
        s.extension_versions = [(0, vec![0, 1, 2])].into();
    });
    let document = compared(&base(), &extended);
    let change = document.changes.iter().find(|change| change.kind == ChangeKind::ExtensionAdded).expect("found");
    assert!(change.details.iter().any(|detail| detail.contains("wallets do not support it")), "{change:?}");
    let same = extended.change(|s| s.version.transaction_version = Some(1));
    assert_eq!(status(&compared(&base(), &same), "transaction-version"), Status::Fail);
}

#[test]
fn n26_an_api_result_that_deployed_collators_cannot_decode() {
    let changed = |version: u32| {
        released(&base()).change(|s| {
            s.apis[0].1[0].2 = ty::<Vec<Kind>>();
            s.version.apis = vec![api(blake2_64(b"ParachainHost"), version)];
        })
    };
    let document = compared(&base(), &changed(10));
    assert_eq!(status(&document, "api-version"), Status::Fail);
    let rule = document.rules.iter().find(|rule| rule.name == "api-version").expect("the rule");
    assert!(rule.findings[0].text.contains("collators"), "{rule:?}");
    assert_eq!(status(&compared(&base(), &changed(11)), "api-version"), Status::Warn, "newer nodes know version 11");
}

#[test]
fn n30_another_blob_of_the_same_spec_version() {
    let other = base().change(|s| s.version.impl_version = 1);
    assert_eq!(status(&compared(&base(), &other), "spec-version"), Status::Fail);
    assert_eq!(compared(&base(), &released(&other)).verdict, Verdict::Pass);
}

#[test]
fn a_storage_type_that_changed_without_a_migration() {
    let changed = released(&base()).change(|s| s.pallets[0].items[1].value = ty::<values::Account>());
    let document = compared(&base(), &changed);
    assert_eq!(status(&document, "storage-migration"), Status::Fail);
    let rule = document.rules.iter().find(|rule| rule.name == "storage-migration").expect("the rule");
    assert!(rule.findings[0].text.contains("free: u128 became u64"), "{rule:?}");
    let migrated = changed.change(|s| s.storage_versions = Some(vec![("Balances", 1)]));
    assert_eq!(compared(&base(), &migrated).verdict, Verdict::Pass);
}

#[test]
fn n31_a_blob_compiled_without_the_hash_of_its_metadata() {
    let holding = |builder: RuntimeBuilder, held: MetadataHashStatus| builder.change(|s| s.metadata_hash = held);
    let present = MetadataHashStatus::Present(Some([7; 32]));
    let old = holding(base(), present.clone());
    for lost in [MetadataHashStatus::Missing, MetadataHashStatus::NoExtension] {
        let document = compared(&old, &holding(released(&base()), lost));
        assert_eq!((document.verdict, status(&document, "metadata-hash")), (Verdict::Fail, Status::Fail));
    }
    let unseen = holding(released(&base()), MetadataHashStatus::Unknown("it traps".into()));
    assert_eq!(status(&compared(&old, &unseen), "metadata-hash"), Status::Warn);
    // Both have the hash, neither has it, only the new one has it.
    for (old, new) in [
        (present.clone(), present.clone()),
        (MetadataHashStatus::Missing, MetadataHashStatus::Missing),
        (MetadataHashStatus::Missing, present),
    ] {
        let document = compared(&holding(base(), old), &holding(released(&base()), new));
        assert_eq!((document.verdict, status(&document, "metadata-hash")), (Verdict::Pass, Status::Pass));
    }
}
