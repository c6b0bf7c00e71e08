// SPDX-License-Identifier: Apache-2.0
//! Invalid files and paths: each gives an error that names it and the right exit code, without a
//! panic.

use cutover_tests::{Runtime, Xtask, built, patch, snapshot};
use std::{
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }
}

fn inspect(path: &Path) -> cutover_tests::Output {
    Xtask::new(["inspect".as_ref(), path.as_os_str()]).run()
}

fn dry_run(runtime: &Path, state: &Path) -> cutover_tests::Output {
    let mut arguments = vec!["dry-run", "--json", "--runtime"];
    let (runtime, state) = (runtime.display().to_string(), state.display().to_string());
    arguments.extend([runtime.as_str(), "--state", state.as_str()]);
    Xtask::new(arguments).run()
}

fn status(report: &serde_json::Value, check: &str) -> String {
    report["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .find(|found| found["name"] == check)
        .and_then(|found| found["status"].as_str())
        .expect("the check is there")
        .to_string()
}

#[test]
fn files_that_are_not_runtimes_are_named_with_the_expected_form() {
    let files = Files::new();
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
    let magic = [0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05];
    let truncated = [&magic[..], &zstd[..6]].concat();
    for (name, content) in [
        ("empty.wasm", &b""[..]),
        ("text.wasm", b"hello, this is no blob at all"),
        ("zstd-without-magic.wasm", &zstd),
        ("truncated.wasm", &truncated),
        ("cut.wasm", b"\0asm\x01\0\0\0\x01"),
    ] {
        let path = files.file(name, content);
        inspect(&path).expect_code(4).mentions(&["error:", name, "expected"]);
    }
    inspect(Path::new("not-there.wasm")).expect_code(4).mentions(&["not-there.wasm"]);
}

#[test]
fn a_blob_that_decompresses_past_the_limit_is_refused() {
    let files = Files::new();
    let bomb = artifact::blob::compress(&vec![0; 49 << 20]).expect("compressed");
    // Two frames that together exceed the 50 MiB that nodes accept.
    let bomb = [&bomb[..], &bomb[8..]].concat();
    let path = files.file("bomb.wasm", &bomb);
    inspect(&path).expect_code(4).mentions(&["bomb.wasm"]);
}

#[test]
fn chain_specs_without_state_are_named() {
    let files = Files::new();
    let plain = files.file("plain.json", br#"{"name":"x","id":"x","genesis":{"runtimeGenesis":{"patch":{}}}}"#);
    inspect(&plain).expect_code(4).mentions(&["plain.json", "raw"]);
    let light = files
        .file("light.json", br#"{"name":"x","id":"x","genesis":{"raw":{"top":{"0x00":"0x00"},"childrenDefault":{}}}}"#);
    inspect(&light).expect_code(4).mentions(&["light.json", ":code"]);
    let broken = files.file("broken.json", br#"{"name":"x","genesis":{"raw":"#);
    inspect(&broken).expect_code(4).mentions(&["broken.json"]);
}

#[test]
fn a_truncated_or_altered_snapshot_is_refused() {
    let files = Files::new();
    let whole = std::fs::read(snapshot(Runtime::Standalone)).expect("the recorded snapshot");
    let cut = files.file("cut.snapshot", &whole[..whole.len() / 2]);
    inspect(&cut).expect_code(4).mentions(&["cut.snapshot"]);
    let mut altered = whole.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    let altered = files.file("altered.snapshot", &altered);
    inspect(&altered).expect_code(4).mentions(&["altered.snapshot"]);
    let mut newer = whole;
    newer[8] = newer[8].wrapping_add(40);
    let newer = files.file("newer.snapshot", &newer);
    inspect(&newer).expect_code(4).mentions(&["newer.snapshot"]);
}

#[test]
fn a_runtime_of_another_chain_fails_by_its_name() {
    let blob = built(Runtime::Parachain, &[]);
    let output = dry_run(&blob, &snapshot(Runtime::Standalone)).expect_code(1);
    let report = output.json();
    assert_eq!(status(&report, "versions"), "fail");
    assert_eq!(status(&report, "enactment"), "fail");
}

#[test]
fn a_version_that_does_not_increase_fails_by_its_name() {
    let files = Files::new();
    let wasm = patch::wasm(&std::fs::read(built(Runtime::Standalone, &[])).expect("the blob"));
    let blob = files.file("same-version.wasm", &patch::deployed(&patch::spec_version(&wasm, 1)));
    let report = dry_run(&blob, &snapshot(Runtime::Standalone)).expect_code(1).json();
    assert_eq!(status(&report, "versions"), "fail");
    assert_eq!(status(&report, "enactment"), "fail", "the chain itself refuses it");
}

#[test]
fn a_blob_without_a_version_section_is_executed_for_its_version() {
    let files = Files::new();
    let wasm = patch::wasm(&std::fs::read(built(Runtime::Standalone, &[])).expect("the blob"));
    let blob = files.file("no-version.wasm", &patch::deployed(&patch::without_version_section(&wasm)));
    let facts =
        Xtask::new(["inspect", "--json", "--no-metadata", &blob.display().to_string()]).run().expect_code(0).json();
    assert_eq!(facts["version_from"], "call");
    assert_eq!(facts["spec_name"], "cutover-standalone");
}

#[test]
fn a_runtime_that_traps_in_its_first_block_fails_in_the_migrations() {
    let files = Files::new();
    let wasm = patch::wasm(&std::fs::read(built(Runtime::Standalone, &[])).expect("the blob"));
    let blob = files.file("traps.wasm", &patch::deployed(&patch::trap(&wasm, "Core_initialize_block")));
    let report = dry_run(&blob, &snapshot(Runtime::Standalone)).expect_code(1).json();
    assert_eq!(status(&report, "versions"), "pass");
    assert_eq!(status(&report, "migrations"), "fail");
    assert_eq!(status(&report, "healthy-blocks"), "not_judged");
}

#[test]
fn a_host_function_that_no_node_has_fails_by_its_name() {
    let files = Files::new();
    let wasm = patch::wasm(&std::fs::read(built(Runtime::Standalone, &[])).expect("the blob"));
    let blob =
        files.file("import.wasm", &patch::deployed(&patch::unknown_import(&wasm, "ext_hashing_blake2_256_version_1")));
    let output = dry_run(&blob, &snapshot(Runtime::Standalone));
    let report = output.expect_code(1).json();
    assert_eq!(status(&report, "host-functions"), "fail");
}

#[test]
fn a_node_that_cannot_be_reached_is_exit_3() {
    // No process listens there, and no other test gets this port.
    let url = "ws://127.0.0.1:1";
    Xtask::new(["inspect", url]).run().expect_code(3).mentions(&[url]);
}

#[test]
fn a_node_that_closes_the_connection_early_is_exit_3() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(1) {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n{\"json");
        }
    });
    Xtask::new(["inspect", &url]).run().expect_code(3).mentions(&[&url]);
    server.join().expect("the server ends");
}

#[test]
fn an_unwritable_output_is_reported_and_leaves_no_files() {
    let blob = built(Runtime::Standalone, &[]);
    let output = Xtask::new([
        "dry-run",
        "--runtime",
        &blob.display().to_string(),
        "--state",
        &snapshot(Runtime::Standalone).display().to_string(),
        "--blocks",
        "1",
        "--out",
        "/dev/full/report.json",
    ])
    .run();
    assert!(matches!(output.code, Some(3 | 4)), "{:?}\n{}", output.code, output.stderr);
    assert!(output.stderr.contains("/dev/full"), "{}", output.stderr);
}

#[test]
fn options_that_the_route_does_not_use_are_refused() {
    let (blob, state) = (built(Runtime::Standalone, &[]).display().to_string(), snapshot(Runtime::Standalone));
    let state = state.display().to_string();
    let propose = |more: &[&str]| {
        Xtask::new([&["propose", "upgrade", "--runtime", &blob, "--target", &state][..], more].concat()).run()
    };
    propose(&["--route", "sudo", "--enact-after", "10"]).expect_code(2).mentions(&["sudo", "--enact-after"]);
    propose(&["--relay", &state]).expect_code(2).mentions(&["the upgraded chain itself"]);
    propose(&["--route", "root-referendum", "--enact-after", "10"]).expect_code(0);
    propose(&["--note-preimage"]).expect_code(2).mentions(&["--note-preimage does not apply to the route sudo"]);
    propose(&["--relay", "paseo/nope"]).expect_code(4).mentions(&["neither a file nor a network", "paseo/people"]);

    // A runtime by its name would be built first.
    let by_name = |more: &[&str]| {
        Xtask::new([&["propose", "upgrade", "--runtime", "standalone", "--target", &state][..], more].concat()).run()
    };
    by_name(&["--route", "foo"]).expect_code(2).mentions(&["unknown route", "root-referendum"]);
    by_name(&["--note-preimage"]).expect_code(2).mentions(&["--note-preimage does not apply to the route sudo"]);
}

#[test]
fn a_missing_file_of_signers_has_a_hint() {
    let bundle = cutover_tests::bundle().display().to_string();
    for command in [&["verify", &bundle][..], &["sign", &bundle, "--with", "throw-away"]] {
        let output = Xtask::new([command, &["--root", "nope.json"]].concat()).run().expect_code(4);
        output.mentions(&["nope.json", "signers init"]);
    }
}

#[test]
fn a_message_to_a_chain_without_xcm_is_refused() {
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let (solo, para) = (snapshot(Runtime::Standalone), snapshot(Runtime::Parachain));
    let (solo, para) = (solo.display().to_string(), para.display().to_string());
    Xtask::new(["propose", "upgrade", "--runtime", &blob, "--target", &solo, "--relay", &para])
        .run()
        .expect_code(4)
        .mentions(&["XCM on cutover-standalone", "exchange --target and --relay"]);
}

#[test]
fn a_parachains_state_and_another_chains_runtime_are_a_failed_check() {
    let blob = built(Runtime::Standalone, &[]);
    let report = dry_run(&blob, &snapshot(Runtime::Parachain)).expect_code(1).json();
    assert_eq!(status(&report, "versions"), "fail");
}

#[test]
fn a_released_bundle_is_unpacked_first() {
    let files = Files::new();
    let tar = files.file("bundle.tar", b"").display().to_string();
    for arguments in [&["verify", &tar][..], &["sign", &tar, "--with", "throw-away"]] {
        Xtask::new(arguments).run().expect_code(4).mentions(&["bundle.tar", "hint: unpack it: tar xf"]);
    }
}

#[test]
fn a_release_is_not_verified_as_a_bundle() {
    let files = Files::new();
    let record = files.file("release.json", b"{}");
    let directory = record.parent().expect("a directory").display().to_string();
    for arguments in [&["verify", &directory][..], &["sign", &directory, "--with", "throw-away"]] {
        let hints = ["the directory of a release", "release sign", "sha256sum --check SHA256SUMS", "tar xf"];
        Xtask::new(arguments).run().expect_code(4).mentions(&hints);
    }
}
