// SPDX-License-Identifier: Apache-2.0
//! Snapshots of standard output, standard error and exit code, as users see them.
//!
//! `INSTA_UPDATE=always cargo xtask test` updates them.

use cutover_tests::{Output, Runtime, Xtask, built, redact, repository, shared, snapshot};
use std::path::{Path, PathBuf};

struct Terminal(tempfile::TempDir);

impl Terminal {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Runs a command. Returns its command line and output.
    fn output_of(&self, arguments: &[&str]) -> String {
        let Output { code, stdout, stderr } = Xtask::new(arguments).run();
        let code = code.map_or("none".into(), |code| code.to_string());
        let text = format!(
            "$ cargo xtask {}\nexit code {code}\n--- standard output\n{stdout}--- standard error\n{stderr}",
            arguments.join(" ")
        );
        let blobs = shared("blobs");
        let own = repository();
        redact(&text, &[(self.0.path(), "DIR"), (&blobs, "BLOBS"), (&own, "REPOSITORY")])
    }
}

fn text(path: PathBuf) -> String {
    path.display().to_string()
}

#[test]
fn the_runtimes_of_the_workspace() {
    insta::assert_snapshot!(Terminal::new().output_of(&["list"]));
}

#[test]
fn the_facts_of_a_recorded_release() {
    for runtime in [Runtime::Standalone, Runtime::Parachain, Runtime::Relay] {
        let seen = Terminal::new().output_of(&["inspect", &text(snapshot(runtime))]);
        insta::assert_snapshot!(format!("inspect-{}", runtime.name()), seen);
    }
}

#[test]
fn an_upgrade_rehearsed() {
    let (blob, hooks) = (built(Runtime::Standalone, &[]), built(Runtime::Standalone, &["try-runtime"]));
    let (blob, hooks, state) = (text(blob), text(hooks), text(snapshot(Runtime::Standalone)));
    let seen = Terminal::new().output_of(&[
        "dry-run",
        "--quiet",
        "--runtime",
        &blob,
        "--try-runtime",
        &hooks,
        "--state",
        &state,
    ]);
    insta::assert_snapshot!(seen);
}

#[test]
fn an_upgrade_refused() {
    let (blob, state) = (text(built(Runtime::Parachain, &[])), text(snapshot(Runtime::Standalone)));
    insta::assert_snapshot!(Terminal::new().output_of(&["dry-run", "--quiet", "--runtime", &blob, "--state", &state]));
}

#[test]
fn the_calls_of_a_proposal() {
    let (blob, state) = (text(built(Runtime::Standalone, &[])), text(snapshot(Runtime::Standalone)));
    let terminal = Terminal::new();
    for route in ["sudo", "root-referendum", "whitelisted-referendum"] {
        let seen = terminal.output_of(&[
            "propose",
            "upgrade",
            "--quiet",
            "--runtime",
            &blob,
            "--target",
            &state,
            "--route",
            route,
        ]);
        insta::assert_snapshot!(format!("propose-{route}"), seen);
    }
    let seen = terminal.output_of(&[
        "propose",
        "upgrade",
        "--quiet",
        "--runtime",
        &blob,
        "--target",
        &state,
        "--route",
        "root-referendum",
        "--note-preimage",
        "--referendum-index",
        "7",
        "--enact-after",
        "100",
    ]);
    insta::assert_snapshot!("propose-with-preimage-and-deposit", seen);
}

#[test]
fn the_main_job_and_its_bundle() {
    let terminal = Terminal::new();
    let bundle = terminal.path("bundle");
    insta::assert_snapshot!("upgrade", terminal.output_of(&["upgrade", "--quiet", "--out", &bundle]));
    insta::assert_snapshot!("verify", terminal.output_of(&["verify", "--quiet", &bundle]));
    insta::assert_snapshot!(
        "verify-integrity",
        terminal.output_of(&["verify", "--quiet", "--integrity-only", &bundle])
    );
    std::fs::write(Path::new(&bundle).join("report.md"), "all is well\n").expect("tampered");
    insta::assert_snapshot!("verify-tampered", terminal.output_of(&["verify", "--quiet", &bundle]));
}

#[test]
fn wrong_files() {
    let terminal = Terminal::new();
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
    let files: [(&str, &[u8]); 6] = [
        ("empty.wasm", b""),
        ("text.wasm", b"hello, this is no blob at all"),
        ("zstd-without-magic.wasm", &zstd),
        ("cut.wasm", b"\0asm\x01\0\0\0\x01"),
        ("plain.json", br#"{"name":"x","id":"x","genesis":{"runtimeGenesis":{"patch":{}}}}"#),
        ("light.json", br#"{"name":"x","id":"x","genesis":{"raw":{"top":{"0x00":"0x00"},"childrenDefault":{}}}}"#),
    ];
    let mut seen = String::new();
    for (name, content) in files {
        seen.push_str(&terminal.output_of(&["inspect", "--quiet", &terminal.file(name, content)]));
        seen.push('\n');
    }
    seen.push_str(&terminal.output_of(&["inspect", "--quiet", &terminal.path("not-there.wasm")]));
    insta::assert_snapshot!(seen);
}

#[test]
fn wrong_words() {
    let terminal = Terminal::new();
    let mut seen = String::new();
    for arguments in [
        &["upgrad"][..],
        &["build", "--runtime", "standalon"],
        &["sign", "bundle", "--with", "pgp:key"],
        &["signers", "init", "signers.json", "--threshold", "1", "--signer", "ana"],
        &["dry-run", "--quiet", "--runtime", "standalone", "--state", "nowhere.json"],
    ] {
        seen.push_str(&terminal.output_of(arguments));
        seen.push('\n');
    }
    insta::assert_snapshot!(seen);
}
