// SPDX-License-Identifier: Apache-2.0
//! A relay chain that is served with a parachain: its runtime decides about the parachain's blocks.

use codec::Encode;
use cutover_tests::{
    Runtime::{Parachain, Relay, Standalone},
    Xtask,
    fork::{Fork, Node},
    incident::item,
    snapshot,
    transaction::{BOB, Signer, call, signed, transfer},
};
use serde_json::{Value, json};
use std::fs;

/// Starts the embedded relay chain with the embedded parachain.
fn network(more: &[&str]) -> Fork {
    let parachain = snapshot(Parachain).display().to_string();
    Fork::with(snapshot(Relay), &[&["--with", parachain.as_str(), "--onboard"][..], more].concat())
}

fn number(node: &Node) -> u64 {
    let header = node.call("chain_getHeader", json!([]));
    let number = header["number"].as_str().expect("a number");
    u64::from_str_radix(number.trim_start_matches("0x"), 16).expect("hex")
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hex").trim_start_matches("0x")).expect("hex")
}

fn hex_of(key: &[u8]) -> String {
    format!("0x{}", hex::encode(key))
}

/// Returns the hash of the head that the relay chain has of the parachain.
fn head_on_the_relay_chain(relay: &Node) -> String {
    let id = 2_000u32.to_le_bytes();
    let key = [&item("Paras", "Heads")[..], &artifact::hashes::twox_64(&id), &id].concat();
    let stored = bytes(&relay.call("state_getStorage", json!([hex_of(&key)])));
    let head = <Vec<u8> as codec::Decode>::decode(&mut &stored[..]).expect("a head");
    hex_of(&artifact::hashes::blake2_256(&head))
}

/// Returns the key of an account's entry.
fn account_key(account: &[u8]) -> Vec<u8> {
    [&item("System", "Account")[..], &artifact::hashes::blake2_128(account), account].concat()
}

/// Returns the free balance of an account.
fn balance(node: &Node, account: &[u8]) -> u128 {
    let value = node.call("state_getStorage", json!([hex_of(&account_key(account))]));
    value.as_str().map_or(0, |_| u128::from_le_bytes(bytes(&value)[16..32].try_into().expect("16 bytes")))
}

#[test]
fn blocks_of_a_parachain_are_those_that_its_relay_chain_includes() {
    let relay = network(&["--manual"]);
    let parachain = &relay.parachains[0];
    assert_ne!(relay.url(), parachain.url());
    let (of_relay, of_parachain) = (number(&relay), number(parachain));
    let agree = || assert_eq!(head_on_the_relay_chain(&relay), parachain.call("chain_getBlockHash", json!([])));
    agree();

    // A block of the parachain takes as many relay blocks as it needs.
    parachain.call("dev_newBlock", json!([{"count": 3}]));
    assert_eq!(number(parachain), of_parachain + 3);
    assert!(number(&relay) >= of_relay + 3);
    agree();
    // Each relay block includes one block of the parachain at most.
    let (of_relay, of_parachain) = (number(&relay), number(parachain));
    relay.call("dev_newBlock", json!([{"count": 5}]));
    assert_eq!(number(&relay), of_relay + 5);
    assert!((of_parachain + 3..=of_parachain + 5).contains(&number(parachain)));
    agree();
    let block = parachain.call("chain_getBlock", json!([]));
    assert!(block["block"]["extrinsics"].as_array().is_some_and(|extrinsics| extrinsics.len() >= 2), "{block}");
    assert_eq!(relay.interrupt(), Some(0));
}

#[test]
fn a_served_network_is_forked_as_a_live_one_with_what_is_pending() {
    let live = network(&["--manual"]);
    live.call("dev_newBlock", json!([{"count": 2}]));
    let fork = Fork::with(live.url(), &["--with", live.parachains[0].url(), "--manual"]);
    let parachain = &fork.parachains[0];
    assert_eq!(fork.document["mode"], "lazy");
    // The live relay chain has backed a block that it has not included, which the fork includes.
    assert!(number(parachain) > number(&live.parachains[0]));
    let before = number(parachain);
    fork.call("dev_newBlock", json!([{"count": 4}]));
    assert!(number(parachain) >= before + 3);
    assert_eq!(head_on_the_relay_chain(&fork), parachain.call("chain_getBlockHash", json!([])));
}

#[test]
fn transactions_are_included_on_each_chain() {
    let relay = network(&[]);
    let bob = hex::decode(BOB).expect("hex");
    for node in [&*relay, &relay.parachains[0]] {
        let before = balance(node, &bob);
        let text = transfer(node, &Signer::alice(), 0, bob.clone().try_into().expect("an account"), 7_000_000_000_000);
        node.call("author_submitExtrinsic", json!([text]));
        assert_eq!(node.call("author_pendingExtrinsics", json!([])), json!([]));
        assert_eq!(balance(node, &bob), before + 7_000_000_000_000);
    }
}

#[test]
fn a_requested_block_of_a_parachain_has_what_waits_in_its_pool() {
    let relay = network(&["--manual"]);
    let parachain = &relay.parachains[0];
    let bob = hex::decode(BOB).expect("hex");
    for nonce in 0..3 {
        let before = balance(parachain, &bob);
        let text = transfer(parachain, &Signer::alice(), nonce, bob.clone().try_into().expect("an account"), 5_000_000);
        parachain.call("author_submitExtrinsic", json!([text]));
        assert_eq!(parachain.call("author_pendingExtrinsics", json!([])), json!([text]));
        parachain.call("dev_newBlock", json!([]));
        assert_eq!(balance(parachain, &bob), before + 5_000_000, "transaction {nonce}");
        assert_eq!(parachain.call("author_pendingExtrinsics", json!([])), json!([]));
        // Another block is pending then, which was built without the next transaction.
        relay.call("dev_newBlock", json!([]));
    }
    let code = parachain.ask("dev_setStorage", json!([[["0x3a636f6465", "0x00"]]]));
    assert!(code["error"]["message"].as_str().is_some_and(|why| why.contains("cannot be written")), "{code}");
}

#[test]
fn a_state_that_is_written_between_two_blocks_is_taken_by_the_relay_chain() {
    let relay = network(&["--manual"]);
    let parachain = &relay.parachains[0];
    for node in [parachain, &*relay] {
        let before = number(node);
        node.call("dev_setStorage", json!([[["0xabcd", "0x1234"]]]));
        assert_eq!(node.call("state_getStorage", json!(["0xabcd"])), "0x1234");
        parachain.call("dev_newBlock", json!([{"count": 2}]));
        assert_eq!(node.call("state_getStorage", json!(["0xabcd"])), "0x1234");
        assert!(number(node) >= before + 2);
    }
    assert_eq!(head_on_the_relay_chain(&relay), parachain.call("chain_getBlockHash", json!([])));
}

#[test]
fn the_time_of_a_network_is_that_of_its_relay_chain() {
    let relay = network(&["--manual"]);
    let parachain = &relay.parachains[0];
    let now = |node: &Node| {
        let now = bytes(&node.call("state_getStorage", json!([hex_of(&item("Timestamp", "Now"))])));
        u64::from_le_bytes(now.try_into().expect("8 bytes"))
    };
    let target = now(&relay) + 60_000;
    assert_eq!(relay.call("dev_timeTravel", json!([target])), target);
    parachain.call("dev_newBlock", json!([{"count": 2}]));
    assert!(now(parachain) >= target, "the parachain's blocks are later than the relay block that they build on");
    for (method, params) in [("dev_timeTravel", json!([target + 600_000])), ("dev_setHead", json!([-1]))] {
        let answer = parachain.ask(method, params);
        assert_eq!(answer["error"]["code"], -32000, "{answer}");
    }
}

/// Takes the funds and sudo from Alice, and everything from Bob.
fn impoverish(node: &Node, alice: &[u8; 32], bob: &[u8]) {
    let entry = bytes(&node.call("state_getStorage", json!([hex_of(&account_key(alice))])));
    let poor = [&entry[..16], &1_000_000_000_000u128.to_le_bytes(), &entry[32..]].concat();
    node.call(
        "dev_setStorage",
        json!([[
            [hex_of(&account_key(alice)), hex_of(&poor)],
            [hex_of(&account_key(bob)), null],
            [hex_of(&item("Sudo", "Key")), hex_of(bob)],
        ]]),
    );
}

fn issuance(node: &Node) -> u128 {
    let value = bytes(&node.call("state_getStorage", json!([hex_of(&item("Balances", "TotalIssuance"))])));
    u128::from_le_bytes(value.try_into().expect("16 bytes"))
}

/// Checks what the development accounts of a chain have by its document, and that Alice has sudo.
fn expect_dev_accounts(node: &Node, alice: &Signer, bob: &[u8]) {
    let dev = &node.document["dev"];
    let funded = dev["accounts"].as_array().expect("accounts");
    assert_eq!((&funded[0]["name"], &funded[1]["name"], funded.len()), (&json!("Alice"), &json!("Bob"), 8));
    assert_eq!(dev["sudo"], funded[0]["address"]);
    for (account, entry) in [(&alice.account()[..], &funded[0]), (bob, &funded[1])] {
        let free = entry["free"].as_str().and_then(|text| text.parse().ok());
        assert_eq!(Some(balance(node, account)), free, "{entry}");
        assert!(free >= Some(1_000_000_000_000_000_000u128), "{entry}");
    }
    let write = call(node, "System", "set_storage", &vec![(vec![0xcdu8], vec![0xefu8])].encode());
    node.call("author_submitExtrinsic", json!([signed(node, alice, 0, "Sudo", "sudo", &write)]));
    node.call("dev_newBlock", json!([]));
    assert_eq!(node.call("state_getStorage", json!(["0xcd"])), "0xef", "root wrote it");
}

#[test]
fn development_accounts_have_funds_and_sudo_on_each_chain_of_pinned_blocks() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("pin.json");
    let (alice, bob) = (Signer::alice(), hex::decode(BOB).expect("hex"));
    let live = network(&["--manual"]);
    for node in [&live.parachains[0], &*live] {
        impoverish(node, &alice.account(), &bob);
    }
    live.parachains[0].call("dev_newBlock", json!([]));
    let arguments = ["--with", live.parachains[0].url(), "--manual", "--dev", "--pin", file.to_str().expect("UTF-8")];
    let before = [&*live, &live.parachains[0]].map(issuance);
    let fork = Fork::with(live.url(), &arguments);
    let pinned = fs::read_to_string(&file).expect("written");
    let served = |fork: &Fork| [&**fork, &fork.parachains[0]].map(|node| node.document.clone());
    let hashes = |fork: &Fork| served(fork).map(|document| document["block_hash"].clone());
    let first = hashes(&fork);
    for (node, before) in [&*fork, &fork.parachains[0]].into_iter().zip(before) {
        assert!(issuance(node) > before + 1_000_000_000_000_000_000, "Bob's funds are issued");
        expect_dev_accounts(node, &alice, &bob);
    }
    assert_eq!(head_on_the_relay_chain(&fork), fork.parachains[0].call("chain_getBlockHash", json!([])));
    assert_eq!(fork.interrupt(), Some(0));

    // The live chains go on. The fork is of the same blocks all the same.
    live.parachains[0].call("dev_newBlock", json!([{"count": 2}]));
    let again = Fork::with(live.url(), &arguments);
    assert_eq!((hashes(&again), fs::read_to_string(&file).expect("kept")), (first, pinned.clone()));
    drop(again);

    let fork = |more: &[&str]| Xtask::new(["fork", live.url()].iter().chain(&arguments).chain(more)).run();
    fork(&["--at", "1"]).expect_code(2).mentions(&["--at is not the block in", "pin.json"]);
    fs::write(&file, pinned.replacen("\"number\": ", "\"number\": 1", 1)).expect("written");
    fork(&[]).expect_code(4).mentions(&["is not at its block in", "pin.json"]);
    fs::write(&file, pinned.replacen("\"chains\"", "\"blocks\"", 1)).expect("written");
    fork(&[]).expect_code(4).mentions(&["is no file of the blocks of a fork", "blocks"]);
}

#[test]
fn pinned_files_must_be_those_of_the_same_blocks() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("pin.json").display().to_string();
    let alone = snapshot(Standalone).display().to_string();
    let fork = Fork::with(&alone, &["--manual", "--pin", &file]);
    let hash = fork.document["block_hash"].as_str().expect("a hash").to_owned();
    assert!(fork.document.get("dev").is_none());
    drop(fork);
    let pinned = fs::read_to_string(&file).expect("written");
    let other = format!("0x{}", "ab".repeat(32));
    fs::write(&file, pinned.replace(&hash, &other)).expect("written");
    let refused = |source: &str| Xtask::new(["fork", source, "--pin", &file]).run().expect_code(4);
    refused(&alone).mentions(&[&alone, &hash, &other]);
    let relay = snapshot(Relay).display().to_string();
    refused(&relay).mentions(&["has the blocks of other chains", &alone, &relay, "delete it"]);
}

#[test]
fn chains_that_are_no_network_are_refused() {
    let path = |runtime| snapshot(runtime).display().to_string();
    let (relay, parachain, alone) = (path(Relay), path(Parachain), path(Standalone));
    let fork = |arguments: &[&str]| Xtask::new(std::iter::once("fork").chain(arguments.iter().copied())).run();
    fork(&[&alone, "--with", &parachain]).expect_code(4).mentions(&["is no relay chain"]);
    fork(&[&relay, "--with", &alone]).expect_code(4).mentions(&["is no parachain"]);
    fork(&[&relay, "--with", &parachain]).expect_code(4).mentions(&["does not know the parachain 2000", "--onboard"]);
    fork(&[&relay, "--onboard", "--with", &parachain, "--with", &parachain]).expect_code(4).mentions(&["named twice"]);
    fork(&[&relay, "--onboard"]).expect_code(2).mentions(&["--with"]);
    fork(&[&relay, "--with", &parachain, "--onboard", "--port", "65535"]).expect_code(2).mentions(&["too few ports"]);
}
