// SPDX-License-Identifier: Apache-2.0
//! State that does not have the layout of the new code.

use codec::Encode;
use cutover_tests::{
    Runtime::Standalone,
    faults::{Action, Condition::Lacks, Faults},
    incident::{Before, Fault, Report, faulty, item, rehearse, sound, with_metadata},
};
use frame_metadata::v16::{
    ItemDeprecationInfo, RuntimeMetadataV16, StorageEntryMetadata, StorageEntryModifier, StorageEntryType,
    StorageHasher,
};
use scale_info::{Field, Path, PortableType, Type, TypeDef, TypeDefComposite, TypeDefPrimitive, form::PortableForm};

fn configuration() -> Vec<u8> {
    item("Attestations", "HostConfiguration")
}

/// Adds an item with a struct of numbers to the metadata, like the configuration of a relay chain.
fn with_configuration(wasm: &[u8], fields: &[&str]) -> Vec<u8> {
    with_metadata(wasm, |metadata| {
        let number = primitive(metadata, TypeDefPrimitive::U32);
        let fields = fields.iter().map(|name| {
            Field::<PortableForm>::new(Some((*name).to_owned()), number.into(), Some("u32".into()), vec![])
        });
        let id = metadata.types.types.len() as u32;
        let def: TypeDef<PortableForm> = TypeDefComposite::<PortableForm>::new(fields.collect::<Vec<_>>()).into();
        let path = Path::from_segments_unchecked(vec!["HostConfiguration".to_owned()]);
        metadata.types.types.push(PortableType { id, ty: Type::new(path, vec![], def, vec![]) });
        let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == "Attestations").expect("the pallet");
        pallet.storage.as_mut().expect("storage").entries.push(StorageEntryMetadata {
            name: "HostConfiguration".into(),
            modifier: StorageEntryModifier::Optional,
            ty: StorageEntryType::Plain(id.into()),
            default: vec![0],
            docs: vec![],
            deprecation_info: ItemDeprecationInfo::NotDeprecated,
        });
    })
}

fn primitive(metadata: &RuntimeMetadataV16, wanted: TypeDefPrimitive) -> u32 {
    let is = |def: &TypeDef<PortableForm>| matches!(def, TypeDef::Primitive(found) if *found == wanted);
    metadata.types.types.iter().find(|ty| is(&ty.ty.type_def)).expect("the type").id
}

/// Rehearses an upgrade that adds a field to the configuration. The migration writes `value`.
fn configuration_migrated_to(value: Option<[u32; 5]>) -> Report {
    const OLD: [&str; 4] = ["max_code_size", "validation_delay", "validation_cooldown", "lookahead"];
    const NEW: [&str; 5] = ["max_code_size", "async_backing", "validation_delay", "validation_cooldown", "lookahead"];
    let before = Before::of(Standalone)
        .with_code(|code| with_configuration(code, &OLD))
        .set(&configuration(), Some([3_145_728u32, 600, 14_400, 3].encode()));
    let mut blob = with_configuration(&sound(Standalone), &NEW);
    if let Some(value) = value {
        const DONE: &[u8] = b":test:configured";
        let mut faults = Faults::new();
        for export in ["Core_initialize_block", "Core_execute_block"] {
            let first = || vec![Lacks(DONE.to_vec())];
            faults = faults.step(export, first(), Action::Set(configuration(), value.encode())).step(
                export,
                first(),
                Action::Set(DONE.to_vec(), vec![1]),
            );
        }
        blob = faults.apply(&blob);
    }
    rehearse(before, &blob)
}

#[test]
fn n11_a_configuration_migrated_from_the_wrong_old_layout() {
    configuration_migrated_to(Some([3_145_728, 600, 14_400, 3, 0]))
        .stopped_by("kept-fields", &["HostConfiguration", "fields with the values of other fields", "validation_delay"])
        .status("healthy-blocks", "pass");
}

#[test]
fn n11_a_configuration_replaced_by_its_default() {
    configuration_migrated_to(Some([0; 5])).stopped_by("kept-fields", &["lost most of what their fields held"]);
}

#[test]
fn n11_a_configuration_without_a_migration() {
    configuration_migrated_to(None)
        .stopped_by("storage-layout", &["Attestations.HostConfiguration", "1 value not of the new type"]);
}

#[test]
fn n11_a_configuration_migrated_correctly_passes() {
    configuration_migrated_to(Some([3_145_728, 2, 600, 14_400, 3])).status("kept-fields", "pass").passed();
}

#[test]
fn n11_a_migration_that_only_reports_success() {
    rehearse(Before::of(Standalone).with(Fault::Unmigrated), &faulty(Standalone))
        .stopped_by("storage-layout", &["Attestations.CurrentPolicy"]);
}

#[test]
fn a_type_that_changed_without_a_migration() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let number = primitive(metadata, TypeDefPrimitive::U64);
        let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == "Sudo").expect("the pallet");
        let entries = &mut pallet.storage.as_mut().expect("storage").entries;
        entries.iter_mut().find(|entry| entry.name == "Key").expect("the item").ty =
            StorageEntryType::Plain(number.into());
    });
    rehearse(Before::of(Standalone), &blob).stopped_by("storage-layout", &["Sudo.Key: 1 value not of the new type"]);
}

#[test]
fn a_pallet_renamed_without_its_storage() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == "Sudo").expect("the pallet");
        pallet.name = "Superuser".into();
        pallet.storage.as_mut().expect("storage").prefix = "Superuser".into();
    });
    rehearse(Before::of(Standalone), &blob)
        .stopped_by("leftovers", &["Sudo is called Superuser now", "the new one begins empty"]);
}

/// The removed and the added council are instances of the same pallet.
#[test]
fn another_pallet_of_the_same_kind_is_not_reported_as_a_renamed_one() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == "Sudo").expect("the pallet");
        pallet.name = "Superuser".into();
        pallet.index = 250;
        pallet.storage.as_mut().expect("storage").prefix = "Superuser".into();
    });
    rehearse(Before::of(Standalone), &blob)
        .warned_by("leftovers", &["Sudo, a pallet that is gone", "Superuser has the same items and begins empty"]);
}

#[test]
fn a_map_with_another_hasher_and_unmigrated_keys() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == "System").expect("the pallet");
        let entries = &mut pallet.storage.as_mut().expect("storage").entries;
        let entry = entries.iter_mut().find(|entry| entry.name == "Account").expect("the item");
        let StorageEntryType::Map { hashers, .. } = &mut entry.ty else { panic!("a map") };
        *hashers = vec![StorageHasher::Twox64Concat];
    });
    rehearse(Before::of(Standalone), &blob).stopped_by("storage-layout", &["System.Account"]);
}
