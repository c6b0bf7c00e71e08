// SPDX-License-Identifier: Apache-2.0
//! Each rule: kept, broken and allowed.

use super::{compared, parts::*, status};
use crate::{
    diff,
    rules::{NAMES, check_allowed},
    testing::{Item, Pallet, RuntimeBuilder, ty},
};
use artifact::{hashes::blake2_64, version::api};
use codec::Encode;
use frame_metadata::v14::StorageHasher;
use protocol::diff::AllowedRules;
use protocol::{Status, Verdict};

/// Returns the next release with another change.
fn next(change: impl FnOnce(&mut RuntimeBuilder)) -> RuntimeBuilder {
    released(&base()).change(change)
}

fn with_calls(calls: scale_info::MetaType) -> RuntimeBuilder {
    next(|s| s.pallets[0].calls = Some(calls))
}

/// Returns the names of the broken rules.
fn broken(old: &RuntimeBuilder, new: &RuntimeBuilder) -> Vec<String> {
    let document = compared(old, new);
    let broken: Vec<_> =
        document.rules.iter().filter(|rule| rule.status == Status::Fail).map(|rule| rule.name.clone()).collect();
    assert_eq!(document.verdict == Verdict::Fail, !broken.is_empty());
    broken
}

#[test]
fn a_release_that_changes_nothing_keeps_every_rule() {
    assert!(broken(&base(), &released(&base())).is_empty());
    let document = compared(&base(), &released(&base()));
    assert_eq!(document.rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), NAMES);
}

#[test]
fn the_name_and_the_version_of_the_chain() {
    assert_eq!(broken(&base(), &next(|s| s.version.spec_name = "other".into())), ["spec-name"]);
    let unraised = base().change(|s| s.pallets[0].constants[0].2 = 1u128.encode());
    assert_eq!(broken(&base(), &unraised), ["spec-version"]);
    let code_alone = base().change(|s| s.version.impl_version += 1);
    assert_eq!(broken(&base(), &code_alone), ["spec-version"], "another blob, whatever is in it");
    assert!(broken(&base(), &base()).is_empty(), "the same blob");
    assert_eq!(broken(&released(&base()), &base()), ["spec-version", "transaction-version"]);
    assert_eq!(broken(&base(), &next(|s| s.version.state_version = Some(0))), ["state-version"]);
}

#[test]
fn changes_of_signed_data_require_a_transaction_version() {
    let same_version = |new: RuntimeBuilder| new.change(|s| s.version.transaction_version = Some(1));
    let breaking = [
        with_calls(ty::<calls::moved::Call>()),
        with_calls(ty::<calls::replaced::Call>()),
        with_calls(ty::<calls::narrowed::Call>()),
        with_calls(ty::<calls::removed::Call>()),
        next(|s| s.pallets[0].index = 11),
        next(|s| s.pallets.clear()),
        next(|s| s.extensions[0].1 = ty::<u64>()),
        next(|s| s.extensions[1].2 = ty::<u64>()),
        next(|s| s.extensions.reverse()),
        next(|s| s.extension_versions = [(0, vec![0])].into()),
        next(|s| s.extrinsic_versions = vec![5]),
        next(|s| s.address = ty::<u64>()),
        next(|s| s.signature = ty::<u64>()),
    ];
    for (place, new) in breaking.into_iter().enumerate() {
        assert!(broken(&base(), &new).is_empty(), "{place}: raised");
        assert_eq!(broken(&base(), &same_version(new)), ["transaction-version"], "{place}");
    }
    let harmless = [
        with_calls(ty::<calls::added::Call>()),
        with_calls(ty::<calls::renamed::Call>()),
        with_calls(ty::<calls::relabelled::Call>()),
        next(|s| s.pallets.push(Pallet { name: "New", index: 20, ..Pallet::default() })),
    ];
    for (place, new) in harmless.into_iter().enumerate() {
        assert!(broken(&base(), &same_version(new)).is_empty(), "{place}");
    }
    // Calls with the removed variant are rejected; none is decoded to another call.
    let of = |builder: RuntimeBuilder, calls| builder.change(|s| s.pallets[0].calls = Some(calls));
    let old = of(base(), ty::<calls::of_more_kinds::Call>());
    let new = of(released(&base()), ty::<calls::of_a_kind::Call>());
    assert_eq!(status(&compared(&old, &same_version(new.clone())), "transaction-version"), Status::Warn);
    assert_eq!(status(&compared(&old, &new), "transaction-version"), Status::Pass, "raised");
    // A pallet without calls may move.
    let without_calls = |index| {
        move |s: &mut RuntimeBuilder| {
            s.pallets.push(Pallet { name: "Silent", index, event: Some(ty::<Event>()), ..Pallet::default() })
        }
    };
    assert!(broken(&base().change(without_calls(20)), &same_version(next(without_calls(21)))).is_empty());
}

#[test]
fn a_runtime_without_a_transaction_version_gives_a_warning() {
    let old = base().change(|s| s.version.transaction_version = None);
    let new = old.change(|s| {
        s.version.spec_version = 2;
        s.pallets[0].index = 11;
    });
    assert_eq!(status(&compared(&old, &new), "transaction-version"), Status::Warn);
}

#[test]
fn slots_and_epochs() {
    let with = |name, constant, value: u64| {
        let pallet =
            Pallet { name, index: 2, constants: vec![(constant, ty::<u64>(), value.encode())], ..Pallet::default() };
        base().with(pallet)
    };
    for (name, constant) in [("Babe", "EpochDuration"), ("Babe", "ExpectedBlockTime"), ("Aura", "SlotDuration")] {
        let (old, new) = (with(name, constant, 600), released(&with(name, constant, 2400)));
        assert_eq!(broken(&old, &new), ["consensus"], "{name}.{constant}");
    }
    let (old, new) = (with("Timestamp", "MinimumPeriod", 3000), released(&with("Timestamp", "MinimumPeriod", 0)));
    assert_eq!(status(&compared(&old, &new), "consensus"), Status::Warn);
}

#[test]
fn storage_that_changes_needs_a_higher_storage_version() {
    let at = |builder: RuntimeBuilder, version: u16| {
        builder.change(|s| s.storage_versions = Some(vec![("Balances", version)]))
    };
    let changed = [
        next(|s| s.pallets[0].items[1].value = ty::<values::Account>()),
        next(|s| s.pallets[0].items[1].key = Some((vec![StorageHasher::Twox64Concat], ty::<[u8; 32]>()))),
        next(|s| s.pallets[0].items[1].key = Some((vec![StorageHasher::Blake2_128Concat], ty::<u64>()))),
        next(|s| s.pallets[0].prefix = Some("Elsewhere")),
    ];
    for (place, new) in changed.into_iter().enumerate() {
        assert_eq!(broken(&at(base(), 1), &at(new.clone(), 1)), ["storage-migration"], "{place}");
        assert!(broken(&at(base(), 1), &at(new.clone(), 2)).is_empty(), "{place}: raised");
        assert_eq!(broken(&at(base(), 1), &at(new.clone(), 0)), ["storage-migration"], "{place}: lowered");
        let unknown = new.change(|s| s.storage_versions = None);
        assert_eq!(status(&compared(&at(base(), 1), &unknown), "storage-migration"), Status::Warn, "{place}");
    }
    let grown = next(|s| s.pallets[0].items[1].value = ty::<values::grown::Account>());
    assert!(broken(&base(), &grown).is_empty(), "an additional variant changes no stored value");
    let added = next(|s| s.pallets[0].items.push(Item::value("New", ty::<u8>())));
    assert_eq!(status(&compared(&base(), &added), "storage-migration"), Status::Pass);
    // Whether these need a migration depends on the stored values.
    let more = base().change(|s| s.pallets[0].items[1].value = ty::<values::grown::Account>());
    for (old, new) in [(more, next(|_| ())), (base(), next(|s| drop(s.pallets[0].items.pop())))] {
        assert_eq!(status(&compared(&old, &new), "storage-migration"), Status::Warn);
        assert!(broken(&old, &new).is_empty());
        assert_eq!(status(&compared(&old, &at(new, 1)), "storage-migration"), Status::Pass, "raised");
    }
}

#[test]
fn storage_that_every_block_rewrites_needs_no_migration() {
    let system = |value| {
        let items = vec![Item::value("Events", value)];
        base().with(Pallet { name: "System", index: 0, items, ..Pallet::default() })
    };
    assert!(broken(&system(ty::<u32>()), &released(&system(ty::<u64>()))).is_empty());
}

#[test]
fn apis_and_their_versions() {
    let api = |version| vec![api(blake2_64(b"ParachainHost"), version)];
    let result = |version: u32| {
        next(|s| {
            s.apis[0].1[0].2 = ty::<u64>();
            s.version.apis = api(version);
        })
    };
    assert_eq!(broken(&base(), &result(10)), ["api-version"]);
    assert_eq!(status(&compared(&base(), &result(11)), "api-version"), Status::Warn);
    assert_eq!(broken(&base(), &next(|s| s.apis[0].1[0].1.clear())), ["api-version"]);
    assert_eq!(broken(&base(), &next(|s| s.apis[0].1.clear())), ["api-version"]);
    assert_eq!(broken(&base(), &next(|s| s.version.apis = api(9))), ["api-version"]);
    assert_eq!(broken(&base(), &next(|s| s.version.apis.clear())), ["api-version"]);
    let grown = next(|s| s.apis[0].1[0].2 = ty::<values::grown::Kind>());
    assert_eq!(status(&compared(&base(), &grown), "api-version"), Status::Warn);
    let asked = |builder: RuntimeBuilder, ty| builder.change(|s| s.apis[0].1[0].1 = vec![ty]);
    let (old, new) = (asked(base(), ty::<values::grown::Kind>()), asked(next(|_| ()), ty::<Kind>()));
    assert_eq!(status(&compared(&old, &new), "api-version"), Status::Warn, "callers may send a removed variant");
    let other = base().api("OwnApi", 1, vec![]);
    assert_eq!(status(&compared(&other, &released(&base())), "api-version"), Status::Warn, "no node needs it");
}

#[test]
fn host_functions_that_nodes_may_lack() {
    let new = next(|s| s.host_functions.push("ext_new_version_1"));
    assert_eq!(
        status(&compared(&base(), &new), "host-functions"),
        Status::Warn,
        "which nodes there are is not known here"
    );
    assert!(broken(&base(), &next(|s| s.host_functions.clear())).is_empty());
    assert!(broken(&base(), &next(|s| s.host_functions.push("ext_offchain_timestamp_version_1"))).is_empty());
}

#[test]
fn a_broken_rule_may_be_allowed_and_keeps_its_reason() {
    let new = next(|s| s.version.apis.clear());
    let allowed = AllowedRules::from([("api-version".into(), Some("every node is new".into()))]);
    let document = diff(&base().runtime(16), &new.runtime(16), &allowed).expect("compared");
    let rule = document.rules.iter().find(|rule| rule.name == "api-version").expect("the rule");
    assert_eq!((rule.status, rule.allowed.as_deref()), (Status::Warn, Some("every node is new")));
    assert_eq!(document.verdict, Verdict::Pass);
    let other = AllowedRules::from([("spec-name".into(), None)]);
    let document = diff(&base().runtime(16), &new.runtime(16), &other).expect("compared");
    assert_eq!(document.verdict, Verdict::Fail, "another rule is allowed");
}

#[test]
fn an_unknown_rule_cannot_be_allowed() {
    let failure = check_allowed(&AllowedRules::from([("nonsense".into(), None)])).expect_err("refused");
    assert_eq!(failure.kind, worker::Kind::Usage);
    assert!(failure.expected.is_some_and(|expected| NAMES.iter().all(|name| expected.contains(name))));
    for name in NAMES {
        check_allowed(&AllowedRules::from([(name.into(), None)])).expect("a rule");
    }
}

/// Returns a chain with a slot duration in milliseconds and constants that are numbers of blocks.
fn paced(slot: u64, voting: u32, parachain: bool) -> RuntimeBuilder {
    let of = |name, index, constants| Pallet { name, index, constants, ..Pallet::default() };
    let voting = vec![("VotingPeriod", ty::<u32>(), voting.encode()), ("MaxVotes", ty::<u32>(), 100u32.encode())];
    let builder = base()
        .with(of("Aura", 2, vec![("SlotDuration", ty::<u64>(), slot.encode())]))
        .with(of("Timestamp", 3, vec![("MinimumPeriod", ty::<u64>(), (slot / 2).encode())]))
        .with(of("Democracy", 4, voting));
    if parachain { builder.with(of("ParachainSystem", 1, vec![])) } else { builder }
}

#[test]
fn durations_in_blocks_change_with_the_time_between_blocks() {
    let document = compared(&paced(12_000, 50_400, true), &released(&paced(6_000, 50_400, true)));
    let rule = document.rules.iter().find(|rule| rule.name == "consensus").expect("the rule");
    assert_eq!((rule.status, document.verdict), (Status::Warn, Verdict::Pass), "collators read it for every block");
    let durations: Vec<_> =
        rule.findings.iter().map(|finding| finding.text.as_str()).filter(|text| text.contains("blocks = ")).collect();
    assert_eq!(durations, ["Democracy.VotingPeriod: 50,400 blocks = 7 d became 50,400 blocks = 3 d 12 h"]);
    // The number of blocks doubled as the slots halved: the duration is unchanged.
    let document = compared(&paced(12_000, 50_400, true), &released(&paced(6_000, 100_800, true)));
    let rule = document.rules.iter().find(|rule| rule.name == "consensus").expect("the rule");
    assert!(!rule.findings.iter().any(|finding| finding.text.contains("VotingPeriod")), "{rule:?}");
    // Nodes of a solo chain read it once.
    assert_eq!(broken(&paced(12_000, 50_400, false), &released(&paced(6_000, 50_400, false))), ["consensus"]);
}

#[test]
fn parameters_show_both_durations_if_the_time_between_blocks_changed() {
    let change = |old: RuntimeBuilder, new: RuntimeBuilder| {
        let document = crate::parameters::parameters(&old.runtime(16), &new.runtime(16), &Default::default(), None)
            .expect("parameters");
        let found = document.parameters.into_iter().find(|parameter| parameter.constant == "VotingPeriod");
        found.map(|parameter| (parameter.old.unwrap_or_default(), parameter.new.unwrap_or_default()))
    };
    let halved = change(paced(12_000, 50_400, true), paced(6_000, 50_400, true));
    assert_eq!(halved, Some(("50,400 blocks = 7 d".into(), "50,400 blocks = 3 d 12 h".into())));
    assert_eq!(change(paced(6_000, 50_400, true), paced(6_000, 50_400, true)), None, "nothing changed");
}

#[test]
fn a_build_for_quick_tests_gives_a_warning() {
    let with = |timeslice: u32| {
        let constants = vec![("TimeslicePeriod", ty::<u32>(), timeslice.encode())];
        base().with(Pallet { name: "Broker", index: 50, constants, ..Pallet::default() })
    };
    assert_eq!(status(&compared(&with(80), &released(&with(20))), "consensus"), Status::Warn);
    assert_eq!(status(&compared(&with(80), &released(&with(80))), "consensus"), Status::Pass);
}
