// SPDX-License-Identifier: Apache-2.0
//! Changes of signed data, compared by encoding and not by names.

use super::{compared, parts::*, status};
use crate::{
    SigningChanges,
    changes::CallIndices,
    testing::{Item, Pallet, RuntimeBuilder, ty},
};
use protocol::diff::{Audience, Severity};
use protocol::{Status, Verdict};
use scale_info::{MetaType, TypeInfo};

/// The junctions of XCM up to version 3, and those since version 4.
#[allow(dead_code, reason = "only their type information is used")]
mod xcm {
    use scale_info::TypeInfo;

    #[derive(TypeInfo)]
    pub enum Junction {
        Parachain(#[codec(compact)] u32),
        AccountKey20 { key: [u8; 20] },
    }
    #[derive(TypeInfo)]
    pub struct Location<Interior> {
        pub parents: u8,
        pub interior: Interior,
    }
    #[derive(TypeInfo)]
    pub enum Listed {
        Here,
        X1(Junction),
        X2(Junction, Junction),
    }
    #[derive(TypeInfo)]
    pub enum InArrays {
        Here,
        X1([Junction; 1]),
        X2([Junction; 2]),
    }
    #[derive(TypeInfo)]
    pub enum Longer {
        Here,
        X1([Junction; 1]),
        X2([Junction; 3]),
    }
    #[derive(TypeInfo)]
    pub enum Shorter {
        Here,
        X1([Junction; 1]),
    }
}

#[allow(dead_code, non_camel_case_types, reason = "only its type information is used")]
#[derive(TypeInfo)]
enum Calls<Argument> {
    send { dest: Argument },
}

fn calls_with<Argument: TypeInfo + 'static>() -> RuntimeBuilder {
    base().change(|s| s.pallets[0].calls = Some(ty::<Calls<Argument>>()))
}

/// Returns the next release with the same transaction version.
fn same_version(builder: RuntimeBuilder) -> RuntimeBuilder {
    released(&builder).change(|s| s.version.transaction_version = Some(1))
}

/// Returns a pallet with one storage item and these calls.
fn pallet(name: &'static str, index: u8, item: &'static str, calls: MetaType) -> Pallet {
    Pallet { name, index, items: vec![Item::value(item, ty::<u32>())], calls: Some(calls), ..Pallet::default() }
}

#[test]
fn an_array_of_junctions_encodes_as_the_junctions() {
    let old = calls_with::<xcm::Location<xcm::Listed>>();
    let document = compared(&old, &same_version(calls_with::<xcm::Location<xcm::InArrays>>()));
    assert_eq!(document.verdict, Verdict::Pass);
    assert_eq!(status(&document, "transaction-version"), Status::Pass);
    let change = document.changes.iter().find(|change| change.name == "send").expect("a note");
    assert_eq!(change.severity, Severity::Notable);
    assert!(change.details[0].contains("2 fields became 1 (encoded as before)"), "{change:?}");

    let longer = compared(&old, &same_version(calls_with::<xcm::Location<xcm::Longer>>()));
    assert_eq!(status(&longer, "transaction-version"), Status::Fail);
    let shorter = compared(&old, &same_version(calls_with::<xcm::Location<xcm::Shorter>>()));
    assert_eq!(
        status(&shorter, "transaction-version"),
        Status::Warn,
        "calls to X2 are rejected, all others are the same"
    );
}

#[test]
fn newtypes_and_nesting_do_not_change_the_encoding() {
    #[allow(dead_code)]
    #[derive(TypeInfo)]
    struct Id(u32);
    #[allow(dead_code)]
    #[derive(TypeInfo)]
    struct Pair {
        id: Id,
        rest: (u8, [u16; 2]),
    }
    let old = calls_with::<(u32, u8, u16, u16)>();
    assert_eq!(compared(&old, &same_version(calls_with::<Pair>())).verdict, Verdict::Pass);
    assert_eq!(
        compared(&old, &same_version(calls_with::<(Id, [u8; 5])>())).verdict,
        Verdict::Fail,
        "two numbers became four"
    );
}

#[allow(dead_code, non_camel_case_types, reason = "only their type information is used")]
mod inherents {
    use scale_info::TypeInfo;

    #[derive(TypeInfo)]
    pub enum Before {
        set_validation_data { data: u32 },
        send { message: u32 },
    }
    #[derive(TypeInfo)]
    pub enum After {
        set_validation_data { data: u32, collator: u64 },
        send { message: u32 },
    }
    #[derive(TypeInfo)]
    pub enum Both {
        set_validation_data { data: u32, collator: u64 },
        send { message: u64 },
    }
    #[derive(TypeInfo)]
    pub enum Unsigned {
        report_equivocation_unsigned { proof: u32 },
    }
    #[derive(TypeInfo)]
    pub enum OtherUnsigned {
        report_equivocation_unsigned { proof: u64 },
    }
}

#[test]
fn the_arguments_of_an_inherent_may_change() {
    let with = |calls| base().with(pallet("ParachainSystem", 1, "ValidationData", calls));
    let old = with(ty::<inherents::Before>());
    let document = compared(&old, &same_version(with(ty::<inherents::After>())));
    assert_eq!(document.verdict, Verdict::Pass);
    let change = document.changes.iter().find(|change| change.name == "set_validation_data").expect("a change");
    assert_eq!((change.severity, change.breaks.as_slice()), (Severity::Notable, &[Audience::IndexersAndFrontEnds][..]));
    assert!(change.details[0].starts_with("nobody signs it"), "{change:?}");

    let both = compared(&old, &same_version(with(ty::<inherents::Both>())));
    let rule = both.rules.iter().find(|rule| rule.name == "transaction-version").expect("the rule");
    assert_eq!(rule.status, Status::Fail, "the other call is signed");
    assert!(rule.findings.len() == 1 && rule.findings[0].text.starts_with("ParachainSystem.send"), "{rule:?}");
    // A call of that name in another pallet is signed.
    let named = |calls| base().with(pallet("Oracle", 1, "Feeds", calls));
    let document = compared(&named(ty::<inherents::Before>()), &same_version(named(ty::<inherents::After>())));
    assert_eq!(status(&document, "transaction-version"), Status::Fail);
}

#[test]
fn a_pallet_with_inherents_only_may_move_or_be_removed() {
    let with = |index, calls| base().with(pallet("Grandpa", index, "State", calls));
    let old = with(30, ty::<inherents::Unsigned>());
    for new in [with(31, ty::<inherents::Unsigned>()), with(30, ty::<inherents::OtherUnsigned>()), base()] {
        let document = compared(&old, &same_version(new));
        assert_eq!(status(&document, "transaction-version"), Status::Pass);
    }
}

#[test]
fn unsigned_calls_seen_in_a_block_are_not_signed() {
    let with = |calls| base().with(pallet("Own", 40, "Seen", calls)).runtime(16);
    let (old, new) = (with(ty::<inherents::Before>()), with(ty::<inherents::After>()));
    let (old, new) = (old.interface().expect("typed"), new.interface().expect("typed"));
    let unknown = SigningChanges::between(&old, &new, &CallIndices::new()).expect("compared");
    assert_eq!(unknown.broken.len(), 1, "{unknown:?}");
    let known = SigningChanges::between(&old, &new, &CallIndices::from([(40, 0)])).expect("compared");
    assert!(known.broken.is_empty() && known.notes.len() == 1, "{known:?}");
}

#[test]
fn extensions_without_wallet_support_are_distinguished() {
    let with = |name| {
        base()
            .change(|s| {
                s.extensions.push((name, ty::<u8>(), ty::<()>()));
                s.extension_versions = [(0, vec![0, 1, 2])].into();
            })
            .runtime(16)
    };
    let old = base().runtime(16);
    for (name, unsignable) in [("OwnMode", 1), ("CheckMetadataHash", 0)] {
        let new = with(name);
        let (old, new) = (old.interface().expect("typed"), new.interface().expect("typed"));
        let found = SigningChanges::between(&old, &new, &CallIndices::new()).expect("compared");
        assert_eq!((found.broken.len(), found.unsignable.len()), (1, unsignable), "{name}: {found:?}");
    }
}
