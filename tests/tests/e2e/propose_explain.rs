// SPDX-License-Identifier: Apache-2.0
//! The command `propose explain`: proposals of others, read back.

use crate::rehearse::{Calls, state};
use artifact::hashes::blake2_256;
use cutover_tests::{
    Output,
    Runtime::{Parachain, Relay, Standalone},
    Xtask,
};
use serde_json::{Value, json};

fn explain(call: &[u8], options: &[&str]) -> Output {
    let call = hex::encode_prefixed(call);
    let words = ["propose", "explain", "--json", &call];
    Xtask::new(words.iter().chain(options)).run()
}

fn list<'d>(document: &'d Value, name: &str) -> &'d [Value] {
    document[name].as_array().expect("a list")
}

fn hash(bytes: &[u8]) -> String {
    hex::encode_prefixed(blake2_256(bytes))
}

#[test]
fn an_upgrade_by_sudo_is_told_with_the_hash_of_each_call() {
    let (calls, state) = (Calls::of(Standalone), state(Standalone));
    let authorize = calls.call("System", "authorize_upgrade", [1u8; 32]);
    let sudo = [calls.call("Sudo", "sudo", ()), authorize.clone()].concat();
    let document = explain(&sudo, &["--target", &state]).expect_code(0).json();
    assert_eq!((&document["name"], &document["blake2_256"]), (&json!("Sudo.sudo"), &json!(hash(&sudo))));
    let inner = list(&document, "inner");
    assert_eq!(inner.len(), 1, "{document:#}");
    assert_eq!(inner[0]["blake2_256"], hash(&authorize));
    assert_eq!((&inner[0]["name"], &inner[0]["within"]), (&json!("System.authorize_upgrade"), &json!("Sudo.sudo")));
    let purposes = list(&document, "purposes");
    assert_eq!((purposes.len(), &purposes[0]["kind"]), (1, &json!("upgrade")), "{document:#}");
    assert!(purposes[0]["told"].as_str().is_some_and(|told| told.ends_with("versions are compared")), "{purposes:#?}");
    // The twin: a call of none of the kinds.
    let other = explain(&calls.gift(), &["--target", &state]).expect_code(0).json();
    assert!(list(&other, "purposes").is_empty() && list(&other, "inner").is_empty(), "{other:#}");
}

#[test]
fn an_upgrade_in_a_referendum_is_told() {
    let (calls, state) = (Calls::of(Standalone), state(Standalone));
    let authorize = calls.call("System", "authorize_upgrade", [1u8; 32]);
    // By root, with the call inline, at once: as somebody wants it who hopes that nobody decodes it.
    let submit = |call: &[u8]| calls.call("Referenda", "submit", (0u8, 0u8, 1u8, call.to_vec(), 1u8, 0u32));
    let document = explain(&submit(&authorize), &["--target", &state]).expect_code(0).json();
    let kinds: Vec<_> = list(&document, "purposes").iter().map(|purpose| purpose["kind"].clone()).collect();
    assert_eq!(kinds, ["referendum", "upgrade"], "{document:#}");
    let inner = list(&document, "inner");
    assert_eq!((inner.len(), &inner[0]["blake2_256"]), (1, &json!(hash(&authorize))), "{document:#}");
    assert_eq!(inner[0]["within"], "Referenda.submit");
    // Bytes that are no call are told as such, and a referendum within referenda does not go on for ever.
    let other = explain(&submit(&[0xff]), &["--target", &state]).expect_code(0).json();
    assert_eq!((list(&other, "purposes").len(), list(&other, "inner").len()), (1, 0), "{other:#}");
    let deep = (0..20).fold(authorize, |call, _| submit(&call));
    let deep = explain(&deep, &["--target", &state]).expect_code(0).json();
    assert_eq!(list(&deep, "inner").len(), 8, "{deep:#}");
    assert_eq!(deep["more_inner"], 1, "{deep:#}");
}

#[test]
fn keys_are_told_by_their_storage_items() {
    let (calls, state) = (Calls::of(Standalone), state(Standalone));
    let key = [artifact::hashes::twox_128(b"Sudo"), artifact::hashes::twox_128(b"Key")].concat();
    let write = calls.call("System", "set_storage", vec![(key, vec![7u8; 32])]);
    let document = explain(&write, &["--target", &state]).expect_code(0).json();
    let purposes = list(&document, "purposes");
    assert_eq!(purposes[0]["kind"], "storage_write", "{document:#}");
    assert!(purposes[0]["told"].as_str().is_some_and(|told| told.contains("Sudo.Key")), "{purposes:#?}");
}

#[test]
fn a_call_in_a_message_is_decoded_by_the_types_of_its_receiver() {
    let [relay, parachain] = [Relay, Parachain].map(state);
    let authorize = Calls::of(Parachain).call("System", "authorize_upgrade", [1u8; 32]);
    let send = Calls::of(Relay).send(&authorize);
    let document = explain(&send, &["--target", &relay, "--with", &parachain]).expect_code(0).json();
    let inner = list(&document, "inner");
    let carried = inner.iter().find(|call| call["blake2_256"] == hash(&authorize)).expect("the call");
    assert!(carried["within"].is_null() && carried["chain"].as_str().is_some_and(|chain| chain.contains("2000")));
    let purposes = list(&document, "purposes");
    assert!(purposes.iter().any(|purpose| purpose["chain"] == carried["chain"]), "{document:#}");
    // The twin: without the receiver its bytes are shown.
    let unknown = explain(&send, &["--target", &relay]).expect_code(0).json();
    assert!(list(&unknown, "inner").is_empty() && list(&unknown, "purposes").is_empty(), "{unknown:#}");
}

#[test]
fn what_is_no_call_is_an_error() {
    let state = state(Standalone);
    explain(&[0xff, 0xff], &["--target", &state]).expect_code(4).mentions(&["not a call of the chain"]);
    explain(&[0, 0], &["--target", &state]).expect_code(4).mentions(&["end in the middle of a value"]);
}
