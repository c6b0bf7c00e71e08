// SPDX-License-Identifier: Apache-2.0
//! Whose signatures count: made, agreed to, replaced, from the command line alone.

#![allow(clippy::expect_used, reason = "tests")]

use cutover_tests::{Output, Xtask};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
/// The sr25519 keys of //Alice and //Bob, as every development chain has them.
const ALICE: &str = "sr25519:5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "sr25519:5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// A secret of a development chain in a file that only its owner reads.
fn key(directory: &Path, name: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, format!("{PHRASE}//{name}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("hidden");
    format!("sr25519:{}", path.display())
}

fn signers(arguments: &[&str]) -> Output {
    Xtask::new(["signers"].iter().chain(arguments)).run()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn init(file: &Path, more: &[&str]) -> Output {
    let file = text(file);
    let (alice, bob) = (format!("alice={ALICE}"), format!("bob={BOB}"));
    signers(&[&["init", &file, "--signer", &alice, "--signer", &bob][..], more].concat())
}

#[test]
fn a_file_of_signers_holds_once_enough_of_them_agreed() {
    let directory = tempfile::tempdir().expect("a directory");
    let file: PathBuf = directory.path().join("signers.json");
    let path = text(&file);
    init(&file, &["--threshold", "2"]).expect_code(0);
    init(&file, &["--threshold", "1"]).expect_code(2).mentions(&["exists already"]);
    signers(&["verify", &path]).expect_code(1);
    let (alice, bob) = (key(directory.path(), "Alice"), key(directory.path(), "Bob"));
    signers(&["sign", &path, "--with", &alice]).expect_code(0);
    signers(&["verify", &path]).expect_code(1);
    signers(&["sign", &path, "--with", &bob]).expect_code(0);
    let output = signers(&["verify", &path]).expect_code(0);
    assert!(output.stdout.contains("2 of 2") && output.stdout.contains("satisfied"), "{}", output.stdout);
}

#[test]
fn fewer_people_than_it_takes_cannot_replace_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, next) = (directory.path().join("signers.json"), directory.path().join("next.json"));
    init(&file, &["--threshold", "2"]).expect_code(0);
    init(&next, &["--threshold", "1", "--previous", &text(&file)]).expect_code(0);
    signers(&["sign", &text(&next), "--with", &key(directory.path(), "Alice")]).expect_code(0);
    let verify = || signers(&["verify", &text(&next), "--previous", &text(&file), "--json"]);
    let document = verify().expect_code(1).json();
    assert_eq!((&document["satisfied"], &document["satisfied_by_previous"]), (&true.into(), &false.into()));
    signers(&["sign", &text(&next), "--with", &key(directory.path(), "Bob")]).expect_code(0);
    verify().expect_code(0);
}

#[test]
fn what_makes_no_sense_is_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("signers.json");
    init(&file, &["--threshold", "3"]).expect_code(4).mentions(&["threshold"]);
    init(&file, &["--threshold", "1", "--signer", "carol"]).expect_code(2).mentions(&["carol", "NAME="]);
    init(&file, &["--threshold", "1", "--signer", &format!("alias={ALICE}")]).expect_code(4).mentions(&["alias"]);
    assert!(!file.exists());
    signers(&["verify", &text(&file)]).expect_code(4).mentions(&["signers.json"]);
}
