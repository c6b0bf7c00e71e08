// SPDX-License-Identifier: Apache-2.0
//! A full disk: a small file system in a separate mount namespace.

use cutover_tests::{Output, Runtime, Xtask, built, fork::Fork, snapshot};
use std::{fs, io::Write, path::Path, process::Command};

/// Fills DIR, copies FROM into it, runs the command, lists what is there afterwards. Arguments:
/// size, directory, directory to copy from or nothing, the command.
const SCRIPT: &str = r#"
set -e
mount -t tmpfs -o "size=$1" cutover-test "$2"
mkdir "$2/in"
[ -z "$3" ] || cp -a "$3/." "$2/in"
head -c 1000000000 /dev/zero > "$2/filler" 2> /dev/null || true
cd "$2/in"
shift 3
code=0
(cd "$HERE" && "$@") || code=$?
find . -type f -exec sha256sum {} + | sort -k 2 > "$LISTING"
exit $code
"#;

/// The output of a command that writes into a full directory, and the files there afterwards.
struct Full {
    output: Output,
    files: String,
}

/// Returns the options of `unshare` that allow mounting: as root, or in a user namespace. `None` if
/// neither is possible.
fn namespace() -> Option<Vec<&'static str>> {
    let tries: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    for arguments in tries {
        let directory = tempfile::tempdir().expect("a directory");
        let works = Command::new("unshare")
            .args(arguments)
            .args(["mount", "-t", "tmpfs", "cutover-test"])
            .arg(directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if works {
            return Some(arguments.to_vec());
        }
    }
    let _ = writeln!(std::io::stderr(), "SKIPPED: no mount namespace can be made here, so that no disk can be filled");
    None
}

fn on_a_full_disk(before: Option<&Path>, arguments: impl Fn(&str) -> Vec<String>) -> Option<Full> {
    let nodes = tempfile::tempdir().expect("a directory");
    on_a_full_disk_with(before, |_| nodes.path().display().to_string(), arguments)
}

/// Runs a command on a full disk. `nodes` is the directory of trie nodes of live chains.
fn on_a_full_disk_with(
    before: Option<&Path>,
    nodes: impl Fn(&str) -> String,
    arguments: impl Fn(&str) -> Vec<String>,
) -> Option<Full> {
    let namespace = namespace()?;
    let directory = tempfile::tempdir().expect("a directory");
    let disk = directory.path().join("disk");
    fs::create_dir(&disk).expect("made");
    let listing = directory.path().join("listing");
    let mut words: Vec<String> = namespace.iter().map(|word| (*word).to_owned()).collect();
    words.extend(["sh", "-c", SCRIPT, "sh", "8m"].map(str::to_owned));
    words.push(disk.display().to_string());
    words.push(before.map(|path| path.display().to_string()).unwrap_or_default());
    let output = Xtask::behind("unshare", words, arguments(&disk.join("in").display().to_string()))
        .env("LISTING", &listing)
        .env("HERE", cutover_tests::repository())
        .env("CUTOVER_NODES", nodes(&disk.join("in").display().to_string()))
        .run();
    Some(Full { output, files: fs::read_to_string(listing).expect("what was there is listed") })
}

impl Full {
    /// Asserts that the full disk was reported, and that there are no other files than before.
    fn expect_reported_and_left(self, files: &str) {
        let output = self.output.expect_code(3);
        assert!(output.stderr.contains("No space left on device"), "{}", output.stderr);
        assert!(output.stderr.contains("/disk/"), "the file is named: {}", output.stderr);
        assert_eq!(self.files, files);
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn no_partial_blob_is_left() {
    let Some(full) =
        on_a_full_disk(None, |disk| words(&["build", "--runtime", "standalone", "--out", &format!("{disk}/out")]))
    else {
        return;
    };
    full.expect_reported_and_left("");
}

#[test]
fn no_partial_report_is_left() {
    let (blob, state) = (built(Runtime::Standalone, &[]), snapshot(Runtime::Standalone));
    let (blob, state) = (blob.display().to_string(), state.display().to_string());
    let Some(full) = on_a_full_disk(None, |disk| {
        words(&[
            "dry-run",
            "--runtime",
            &blob,
            "--state",
            &state,
            "--blocks",
            "1",
            "--out",
            &format!("{disk}/report.json"),
        ])
    }) else {
        return;
    };
    full.expect_reported_and_left("");
}

#[test]
fn no_partial_snapshot_is_left() {
    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let Some(full) = on_a_full_disk(None, |disk| {
        words(&["snapshot", "genesis", "--runtime", &blob, "--out", &format!("{disk}/genesis.snapshot")])
    }) else {
        return;
    };
    full.expect_reported_and_left("");
}

#[test]
fn no_partial_calls_are_left() {
    let (blob, state) = (built(Runtime::Standalone, &[]), snapshot(Runtime::Standalone));
    let (blob, state) = (blob.display().to_string(), state.display().to_string());
    let Some(full) = on_a_full_disk(None, |disk| {
        words(&["propose", "upgrade", "--runtime", &blob, "--target", &state, "--out", &format!("{disk}/proposal")])
    }) else {
        return;
    };
    full.expect_reported_and_left("");
}

#[test]
fn an_upgrade_reports_it_and_leaves_no_manifest() {
    let Some(full) = on_a_full_disk(None, |disk| words(&["upgrade", "--out", &format!("{disk}/bundle")])) else {
        return;
    };
    let output = full.output.expect_code(3);
    assert!(output.stderr.contains("No space left on device"), "{}", output.stderr);
    assert!(!full.files.contains("manifest.json"), "a bundle that looks whole:\n{}", full.files);
    assert!(!full.files.contains(".partial"), "something half-written:\n{}", full.files);
}

#[test]
fn a_signature_that_cannot_be_written_leaves_the_manifest_unchanged() {
    let bundle = tempfile::tempdir().expect("a directory");
    Xtask::new(["upgrade", "--quiet", "--out", &bundle.path().display().to_string()]).run().expect_code(0);
    let before = Command::new("sh")
        .args(["-c", "find . -type f -exec sha256sum {} + | sort -k 2"])
        .current_dir(bundle.path())
        .output()
        .expect("listed");
    let before = String::from_utf8(before.stdout).expect("text");
    let Some(full) = on_a_full_disk(Some(bundle.path()), |disk| words(&["sign", disk, "--with", "throw-away"])) else {
        return;
    };
    full.expect_reported_and_left(&before);
}

#[test]
fn no_partial_snapshot_of_a_live_chain_is_left() {
    let node = Fork::of(snapshot(Runtime::Standalone));
    let create = |disk: &str| words(&["snapshot", "create", node.url(), "--out", &format!("{disk}/live.snapshot")]);
    let Some(full) = on_a_full_disk(None, create) else { return };
    full.expect_reported_and_left("");
}

#[test]
fn an_unwritable_store_fails_a_snapshot_but_not_a_dry_run() {
    let node = Fork::of(snapshot(Runtime::Standalone));
    let elsewhere = tempfile::tempdir().expect("a directory");
    let out = elsewhere.path().join("live.snapshot").display().to_string();
    let store = |disk: &str| format!("{disk}/nodes");
    let Some(full) = on_a_full_disk_with(None, store, |_| words(&["snapshot", "create", node.url(), "--out", &out]))
    else {
        return;
    };
    let output = full.output.expect_code(3);
    assert!(output.stderr.contains("no space is left") && output.stderr.contains("/disk/"), "{}", output.stderr);
    assert!(!Path::new(&out).exists());

    let blob = built(Runtime::Standalone, &[]).display().to_string();
    let dry_run = ["dry-run", "--blocks", "1", "--runtime", &blob, "--state", node.url()];
    let Some(full) = on_a_full_disk_with(None, store, |_| words(&dry_run)) else { return };
    let output = full.output.expect_code(0);
    assert!(output.stderr.contains("no space is left"), "it is told: {}", output.stderr);
}
