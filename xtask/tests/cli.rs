// SPDX-License-Identifier: Apache-2.0
//! What a user sees: standard output, standard error and exit code of the built program, with stand-ins for rustup,
//! cargo and the package manager.

mod machine;

use machine::{Machine, TARGET, wait_for};
use protocol::inspect::RuntimeFacts;
use std::{
    io::Write,
    process::{Command, Stdio},
};

#[test]
fn a_wrong_command_line_exits_with_2_and_help_with_0() {
    let machine = Machine::new();
    let (code, stdout, stderr) = machine.seen(machine.command(&["upgrad"]));
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("a similar subcommand exists: 'upgrade'"), "{stderr}");
    let (code, stdout, stderr) = machine.seen(machine.command(&["--help"]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("Exit codes:") && stdout.contains("dry-run"), "{stdout}");
}

#[test]
fn a_directory_that_is_no_workspace_is_named() {
    let machine = Machine::new();
    let mut command = machine.command(&["list", "--workspace"]);
    command.arg(machine.path("home"));
    let seen = machine.seen(command);
    let expected = "error: MACHINE/home is not a Cargo workspace\nfound: no Cargo.toml in it\n\
                    expected: the directory of the workspace's Cargo.toml\n";
    assert_eq!(seen, (Some(4), String::new(), expected.into()));
}

#[test]
fn a_failure_is_one_json_document() {
    let machine = Machine::new();
    let mut command = machine.command(&["list", "--json", "--workspace"]);
    command.arg(machine.path("home"));
    let (code, stdout, _) = machine.seen(command);
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!((code, &document["error"]["kind"]), (Some(4), &"input".into()));
    // A command line that is not parsed has a document too.
    for words in [&["list", "--nope", "--json"][..], &["verify", "--json"], &["--json"]] {
        let (code, stdout, stderr) = machine.seen(machine.command(words));
        let document: serde_json::Value = serde_json::from_str(&stdout).expect("one document");
        assert_eq!((code, &document["error"]["kind"]), (Some(2), &"usage".into()), "{words:?}");
        assert!(stderr.contains("Usage: cargo xtask"), "{stderr}");
    }
}

#[test]
fn a_machine_without_rustup_is_told_so() {
    let machine = Machine::new();
    let (code, _, stderr) = machine.seen(machine.in_workspace(&["setup", "--check"]));
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("error: cannot start rustup\n"), "{stderr}");
    assert!(stderr.contains("(running `rustup show active-toolchain`)") && stderr.contains("hint: "), "{stderr}");
}

#[test]
fn what_is_missing_is_reported_with_the_command_that_mends_it() {
    let machine = Machine::new();
    machine.rustup("exit 1");
    std::fs::remove_file(machine.path("bin/c++")).expect("removed");
    let (code, stdout, stderr) = machine.seen(machine.in_workspace(&["setup", "--check"]));
    assert_eq!(code, Some(3));
    assert!(stdout.contains("ok        cc                MACHINE/bin/cc\n"), "{stdout}");
    assert!(stdout.contains("missing   c++"), "{stdout}");
    assert_eq!(stderr, format!("error: missing: c++, {TARGET}\nhint: cargo xtask setup\n"));
}

#[test]
fn json_of_a_check_that_fails_is_still_one_document() {
    let machine = Machine::new();
    machine.rustup("exit 1");
    let (code, stdout, _) = machine.seen(machine.in_workspace(&["setup", "--check", "--json"]));
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!(code, Some(3));
    let status = |name: &str| {
        let items = document["items"].as_array().expect("items");
        items.iter().find(|item| item["name"] == name).expect("the item")["status"].clone()
    };
    assert_eq!((status("git"), status(TARGET)), ("ok".into(), "missing".into()));
}

#[test]
fn rustup_adds_the_target_where_it_can() {
    let machine = Machine::new();
    machine.rustup(&machine.libraries());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut command = machine.in_workspace(&["setup"]);
    command.env("RUSTUP_DIST_SERVER", format!("http://{address}"));
    let (code, stdout, stderr) = machine.seen(command);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains(&format!("run `rustup target add {TARGET} --toolchain 1.95.0-here`")), "{stderr}");
    assert!(stdout.contains("rustc 1.95.0 (stand-in) by rustup, toolchain 1.95.0-here"), "{stdout}");
    let again = machine.seen(machine.in_workspace(&["setup"]));
    assert_eq!((again.0, again.2.as_str()), (Some(0), ""), "the second time there is nothing to say");
}

#[test]
fn a_linked_toolchain_is_not_touched() {
    let machine = Machine::new();
    machine.rustup(&format!("echo touched > '{}'", machine.path("touched").display()));
    let toolchains = machine.path("home/.rustup/toolchains");
    std::fs::rename(toolchains.join("1.95.0-here"), toolchains.join("stable")).expect("renamed");
    std::os::unix::fs::symlink("stable", toolchains.join("1.95.0-here")).expect("linked");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut command = machine.in_workspace(&["setup"]);
    command.env("RUSTUP_DIST_SERVER", format!("http://{}", listener.local_addr().expect("an address")));
    // The distribution's compiler, if this machine has it, finds no linker in the stand-in toolchain.
    let (code, _, stderr) = machine.seen(command);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(!machine.path("touched").exists());
}

#[test]
fn a_workspace_without_a_lock_file_is_told_how_to_get_one() {
    let machine = Machine::new();
    machine.program("rustc", "echo 'host: here'");
    machine.program("cargo", "echo 'error: cannot create the lock file because --locked was passed' >&2; exit 101");
    let (code, _, stderr) = machine.seen(machine.in_workspace(&["list"]));
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.starts_with("error: the workspace MACHINE/workspace has no lock file\n"), "{stderr}");
    assert!(
        stderr.contains("hint: cargo generate-lockfile --manifest-path MACHINE/workspace/Cargo.toml\n"),
        "{stderr}"
    );
}

/// The output of `cargo metadata` for the machine's workspace, which has no runtime.
fn metadata(machine: &Machine) -> String {
    let document = serde_json::json!({
        "packages": [], "workspace_members": [], "workspace_default_members": [], "resolve": null, "metadata": null,
        "target_directory": "/target", "version": 1, "workspace_root": machine.path("workspace"),
    });
    document.to_string()
}

#[test]
fn a_workspace_is_read_without_its_toolchain() {
    let machine = Machine::new();
    machine.write("workspace/rust-toolchain.toml", "[toolchain]\nchannel = \"1.84.1\"\n");
    let missing = "error: toolchain '1.84.1-here' is not installed";
    let ours = machine.path("ours");
    machine.program(
        "rustc",
        &format!(
            "case \"$PWD\" in */workspace) echo \"{missing}\" >&2; exit 1;; esac\n\
             case \"$1\" in --print) echo '{}';; *) echo 'host: here';; esac",
            ours.display()
        ),
    );
    machine.program("cargo", &format!("echo \"{missing}\" >&2; exit 1"));
    machine.script("ours/bin/rustc", "exit 1");
    machine.script("ours/bin/cargo", &format!("echo '{}'", metadata(&machine)));
    let seen = machine.seen(machine.in_workspace(&["list"]));
    assert_eq!(seen, (Some(0), String::new(), "the workspace has no runtime\n".into()));
}

#[test]
fn a_dependency_that_cannot_be_fetched_is_named_once() {
    let machine = Machine::new();
    machine.program("rustc", "echo 'host: here'");
    let refuse = "echo 'error: failed to load source for dependency `ring`' >&2\n\
                  echo 'Caused by: unable to update https://host/ring' >&2; exit 101";
    let script = format!("case \"$*\" in *--no-deps*) echo '{}';; *) {refuse};; esac", metadata(&machine));
    machine.program("cargo", &script);
    let (code, stdout, stderr) = machine.seen(machine.in_workspace(&["list"]));
    let line = "the dependency ring of the workspace cannot be fetched (failed to load source for dependency `ring`)";
    let rest = "only the manifests of the workspace are read, so runtimes from elsewhere are not found";
    assert_eq!((code, stdout.as_str()), (Some(0), ""));
    assert_eq!(stderr, format!("warning: {line}; {rest}\nthe workspace has no runtime\n"));
    // What is built depends on the dependencies.
    let (code, _, stderr) = machine.seen(machine.in_workspace(&["build"]));
    let expected = "error: the dependency ring of the workspace cannot be fetched\n\
                    found: failed to load source for dependency `ring`\n\
                    hint: cargo fetch --locked --manifest-path MACHINE/workspace/Cargo.toml\n";
    assert_eq!((code, stderr.as_str()), (Some(3), expected));
}

#[test]
fn a_missing_toolchain_is_named_with_the_command_that_installs_it() {
    let machine = Machine::new();
    machine.program("rustup", "echo \"error: override toolchain '1.84.1-here' is not installed\" >&2; exit 1");
    std::fs::create_dir_all(machine.path("home/.rustup/toolchains/1.95.0-here")).expect("made");
    machine.write("workspace/rust-toolchain", "1.84.1\n");
    let (code, _, stderr) = machine.seen(machine.in_workspace(&["setup", "--check"]));
    let expected = "error: the toolchain 1.84.1 is not installed\n\
                    found: MACHINE/workspace/rust-toolchain names it, and rustup does not have it\n\
                    hint: rustup toolchain install 1.84.1\n";
    assert_eq!((code, stderr.as_str()), (Some(3), expected));
}

#[test]
fn an_unknown_worker_directory_is_named() {
    let machine = Machine::new();
    let mut command = machine.command(&["inspect", "x.wasm"]);
    command.env("CUTOVER_WORKERS", machine.path("home"));
    let (code, _, stderr) = machine.seen(command);
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("error: there is no MACHINE/home/cutover-inspect\n"), "{stderr}");
}

/// A worker of a few lines.
fn with_worker(machine: &Machine, script: &str) -> Command {
    machine.program("cutover-inspect", script);
    let mut command = machine.command(&["inspect", "x.wasm"]);
    command.env("CUTOVER_WORKERS", machine.path("bin"));
    command
}

/// The last word of a worker that inspected a runtime.
fn done(passed: bool) -> String {
    let facts = RuntimeFacts { spec_name: "solo".into(), ..RuntimeFacts::default() };
    serde_json::json!({"event": "done", "passed": passed, "value": facts}).to_string()
}

#[test]
fn a_workers_events_become_status_and_its_verdict_the_exit_code() {
    let machine = Machine::new();
    let script = r#"read request
echo '{"event":"status","message":"looking \u001b[2J"}'
echo '{"event":"warning","message":"old"}'
echo 'a library that prints'
"#;
    let script = format!("{script}echo '{}'", done(false));
    let (code, stdout, stderr) = machine.seen(with_worker(&machine, &script));
    assert_eq!(code, Some(1));
    assert!(stdout.contains("solo"), "{stdout}");
    assert_eq!(stderr, "inspect: looking \u{fffd}[2J\nwarning: inspect: old\n");
    let log = std::fs::read_to_string(machine.path("cache/logs/inspect.log")).expect("a log");
    assert!(log.contains("a library that prints"), "{log}");
}

#[test]
fn a_workers_failure_is_shown_as_its_own() {
    let machine = Machine::new();
    let script =
        r#"echo '{"event":"failed","kind":"input","message":"x.wasm is no runtime","found":"text","expected":"Wasm"}'"#;
    let seen = machine.seen(with_worker(&machine, script));
    assert_eq!(seen, (Some(4), String::new(), "error: x.wasm is no runtime\nfound: text\nexpected: Wasm\n".into()));
}

#[test]
fn a_worker_that_dies_is_a_defect_with_its_last_words() {
    let machine = Machine::new();
    let (code, _, stderr) = machine.seen(with_worker(&machine, "echo 'thread main panicked' >&2; exit 101"));
    assert_eq!(code, Some(5));
    assert!(stderr.contains("ended without a result") && stderr.contains("thread main panicked"), "{stderr}");
}

#[test]
fn quiet_says_nothing_but_results() {
    let machine = Machine::new();
    let script = format!(r#"echo '{{"event":"status","message":"looking"}}'; echo '{}'"#, done(true));
    let mut command = with_worker(&machine, &script);
    command.arg("--quiet");
    let (code, stdout, stderr) = machine.seen(command);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(!stdout.is_empty());
}

#[test]
fn an_interruption_ends_the_children_too_and_exits_with_130() {
    let machine = Machine::new();
    let ready = machine.path("ready");
    let ended = machine.path("ended");
    // The grandchild notes that it was told to end.
    let script = format!(
        "/bin/sh -c 'trap \"echo ended > {}; exit 0\" TERM; echo ready > {}; while :; do /bin/sleep 0.05; done' &\nwait",
        ended.display(),
        ready.display()
    );
    let mut command = with_worker(&machine, &script);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    wait_for(&ready);
    let pid = i32::try_from(child.id()).expect("a process id");
    let killed = Command::new("/bin/kill").args(["-INT", &pid.to_string()]).status().expect("kill");
    assert!(killed.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    wait_for(&ended);
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("a pipe"), &mut stderr).expect("read");
    assert!(stderr.starts_with("error: interrupted\nhint: run the same command again"), "{stderr}");
}

/// What bash would offer for the last of these words, after the script was sourced beside cargo's own completion.
fn offered(script: &std::path::Path, words: &[&str]) -> String {
    let ask = r#"
        _cargo() { COMPREPLY=("cargo's own: $2"); }
        source "$1"
        shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _cargo_xtask cargo "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash").args(["-c", ask, "bash"]).arg(script).args(words).output().expect("bash");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_two_words_that_people_type_are_completed() {
    let machine = Machine::new();
    let (code, script, _) = machine.seen(machine.command(&["completions", "bash"]));
    assert_eq!(code, Some(0));
    let file = machine.path("completions.bash");
    std::fs::write(&file, script).expect("written");
    assert_eq!(offered(&file, &["cargo", "xtask", "dry-r"]), "dry-run\n");
    assert_eq!(offered(&file, &["cargo", "xtask", "dry-run", "--runti"]), "--runtime\n");
    assert!(offered(&file, &["cargo", "xtask", "snapshot", ""]).contains("verify\n"));
    assert_eq!(offered(&file, &["cargo", "xt"]), "cargo's own: xt\n");
    assert_eq!(offered(&file, &["cargo", "build", "--re"]), "cargo's own: --re\n");
    for (shell, of_cargo) in [("zsh", "compdef _cargo_xtask cargo"), ("fish", "complete -c cargo -n")] {
        let (_, script, _) = machine.seen(machine.command(&["completions", shell]));
        assert!(script.contains(of_cargo), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let machine = Machine::new();
    let mut command = machine.command(&["completions", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), [].as_slice()));
}

#[test]
fn a_full_standard_output_is_an_error() {
    let machine = Machine::new();
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return };
    let mut command = machine.command(&["completions", "bash"]);
    let output = command.stdout(full).stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(3));
    let mut text = std::io::Cursor::new(Vec::new());
    text.write_all(&output.stderr).expect("copied");
    assert!(String::from_utf8_lossy(text.get_ref()).starts_with("error: cannot write to standard output\n"));
}
