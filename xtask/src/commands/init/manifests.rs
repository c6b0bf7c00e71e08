// SPDX-License-Identifier: Apache-2.0
//! Edits manifests and cargo's configuration in place. Existing entries and comments are kept.

use super::Origin;
use std::path::Path;
use toml_edit::{Array, DocumentMut, Item, Table, Value, value};
use worker::{Failure, Result};

/// The proposed `[package.metadata.cutover]` of a runtime that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    pub state: Option<String>,
    pub relay: Option<String>,
    pub para_id: Option<u32>,
    pub features: Option<Vec<String>>,
}

/// The state of an alias in cargo's configuration.
#[derive(Debug, PartialEq, Eq)]
pub enum Alias {
    /// The alias is missing; the file's text with the alias added.
    Missing(String),
    /// The alias runs Cutover.
    Ours,
    /// The alias runs another command; its line.
    Other(String),
}

/// Returns the name of the command's package. It is not `xtask`, which would be ambiguous with
/// Cutover's own package.
pub fn package(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.starts_with("cutover") { format!("{last}-command") } else { format!("cutover-{last}") }
}

/// Returns the manifest of the command's package.
pub fn command_manifest(package: &str, origin: &Origin) -> String {
    format!(
        "# `cargo xtask` runs Cutover in the version given here.\n[package]\nname = \"{package}\"\n\
         version = \"0.0.0\"\nedition = \"2021\"\npublish = false\n\n[dependencies]\ncutover = {}\n",
        origin.dependency()
    )
}

fn parse(text: &str, path: &Path) -> Result<DocumentMut> {
    text.parse::<DocumentMut>()
        .map_err(|error| Failure::input(format!("{} is not valid TOML", path.display())).found(error.to_string()))
}

fn table<'item>(item: &'item mut Item, path: &Path, name: &str) -> Result<&'item mut dyn toml_edit::TableLike> {
    item.as_table_like_mut().ok_or_else(|| Failure::input(format!("`{name}` of {} is not a table", path.display())))
}

/// Returns a table without a header line, for tables that only contain other tables.
fn implicit() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// Returns the root manifest with the new member and the default runtime.
pub fn workspace(text: &str, path: &Path, member: &str, default: Option<&str>) -> Result<String> {
    let mut document = parse(text, path)?;
    let workspace = table(document.entry("workspace").or_insert(Item::Table(Table::new())), path, "workspace")?;
    let members = workspace.entry("members").or_insert(value(Array::new()));
    let members = members
        .as_array_mut()
        .ok_or_else(|| Failure::input(format!("`members` of {} is not an array", path.display())))?;
    if !members.iter().filter_map(Value::as_str).any(|pattern| covers(pattern, member)) {
        add(members, member);
    }
    if let Some(name) = default {
        let metadata = table(workspace.entry("metadata").or_insert(implicit()), path, "workspace.metadata")?;
        let cutover = metadata.entry("cutover").or_insert(Item::Table(Table::new()));
        let cutover = table(cutover, path, "workspace.metadata.cutover")?;
        if cutover.get("default").is_none() {
            cutover.insert("default", value(name));
        }
    }
    Ok(document.to_string())
}

/// Returns whether a member pattern of cargo matches. Supports one `*` in each path component.
fn covers(pattern: &str, member: &str) -> bool {
    let (pattern, member) = (pattern.trim_end_matches('/'), member.trim_end_matches('/'));
    let (parts, names): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), member.split('/').collect());
    let part = |(part, name): (&&str, &&str)| match part.split_once('*') {
        None => part == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
    };
    parts.len() == names.len() && parts.iter().zip(&names).all(part)
}

/// Adds a text to an array, on its own line if the array has one line per entry.
fn add(array: &mut Array, text: &str) {
    let before = array.iter().last().and_then(|last| last.decor().prefix()).and_then(|prefix| prefix.as_str());
    let line = before.filter(|prefix| prefix.contains('\n')).and_then(|prefix| prefix.rsplit('\n').next());
    let mut new = Value::from(text);
    let Some(indent) = line.map(str::to_owned) else {
        array.push(text);
        return;
    };
    // What follows the last entry, which may be a comment on it, stays on its line.
    let comma = array.trailing_comma();
    let after = match comma {
        true => array.trailing().as_str().unwrap_or_default().to_owned(),
        false => {
            let last = array.len().checked_sub(1).and_then(|last| array.get_mut(last));
            let decor = last.map(Value::decor_mut);
            let after = decor.as_ref().and_then(|decor| decor.suffix()).and_then(|suffix| suffix.as_str());
            let after = after.unwrap_or_default().to_owned();
            if let Some(decor) = decor {
                decor.set_suffix("");
            }
            after
        }
    };
    let (kept, end) = after.rsplit_once('\n').unwrap_or((&after, ""));
    new.decor_mut().set_prefix(format!("{kept}\n{indent}"));
    if comma {
        array.push_formatted(new);
        array.set_trailing_comma(true);
        array.set_trailing(format!("\n{end}"));
    } else {
        new.decor_mut().set_suffix(if after.contains('\n') { format!("\n{end}") } else { String::new() });
        array.push_formatted(new);
    }
}

/// Looks up the alias of a command.
pub fn alias(text: &str, path: &Path, name: &str) -> Result<Alias> {
    let mut document = parse(text, path)?;
    let command = format!("run --quiet --package {} --", package(name));
    let last = name.rsplit('/').next().unwrap_or(name);
    let aliases = table(document.entry("alias").or_insert(Item::Table(Table::new())), path, "alias")?;
    match aliases.get(last) {
        Some(existing) if existing.as_str() == Some(&command) => Ok(Alias::Ours),
        Some(existing) => Ok(Alias::Other(format!("{last} = {}", existing.to_string().trim()))),
        None => {
            aliases.insert(last, value(command));
            Ok(Alias::Missing(document.to_string()))
        }
    }
}

/// Returns a runtime's manifest with the proposed configuration. An existing one is kept.
pub fn runtime(text: &str, path: &Path, proposal: &Proposal) -> Result<String> {
    if *proposal == Proposal::default() {
        return Ok(text.to_owned());
    }
    let mut document = parse(text, path)?;
    let package = table(document.entry("package").or_insert(implicit()), path, "package")?;
    let metadata = table(package.entry("metadata").or_insert(implicit()), path, "package.metadata")?;
    if metadata.get("cutover").is_some() {
        return Ok(text.to_owned());
    }
    let mut cutover = Table::new();
    let features = proposal.features.as_ref().map(|features| value(features.iter().collect::<Array>()));
    let keys = [
        ("features", features),
        ("state", proposal.state.as_deref().map(value)),
        ("relay", proposal.relay.as_deref().map(value)),
        ("para-id", proposal.para_id.map(|id| value(i64::from(id)))),
    ];
    for (key, item) in keys {
        if let Some(item) = item {
            cutover.insert(key, item);
        }
    }
    cutover.decor_mut().set_prefix("\n");
    // After [package], not at the end of the file.
    if let Some(position) = document.get("package").and_then(Item::as_table).and_then(Table::position) {
        cutover.set_position(position);
    }
    let package = table(document.entry("package").or_insert(implicit()), path, "package")?;
    let metadata = table(package.entry("metadata").or_insert(implicit()), path, "package.metadata")?;
    metadata.insert("cutover", Item::Table(cutover));
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> &'static Path {
        Path::new("Cargo.toml")
    }

    #[test]
    fn a_member_is_added_in_the_style_of_the_others() {
        let text =
            "# about\n[workspace]\nresolver = \"2\"\nmembers = [\n    # the runtimes\n    \"a\",\n    \"b\",\n]\n";
        let expected = text.replace("    \"b\",\n", "    \"b\",\n    \"xtask\",\n");
        assert_eq!(workspace(text, at(), "xtask", None).expect("edited"), expected);
        assert_eq!(workspace(&expected, at(), "xtask", None).expect("the same"), expected);
        let text = "[workspace]\nmembers = [\"a\"]\n";
        let expected = "[workspace]\nmembers = [\"a\", \"xtask\"]\n";
        assert_eq!(workspace(text, at(), "xtask", None).expect("edited"), expected);
    }

    #[test]
    fn a_list_keeps_its_last_comma_or_its_lack_of_one() {
        let edited = |last: &str| {
            let text = format!("[workspace]\nmembers = [\n    \"a\",\n    {last}]\n");
            workspace(&text, at(), "xtask", None).expect("edited")
        };
        let list = |last: &str| format!("[workspace]\nmembers = [\n    \"a\",\n    {last}]\n");
        assert_eq!(edited("\"b\"\n"), list("\"b\",\n    \"xtask\"\n"));
        assert_eq!(edited("\"b\""), list("\"b\",\n    \"xtask\""));
        assert_eq!(edited("\"b\" # last\n"), list("\"b\", # last\n    \"xtask\"\n"));
        assert_eq!(edited("\"b\", # last\n"), list("\"b\", # last\n    \"xtask\",\n"));
    }

    #[test]
    fn members_that_a_pattern_covers_are_not_named() {
        for pattern in ["*", "xtask", "x*", "xtask/"] {
            let text = format!("[workspace]\nmembers = [\"{pattern}\"]\n");
            assert_eq!(workspace(&text, at(), "xtask", None).expect("the same"), text);
        }
        for pattern in ["crates/*", "y*", "*/xtask"] {
            assert!(!covers(pattern, "xtask"), "{pattern}");
        }
    }

    #[test]
    fn a_single_package_becomes_a_workspace() {
        let text = "[package]\nname = \"a\" # the one\n";
        let edited = workspace(text, at(), "xtask", None).expect("edited");
        assert_eq!(edited, format!("{text}\n[workspace]\nmembers = [\"xtask\"]\n"));
    }

    #[test]
    fn the_default_runtime_is_kept_where_one_is_named() {
        let edited = workspace("[workspace]\nmembers = [\"xtask\"]\n", at(), "xtask", Some("relay")).expect("edited");
        assert!(edited.ends_with("\n[workspace.metadata.cutover]\ndefault = \"relay\"\n"), "{edited}");
        assert_eq!(workspace(&edited, at(), "xtask", Some("other")).expect("the same"), edited);
    }

    #[test]
    fn another_alias_is_reported() {
        let none = match alias("[build]\njobs = 2\n", at(), "xtask").expect("read") {
            Alias::Missing(text) => text,
            other => panic!("{other:?}"),
        };
        assert!(none.ends_with("[alias]\nxtask = \"run --quiet --package cutover-xtask --\"\n"), "{none}");
        assert_eq!(alias(&none, at(), "xtask").expect("read"), Alias::Ours);
        let other = alias("[alias]\nxtask = \"run -p tools --\"\n", at(), "xtask").expect("read");
        assert_eq!(other, Alias::Other("xtask = \"run -p tools --\"".into()));
        assert_eq!(alias("alias = 3", at(), "xtask").expect_err("refused").kind, worker::Kind::Input);
        assert_eq!(alias("[alias", at(), "xtask").expect_err("refused").kind, worker::Kind::Input);
    }

    #[test]
    fn a_table_is_added_after_the_package_and_an_existing_one_kept() {
        let text = "[package]\nname = \"a\"\n\n# used\n[dependencies]\nb = \"1\"\n";
        let proposal = Proposal { state: Some("paseo/people".into()), para_id: Some(1004), ..Proposal::default() };
        let edited = runtime(text, at(), &proposal).expect("edited");
        let table = "\n[package.metadata.cutover]\nstate = \"paseo/people\"\npara-id = 1004\n";
        assert_eq!(edited, text.replace("\n\n# used", &format!("\n{table}\n# used")));
        assert_eq!(
            runtime(&edited, at(), &Proposal { state: Some("x".into()), ..proposal }).expect("the same"),
            edited
        );
    }
}
