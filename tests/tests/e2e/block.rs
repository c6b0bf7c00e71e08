// SPDX-License-Identifier: Apache-2.0
//! Execution of live blocks: valid blocks of a served fork, and blocks that a proxy altered.

use codec::{Compact, Encode};
use cutover_tests::{
    Output, Runtime, Xtask, built,
    faults::{Action, Condition, Faults},
    fork::{Answer, Fork, proxy},
    incident::item,
    patch, snapshot,
    transaction::{self, Signer},
};
use serde_json::{Value, json};
use state::header::Header;

const AMOUNT: u128 = 1_000_000_000_000;

fn replay(url: &str, block: &str, more: &[&str]) -> Output {
    let nodes = tempfile::tempdir().expect("a directory");
    let arguments = ["dry-run", "block", block, "--json", "--state", url];
    Xtask::new(arguments.iter().chain(more)).env("CUTOVER_NODES", nodes.path()).run()
}

/// Starts a fork whose last block has a transfer, and one that exceeds the balance. Returns the
/// block's hash, too.
fn with_transfers(runtime: Runtime) -> (Fork, String) {
    let node = Fork::manual(snapshot(runtime));
    let bob = hex::decode(transaction::BOB).expect("hex").try_into().expect("an account");
    for (nonce, amount) in [(0, AMOUNT), (1, u128::MAX / 2)] {
        let transfer = transaction::transfer(&node, &Signer::alice(), nonce, bob, amount);
        node.call("author_submitExtrinsic", json!([transfer]));
    }
    let head = node.call("dev_newBlock", json!([]));
    (node, head.as_str().expect("a hash").to_owned())
}

fn extrinsics(report: &Value) -> Vec<String> {
    let listed = report["extrinsics"].as_array().expect("extrinsics");
    let told = |extrinsic: &Value, name: &str| extrinsic[name].as_str().expect("text").to_owned();
    listed.iter().map(|extrinsic| format!("{}: {}", told(extrinsic, "call"), told(extrinsic, "outcome"))).collect()
}

#[test]
fn blocks_of_a_fork_are_valid_and_their_failed_extrinsics_are_reported() {
    let (node, head) = with_transfers(Runtime::Standalone);
    let report = replay(node.url(), &head, &[]).expect_code(0).json();
    assert_eq!((&report["format"], &report["verdict"]), (&json!("cutover/block/v1"), &json!("pass")));
    let header = node.call("chain_getHeader", json!([head]));
    for (name, told) in
        [("hash", &json!(head)), ("state_root", &header["stateRoot"]), ("parent_hash", &header["parentHash"])]
    {
        assert_eq!(&report["block"][name], told, "{name}");
    }
    let executed = &report["executed"];
    assert_eq!((&executed["holds"], &executed["differences"]), (&json!(true), &json!([])));
    for name in ["ref_time", "proof_size", "compact_proof_size", "declared_proof_size"] {
        assert!(executed[name].as_u64() > Some(0), "{name}: {executed}");
    }
    assert_eq!((&report["state"]["mode"], &report["state"]["verified"]), (&json!("lazy"), &json!(true)));
    assert_eq!(report["state"]["block_hash"], header["parentHash"], "the state is the parent's");
    assert_eq!(
        extrinsics(&report),
        [
            "Timestamp.set: success",
            "Balances.transfer_keep_alive: success",
            "Balances.transfer_keep_alive: failed: Arithmetic(Underflow)"
        ]
    );
    assert_eq!(report["extrinsics"][0]["inherent"], true);
    let failed = json!([{
        "phase": "ApplyExtrinsic",
        "extrinsic": 2,
        "event": "System.ExtrinsicFailed",
        "error": "Arithmetic(Underflow)",
    }]);
    assert_eq!(report["failed_dispatches"], failed);

    let number = report["block"]["number"].to_string();
    assert_eq!(replay(node.url(), &number, &[]).expect_code(0).json()["block"], report["block"]);
    assert_eq!(replay(node.url(), "finalized", &[]).expect_code(0).json()["block"], report["block"]);
    let shown = Xtask::new(["dry-run", "block", &head, "--state", node.url()]).run().expect_code(0).stdout;
    assert!(shown.contains("matches the executed block") && shown.contains("Arithmetic(Underflow)"), "{shown}");
}

#[test]
fn a_block_of_a_parachain_is_valid() {
    let (node, head) = with_transfers(Runtime::Parachain);
    let report = replay(node.url(), &head, &[]).expect_code(0).json();
    assert!(extrinsics(&report).contains(&"ParachainSystem.set_validation_data: success".to_owned()), "{report}");
}

#[test]
fn another_runtime_executes_the_block_and_differences_are_reported() {
    let (node, head) = with_transfers(Runtime::Standalone);
    let blob = built(Runtime::Standalone, &[]);
    let report = replay(node.url(), &head, &["--runtime", &blob.display().to_string()]).expect_code(0).json();
    let other = &report["other"];
    // The signatures are for another spec_version, and are accepted nevertheless.
    assert_eq!((&other["transactions"], &other["changed"], &other["failure"]), (&json!(2), &json!([]), &Value::Null));
    assert!(other["migration_blocks"].as_u64() > Some(1), "its migrations ran: {other}");
    assert_ne!(other["runtime"]["spec_version"], report["runtime"]["spec_version"]);

    // A runtime that rejects every transaction with `InvalidTransaction::Call` once the time is
    // set.
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("refuses.wasm");
    let did_update = item("Timestamp", "DidUpdate");
    let refusal = Action::Answer(vec![1, 0, 0]);
    let refusing = Faults::new().step("BlockBuilder_apply_extrinsic", vec![Condition::Has(did_update)], refusal);
    let wasm = refusing.apply(&patch::wasm(&std::fs::read(&blob).expect("the blob")));
    std::fs::write(&path, patch::deployed(&wasm)).expect("written");
    let report = replay(node.url(), &head, &["--runtime", &path.display().to_string()]).expect_code(1).json();
    assert_eq!(report["executed"]["holds"], true, "{report:#}");
    let changed = json!([
        {
            "index": 1,
            "call": "Balances.transfer_keep_alive",
            "before": "success",
            "after": "refused: Invalid(Call)",
        },
        {
            "index": 2,
            "call": "Balances.transfer_keep_alive",
            "before": "failed: Arithmetic(Underflow)",
            "after": "refused: Invalid(Call)",
        },
    ]);
    assert_eq!(report["other"]["changed"], changed);
}

#[test]
fn an_ecdsa_signature_is_valid_for_the_other_runtime_too() {
    let node = Fork::manual(snapshot(Runtime::Standalone));
    let (alice, other) = (Signer::alice(), Signer::with_ecdsa());
    let blocks = [(&alice, &other, 3 * AMOUNT), (&other, &alice, AMOUNT)].map(|(from, to, amount)| {
        let transfer = transaction::transfer(&node, from, 0, to.account(), amount);
        node.call("author_submitExtrinsic", json!([transfer]));
        node.call("dev_newBlock", json!([]))
    });
    let head = blocks[1].as_str().expect("a hash");
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let report = replay(node.url(), head, &["--runtime", &blob]).expect_code(0).json();
    assert_eq!(extrinsics(&report), ["Timestamp.set: success", "Balances.transfer_keep_alive: success"]);
    let other = &report["other"];
    assert_eq!((&other["transactions"], &other["changed"], &other["failure"]), (&json!(1), &json!([]), &Value::Null));
}

/// Starts a proxy that changes the response to one method. Returns its URL.
fn altering_proxy(node: &Fork, method: &'static str, change: impl Fn(&mut Value) + Send + Sync + 'static) -> String {
    proxy(node, move |_, request, answer| {
        let mut document: Value = serde_json::from_slice(&answer).expect("JSON");
        if request.contains(&format!("\"{method}\"")) {
            change(&mut document);
        }
        Answer::Pass(document.to_string().into_bytes())
    })
}

#[test]
fn a_node_with_a_wrong_block_is_named() {
    let (node, head) = with_transfers(Runtime::Standalone);
    let altered = altering_proxy(&node, "chain_getBlock", |document| {
        let extrinsic = &mut document["result"]["block"]["extrinsics"][1];
        let mut text = extrinsic.as_str().expect("hex").to_owned();
        let other = if text.ends_with('0') { "1" } else { "0" };
        text.replace_range(text.len() - 1.., other);
        *extrinsic = json!(text);
    });
    replay(&altered, &head, &[]).expect_code(4).mentions(&[&altered, "extrinsics that are not those of block"]);
    let left_out = altering_proxy(&node, "chain_getBlock", |document| {
        document["result"]["block"]["extrinsics"].as_array_mut().expect("a list").pop();
    });
    replay(&left_out, &head, &[]).expect_code(4).mentions(&[&left_out, "extrinsics that are not those of block"]);
    let header = altering_proxy(&node, "chain_getBlock", |document| {
        document["result"]["block"]["header"]["stateRoot"] =
            document["result"]["block"]["header"]["parentHash"].clone();
    });
    replay(&header, &head, &[]).expect_code(4).mentions(&[&header, "another block than requested", &head]);
    let header = altering_proxy(&node, "chain_getHeader", |document| {
        document["result"]["extrinsicsRoot"] = document["result"]["stateRoot"].clone();
    });
    replay(&header, &head, &[]).expect_code(4).mentions(&[&header, "another header"]);
    let proof = altering_proxy(&node, "state_getReadProof", |document| {
        let nodes = document["result"]["proof"].as_array_mut().expect("nodes");
        for node in nodes {
            *node = json!(format!("{}00", node.as_str().expect("hex")));
        }
    });
    replay(&proof, &head, &[]).expect_code(4).mentions(&[&proof, "does not prove its state"]);
}

#[test]
fn data_missing_on_a_node_is_reported_as_missing() {
    let (node, head) = with_transfers(Runtime::Standalone);
    replay(node.url(), "4000000000", &[]).expect_code(4).mentions(&[node.url(), "no block 4000000000"]);
    let unknown = format!("0x{}", "12".repeat(32));
    replay(node.url(), &unknown, &[]).expect_code(4).mentions(&[node.url(), &unknown]);
    replay(node.url(), "yesterday", &[]).expect_code(2).mentions(&["yesterday", "a number, a hash or `finalized`"]);
    // The snapshot does not contain the extrinsics of the fork's first block.
    let base = node.document["block_hash"].as_str().expect("a hash");
    replay(node.url(), base, &[]).expect_code(4).mentions(&[node.url(), "chain_getBlock"]);
    let file = snapshot(Runtime::Standalone).display().to_string();
    replay(&file, &head, &[]).expect_code(2).mentions(&["is no node", "ws://"]);

    let bodiless = altering_proxy(&node, "chain_getBlock", |document| document["result"] = Value::Null);
    replay(&bodiless, &head, &[]).expect_code(4).mentions(&[&bodiless, "not its extrinsics", "--blocks-pruning"]);
    let pruned = altering_proxy(&node, "state_getReadProof", |document| {
        let message = "Client error: UnknownBlock: State already discarded for 0x12";
        document["error"] = json!({"code": 4003, "message": message});
        document.as_object_mut().expect("an object").remove("result");
    });
    replay(&pruned, &head, &[]).expect_code(4).mentions(&[&pruned, "State already discarded", "archive node"]);
}

/// Starts a proxy that serves the node's last block with an altered header. Returns its URL and the
/// new hash.
fn with_altered_header(node: &Fork, head: &str, alter: impl FnOnce(&mut Value)) -> (String, String) {
    let mut answer = node.call("chain_getBlock", json!([head]));
    alter(&mut answer["block"]["header"]);
    let header = answer["block"]["header"].clone();
    let hash = format!("0x{}", hex::encode(Header::hash(&encoded(&header))));
    let named = hash.clone();
    let url = proxy(node, move |_, request, passed| {
        let request: Value = serde_json::from_str(request).expect("JSON");
        let result = match request["method"].as_str() {
            _ if request["params"][0] != json!(named) => return Answer::Pass(passed),
            Some("chain_getHeader") => &header,
            Some("chain_getBlock") => &answer,
            _ => return Answer::Pass(passed),
        };
        Answer::Pass(json!({"jsonrpc": "2.0", "id": request["id"], "result": result}).to_string().into_bytes())
    });
    (url, hash)
}

fn encoded(header: &Value) -> Vec<u8> {
    let bytes = |text: &Value| hex::decode(&text.as_str().expect("hex")[2..]).expect("hex");
    let fixed = |name: &str| -> [u8; 32] { bytes(&header[name]).try_into().expect("a hash") };
    let number = u64::from_str_radix(&header["number"].as_str().expect("a number")[2..], 16).expect("hex");
    let logs: Vec<_> = header["digest"]["logs"].as_array().expect("a list").iter().map(bytes).collect();
    let digest = [Compact(logs.len() as u32).encode(), logs.concat()].concat();
    let [parent_hash, state_root, extrinsics_root] = ["parentHash", "stateRoot", "extrinsicsRoot"].map(fixed);
    Header { parent_hash, number, state_root, extrinsics_root }.encode(&digest)
}

fn with_log(header: &mut Value, log: Vec<u8>) {
    header["digest"]["logs"].as_array_mut().expect("a list").push(json!(format!("0x{}", hex::encode(log))));
}

#[test]
fn a_block_with_a_wrong_state_root_fails_and_the_computed_root_is_reported() {
    let (node, head) = with_transfers(Runtime::Standalone);
    let true_root = node.call("chain_getHeader", json!([head]))["stateRoot"].clone();
    let wrong = json!(format!("0x{}", "99".repeat(32)));
    let (url, hash) = with_altered_header(&node, &head, |header| header["stateRoot"] = wrong.clone());
    let report = replay(&url, &hash, &[]).expect_code(1).json();
    assert_eq!((&report["verdict"], &report["executed"]["holds"]), (&json!("fail"), &json!(false)));
    let differences = json!([{"what": "state root", "header": wrong, "computed": true_root}]);
    assert_eq!(report["executed"]["differences"], differences);

    // A log item that nothing in the block deposits.
    let (url, hash) =
        with_altered_header(&node, &head, |header| with_log(header, [&[4][..], b"test", &[4, 7]].concat()));
    let report = replay(&url, &hash, &[]).expect_code(1).json();
    let differences = report["executed"]["differences"].as_array().expect("a list");
    assert!(differences.iter().any(|found| found["what"] == "digest"), "{report:#}");
}

#[test]
fn the_seal_is_removed_before_a_block_is_executed() {
    let (node, head) = with_transfers(Runtime::Standalone);
    let seal = [&[5][..], b"aura", &vec![7u8; 64].encode()].concat();
    let (url, hash) = with_altered_header(&node, &head, |header| with_log(header, seal));
    let report = replay(&url, &hash, &[]).expect_code(0).json();
    assert_eq!((&report["block"]["hash"], &report["block"]["sealed"]), (&json!(hash), &json!(true)));
    assert_eq!(replay(node.url(), &head, &[]).expect_code(0).json()["block"]["sealed"], false);
}
