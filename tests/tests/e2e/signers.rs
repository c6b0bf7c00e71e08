// SPDX-License-Identifier: Apache-2.0
//! Files of signers: created, signed and replaced by the command line.

use cutover_tests::{Output, Xtask, bundle, copy};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
/// The sr25519 keys of `//Alice` and `//Bob` on development chains.
const ALICE: &str = "sr25519:5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "sr25519:5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// Writes a secret of a development chain into a file that only its owner can read.
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
fn a_file_of_signers_is_valid_with_enough_signatures() {
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
fn too_few_signers_cannot_replace_a_file() {
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
fn an_invalid_file_is_refused_and_not_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("signers.json");
    init(&file, &["--threshold", "3"]).expect_code(4).mentions(&["threshold"]);
    init(&file, &["--threshold", "1", "--signer", "carol"]).expect_code(2).mentions(&["carol", "NAME="]);
    init(&file, &["--threshold", "1", "--signer", &format!("alias={ALICE}")]).expect_code(4).mentions(&["alias"]);
    assert!(!file.exists());
    signers(&["verify", &text(&file)]).expect_code(4).mentions(&["signers.json"]);
}

#[test]
fn an_unlisted_key_and_a_secret_in_place_of_a_key_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("signers.json");
    let secret = format!("cas=sr25519:{PHRASE}");
    let output = init(&file, &["--threshold", "1", "--signer", &secret]).expect_code(2).mentions(&["public key"]);
    assert!(!output.stderr.contains("bottom") && !output.stdout.contains("bottom"), "{}", output.stderr);
    assert!(!file.exists());

    init(&file, &["--threshold", "1"]).expect_code(0);
    let charlie = key(directory.path(), "Charlie");
    signers(&["sign", &text(&file), "--with", &charlie]).expect_code(2).mentions(&["not the key of a signer", "alice"]);
    let shown = signers(&["key", &key(directory.path(), "Alice"), "--json"]).expect_code(0).json();
    assert_eq!(shown["keys"][0]["address"], ALICE.trim_start_matches("sr25519:"));
    // If a file does not have the kind of its key, both kinds are shown.
    let both = signers(&["key", &text(&directory.path().join("Alice")), "--json"]).expect_code(0).json();
    assert_eq!(both["keys"].as_array().map(Vec::len), Some(2));
    assert!(!both.to_string().contains("bottom"));
}

#[test]
fn an_expired_file_is_reported_and_can_be_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, next) = (directory.path().join("signers.json"), directory.path().join("next.json"));
    init(&file, &["--threshold", "1", "--expires", "2020-01-01"]).expect_code(2).mentions(&["--expires 2020-01-01"]);
    init(&file, &["--threshold", "1", "--expires", "2999-01-01"]).expect_code(0);
    let content = std::fs::read_to_string(&file).expect("read").replace("2999-01-01", "2020-01-01");
    std::fs::write(&file, content).expect("written");
    let alice = key(directory.path(), "Alice");
    signers(&["sign", &text(&file), "--with", &alice]).expect_code(0);
    let told = signers(&["verify", &text(&file)]).expect_code(1).stdout;
    assert!(told.contains("EXPIRED on 2020-01-01"), "{told}");
    init(&next, &["--threshold", "1", "--expires", "2999-01-01", "--previous", &text(&file)]).expect_code(0);
    signers(&["sign", &text(&next), "--with", &alice, "--previous", &text(&file)]).expect_code(0);
    signers(&["verify", &text(&next), "--previous", &text(&file)]).expect_code(0);
    let alone = signers(&["verify", &text(&next)]).expect_code(0).stdout;
    assert!(alone.contains("--previous"), "nobody looked at version 1: {alone}");
}

#[test]
fn a_bundle_is_approved_only_by_the_newest_file_of_signers() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = directory.path().join("bundle");
    copy(&bundle(), &own);
    let (file, next) = (directory.path().join("signers.json"), directory.path().join("next.json"));
    let (alice, bob) = (key(directory.path(), "Alice"), key(directory.path(), "Bob"));
    let both = |command: &[&str]| Xtask::new(command.iter().chain(&["--with", &alice, "--with", &bob])).run();
    let verify = |root: &Path| Xtask::new(["verify", &text(&own), "--root", &text(root)]).run();
    init(&file, &["--threshold", "2"]).expect_code(0);
    both(&["signers", "sign", &text(&file)]).expect_code(0);

    let one = Xtask::new(["sign", &text(&own), "--with", &alice, "--root", &text(&file)]).run().expect_code(0).stdout;
    assert!(one.contains("1 of 2 needed") && one.contains("bob is missing") && one.contains("dry-run passed"), "{one}");
    let said = verify(&file).expect_code(1).stdout;
    assert!(said.contains("1 of 2 counted; bob is missing"), "{said}");
    both(&["sign", &text(&own), "--root", &text(&file)]).expect_code(0);
    let said = verify(&file).expect_code(0).stdout;
    assert!(said.contains("undamaged, signed off") && said.contains("version 1"), "{said}");

    // The file was changed after it was signed.
    let changed = directory.path().join("changed.json");
    let content = std::fs::read_to_string(&file).expect("read").replace("\"threshold\": 2", "\"threshold\": 1");
    std::fs::write(&changed, content).expect("written");
    verify(&changed).expect_code(1).mentions(&["is not trusted", "version 1"]);

    // After the new file was accepted, the previous one is invalid.
    init(&next, &["--threshold", "1", "--previous", &text(&file)]).expect_code(0);
    verify(&next).expect_code(1).mentions(&["was not agreed to by the signers of version 1"]);
    both(&["signers", "sign", &text(&next), "--previous", &text(&file)]).expect_code(0);
    verify(&next).expect_code(0);
    verify(&file).expect_code(1).mentions(&["is older than", "version 2"]);
}
