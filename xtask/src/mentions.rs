// SPDX-License-Identifier: Apache-2.0
//! Tests that every command and option in a message, a hint, a help text or a page exists.

use crate::cli::Cli;
use clap::{Command, CommandFactory};
use files::DirEntry;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The options of other programs that texts mention.
const OF_OTHERS: [(&str, &[&str]); 16] = [
    ("apt-get", &["no-install-recommends"]),
    ("b2sum", &["length"]),
    (
        "cargo",
        &[
            "all",
            "all-targets",
            "bin",
            "bins",
            "compile-time-deps",
            "config",
            "exclude",
            "include-ignored",
            "lib",
            "locked",
            "manifest-path",
            "offline",
            "package",
            "target-dir",
            "test",
        ],
    ),
    ("cargo-nextest", &["no-capture", "run-ignored"]),
    ("docker", &["force", "platform"]),
    ("dockerd", &["bridge", "ip", "iptables", "storage-driver"]),
    ("gh", &["scopes"]),
    ("git", &["ff-only", "tags", "unshallow"]),
    ("kubectl", &["filename", "namespace", "output"]),
    ("a node", &["blocks-pruning", "chain", "mode", "rpc-rate-limit"]),
    ("pip", &["only-binary", "require-hashes"]),
    ("rustc", &["cfg", "sysroot"]),
    ("rustup", &["toolchain"]),
    ("sccache", &["stop-server"]),
    ("srtool", &["app", "runtime-dir"]),
    ("subkey", &["scheme", "suri"]),
];

/// Code spans that start like a command of ours but belong to another program.
const SPANS_OF_OTHERS: [&str; 1] = ["build --app --json"];

/// The characters that end a command in a text.
const ENDS: [char; 7] = ['`', '|', ';', '>', '\n', '&', '\\'];

struct Checker {
    root: Command,
    options: BTreeSet<String>,
}

impl Checker {
    fn new() -> Self {
        let mut root = Cli::command();
        root.build();
        let mut options = BTreeSet::from(["help".to_owned(), "version".to_owned()]);
        collect_options(&root, &mut options);
        options.extend(OF_OTHERS.iter().flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned())));
        Self { root, options }
    }

    /// Returns all errors in a text. In prose every option must be known. A text without spaces is
    /// an argument of some program.
    fn check(&self, text: &str, prose: bool) -> Vec<String> {
        let text = text.replace("\\\n", " ");
        let mut wrong = Vec::new();
        for (at, name) in text.match_indices("cargo xtask ") {
            wrong.extend(self.command(&text[at + name.len()..]));
        }
        for span in code_spans(&text).filter(|span| !SPANS_OF_OTHERS.contains(span)) {
            let mut words = span.split_whitespace();
            let ours = words.next().is_some_and(|word| self.root.find_subcommand(word).is_some());
            if ours && words.next().is_some() {
                wrong.extend(self.command(span));
            }
        }
        if prose {
            let unknown = options(&text).filter(|name| !self.options.contains(*name));
            wrong.extend(unknown.map(|name| format!("no command has an option --{name}")));
        }
        wrong
    }

    /// Checks the words after `cargo xtask`.
    fn command(&self, text: &str) -> Option<String> {
        let text = text.split(ENDS).next().unwrap_or_default();
        let mut command = &self.root;
        let mut words = text.split_whitespace().map(|word| word.trim_end_matches([',', '.', ':', ')', '\'', '"', '…']));
        while let Some(word) = words.next() {
            let name = command.get_bin_name().unwrap_or("cargo xtask");
            if let Some(inner) = command.find_subcommand(word) {
                command = inner;
            } else if word == "--" || command.get_arguments().any(|argument| argument.is_allow_hyphen_values_set()) {
                return None;
            } else if let Some(option) = options(word).next() {
                match command.get_arguments().find(|argument| argument.get_long() == Some(option)) {
                    // The value of an option is not a command.
                    Some(known) if known.get_action().takes_values() && !word.contains('=') => drop(words.next()),
                    None if option != "help" => return Some(format!("`{name}` has no option --{option}")),
                    _ => {}
                }
            } else if command.is_subcommand_required_set() && !word.starts_with('{') && !word.is_empty() {
                return Some(format!("`{name}` has no command {word}"));
            }
        }
        None
    }
}

fn collect_options(command: &Command, into: &mut BTreeSet<String>) {
    into.extend(command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned));
    command.get_subcommands().for_each(|inner| collect_options(inner, into));
}

/// Returns the names of the `--options` in a text.
fn options(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("--").filter_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = &text[at + 2..];
        let length = after.find(|byte: char| !byte.is_ascii_lowercase() && byte != '-').unwrap_or(after.len());
        let name = after[..length].trim_end_matches('-');
        let begins = before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != '-' && byte != '_');
        (begins && name.len() > 1 && !name.starts_with('-')).then_some(name)
    })
}

/// Returns the texts between backticks on one line.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Collects the string literals and documentation comments of a source file, without those of its
/// tests.
fn texts(tokens: TokenStream, into: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && is_cfg_test(&group.stream()) => {
                skip_item(&mut tokens);
            }
            // A command of another program.
            TokenTree::Ident(name) if name == "tool" && tokens.peek().is_some_and(is_bang) => {
                tokens.by_ref().take(2).for_each(drop);
            }
            TokenTree::Group(group) => texts(group.stream(), into),
            TokenTree::Literal(literal) => {
                if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                    into.push(text.value());
                }
            }
            _ => {}
        }
    }
}

fn is_bang(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '!')
}

pub fn is_cfg_test(attribute: &TokenStream) -> bool {
    attribute.to_string().replace(' ', "") == "cfg(test)"
}

/// Skips the item after an attribute. It ends with its body or with a semicolon.
pub fn skip_item(tokens: &mut impl Iterator<Item = TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => break,
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            _ => {}
        }
    }
}

pub fn files(directory: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    let elsewhere =
        |entry: &DirEntry| ["target", "fuzz", "tests", "node_modules"].iter().any(|name| entry.file_name() == *name);
    let entries = files::below(directory).sort_by_file_name().into_iter().filter_entry(|entry| !elsewhere(entry));
    for entry in entries {
        let path = entry.expect("an entry").into_path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(ending) && !name.contains("tests.rs") {
            into.push(path);
        }
    }
}

fn found_in(paths: &[PathBuf], mut wrong: impl FnMut(&str) -> Vec<String>) {
    assert!(!paths.is_empty());
    let mut found = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path).expect("a text");
        found.extend(wrong(&text).into_iter().map(|what| format!("{}: {what}", path.display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

pub fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn what_messages_and_hints_name_exists() {
    let checker = Checker::new();
    let mut paths = Vec::new();
    files(&home().join("xtask/src"), ".rs", &mut paths);
    files(&home().join("crates"), ".rs", &mut paths);
    // The examples in this file are wrong on purpose.
    paths.retain(|path| !path.ends_with("xtask/src/mentions.rs"));
    found_in(&paths, |text| {
        let mut all = Vec::new();
        texts(text.parse().expect("Rust"), &mut all);
        all.iter().flat_map(|text| checker.check(text, text.contains(' '))).collect()
    });
}

#[test]
fn what_pages_name_exists() {
    let checker = Checker::new();
    let mut paths = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| home().join(name)).to_vec();
    files(&home().join("docs"), ".md", &mut paths);
    found_in(&paths, |text| checker.check(text, true));
}

#[test]
fn what_workflows_and_scripts_run_exists() {
    let checker = Checker::new();
    let mut paths = vec![home().join(".ci/run")];
    files(&home().join(".github/workflows"), ".yml", &mut paths);
    found_in(&paths, |text| checker.check(text, false));
}

#[test]
fn missing_commands_and_options_are_found() {
    let checker = Checker::new();
    for (text, wrong) in [
        ("allow more with --migration-blocks, if so many are meant", "no command has an option --migration-blocks"),
        ("take `snapshot URL` first", "`cargo xtask snapshot` has no command URL"),
        ("cargo xtask dry-run --runtime a --engine host", "`cargo xtask dry-run` has no option --engine"),
        ("first cargo xtask practise, then", "`cargo xtask` has no command practise"),
        ("cargo xtask --github ci \\\n  matrix --bass x", "`cargo xtask ci matrix` has no option --bass"),
    ] {
        assert_eq!(checker.check(text, text.starts_with("allow")), [wrong], "{text}");
    }
    for text in [
        "`cargo xtask` builds it on first use; `cargo xtask test --run-ignored only -E 'test(x)'`",
        "run `snapshot create NODE --out FILE`, then a `build`",
        "cargo xtask weights run --list | head --lines 3",
        "cargo xtask --workspace DIR list",
        "an em -- dash, a rule ----",
    ] {
        assert_eq!(checker.check(text, false), [""; 0], "{text}");
    }
}
