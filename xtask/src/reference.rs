// SPDX-License-Identifier: Apache-2.0
//! Tests that `docs/commands.md` matches the definition of the command line, from which it is
//! generated. `UPDATE=1 cargo test -p xtask` rewrites it.

use crate::cli::Cli;
use clap::{Arg, ArgAction, Command, CommandFactory};

const HEAD: &str = "\
# Commands

<!-- Generated from the command line's definition: UPDATE=1 cargo test --package xtask -->

This page lists every command with its options. It is generated from the definition of the command
line, like the help text of each command:

    cargo xtask dry-run --help

Results go to standard output, progress goes to standard error. With `--json`, standard output
carries exactly one JSON document: the result, or `{\"error\": …}` with `kind`, `message` and, where known, `found`, `expected` and `hint`.
[schemas.md](schemas.md) lists the JSON schemas of these documents and shows how to validate one.

| Exit code | Meaning |
| --- | --- |
| 0 | success |
| 1 | a check failed |
| 2 | the command line is invalid |
| 3 | the environment lacks something (a tool, the network, disk space); the hint says how to fix it |
| 4 | an input is invalid |
| 5 | a bug in Cutover |
| 6 | not judged: nothing failed, but an applicable check could not run; the check says why |
| 130 | interrupted; the same command resumes if that is possible |

A *source* has the same form everywhere: a file (a blob, hex, a chain spec, a snapshot), the `ws://` or `http://`
address of a node, or `-` for standard input.
";

const TAIL: &str = r#"
## Which packages are runtimes

A package with a library, a build script that has `substrate-wasm-builder` among its build dependencies, and a dependency on
`frame-support`, `sp-api`, or one of the umbrella crates `polkadot-sdk` and `polkadot-sdk-frame`. Packages of the workspace
count, and packages from a registry that a package of the workspace depends on directly. Runtimes
that only tests use (dev-dependencies, and dependencies of packages with `xcm-emulator`,
`xcm-simulator` or `emulated-integration-tests-common`) are not shipped: `list --all` shows them,
and their names work. Names of packages do not matter. A runtime's NAME is its package, the package
without `-runtime`, or its `name` in the Fellowship's `runtimes-matrix.json`, which is read from the
workspace's root, `.github`, `.github/workflows` or `scripts`. A package with several entries there is
a runtime for each: the node and the features of an entry precede those of the manifest. Each
`[workspace.metadata.cutover.runtimes.NAME]` is one, too ([adopt.md](adopt.md#one-package-for-several-chains)).

To read a workspace, its toolchain need not be installed: `list`, `ci matrix` and `weights check`
take the one that runs Cutover. If the sources of a dependency cannot be fetched, `list` and
`weights check` read the manifests alone, and warn.

## Configuration

`[package.metadata.cutover]` of a runtime:

| Key | Meaning |
| --- | --- |
| `runtime` | `true` or `false`: overrules the rule above |
| `features` | the features of the blob for the chain; default: `on-chain-release-build`, if that feature exists |
| `blob` | the name that the build script gives to the blob with `set_file_name`, if it writes several and none with the library's name |
| `state` | the state an upgrade starts from: a file relative to the manifest, a node, or a network; default: a node of the matrix, else the network whose `package` this is |
| `relay` | the chain whose root governs this one, in the forms of `state` |
| `para-id` | the chain's id among the parachains of its relay |
| `route` | the route by which root authorizes the upgrade, as `--route` |
| `dry-run` | `allow = {CHECK = "reason"}`: checks that may fail; `deny = ["CHECK"]` and `strict = true`: hazards that count as failures; `with`: chains that it exchanges messages with, in the forms of `state`; see [dry-run.md](dry-run.md) |
| `release` | `group` and `variants` of its releases; see [release.md](release.md) |

`[workspace.metadata.cutover]`:

| Key | Meaning |
| --- | --- |
| `default` | the runtime of a command that names none |
| `allow` | rules of `diff` that may be violated, each with the reason: `allow = {transaction-version = "…"}`; see [diff.md](diff.md) |
| `host-functions` | the host functions of the chain's own node: `"crate::Type"`, a type that implements `sp_wasm_interface::HostFunctions`; see [adopt.md](adopt.md#host-functions-of-the-chains-own-node) |
| `release` | `tag`, `asset-name`, `title`, `changelog` and `variants` of releases; see [release.md](release.md) |
| `runtimes` | chains that a package is built for: `runtimes.NAME = {package = "…", features = ["…"]}`, with `blob`, `state`, `relay`, `para-id`, `route` and `max-code-size` as above; files are relative to the workspace; see [adopt.md](adopt.md#one-package-for-several-chains) |
| `networks` | chains by name: `networks."paseo/people" = {nodes = ["wss://…"], relay = "paseo", para_id = 1004, package = "…", spec_name = "…"}`; a key that is left out has its built-in value. `networks.NAME = {runtimes = ["relay", "people"]}` names runtimes that `upgrade --network NAME` and `propose network --network NAME` upgrade together, each from its own `state` |

## Networks

The name of a network is a valid source. It stands for the first node of the network that accepts a
connection. `upgrade --network` takes runtime, state and relay chain from it. Built in are `paseo`,
`polkadot`, `kusama` and their system chains: `paseo/asset-hub`, `kusama/people` and so on
(`crates/workspace/networks.json`). The addresses are from the networks' own repositories. They could not be
tested where Cutover is built.

## Completions

Write the script to a file that the shell sources when it starts; in zsh after `compinit`:

    mkdir -p ~/.local/share/cutover
    cargo xtask completions bash > ~/.local/share/cutover/completions.bash
    echo 'source ~/.local/share/cutover/completions.bash' >> ~/.bashrc

For zsh, use `zsh` and `~/.zshrc`. For fish, run
`cargo xtask completions fish > ~/.config/fish/conf.d/cutover.fish`. The arguments of `cargo xtask`
are then completed, and the rest of cargo's command line as before. The scripts for Elvish and
PowerShell only complete the word `xtask`, which must be an alias there.

## Environment

| Variable | Meaning |
| --- | --- |
| `CUTOVER_CACHE` | the directory of toolchains, blobs and logs; default: `$XDG_CACHE_HOME/cutover`, else `~/.cache/cutover` |
| `CUTOVER_WORKERS` | a directory with prebuilt worker binaries, which are then not built |
| `NO_COLOR` | no colors |
"#;

fn reference() -> String {
    let mut text = HEAD.to_owned();
    let mut root = Cli::command();
    root.build();
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        section(&mut text, command, "cargo xtask", 2);
    }
    text.push_str("\n## Global options\n\n");
    table(&mut text, root.get_arguments().filter(|argument| argument.is_global_set()));
    text.push_str(TAIL);
    text
}

fn section(text: &mut String, command: &Command, parent: &str, level: usize) {
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    text.push_str(&format!("\n{} `{name}`\n\n{about}.\n", "#".repeat(level)));
    let own: Vec<&Arg> =
        command.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help").collect();
    if !own.is_empty() {
        text.push('\n');
        table(text, own.into_iter());
    }
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        section(text, inner, &name, level + 1);
    }
}

fn table<'arg>(text: &mut String, arguments: impl Iterator<Item = &'arg Arg>) {
    text.push_str("| Argument | Meaning |\n| --- | --- |\n");
    for argument in arguments {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        let mut meaning = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let values: Vec<_> =
            argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        let takes_value = !matches!(argument.get_action(), ArgAction::SetTrue);
        if takes_value && !values.is_empty() && !argument.is_hide_possible_values_set() {
            meaning.push_str(&format!(": {}", values.join(", ")));
        }
        let defaults: Vec<_> =
            argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        if takes_value && !defaults.is_empty() {
            meaning.push_str(&format!(" [default: {}]", defaults.join(", ")));
        }
        text.push_str(&format!("| `{}` | {meaning} |\n", spelling(argument).replace('|', "\\|")));
    }
}

fn spelling(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    let takes_value = !matches!(argument.get_action(), ArgAction::SetTrue);
    match (argument.get_short(), argument.get_long()) {
        (_, None) => value,
        (short, Some(long)) => {
            let short = short.map(|short| format!("-{short}, ")).unwrap_or_default();
            let value = if takes_value { format!(" {value}") } else { String::new() };
            format!("{short}--{long}{value}")
        }
    }
}

#[test]
fn the_reference_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let text = reference();
    if std::env::var_os("UPDATE").is_some() {
        files::write_whole(&path, text.as_bytes()).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/commands.md is stale: run UPDATE=1 cargo test --package xtask");
}

#[test]
fn every_argument_is_explained() {
    fn check(command: &Command) {
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "shell") {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    let command = Cli::command();
    command.clone().debug_assert();
    check(&command);
}
