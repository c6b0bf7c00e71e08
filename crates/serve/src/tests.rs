// SPDX-License-Identifier: Apache-2.0
//! Tests of the methods that need no runtime. The end-to-end tests serve whole chains.

use super::*;
use ::state::State;
use fork::{Chain, Executor, Header};
use serde_json::{Value, json, value::RawValue};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Header as _};
use sp_state_machine::{StorageChanges, read_child_proof_check, read_proof_check};
use sp_storage::ChildInfo;
use sp_trie::StorageProof;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};
use tokio::{runtime::Runtime, sync::mpsc as channel};

/// `:child_storage:default:kid`
const KID: &str = "0x3a6368696c645f73746f726167653a64656661756c743a6b6964";

/// Returns a chain with 30 entries under 0xaa, 1,500 under 0xbb, and five in a child trie.
fn chain() -> Chain {
    let few = (0..30u8).map(|index| (vec![0xaa, index], vec![index; 40]));
    let many = (0..1_500u16).map(|index| ([&[0xbb][..], &index.to_be_bytes()].concat(), vec![1; 3]));
    let child = (0..5u8).map(|index| (vec![index], vec![7; 40])).collect();
    let state = State::of_entries(1, few.chain(many).collect(), vec![(b"kid".to_vec(), child)]);
    Chain::from_state(state).expect("a chain")
}

/// Calls the methods of a fork that runs on a thread of its own.
struct Client {
    runtime: Runtime,
    methods: jsonrpsee::Methods,
    chain: ChainThread,
}

/// A subscription and its notifications.
struct TestSubscription {
    id: Value,
    queue: channel::Receiver<Box<RawValue>>,
}

fn with_fork(test: impl FnOnce(&Client)) {
    let (jobs, received) = mpsc::channel();
    // The thread ends when all senders are dropped.
    std::thread::spawn(move || {
        let executor = Executor::new(None);
        run(&mut [Fork::new("test".into(), chain(), &executor, true)], &received);
    });
    let chain = ChainThread::new(0, jobs);
    test(&Client {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
        methods: module(chain.clone()).expect("methods").into(),
        chain,
    });
}

impl Client {
    fn request(&self, method: &str, params: &Value) -> (Value, channel::Receiver<Box<RawValue>>) {
        let text = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
        let (answer, queue) = self.runtime.block_on(self.methods.raw_json_request(&text, 10_000)).expect("a request");
        (serde_json::from_str(answer.get()).expect("JSON"), queue)
    }

    fn call(&self, method: &str, params: Value) -> Value {
        self.request(method, &params).0
    }

    fn result(&self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params);
        assert_eq!(answer["error"], Value::Null, "{method}: {answer}");
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)));
        answer["result"].clone()
    }

    fn code(&self, method: &str, params: Value) -> Value {
        self.call(method, params)["error"]["code"].clone()
    }

    fn subscribe(&self, method: &str, params: Value) -> TestSubscription {
        let (answer, queue) = self.request(method, &params);
        assert_eq!(answer["error"], Value::Null, "{method}: {answer}");
        TestSubscription { id: answer["result"].clone(), queue }
    }

    /// Returns the next notification of a subscription.
    fn next(&self, subscription: &mut TestSubscription) -> Value {
        let next = async { tokio::time::timeout(Duration::from_secs(60), subscription.queue.recv()).await };
        let text = self.runtime.block_on(next).expect("in time").expect("a notification");
        serde_json::from_str::<Value>(text.get()).expect("JSON")["params"]["result"].clone()
    }

    /// Starts an operation with these parameters after the subscription's name, and returns its
    /// first event.
    fn outcome<const N: usize>(&self, subscription: &mut TestSubscription, method: &str, params: [Value; N]) -> Value {
        let params = [subscription.id.clone()].into_iter().chain(params).collect();
        let started = self.result(method, params);
        assert_eq!(started["result"], "started", "{started}");
        let event = self.next(subscription);
        assert_eq!(event["operationId"], started["operationId"]);
        event
    }

    fn on_chain<T: Send + 'static>(&self, work: impl FnOnce(&mut Fork<'_>) -> T + Send + 'static) -> T {
        self.runtime.block_on(self.chain.run(work)).expect("done")
    }

    /// Lets subscriptions end whose queues were dropped.
    fn let_end(&self) {
        self.runtime.block_on(async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Adds a block to the head without executing it, with one value in its state.
    fn append(&self, value: u8) -> H256 {
        self.on_chain(move |fork| {
            let mut chain = fork.chain(None).expect("a head").clone();
            chain.set(vec![(b"value".to_vec(), Some(vec![value]))]).expect("set");
            let (number, parent, root) = (chain.number() + 1, chain.header().hash(), chain.root());
            let header = Header::new(number, H256::zero(), root, parent, Default::default());
            chain.advance(header, StorageChanges { transaction_storage_root: root, ..Default::default() });
            fork.append(chain, Vec::new(), &[b"value".to_vec()])
        })
    }

    /// Follows the chain. Returns the subscription and the head that it starts with.
    fn follow(&self, with_runtime: bool) -> (TestSubscription, Value) {
        let mut subscription = self.subscribe("chainHead_v1_follow", json!([with_runtime]));
        // Without a server, the names of subscriptions are numbers.
        subscription.id = json!(subscription.id.to_string());
        let first = self.next(&mut subscription);
        assert_eq!(first["event"], "initialized");
        let runtime = if with_runtime { json!("invalid") } else { Value::Null };
        assert_eq!(first["finalizedBlockRuntime"]["type"], runtime, "there is no runtime");
        let head = first["finalizedBlockHashes"].as_array().and_then(|hashes| hashes.last()).expect("a head").clone();
        assert_eq!(self.next(&mut subscription), json!({"event": "bestBlockChanged", "bestBlockHash": head}));
        (subscription, head)
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    hex::decode(text.as_str().expect("text").trim_start_matches("0x")).expect("hex")
}

#[test]
fn a_first_block_whose_state_was_written_is_the_first_one_for_clients() {
    with_fork(|client| {
        let hash = client.on_chain(|fork| {
            let mut chain = fork.chain(None).expect("a head").clone();
            chain.set(vec![(b"value".to_vec(), Some(vec![1]))]).expect("set");
            chain.adopt_state_root();
            let hash = chain.header().hash();
            fork.replace_head(chain, &[b"value".to_vec()]);
            hash
        });
        let mut subscription = client.subscribe("chainHead_v1_follow", json!([false]));
        assert_eq!(client.next(&mut subscription)["finalizedBlockHashes"], json!([hash]));
    });
}

#[test]
fn values_and_keys_are_read_as_from_a_node() {
    with_fork(|fork| {
        let value = format!("0x{}", "03".repeat(40));
        assert_eq!(fork.result("state_getStorage", json!(["0xaa03"])), json!(value));
        assert_eq!(fork.result("state_getStorage", json!(["aa03"])), json!(value), "nodes read hex without 0x as well");
        assert_eq!(fork.result("state_getStorage", json!(["0xaa77"])), Value::Null);
        assert_eq!(fork.result("state_getStorageSize", json!(["0xaa03"])), json!(40));
        let first = fork.result("state_getKeysPaged", json!(["0xaa", 20]));
        let second = fork.result("state_getKeysPaged", json!(["0xaa", 20, first[19]]));
        assert_eq!((first.as_array().map(Vec::len), second.as_array().map(Vec::len)), (Some(20), Some(10)));
        assert_eq!(second[0], json!("0xaa14"));
        let all = fork.result("state_getKeysPaged", json!(["0x", 20]));
        assert_eq!(fork.result("state_getKeysPaged", json!(["", 20])), all, "an empty text is hex too");
        let head = fork.result("chain_getFinalizedHead", json!([]));
        let plain = head.as_str().expect("text").trim_start_matches("0x");
        assert_eq!(fork.result("state_getStorage", json!(["aa03", plain])), json!(value));
        for zero in [json!(0), json!("0x0"), json!("0"), json!("00")] {
            assert_eq!(fork.result("chain_getBlockHash", json!([zero])), head);
        }
        assert_eq!(fork.result("chain_getBlockHash", json!([[0, 9]])), json!([head, null]));
        let found = fork.result("state_queryStorageAt", json!([["0xaa03", "0xaa77"], head]));
        assert_eq!(found, json!([{"block": head, "changes": [["0xaa03", value], ["0xaa77", null]]}]));
        assert_eq!(fork.result("childstate_getKeysPaged", json!([KID, "0x", 2])), json!(["0x00", "0x01"]));
        assert_eq!(
            fork.result("childstate_getStorageEntries", json!([KID, ["0x01", "0x09"]])),
            json!([format!("0x{}", "07".repeat(40)), null])
        );
    });
}

#[test]
fn proofs_hold_against_the_state_root() {
    with_fork(|fork| {
        let header = fork.result("chain_getHeader", json!([]));
        let root = H256::from_slice(&bytes(&header["stateRoot"]));
        let proof = |answer: Value| StorageProof::new(answer["proof"].as_array().expect("nodes").iter().map(bytes));
        let top = proof(fork.result("state_getReadProof", json!([["0xaa03", "0xaa77"]])));
        let read = read_proof_check::<BlakeTwo256, _>(root, top, [[0xaa, 3], [0xaa, 0x77]]).expect("proven");
        assert_eq!(read[&vec![0xaa, 3]], Some(vec![3; 40]));
        assert_eq!(read[&vec![0xaa, 0x77]], None);
        let below = proof(fork.result("state_getChildReadProof", json!([KID, ["0x01"]])));
        let child = ChildInfo::new_default(b"kid");
        let read = read_child_proof_check::<BlakeTwo256, _>(root, below, &child, [[1]]).expect("proven");
        assert_eq!(read[&vec![1]], Some(vec![7; 40]));
    });
}

/// Posts a message to a served fork. Returns the status line and the JSON.
fn post(url: &str, length: usize, body: &str) -> (String, Value) {
    let address = url.strip_prefix("ws://").expect("a WebSocket's URL");
    let mut stream = TcpStream::connect(address).expect("connected");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.lines().next().unwrap_or_default().to_owned(), serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn messages_are_answered_by_the_standard() {
    with_fork(|fork| {
        let listener = Listener::bind(0, &[]).expect("bound");
        let url = listener.url();
        listener.start(fork.methods.clone()).expect("started");
        let ask = |message: &str| post(&url, message.len(), message).1;
        let batch = json!([
            {"jsonrpc": "2.0", "id": "a", "method": "system_name"},
            {"jsonrpc": "2.0", "method": "system_name"},
            {"jsonrpc": "2.0", "id": 2, "method": "nothing_here"},
        ]);
        let answers = ask(&batch.to_string());
        assert_eq!(answers.as_array().map(Vec::len), Some(2), "notifications have no answer: {answers}");
        assert_eq!(answers[0]["result"], "cutover");
        assert_eq!((&answers[1]["id"], &answers[1]["error"]["code"]), (&json!(2), &json!(-32601)));

        assert_eq!(ask("{no json")["error"]["code"], -32700);
        assert_eq!(ask("[]")["error"]["code"], -32600);
        assert_eq!(ask(r#"{"jsonrpc": "2.0", "id": 1}"#)["error"]["code"], -32600);
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "system_name"});
        assert_eq!(ask(&json!(vec![call.clone(); 1_000]).to_string()).as_array().map(Vec::len), Some(1_000));
        assert_eq!(ask(&json!(vec![call; 1_001]).to_string())["error"]["code"], -32010, "one call too many");
        assert!(post(&url, (32 << 20) + 1, "{").0.starts_with("HTTP/1.1 413 "), "a byte too many");
        let subscribe = ask(r#"{"jsonrpc": "2.0", "id": 1, "method": "chain_subscribeNewHeads", "params": []}"#);
        assert!(subscribe["error"]["code"].is_i64(), "subscriptions need a WebSocket: {subscribe}");
    });
}

#[test]
fn invalid_calls_return_the_errors_of_the_standard() {
    with_fork(|fork| {
        for (method, params) in [
            ("state_getStorage", json!([])),
            ("state_getStorage", json!(["no hex"])),
            ("state_getStorage", json!({"key": "0x00"})),
            ("dev_newBlock", json!([{"count": 1, "to": 3}])),
            ("dev_newBlock", json!([{"count": 4_000_000_000u32}])),
            ("dev_setStorage", json!([{"System": {}}])),
            ("dev_setHead", json!([9])),
            ("system_accountNextIndex", json!(["nobody"])),
        ] {
            assert_eq!(fork.code(method, params), -32602, "{method}");
        }
        let unknown = fork.call("state_getStorage", json!(["0xaa03", H256::repeat_byte(9)]));
        assert!(unknown["error"]["message"].as_str().expect("text").contains("no block"), "{unknown}");
        assert_eq!(fork.code("state_getKeysPaged", json!(["0x", 100_000])), 4002);
        // A missing runtime is an error of the call and does not end the server.
        assert_eq!(fork.code("state_getMetadata", json!([])), -32000);
    });
}

#[test]
fn every_listed_method_exists() {
    with_fork(|fork| {
        let methods = fork.result("rpc_methods", json!([]))["methods"].clone();
        let methods = methods.as_array().expect("a list");
        assert!(methods.len() > 70, "{}", methods.len());
        for method in methods {
            let code = fork.code(method.as_str().expect("a name"), json!([]));
            assert_ne!(code, json!(-32601), "{method}");
        }
    });
}

#[test]
fn a_storage_subscription_reports_changes() {
    with_fork(|fork| {
        let mut subscription = fork.subscribe("state_subscribeStorage", json!([["0xaa03"]]));
        assert_eq!(fork.next(&mut subscription)["changes"], json!([["0xaa03", format!("0x{}", "03".repeat(40))]]));
        fork.result("dev_setStorage", json!([[["0xaa03", "0x01"], ["0xaa04", null]]]));
        assert_eq!(fork.next(&mut subscription)["changes"], json!([["0xaa03", "0x01"]]));
        assert_eq!(fork.result("state_getStorage", json!(["0xaa04"])), Value::Null);
        assert_eq!(fork.result("state_unsubscribeStorage", json!([subscription.id])), true);
        assert_eq!(fork.result("state_unsubscribeStorage", json!([subscription.id])), false);
        fork.result("dev_setStorage", json!([[["0xaa03", "0x02"]]]));
        fork.result("system_name", json!([]));
        assert!(subscription.queue.try_recv().is_err(), "no notification after the end");
    });
}

#[test]
fn a_follow_subscription_reports_blocks_and_reads_pinned_ones() {
    with_fork(|fork| {
        let (mut subscription, genesis) = fork.follow(false);
        let block = json!(fork.append(1));
        let new = json!({"event": "newBlock", "blockHash": block, "parentBlockHash": genesis});
        assert_eq!(fork.next(&mut subscription), new);
        assert_eq!(fork.next(&mut subscription), json!({"event": "bestBlockChanged", "bestBlockHash": block}));
        let finalized = json!({"event": "finalized", "finalizedBlockHashes": [block], "prunedBlockHashes": []});
        assert_eq!(fork.next(&mut subscription), finalized);

        let header = fork.result("chainHead_v1_header", json!([subscription.id, block]));
        assert_eq!(header, fork.result("archive_v1_header", json!([block])));
        let done = fork.outcome(&mut subscription, "chainHead_v1_body", [block.clone()]);
        assert_eq!((&done["event"], &done["value"]), (&json!("operationBodyDone"), &json!([])));

        // If a block is named twice or not pinned, nothing is unpinned.
        let unknown = H256::repeat_byte(9);
        assert_eq!(fork.code("chainHead_v1_unpin", json!([subscription.id, [block, block]])), -32804);
        assert_eq!(fork.code("chainHead_v1_unpin", json!([subscription.id, [block, unknown]])), -32801);
        assert_eq!(fork.result("chainHead_v1_header", json!([subscription.id, block])), header);
        assert_eq!(fork.result("chainHead_v1_unpin", json!([subscription.id, [block, genesis]])), Value::Null);
        for method in ["chainHead_v1_header", "chainHead_v1_body"] {
            assert_eq!(fork.code(method, json!([subscription.id, block])), -32801, "{method}");
        }
        assert_eq!(fork.code("chainHead_v1_storage", json!([subscription.id, block, []])), -32801);
        assert_eq!(fork.code("chainHead_v1_call", json!([subscription.id, block, "Core_version", "0x"])), -32801);

        // A new subscription starts with the current head.
        let (_, head) = fork.follow(true);
        assert_eq!(head, block);
    });
}

#[test]
fn an_unknown_subscription_answers_as_an_ended_one() {
    with_fork(|fork| {
        let (subscription, genesis) = fork.follow(true);
        let limit = json!({"result": "limitReached"});
        for id in ["nobody", "999"] {
            assert_eq!(fork.result("chainHead_v1_header", json!([id, genesis])), Value::Null);
            assert_eq!(fork.result("chainHead_v1_unpin", json!([id, genesis])), Value::Null);
            assert_eq!(fork.result("chainHead_v1_continue", json!([id, "1"])), Value::Null);
            assert_eq!(fork.result("chainHead_v1_stopOperation", json!([id, "1"])), Value::Null);
            assert_eq!(fork.result("chainHead_v1_body", json!([id, genesis])), limit);
            assert_eq!(fork.result("chainHead_v1_call", json!([id, genesis, "Core_version", "0x"])), limit);
            assert_eq!(fork.result("chainHead_v1_storage", json!([id, genesis, []])), limit);
        }
        assert_eq!(fork.code("chainHead_v1_follow", json!([])), -32602);
        assert_eq!(fork.code("chainHead_v1_header", json!([subscription.id, "0x00"])), -32602);
        let unfollowed = json!([subscription.id.as_str().and_then(|id| id.parse::<u64>().ok())]);
        assert_eq!(fork.result("chainHead_v1_unfollow", unfollowed.clone()), true);
        assert_eq!(fork.result("chainHead_v1_unfollow", unfollowed), false);
        fork.let_end();
        assert_eq!(fork.result("chainHead_v1_header", json!([subscription.id, genesis])), Value::Null);
    });
}

#[test]
fn at_most_four_subscriptions_of_a_connection_follow_the_head() {
    with_fork(|fork| {
        let mut follows: Vec<_> = (0..4).map(|_| fork.follow(false)).collect();
        assert_eq!(fork.code("chainHead_v1_follow", json!([false])), -32800);
        // A dropped subscription makes room.
        follows.pop();
        fork.let_end();
        fork.follow(false);
    });
}

#[test]
fn storage_is_read_at_a_followed_block() {
    with_fork(|fork| {
        let (mut subscription, block) = fork.follow(true);
        let read = |subscription: &mut TestSubscription, items: Value, child: Value| {
            fork.outcome(subscription, "chainHead_v1_storage", [block.clone(), items, child])
        };
        let value = format!("0x{}", "03".repeat(40));
        let found = read(&mut subscription, json!([{"key": "0xaa03", "type": "value"}]), Value::Null);
        assert_eq!(found["items"], json!([{"key": "0xaa03", "value": value}]));
        assert_eq!(fork.next(&mut subscription)["event"], "operationStorageDone");
        let absent = read(&mut subscription, json!([{"key": "0xaa77", "type": "value"}]), Value::Null);
        assert_eq!(absent["event"], "operationStorageDone", "the key is absent");
        let hash = H256(artifact::hashes::blake2_256(&[3; 40]));
        let found = read(&mut subscription, json!([{"key": "0xaa03", "type": "hash"}]), Value::Null);
        assert_eq!(found["items"], json!([{"key": "0xaa03", "hash": hash}]));
        assert_eq!(fork.next(&mut subscription)["event"], "operationStorageDone");
        // The root of the trie is the closest node of the empty key.
        let found =
            read(&mut subscription, json!([{"key": "0x", "type": "closestDescendantMerkleValue"}]), Value::Null);
        let root = fork.result("chain_getHeader", json!([]))["stateRoot"].clone();
        assert_eq!(found["items"][0]["closestDescendantMerkleValue"], root);
        assert_eq!(fork.next(&mut subscription)["event"], "operationStorageDone");
        let found = read(&mut subscription, json!([{"key": "0x", "type": "descendantsValues"}]), json!("0x6b6964"));
        assert_eq!(found["items"].as_array().map(Vec::len), Some(5), "the child trie has five");
        assert_eq!(found["items"][4], json!({"key": "0x04", "value": format!("0x{}", "07".repeat(40))}));
        assert_eq!(fork.next(&mut subscription)["event"], "operationStorageDone");
        assert_eq!(
            fork.code("chainHead_v1_storage", json!([subscription.id, block, [{"key": "0x", "type": "all"}]])),
            -32602
        );
    });
}

#[test]
fn a_waiting_operation_counts_towards_the_limit() {
    with_fork(|fork| {
        let (mut subscription, block) = fork.follow(true);
        let many = json!({"key": "0xbb", "type": "descendantsHashes"});
        let started = fork.result("chainHead_v1_storage", json!([subscription.id, block, vec![many; 20]]));
        assert_eq!(started["discardedItems"], 4, "16 are read at once: {started}");
        let operation = started["operationId"].clone();
        let page = fork.next(&mut subscription);
        assert_eq!((&page["event"], &page["operationId"]), (&json!("operationStorageItems"), &operation));
        assert_eq!(page["items"].as_array().map(Vec::len), Some(1_000));
        assert_eq!(fork.next(&mut subscription)["event"], "operationWaitingForContinue");

        let limit = json!({"result": "limitReached"});
        assert_eq!(fork.result("chainHead_v1_body", json!([subscription.id, block])), limit);
        assert_eq!(fork.result("chainHead_v1_call", json!([subscription.id, block, "Core_version", "0x"])), limit);
        let one = json!([{"key": "0xaa03", "type": "value"}]);
        assert_eq!(fork.result("chainHead_v1_storage", json!([subscription.id, block, one])), limit);

        assert_eq!(fork.result("chainHead_v1_continue", json!([subscription.id, operation])), Value::Null);
        let page = fork.next(&mut subscription);
        assert_eq!(page["items"][0]["key"], "0xbb03e8", "it continues after the first thousand");
        assert_eq!(fork.next(&mut subscription)["event"], "operationWaitingForContinue");
        assert_eq!(fork.result("chainHead_v1_stopOperation", json!([subscription.id, operation])), Value::Null);
        assert_eq!(
            fork.result("chainHead_v1_continue", json!([subscription.id, operation])),
            Value::Null,
            "it has ended"
        );
        let found = fork.outcome(&mut subscription, "chainHead_v1_storage", [block, one]);
        assert_eq!(found["event"], "operationStorageItems", "there is room again");
    });
}

#[test]
fn only_a_waiting_operation_can_be_continued() {
    with_fork(|fork| {
        let (subscription, block) = fork.follow(true);
        // The operation was started and runs only after the answer. The chain is called in between.
        let code = fork.on_chain({
            let id = subscription.id.as_str().expect("text").to_owned();
            let block = H256::from_slice(&bytes(&block));
            move |fork| chain_head::continue_at_once(fork, &id, block)
        });
        assert_eq!(code, Some(-32803));
    });
}

#[test]
fn a_failed_call_is_an_error_of_the_operation() {
    with_fork(|fork| {
        let (mut subscription, block) = fork.follow(true);
        let params = [block.clone(), json!("Core_version"), json!("0x")];
        let failed = fork.outcome(&mut subscription, "chainHead_v1_call", params);
        assert_eq!(failed["event"], "operationError", "{failed}");
        assert!(failed["error"].as_str().is_some_and(|error| error.contains("no runtime")), "{failed}");
        let (without, _) = fork.follow(false);
        assert_eq!(fork.code("chainHead_v1_call", json!([without.id, block, "Core_version", "0x"])), -32802);
    });
}

#[test]
fn a_subscription_stops_if_events_cannot_be_reported_in_order() {
    with_fork(|fork| {
        let (mut subscription, genesis) = fork.follow(false);
        let block = fork.append(1);
        // The head is set back before a reported block.
        fork.result("dev_setHead", json!([genesis]));
        let events: Vec<_> =
            std::iter::from_fn(|| Some(fork.next(&mut subscription)["event"].clone())).take(3).collect();
        assert_eq!(events, ["newBlock", "bestBlockChanged", "stop"]);
        assert_eq!(fork.result("chainHead_v1_header", json!([subscription.id, block])), Value::Null);

        // A subscription that never unpins is stopped too.
        let (mut subscription, _) = fork.follow(false);
        for value in 0..1_100u16 {
            fork.append(value.to_be_bytes()[1]);
        }
        let mut last = fork.next(&mut subscription);
        while last["event"] != "stop" {
            last = fork.next(&mut subscription);
        }
        fork.follow(false);
    });
}

#[test]
fn the_archive_answers_for_every_known_block() {
    with_fork(|fork| {
        let genesis = fork.result("archive_v1_genesisHash", json!([]));
        let block = json!(fork.append(1));
        assert_eq!(fork.result("archive_v1_finalizedHeight", json!([])), 1);
        assert_eq!(fork.result("archive_v1_hashByHeight", json!([0])), json!([genesis]));
        assert_eq!(fork.result("archive_v1_hashByHeight", json!([1])), json!([block]));
        assert_eq!(fork.result("archive_v1_hashByHeight", json!([2])), json!([]));
        let header = bytes(&fork.result("archive_v1_header", json!([block])));
        assert_eq!(json!(H256(artifact::hashes::blake2_256(&header))), block);
        assert_eq!(fork.result("archive_v1_body", json!([block])), json!([]));
        let failed = fork.result("archive_v1_call", json!([block, "Core_version", "0x"]));
        assert_eq!(failed["success"], false, "there is no runtime: {failed}");

        let unknown = H256::repeat_byte(9);
        for method in ["archive_v1_header", "archive_v1_body"] {
            assert_eq!(fork.result(method, json!([unknown])), Value::Null, "{method}");
            assert_eq!(fork.code(method, json!(["no hash"])), -32602, "{method}");
        }
        assert_eq!(fork.result("archive_v1_call", json!([unknown, "Core_version", "0x"])), Value::Null);
    });
}

#[test]
fn the_archive_reads_all_pages_of_storage() {
    with_fork(|fork| {
        let genesis = fork.result("archive_v1_genesisHash", json!([]));
        let read = |block: &Value, items: Value, child: Value| {
            let mut subscription = fork.subscribe("archive_v1_storage", json!([block, items, child]));
            let mut events = Vec::new();
            while events.last().is_none_or(|event: &Value| event["event"] == "storage") {
                events.push(fork.next(&mut subscription));
            }
            events
        };
        let all = json!([{"key": "0xaa03", "type": "hash"}, {"key": "0xbb", "type": "descendantsValues"}]);
        let events = read(&genesis, all, Value::Null);
        assert_eq!(events.len(), 1 + 1_500 + 1);
        assert_eq!(events[1], json!({"event": "storage", "key": "0xbb0000", "value": "0x010101"}));
        assert_eq!(events[1_501], json!({"event": "storageDone"}));
        let behind = json!([{"key": "0xbb", "type": "descendantsValues", "paginationStartKey": "0xbb05da"}]);
        let events = read(&genesis, behind, Value::Null);
        assert_eq!(events[0]["key"], "0xbb05db");
        assert_eq!(events.len(), 2);
        let events = read(&genesis, json!([{"key": "0x01", "type": "value"}]), json!("0x6b6964"));
        assert_eq!((&events[0]["key"], &events[0]["childTrieKey"]), (&json!("0x01"), &json!("0x6b6964")));

        let unknown = read(&json!(H256::repeat_byte(9)), json!([]), Value::Null);
        assert_eq!(unknown[0]["event"], "storageError", "{unknown:?}");
        assert_eq!(fork.code("archive_v1_storage", json!([genesis, [{"key": "0x", "type": "all"}]])), -32602);
    });
}

#[test]
fn the_chain_spec_has_the_name_and_the_genesis_hash() {
    with_fork(|fork| {
        assert_eq!(fork.result("chainSpec_v1_chainName", json!([])), "test");
        let genesis = fork.result("chain_getBlockHash", json!([0]));
        fork.append(1);
        assert_eq!(fork.result("chainSpec_v1_genesisHash", json!([])), genesis);
        assert_eq!(fork.code("chainSpec_v1_properties", json!([])), -32000, "only a runtime knows them");
    });
}

#[test]
fn broadcasts_are_counted_and_stopped() {
    with_fork(|fork| {
        // The client is not told that the transaction is invalid.
        let first = fork.result("transaction_v1_broadcast", json!(["0x00"]));
        for _ in 1..16 {
            assert!(fork.result("transaction_v1_broadcast", json!(["0x00"])).is_string());
        }
        assert_eq!(fork.result("transaction_v1_broadcast", json!(["0x00"])), Value::Null, "one too many");
        assert_eq!(fork.result("transaction_v1_stop", json!([first])), Value::Null);
        assert_eq!(fork.code("transaction_v1_stop", json!([first])), -32602, "it is stopped already");
        assert!(fork.result("transaction_v1_broadcast", json!(["0x00"])).is_string());
        assert_eq!(fork.code("transaction_v1_broadcast", json!(["no hex"])), -32602);
    });
}

#[test]
fn an_invalid_transaction_is_reported_to_its_watcher() {
    with_fork(|fork| {
        let mut subscription = fork.subscribe("transactionWatch_v1_submitAndWatch", json!(["0x00"]));
        assert_eq!(fork.next(&mut subscription)["event"], "invalid");
        assert_eq!(fork.code("transactionWatch_v1_submitAndWatch", json!(["no hex"])), -32602);
        assert_eq!(fork.result("transactionWatch_v1_unwatch", json!([1])), false, "the subscription does not exist");
    });
}
