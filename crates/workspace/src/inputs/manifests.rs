// SPDX-License-Identifier: Apache-2.0
//! Selects the parts of a workspace's lock file and root manifest that affect one runtime.
//!
//! The two files change with every dependency of every package. A runtime whose own dependencies
//! did not change must not be built again for that. The entries of other packages are left out,
//! because cargo does not use them in the runtime's build. In doubt a part is kept, which costs an
//! unnecessary build.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_methods, reason = "manifests of cargo are compared by whatever values they have")
)]

use super::Digester;
use cargo_metadata::{Metadata, Package};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};
use worker::Result;

/// The size limit of the files, in bytes. A lock file of ten thousand packages is below 3 MiB.
const LIMIT: u64 = 64 << 20;

/// Adds the relevant parts of the lock file and the manifests to a digest.
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
    digest.word("Cargo.toml", reaching(&values(&text(&root.join("Cargo.toml"))?)).to_string());
    Ok(())
}

/// Reads a file as text.
pub fn text(path: &Path) -> Result<String> {
    if !path.is_file() {
        return Ok(String::new());
    }
    Ok(String::from_utf8_lossy(&files::read_bounded(path, LIMIT)?).into_owned())
}

/// Adds the requirements of a workspace package. Cargo has already filled in what it inherits from
/// the workspace.
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

/// Returns the checksums of a lock file, by name and version.
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

/// Returns the values of a manifest; null if it is not TOML. Cargo has read the current manifest,
/// and an earlier one without values counts as different.
pub fn values(manifest: &str) -> Value {
    toml_edit::de::from_str(manifest).unwrap_or_default()
}

/// Returns the parts of a root manifest that affect every runtime. Left out are tables that only
/// list the contents of the workspace or that cargo has copied into the packages' requirements. Of
/// `[workspace]` only the resolver stays.
pub fn reaching(manifest: &Value) -> Value {
    let mut kept = manifest.clone();
    if let Some(workspace) = kept.get_mut("workspace").and_then(Value::as_object_mut) {
        workspace.retain(|key, _| key == "resolver");
    }
    kept
}

/// Returns the entries of a lock file as text, by name and version.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MANIFEST: &str = "# about\n[workspace]\nresolver = \"2\"\nmembers = [\n    \"a\",\n]\n\n\
        [workspace.metadata.cutover]\ndefault = \"x\"\n[workspace.dependencies]\nserde = \"1\"\n\
        [profile.production]\nlto = \"fat\"\n[patch.crates-io]\nb = { path = \"b\" }\n";

    #[test]
    fn profiles_patches_and_the_resolver_affect_a_runtime() {
        let expected = json!({
            "workspace": {"resolver": "2"},
            "profile": {"production": {"lto": "fat"}},
            "patch": {"crates-io": {"b": {"path": "b"}}},
        });
        assert_eq!(reaching(&values(MANIFEST)), expected);
        assert_eq!(values("[workspace"), Value::Null);
    }

    #[test]
    fn members_and_inherited_dependencies_do_not() {
        let kept = |text: &str| reaching(&values(text));
        let other =
            MANIFEST.replace("\"a\",", "\"a\",\n    \"c\",").replace("serde = \"1\"", "serde = \"1\"\ntoml = \"1\"");
        assert_eq!(kept(&other), kept(MANIFEST));
        assert_ne!(kept(&MANIFEST.replace("fat", "thin")), kept(MANIFEST));
    }

    #[test]
    fn the_lock_file_is_read_package_by_package() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\n\
            checksum = \"aa\"\ndependencies = [\n \"b\",\n]\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&("a".to_string(), "1.0.0".to_string())], "aa");
    }
}
