// SPDX-License-Identifier: Apache-2.0
//! Live state: upgrades are rehearsed on a served fork as on a node, also with network failures and
//! a dishonest node.

use cutover_tests::{
    Output, Runtime, Xtask, built,
    fork::{Answer, Fork, forward, proxy},
    snapshot,
};
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// Runs a dry run with an empty cache of trie nodes.
fn dry_run(state: &str, more: &[&str]) -> Output {
    let nodes = tempfile::tempdir().expect("a directory");
    dry_run_with_store(nodes.path(), state, more)
}

fn dry_run_with_store(nodes: &Path, state: &str, more: &[&str]) -> Output {
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let arguments = ["dry-run", "--json", "--blocks", "2", "--runtime", &blob, "--state", state];
    Xtask::new(arguments.iter().chain(more)).env("CUTOVER_NODES", nodes).run()
}

fn standalone() -> Fork {
    Fork::of(snapshot(Runtime::Standalone))
}

/// Returns the parts of a report that must not depend on the source of the state.
fn outcome(report: &Value) -> Value {
    let blocks: Vec<_> = report["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .map(|block| json!([block["number"], block["hash"], block["state_root"], block["proof_size"]]))
        .collect();
    let checks: Vec<_> = report["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|check| json!([check["name"], check["status"], check["detail"], check["findings"]]))
        .collect();
    json!([blocks, checks, report["storage_changes"], report["verdict"]])
}

#[test]
fn a_node_gives_the_same_verdict_and_the_same_blocks_as_the_whole_state() {
    let node = standalone();
    let whole = dry_run(&snapshot(Runtime::Standalone).display().to_string(), &[]).expect_code(0).json();
    assert_eq!((&whole["state"]["mode"], &whole["rpc"]["requests"]), (&json!("full"), &json!(0)));
    for more in [&[][..], &["--state-mode", "full"], &["--unverified"]] {
        let report = dry_run(node.url(), more).expect_code(0).json();
        let mode = if more.is_empty() { "lazy" } else { "full" };
        assert_eq!((&report["state"]["mode"], &report["state"]["verified"]), (&json!(mode), &json!(true)), "{more:?}");
        assert_eq!(report["state"]["entries"].is_null(), more.is_empty(), "nobody counted the entries of a lazy state");
        assert_eq!(report["state"]["finalized"], true);
        for name in ["block_hash", "number", "state_root"] {
            assert_eq!(report["state"][name], whole["state"][name], "{name}");
        }
        assert_eq!(outcome(&report), outcome(&whole), "{more:?}");
        assert!(report["rpc"]["requests"].as_u64() > Some(0) && report["rpc"]["bytes"].as_u64() > Some(0));
    }
    let by_number = node.call("chain_getHeader", json!([]))["number"].as_str().expect("a number").to_owned();
    let number = u32::from_str_radix(by_number.trim_start_matches("0x"), 16).expect("hex").to_string();
    dry_run(node.url(), &["--at", &number]).expect_code(0);
    let hash = whole["state"]["block_hash"].as_str().expect("a hash");
    dry_run(node.url(), &["--at", hash]).expect_code(0);
    dry_run(node.url(), &["--at", "4000000000"]).expect_code(4).mentions(&[node.url(), "4000000000"]);
}

#[test]
fn a_second_run_does_not_download_the_same_state_again() {
    let node = standalone();
    let nodes = tempfile::tempdir().expect("a directory");
    let first = dry_run_with_store(nodes.path(), node.url(), &[]).expect_code(0).json();
    let second = dry_run_with_store(nodes.path(), node.url(), &[]).expect_code(0).json();
    assert_eq!(outcome(&first), outcome(&second));
    assert!(second["rpc"]["requests"].as_u64() < Some(6), "only the header: {}", second["rpc"]);
    assert!(first["rpc"]["requests"].as_u64() > Some(6), "{}", first["rpc"]);
}

#[test]
fn invariants_need_a_whole_state_which_is_downloaded_if_there_is_a_store() {
    let node = standalone();
    let tested = built(Runtime::Standalone, &["try-runtime"]).display().to_string();
    let more = ["--try-runtime", tested.as_str()];
    let whole = dry_run(&snapshot(Runtime::Standalone).display().to_string(), &more).expect_code(0).json();

    let nodes = tempfile::tempdir().expect("a directory");
    let stored =
        dry_run_with_store(nodes.path(), node.url(), &more).expect_code(0).mentions(&["downloading the whole state"]);
    let stored = stored.json();
    assert_eq!(outcome(&stored), outcome(&whole));
    assert!(stored["rpc"]["requests"].as_u64() > Some(6), "what that took is counted: {}", stored["rpc"]);
    let out = nodes.path().join("snapshot").display().to_string();
    let taken =
        Xtask::new(["snapshot", "create", node.url(), "--out", &out, "--json"]).env("CUTOVER_NODES", nodes.path());
    assert_eq!(taken.run().expect_code(0).json()["fetched"], 0, "all of it is in the store");

    let file = tempfile::NamedTempFile::new().expect("a file where a directory is wanted");
    let alone =
        dry_run_with_store(file.path(), node.url(), &more).expect_code(0).mentions(&["a proof at a time"]).json();
    assert_eq!(outcome(&alone), outcome(&whole));
}

#[test]
fn the_facts_of_a_runtime_are_read_from_a_node() {
    let node = standalone();
    let facts = Xtask::new(["inspect", "--json", node.url()]).run().expect_code(0).json();
    let own = snapshot(Runtime::Standalone).display().to_string();
    let whole = Xtask::new(["inspect", "--json", &own]).run().expect_code(0).json();
    for name in ["spec_name", "spec_version", "blake2_256"] {
        assert_eq!(facts[name], whole[name], "{name}");
    }
}

#[test]
fn a_fork_builds_blocks_and_a_fork_of_it_builds_the_same() {
    let first = standalone();
    let second = Fork::of(first.url());
    assert_eq!(second.document["mode"], "lazy");
    let base = first.call("chain_getFinalizedHead", json!([]));
    let head = first.call("dev_newBlock", json!([{"count": 2}]));
    // The second fork has only parts of the state, but must build the same blocks.
    assert_eq!(second.call("dev_newBlock", json!([{"count": 2}])), head);
    assert_ne!(head, base);
    let header = first.call("chain_getHeader", json!([head]));
    assert_eq!(second.call("chain_getHeader", json!([])), header);
    // Clients request the header of the head's parent first. A fork of a node has it, but not the
    // block.
    let parent = json!([header["parentHash"]]);
    let third = Fork::of(first.url());
    let before_it = third.call("chain_getHeader", parent.clone());
    assert!(before_it.is_object(), "{before_it}");
    assert_eq!(before_it, first.call("chain_getHeader", parent));
    let block = first.call("chain_getBlock", json!([head]));
    assert_eq!(block["block"]["header"], header);
    assert!(block["block"]["extrinsics"].as_array().is_some_and(|list| !list.is_empty()), "inherents at least");

    // The archive's methods return the same.
    let body = first.call("archive_v1_body", json!([head]));
    assert_eq!(body, block["block"]["extrinsics"]);
    let number = first.call("archive_v1_finalizedHeight", json!([]));
    assert_eq!(first.call("archive_v1_hashByHeight", json!([number])), json!([head]));
    assert_eq!(first.call("archive_v1_genesisHash", json!([])), first.call("chain_getBlockHash", json!([0])));
    let called = first.call("archive_v1_call", json!([head, "Core_version", "0x"]));
    assert_eq!(called["success"], true, "{called}");
    assert_eq!(called["value"], first.call("state_call", json!(["Core_version", "0x", head])));
    let unknown = first.call("archive_v1_call", json!([head, "Core_nothing", "0x"]));
    assert_eq!(unknown["success"], false, "{unknown}");
    assert_eq!(first.call("chainSpec_v1_properties", json!([])), first.call("system_properties", json!([])));

    let now = "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb";
    let before = first.call("state_getStorage", json!([now]));
    let later = first.call("dev_timeTravel", json!([4_102_444_800_000u64]));
    assert_eq!(later, 4_102_444_800_000u64);
    assert_ne!(first.call("state_getStorage", json!([now])), before);
    assert_eq!(first.call("state_getStorage", json!([now, head])), before, "old heads stay readable");
    assert_eq!(first.call("dev_setHead", json!([head])), head);
    assert_eq!(first.call("state_getStorage", json!([now])), before);
    assert_eq!(first.call("dev_setHead", json!([-2])), base);
    let version = first.call("state_getRuntimeVersion", json!([]));
    assert_eq!(version["specName"], "cutover-standalone");
    assert!(first.call("state_getMetadata", json!([])).as_str().is_some_and(|text| text.starts_with("0x6d657461")));
    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    assert_eq!(first.call("system_accountNextIndex", json!([alice])), 0);
    assert!(first.ask("author_submitExtrinsic", json!(["0x0400"]))["error"].is_object(), "that is no extrinsic");
    assert_eq!(second.interrupt(), Some(0), "an interruption is how it is meant to end");
}

/// Changes one digit of one trie node in a proof.
fn alter(answer: Vec<u8>) -> Vec<u8> {
    let mut text = String::from_utf8(answer).expect("UTF-8");
    let end = text.rfind("\"]").expect("the end of the proof");
    let other = if &text[end - 1..end] == "0" { "1" } else { "0" };
    text.replace_range(end - 1..end, other);
    text.into_bytes()
}

fn is_proof(request: &str) -> bool {
    request.contains("state_getReadProof")
}

#[test]
fn an_altered_proof_is_detected_and_the_node_is_named() {
    let node = standalone();
    let url = proxy(&node, |_, request, answer| Answer::Pass(if is_proof(request) { alter(answer) } else { answer }));
    dry_run(&url, &[]).expect_code(4).mentions(&[&url, "does not prove its state"]);
}

#[test]
fn a_header_of_another_block_is_detected() {
    let node = standalone();
    let url = proxy(&node, |_, request, answer| {
        let mut document: Value = serde_json::from_slice(&answer).expect("JSON");
        if request.contains("chain_getHeader") {
            document["result"]["extrinsicsRoot"] = document["result"]["stateRoot"].clone();
        }
        Answer::Pass(document.to_string().into_bytes())
    });
    dry_run(&url, &[]).expect_code(4).mentions(&[&url, "another header"]);
}

#[test]
fn a_connection_that_always_breaks_ends_with_exit_3_in_time() {
    let node = standalone();
    let url = proxy(
        &node,
        |_, request, answer| if is_proof(request) { Answer::BreakOff(answer) } else { Answer::Pass(answer) },
    );
    built(Runtime::Standalone, &[]);
    let began = Instant::now();
    dry_run(&url, &[]).expect_code(3).mentions(&[&url]);
    assert!(began.elapsed() < Duration::from_secs(90), "{:?}", began.elapsed());
}

#[test]
fn truncated_responses_are_exit_4() {
    let node = standalone();
    let url = proxy(&node, |_, request, answer| {
        let length = if is_proof(request) { answer.len() / 2 } else { answer.len() };
        Answer::Pass(answer[..length].to_vec())
    });
    dry_run(&url, &[]).expect_code(4).mentions(&[&url]);
}

#[test]
fn occasional_network_failures_do_not_change_the_result() {
    let node = standalone();
    let url = proxy(&node, |number, request, answer| match (is_proof(request), number % 3) {
        (true, 0) => Answer::BreakOff(answer),
        (true, 1) => Answer::Status(429),
        _ => Answer::Pass(answer),
    });
    let report = dry_run(&url, &[]).expect_code(0).json();
    let whole = dry_run(&snapshot(Runtime::Standalone).display().to_string(), &[]).expect_code(0).json();
    assert_eq!(outcome(&report), outcome(&whole));
}

#[test]
fn a_node_without_proofs_is_reported_with_a_remedy() {
    let node = standalone();
    let url = proxy(&node, |_, request, answer| {
        let id = serde_json::from_str::<Value>(request).expect("JSON")["id"].clone();
        let refusal = json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "Method not found"}});
        Answer::Pass(if is_proof(request) { refusal.to_string().into_bytes() } else { answer })
    });
    dry_run(&url, &[]).expect_code(4).mentions(&[&url, "state_getReadProof", "--state-mode full", "--unverified"]);
    assert_eq!(dry_run(&url, &["--unverified"]).expect_code(0).json()["state"]["mode"], "full");
}

#[test]
fn a_rate_limited_request_is_retried() {
    let node = standalone();
    let refusals = ["Too many requests", "Rate limit exceeded", "server is busy, please try again"];
    let url = proxy(&node, move |number, request, answer| {
        let Some(refusal) = refusals.get(number % 4).filter(|_| is_proof(request)) else { return Answer::Pass(answer) };
        let id = serde_json::from_str::<Value>(request).expect("JSON")["id"].clone();
        let refused = json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32000, "message": refusal}});
        Answer::Pass(refused.to_string().into_bytes())
    });
    let report = dry_run(&url, &[]).expect_code(0).json();
    assert!(report["rpc"]["requests"].as_u64() > Some(0));
}

#[test]
fn a_pruned_state_is_reported_with_a_remedy() {
    let node = standalone();
    let url = proxy(&node, |_, request, answer| {
        if !is_proof(request) {
            return Answer::Pass(answer);
        }
        let id = serde_json::from_str::<Value>(request).expect("JSON")["id"].clone();
        let message = "Client error: UnknownBlock: State already discarded for 0x12";
        let refused = json!({"jsonrpc": "2.0", "id": id, "error": {"code": 4003, "message": message}});
        Answer::Pass(refused.to_string().into_bytes())
    });
    dry_run(&url, &[]).expect_code(4).mentions(&[&url, "State already discarded", "archive node"]);
}

/// Returns proofs of another fork, or of the same fork at another block.
fn answered_by(address: String, at: Value) -> impl Fn(usize, &str, Vec<u8>) -> Answer + Send + Sync {
    move |_, request, answer| {
        if !is_proof(request) {
            return Answer::Pass(answer);
        }
        let mut request: Value = serde_json::from_str(request).expect("JSON");
        request["params"][1] = at.clone();
        Answer::Pass(forward(&address, request.to_string().as_bytes()).expect("an answer"))
    }
}

#[test]
fn proofs_of_another_block_or_another_chain_are_detected() {
    let (node, foreign) = (standalone(), Fork::of(snapshot(Runtime::Parachain)));
    let before = node.document["block_hash"].clone();
    node.call("dev_newBlock", json!([{"count": 2}]));
    let stale = proxy(&node, answered_by(node.address().to_owned(), before));
    let of_another = proxy(&node, answered_by(foreign.address().to_owned(), Value::Null));
    for url in [stale, of_another] {
        dry_run(&url, &[]).expect_code(4).mentions(&[&url, "does not prove its state"]);
    }
}

/// Starts a proxy that changes the response to one method, for a download of the whole state.
fn altering_proxy(node: &Fork, method: &'static str, change: impl Fn(&mut Value) + Send + Sync + 'static) -> String {
    proxy(node, move |_, request, answer| {
        let mut document: Value = serde_json::from_slice(&answer).expect("JSON");
        if request.contains(method) {
            change(&mut document["result"]);
        }
        Answer::Pass(document.to_string().into_bytes())
    })
}

#[test]
fn an_altered_value_or_a_missing_key_of_a_whole_state_is_detected() {
    let node = standalone();
    let altered = altering_proxy(&node, "state_queryStorageAt", |result| {
        // The last byte of the shortest value.
        let changes = result[0]["changes"].as_array_mut().expect("changes");
        let shortest = changes.iter_mut().filter(|change| change[1].as_str().is_some_and(|value| value.len() > 2));
        let value = &mut shortest.min_by_key(|change| change[1].as_str().map(str::len)).expect("a value")[1];
        let mut text = value.as_str().expect("hex").to_owned();
        let other = if text.ends_with('0') { "1" } else { "0" };
        text.replace_range(text.len() - 1.., other);
        *value = json!(text);
    });
    let missing = altering_proxy(&node, "state_getKeysPaged", |result| {
        let keys = result.as_array_mut().expect("keys");
        // The key in the middle of the page.
        keys.remove(keys.len() / 2);
    });
    for url in [altered, missing] {
        let full = ["--state-mode", "full"];
        dry_run(&url, &full).expect_code(4).mentions(&[&url, "returned a wrong or incomplete state"]);
        let taken = dry_run(&url, &["--unverified"]);
        assert!(taken.stderr.contains("does not have the root of its block's header"), "{}", taken.stderr);
    }
}
