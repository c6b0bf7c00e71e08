// SPDX-License-Identifier: Apache-2.0
//! Each kind of change, from two runtimes that differ in nothing else. Equal runtimes give no
//! change.

use super::{compared, kinds, parts::*};
use crate::testing::{Item, Pallet, RuntimeBuilder, ty};
use artifact::{hashes::blake2_64, version::api};
use codec::Encode;
use frame_metadata::v14::StorageHasher;
use proptest::prelude::*;
use protocol::diff::Audience;

fn after(change: impl FnOnce(&mut RuntimeBuilder)) -> Vec<String> {
    kinds(&base(), &base().change(change))
}

fn in_pallet(change: impl FnOnce(&mut Pallet)) -> Vec<String> {
    after(|builder| change(&mut builder.pallets[0]))
}

#[test]
fn fields_of_the_version() {
    assert_eq!(after(|s| s.version.spec_name = "other".into()), ["spec-name spec_name"]);
    assert_eq!(after(|s| s.version.impl_name = "other".into()), ["impl-name impl_name"]);
    assert_eq!(after(|s| s.version.authoring_version = 2), ["authoring-version authoring_version"]);
    assert_eq!(after(|s| s.version.spec_version = 2), ["spec-version spec_version"]);
    assert_eq!(after(|s| s.version.impl_version = 2), ["impl-version impl_version"]);
    assert_eq!(after(|s| s.version.transaction_version = None), ["transaction-version transaction_version"]);
    assert_eq!(after(|s| s.version.state_version = None), ["state-version state_version"]);
    assert_eq!(after(|s| s.host_functions = vec![]), ["host-function-removed ext_storage_get_version_1"]);
    assert_eq!(after(|s| s.host_functions.push("ext_new")), ["host-function-added ext_new"]);
    let known = "ext_hashing_sha2_256_version_1";
    assert_eq!(after(|s| s.host_functions.push(known)), [format!("host-function-long-offered {known}")]);
    let mut larger = base().runtime(16);
    larger.code_size += 1;
    let document = crate::diff(&base().runtime(16), &larger, &Default::default()).expect("compared");
    assert_eq!(document.changes.iter().map(|change| change.kind.to_string()).collect::<Vec<_>>(), ["code-size"]);
}

#[test]
fn pallets_are_recognised_by_index_and_content() {
    assert_eq!(in_pallet(|pallet| pallet.index = 11), ["pallet-moved Balances"]);
    let renamed = in_pallet(|pallet| (pallet.name, pallet.prefix) = ("Funds", Some("Balances")));
    assert_eq!(renamed, ["pallet-renamed Funds"]);
    let with_storage = in_pallet(|pallet| pallet.name = "Funds");
    assert_eq!(with_storage, ["pallet-renamed Funds", "storage-prefix-moved Funds"]);
    let both = in_pallet(|pallet| (pallet.name, pallet.prefix, pallet.index) = ("Funds", Some("Balances"), 12));
    assert_eq!(both, ["pallet-renamed Funds", "pallet-moved Funds"]);
    let other = Pallet { name: "Other", index: 10, calls: Some(ty::<events::More>()), ..Pallet::default() };
    assert_eq!(after(|s| s.pallets = vec![other.clone()]), ["pallet-removed Balances", "pallet-added Other"]);
    assert_eq!(after(|s| s.pallets.push(Pallet { index: 11, ..other })), ["pallet-added Other"]);
}

#[test]
fn calls() {
    let with = |calls| in_pallet(|pallet| pallet.calls = Some(calls));
    assert_eq!(with(ty::<calls::added::Call>()), ["call-added Balances.mint"]);
    assert_eq!(with(ty::<calls::removed::Call>()), ["call-removed Balances.burn"]);
    assert_eq!(with(ty::<calls::moved::Call>()), ["call-moved Balances.transfer", "call-moved Balances.burn"]);
    assert_eq!(with(ty::<calls::renamed::Call>()), ["call-renamed Balances.send"]);
    assert_eq!(with(ty::<calls::replaced::Call>()), ["call-replaced Balances.transfer"]);
    assert_eq!(with(ty::<calls::narrowed::Call>()), ["call-arguments Balances.transfer"]);
    assert_eq!(with(ty::<calls::relabelled::Call>()), ["call-arguments-grown Balances.transfer"]);
    let [few, more] = [ty::<calls::of_a_kind::Call>(), ty::<calls::of_more_kinds::Call>()]
        .map(|calls| base().change(|s| s.pallets[0].calls = Some(calls)));
    assert_eq!(kinds(&few, &more), ["call-arguments-grown Balances.choose"]);
    assert_eq!(kinds(&more, &few), ["call-arguments-shrunk Balances.choose"]);
}

#[test]
fn events_and_errors() {
    let cases = [
        (ty::<events::More>(), vec!["added Balances.Minted"]),
        (ty::<events::Less>(), vec!["removed Balances.Burnt"]),
        (ty::<events::Moved>(), vec!["moved Balances.Sent", "moved Balances.Burnt"]),
        (ty::<events::Renamed>(), vec!["renamed Balances.Moved"]),
        (ty::<events::Replaced>(), vec!["replaced Balances.Burnt"]),
        (ty::<events::Widened>(), vec!["fields Balances.Sent"]),
    ];
    for (changed, expected) in cases {
        let named = |what: &str| expected.iter().map(|change| format!("{what}-{change}")).collect::<Vec<_>>();
        assert_eq!(in_pallet(|pallet| pallet.event = Some(changed)), named("event"));
        assert_eq!(in_pallet(|pallet| pallet.error = Some(changed)), named("error"));
    }
}

#[test]
fn storage() {
    let with = |change: fn(&mut Vec<Item>)| in_pallet(|pallet| change(&mut pallet.items));
    assert_eq!(with(|items| items.push(Item::value("New", ty::<u8>()))), ["storage-added Balances.New"]);
    assert_eq!(with(|items| drop(items.pop())), ["storage-removed Balances.Account"]);
    let hasher = with(|items| items[1].key = Some((vec![StorageHasher::Twox64Concat], ty::<[u8; 32]>())));
    assert_eq!(hasher, ["storage-hashers Balances.Account"]);
    assert_eq!(with(|items| items[1].key = None), ["storage-hashers Balances.Account"]);
    let key = with(|items| items[1].key = Some((vec![StorageHasher::Blake2_128Concat], ty::<[u8; 20]>())));
    assert_eq!(key, ["storage-key Balances.Account"]);
    assert_eq!(with(|items| items[1].value = ty::<values::Account>()), ["storage-value Balances.Account"]);
    let grown = with(|items| items[1].value = ty::<values::grown::Account>());
    assert_eq!(grown, ["storage-value-grown Balances.Account"]);
    let more = base().change(|s| s.pallets[0].items[1].value = ty::<values::grown::Account>());
    assert_eq!(kinds(&more, &base()), ["storage-value-shrunk Balances.Account"]);
    let keyed = |key| base().change(|s| s.pallets[0].items[1].key = Some((vec![StorageHasher::Twox64Concat], key)));
    let (few, more) = (keyed(ty::<Kind>()), keyed(ty::<values::grown::Kind>()));
    assert!(kinds(&few, &more).is_empty(), "additional variants do not change stored keys");
    assert_eq!(kinds(&more, &few), ["storage-key-shrunk Balances.Account"]);
    assert_eq!(with(|items| items[0].optional = true), ["storage-modifier Balances.Total"]);
    assert_eq!(with(|items| items[0].default = 1u128.encode()), ["storage-default Balances.Total"]);
    let versions = kinds(&base(), &base().change(|s| s.storage_versions = Some(vec![("Balances", 1)])));
    assert_eq!(versions, ["storage-version Balances.storage version"]);
}

#[test]
fn a_change_deep_in_a_type_has_its_path() {
    let changed = base().change(|s| s.pallets[0].items[1].value = ty::<values::Account>());
    assert_eq!(compared(&base(), &changed).changes[0].details, ["free: u128 became u64"]);
}

#[test]
fn constants_with_their_values() {
    let changed = base().change(|s| s.pallets[0].constants[0].2 = 600u128.encode());
    let change = compared(&base(), &changed).changes.remove(0);
    assert_eq!(
        (change.kind.to_string().as_str(), change.old.as_deref(), change.new.as_deref()),
        ("constant-value", Some("500"), Some("600"))
    );
    let typed = in_pallet(|pallet| pallet.constants[0] = ("ExistentialDeposit", ty::<u64>(), 500u64.encode()));
    assert_eq!(typed, ["constant-type Balances.ExistentialDeposit"]);
    assert_eq!(in_pallet(|pallet| pallet.constants.clear()), ["constant-removed Balances.ExistentialDeposit"]);
    let added = in_pallet(|pallet| pallet.constants.push(("Limit", ty::<u8>(), vec![1])));
    assert_eq!(added, ["constant-added Balances.Limit"]);
}

#[test]
fn associated_types_and_view_functions() {
    assert_eq!(in_pallet(|p| p.associated.clear()), ["associated-type-removed Balances.Balance"]);
    assert_eq!(in_pallet(|p| p.associated[0].1 = ty::<u64>()), ["associated-type-changed Balances.Balance"]);
    assert_eq!(in_pallet(|p| p.associated.push(("B", ty::<u8>()))), ["associated-type-added Balances.B"]);
    assert_eq!(in_pallet(|p| p.views.clear()), ["view-function-removed Balances.issued"]);
    assert_eq!(in_pallet(|p| p.views[0].2 = ty::<u64>()), ["view-function-changed Balances.issued"]);
    assert_eq!(in_pallet(|p| p.views.push(("b", vec![], ty::<u8>()))), ["view-function-added Balances.b"]);
}

#[test]
fn runtime_apis() {
    let version = |version| after(|s| s.version.apis = vec![api(blake2_64(b"ParachainHost"), version)]);
    assert_eq!(version(11), ["api-version-raised ParachainHost"]);
    assert_eq!(version(9), ["api-version-lowered ParachainHost"]);
    assert_eq!(after(|s| s.version.apis.clear()), ["api-removed ParachainHost"]);
    assert_eq!(after(|s| s.version.apis.push(api([1; 8], 1))), ["api-added 0x0101010101010101"]);
    let method = |change: fn(&mut Vec<crate::testing::Method>)| after(|s| change(&mut s.apis[0].1));
    assert_eq!(method(|m| m.clear()), ["api-method-removed ParachainHost_validators"]);
    assert_eq!(method(|m| m.push(("b", vec![], ty::<u8>()))), ["api-method-added ParachainHost_b"]);
    assert_eq!(method(|m| m[0].1.clear()), ["api-method-arguments ParachainHost_validators"]);
    assert_eq!(method(|m| m[0].1[0] = ty::<u64>()), ["api-method-arguments ParachainHost_validators"]);
    assert_eq!(method(|m| m[0].2 = ty::<u64>()), ["api-method-result ParachainHost_validators"]);
    let grown = method(|m| m[0].2 = ty::<values::grown::Kind>());
    assert_eq!(grown, ["api-method-types-grown ParachainHost_validators"]);
    let shrunk = kinds(&base().change(|s| s.apis[0].1[0].2 = ty::<values::grown::Kind>()), &base());
    assert_eq!(shrunk, ["api-method-types-renamed ParachainHost_validators"]);
    let asked = |ty| base().change(|s| s.apis[0].1[0].1 = vec![ty]);
    let (few, more) = (asked(ty::<Kind>()), asked(ty::<values::grown::Kind>()));
    assert_eq!(kinds(&few, &more), ["api-method-types-renamed ParachainHost_validators"]);
    assert_eq!(kinds(&more, &few), ["api-method-arguments-shrunk ParachainHost_validators"]);
}

#[test]
fn transactions() {
    let with = |change: fn(&mut RuntimeBuilder)| {
        after(|s| {
            s.extension_versions.clear();
            change(s);
        })
        .into_iter()
        .filter(|change| !change.starts_with("extension-versions"))
        .collect::<Vec<_>>()
    };
    let weight = ("CheckWeight", ty::<()>(), ty::<()>());
    assert!(after(|s| s.extensions.push(weight)).is_empty(), "it is in no extension version that is used");
    assert_eq!(
        with(|s| s.extensions.push(("CheckWeight", ty::<()>(), ty::<()>()))),
        ["extension-added-without-data CheckWeight"]
    );
    assert_eq!(with(|s| s.extensions.push(("Own", ty::<u8>(), ty::<()>()))), ["extension-added Own"]);
    assert_eq!(
        with(|s| s.extensions.retain(|extension| extension.0 != "CheckNonce")),
        ["extension-removed CheckNonce"]
    );
    assert_eq!(with(|s| s.extensions.reverse()), ["extension-order transaction extensions"]);
    assert_eq!(with(|s| s.extensions[0].1 = ty::<u64>()), ["extension-explicit CheckNonce"]);
    assert_eq!(with(|s| s.extensions[1].2 = ty::<[u8; 20]>()), ["extension-implicit CheckGenesis"]);
    assert_eq!(
        after(|s| s.extension_versions = [(0, vec![0, 1]), (1, vec![1])].into()),
        ["extension-versions extension version 1"]
    );
    assert_eq!(with(|s| s.extrinsic_versions = vec![5]), ["extrinsic-format-removed extrinsic format 4"]);
    assert_eq!(with(|s| s.extrinsic_versions.push(6)), ["extrinsic-format-added extrinsic format 6"]);
    assert_eq!(with(|s| s.address = ty::<[u8; 20]>()), ["transaction-sender sender"]);
    assert_eq!(with(|s| s.signature = ty::<[u8; 65]>()), ["transaction-signature signature"]);
    let signing = |change: fn(&mut RuntimeBuilder, scale_info::MetaType)| {
        let of = |ty| {
            base().change(|s| {
                s.extension_versions.clear();
                change(s, ty);
            })
        };
        let (few, more) = (of(ty::<Kind>()), of(ty::<values::grown::Kind>()));
        [kinds(&few, &more), kinds(&more, &few)].concat()
    };
    assert_eq!(signing(|s, ty| s.address = ty), ["extension-types-grown sender", "transaction-sender sender"]);
    assert_eq!(
        signing(|s, ty| s.signature = ty),
        ["extension-types-grown signature", "transaction-signature signature"]
    );
    assert_eq!(
        signing(|s, ty| s.extensions[0].1 = ty),
        ["extension-types-grown CheckNonce", "extension-explicit CheckNonce"]
    );
    let without = base().change(|s| s.extension_versions.clear());
    let with_weight = without.change(|s| s.extensions.push(weight));
    assert_eq!(kinds(&with_weight, &without), ["extension-removed-without-data CheckWeight"]);
}

#[test]
fn contracts_are_affected_only_if_the_runtime_has_them() {
    #[derive(scale_info::TypeInfo)]
    #[allow(dead_code, non_camel_case_types, reason = "only its type information is used")]
    enum Call {
        instantiate_with_code,
    }
    let moved = |builder: &RuntimeBuilder| builder.change(|s| s.pallets[0].index = 11);
    let affected =
        |builder: RuntimeBuilder| compared(&builder, &moved(&builder)).changes[0].breaks.contains(&Audience::Contracts);
    assert!(!affected(base()));
    let contracts = Pallet { name: "Revive", index: 90, calls: Some(ty::<Call>()), ..Pallet::default() };
    assert!(affected(base().with(contracts)));
}

proptest! {
    /// Compares any runtime with itself: there is no change, and every rule is kept.
    #[test]
    fn a_runtime_compared_with_itself_has_no_changes(
        pallets in prop::collection::vec((0usize..8, any::<u8>(), 0usize..6, 0usize..6, any::<bool>(), any::<[u8; 8]>()), 0..8),
        version in 14u32..17,
    ) {
        let names = ["A", "B", "C", "D", "E", "F", "G", "H"];
        let types = [
            ty::<calls::plain::Call>(), ty::<calls::moved::Call>(), ty::<Event>(), ty::<events::Widened>(),
            ty::<values::Account>(), ty::<values::grown::Account>(),
        ];
        let builder = pallets.into_iter().fold(base(), |builder, (name, index, one, other, optional, value)| {
            builder.with(Pallet {
                name: names[name],
                index,
                items: vec![Item { optional, ..Item::map("I", StorageHasher::Identity, types[one], types[other]) }],
                // Calls must be an enum, or the metadata is rejected.
                calls: Some(types[one % 4]),
                event: Some(types[other]),
                constants: vec![("C", types[one], value.to_vec())],
                ..Pallet::default()
            })
        });
        let document = crate::diff(&builder.runtime(version), &builder.runtime(version), &Default::default()).expect("compared");
        prop_assert!(document.changes.is_empty(), "{:?}", document.changes);
        prop_assert!(document.rules.iter().all(|rule| rule.status == protocol::Status::Pass));
    }
}
