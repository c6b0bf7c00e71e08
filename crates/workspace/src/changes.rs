// SPDX-License-Identifier: Apache-2.0
//! Finds the runtimes that a change can affect.
//!
//! A runtime is affected by the inputs of its digest (see `inputs`): the packages in its
//! dependencies that are not from a registry, their entries in the lock file, and the parts of the
//! root manifest that affect all packages. Two revisions are compared part by part, so that each
//! reason can be reported. In doubt a runtime counts as affected, which costs an unnecessary job.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_methods, reason = "manifests of cargo are compared by whatever values they have")
)]

use crate::{
    context::Context,
    git,
    inputs::{self, manifests},
    revision,
    runtimes::{self, Runtime, Workspace},
};
use process::tool;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};
use worker::{Failure, Result};

/// The maximum number of reasons that are reported for one runtime.
const MAX_REASONS: usize = 40;
/// The path of the dependencies that packages inherit, in a manifest.
const INHERITED: &str = "/workspace/dependencies";

/// The kind of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A file of a package in the runtime's dependencies.
    Package,
    /// A dependency's entry in the lock file.
    LockFile,
    /// A setting for all packages of the workspace.
    Workspace,
    /// The state from which an upgrade of the runtime starts.
    State,
    /// The configuration of Cutover for the runtime.
    Configuration,
}

impl Kind {
    /// Returns the name in documents: `lock_file`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::LockFile => "lock_file",
            Self::Workspace => "workspace",
            Self::State => "state",
            Self::Configuration => "configuration",
        }
    }
}

/// The difference between the work tree and a base revision.
pub struct Change<'workspace> {
    workspace: &'workspace Workspace,
    /// The merge base.
    pub base: String,
    /// The changed files, including uncommitted changes.
    pub files: BTreeSet<PathBuf>,
    /// The reasons that apply to all runtimes.
    general: Vec<(Kind, String)>,
    base_files: BaseFiles,
}

/// The parts of the base revision that are compared one by one.
#[derive(Default)]
struct BaseFiles {
    lock: BTreeMap<(String, String), String>,
    /// `[workspace.dependencies]`.
    dependencies: Value,
    matrix: Vec<runtimes::Matrix>,
    /// Whether the base has a lock file; without one every runtime is affected.
    has_lock: bool,
}

/// Compares the work tree with the merge base of HEAD and `base`.
pub fn since<'workspace>(
    context: &Context,
    workspace: &'workspace Workspace,
    base: &str,
) -> Result<Change<'workspace>> {
    let repository = git::root(&context.workspace).ok_or_else(|| {
        Failure::input(format!("{} is not in a git repository", context.workspace.display()))
            .expected("a repository, whose history shows what changed")
    })?;
    let named = revision::commit(&repository, base)?;
    let parted = merge_base(&repository, &named, base)?;
    let files = changed_files(&repository, &parted)?;
    let root = std::fs::canonicalize(&context.workspace)
        .map_err(|error| Failure::io("open the workspace", &context.workspace, &error))?;
    let place = root.strip_prefix(&repository).unwrap_or(Path::new(""));
    let at_base = |name: &str| -> Result<String> {
        let content = revision::file(&repository, &parted, &place.join(name))?;
        Ok(content.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    };
    let lock = at_base("Cargo.lock")?;
    let manifest = manifests::values(&at_base("Cargo.toml")?);
    let now = manifests::values(&manifests::text(&root.join("Cargo.toml"))?);
    let mut general = Vec::new();
    for name in ["rust-toolchain.toml", "rust-toolchain", ".cargo/config.toml", ".cargo/config"] {
        if files.contains(&root.join(name)) {
            general.push((Kind::Workspace, name.to_owned()));
        }
    }
    let table = |manifest: &Value, place: &str| manifest.pointer(place).cloned().unwrap_or_default();
    for (what, kind, former, present) in [
        (
            "profiles, patches or the resolver in Cargo.toml",
            Kind::Workspace,
            manifests::reaching(&manifest),
            manifests::reaching(&now),
        ),
        (
            "[workspace.package] in Cargo.toml",
            Kind::Workspace,
            table(&manifest, "/workspace/package"),
            table(&now, "/workspace/package"),
        ),
        (
            "[workspace.metadata.cutover] in Cargo.toml",
            Kind::Configuration,
            table(&manifest, "/workspace/metadata/cutover"),
            table(&now, "/workspace/metadata/cutover"),
        ),
    ] {
        if former != present {
            general.push((kind, what.to_owned()));
        }
    }
    let mut matrix = Vec::new();
    for name in runtimes::MATRIX_PLACES {
        let text = at_base(name)?;
        // A matrix that cannot be read counts as missing, so every runtime of the current one is
        // new.
        matrix = if text.is_empty() { continue } else { serde_json::from_str(&text).unwrap_or_default() };
        break;
    }
    let base_files = BaseFiles {
        has_lock: !lock.is_empty(),
        lock: manifests::entries(&lock),
        dependencies: table(&manifest, INHERITED),
        matrix,
    };
    Ok(Change { workspace, base: parted, files, general, base_files })
}

impl Change<'_> {
    /// Returns the reasons why a runtime may differ; none if it cannot.
    pub fn reasons(&self, runtime: &Runtime) -> Vec<(Kind, String)> {
        let mut reasons = self.general.clone();
        let metadata = &self.workspace.metadata;
        let root = metadata.workspace_root.as_std_path();
        let closure = inputs::closure(metadata, &runtime.id);
        let through = metadata.packages.iter().filter(|package| {
            // The package that depends on a published runtime sets its features.
            runtime.through.as_deref() == Some(package.name.as_str()) && package.source.is_none()
        });
        let own: BTreeSet<PathBuf> = closure
            .iter()
            .copied()
            .chain(through)
            .filter(|package| package.source.is_none())
            .filter_map(|package| canonical(package.manifest_path.parent()?.as_std_path()))
            .collect();
        let packages: BTreeSet<PathBuf> = metadata
            .packages
            .iter()
            .filter(|package| package.source.is_none())
            .filter_map(|package| canonical(package.manifest_path.parent()?.as_std_path()))
            .collect();
        for file in &self.files {
            if let Some(directory) = innermost_package(file, &packages)
                && own.contains(directory)
                && inputs::is_covered(file.strip_prefix(directory).unwrap_or(file))
            {
                reasons.push((Kind::Package, shown(file, root)));
            } else if own.iter().any(|directory| directory.starts_with(file)) {
                // A submodule changes as a whole.
                reasons.push((Kind::Package, shown(file, root)));
            }
        }
        let rehearsal = &runtime.config.dry_run;
        let beside = rehearsal.with.iter().chain(&rehearsal.relay).cloned();
        for source in [runtime.state(), runtime.config.relay.clone()].into_iter().flatten().chain(beside) {
            let source = PathBuf::from(runtime.configured_source(&source));
            if canonical(&source).is_some_and(|source| self.files.contains(&source)) {
                reasons.push((Kind::State, shown(&source, root)));
            }
        }
        self.lock_file(&closure, &mut reasons);
        if let Some(now) = &runtime.matrix
            && !self.base_files.matrix.contains(now)
        {
            reasons.push((Kind::Configuration, format!("the entry {} of runtimes-matrix.json", now.name)));
        }
        reasons.truncate(MAX_REASONS);
        reasons
    }

    fn lock_file(&self, closure: &[&cargo_metadata::Package], reasons: &mut Vec<(Kind, String)>) {
        let root = self.workspace.metadata.workspace_root.as_std_path();
        if !self.base_files.has_lock {
            reasons.push((Kind::LockFile, "Cargo.lock is new".into()));
            return;
        }
        let (lock, manifest) = (root.join("Cargo.lock"), root.join("Cargo.toml"));
        let now = manifests::entries(&manifests::text(&lock).unwrap_or_default());
        let manifest = manifests::values(&manifests::text(&manifest).unwrap_or_default());
        for package in closure {
            let key = (package.name.to_string(), package.version.to_string());
            if now.get(&key) != self.base_files.lock.get(&key) {
                reasons.push((Kind::LockFile, format!("{} {} in Cargo.lock", key.0, key.1)));
            }
            if package.source.is_some() {
                continue;
            }
            for dependency in &package.dependencies {
                let name = dependency.rename.as_deref().unwrap_or(&dependency.name);
                if manifest.pointer(INHERITED).and_then(|table| table.get(name))
                    != self.base_files.dependencies.get(name)
                {
                    let reason = (Kind::Workspace, format!("{name} in [workspace.dependencies]"));
                    if !reasons.contains(&reason) {
                        reasons.push(reason);
                    }
                }
            }
        }
    }
}

/// Returns the directory of the innermost package that contains a file.
fn innermost_package<'a>(file: &Path, packages: &'a BTreeSet<PathBuf>) -> Option<&'a PathBuf> {
    file.ancestors().find_map(|directory| packages.get(directory))
}

fn canonical(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}

fn shown(file: &Path, root: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

fn merge_base(repository: &Path, commit: &str, name: &str) -> Result<String> {
    let tool = tool!("git -C {repository} merge-base {commit} HEAD")?;
    let captured = tool.env("GIT_OPTIONAL_LOCKS", "0").timeout(Duration::from_secs(60)).capture()?;
    let found = String::from_utf8_lossy(&captured.stdout).trim().to_owned();
    match captured.status.success() && !found.is_empty() {
        true => Ok(found),
        false => Err(Failure::input(format!("{name} and HEAD have no commit in common here"))
            .expected("a history that includes their merge base")
            .hint("git fetch --unshallow, or check out with the whole history (fetch-depth: 0)")),
    }
}

/// Returns all files that differ from a commit: committed, staged, modified or untracked.
fn changed_files(repository: &Path, commit: &str) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for arguments in [
        &["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", commit, "--"][..],
        &["ls-files", "--others", "--exclude-standard", "-z"],
    ] {
        let listed = revision::objects(repository, arguments, None)?;
        for name in listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            files.insert(repository.join(bytes_as_path(name)));
        }
    }
    Ok(files)
}

fn bytes_as_path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_innermost_package() {
        let packages = ["/w", "/w/runtimes/a", "/w/runtimes/a/pallet"].map(PathBuf::from).into_iter().collect();
        let of = |file: &str| innermost_package(Path::new(file), &packages).map(|found| found.display().to_string());
        assert_eq!(of("/w/runtimes/a/pallet/src/lib.rs").as_deref(), Some("/w/runtimes/a/pallet"));
        assert_eq!(of("/w/runtimes/a/src/lib.rs").as_deref(), Some("/w/runtimes/a"));
        assert_eq!(of("/w/README.md").as_deref(), Some("/w"));
        assert_eq!(of("/elsewhere/x"), None);
    }
}
