// SPDX-License-Identifier: Apache-2.0
//! The costs of a dry run on a node as the state grows. This is a measurement. Run it with
//! `bash .ci/ignored the_cost_of_a_whole_state`.

use cutover_tests::{
    Runtime, built,
    fork::{Answer, DelayedConnection, Fork, proxy},
    snapshot, with_peak,
};
use protocol::Source;
use serde_json::Value;
use source::ReadSource;
use state::{State, header::Header, trie};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Returns the recorded snapshot with `count` additional accounts and a matching header.
fn with_accounts(count: u32, directory: &Path) -> PathBuf {
    let mut state: State = Source::File(snapshot(Runtime::Standalone)).state().expect("the recorded snapshot");
    let accounts = hex::decode("26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9").expect("hex");
    // Nonce 0, one provider, a balance.
    let info = |index: u32| {
        [&[0; 8][..], &1u32.to_le_bytes(), &[0; 4], &(1_000_000_000_000 + u128::from(index)).to_le_bytes(), &[0; 48]]
            .concat()
    };
    state.top.extend((0..count).map(|index| {
        let account = artifact::hashes::blake2_256(&index.to_le_bytes());
        let key = [&accounts[..], &artifact::hashes::blake2_128(&account), &account].concat();
        (key, info(index))
    }));
    state.top.sort();
    assert!(state.children.is_empty(), "the root below is of the main trie alone");
    let root = trie::root(&state.top, state.state_version).expect("a root");
    let old = state.header.take().expect("a header");
    let mut header = Header::decode(&old).expect("a header");
    let digest = &old[header.encode(&[]).len()..];
    header.state_root = root;
    let encoded = header.encode(digest);
    state.state_root = Some(root);
    state.block = Some(state::Block { number: header.number, hash: Header::hash(&encoded) });
    state.header = Some(encoded);
    let path = directory.join(format!("{count}.snapshot"));
    state.write(&path).expect("written");
    path
}

/// Runs a dry run. Returns its report and the peak memory of its processes, in KiB.
fn dry_run(arguments: &[&str], nodes: &Path) -> (Value, u64) {
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let words = ["dry-run", "--json", "--runtime", &blob];
    with_peak(words.iter().chain(arguments), nodes)
}

/// Downloads the whole state. Returns the document and the peak memory of the processes, in KiB.
fn take(url: &str, at: &str, directory: &Path) -> (Value, u64) {
    let out = directory.join("taken.snapshot").display().to_string();
    with_peak(&["snapshot", "create", "--json", url, "--at", at, "--out", &out], &directory.join("nodes"))
}

#[test]
#[ignore = "a measurement that takes a quarter of an hour"]
fn the_cost_of_a_state_from_a_file() {
    for count in [100_000, 1_000_000, 10_000_000] {
        let directory = tempfile::tempdir().expect("a directory");
        let file = with_accounts(count, directory.path());
        let size = std::fs::metadata(&file).expect("written").len() >> 20;
        let arguments = ["--state", file.to_str().expect("UTF-8")];
        for which in ["first", "again"] {
            let (report, peak) = dry_run(&arguments, &directory.path().join("nodes"));
            assert_eq!(report["verdict"], "pass");
            println!("{count} accounts, {size} MiB: {which} {:.2} s, peak {} MiB", report["seconds"], peak >> 10);
        }
    }
}

#[test]
#[ignore = "a measurement that takes minutes"]
fn the_cost_of_a_whole_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let nodes = directory.path().join("nodes");
    println!("accounts  latency  what             requests       bytes   fetched  seconds  peak MiB");
    for count in [10_000, 100_000, 1_000_000] {
        let path = with_accounts(count, directory.path());
        let fork = Fork::of(&path);
        let head = fork.call("dev_newBlock", serde_json::json!([]));
        let base = fork.call("chain_getBlockHash", serde_json::json!([3]));
        let (head, base) = (head.as_str().expect("a hash"), base.as_str().expect("a hash"));
        for (latency, what) in [(20, "all"), (100, "all"), (0, "all"), (0, "the same again"), (0, "the next block")] {
            if what == "all" {
                let _ = std::fs::remove_dir_all(&nodes);
            }
            let url = proxy(&fork, move |_, _, answer| {
                std::thread::sleep(Duration::from_millis(latency));
                Answer::Pass(answer)
            });
            let at = if what == "the next block" { head } else { base };
            let (made, peak) = take(&url, at, directory.path());
            let [requests, bytes, fetched, seconds] =
                ["requests", "bytes", "fetched", "seconds"].map(|name| made[name].to_string());
            println!(
                "{count:>8}  {latency:>7}  {what:<15}  {requests:>8}  {bytes:>10}  {fetched:>8}  {seconds:>7}  {:>8}",
                peak / 1024
            );
        }
        std::fs::remove_file(path).expect("removed");
    }
}

/// The program of `tests/peers/remote-externalities`, built apart: `cargo build --release` there,
/// and its path in the variable.
const PEER: &str = "CUTOVER_PEER";

/// Downloads the whole state by try-runtime's library. Returns its document and the peak memory, in
/// KiB.
fn taken_by_peer(peer: &Path, url: &str, at: &str, directory: &Path) -> (Value, u64) {
    let (out, peak) = (directory.join("peer.snapshot"), directory.join("peer.peak"));
    let _ = std::fs::remove_file(&out);
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M", "-o"])
        .arg(&peak)
        .arg(peer)
        .args([url, at])
        .arg(&out)
        .output()
        .expect("the peer starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).expect("text");
    let told = told.lines().rev().find_map(|line| serde_json::from_str(line).ok()).expect("one document");
    let peak = std::fs::read_to_string(peak).expect("a figure");
    (told, peak.trim().parse().expect("a number"))
}

#[test]
#[ignore = "a measurement that takes an hour, and a program that is compiled for half of one"]
fn the_cost_beside_that_of_try_runtimes_library() {
    let peer = PathBuf::from(std::env::var_os(PEER).expect("CUTOVER_PEER: the built program of the peer"));
    let most: u32 = std::env::var("CUTOVER_MOST").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let directory = tempfile::tempdir().expect("a directory");
    let nodes = directory.path().join("nodes");
    println!("accounts  latency  who                        bytes  seconds  peak MiB");
    for count in [10_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= most) {
        let path = with_accounts(count, directory.path());
        let fork = Fork::of(&path);
        let base = fork.document["block_hash"].as_str().expect("a hash").to_owned();
        let root = fork.document["state_root"].clone();
        // A first run, so that every measured run uses cached compiled runtimes.
        dry_run(&["--state", fork.url(), "--state-mode", "lazy"], &nodes);
        for latency in [0, 20, 100] {
            let row = |who: &str, bytes: u64, seconds: &Value, peak: u64| {
                println!("{count:>8}  {latency:>7}  {who:<23}  {bytes:>11}  {seconds:>7}  {:>8}", peak / 1024);
            };
            let line = || DelayedConnection::to(&fork, Duration::from_millis(latency));
            let way = line();
            let (told, peak) = taken_by_peer(&peer, &format!("ws://{}", way.address), &base, directory.path());
            assert_eq!(told["state_root"], root, "it took the same state");
            row("remote-externalities", way.bytes(), &told["seconds"], peak);
            // The checks make no further requests, so their time does not depend on the latency.
            if latency == 0 {
                let taken = directory.path().join("peer.snapshot");
                let (report, peak) = dry_run(&["--state", taken.to_str().expect("UTF-8")], &nodes);
                row("dry-run on what it took", 0, &report["seconds"], peak);
            }

            let _ = std::fs::remove_dir_all(&nodes);
            let way = line();
            let (made, peak) = take(&format!("ws://{}", way.address), &base, directory.path());
            row("snapshot create", way.bytes(), &made["seconds"], peak);

            let _ = std::fs::remove_dir_all(&nodes);
            let way = line();
            let state = format!("ws://{}", way.address);
            let (report, peak) = dry_run(&["--state", &state, "--state-mode", "lazy"], &nodes);
            row("dry-run, lazy", way.bytes(), &report["seconds"], peak);
        }
        std::fs::remove_file(path).expect("removed");
    }
}
