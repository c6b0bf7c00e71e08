// SPDX-License-Identifier: Apache-2.0
//! Computes a digest of everything that a blob is built from. While it stays the same, no build is
//! needed.

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

/// The version of the build steps, to be incremented when they change.
const RECIPE: u32 = 3;

/// The parts of a build request that change its result.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The cargo profile: `production`, `release` or `dev`.
    pub profile: &'static str,
    /// The features of the runtime's package, besides the default ones.
    pub features: Vec<String>,
    /// Whether the package's default features are enabled.
    pub default_features: bool,
    /// Whether the runtime is also compiled for the host, as plain cargo does. It must not change
    /// the blob. It is part of the key so that a difference can be seen.
    pub native: bool,
}

/// Returns the digest of the inputs. `compilers` are the names and versions of what compiles.
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
    if let Some(blob) = &runtime.config.blob {
        digest.word("blob", blob);
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
        // A package is identified by its path in the workspace, so that a copy of the workspace has
        // the same key.
        let name = directory.strip_prefix(root).unwrap_or(&directory).to_path_buf();
        for (file, hash) in files(&directory)? {
            digest.word(&name.join(file).to_string_lossy(), hash);
        }
    }
    Ok(digest.finish())
}

/// Returns every file that [`key`] covers.
pub fn covered(metadata: &Metadata, runtime: &Runtime) -> Result<BTreeSet<PathBuf>> {
    let mut all = BTreeSet::new();
    for directory in path_packages(metadata, &runtime.id) {
        all.extend(files(&directory)?.into_keys().map(|file| directory.join(file)));
    }
    Ok(all)
}

/// Returns the directories of all packages in the runtime's dependencies that are not from a
/// registry.
pub fn path_packages(metadata: &Metadata, runtime: &PackageId) -> BTreeSet<PathBuf> {
    let packages = closure(metadata, runtime).into_iter().filter(|package| package.source.is_none());
    packages.filter_map(|package| Some(package.manifest_path.parent()?.as_std_path().to_path_buf())).collect()
}

/// Returns the runtime's package and all its dependencies, ordered by name and version.
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

/// Returns every file of a package with its digest, without inner packages, build directories and
/// hidden files.
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

/// Returns whether a path within a package belongs to it. Hidden files, build directories and
/// snapshots do not.
pub fn is_covered(path: &Path) -> bool {
    let named = |name: &str| !name.starts_with('.') && name != "target";
    path.components().all(|part| named(&part.as_os_str().to_string_lossy()))
        && path.extension().is_none_or(|extension| extension != "snapshot")
}

/// A digest of names and contents. Each has its length before it, so that two different lists never
/// give the same bytes.
#[derive(Default)]
pub struct Digester(Blake2b<U32>);

impl Digester {
    /// Returns a digest without words.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name and its value.
    pub fn word(&mut self, name: &str, value: impl AsRef<[u8]>) {
        for part in [name.as_bytes(), value.as_ref()] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// Returns the BLAKE2-256 hash, `0x` and hex.
    pub fn finish(self) -> String {
        hex::encode_prefixed(self.0.finalize())
    }
}

/// Returns the blake2-256 hash of a file, as 0x hex. The file is read in pieces.
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
    fn only_files_of_the_package_count() {
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
    fn different_lists_have_different_digests() {
        let of = |pairs: &[(&str, &str)]| {
            let mut digest = Digester::new();
            pairs.iter().for_each(|(name, value)| digest.word(name, value));
            digest.finish()
        };
        assert_ne!(of(&[("ab", "c")]), of(&[("a", "bc")]));
        assert_ne!(of(&[("a", "b"), ("c", "d")]), of(&[("a", "bc"), ("", "d")]));
    }
}
