// SPDX-License-Identifier: Apache-2.0
//! Keys in the URLs of nodes: no output, log or file may contain them.

use cutover_tests::{Runtime, Xtask, built, fork::Fork, snapshot, workspace_with_network};
use std::path::Path;

const TOKEN: &str = "tok3n0f4ccount1234567890";

/// Returns a fork's URL with keys as providers use them: before the host, in the path and in the
/// query.
fn with_token(url: &str) -> [String; 3] {
    let (scheme, host) = url.split_once("://").expect("an address");
    [
        format!("{scheme}://{host}/{TOKEN}"),
        format!("http://{host}/?apikey={TOKEN}"),
        format!("http://user:{TOKEN}@{host}/"),
    ]
}

/// Asserts that no file in a directory contains the token, including logs, caches and evidence.
fn expect_no_token_in(directory: &Path) {
    let mut directories = vec![directory.to_path_buf()];
    let mut files = 0;
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("listed").flatten() {
            let path = entry.path();
            assert!(!entry.file_name().to_string_lossy().contains(TOKEN), "{}", path.display());
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(content) = std::fs::read(&path) {
                files += 1;
                let found = content.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
                assert!(!found, "{} holds the key", path.display());
            }
        }
    }
    assert!(files > 0, "something was written");
}

/// Runs the command with an empty cache. Asserts that its output and files contain the host, but
/// not the key.
fn expect_no_token_after(place: &Path, arguments: &[&str], code: i32) {
    let cache = place.join("cache");
    let output = Xtask::new(arguments).env("CUTOVER_CACHE", &cache).env("CUTOVER_NODES", cache.join("nodes")).run();
    let output = output.expect_code(code);
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(TOKEN), "{arguments:?}:\n{text}");
    }
    expect_no_token_in(place);
}

#[test]
fn a_key_in_a_url_is_never_written() {
    let node = Fork::of(snapshot(Runtime::Standalone));
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let place = tempfile::tempdir().expect("a directory");
    let at = |name: &str| place.path().join(name).display().to_string();
    for address in &with_token(node.url()) {
        let address = address.as_str();
        let both = format!("{address},{address}");
        let commands: [(&[&str], i32); 8] = [
            (&["inspect", address], 0),
            (&["inspect", "--json", &both], 0),
            (&["diff", "--json", "--parameters", address, address], 0),
            (&["diff", "--parameters", address, &blob], 0),
            (&["dry-run", "--blocks", "1", "--runtime", &blob, "--state", address, "--out", &at("report.json")], 0),
            // The chain is not a counterparty, and the error names it.
            (&["dry-run", "--blocks", "1", "--runtime", &blob, "--state", address, "--with", address], 4),
            (&["snapshot", "create", address, "--out", &at("state.snapshot")], 0),
            (&["propose", "upgrade", "--runtime", &blob, "--target", address, "--out", &at("calls")], 0),
        ];
        for (arguments, code) in commands {
            expect_no_token_after(place.path(), arguments, code);
        }
    }
}

#[test]
fn errors_do_not_contain_a_key() {
    let node = Fork::of(snapshot(Runtime::Standalone));
    let place = tempfile::tempdir().expect("a directory");
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let fine = format!("{}/{TOKEN}", node.url());
    let gone = format!("ws://127.0.0.1:9/{TOKEN}?key={TOKEN}");
    let gone_over_http = format!("http://{TOKEN}@127.0.0.1:9/{TOKEN}");
    let unknown_scheme = format!("ftp://host/{TOKEN}");
    let no_scheme = format!("wss:/host/{TOKEN}");
    let no_port = format!("wss://host:port/{TOKEN}");
    let unknown = format!("0x{}", "12".repeat(32));
    for (arguments, code) in [
        (&["inspect", gone.as_str()][..], 3),
        (&["inspect", gone_over_http.as_str()], 3),
        (&["inspect", unknown_scheme.as_str()], 2),
        (&["diff", no_scheme.as_str(), blob.as_str()], 2),
        (&["dry-run", "--runtime", blob.as_str(), "--state", no_port.as_str()], 2),
        (&["dry-run", "--runtime", blob.as_str(), "--state", fine.as_str(), "--at", "4000000000"], 4),
        (&["dry-run", "block", "yesterday", "--state", fine.as_str()], 2),
        (&["fork", gone.as_str()], 3),
        (&["fork", fine.as_str(), "--at", "4000000000"], 4),
        (&["snapshot", "create", gone.as_str(), "--out", unknown.as_str()], 3),
        // An error about the command line quotes the argument.
        (&["inspect", fine.as_str(), fine.as_str()], 2),
    ] {
        expect_no_token_after(place.path(), arguments, code);
    }
}

#[test]
fn a_key_in_the_url_of_a_network_is_never_written() {
    let node = Fork::of(snapshot(Runtime::Standalone));
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let place = tempfile::tempdir().expect("a directory");
    let report = place.path().join("report.json").display().to_string();
    for address in &with_token(node.url()) {
        // The first node is unreachable.
        let nodes = format!("[\"ws://127.0.0.1:1/{TOKEN}\", \"{address}\"]");
        let workspace = workspace_with_network("here/chain", &nodes);
        let workspace = workspace.path().display().to_string();
        let within = ["--workspace", &workspace];
        let dry_run = ["dry-run", "--blocks", "1", "--runtime", &blob, "--state", "here/chain", "--out", &report];
        expect_no_token_after(place.path(), &[&within[..], &["inspect", "here/chain"]].concat(), 0);
        expect_no_token_after(place.path(), &[&within[..], &dry_run].concat(), 0);
    }
    let nobody = workspace_with_network("here/chain", &format!("[\"ws://127.0.0.1:1/{TOKEN}\"]"));
    let workspace = nobody.path().display().to_string();
    expect_no_token_after(place.path(), &["--workspace", &workspace, "inspect", "here/chain"], 3);
}

/// The blob is from the shared cache, because a build takes minutes. The files of the upgrade are
/// searched.
#[test]
fn a_key_in_the_url_of_a_state_is_not_in_the_bundle() {
    let node = Fork::of(snapshot(Runtime::Standalone));
    built(Runtime::Standalone, &[]);
    let place = tempfile::tempdir().expect("a directory");
    let bundle = place.path().join("bundle").display().to_string();
    let [_, address, _] = with_token(node.url());
    let output = Xtask::new(["upgrade", "--state", &address, "--out", &bundle]).run().expect_code(0);
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(TOKEN), "{text}");
    }
    expect_no_token_in(place.path());
}
