// SPDX-License-Identifier: Apache-2.0
//! What a dry run on a node costs as the state grows. A measurement, not a test of every day: run it with
//! `cargo nextest run -p cutover-tests --test large_states --run-ignored only --no-capture`.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "tests")]

use artifact::{Source, State, header::Header, trie};
use cutover_tests::{
    Runtime, Xtask, built,
    fork::{Answer, Fork, proxy},
    snapshot,
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The recorded snapshot with so many more accounts, under a header that names its root.
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
    state.block = Some(artifact::state::Block { number: header.number, hash: Header::hash(&encoded) });
    state.header = Some(encoded);
    let path = directory.join(format!("{count}.snapshot"));
    state.write(&path).expect("written");
    path
}

fn measure(url: &str, mode: &str, nodes: &Path) -> Value {
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    Xtask::new(["dry-run", "--json", "--runtime", &blob, "--state", url, "--state-mode", mode])
        .env("CUTOVER_NODES", nodes)
        .run()
        .expect_code(0)
        .json()
}

#[test]
#[ignore = "a measurement that takes minutes"]
fn the_cost_does_not_grow_with_the_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let nodes = directory.path().join("nodes");
    println!("accounts  latency  how         requests       bytes  seconds");
    for count in [10_000, 100_000, 1_000_000] {
        let path = with_accounts(count, directory.path());
        let fork = Fork::of(&path);
        // Once before, so that the compiled runtimes are there in each run.
        measure(fork.url(), "lazy", &nodes);
        for (latency, how) in [(0, "lazy"), (0, "lazy again"), (20, "lazy"), (100, "lazy"), (0, "full")] {
            if how != "lazy again" {
                let _ = std::fs::remove_dir_all(&nodes);
            }
            let url = proxy(&fork, move |_, _, answer| {
                std::thread::sleep(Duration::from_millis(latency));
                Answer::Pass(answer)
            });
            let report = measure(&url, how.split(' ').next().expect("a word"), &nodes);
            let [requests, bytes] = ["requests", "bytes"].map(|name| report["rpc"][name].to_string());
            println!(
                "{count:>8}  {latency:>7}  {how:<10}  {requests:>8}  {bytes:>10}  {:>7}",
                report["seconds"].to_string()
            );
        }
        std::fs::remove_file(path).expect("removed");
    }
}
