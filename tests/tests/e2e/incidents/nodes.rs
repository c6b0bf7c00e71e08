// SPDX-License-Identifier: Apache-2.0
//! Blobs that run, but that nodes cannot use.

use artifact::hashes::blake2_64;
use codec::{Compact, Encode};
use cutover_tests::{
    Runtime::{Parachain, Standalone},
    faults::{Action, Faults},
    incident::{
        Before, Fault, LONG, faulty, item, migrating, rehearse, rehearse_with, rehearse_without_validators, sound,
        with_metadata,
    },
    patch, repository,
};
use frame_metadata::v16::{
    ItemDeprecationInfo, RuntimeMetadataV16, StorageEntryMetadata, StorageEntryModifier, StorageEntryType,
};
use scale_info::{
    Field, Path, PortableType, Type, TypeDef, TypeDefBitSequence, TypeDefComposite, TypeDefPrimitive, TypeDefSequence,
    TypeDefTuple, form::PortableForm,
};

#[test]
fn n07_parachain_code_without_the_function_that_validators_call() {
    let blob = patch::without_export(&sound(Parachain), "validate_block");
    rehearse(Before::of(Parachain), &blob).stopped_by("validator-preparation", &["no function validate_block"]);
}

#[test]
fn n07_instructions_that_validators_and_nodes_do_not_enable() {
    let blob = Faults::new().step("Core_version", Vec::new(), Action::Copy).apply(&sound(Parachain));
    rehearse(Before::of(Parachain), &blob).stopped_by("validator-preparation", &["cannot prepare the code"]);
}

#[test]
fn n19_an_api_that_fails_on_state_that_is_not_migrated_yet() {
    rehearse(Before::of(Standalone).with(Fault::NonceUnmigrated), &faulty(Standalone))
        .stopped_by("runtime-apis", &["AccountNonceApi_account_nonce fails on the state before the migrations"])
        .status("healthy-blocks", "pass");
}

#[test]
fn n19_an_api_that_takes_seconds() {
    let blob = Faults::new().step("AccountNonceApi_account_nonce", Vec::new(), Action::Burn(LONG));
    rehearse(Before::of(Standalone), &blob.apply(&sound(Standalone)))
        .stopped_by(
            "runtime-apis",
            &["AccountNonceApi_account_nonce takes more than 1.5 times the 2 s", "on the state before the migrations"],
        )
        .status("healthy-blocks", "pass");
}

#[test]
fn n19_an_api_that_nodes_need_is_gone() {
    let blob = patch::without_api(&sound(Standalone), "GrandpaApi");
    rehearse(Before::of(Standalone), &blob).stopped_by("runtime-apis", &["GrandpaApi is gone"]);
}

/// Replaces the runtime API of Aura by one of proof of work.
fn with_proof_of_work(wasm: &[u8]) -> Vec<u8> {
    let [aura, work] = ["AuraApi", "DifficultyApi"].map(|api| blake2_64(api.as_bytes()));
    let mut patched = wasm.to_vec();
    let places: Vec<_> = patched.windows(8).enumerate().filter(|(_, id)| *id == aura).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "the runtime has AuraApi");
    places.into_iter().for_each(|at| patched[at..at + 8].copy_from_slice(&work));
    patched
}

#[test]
fn a_chain_whose_blocks_cannot_be_authored_here_is_not_judged() {
    let report =
        rehearse(Before::of(Standalone).with_code(with_proof_of_work), &with_proof_of_work(&sound(Standalone)));
    report.not_judged().status("versions", "pass").status("transaction-signing", "pass").status("consensus", "pass");
    for check in ["enactment", "migrations"] {
        report
            .status(check, "not_judged")
            .says(check, "blocks of this chain cannot be authored here: its consensus is proof of work");
    }
    for check in ["block-limits", "healthy-blocks", "migration-failure", "next-upgrade", "idempotency"] {
        report.status(check, "not_judged");
    }
}

#[test]
fn host_functions_of_the_chains_own_node_are_named_and_its_blocks_not_judged() {
    let own = |wasm: &[u8]| patch::unknown_import(wasm, "ext_storage_append_version_1");
    rehearse(Before::of(Standalone).with_code(own), &own(&sound(Standalone)))
        .not_judged()
        .status("host-functions", "warn")
        .says("host-functions", "new_storage_append_version_1")
        .status("migrations", "not_judged")
        .says("enactment", "host functions that only its own node has");
}

#[test]
fn host_functions_that_the_workspace_names_are_offered() {
    let own = |wasm: &[u8]| patch::other_import(wasm, "ext_storage_append_version_1", "ext_archive_append_version_1");
    let rehearse = |more: &[&str]| rehearse_with(Before::of(Standalone).with_code(own), &own(&sound(Standalone)), more);
    rehearse(&[]).not_judged().says("host-functions", "ext_archive_append_version_1: not offered by nodes");

    let workspace = repository().join("tests/fixtures/own-host-functions");
    rehearse(&["--workspace", workspace.to_str().expect("UTF-8")])
        .passed()
        .status("host-functions", "pass")
        .says("host-functions", "ext_archive_append_version_1: offered by the workspace's own host functions");
}

#[test]
fn n23_authorities_that_only_a_migration_sets() {
    rehearse(Before::of(Standalone).with(Fault::NoAuthorities), &faulty(Standalone))
        .stopped_by("authorities", &["who may author (Aura): nobody, until the migrations have run"])
        // Building blocks does not show it, because blocks are built without a seal here.
        .status("healthy-blocks", "pass");
}

#[test]
fn n25_calls_without_weight_and_proof_size() {
    rehearse(Before::of(Standalone).with(Fault::Weights), &faulty(Standalone))
        .stopped_by("weights", &["proof_size", "became 0"]);
}

#[test]
fn n25_calls_too_heavy_for_a_block() {
    // Three seconds, but a block has only two.
    let info = (Compact(3_000_000_000_000u64), Compact(5_000u64), 0u8, 0u128).encode();
    let blob = Faults::new().answer("TransactionPaymentCallApi_query_call_info", info).apply(&sound(Standalone));
    rehearse(Before::of(Standalone), &blob).stopped_by("weights", &["no block takes it any more"]);
}

#[test]
fn n26_an_answer_that_deployed_nodes_cannot_decode() {
    rehearse(Before::of(Standalone).with(Fault::LongAnswer), &faulty(Standalone))
        .stopped_by("runtime-apis", &["AuraApi_slot_duration answers with what", "1 of 9 bytes are left over"]);
}

#[test]
fn n26_an_answer_of_another_type_under_the_same_api_version() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let wide = metadata
            .types
            .types
            .iter()
            .find(|ty| matches!(ty.ty.type_def, TypeDef::Primitive(TypeDefPrimitive::U64)))
            .expect("a type u64")
            .id;
        let api = metadata.apis.iter_mut().find(|api| api.name == "AccountNonceApi").expect("the API");
        api.methods[0].output = wide.into();
    });
    rehearse(Before::of(Standalone), &blob)
        .stopped_by("runtime-apis", &["AccountNonceApi_account_nonce, same API version", "u32 became u64"]);
}

#[test]
fn n26_an_answer_of_another_type_under_a_higher_api_version() {
    let blob = with_metadata(&sound(Standalone), |metadata| {
        let wide = primitive(metadata, TypeDefPrimitive::U128);
        let api = metadata.apis.iter_mut().find(|api| api.name == "AuraApi").expect("the API");
        let method = api.methods.iter_mut().find(|method| method.name == "slot_duration").expect("the method");
        method.output = wide.into();
    });
    let blob = Faults::new().answer("AuraApi_slot_duration", 6_000u128.encode()).apply(&blob);
    let blob = patch::api_version(&blob, "AuraApi", 7);
    // Nodes that know the version can decode it. The state does not tell which nodes are deployed.
    rehearse(Before::of(Standalone), &blob).warned_by(
        "runtime-apis",
        &["AuraApi_slot_duration answers with what deployed nodes cannot decode", "know version 7 of AuraApi"],
    );
}

#[test]
fn n19_an_api_set_back_to_an_older_version() {
    let blob = patch::api_version(&sound(Standalone), "GrandpaApi", 1);
    rehearse(Before::of(Standalone), &blob).stopped_by("runtime-apis", &["GrandpaApi went from version", "back to 1"]);
}

#[test]
fn n23_authorities_that_the_first_block_loses() {
    let blob = migrating(&sound(Standalone), &[(item("Aura", "Authorities"), vec![0])]);
    rehearse(Before::of(Standalone), &blob).stopped_by("migrations", &["Core_initialize_block failed", "pallet-aura"]);
}

#[test]
fn n23_a_parachains_copy_of_its_authorities_for_checking_seals_is_kept_elsewhere() {
    let blob = with_metadata(&sound(Parachain), |metadata| {
        let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == "AuraExt").expect("the pallet");
        pallet.storage.as_mut().expect("storage").prefix = "AuraExtension".into();
    });
    rehearse_without_validators(Before::of(Parachain), &blob)
        .stopped_by("authorities", &["AuraExt.Authorities is empty before the migrations"]);
}

#[test]
fn n23_seals_that_the_new_code_cannot_check() {
    // A renamed pallet without a storage migration. Blocks are built, and are imported if the node
    // checks the seals.
    let blob = patch::other_prefix(&sound(Parachain), "AuraExt");
    rehearse(Before::of(Parachain), &blob)
        .stopped_by("validator-execution", &["the first block of the new code", "Invalid AuRa author index"])
        .status("migrations", "pass")
        .status("healthy-blocks", "pass");
}

#[test]
fn n23_blocks_that_validators_refuse() {
    let blob = patch::trap(&sound(Parachain), "validate_block");
    rehearse(Before::of(Parachain), &blob)
        .stopped_by("validator-execution", &["the first block of the new code", "validate_block refuses the block"])
        .status("validator-preparation", "pass")
        .status("healthy-blocks", "pass");
}

#[test]
fn n05_blocks_too_slow_for_validators() {
    let blob = Faults::new().step("validate_block", Vec::new(), Action::Burn(LONG)).apply(&sound(Parachain));
    rehearse(Before::of(Parachain), &blob)
        .stopped_by("validator-execution", &["takes longer than it may"])
        .status("block-limits", "pass");
}

#[test]
fn n01_a_parachain_with_another_para_id() {
    let blob = migrating(&sound(Parachain), &[(item("ParachainInfo", "ParachainId"), 3_333u32.encode())]);
    rehearse_without_validators(Before::of(Parachain), &blob)
        .stopped_by("migrations", &["included head not present in relay storage proof"]);
}

fn primitive(metadata: &RuntimeMetadataV16, wanted: TypeDefPrimitive) -> u32 {
    let is = |def: &TypeDef<PortableForm>| matches!(def, TypeDef::Primitive(found) if *found == wanted);
    metadata.types.types.iter().find(|ty| is(&ty.ty.type_def)).expect("the type").id
}

/// Adds a relay chain's configuration with its active and pending node features to the metadata.
fn with_node_features(wasm: &[u8]) -> Vec<u8> {
    with_metadata(wasm, |metadata| {
        let (byte, number) = (primitive(metadata, TypeDefPrimitive::U8), primitive(metadata, TypeDefPrimitive::U32));
        let mut add = |path: &[&str], def: TypeDef<PortableForm>| -> u32 {
            let id = metadata.types.types.len() as u32;
            let path = Path::from_segments_unchecked(path.iter().map(|part| (*part).to_owned()));
            metadata.types.types.push(PortableType { id, ty: Type::new(path, vec![], def, vec![]) });
            id
        };
        let order = add(&["bitvec", "order", "Lsb0"], TypeDefComposite::<PortableForm>::new(vec![]).into());
        let bits = TypeDefBitSequence { bit_store_type: byte.into(), bit_order_type: order.into() };
        let bits = add(&[], bits.into());
        let field = |name: &str, ty: u32| Field::<PortableForm>::new(Some(name.to_owned()), ty.into(), None, vec![]);
        let fields = vec![field("max_code_size", number), field("node_features", bits)];
        let active = add(&["HostConfiguration"], TypeDefComposite::<PortableForm>::new(fields).into());
        let entry = TypeDefTuple::<PortableForm>::new_portable(vec![number.into(), active.into()]);
        let entry = add(&[], entry.into());
        let pending = add(&[], TypeDefSequence::<PortableForm>::new(entry.into()).into());
        let pallet = metadata.pallets.iter_mut().find(|pallet| pallet.name == "Attestations").expect("the pallet");
        for (name, ty) in [("ActiveConfig", active), ("PendingConfigs", pending)] {
            pallet.storage.as_mut().expect("storage").entries.push(StorageEntryMetadata {
                name: name.into(),
                modifier: StorageEntryModifier::Optional,
                ty: StorageEntryType::Plain(ty.into()),
                default: vec![0],
                docs: vec![],
                deprecation_info: ItemDeprecationInfo::NotDeprecated,
            });
        }
    })
}

/// Encodes the code limit, then the features as a bit vector of eight bits.
fn configuration(features: u8) -> Vec<u8> {
    (3_145_728u32, Compact(8u32), features).encode()
}

fn before_node_features() -> Before {
    Before::of(Standalone)
        .with_code(with_node_features)
        .set(&item("Attestations", "ActiveConfig"), Some(configuration(0b0000_0001)))
        .set(&item("Attestations", "PendingConfigs"), Some(Vec::<(u32, ())>::new().encode()))
}

#[test]
fn n21_a_node_feature_that_old_validators_do_not_know() {
    let now = (item("Attestations", "ActiveConfig"), configuration(0b0000_1001));
    let blob = migrating(&with_node_features(&sound(Standalone)), &[now]);
    rehearse(before_node_features(), &blob)
        .warned_by("node-demands", &["node feature 3 (CandidateReceiptV2) is switched on", "--allow node-demands"])
        .verdict("pass_with_hazards");
    rehearse_with(before_node_features(), &blob, &["--strict"])
        .stopped_by("node-demands", &["node feature 3 (CandidateReceiptV2)"]);
    let known = ["--allow", "node-demands=all validators run 1.19 or newer, by telemetry of today"];
    rehearse_with(before_node_features(), &blob, &known)
        .status("node-demands", "warn")
        .says("node-demands", "by telemetry of today")
        .passed();
}

#[test]
fn n21_a_node_feature_that_a_coming_session_switches_on() {
    let then = [Compact(1u32).encode(), 9u32.encode(), configuration(0b0000_0101)].concat();
    let blob = migrating(&with_node_features(&sound(Standalone)), &[(item("Attestations", "PendingConfigs"), then)]);
    rehearse(before_node_features(), &blob).warned_by("node-demands", &["node feature 2 (AvailabilityChunkMapping)"]);
}

#[test]
fn n21_features_as_they_were_pass() {
    let same = (item("Attestations", "ActiveConfig"), configuration(0b0000_0001));
    let blob = migrating(&with_node_features(&sound(Standalone)), &[same]);
    rehearse(before_node_features(), &blob).status("node-demands", "pass").passed();
}

#[test]
fn n29_a_relay_parent_offset_that_collators_do_not_use() {
    let blob = Faults::new().answer("RelayParentOffsetApi_relay_parent_offset", 1u32.encode()).apply(&sound(Parachain));
    rehearse_without_validators(Before::of(Parachain), &blob)
        .warned_by("node-demands", &["the relay parent offset goes from 0 to 1"]);
}
