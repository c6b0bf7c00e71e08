// SPDX-License-Identifier: Apache-2.0
//! The `init` command adds `cargo xtask` to another workspace: a small package that depends on
//! Cutover, an alias, and the detected configuration. All changes are shown before they are
//! written. See docs/adopt.md.

mod manifests;
mod origin;
mod workflows;

use crate::cli;
use manifests::{Alias, Proposal};
use origin::Origin;
use protocol::{
    format,
    workspace::{InitAction, InitFile, InitReport},
};
use similar::TextDiff;
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::{
    context::Context,
    runtimes::{Runtime, Workspace},
};

const LIMIT: u64 = 4 << 20;
const MAIN: &str = "fn main() -> std::process::ExitCode {\n    cutover::main(env!(\"CARGO_MANIFEST_DIR\"))\n}\n";

/// A file to write. `old` is its current content, if it exists.
struct Change {
    path: PathBuf,
    old: Option<String>,
    new: String,
}

pub fn run(context: &Context, options: &cli::Init) -> Result<bool> {
    if !context.foreign() {
        return Err(Failure::usage("Cutover's own workspace already has `cargo xtask`")
            .hint("name the workspace to set up: --workspace DIR"));
    }
    let workspace = Workspace::load_members(context)?;
    let origin = Origin::of(context, options.cutover.as_deref())?;
    let mut notes = Vec::new();
    let changes = propose(context, options, &workspace, &origin, &mut notes)?;
    if changes.is_empty() {
        notes.clear();
    }
    let mut report = InitReport {
        format: format::INIT.into(),
        workspace: context.workspace.clone(),
        files: changes.iter().map(|change| describe(change, &context.workspace)).collect(),
        notes,
        applied: false,
    };
    if changes.is_empty() {
        report.applied = true;
        context.printer.result(&report, || "nothing to do: the workspace is set up already\n".to_owned())?;
        return Ok(true);
    }
    if !options.yes && !context.printer.is_json() {
        // The user sees the changes before the question.
        context.printer.data(&report::init::changes(&report))?;
    }
    let agreed = options.yes || context.printer.confirm("write these files?");
    if agreed {
        for change in &changes {
            apply(change)?;
        }
        report.applied = true;
    }
    let seen = !options.yes;
    context.printer.result(&report, || report::init::done(&report, seen))?;
    Ok(true)
}

/// Returns the changes still to make. Empty if the workspace is set up.
fn propose(
    context: &Context,
    options: &cli::Init,
    workspace: &Workspace,
    origin: &Origin,
    notes: &mut Vec<String>,
) -> Result<Vec<Change>> {
    let root = &context.workspace;
    let mut changes = Vec::new();
    let configuration = cargo_configuration(root);
    let aliases = read(&configuration)?;
    let name = match (adopted(workspace), &options.name) {
        (Some(name), _) => name,
        (None, Some(name)) => {
            check_name(name)?;
            if let Some(what) = taken(root, aliases.as_deref(), &configuration, name)? {
                return Err(Failure::input(format!("the name {name} is taken"))
                    .found(what)
                    .hint("choose another --name"));
            }
            name.clone()
        }
        (None, None) => match taken(root, aliases.as_deref(), &configuration, "xtask")? {
            None => "xtask".to_owned(),
            Some(what) => {
                if let Some(other) = taken(root, aliases.as_deref(), &configuration, "cutover")? {
                    return Err(Failure::input("the names xtask and cutover are taken")
                        .found(format!("{what}; {other}"))
                        .hint("choose another with --name"));
                }
                notes.push(format!("the name xtask is taken ({what}): the command is `cargo cutover`"));
                "cutover".to_owned()
            }
        },
    };
    let package = manifests::package(&name);
    if adopted(workspace).is_none() {
        let directory = root.join(&name);
        changes.push(Change {
            path: directory.join("Cargo.toml"),
            old: None,
            new: manifests::command_manifest(&package, origin),
        });
        changes.push(Change { path: directory.join("src/main.rs"), old: None, new: MAIN.to_owned() });
        notes.extend(origin.note());
    }
    let manifest = root.join("Cargo.toml");
    let old = read(&manifest)?.unwrap_or_default();
    let default = default_runtime(workspace, notes)?;
    let new = manifests::workspace(&old, &manifest, &name, default.as_deref())?;
    push(&mut changes, manifest, Some(old), new);
    let new = match manifests::alias(aliases.as_deref().unwrap_or_default(), &configuration, &name)? {
        Alias::Missing(new) => new,
        Alias::Ours => aliases.clone().unwrap_or_default(),
        Alias::Other(what) => {
            return Err(Failure::input(format!("{} has another alias {name}", configuration.display())).found(what));
        }
    };
    push(&mut changes, configuration, aliases, new);
    let features = workflows::features(root)?;
    // The manifest of several runtimes is left alone: the matrix says what each of them has.
    let configurable = |runtime: &&Runtime| runtime.through.is_none() && !runtime.shares_package;
    for runtime in workspace.runtimes.iter().filter(configurable) {
        let path = runtime.directory.join("Cargo.toml");
        let old = changes.iter().find(|change| change.path == path).map(|change| change.new.clone());
        let old = match old {
            Some(old) => old,
            None => read(&path)?.unwrap_or_default(),
        };
        let proposal = proposal(runtime, &features, notes)?;
        let new = manifests::runtime(&old, &path, &proposal)?;
        match changes.iter_mut().find(|change| change.path == path) {
            // The root manifest of the workspace is also the runtime's.
            Some(change) => change.new = new,
            None => push(&mut changes, path, Some(old), new),
        }
    }
    if workspace.runtimes.is_empty() {
        notes.push(
            "no package of the workspace is a runtime; those from a registry are found once there is a Cargo.lock"
                .into(),
        );
    }
    notes.extend(workflows::notes(root, &name)?);
    Ok(changes)
}

/// Adds a change, unless the content stays the same.
fn push(changes: &mut Vec<Change>, path: PathBuf, old: Option<String>, new: String) {
    if old.as_deref() != Some(new.as_str()) {
        changes.push(Change { path, old, new });
    }
}

/// Returns the directory of the workspace member that depends on Cutover, if any.
fn adopted(workspace: &Workspace) -> Option<String> {
    let root = &workspace.metadata.workspace_root;
    let is_cutover = |dependency: &cargo_metadata::Dependency| {
        dependency.name == "xtask" && dependency.rename.as_deref() == Some("cutover")
    };
    let packages = workspace.metadata.workspace_packages().into_iter();
    let package = packages.into_iter().find(|package| package.dependencies.iter().any(is_cutover))?;
    Some(package.manifest_path.parent()?.strip_prefix(root).ok()?.to_string())
}

/// Returns what uses this name in the workspace already: a directory or an alias.
fn taken(root: &Path, aliases: Option<&str>, configuration: &Path, name: &str) -> Result<Option<String>> {
    if root.join(name).exists() {
        return Ok(Some(format!("there is a directory {name}")));
    }
    Ok(match manifests::alias(aliases.unwrap_or_default(), configuration, name)? {
        Alias::Other(what) => Some(format!("there is an alias {what}")),
        Alias::Missing(_) | Alias::Ours => None,
    })
}

/// Checks the name of the command.
fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 40 && name.bytes().all(plain) {
        true => Ok(()),
        false => Err(Failure::usage(format!("{name:?} is not a valid command name"))
            .expected("lower-case letters, digits and -, a letter first")),
    }
}

/// Returns the path of cargo's configuration. If the older name `.cargo/config` exists, cargo reads
/// only that.
fn cargo_configuration(root: &Path) -> PathBuf {
    let older = root.join(".cargo/config");
    if older.is_file() { older } else { root.join(".cargo/config.toml") }
}

fn read(path: &Path) -> Result<Option<String>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = String::from_utf8(files::read_bounded(path, LIMIT)?);
    text.map(Some).map_err(|_| Failure::input(format!("{} is not UTF-8", path.display())))
}

/// Returns the default runtime to configure: the relay chain's, if the workspace has several
/// runtimes.
fn default_runtime(workspace: &Workspace, notes: &mut Vec<String>) -> Result<Option<String>> {
    if workspace.config.default.is_some() || workspace.runtimes.len() < 2 {
        return Ok(None);
    }
    let mut relays = Vec::new();
    for runtime in &workspace.runtimes {
        if workspace.group(runtime)? == cli::Group::Relay {
            relays.push(runtime.name.clone());
        }
    }
    match relays.as_slice() {
        [one] => Ok(Some(one.clone())),
        _ => {
            notes.push(
                "there are several runtimes: name one with --runtime, or set `default` in [workspace.metadata.cutover]"
                    .into(),
            );
            Ok(None)
        }
    }
}

/// Returns the configuration of a runtime, detected from the matrix, the known networks and the
/// workflows.
fn proposal(runtime: &Runtime, features: &[String], notes: &mut Vec<String>) -> Result<Proposal> {
    let mut proposal = Proposal::default();
    if let Some((name, network)) = runtime.default_network() {
        proposal.state = Some(name.to_owned());
        proposal.relay.clone_from(&network.relay);
        proposal.para_id = network.para_id;
    } else if let Some(matrix) = &runtime.matrix {
        proposal.state = matrix.node().cloned();
    }
    let has_all = features.iter().all(|feature| runtime.features.contains(feature));
    if !features.is_empty() && has_all && runtime.release_features() != features {
        proposal.features = Some(features.to_vec());
    }
    if proposal.state.is_none() && runtime.config.state.is_none() {
        notes.push(format!(
            "{}: its chain is not known: name its state with --state, or set `state` in its [package.metadata.cutover]",
            runtime.name
        ));
    }
    Ok(proposal)
}

/// Returns a change as it is reported, with a unified diff.
fn describe(change: &Change, root: &Path) -> InitFile {
    let name = change.path.strip_prefix(root).unwrap_or(&change.path).display().to_string();
    let old = change.old.as_deref().unwrap_or_default();
    let from = if change.old.is_some() { format!("a/{name}") } else { "/dev/null".to_owned() };
    let diff = TextDiff::from_lines(old, &change.new).unified_diff().header(&from, &format!("b/{name}")).to_string();
    let action = if change.old.is_some() { InitAction::Edit } else { InitAction::Create };
    InitFile { path: name, action, diff }
}

/// Writes a change. Returns an error if the file was changed after the changes were shown.
fn apply(change: &Change) -> Result<()> {
    if read(&change.path)? != change.old {
        return Err(Failure::input(format!("{} was changed during the run", change.path.display()))
            .hint("run the command again"));
    }
    files::write_whole(&change.path, change.new.as_bytes())
}
