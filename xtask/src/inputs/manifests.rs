// SPDX-License-Identifier: Apache-2.0
//! What of a workspace's lock file and root manifest reaches one runtime.
//!
//! The two files change with every dependency of every package; a runtime whose own packages stayed as they are must not
//! be built again for that. What is left out here is what cargo does not hand to the runtime's build: other packages'
//! entries. In doubt a part is kept, at the price of a build.

use super::Digester;
use cargo_metadata::{Metadata, Package};
use std::{collections::BTreeMap, path::Path};
use worker::Result;

/// A lock file of ten thousand packages is below 3 MiB.
const LIMIT: u64 = 64 << 20;

pub fn words(digest: &mut Digester, metadata: &Metadata, packages: &[&Package]) -> Result<()> {
    let root = metadata.workspace_root.as_std_path();
    let checksums = checksums(&text(&root.join("Cargo.lock"))?);
    for package in packages {
        let key = (package.name.to_string(), package.version.to_string());
        let source = package.source.as_ref().map(|source| source.repr.as_str()).unwrap_or("path");
        let checksum = checksums.get(&key).map(String::as_str).unwrap_or("none");
        digest.word(&format!("{} {}", key.0, key.1), format!("{source} {checksum}"));
        if package.source.is_none() {
            requirements(digest, package);
        }
    }
    digest.word("Cargo.toml", reaching(&text(&root.join("Cargo.toml"))?));
    Ok(())
}

pub fn text(path: &Path) -> Result<String> {
    if !path.is_file() {
        return Ok(String::new());
    }
    Ok(String::from_utf8_lossy(&files::read_bounded(path, LIMIT)?).into_owned())
}

/// What a package of the workspace asks for, with what it inherits from the workspace put in by cargo.
fn requirements(digest: &mut Digester, package: &Package) {
    digest.word("edition", package.edition.to_string());
    for (feature, parts) in package.features.iter().collect::<BTreeMap<_, _>>() {
        digest.word(&format!("feature {feature}"), parts.join(","));
    }
    let mut all: Vec<_> = package
        .dependencies
        .iter()
        .map(|dependency| {
            let target = dependency.target.as_ref().map(ToString::to_string).unwrap_or_default();
            format!(
                "{} {} {:?} {} {} [{}] {target} {}",
                dependency.name,
                dependency.req,
                dependency.kind,
                dependency.optional,
                dependency.uses_default_features,
                dependency.features.join(","),
                dependency.rename.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    all.sort();
    for dependency in all {
        digest.word("dependency", dependency);
    }
}

/// The checksums of a lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for entry in lock.split("[[package]]").skip(1) {
        let of = |name: &str| field(entry, name);
        if let (Some(name), Some(version), Some(checksum)) = (of("name"), of("version"), of("checksum")) {
            found.insert((name, version), checksum);
        }
    }
    found
}

/// A root manifest without the tables that only tell what the workspace consists of, or that cargo has put into the
/// packages' own requirements. Of `[workspace]` itself the resolver stays.
pub fn reaching(manifest: &str) -> String {
    const ELSEWHERE: [&str; 4] =
        ["workspace.dependencies", "workspace.metadata", "workspace.lints", "workspace.package"];
    let mut kept = String::new();
    let mut table = "";
    for line in manifest.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') && trimmed.ends_with(']') && !line.starts_with(' ') {
            table = trimmed.trim_matches(['[', ']']).trim();
        }
        let elsewhere = ELSEWHERE
            .iter()
            .any(|name| table.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
        let of_workspace = table == "workspace" && !trimmed.starts_with("resolver");
        if !elsewhere && !of_workspace && !trimmed.starts_with('#') && !trimmed.is_empty() {
            kept.push_str(trimmed);
            kept.push('\n');
        }
    }
    kept
}

/// The entries of a lock file as they stand, by name and version.
pub fn entries(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for entry in lock.split("[[package]]").skip(1) {
        if let (Some(name), Some(version)) = (field(entry, "name"), field(entry, "version")) {
            found.insert((name, version), entry.trim().to_owned());
        }
    }
    found
}

fn field(entry: &str, name: &str) -> Option<String> {
    let line = entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    line.map(|value| value.trim().trim_matches('"').to_string())
}

/// The lines of one table of a manifest and of those within it.
pub fn table(manifest: &str, name: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in manifest.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') && trimmed.ends_with(']') && !line.starts_with(' ') {
            let table = trimmed.trim_matches(['[', ']']).trim();
            inside = table.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        }
        if inside && !trimmed.starts_with('#') && !trimmed.is_empty() {
            kept.push_str(line.trim_end());
            kept.push('\n');
        }
    }
    kept
}

/// What `[workspace.dependencies]` says, by the name that packages inherit it under.
pub fn inherited(manifest: &str) -> BTreeMap<String, String> {
    const TABLE: &str = "workspace.dependencies";
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in table(manifest, TABLE).lines() {
        if let Some(header) = line.trim().strip_prefix('[') {
            let header = header.trim_end_matches(']').trim();
            name = header.strip_prefix(TABLE).map(|rest| rest.trim_start_matches('.')).unwrap_or_default().to_owned();
            if name.is_empty() {
                continue;
            }
        } else if let Some((key, _)) = line.split_once('=')
            && !line.starts_with([' ', '\t', ']', '}'])
            && found.get(&name).is_none_or(|text| !text.starts_with("["))
        {
            // `serde.version = "1"` belongs to `serde`.
            name = key.trim().split('.').next().unwrap_or_default().trim_matches('"').to_owned();
        }
        let text = found.entry(name.clone()).or_default();
        text.push_str(line);
        text.push('\n');
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "# about\n[workspace]\nresolver = \"2\"\nmembers = [\n    \"a\",\n]\n\n\
        [workspace.metadata.cutover]\ndefault = \"x\"\n[workspace.dependencies]\nserde = \"1\"\n\
        [profile.production]\nlto = \"fat\"\n[patch.crates-io]\nb = { path = \"b\" }\n";

    #[test]
    fn profiles_patches_and_the_resolver_reach_a_runtime() {
        let kept = reaching(MANIFEST);
        let expected =
            "resolver = \"2\"\n[profile.production]\nlto = \"fat\"\n[patch.crates-io]\nb = { path = \"b\" }\n";
        assert_eq!(kept, expected);
    }

    #[test]
    fn members_and_inherited_dependencies_do_not() {
        let other =
            MANIFEST.replace("\"a\",", "\"a\",\n    \"c\",").replace("serde = \"1\"", "serde = \"1\"\ntoml = \"1\"");
        assert_eq!(reaching(&other), reaching(MANIFEST));
        assert_ne!(reaching(&MANIFEST.replace("fat", "thin")), reaching(MANIFEST));
    }

    #[test]
    fn the_lock_file_is_read_package_by_package() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\n\
            checksum = \"aa\"\ndependencies = [\n \"b\",\n]\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&("a".to_string(), "1.0.0".to_string())], "aa");
    }

    #[test]
    fn an_inherited_dependency_is_known_by_its_name_however_it_is_written() {
        let manifest = "[workspace.dependencies]\na = \"1\"\nb = { version = \"2\", features = [\n    \"x\",\n] }\nc.version = \"3\"\n\
            c.features = [\"y\"]\n[workspace.dependencies.d]\nversion = \"4\"\n\n[profile.dev]\nz = 1\n";
        let found = inherited(manifest);
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert!(found["b"].contains("\"x\"") && found["c"].contains("\"y\"") && found["d"].contains("\"4\""));
        let other = inherited(&manifest.replace("\"x\"", "\"w\""));
        assert_ne!(found["b"], other["b"]);
        assert_eq!(found["c"], other["c"]);
    }

    #[test]
    fn a_table_is_taken_with_what_is_within_it_and_no_more() {
        let manifest = "[workspace.package]\nedition = \"2024\"\n[workspace.metadata.cutover]\ndefault = \"x\"\n\
            # about\n[workspace.metadata.cutover.allow]\na = \"b\"\n[workspace.metadata.cutovers]\nc = 1\n";
        assert_eq!(table(manifest, "workspace.package"), "[workspace.package]\nedition = \"2024\"\n");
        let cutover = table(manifest, "workspace.metadata.cutover");
        assert!(cutover.contains("a = \"b\"") && !cutover.contains("c = 1") && !cutover.contains("about"));
    }
}
