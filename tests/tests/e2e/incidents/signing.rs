// SPDX-License-Identifier: Apache-2.0
//! Faults in what wallets and hardware devices sign.

use cutover_tests::{
    Runtime::Standalone,
    built,
    incident::{Before, rehearse, rehearse_with, sound, with_metadata},
    patch,
};
use frame_metadata::v16::{RuntimeMetadataV16, TransactionExtensionMetadata};
use scale_info::{TypeDef, TypeDefPrimitive};

#[test]
fn n10_calls_that_moved_under_the_same_transaction_version() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let balances = metadata.pallets.iter().find(|pallet| pallet.name == "Balances").expect("the pallet");
        let calls = balances.calls.as_ref().expect("calls").ty.id;
        let ty = metadata.types.types.iter_mut().find(|ty| ty.id == calls).expect("the calls' type");
        let TypeDef::Variant(calls) = &mut ty.ty.type_def else { panic!("an enum") };
        let (first, second) = (calls.variants[0].index, calls.variants[1].index);
        calls.variants[0].index = second;
        calls.variants[1].index = first;
    });
    rehearse(Before::of(Standalone), &patch::transaction_version(&blob, 1))
        .stopped_by("transaction-signing", &["Balances.transfer_allow_death: call moved, index 0 to index 2"]);
}

#[test]
fn n10_arguments_that_changed_under_the_same_transaction_version() {
    let blob = patch::transaction_version(&sound(Standalone), 1);
    rehearse(Before::of(Standalone), &blob)
        .stopped_by("transaction-signing", &["Attestations.attest: call arguments (2 fields became 3 (with outcome))"]);
}

fn with_extension(metadata: &mut RuntimeMetadataV16) {
    let id = |wanted: fn(&TypeDef<scale_info::form::PortableForm>) -> bool| {
        metadata.types.types.iter().find(|ty| wanted(&ty.ty.type_def)).expect("the type").id
    };
    let byte = id(|ty| matches!(ty, TypeDef::Primitive(TypeDefPrimitive::U8)));
    let nothing = id(|ty| matches!(ty, TypeDef::Tuple(tuple) if tuple.fields.is_empty()));
    let extension =
        TransactionExtensionMetadata { identifier: "OwnMode".into(), ty: byte.into(), implicit: nothing.into() };
    metadata.extrinsic.transaction_extensions.push(extension);
    let place = metadata.extrinsic.transaction_extensions.len() as u32 - 1;
    for indices in metadata.extrinsic.transaction_extensions_by_version.values_mut() {
        indices.push(place.into());
    }
}

#[test]
fn n18_an_extension_that_wallets_cannot_sign() {
    let blob = with_metadata(&sound(Standalone), with_extension);
    rehearse(Before::of(Standalone), &patch::transaction_version(&blob, 1))
        .stopped_by("transaction-signing", &["OwnMode: extension added"]);
    // Even with a higher version, wallets must support it, and the team must confirm that.
    rehearse(Before::of(Standalone), &blob).stopped_by("transaction-signing", &["OwnMode", "wallets cannot sign"]);
    let known = [
        "--allow",
        "transaction-signing=the two wallets in use were released with it on Monday",
        // The extension exists only in the altered metadata. The code rejects a transaction with
        // it, and Cutover does not know the extension's data.
        "--allow",
        "metadata-hash=the metadata of this blob was altered",
        "--allow",
        "next-upgrade=the metadata of this blob was altered",
    ];
    rehearse_with(Before::of(Standalone), &blob, &known).status("transaction-signing", "warn").passed();
}

#[test]
fn an_extrinsic_format_that_is_not_supported_any_more() {
    let blob =
        with_metadata(&sound(Standalone), |metadata| metadata.extrinsic.versions.retain(|version| *version != 4));
    rehearse(Before::of(Standalone), &patch::transaction_version(&blob, 1))
        .stopped_by("transaction-signing", &["extrinsic format 4: extrinsic format removed"]);
}

#[test]
fn n34_pallets_that_moved_under_the_same_transaction_version() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let place = |name: &str| metadata.pallets.iter().position(|pallet| pallet.name == name).expect("the pallet");
        let (sudo, utility) = (place("Sudo"), place("Utility"));
        let (first, second) = (metadata.pallets[sudo].index, metadata.pallets[utility].index);
        metadata.pallets[sudo].index = second;
        metadata.pallets[utility].index = first;
    });
    rehearse(Before::of(Standalone), &patch::transaction_version(&blob, 1))
        .stopped_by("transaction-signing", &["Sudo: pallet moved", "Utility: pallet moved"]);
}

#[test]
fn an_inherent_with_more_arguments_breaks_no_user() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let timestamp = metadata.pallets.iter().find(|pallet| pallet.name == "Timestamp").expect("the pallet");
        let calls = timestamp.calls.as_ref().expect("calls").ty.id;
        let ty = metadata.types.types.iter_mut().find(|ty| ty.id == calls).expect("the calls' type");
        let TypeDef::Variant(calls) = &mut ty.ty.type_def else { panic!("an enum") };
        let more = calls.variants[0].fields[0].clone();
        calls.variants[0].fields.push(more);
    });
    rehearse(Before::of(Standalone), &blob)
        .says("transaction-signing", "Timestamp.set: call arguments (nobody signs it")
        .status("transaction-signing", "pass");
}

/// The build with the hooks has no metadata hash, like a release with the wrong features. The chain
/// runs the release. A valid upgrade passes, see `dry_run.rs`.
#[test]
fn n31_a_blob_compiled_without_the_hash_of_its_metadata() {
    let tested = patch::wasm(&std::fs::read(built(Standalone, &["try-runtime"])).expect("the blob"));
    let blob = patch::spec_version(&tested, 1_002_000);
    let released = built(Standalone, &[]);
    let on_release = ["--code", released.to_str().expect("UTF-8")];
    rehearse_with(Before::of(Standalone), &blob, &on_release)
        .stopped_by("metadata-hash", &["compiled without", "offline wallet"]);
    // The recorded release had none either, so nothing breaks.
    rehearse(Before::of(Standalone), &tested).status("metadata-hash", "pass");
}
