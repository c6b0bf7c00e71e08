// SPDX-License-Identifier: Apache-2.0
//! `docs/commands.md`, made from the command line's own definition, so that it cannot say anything else.
//! `UPDATE=1 cargo test -p xtask` rewrites it.

use crate::cli::Cli;
use clap::{Arg, ArgAction, Command, CommandFactory};

const HEAD: &str = "\
# Commands

<!-- Generated from the command line's definition: UPDATE=1 cargo test --package xtask -->

This page lists every command with its options. It is made from the command line's own definition. Each command says the
same of itself:

    cargo xtask dry-run --help

Results go to standard output, what is being done goes to standard error. With `--json` standard output carries exactly
one JSON document: the result, or `{\"error\": …}` with `kind`, `message` and, where known, `found`, `expected` and `hint`.
The JSON schemas of the documents of `diff`, `dry-run`, `inspect`, `snapshot info` and `weights`, and of the digest of a build, are in
[schema/](schema).

| Exit code | Meaning |
| --- | --- |
| 0 | everything is fine |
| 1 | a check gave a negative verdict |
| 2 | the command line is wrong |
| 3 | the environment lacks something (a tool, the network, disk space); the hint mends it |
| 4 | an input is not what it has to be |
| 5 | a defect of Cutover |
| 6 | not judged: nothing was seen to break, and a check that applies could not look; the check says why |
| 130 | interrupted; the same command resumes where that is possible |

A *source* is given the same way everywhere: a file (a blob, hex, a chain spec, a snapshot), the `ws://` or `http://`
address of a node, or `-` for standard input.
";

const TAIL: &str = r#"
## Which packages are runtimes

A package with a library, a build script that has `substrate-wasm-builder` among its build dependencies, and a dependency on
`frame-support`, `sp-api`, or one of the umbrella crates `polkadot-sdk` and `polkadot-sdk-frame`. Packages of the workspace
count, and packages from a registry that a package of the workspace depends on directly. Names decide nothing. A runtime's
NAME is its package, the package without `-runtime`, or its `name` in the Fellowship's `runtimes-matrix.json`, which is read
where it is found (the workspace's root, `.github`, `.github/workflows`).

## Configuration

`[package.metadata.cutover]` of a runtime:

| Key | Meaning |
| --- | --- |
| `runtime` | `true` or `false`: overrules the rule above |
| `features` | the features of the blob that goes on chain; without it `on-chain-release-build`, where there is that feature |
| `state` | the state an upgrade starts from: a file relative to the manifest, a node, or a network |
| `relay` | the chain whose root governs this one, given like `state` |
| `para-id` | the chain's id among the parachains of its relay |
| `route` | how root comes to authorize the upgrade, as `--route` |
| `dry-run` | `allow = {CHECK = "reason"}`: checks that may fail; `deny = ["CHECK"]` and `strict = true`: hazards that count as failures; `with`: chains that it exchanges messages with, given like `state`; see [dry-run.md](dry-run.md) |
| `release` | `group` and `variants` of its releases; see [release.md](release.md) |

`[workspace.metadata.cutover]`:

| Key | Meaning |
| --- | --- |
| `default` | the runtime that is meant when none is named |
| `allow` | rules of `diff` that may be broken, each with the reason: `allow = {transaction-version = "…"}`; see [diff.md](diff.md) |
| `host-functions` | the host functions of the chain's own node: `"crate::Type"`, a type that implements `sp_wasm_interface::HostFunctions`; see [adopt.md](adopt.md#host-functions-of-the-chains-own-node) |
| `release` | `tag`, `asset-name`, `title`, `changelog` and `variants` of releases; see [release.md](release.md) |
| `networks` | chains by name: `networks."paseo/people" = {nodes = ["wss://…"], relay = "paseo", para_id = 1004, package = "…", spec_name = "…"}`; each key that is left out is as built in |

## Networks

Wherever a source is asked for, the name of a network stands for a node of it: the first of its nodes that accepts a connection.
`upgrade --network` takes runtime, state and relay from it. Built in are `paseo`, `polkadot`, `kusama` and their system
chains: `paseo/asset-hub`, `kusama/people` and so on (`xtask/networks.json`). None of their nodes could be asked from where
Cutover is built: the addresses are those that the networks' own repositories name.

## Completions

Write the script into a file and have the shell source that when it starts; in zsh after `compinit`:

    mkdir -p ~/.local/share/cutover
    cargo xtask completions bash > ~/.local/share/cutover/completions.bash
    echo 'source ~/.local/share/cutover/completions.bash' >> ~/.bashrc

For zsh the same with `zsh` and `~/.zshrc`, for fish `cargo xtask completions fish > ~/.config/fish/conf.d/cutover.fish`. What comes after
`cargo xtask` is completed then, and the rest of cargo's command line as before. The scripts for Elvish and PowerShell complete the word
`xtask` alone, for which an alias is needed there.

## Environment

| Variable | Meaning |
| --- | --- |
| `CUTOVER_CACHE` | where toolchains, blobs and logs are kept; without it `$XDG_CACHE_HOME/cutover` or `~/.cache/cutover` |
| `CUTOVER_WORKERS` | a directory with prebuilt worker binaries, used in place of building them |
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
