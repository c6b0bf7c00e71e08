// SPDX-License-Identifier: Apache-2.0
//! Snapshots of live chains: complete, repeated, from dishonest nodes, and interrupted.

use cutover_tests::{
    Output, Runtime, Xtask,
    fork::{Answer, Fork, proxy},
    snapshot, worker,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A directory for the store and the file.
struct SnapshotDirectory(tempfile::TempDir);

impl SnapshotDirectory {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("state.snapshot")
    }

    fn command(&self, arguments: &[&str]) -> Xtask {
        Xtask::new(["snapshot", "--json"].iter().chain(arguments)).env("CUTOVER_NODES", self.0.path().join("store"))
    }

    fn try_create(&self, nodes: &[&str], more: &[&str]) -> Output {
        let file = self.file();
        let fixed = ["create", "--out", file.to_str().expect("UTF-8")];
        self.command(&[&fixed, nodes, more].concat()).run()
    }

    fn create(&self, nodes: &[&str]) -> Value {
        self.try_create(nodes, &[]).expect_code(0).json()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.file()).expect("the snapshot")
    }
}

fn ask(what: &str, file: &Path) -> Output {
    Xtask::new(["snapshot", what, "--json", file.to_str().expect("UTF-8")]).run()
}

fn standalone() -> Fork {
    Fork::of(snapshot(Runtime::Standalone))
}

fn is_proof(request: &str) -> bool {
    request.contains("ReadProof")
}

#[test]
fn a_snapshot_is_complete_and_a_later_one_downloads_only_changes() {
    let node = standalone();
    let place = SnapshotDirectory::new();
    let first = place.create(&[node.url()]);
    let recorded = ask("info", &snapshot(Runtime::Standalone)).expect_code(0).json();
    let taken = ask("verify", &place.file()).expect_code(0).json();
    for name in ["spec_name", "spec_version", "state_version", "state_root", "block_hash", "entries", "bytes"] {
        assert_eq!(taken[name], recorded[name], "{name}");
    }
    assert_eq!((&taken["verified"], &taken["complete"]), (&json!(true), &json!(true)));
    let count = |document: &Value, name: &str| document[name].as_u64().expect("a number");
    assert!(count(&first, "fetched") > count(&first, "entries"));

    let bytes = place.bytes();
    let again = place.create(&[node.url()]);
    assert_eq!((&again["fetched"], &again["bytes"]), (&json!(0), &json!(0)), "it is all here");
    assert_eq!(place.bytes(), bytes, "the same block, the same bytes");

    let head = node.call("dev_newBlock", json!([]));
    let later = place.try_create(&[node.url()], &["--at", head.as_str().expect("a hash")]).expect_code(0).json();
    assert_eq!(later["block_hash"], head);
    assert!(count(&later, "fetched") * 4 < count(&first, "fetched"), "{later}");
    ask("verify", &place.file()).expect_code(0);

    let format = ["--format", "try-runtime"];
    place.try_create(&[node.url()], &format).expect_code(0);
    let other = ask("verify", &place.file()).expect_code(0).json();
    assert_eq!(other["kind"], "try_runtime_snapshot");
    for name in ["spec_version", "entries", "bytes", "state_version"] {
        assert!(!other[name].is_null(), "{name}");
    }

    let pruned = place.command(&["prune"]).run().expect_code(0).json();
    assert!(count(&pruned, "freed") > 0);
    assert!(count(&place.create(&[node.url()]), "fetched") > 0, "nothing is left of it");
}

#[test]
fn child_tries_are_included() {
    let place = SnapshotDirectory::new();
    let mut state = state::State::read(&snapshot(Runtime::Standalone)).expect("a state");
    let entries = |count: u8| (0..count).map(|key| (vec![key, 7, key], vec![key; 50])).collect::<Vec<_>>();
    state.children = vec![(b"one".to_vec(), entries(40)), (b"two".to_vec(), entries(1))];
    // It is no longer the state of a block. A chain may start with it.
    (state.header, state.block, state.state_root) = (None, None, None);
    let origin = place.0.path().join("origin.snapshot");
    state.write(&origin).expect("written");
    let node = Fork::of(&origin);
    let made = place.create(&[node.url()]);
    assert_eq!((&made["child_tries"], &made["child_entries"]), (&json!(2), &json!(41)));
    ask("verify", &place.file()).expect_code(0);
    let taken = state::State::read(&place.file()).expect("read");
    assert_eq!((taken.top, taken.children), (state.top, state.children));
}

/// Changes one digit of one trie node in a proof.
fn alter(answer: Vec<u8>) -> Vec<u8> {
    let mut text = String::from_utf8(answer).expect("UTF-8");
    let end = text.rfind("\"]").expect("the end of the proof");
    let other = if &text[end - 1..end] == "0" { "1" } else { "0" };
    text.replace_range(end - 1..end, other);
    text.into_bytes()
}

#[test]
fn a_dishonest_node_is_named_and_dropped() {
    let node = standalone();
    let lied = Arc::new(OnceLock::new());
    let dishonest = proxy(&node, {
        let lied = lied.clone();
        move |_, request, answer| match is_proof(request) {
            true => {
                let _ = lied.set(());
                Answer::Pass(alter(answer))
            }
            false => Answer::Pass(answer),
        }
    });
    // The honest node is slow. Otherwise it might serve everything before the other one is used.
    let honest = proxy(&node, move |_, _, answer| {
        lied.wait();
        Answer::Pass(answer)
    });
    let place = SnapshotDirectory::new();
    let made = place.create(&[&dishonest, &honest]);
    let dropped = made["dropped"][0].as_str().expect("one was dropped");
    assert!(dropped.starts_with(&dishonest) && dropped.contains("does not prove"), "{dropped}");
    ask("verify", &place.file()).expect_code(0);

    let alone = SnapshotDirectory::new();
    alone.try_create(&[&dishonest], &[]).expect_code(4).mentions(&[&dishonest, "does not prove"]);
    assert!(!alone.file().exists(), "nothing that looks whole");
}

#[test]
fn keys_missing_in_the_pages_of_a_node_are_found_in_the_trie() {
    // Keys are only hints for requests. Keys that a page lacks are found in the trie.
    let node = standalone();
    let hiding = proxy(&node, |_, request, answer| {
        let mut document: Value = serde_json::from_slice(&answer).expect("JSON");
        if request.contains("getKeysPaged")
            && let Some(keys) = document["result"].as_array_mut()
        {
            let mut index = 0;
            keys.retain(|_| {
                index += 1;
                index % 3 != 0
            });
        }
        Answer::Pass(document.to_string().into_bytes())
    });
    let (honest, other) = (SnapshotDirectory::new(), SnapshotDirectory::new());
    honest.create(&[node.url()]);
    other.create(&[&hiding]);
    assert_eq!(honest.bytes(), other.bytes());
}

#[test]
fn nodes_at_different_heights_and_unreachable_nodes_are_named() {
    let (ahead, behind) = (standalone(), standalone());
    let head = ahead.call("dev_newBlock", json!([]));
    let head = head.as_str().expect("a hash");
    let place = SnapshotDirectory::new();
    let made = place.try_create(&[behind.url(), ahead.url()], &["--at", head]).expect_code(0).json();
    let dropped = made["dropped"][0].as_str().expect("one does not know the block");
    assert!(dropped.starts_with(behind.url()), "{dropped}");

    let other = SnapshotDirectory::new();
    let made = other.create(&["ws://127.0.0.1:9", ahead.url()]);
    assert!(made["dropped"][0].as_str().is_some_and(|why| why.starts_with("ws://127.0.0.1:9: ")), "{made}");
    other.try_create(&["ws://127.0.0.1:9"], &[]).expect_code(3).mentions(&["ws://127.0.0.1:9"]);
}

#[test]
fn occasional_network_failures_do_not_change_the_result() {
    let node = standalone();
    let flaky = proxy(&node, |number, request, answer| match (is_proof(request), number % 5) {
        (true, 0) => Answer::BreakOff(answer),
        (true, 2) => Answer::Status(429),
        _ => Answer::Pass(answer),
    });
    let (calm, rough) = (SnapshotDirectory::new(), SnapshotDirectory::new());
    calm.create(&[node.url()]);
    rough.create(&[&flaky]);
    assert_eq!(calm.bytes(), rough.bytes());
}

#[test]
fn a_killed_download_continues_where_it_stopped() {
    let node = standalone();
    let slow = proxy(&node, |_, _, answer| {
        std::thread::sleep(Duration::from_millis(15));
        Answer::Pass(answer)
    });
    let (whole, killed) = (SnapshotDirectory::new(), SnapshotDirectory::new());
    whole.create(&[node.url()]);
    let file = killed.file();
    let mut finished = 0;
    let store = killed.0.path().join("store");
    let request = json!({"command": "snapshot", "nodes": [&slow], "store": store, "out": file}).to_string();
    for round in 0..50u64 {
        // The worker itself is killed. A killed `cargo xtask` would end its worker properly.
        let mut child = worker("cutover-serve");
        let child = child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = child.spawn().expect("the worker");
        child.stdin.take().expect("piped").write_all(request.as_bytes()).expect("asked");
        std::thread::sleep(Duration::from_millis(40 + round * 67 % 601));
        child.kill().expect("killed");
        child.wait().expect("ended");
        // The file is either missing or complete.
        if file.exists() {
            assert_eq!(killed.bytes(), whole.bytes(), "round {round}");
            finished += 1;
            fs::remove_file(&file).expect("removed");
            // Start again, so that there is always a download to interrupt.
            fs::remove_dir_all(&store).expect("removed");
        }
    }
    assert!(finished < 50, "some were killed before they were done");
    killed.create(&[&slow]);
    assert_eq!(killed.bytes(), whole.bytes());
    let beside = fs::read_dir(killed.0.path())
        .expect("listed")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(".partial-"));
    assert!(beside.count() <= 50, "a kill may leave what nobody takes for a snapshot");
}

#[test]
fn invalid_nodes_and_states_are_refused() {
    let place = SnapshotDirectory::new();
    place.try_create(&["Cargo.toml"], &[]).expect_code(2).mentions(&["Cargo.toml", "ws://"]);
    place.try_create(&["no-such-network"], &[]).expect_code(2).mentions(&["no-such-network"]);
    ask("verify", Path::new("Cargo.toml")).expect_code(4).mentions(&["Cargo.toml"]);
    let mut altered = fs::read(snapshot(Runtime::Standalone)).expect("read");
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    fs::write(place.file(), altered).expect("written");
    // `verify` gives a verdict. `info` needs a valid state.
    ask("verify", &place.file()).expect_code(1).mentions(&["changed after it was written"]);
    ask("info", &place.file()).expect_code(4);
    let whole = fs::read(snapshot(Runtime::Standalone)).expect("read");
    fs::write(place.file(), &whole[..whole.len() / 2]).expect("written");
    ask("verify", &place.file()).expect_code(1).mentions(&["cut short"]);
    // A complete file with an incomplete state.
    let mut state = state::State::read(&snapshot(Runtime::Standalone)).expect("a state");
    state.top.pop();
    state.write(&place.file()).expect("written");
    let found = ask("verify", &place.file()).expect_code(1).json();
    assert_eq!(found["verified"], false);
}
