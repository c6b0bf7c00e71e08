// SPDX-License-Identifier: Apache-2.0
//! The command `propose keys`: the key of Sudo, its proxies and a multisig, each tried on a fork of a served chain.

use codec::Encode;
use cutover_tests::{
    Output,
    Runtime::Standalone,
    Xtask,
    fork::Fork,
    incident::item,
    snapshot,
    transaction::{BOB, Signer, signed},
};
use serde_json::{Value, json};
use std::fs;

const WHO: &str = "0x0707070707070707070707070707070707070707070707070707070707070707";
/// Proxy types of the embedded chain.
const ANY: u8 = 0;
const NON_TRANSFER: u8 = 1;
const GOVERNANCE: u8 = 2;

fn hex_of(bytes: &[u8]) -> String {
    hex::encode_prefixed(bytes)
}

/// Returns a call of Sudo that sets the balance of [`WHO`].
fn sudo_call(state: &str) -> String {
    let arguments = json!({"who": WHO, "new_free": "1152921504606846976"}).to_string();
    let words = ["propose", "call", "Balances.force_set_balance", "--args", &arguments, "--target", state, "--json"];
    let proposal = Xtask::new(words).run().expect_code(0).json();
    proposal["calls"][0]["bytes"].as_str().expect("bytes").to_owned()
}

fn keys(proposal: &str, state: &str, more: &[&str]) -> Output {
    Xtask::new([&["propose", "keys", proposal, "--state", state, "--json"][..], more].concat()).run()
}

#[track_caller]
fn check<'d>(document: &'d Value, name: &str) -> &'d Value {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}: {document:#}"))
}

/// Writes an entry of the state. The next block has its state root.
fn set(chain: &Fork, key: &[u8], value: &[u8]) {
    chain.call("dev_setStorage", json!([[[hex_of(key), hex_of(value)]]]));
    chain.call("dev_newBlock", json!([]));
}

/// Writes the accounts that act for one: a delegate, a proxy type and a delay each.
fn set_proxies(chain: &Fork, real: &[u8], delegates: &[([u8; 32], u8, u32)]) {
    let key = [item("Proxy", "Proxies"), artifact::hashes::twox_64(real).to_vec(), real.to_vec()].concat();
    let value = (delegates, 0u128).encode();
    set(chain, &key, &value);
}

/// Gives an account a balance.
fn endow(chain: &Fork, account: &[u8; 32]) {
    let key = [item("System", "Account"), artifact::hashes::blake2_128(account).to_vec(), account.to_vec()].concat();
    // `AccountInfo`: a nonce, a provider, and `AccountData` with a free balance.
    let value = (0u32, 0u32, 1u32, 0u32, (1u128 << 80, 0u128, 0u128, 1u128 << 127)).encode();
    set(chain, &key, &value);
}

#[test]
fn the_key_and_those_who_act_for_it_are_tried() {
    let chain = Fork::manual(snapshot(Standalone));
    let call = sudo_call(chain.url());
    let found = keys(&call, chain.url(), &[]).expect_code(0).json();
    assert_eq!(check(&found, "key")["status"], "pass", "{found:#}");
    assert_eq!(check(&found, "proxies")["detail"], "no account acts for the key", "{found:#}");
    let key = hex::decode(found["keys"][0]["account_id"].as_str().expect("an account").trim_start_matches("0x"));

    // The first account acts in two ways: each is tried by its own type.
    let delegates = [
        ([1; 32], ANY, 0),
        ([1; 32], GOVERNANCE, 0),
        ([2; 32], NON_TRANSFER, 0),
        ([3; 32], GOVERNANCE, 0),
        ([4; 32], ANY, 7),
    ];
    set_proxies(&chain, &key.expect("hex"), &delegates);
    let found = keys(&call, chain.url(), &[]).expect_code(0).json();
    let tried = found["keys"].as_array().expect("keys");
    let of = |name: &str| tried.iter().map(|key| key[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("suffices"), [true, true, false, true, false, true], "{found:#}");
    let types =
        [Value::Null, "Any".into(), "Governance".into(), "NonTransfer".into(), "Governance".into(), "Any".into()];
    assert_eq!(of("proxy_type"), types, "{found:#}");
    assert_eq!(tried[5]["delay"], 7, "{found:#}");
    assert!(tried[4]["told"].as_str().is_some_and(|told| told.contains("CallFiltered")), "{found:#}");
    // The restricted type that reaches Sudo is a hazard, and the one that does not is none.
    let proxies = check(&found, "proxies");
    assert_eq!(proxies["status"], "warn", "{proxies:#}");
    let findings = proxies["findings"].as_array().expect("findings");
    assert!(findings.len() == 1 && findings[0].to_string().contains("NonTransfer"), "{proxies:#}");

    let text = Xtask::new(["propose", "keys", &call, "--state", chain.url()]).run().expect_code(0);
    for part in ["who can sign it", "the key of Sudo", "proxy Governance", "proxy Any, after 7 blocks"] {
        assert!(text.stdout.contains(part), "{part} is not in:\n{}", text.stdout);
    }
}

/// The signatories submit their calls to the served chain, one after the other.
#[test]
fn a_multisig_that_acts_for_the_key_gets_its_call_dispatched() {
    let chain = Fork::manual(snapshot(Standalone));
    let (alice, second) = (Signer::alice(), Signer::with_ecdsa());
    endow(&chain, &second.account());
    let call = sudo_call(chain.url());
    let bob = <[u8; 32]>::try_from(hex::decode(BOB).expect("hex")).expect("an account");
    let signatories = [hex_of(&alice.account()), hex_of(&second.account()), format!("0x{BOB}")];
    let mut options = vec!["--threshold", "2"];
    options.extend(signatories.iter().flat_map(|account| ["--signatory", account]));

    // The multisig is neither the key nor acts for it.
    let found = keys(&call, chain.url(), &options).expect_code(1).json();
    assert_eq!(check(&found, "multisig")["status"], "fail", "{found:#}");
    let id = multisig(&[alice.account(), second.account(), bob], 2);
    let key = found["keys"][0]["account_id"].as_str().expect("an account").trim_start_matches("0x").to_owned();
    let key = hex::decode(key).expect("hex");
    // It acts for an account that acts for the key: nobody tried that, so it does not fail.
    set_proxies(&chain, &key, &[([9; 32], ANY, 0)]);
    set_proxies(&chain, &[9; 32], &[(id, ANY, 0)]);
    let found = keys(&call, chain.url(), &options).expect_code(6).json();
    assert_eq!(check(&found, "multisig")["status"], "not_judged", "{found:#}");
    set_proxies(&chain, &key, &[(id, ANY, 0)]);

    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().display().to_string();
    let found = keys(&call, chain.url(), &[&options[..], &["--calls", &out]].concat()).expect_code(0).json();
    for name in ["key", "multisig", "executed", "deposit"] {
        assert_eq!(check(&found, name)["status"], "pass", "{found:#}");
    }
    let multisig = &found["multisig"];
    assert_eq!(multisig["account_id"], hex_of(&id));
    assert!(multisig["call"].as_str().is_some_and(|call| call.starts_with("Proxy.proxy")), "{multisig:#}");
    assert_eq!(multisig["calls"].as_array().expect("calls").len(), 3, "{multisig:#}");
    let of = |found: &Value, signer: &Signer| -> Value {
        let calls = found["multisig"]["calls"].as_array().expect("calls").clone();
        let account = hex_of(&signer.account());
        let own = calls.into_iter().find(|call| call["signatory_id"] == account);
        own.unwrap_or_else(|| panic!("no call of {account}: {found:#}"))
    };
    let first = of(&found, &alice);
    let file = first["files"][0].as_str().expect("a file");
    assert_eq!(fs::read_to_string(directory.path().join(file)).expect("read").trim_end(), first["bytes"]);

    let submit = |signer: &Signer, nonce: u32, call: &Value| {
        let bytes = hex::decode(call["bytes"].as_str().expect("bytes").trim_start_matches("0x")).expect("hex");
        let transaction = signed(&chain, signer, nonce, "Multisig", "as_multi", &bytes[2..]);
        chain.call("author_submitExtrinsic", json!([transaction]));
        chain.call("dev_newBlock", json!([]));
    };
    submit(&alice, 0, &first);
    let found = keys(&call, chain.url(), &options).expect_code(0).json();
    let pending = &found["multisig"]["pending"];
    assert_eq!(pending["approvals"].as_array().map(Vec::len), Some(1), "{found:#}");
    assert_eq!(found["multisig"]["calls"].as_array().map(Vec::len), Some(2), "{found:#}");
    assert_eq!(check(&found, "executed")["detail"], "Sudo dispatches the call after 1 more approval", "{found:#}");

    // The calls of the earlier run are gone if a later run does not write its own.
    let other = ["--threshold", "2", "--signatory", &signatories[0], "--signatory", &signatories[2]];
    keys(&call, chain.url(), &[&other[..], &["--calls", &out]].concat()).expect_code(1);
    assert!(!directory.path().join(file).exists(), "nobody is to sign {file}");

    submit(&second, 0, &of(&found, &second));
    let who = hex::decode(&WHO[2..]).expect("hex");
    let entry = [item("System", "Account"), artifact::hashes::blake2_128(&who).to_vec(), who].concat();
    let balance = chain.call("state_getStorage", json!([hex_of(&entry)]));
    assert!(balance.is_string(), "the call of the multisig set the balance: {balance}");
}

/// Derives the account of a multisig as pallet-multisig does.
fn multisig(signatories: &[[u8; 32]], threshold: u16) -> [u8; 32] {
    let mut sorted = signatories.to_vec();
    sorted.sort();
    artifact::hashes::blake2_256(&(*b"modlpy/utilisuba", sorted, threshold).encode())
}

/// Sudo succeeds with a batch that stopped, and enough approvals by the hash alone execute nothing.
#[test]
fn what_is_hidden_by_a_success_is_found() {
    let chain = Fork::manual(snapshot(Standalone));
    let batch = json!({"calls": ["0x00000400", {"Balances.force_transfer": {
        "source": {"Id": WHO}, "dest": {"Id": WHO.replace("07", "08")}, "value": "1152921504606846976",
    }}]});
    let words = ["propose", "call", "Utility.batch", "--args", &batch.to_string(), "--target", chain.url(), "--json"];
    let proposal = Xtask::new(words).run().expect_code(0).json();
    let call = proposal["calls"][0]["bytes"].as_str().expect("bytes").to_owned();
    let found = keys(&call, chain.url(), &[]).expect_code(1).json();
    let detail = check(&found, "key")["detail"].as_str().expect("a detail").to_owned();
    assert!(detail.contains("BatchInterrupted"), "{found:#}");

    let signatories = [[1; 32], [2; 32]];
    let id = multisig(&signatories, 2);
    set(&chain, &item("Sudo", "Key"), &id);
    let call = sudo_call(chain.url());
    let hash = artifact::hashes::blake2_256(&hex::decode(&call[2..]).expect("hex"));
    let account = [artifact::hashes::twox_64(&id).to_vec(), id.to_vec()].concat();
    let of_call = [artifact::hashes::blake2_128(&hash).to_vec(), hash.to_vec()].concat();
    let key = [item("Multisig", "Multisigs"), account, of_call].concat();
    // `Multisig`: a timepoint, a deposit, the depositor and the approvals.
    set(&chain, &key, &((1u32, 1u32), 0u128, [1u8; 32], signatories.to_vec()).encode());
    let named = signatories.map(|account| hex_of(&account));
    let options = ["--threshold", "2", "--signatory", &named[0], "--signatory", &named[1]];
    let found = keys(&call, chain.url(), &options).expect_code(0).json();
    assert_eq!(check(&found, "executed")["status"], "pass", "{found:#}");
    assert_eq!(found["multisig"]["calls"].as_array().map(Vec::len), Some(2), "{found:#}");
}

#[test]
fn what_no_key_signs_is_refused() {
    let state = snapshot(Standalone).display().to_string();
    keys("0x00000c010203", &state, &[])
        .expect_code(4)
        .mentions(&["the key of Sudo signs no such call", "System.remark"]);
    let call = sudo_call(&state);
    keys(&call, &state, &["--threshold", "2"]).expect_code(2);
    keys(&call, &state, &["--threshold", "2", "--signatory", WHO]).expect_code(2).mentions(&["1 to 1"]);
    keys(&call, &state, &["--threshold", "1", "--signatory", "nobody"]).expect_code(2).mentions(&["it is no account"]);
}
