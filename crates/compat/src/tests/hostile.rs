// SPDX-License-Identifier: Apache-2.0
//! Hostile metadata: it is rejected or compared, in bounded time, and never causes a panic.

use super::parts::*;
use crate::{
    Runtime, diff,
    testing::{Pallet, RuntimeBuilder, ty},
};
use artifact::{Blob, Metadata, metadata::RuntimeMetadata};
use codec::Encode;
use protocol::diff::AllowedRules;
use scale_info::{TypeDef, TypeDefTuple, form::PortableForm};
use worker::Kind;

fn refused(old: &Runtime, new: &Runtime) -> worker::Failure {
    let failure = diff(old, new, &AllowedRules::new()).expect_err("refused");
    assert_eq!(failure.kind, Kind::Input);
    failure
}

/// Returns a runtime with modified metadata.
fn modified(builder: &RuntimeBuilder, modify: impl FnOnce(&mut frame_metadata::v16::RuntimeMetadataV16)) -> Runtime {
    let mut runtime = builder.runtime(16);
    match &mut runtime.metadata {
        RuntimeMetadata::V16(metadata) => modify(metadata),
        other => panic!("version {}", other.version()),
    }
    runtime
}

#[test]
fn truncated_metadata_is_rejected() {
    for version in [14, 15, 16] {
        let whole = base().metadata(version);
        for length in (0..whole.len()).step_by(7) {
            assert!(Metadata::from_bytes("cut", whole[..length].to_vec()).is_err(), "V{version} at {length}");
        }
    }
}

#[test]
fn unknown_metadata_versions_are_rejected() {
    let mut unknown = base().metadata(16);
    unknown[4] = 99;
    assert_eq!(Metadata::from_bytes("unknown", unknown).expect_err("refused").kind, Kind::Input);
}

#[test]
fn recursive_types_are_compared() {
    let recursive = |runtime: &mut frame_metadata::v16::RuntimeMetadataV16| {
        // Every type becomes a pair of itself: the paths double with each level, without any bytes.
        for id in 0..runtime.types.types.len() as u32 {
            let pair: TypeDefTuple<PortableForm> = TypeDefTuple::new_portable(vec![id.into(), id.into()]);
            if !matches!(runtime.types.types[id as usize].ty.type_def, TypeDef::Variant(_)) {
                runtime.types.types[id as usize].ty.type_def = pair.into();
            }
        }
    };
    let (old, new) = (modified(&base(), recursive), modified(&base(), recursive));
    assert!(diff(&old, &new, &AllowedRules::new()).expect("compared").changes.is_empty());
    assert!(!diff(&base().runtime(16), &new, &AllowedRules::new()).expect("compared").changes.is_empty());
    crate::parameters::parameters(&old, &new, &Default::default(), None).expect("parameters");
}

#[test]
fn types_that_nest_too_deeply_are_rejected() {
    let deep = modified(&base(), |metadata| {
        let count = metadata.types.types.len() as u32;
        let storage = metadata.pallets[0].storage.as_mut().expect("storage");
        storage.entries[0].ty = frame_metadata::v14::StorageEntryType::Plain(count.into());
        for id in count..count + 5000 {
            let mut ty = metadata.types.types[0].clone();
            ty.id = id;
            // A pair of the next type and a number, so that it is not a newtype.
            ty.ty.type_def = TypeDefTuple::new_portable(vec![(id + 1).into(), 0.into()]).into();
            metadata.types.types.push(ty);
        }
    });
    assert!(refused(&deep, &deep).found.is_some_and(|found| found.contains("deeper")));
}

#[test]
fn too_long_names_and_too_many_pallets_are_rejected() {
    let long: &'static str = Box::leak("x".repeat(600).into_boxed_str());
    let named = base().with(Pallet { name: long, index: 3, ..Pallet::default() }).runtime(16);
    assert!(refused(&base().runtime(16), &named).found.is_some_and(|found| found.contains("600 bytes")));
    let pallet = |index: u32| Pallet { name: "Many", index: index as u8, ..Pallet::default() };
    let many = (0..2000).fold(base(), |builder, index| builder.with(pallet(index))).runtime(16);
    assert!(refused(&many, &base().runtime(16)).found.is_some_and(|found| found.contains("pallets")));
}

#[test]
fn huge_counts_in_constants_are_bounded() {
    let huge = base().change(|s| {
        s.pallets[0].constants = vec![("Count", ty::<Vec<()>>(), codec::Compact(u32::MAX).encode())];
    });
    let other = base().change(|s| s.pallets[0].constants = vec![("Count", ty::<Vec<()>>(), vec![4])]);
    let document = diff(&huge.runtime(16), &other.runtime(16), &AllowedRules::new()).expect("compared");
    assert!(document.changes[0].old.as_ref().is_some_and(|old| old.contains("too large")), "{:?}", document.changes);
}

#[test]
fn two_chains_with_nothing_in_common_are_compared() {
    let other = RuntimeBuilder::new()
        .with(Pallet { name: "Contracts", index: 77, calls: Some(ty::<events::More>()), ..Pallet::default() })
        .change(|s| s.version.spec_name = "other".into());
    let document = diff(&base().runtime(14), &other.runtime(16), &AllowedRules::new()).expect("compared");
    let kinds: Vec<_> = document.changes.iter().map(|change| change.kind.to_string()).collect();
    assert!(kinds.contains(&"pallet-removed".into()) && kinds.contains(&"pallet-added".into()), "{kinds:?}");
}

#[test]
fn a_runtime_that_traps_is_named_in_the_failure() {
    let wasm = wat::parse_str(
        r#"(module (memory (export "memory") 17)
            (func (export "Core_version") (param i32 i32) (result i64) unreachable)
            (func (export "Metadata_metadata") (param i32 i32) (result i64) unreachable))"#,
    )
    .expect("a module");
    let blob = Blob::parse("trap.wasm", wasm).expect("a blob");
    let failure = Runtime::from_blob("trap.wasm", &blob).expect_err("refused");
    assert_eq!(failure.kind, Kind::Input);
    assert!(failure.message.contains("Metadata_metadata of trap.wasm failed"), "{failure}");
}
