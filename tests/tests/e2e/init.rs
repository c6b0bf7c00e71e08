// SPDX-License-Identifier: Apache-2.0
//! Adoption: a workspace without Cutover gets the command `cargo xtask`, and runs it.

use cutover_tests::{Checkout, Output, Runtime, Tiny, Xtask, alone, built, programs, repository};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Copies the small workspace.
fn tiny() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("w");
    Tiny::copy(&root, 0);
    // Its profiles are not needed, and would optimise the command's dependencies.
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("read");
    let (workspace, _) = manifest.split_once("\n# As in Cutover's own workspace").expect("the profiles");
    fs::write(root.join("Cargo.toml"), workspace).expect("written");
    (directory, root)
}

fn init(root: &Path, arguments: &[&str]) -> Output {
    let fixed = ["init", "--workspace", root.to_str().expect("UTF-8")];
    Xtask::new([&fixed, arguments].concat()).run()
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, text).expect("written");
}

fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(content(&path))
        } else {
            drop(found.insert(path.clone(), fs::read(&path).expect("read")))
        }
    }
    found
}

/// Runs cargo in a workspace, with a target directory that all tests of this file share.
fn cargo(directory: &Path, arguments: &[&str]) -> Output {
    let target = std::env::temp_dir().join("cutover-tests/adopted");
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", target)
        .env("CUTOVER_WORKERS", programs())
        .env_remove("CARGO_MANIFEST_DIR")
        .stdin(Stdio::null())
        .output()
        .expect("cargo");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_workspace_gets_a_working_command() {
    let (_directory, root) = tiny();
    let before = content(&root);
    let shown = init(&root, &[]).expect_code(0);
    for part in [
        "--- /dev/null\n+++ b/xtask/Cargo.toml\n",
        "+    cutover::main(env!(\"CARGO_MANIFEST_DIR\"))\n",
        "--- a/Cargo.toml\n+++ b/Cargo.toml\n",
        "-members = [\"parts\", \"runtime\"]\n+members = [\"parts\", \"runtime\", \"xtask\"]\n",
        "+++ b/.cargo/config.toml\n",
        "nothing was changed",
    ] {
        assert!(shown.stdout.contains(part), "{part}\n{}", shown.stdout);
    }
    assert!(content(&root) == before, "nothing is changed without --yes");

    let document = init(&root, &["--yes", "--json"]).expect_code(0).json();
    assert_eq!(
        (&document["applied"], document["files"].as_array().map(Vec::len)),
        (&true.into(), Some(4)),
        "{document}"
    );
    let after = content(&root);
    // Other existing files are unchanged.
    let changed: Vec<_> = before.iter().filter(|(path, bytes)| after[*path] != **bytes).map(|(path, _)| path).collect();
    assert_eq!(changed, [&root.join("Cargo.toml")]);
    let again = init(&root, &["--yes"]).expect_code(0);
    assert_eq!(again.stdout, "nothing to do: the workspace is set up already\n");
    assert!(content(&root) == after);

    // Cutover's dependencies have its own versions, and not the newest ones.
    fs::copy(repository().join("Cargo.lock"), root.join("Cargo.lock")).expect("copied");
    // Run by cargo from the directory of a package, like a user.
    let _alone = alone();
    let listed = cargo(&root.join("runtime"), &["xtask", "list", "--json"]).expect_code(0).json();
    assert_eq!(listed["runtimes"][0]["name"], "tiny");
    let blob = built(Runtime::Standalone, &[]);
    let facts = cargo(&root, &["xtask", "inspect", "--json", blob.to_str().expect("UTF-8")]).expect_code(0).json();
    assert_eq!(facts["spec_name"], "cutover-standalone");
}

#[test]
fn known_settings_of_a_network_and_its_workflows_are_proposed() {
    let (_directory, root) = tiny();
    let manifest = fs::read_to_string(root.join("runtime/Cargo.toml")).expect("read");
    let manifest = manifest.replace(
        "[package.metadata.cutover]\n# It depends on nothing that would tell a runtime.\nruntime = true\n",
        "",
    );
    let manifest = manifest
        .replace("[dependencies]\n", "[dependencies]\nsp-api = { version = \"44\", default-features = false }\n");
    write(&root, "runtime/Cargo.toml", &manifest.replace("tiny-runtime", "people-paseo-runtime"));
    write(&root, ".github/workflows/release.yml", "env:\n  BUILD_OPTS: --features extra\nrun: srtool build\n");
    let document = init(&root, &["--json"]).expect_code(0).json();
    let files = document["files"].as_array().expect("files");
    let diff = files.iter().find(|file| file["path"] == "runtime/Cargo.toml").expect("the runtime")["diff"]
        .as_str()
        .expect("a diff");
    let added: Vec<_> = diff.lines().filter(|line| line.starts_with('+')).skip(1).collect();
    let expected = [
        "+[package.metadata.cutover]",
        "+features = [\"extra\"]",
        "+state = \"paseo/people\"",
        "+relay = \"paseo\"",
        "+para-id = 1004",
        "+",
    ];
    assert_eq!(
        added.iter().filter(|line| **line != "+").collect::<Vec<_>>(),
        expected.iter().filter(|line| **line != "+").collect::<Vec<_>>(),
        "{diff}"
    );
    assert!(
        !diff.lines().any(|line| line.starts_with('-') && !line.starts_with("---")),
        "nothing is taken away:\n{diff}"
    );
    let notes = document["notes"].to_string();
    assert!(notes.contains("release.yml uses srtool; replacement: `cargo xtask build`"), "{notes}");
    assert_eq!(document["applied"], false);
}

#[test]
fn an_existing_name_is_not_replaced() {
    let (_directory, root) = tiny();
    let theirs = "# ours\n[alias]\nxtask = \"run --package tools --\"\n";
    write(&root, ".cargo/config.toml", theirs);
    init(&root, &["--name", "xtask"]).expect_code(4).mentions(&["the name xtask is taken", "tools"]);
    init(&root, &["--yes"]).expect_code(0);
    let configuration = fs::read_to_string(root.join(".cargo/config.toml")).expect("read");
    assert_eq!(configuration, format!("{theirs}cutover = \"run --quiet --package cutover-command --\"\n"));
    assert!(root.join("cutover/src/main.rs").is_file() && !root.join("xtask").exists());
    assert_eq!(init(&root, &[]).expect_code(0).stdout, "nothing to do: the workspace is set up already\n");
}

#[test]
fn an_unsupported_workspace_is_refused_with_the_reason() {
    Xtask::new(["init"]).run().expect_code(2).mentions(&["--workspace DIR"]);
    let (_directory, root) = tiny();
    let rev = "a".repeat(40);
    for (origin, code, words) in [
        ("https://host/cutover@main", 2, "full commit hash"),
        ("/nowhere", 4, "not Cutover's directory"),
        (&format!("https://user:word@host/x@{rev}"), 2, "credentials"),
    ] {
        let output = init(&root, &["--cutover", origin]).expect_code(code).mentions(&[words]);
        assert!(code != 2 || !output.stderr.contains("user:word"), "{}", output.stderr);
    }
    init(&root, &["--name", "../x"]).expect_code(2).mentions(&["not a valid command name"]);
    let git = format!("https://host/cutover@{rev}");
    let document = init(&root, &["--json", "--cutover", &git]).expect_code(0).json();
    let text = document.to_string();
    assert!(
        text.contains("git = \\\\\\\"https://host/cutover\\\\\\\"") || text.contains("https://host/cutover"),
        "{text}"
    );
    assert!(!text.contains("only this machine has"), "{text}");
    write(&root, ".cargo/config.toml", "alias = 3\n");
    init(&root, &[]).expect_code(4).mentions(&["config.toml", "alias"]);
    fs::remove_dir_all(root.join(".cargo")).expect("removed");
    write(&root, "Cargo.toml", "[workspace\n");
    init(&root, &[]).expect_code(4).mentions(&["Cargo.toml"]);
}

/// Adds Cutover to a workspace with its own runtime, and runs a signed upgrade there.
#[test]
#[ignore = "compiles a runtime twice, a quarter of an hour on two cores: \
            cargo xtask test --run-ignored only -E 'test(a_small_workspace_goes_from_nothing_to_an_upgrade)'"]
fn a_small_workspace_goes_from_nothing_to_an_upgrade() {
    let kept = [
        "runtimes/standalone/",
        "runtimes/pallets/",
        "runtimes/weights-header.txt",
        "crates/features/",
        "hardware/",
        "rust-toolchain.toml",
        "Cargo.",
    ];
    let checkout = Checkout::of(|name| kept.iter().any(|part| name.starts_with(part)));
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).expect("read");
    let (before, rest) = manifest.split_once("members = [").expect("members");
    let (_, after) = rest.split_once("]\n").expect("the end of the members");
    let after = after.split_once("\n[workspace.package]").expect("what all share").1;
    let members = "members = [\"crates/features\", \"runtimes/pallets/attestations\", \"runtimes/standalone\"]\n";
    write(checkout.root(), "Cargo.toml", &format!("{before}{members}\n[workspace.package]{after}"));
    cargo(checkout.root(), &["generate-lockfile", "--offline"]).expect_code(0);
    checkout.commit("A workspace of its own");
    init(checkout.root(), &["--yes"]).expect_code(0);
    let _alone = alone();
    cargo(checkout.root(), &["xtask", "list"]).expect_code(0);
    checkout.commit("Cutover");
    let upgraded = cargo(checkout.root(), &["xtask", "upgrade", "--json"]).expect_code(0).json();
    assert_eq!(upgraded["verdict"], "pass", "{upgraded}");
}
