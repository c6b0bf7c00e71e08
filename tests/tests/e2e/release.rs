// SPDX-License-Identifier: Apache-2.0
//! Releases: planned from a history, prepared from real runtimes, and published by a mock of `gh`
//! that can fail at every call.

use cutover_tests::{
    Checkout, Output, Xtask, copy, keys,
    schema::{Documents, published},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

const STANDALONE: &str = "runtimes/standalone/src/release/current.rs";
const PARACHAIN: &str = "runtimes/parachain/src/release/current.rs";
const RELAY: &str = "runtimes/relay/src/release/current.rs";
const NOW: &str = "spec_version: 1_001_000,";
const BEFORE: &str = "spec_version: 1_000_000,";

/// Returns a checkout with v1.0.0 of all runtimes, and then the current standalone runtime.
fn history() -> Checkout {
    let checkout = Checkout::copy();
    // The changelog of this repository is not needed.
    fs::write(checkout.path("CHANGELOG.md"), "# Changelog\n\n## Unreleased\n").expect("written");
    for name in [STANDALONE, PARACHAIN, RELAY] {
        checkout.edit(name, NOW, BEFORE);
    }
    checkout.commit("Everything");
    checkout.git(&["tag", "v1.0.0"]);
    checkout.edit(STANDALONE, BEFORE, NOW);
    checkout.commit("The standalone runtime as it is");
    checkout
}

fn runtime<'document>(document: &'document Value, name: &str) -> &'document Value {
    let runtimes = document["runtimes"].as_array().expect("runtimes");
    runtimes.iter().find(|runtime| runtime["name"] == name).expect("the runtime")
}

#[test]
fn a_plan_contains_the_released_runtimes_and_the_reasons() {
    let checkout = history();
    let plan = checkout.run(&["release", "plan", "--json"]).expect_code(0).json();
    assert_eq!((&plan["tag"], &plan["last"]["tag"]), (&json!("v1.1.0"), &json!("v1.0.0")), "{plan}");
    assert_eq!(plan["commits"][0]["subject"], "The standalone runtime as it is");
    assert_eq!((&plan["section"], &plan["dirty"]), (&Value::Null, &json!(false)));
    let standalone = runtime(&plan, "standalone");
    assert_eq!(standalone["released"], true);
    assert_eq!(standalone["reason"], "spec_version rises from 1000000 to 1001000");
    assert_eq!((&standalone["commits"], &standalone["files_changed"]), (&json!(1), &json!(1)));
    assert_eq!(standalone["asset"], "standalone_runtime-v1001000.compact.compressed.wasm");
    let parachain = runtime(&plan, "parachain");
    assert_eq!((&parachain["released"], &parachain["group"]), (&json!(false), &json!("parachains")));
    assert_eq!(parachain["reason"], "spec_version is 1000000, as it was in v1.0.0");

    // A section about the version, and a commit that changes a runtime but not its spec_version.
    checkout.edit("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n## [1.1.0] - soon\n\n- It is faster.\n");
    checkout.edit(PARACHAIN, BEFORE, "spec_version: 1_000_000, // it is what it is\n");
    checkout.commit("Words");
    let output = checkout.run(&["release", "plan"]).expect_code(0);
    for line in [
        "CHANGELOG.md, \"[1.1.0] - soon\"",
        "warning: parachain: 1 commit changed 1 file of it, and its spec_version is still 1000000",
    ] {
        assert!(output.stdout.contains(line), "{line}\n{}", output.stdout);
    }
    assert!(output.stdout.ends_with("verdict: passed\n"), "{}", output.stdout);

    // A runtime with the same spec_version is not released, even on request.
    let output = checkout.run(&["release", "plan", "--runtime", "parachain", "--json"]).expect_code(1);
    assert_eq!(output.json()["problems"][0], "parachain: spec_version is 1000000, as it was in v1.0.0");
    checkout
        .run(&["release", "prepare", "--runtime", "parachain"])
        .expect_code(1)
        .mentions(&["there is nothing to release", "v1.0.0"]);

    // Each group has its own tags, and a tag is created only once.
    let parachains = checkout.run(&["release", "plan", "--group", "parachains", "--json"]).expect_code(0).json();
    assert_eq!((&parachains["tag"], &parachains["last"]), (&json!("v1.0.0-parachains"), &Value::Null));
    assert_eq!(parachains["runtimes"].as_array().map(Vec::len), Some(1));
    checkout.git(&["tag", "v1.0.0-relay", "v1.0.0"]);
    let relay = checkout.run(&["release", "plan", "--group", "relay", "--json"]).expect_code(0).json();
    assert_eq!((&relay["tag"], &relay["last"]["tag"]), (&json!("v1.1.0-relay"), &json!("v1.0.0-relay")));
    let group: Vec<_> = relay["runtimes"].as_array().expect("runtimes").iter().map(|one| &one["name"]).collect();
    assert_eq!(group, ["relay", "standalone"]);
    checkout.git(&["tag", "v1.1.0"]);
    checkout
        .run(&["release", "plan", "--tag", "v1.1.0"])
        .expect_code(4)
        .mentions(&["the tag v1.1.0 exists already", "--tagged"]);
    let tagged = checkout.run(&["release", "plan", "--tagged", "--json"]).expect_code(0).json();
    assert_eq!((&tagged["tag"], &tagged["last"]["tag"]), (&json!("v1.1.0"), &json!("v1.0.0")));
    let none = checkout.run(&["release", "plan", "--json"]).expect_code(1).json();
    assert_eq!(none["problems"].as_array().map(Vec::len), Some(3), "all are named: {none}");
    // The same version from another commit.
    checkout.edit("CHANGELOG.md", "faster", "slower");
    checkout.commit("More words");
    checkout
        .run(&["release", "plan", "--tag", "v1.1.0"])
        .expect_code(4)
        .mentions(&["the tag v1.1.0 exists already", "raise spec_version"]);
}

#[test]
fn requirements_of_a_release_are_checked_before_the_build() {
    let checkout = history();
    for (option, value, code, words) in [
        ("--sign-with", "keys/nosuch", 4, "keys/nosuch"),
        ("--state", "standalone=nosuch", 4, "nosuch is neither a file nor a network"),
        ("--previous", "standalone=nosuch2", 4, "nosuch2 is neither a file nor a network"),
    ] {
        for dry_run in [&["--dry-run"][..], &[]] {
            let arguments = [&["release", "prepare", option, value][..], dry_run].concat();
            checkout.run(&arguments).expect_code(code).mentions(&[words]);
        }
    }
    checkout.git(&["tag", "v1.1.0"]);
    // Nothing is released. The plan says that, and lists no files.
    let output = checkout.run(&["release", "prepare", "--state", "standalone=nosuch", "--dry-run"]).expect_code(1);
    assert!(output.stdout.contains("nothing would be"), "{}", output.stdout);
}

#[test]
fn an_impossible_plan_is_refused_with_the_reason() {
    let checkout = history();
    checkout.edit(PARACHAIN, BEFORE, "spec_version: 1_002_000,");
    checkout.commit("Further than the other");
    checkout.run(&["release", "plan"]).expect_code(4).mentions(&[
        "2 different spec_versions",
        "standalone 1001000",
        "parachain 1002000",
        "--group",
    ]);
    let plan = checkout.run(&["release", "plan", "--tag", "both", "--json"]).expect_code(0).json();
    assert_eq!(plan["tag"], "both");
    checkout.run(&["release", "plan", "--tag", "-x"]).expect_code(2);
    checkout.run(&["release", "plan", "--tag=a b"]).expect_code(2).mentions(&["is not a valid tag"]);
    checkout.run(&["release", "plan", "--runtime", "nobody"]).expect_code(2).mentions(&["nobody"]);
    checkout
        .run(&["release", "plan", "--runtime", "parachain", "--group", "relay"])
        .expect_code(2)
        .mentions(&["is not in the group relay"]);
    checkout.edit(
        "Cargo.toml",
        "default = \"standalone\"",
        "default = \"standalone\"\nrelease = {tag = \"v{verison}\"}",
    );
    checkout.run(&["release", "plan", "--runtime", "parachain"]).expect_code(4).mentions(&["{verison}", "{version}"]);
    checkout.edit("Cargo.toml", "v{verison}", "r{spec}");
    let plan = checkout.run(&["release", "plan", "--runtime", "parachain", "--json"]).expect_code(0).json();
    assert_eq!(plan["tag"], "r1002000");
    fs::remove_dir_all(checkout.path(".git")).expect("removed");
    checkout.run(&["release", "plan"]).expect_code(4).mentions(&["not in a git repository"]);
}

fn content(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("read")))
        .collect()
}

fn sha256(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

#[test]
fn a_release_of_the_real_runtime_is_prepared_checked_and_published() {
    let checkout = history();
    // One runtime's blob is in the cache. The other has an unknown feature.
    let variants = "\n[workspace.metadata.cutover.release.variants]\ntry-runtime = {features = [\"try-runtime\"]}\n\
        broken = {features = [\"try-runtime\", \"no-such-feature\"]}\n";
    let manifest = fs::read_to_string(checkout.path("Cargo.toml")).expect("read");
    fs::write(checkout.path("Cargo.toml"), manifest + variants).expect("written");
    checkout.edit("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n## 1.1.0\n\n- It is faster.\n");
    let commit = checkout.commit("Variants, and what changed");
    let base = tempfile::tempdir().expect("a directory");
    let out = base.path().join("v1.1.0");
    let prepare = ["release", "prepare", "--json", "--out", out.to_str().expect("UTF-8")];

    let mut documents = Documents::default();
    documents.add("release-plan", checkout.run(&["release", "plan", "--json"]).expect_code(0).stdout);
    let intended = checkout.run(&[&prepare[..], &["--dry-run"]].concat()).expect_code(0);
    documents.add("release-prepare-dry-run", &intended.stdout);
    let intended = intended.json();
    assert!(!out.exists() && fs::read_dir(base.path()).expect("listed").next().is_none(), "a dry run touches nothing");

    let output = checkout.run(&prepare).expect_code(0).mentions(&["the variant broken was not built"]);
    documents.add("release-prepare", &output.stdout);
    let summary = output.json();
    assert_eq!((&summary["verdict"], &summary["unchanged"]), (&json!("pass"), &json!(false)), "{summary}");
    let first = content(&out);
    let blob = "standalone_runtime-v1001000.compact.compressed.wasm";
    let mut expected: Vec<String> =
        intended["files"].as_array().expect("files").iter().map(|file| file.as_str().expect("a name").into()).collect();
    expected.retain(|name| !name.contains(".broken."));
    expected.sort();
    assert_eq!(first.keys().cloned().collect::<Vec<_>>(), expected, "what was intended, without what failed");
    assert!(
        first.contains_key(blob)
            && first.contains_key("standalone_runtime-v1001000.try-runtime.compact.compressed.wasm")
    );

    // Other programs verify the checksums and unpack the bundle.
    let sums =
        Command::new("sha256sum").args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(&out).output();
    assert!(sums.expect("sha256sum").status.success());
    let unpacked = tempfile::tempdir().expect("a directory");
    let tar = Command::new("tar")
        .arg("-xf")
        .arg(out.join("standalone-upgrade-v1001000.tar"))
        .current_dir(unpacked.path())
        .output();
    assert!(tar.expect("tar").status.success());
    let bundle = unpacked.path().join("standalone-upgrade-v1001000");
    Xtask::new(["verify", "--integrity-only", bundle.to_str().expect("UTF-8")]).run().expect_code(0);
    assert_eq!(fs::read(bundle.join("standalone_runtime.compact.compressed.wasm")).expect("read"), first[blob]);

    let hash = hex::encode_prefixed(artifact::hashes::blake2_256(&first[blob]));
    let notes = String::from_utf8(first["notes.md"].clone()).expect("UTF-8");
    for wanted in [
        commit.as_str(),
        "- It is faster.",
        "The standalone runtime as it is",
        "cutover-standalone-1001000 (cutover-standalone-0.tx2.au1)",
        &hash,
        "V14, V15, V16",
        "from 1000000: passed",
        "cargo xtask verify build --runtime standalone --digest standalone-srtool-digest.json",
        "not built: standalone-runtime has no feature",
    ] {
        assert!(notes.contains(wanted), "{wanted}\n{notes}");
    }
    let parameters = String::from_utf8(first["standalone-parameters-v1001000.md"].clone()).expect("UTF-8");
    assert!(
        parameters.starts_with("# Parameters of cutover-standalone that change from 1000000 to 1001000"),
        "{parameters}"
    );

    // The second run gives the same bytes and reports that.
    let again = checkout.run(&prepare).expect_code(0).json();
    assert_eq!(again["unchanged"], true);
    assert!(content(&out) == first);

    let hub = MockGitHub::new(&commit);
    documents.add("release-publish", hub.publish(&out, &["--dry-run", "--json"]).expect_code(0).stdout);
    documents.add("release-publish", hub.publish(&out, &["--json"]).expect_code(0).stdout);
    assert_eq!(hub.state()["release"]["isDraft"], false);
    let body = hub.state()["release"]["body"].clone();
    assert_eq!(body, notes);

    // Threshold two of two: one person prepares, the other signs. With fewer signatures nothing is
    // published.
    let people = tempfile::tempdir().expect("a directory");
    let root = people.path().join("signers.json");
    let root = root.to_str().expect("UTF-8");
    let (alice, bob) = (format!("alice={}", keys::ALICE), format!("bob={}", keys::BOB));
    Xtask::new(["signers", "init", root, "--threshold", "2", "--signer", &alice, "--signer", &bob])
        .run()
        .expect_code(0);
    let (alice, bob) = (keys::key(people.path(), "Alice"), keys::key(people.path(), "Bob"));
    let signing = [&prepare[..], &["--root", root, "--sign-with", &alice]].concat();
    let summary = checkout.run(&signing).expect_code(0).json();
    let bundle = summary["runtimes"][0]["bundle"].clone();
    assert_eq!((&bundle["counted"], &bundle["signed_off"]), (&json!(1), &json!(false)), "{bundle}");
    let hub = MockGitHub::new(&commit);
    let below = ["--root", root, "--dry-run"];
    hub.publish(&out, &below).expect_code(1).mentions(&["v1.1.0 is not signed off", "1 of 2", "release sign"]);
    hub.publish(&out, &[]).expect_code(2).mentions(&["signers.json", "--root"]);
    let copied = people.path().join("copy");
    copy(&out, &copied);
    let copied = copied.to_str().expect("UTF-8");
    // The record names the file of signers. Without it nobody signs, and only those it lists do.
    let sign =
        |with: &str, more: &[&str]| Xtask::new([&["release", "sign", copied, "--with", with], more].concat()).run();
    sign(&bob, &[]).expect_code(2).mentions(&["the one that it was prepared with: signers.json", "--root"]);
    let other = people.path().join("other.json");
    let other = other.to_str().expect("UTF-8");
    let bob_alone = format!("bob={}", keys::BOB);
    Xtask::new(["signers", "init", other, "--threshold", "1", "--signer", &bob_alone]).run().expect_code(0);
    sign(&bob, &["--root", other]).expect_code(1).mentions(&["was prepared with another file of signers"]);
    let charlie = keys::key(people.path(), "Charlie");
    sign(&charlie, &["--root", root]).expect_code(2).mentions(&["is not listed in", "alice"]);
    let first = Xtask::new(["release", "sign", copied, "--with", &bob, "--root", root, "--json"]).run().expect_code(0);
    documents.add("release-sign", first.stdout);
    documents.add("release", fs::read(Path::new(copied).join("release.json")).expect("read"));
    let releases = published().into_iter().filter(|name| name.starts_with("release")).collect::<BTreeSet<_>>();
    assert_eq!(documents.schemas(), releases, "every schema has a document");
    if let Err(errors) = documents.validate() {
        panic!("documents that their schemas refuse:\n{errors}");
    }
    let directory = out.to_str().expect("UTF-8");
    let second = Xtask::new(["release", "sign", directory, "--with", &bob, "--root", root]).run().expect_code(0);
    assert!(second.stdout.contains("2 of 2 needed: enough"), "{}", second.stdout);
    let notes = fs::read_to_string(out.join("notes.md")).expect("read");
    assert!(notes.contains("2 of 2 needed: enough") && notes.contains("- It is faster."), "{notes}");
    let signed = content(&out);
    assert!(checkout.run(&signing).expect_code(0).json()["unchanged"] == true, "preparing again keeps the signatures");
    assert!(content(&out) == signed);
    hub.publish(&out, &["--root", root]).expect_code(0);
    assert_eq!(hub.state()["release"]["isDraft"], false);
    // A release that was prepared without the file states its signatures as they are counted when
    // it is published.
    checkout.run(&prepare).expect_code(0);
    let notes = || fs::read_to_string(out.join("notes.md")).expect("read");
    assert!(notes().contains("2; without a file of signers"), "{}", notes());
    let hub = MockGitHub::new(&commit);
    hub.publish(&out, &["--root", root, "--dry-run"]).expect_code(0).mentions(&["would be updated"]);
    assert!(notes().contains("2; without a file of signers"), "{}", notes());
    hub.publish(&out, &["--root", root]).expect_code(0);
    assert!(notes().contains("2 of 2 needed: enough"), "{}", notes());
    assert_eq!(hub.state()["release"]["body"], notes());
    // Without the option, publishing works as before.
    checkout.run(&prepare).expect_code(0);
    let first = content(&out);

    // A changed work tree cannot be released. Existing files are unchanged.
    checkout.edit("CHANGELOG.md", "faster", "slower");
    checkout.run(&prepare).expect_code(1).mentions(&["the work tree differs from its commit"]);
    assert!(content(&out) == first);
    let elsewhere = tempfile::tempdir().expect("a directory");
    fs::write(elsewhere.path().join("letter"), "").expect("written");
    let out = elsewhere.path().to_str().expect("UTF-8");
    checkout.run(&["release", "prepare", "--allow-dirty", "--out", out]).expect_code(2).mentions(&["letter"]);
}

const TAG: &str = "v1.1.0";
const FILES: [(&str, &str); 3] =
    [("SHA256SUMS", "sums"), ("a_runtime-v2.wasm", "blob a"), ("b_runtime-v2.wasm", "the blob b")];

/// Returns a small directory as `prepare` writes it.
fn prepared(commit: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let asset = |name: &str, text: &str| json!({"name": name, "size": text.len(), "sha256": sha256(text.as_bytes())});
    for (name, text) in FILES.iter().chain(&[("notes.md", "notes\n")]) {
        fs::write(directory.path().join(name), text).expect("written");
    }
    let assets: Vec<_> = FILES.iter().map(|(name, text)| asset(name, text)).collect();
    let record = json!({"format": "cutover/release/v1", "tag": TAG, "title": "Runtimes v1.1.0", "commit": commit,
        "dirty": false, "assets": assets, "notes": asset("notes.md", "notes\n")});
    fs::write(directory.path().join("release.json"), record.to_string()).expect("written");
    directory
}

fn commit() -> String {
    "c".repeat(40)
}

/// A mock of GitHub, with a `gh` that uses it.
struct MockGitHub(TempDir);

impl MockGitHub {
    fn new(commit: &str) -> Self {
        let hub = Self(tempfile::tempdir().expect("a directory"));
        for name in ["bin", "assets"] {
            fs::create_dir(hub.0.path().join(name)).expect("made");
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gh-stand-in"), hub.0.path().join("bin/gh")).expect("linked");
        hub.write(&json!({"calls": [], "digests": true, "release": null, "commits": {commit: commit}, "fault": null}));
        hub
    }

    fn write(&self, state: &Value) {
        fs::write(self.0.path().join("state.json"), state.to_string()).expect("written");
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.0.path().join("state.json")).expect("read")).expect("JSON")
    }

    fn set(&self, pointer: &str, value: Value) {
        let mut state = self.state();
        state[pointer] = value;
        self.write(&state);
    }

    fn asset(&self, name: &str) -> PathBuf {
        self.0.path().join("assets").join(name)
    }

    fn publish(&self, directory: &Path, arguments: &[&str]) -> Output {
        let fixed = ["release", "publish", directory.to_str().expect("UTF-8")];
        let path = format!("{}:{}", self.0.path().join("bin").display(), std::env::var("PATH").expect("PATH"));
        Xtask::new([&fixed, arguments].concat())
            .env("PATH", path)
            .env("GH_STAND_IN", self.0.path())
            .env("GH_TOKEN", "the-token-that-nobody-may-see")
            .run()
    }

    /// Asserts that the prepared files were published once.
    fn expect_published(&self) {
        let state = self.state();
        assert_eq!((&state["release"]["isDraft"], &state["release"]["body"]), (&json!(false), &json!("notes\n")));
        let there = content(&self.0.path().join("assets"));
        let expected = FILES.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        assert_eq!(there, BTreeMap::from(expected));
        // The mock fails if a release is published twice.
        assert_eq!(state["release"]["published"], true, "{state}");
        assert!(!state.to_string().contains("the-token-that-nobody-may-see"), "no token in the arguments");
    }

    fn calls(&self, beginning: &str) -> usize {
        let state = self.state();
        let calls = state["calls"].as_array().expect("calls").iter().filter_map(Value::as_str);
        calls.filter(|call| call.starts_with(beginning)).count()
    }
}

#[test]
fn a_release_is_published_once() {
    let (hub, directory) = (MockGitHub::new(&commit()), prepared(&commit()));
    let output = hub.publish(directory.path(), &["--json"]).expect_code(0);
    let document = output.json();
    assert_eq!(document["state"], "published");
    let actions: Vec<_> = document["assets"].as_array().expect("assets").iter().map(|asset| &asset["action"]).collect();
    assert_eq!(actions, ["uploaded"; 3]);
    hub.expect_published();
    assert!(!format!("{}{}", output.stdout, output.stderr).contains("the-token-that-nobody-may-see"));
    let again = hub.publish(directory.path(), &["--json"]).expect_code(0).json();
    assert_eq!(again["state"], "was published before");
    hub.expect_published();
    assert_eq!(hub.calls("release upload"), 3, "nothing is uploaded twice");
    // A published release with another file is reported and not changed.
    fs::write(hub.asset("a_runtime-v2.wasm"), "BLOB A").expect("written");
    hub.publish(directory.path(), &[])
        .expect_code(1)
        .mentions(&["the published release v1.1.0 is not what was prepared", "a_runtime-v2.wasm is another file"]);
    assert_eq!((hub.calls("release upload"), hub.calls("release edit")), (3, 1));
}

#[test]
fn publishing_continues_after_a_failure_of_any_call() {
    let commands = [
        ("release view", 4),
        ("api repos/{owner}/{repo}/commits/{}", 1),
        ("release create", 1),
        ("release upload", 3),
        ("release edit", 1),
    ];
    for (command, turns) in commands {
        let command = command.replace("{}", &commit());
        for turn in 1..=turns {
            for how in ["before", "after", "half"] {
                if how == "half" && command != "release upload" {
                    continue;
                }
                let (hub, directory) = (MockGitHub::new(&commit()), prepared(&commit()));
                hub.set("fault", json!({"command": command, "turn": turn, "how": how}));
                let output = hub.publish(directory.path(), &[]);
                assert_eq!(output.code, Some(3), "{command} {turn} {how}: {}", output.stderr);
                assert!(output.stderr.contains("hint: run the command again"), "{}", output.stderr);
                let out = hub.state()["release"]["isDraft"] == false;
                let last = (command == "release edit" && how == "after") || (command == "release view" && turn == 4);
                assert!(!out || last, "{command} {turn} {how}: nothing is out before all is there");
                hub.publish(directory.path(), &[]).expect_code(0);
                hub.expect_published();
                assert_eq!(
                    hub.calls("release create v1.1.0"),
                    if command == "release create" && how == "before" { 2 } else { 1 }
                );
            }
        }
    }
}

#[test]
fn without_digests_the_files_are_downloaded_and_compared() {
    let (hub, directory) = (MockGitHub::new(&commit()), prepared(&commit()));
    hub.set("digests", json!(false));
    hub.set("fault", json!({"command": "release upload", "turn": 3, "how": "before"}));
    hub.publish(directory.path(), &[]).expect_code(3);
    // Another file of the same size.
    fs::write(hub.asset("a_runtime-v2.wasm"), "BLOB A").expect("written");
    let document = hub.publish(directory.path(), &["--json"]).expect_code(0).json();
    let actions: Vec<_> = document["assets"].as_array().expect("assets").iter().map(|asset| &asset["action"]).collect();
    assert_eq!(actions, ["there already", "replaced", "uploaded"]);
    hub.expect_published();
}

#[test]
fn a_draft_can_be_left_unpublished() {
    let (hub, directory) = (MockGitHub::new(&commit()), prepared(&commit()));
    let document = hub.publish(directory.path(), &["--draft", "--prerelease", "--json"]).expect_code(0).json();
    assert_eq!((&document["state"], &hub.state()["release"]["isDraft"]), (&json!("draft"), &json!(true)));
    assert_eq!(hub.state()["release"]["isPrerelease"], true);
    // Someone edited the notes and removed the pre-release mark.
    let mut state = hub.state();
    state["release"]["body"] = json!("other notes");
    hub.write(&state);
    hub.publish(directory.path(), &[]).expect_code(0);
    hub.expect_published();
    assert_eq!(hub.state()["release"]["isPrerelease"], false);
}

#[test]
fn a_conflict_on_github_is_named_and_nothing_is_changed() {
    let (other, directory) = ("d".repeat(40), prepared(&commit()));
    let hub = MockGitHub::new(&other);
    hub.publish(directory.path(), &[]).expect_code(4).mentions(&["GitHub does not have the commit", "git push"]);
    let hub = MockGitHub::new(&commit());
    hub.set("commits", json!({commit(): commit(), "tags/v1.1.0": other}));
    hub.publish(directory.path(), &[]).expect_code(4).mentions(&["the tag v1.1.0 exists already on GitHub", &other]);
    assert_eq!(hub.calls("release create"), 0);
    let hub = MockGitHub::new(&commit());
    let draft = |target: &str| json!({"tag": TAG, "isDraft": true, "targetCommitish": target, "body": "", "name": "x"});
    hub.set("release", draft("main"));
    hub.publish(directory.path(), &[])
        .expect_code(4)
        .mentions(&["a draft of v1.1.0 for another commit", "gh release delete"]);
    hub.set("release", draft(&commit()));
    fs::write(hub.asset("c.wasm"), "").expect("written");
    hub.publish(directory.path(), &[]).expect_code(4).mentions(&["not of this release", "c.wasm"]);
    assert_eq!((hub.calls("release upload"), hub.calls("release edit")), (0, 0));
}

#[test]
fn a_missing_or_unauthorized_gh_is_distinguished_from_a_failing_one() {
    let directory = prepared(&commit());
    let empty = tempfile::tempdir().expect("a directory");
    Xtask::new(["release", "publish", directory.path().to_str().expect("UTF-8")])
        .env("PATH", empty.path())
        .run()
        .expect_code(3)
        .mentions(&["gh is not installed", "gh auth login"]);
    for (code, message, hint) in [
        (4, "To get started with GitHub CLI, please run:  gh auth login", "hint: gh auth login"),
        (1, "HTTP 401: Bad credentials (https://api.github.com/graphql)", "hint: gh auth login"),
        (1, "HTTP 403: Resource not accessible by integration", "hint: gh auth refresh --scopes repo"),
        (1, "GraphQL: Could not resolve to a Repository with the name 'a/b'.", "hint: gh auth refresh --scopes repo"),
    ] {
        let hub = MockGitHub::new(&commit());
        hub.set("refuses", json!({"code": code, "message": message}));
        hub.publish(directory.path(), &[]).expect_code(3).mentions(&[message, hint]);
    }
}

#[test]
fn a_dry_run_of_publishing_starts_nothing() {
    let (hub, directory) = (MockGitHub::new(&commit()), prepared(&commit()));
    let output = hub.publish(directory.path(), &["--dry-run", "--repo", "somebody/something"]).expect_code(0);
    let lines: Vec<_> =
        output.stdout.lines().filter(|line| line.starts_with("$ GH_REPO=somebody/something gh release ")).collect();
    assert_eq!(lines.len(), 5, "a draft, three files, the release:\n{}", output.stdout);
    assert_eq!(hub.state()["calls"], json!([]));
}

#[test]
fn a_directory_without_a_release_or_with_changes_is_refused_first() {
    let hub = MockGitHub::new(&commit());
    let directory = tempfile::tempdir().expect("a directory");
    hub.publish(directory.path(), &[]).expect_code(4).mentions(&["release.json"]);
    let directory = prepared(&commit());
    fs::write(directory.path().join("b_runtime-v2.wasm"), "another").expect("written");
    hub.publish(directory.path(), &[]).expect_code(4).mentions(&["b_runtime-v2.wasm was changed", "release prepare"]);
    let directory = prepared(&commit());
    let record = directory.path().join("release.json");
    let text = fs::read_to_string(&record).expect("read");
    for (from, to, exit) in [
        ("\"dirty\":false", "\"dirty\":true", 1),
        ("cutover/release/v1", "cutover/release/v9", 4),
        ("\"tag\":\"v1.1.0\"", "\"tag\":\"--help\"", 4),
        ("a_runtime-v2.wasm", "../a_runtime-v2.wasm", 4),
        ("{\"", "[\"", 4),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&record, text.replace(from, to)).expect("written");
        hub.publish(directory.path(), &[]).expect_code(exit);
    }
    fs::write(&record, &text).expect("written");
    hub.publish(directory.path(), &["--repo", "x;y"]).expect_code(2).mentions(&["is not a repository"]);
    assert_eq!(hub.state()["calls"], json!([]));
}
