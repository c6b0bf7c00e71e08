// SPDX-License-Identifier: Apache-2.0
//! The protocol and what needs no runtime; whole chains are served in the end-to-end tests.

use super::*;
use crate::{
    chain::Chain,
    executor::Executor,
    serve::rpc::{Client, Socket, answer},
};
use artifact::state::State;
use serde_json::{Value, json};
use sp_core::H256;
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{read_child_proof_check, read_proof_check};
use sp_storage::ChildInfo;
use sp_trie::StorageProof;
use tokio::sync::{mpsc as channel, oneshot};

fn chain() -> Chain {
    let top = (0..30u8).map(|index| (vec![0xaa, index], vec![index; 40])).collect();
    let child = (0..5u8).map(|index| (vec![index], vec![7; 40])).collect();
    Chain::from_state(State::of_entries(1, top, vec![(b"kid".to_vec(), child)])).expect("a chain")
}

fn ask(fork: &mut Fork<'_>, message: Value) -> Value {
    let (sender, mut receiver) = oneshot::channel();
    answer(fork, &message.to_string(), &Client::http(sender));
    serde_json::from_str(&receiver.try_recv().expect("an answer")).expect("JSON")
}

fn call(fork: &mut Fork<'_>, method: &str, params: Value) -> Value {
    ask(fork, json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}))
}

fn result(fork: &mut Fork<'_>, method: &str, params: Value) -> Value {
    let answer = call(fork, method, params);
    assert_eq!(answer["error"], Value::Null, "{answer}");
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)));
    answer["result"].clone()
}

fn with_fork(test: impl FnOnce(&mut Fork<'_>)) {
    let executor = Executor::new(None);
    test(&mut Fork::new("test".into(), chain(), &executor, true));
}

fn bytes(text: &Value) -> Vec<u8> {
    hex::decode(text.as_str().expect("text").trim_start_matches("0x")).expect("hex")
}

#[test]
fn values_and_keys_are_read_as_from_a_node() {
    with_fork(|fork| {
        let value = format!("0x{}", "03".repeat(40));
        assert_eq!(result(fork, "state_getStorage", json!(["0xaa03"])), json!(value));
        assert_eq!(
            result(fork, "state_getStorage", json!(["aa03"])),
            json!(value),
            "nodes read hex without 0x as well"
        );
        assert_eq!(result(fork, "state_getStorage", json!(["0xaa77"])), Value::Null);
        assert_eq!(result(fork, "state_getStorageSize", json!(["0xaa03"])), json!(40));
        let first = result(fork, "state_getKeysPaged", json!(["0xaa", 20]));
        let second = result(fork, "state_getKeysPaged", json!(["0xaa", 20, first[19]]));
        assert_eq!((first.as_array().map(Vec::len), second.as_array().map(Vec::len)), (Some(20), Some(10)));
        assert_eq!(second[0], json!("0xaa14"));
        let all = result(fork, "state_getKeysPaged", json!(["0x", 20]));
        assert_eq!(result(fork, "state_getKeysPaged", json!(["", 20])), all, "nothing at all is hex too");
        let head = result(fork, "chain_getFinalizedHead", json!([]));
        let plain = head.as_str().expect("text").trim_start_matches("0x");
        assert_eq!(result(fork, "state_getStorage", json!(["aa03", plain])), json!(value));
        for zero in [json!(0), json!("0x0"), json!("0"), json!("00")] {
            assert_eq!(result(fork, "chain_getBlockHash", json!([zero])), head);
        }
        let found = result(fork, "state_queryStorageAt", json!([["0xaa03", "0xaa77"], head]));
        assert_eq!(found, json!([{"block": head, "changes": [["0xaa03", value], ["0xaa77", null]]}]));
        let kid = "0x3a6368696c645f73746f726167653a64656661756c743a6b6964";
        assert_eq!(result(fork, "childstate_getKeysPaged", json!([kid, "0x", 2])), json!(["0x00", "0x01"]));
        assert_eq!(
            result(fork, "childstate_getStorageEntries", json!([kid, ["0x01", "0x09"]])),
            json!([format!("0x{}", "07".repeat(40)), null])
        );
    });
}

#[test]
fn proofs_hold_against_the_state_root() {
    with_fork(|fork| {
        let header = result(fork, "chain_getHeader", json!([]));
        let root = H256::from_slice(&bytes(&header["stateRoot"]));
        let proof = |answer: Value| StorageProof::new(answer["proof"].as_array().expect("nodes").iter().map(bytes));
        let top = proof(result(fork, "state_getReadProof", json!([["0xaa03", "0xaa77"]])));
        let read = read_proof_check::<BlakeTwo256, _>(root, top, [[0xaa, 3], [0xaa, 0x77]]).expect("proven");
        assert_eq!(read[&vec![0xaa, 3]], Some(vec![3; 40]));
        assert_eq!(read[&vec![0xaa, 0x77]], None);
        let kid = "0x3a6368696c645f73746f726167653a64656661756c743a6b6964";
        let below = proof(result(fork, "state_getChildReadProof", json!([kid, ["0x01"]])));
        let child = ChildInfo::new_default(b"kid");
        let read = read_child_proof_check::<BlakeTwo256, _>(root, below, &child, [[1]]).expect("proven");
        assert_eq!(read[&vec![1]], Some(vec![7; 40]));
    });
}

#[test]
fn batches_are_answered_and_notifications_are_not() {
    with_fork(|fork| {
        let answers = ask(
            fork,
            json!([
                {"jsonrpc": "2.0", "id": "a", "method": "system_name"},
                {"jsonrpc": "2.0", "method": "system_name"},
                {"jsonrpc": "2.0", "id": 2, "method": "nothing_here"},
            ]),
        );
        assert_eq!(answers.as_array().map(Vec::len), Some(2));
        assert_eq!(answers[0]["result"], "cutover");
        assert_eq!((&answers[1]["id"], &answers[1]["error"]["code"]), (&json!(2), &json!(-32601)));
    });
}

#[test]
fn wrong_messages_get_the_errors_of_the_standard() {
    with_fork(|fork| {
        let (sender, mut receiver) = oneshot::channel();
        answer(fork, "{no json", &Client::http(sender));
        assert!(receiver.try_recv().expect("an answer").contains("-32700"));
        assert_eq!(ask(fork, json!([]))["error"]["code"], -32600);
        assert_eq!(ask(fork, json!({"id": 1}))["error"]["code"], -32600);
        for (method, params) in [
            ("state_getStorage", json!([])),
            ("state_getStorage", json!(["no hex"])),
            ("state_getStorage", json!({"key": "0x00"})),
            ("dev_newBlock", json!([{"count": 1, "to": 3}])),
            ("dev_newBlock", json!([{"count": 4_000_000_000u32}])),
            ("dev_setStorage", json!([{"System": {}}])),
            ("system_accountNextIndex", json!(["nobody"])),
        ] {
            assert_eq!(call(fork, method, params)["error"]["code"], -32602, "{method}");
        }
        let unknown = call(fork, "state_getStorage", json!(["0xaa03", H256::repeat_byte(9)]));
        assert!(unknown["error"]["message"].as_str().expect("text").contains("no block"), "{unknown}");
        assert_eq!(call(fork, "state_getKeysPaged", json!(["0x", 100_000]))["error"]["code"], 4002);
        // There is no runtime here: that is an error of the call, not the end of the server.
        assert_eq!(call(fork, "state_getMetadata", json!([]))["error"]["code"], -32000);
    });
}

#[test]
fn every_listed_method_is_there() {
    with_fork(|fork| {
        let methods = result(fork, "rpc_methods", json!([]))["methods"].clone();
        let methods = methods.as_array().expect("a list");
        assert!(methods.len() > 40, "{}", methods.len());
        for method in methods {
            let code = call(fork, method.as_str().expect("a name"), json!([]))["error"]["code"].clone();
            assert_ne!(code, json!(-32601), "{method}");
        }
    });
}

#[test]
fn who_watches_a_value_is_told_when_it_changes() {
    with_fork(|fork| {
        let (out, mut told) = channel::channel(16);
        let socket = Client::Socket(Socket { id: 1, out });
        let mut next = || -> Value { serde_json::from_str(&told.try_recv().expect("told")).expect("JSON") };
        let subscribe = json!({"id": 1, "method": "state_subscribeStorage", "params": [["0xaa03"]]});
        answer(fork, &subscribe.to_string(), &socket);
        let id = next()["result"].clone();
        assert_eq!(next()["params"]["subscription"], id, "the answer comes before the first notification");
        result(fork, "dev_setStorage", json!([[["0xaa03", "0x01"], ["0xaa04", null]]]));
        assert_eq!(next()["params"]["result"]["changes"], json!([["0xaa03", "0x01"]]));
        assert_eq!(result(fork, "state_getStorage", json!(["0xaa04"])), Value::Null);
        let unsubscribe = json!({"id": 2, "method": "state_unsubscribeStorage", "params": [id]});
        answer(fork, &unsubscribe.to_string(), &socket);
        assert_eq!(next()["result"], true);
        result(fork, "dev_setStorage", json!([[["0xaa03", "0x02"]]]));
        assert!(told.try_recv().is_err(), "not told any more");
    });
}
