// SPDX-License-Identifier: Apache-2.0
//! The command line: help, errors, lists.

use cutover_tests::{Runtime, Xtask, snapshot, workspace_with, workspace_with_network};

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let output = Xtask::new(["--help"]).run().expect_code(0);
    for word in
        ["setup", "list", "build", "inspect", "dry-run", "propose", "sign", "verify", "upgrade", "test", "Exit codes"]
    {
        assert!(output.stdout.contains(word), "help lacks {word}:\n{}", output.stdout);
    }
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    Xtask::new(["upgrad"]).run().expect_code(2).mentions(&["upgrade"]);
    Xtask::new(["inspect"]).run().expect_code(2).mentions(&["SOURCE"]);
    Xtask::new(["build", "--engine", "docker-compose"]).run().expect_code(2).mentions(&["host"]);
}

#[test]
fn an_unknown_runtime_is_refused_with_the_nearest_name() {
    Xtask::new(["build", "--runtime", "standalon"]).run().expect_code(2).mentions(&["standalon", "standalone"]);
}

#[test]
fn list_prints_all_runtimes_as_text_and_json() {
    let all = ["parachain", "relay", "standalone"];
    let people = Xtask::new(["list"]).run().expect_code(0);
    assert!(all.iter().all(|name| people.stdout.contains(&format!("runtimes/{name}"))), "{}", people.stdout);
    let document = Xtask::new(["list", "--json"]).run().expect_code(0).json();
    let names: Vec<_> = document["runtimes"]
        .as_array()
        .expect("a list of runtimes")
        .iter()
        .map(|runtime| runtime["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, all);
}

#[test]
fn without_a_terminal_there_is_neither_colour_nor_carriage_return() {
    let output = Xtask::new(["list"]).run().expect_code(0);
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    }
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Xtask::new(["completions", shell]).run().expect_code(0);
        assert!(output.stdout.contains("dry-run"), "{shell}");
    }
}

#[test]
fn setup_check_reports_what_is_missing_and_changes_nothing() {
    let output = Xtask::new(["setup", "--check", "--json"]).run();
    // The test run has already set up the machine.
    let document = output.expect_code(0).json();
    let items = document["items"].as_array().expect("items");
    assert!(items.iter().any(|item| item["name"] == "wasm32v1-none"), "{document:#}");
    let missing: Vec<_> = items.iter().filter(|item| item["status"] == "missing").collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_first_reachable_node_of_a_network_is_used() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let open = format!("ws://{}", listener.local_addr().expect("an address"));
    // No process listens there, and no other test gets this port.
    let closed = "ws://127.0.0.1:1";
    let workspace = workspace_with_network("paseo/people", &format!("[\"{closed}\", \"{open}\"]"));
    let server = std::thread::spawn(move || {
        // Connections are closed at once.
        for stream in listener.incoming().take(2) {
            drop(stream);
        }
    });
    let directory = workspace.path().display().to_string();
    let output = Xtask::new(["--workspace", &directory, "inspect", "paseo/people"]).run();
    output.expect_code(3).mentions(&[&format!("using the node {open} of paseo/people"), "cannot reach the node"]);
    server.join().expect("the server ends");

    let workspace = workspace_with_network("paseo/people", &format!("[\"{closed}\"]"));
    let directory = workspace.path().display().to_string();
    let output = Xtask::new(["--workspace", &directory, "inspect", "paseo/people"]).run();
    output.expect_code(3).mentions(&["no node of paseo/people can be reached", closed, "networks"]);
    let output = Xtask::new(["--workspace", &directory, "inspect", "paseo/bulletin"]).run();
    output.expect_code(2).mentions(&["no node of paseo/bulletin is known"]);
    let output = Xtask::new(["--workspace", &directory, "upgrade", "--network", "paseo/peopel"]).run();
    output.expect_code(2).mentions(&["paseo/peopel", "paseo/people"]);
}

#[test]
fn unknown_host_functions_are_named() {
    let dry_run = |named: &str| {
        let directory = workspace_with(&format!("[workspace.metadata.cutover]\nhost-functions = {named:?}\n"));
        let workspace = directory.path().to_str().expect("UTF-8");
        let blob = directory.path().join("Cargo.toml");
        let state = snapshot(Runtime::Standalone);
        let (blob, state) = (blob.to_str().expect("UTF-8"), state.to_str().expect("UTF-8"));
        Xtask::new(["dry-run", "--workspace", workspace, "--runtime", blob, "--state", state]).run()
    };
    dry_run("HostFunctions").expect_code(4).mentions(&["`host-functions`", "\"HostFunctions\"", "crate"]);
    dry_run("nothing::Host Functions").expect_code(4).mentions(&["`host-functions`"]);
    dry_run("elsewhere::HostFunctions").expect_code(4).mentions(&["`host-functions`", "elsewhere", "dependencies"]);
}
