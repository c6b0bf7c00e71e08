// SPDX-License-Identifier: Apache-2.0
//! What a blob is made from, as one digest: while it stays the same nothing has to be built.

use crate::runtimes::Runtime;
use blake2::{Blake2b, Digest, digest::consts::U32};
use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};
use files::DirEntry;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

pub mod manifests;

/// Counted up when the way a blob is built changes.
const RECIPE: u32 = 2;

/// What of a build's request changes its result.
#[derive(Clone, Debug)]
pub struct Variant {
    pub profile: &'static str,
    pub features: Vec<String>,
    pub default_features: bool,
    /// Whether the runtime is compiled for the host as well, as plain cargo does. It must make no difference, and is told
    /// apart so that this can be seen.
    pub native: bool,
}

/// `compilers`: what compiles, each part by name, as it tells its version.
pub fn key(metadata: &Metadata, runtime: &Runtime, compilers: &[(&str, &str)], variant: &Variant) -> Result<String> {
    let root = metadata.workspace_root.as_std_path();
    let mut digest = Digester::new();
    digest.word("recipe", RECIPE.to_string());
    digest.word("package", format!("{} {}", runtime.package, runtime.version));
    digest.word("profile", variant.profile);
    let mut features = variant.features.clone();
    features.sort();
    digest.word("features", features.join(","));
    digest.word("default features", variant.default_features.to_string());
    if variant.native {
        digest.word("native", "too");
    }
    for (name, version) in compilers {
        digest.word(name, version);
    }
    let configuration = root.join(".cargo/config.toml");
    if configuration.is_file() {
        digest.word(".cargo/config.toml", file_digest(&configuration)?);
    }
    manifests::words(&mut digest, metadata, &closure(metadata, &runtime.id))?;
    for directory in path_packages(metadata, &runtime.id) {
        // A package is known by its place in the workspace, or a copied workspace would not be the same.
        let name = directory.strip_prefix(root).unwrap_or(&directory).to_path_buf();
        for (file, hash) in files(&directory)? {
            digest.word(&name.join(file).to_string_lossy(), hash);
        }
    }
    Ok(digest.finish())
}

/// Every file that [`key`] covers.
pub fn covered(metadata: &Metadata, runtime: &Runtime) -> Result<BTreeSet<PathBuf>> {
    let mut all = BTreeSet::new();
    for directory in path_packages(metadata, &runtime.id) {
        all.extend(files(&directory)?.into_keys().map(|file| directory.join(file)));
    }
    Ok(all)
}

/// The directories of all packages without a registry that the runtime is made from.
pub fn path_packages(metadata: &Metadata, runtime: &PackageId) -> BTreeSet<PathBuf> {
    let packages = closure(metadata, runtime).into_iter().filter(|package| package.source.is_none());
    packages.filter_map(|package| Some(package.manifest_path.parent()?.as_std_path().to_path_buf())).collect()
}

/// All packages that the runtime is made from, in the order of their names and versions.
pub fn closure<'a>(metadata: &'a Metadata, runtime: &'a PackageId) -> Vec<&'a Package> {
    let nodes: BTreeMap<_, _> =
        metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::new();
    let mut pending = vec![runtime];
    while let Some(id) = pending.pop() {
        if !seen.insert(id) {
            continue;
        }
        let deps = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
        let used = deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
        pending.extend(used.map(|dep| &dep.pkg));
    }
    let mut packages: Vec<_> = metadata.packages.iter().filter(|package| seen.contains(&package.id)).collect();
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    packages
}

/// Every file of a package with its digest; packages inside it, build directories and hidden files left out.
fn files(directory: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let belongs = |entry: &DirEntry| {
        let is_package = entry.file_type().is_dir() && entry.path().join("Cargo.toml").is_file();
        is_covered(Path::new(entry.file_name())) && !is_package
    };
    let mut found = BTreeMap::new();
    for entry in files::below(directory).into_iter().filter_entry(belongs) {
        let path = files::listed(entry)?.into_path();
        if path.is_file() {
            let relative = path.strip_prefix(directory).unwrap_or(&path).to_path_buf();
            found.insert(relative, file_digest(&path)?);
        }
    }
    Ok(found)
}

/// Whether a path within a package is one of its files: hidden files, build directories and recorded states are not.
pub fn is_covered(path: &Path) -> bool {
    let named = |name: &str| !name.starts_with('.') && name != "target";
    path.components().all(|part| named(&part.as_os_str().to_string_lossy()))
        && path.extension().is_none_or(|extension| extension != "snapshot")
}

/// Names and contents, each with its length, so that no two lists are one text.
pub struct Digester(Blake2b<U32>);

impl Digester {
    pub fn new() -> Self {
        Self(Blake2b::new())
    }

    pub fn word(&mut self, name: &str, value: impl AsRef<[u8]>) {
        for part in [name.as_bytes(), value.as_ref()] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    pub fn finish(self) -> String {
        hex::encode_prefixed(self.0.finalize())
    }
}

/// blake2-256 of a file, read in pieces.
pub fn file_digest(path: &Path) -> Result<String> {
    let io = |error: std::io::Error| Failure::io("read", path, &error);
    let mut file = std::fs::File::open(path).map_err(io)?;
    let mut digest = Blake2b::<U32>::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = std::io::Read::read(&mut file, &mut buffer).map_err(io)?;
        if count == 0 {
            return Ok(hex::encode_prefixed(digest.finalize()));
        }
        digest.update(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_known_digest() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("empty");
        std::fs::write(&path, "").expect("written");
        let digest = file_digest(&path).expect("read");
        assert_eq!(digest, "0x0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    }

    #[test]
    fn only_what_belongs_to_the_package_counts() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in [
            "Cargo.toml",
            "src/lib.rs",
            "weights.json",
            "target/debug/x",
            ".git/HEAD",
            "inner/Cargo.toml",
            "inner/src/lib.rs",
        ] {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, name).expect("written");
        }
        let files = files(directory.path()).expect("listed");
        let names: Vec<_> = files.keys().map(|path| path.to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["Cargo.toml", "src/lib.rs", "weights.json"]);
    }

    #[test]
    fn a_name_and_its_value_cannot_be_shifted() {
        let of = |pairs: &[(&str, &str)]| {
            let mut digest = Digester::new();
            pairs.iter().for_each(|(name, value)| digest.word(name, value));
            digest.finish()
        };
        assert_ne!(of(&[("ab", "c")]), of(&[("a", "bc")]));
        assert_ne!(of(&[("a", "b"), ("c", "d")]), of(&[("a", "bc"), ("", "d")]));
    }
}
