// SPDX-License-Identifier: Apache-2.0
//! Workers are packed on one machine, and used on another one in place of a build.

use cutover_tests::{Output, Xtask, programs};
use std::{fs, path::Path};

/// Runs `cargo xtask` from a directory without workers, with a cache of its own.
fn elsewhere(directory: &Path, arguments: &[&str]) -> Output {
    let program = directory.join("target/debug/xtask");
    if !program.is_file() {
        fs::create_dir_all(directory.join("target/debug")).expect("made");
        fs::copy(programs().join("xtask"), &program).expect("copied");
    }
    // A build would fail at once, so that a test cannot pass by it.
    let words = ["CARGO=/bin/false".to_owned(), format!("CUTOVER_CACHE={}", directory.join("cache").display())];
    let command = std::iter::once(program.to_str().expect("UTF-8")).chain(arguments.iter().copied());
    Xtask::started_by("env", words.into_iter().chain(command.map(str::to_owned))).run()
}

#[test]
fn workers_are_packed_and_used_elsewhere_in_place_of_a_build() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("dist");
    let pack = || Xtask::new(["dist", "--json", "--quiet", "--out", out.to_str().expect("UTF-8")]).run();
    let document = pack().expect_code(0).json();
    let (file, digest) = (document["file"].as_str().expect("a path"), document["digest"].as_str().expect("a digest"));
    assert_eq!(document["manifest"]["workers"].as_object().expect("an object").len(), 8);
    assert_eq!(pack().expect_code(0).json()["digest"], digest, "packed twice");

    let weights = ["weights", "compare", "runtimes/standalone/src/weights", "runtimes/standalone/src/weights"];
    elsewhere(directory.path(), &weights).expect_code(3).mentions(&["cutover-weights"]);

    // Another digest, a cut archive, and one with a changed byte.
    let other = format!("sha256:{}", "0".repeat(64));
    let refused = elsewhere(directory.path(), &["setup", "--workers", file, "--digest", &other]);
    refused.expect_code(1).mentions(&["another archive", digest]);
    let whole = fs::read(file).expect("read");
    let damaged = directory.path().join("damaged.tar.gz");
    fs::write(&damaged, &whole[..whole.len() / 2]).expect("written");
    let damaged = damaged.to_str().expect("UTF-8");
    let refused = elsewhere(directory.path(), &["setup", "--workers", damaged, "--digest", digest]);
    refused.expect_code(1).mentions(&["another archive"]);
    elsewhere(directory.path(), &["setup", "--workers", file, "--digest", "sha256:12"]).expect_code(2);
    elsewhere(directory.path(), &["setup", "--workers", file]).expect_code(2).mentions(&["--digest"]);
    let address = ["setup", "--workers", "https://me:secret@example.org/w", "--digest", digest];
    assert!(!elsewhere(directory.path(), &address).expect_code(2).stderr.contains("secret"));
    elsewhere(directory.path(), &weights).expect_code(3);

    let installed = elsewhere(directory.path(), &["setup", "--workers", file, "--digest", digest, "--json"]);
    assert_eq!(installed.expect_code(0).json()["manifest"], document["manifest"]);
    elsewhere(directory.path(), &weights).expect_code(0);
    let left: Vec<_> = fs::read_dir(directory.path().join("cache/workers")).expect("there").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
