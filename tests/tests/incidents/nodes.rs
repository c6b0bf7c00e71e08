// SPDX-License-Identifier: Apache-2.0
//! Blobs that run, and nodes that cannot go on with them.

use cutover_tests::{
    Runtime::{Parachain, Standalone},
    faults::{Act, Faults},
    incident::{Before, Fault, faulty, rehearse, sound, with_metadata},
    patch,
};
use scale_info::{TypeDef, TypeDefPrimitive};

#[test]
fn n07_a_parachains_code_without_what_validators_call() {
    let blob = patch::without_export(&sound(Parachain), "validate_block");
    rehearse(Before::of(Parachain), &blob).stopped_by("validator-preparation", &["no function validate_block"]);
}

#[test]
fn n07_instructions_that_validators_and_nodes_do_not_enable() {
    let blob = Faults::new().step("Core_version", Vec::new(), Act::Copy).apply(&sound(Parachain));
    rehearse(Before::of(Parachain), &blob).stopped_by("validator-preparation", &["cannot prepare the code"]);
}

#[test]
fn n19_an_api_that_fails_on_state_that_is_not_migrated_yet() {
    rehearse(Before::of(Standalone).with(Fault::NonceUnmigrated), &faulty(Standalone))
        .stopped_by("runtime-apis", &["AccountNonceApi_account_nonce fails on the state before the migrations"])
        .status("healthy-blocks", "pass");
}

#[test]
fn n19_an_api_that_nodes_need_is_gone() {
    let blob = patch::without_api(&sound(Standalone), "GrandpaApi");
    rehearse(Before::of(Standalone), &blob).stopped_by("runtime-apis", &["GrandpaApi is gone"]);
}

#[test]
fn n23_authorities_that_only_a_migration_sets() {
    rehearse(Before::of(Standalone).with(Fault::NoAuthorities), &faulty(Standalone))
        .stopped_by("authorities", &["who may author (Aura): nobody, until the migrations have run"])
        // Building blocks does not show it: who builds them here is not asked for a seal.
        .status("healthy-blocks", "pass");
}

#[test]
fn n25_calls_that_weigh_and_prove_nothing() {
    rehearse(Before::of(Standalone).with(Fault::Weights), &faulty(Standalone))
        .stopped_by("weights", &["proof_size", "became 0"]);
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
