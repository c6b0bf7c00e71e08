// SPDX-License-Identifier: Apache-2.0
//! Checks by the history in git whether weight files are newer than the code that they measure. A
//! file that is not committed, or that has uncommitted changes, counts as new.

use cargo_metadata::Package;
use protocol::weights::check::{Age, Measured, Stale};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use worker::{Failure, Result};
use workspace::{
    git, revision,
    runtimes::{Runtime, Workspace},
};

/// The paths of a pallet's package that are measured, and those that are not.
const MEASURED: [&str; 1] = ["src"];
const NOT_MEASURED: [&str; 4] = ["src/weights.rs", "src/mock.rs", "src/tests.rs", "src/tests"];

/// Compares the age of weight files with that of the measured code.
pub fn of(workspace: &Workspace, runtime: &Runtime, measured: &[Measured]) -> Result<Age> {
    let skipped = |why: &str| {
        let why = format!("whether weights are older than the measured code: {why}");
        Ok(Age { not_checked: vec![why], ..Age::default() })
    };
    if measured.is_empty() {
        return Ok(Age::default());
    }
    let Some(root) = git::root(&runtime.directory) else {
        return skipped("the runtime is not in a git repository");
    };
    if git::commit(&root, "HEAD").is_none() {
        return skipped("the repository has no commit");
    }
    if git::ask(&root, &["rev-parse", "--is-shallow-repository"])?.trim() == "true" {
        return skipped("the clone is shallow and lacks the history; `git fetch --unshallow` fetches it");
    }
    let mut history = History { root, workspace, runtime, locks: BTreeMap::new() };
    let (mut stale, mut unknown) = (Vec::new(), BTreeSet::new());
    for one in measured {
        match history.judge(one)? {
            AgeVerdict::Newer => {}
            AgeVerdict::Stale(detail) => {
                stale.push(Stale { pallet: one.pallet.clone(), file: one.file.clone(), detail });
            }
            AgeVerdict::Unknown(why) => {
                unknown
                    .insert(format!("whether the weights of {} are older than the measured code: {why}", one.pallet));
            }
        }
    }
    Ok(Age { stale, not_checked: unknown.into_iter().collect() })
}

/// The age of a weight file compared with that of its code.
#[derive(Debug, PartialEq, Eq)]
enum AgeVerdict {
    Newer,
    Stale(String),
    Unknown(String),
}

/// The history of a runtime's repository.
struct History<'a> {
    root: PathBuf,
    workspace: &'a Workspace,
    runtime: &'a Runtime,
    /// The workspace's lock file by commit; `None` if the commit has none.
    locks: BTreeMap<String, Option<String>>,
}

impl<'a> History<'a> {
    fn judge(&mut self, measured: &Measured) -> Result<AgeVerdict> {
        let file = self.relative(&self.runtime.directory.join(&measured.file))?;
        let file = pathspec(&file, false);
        if self.is_changed(std::slice::from_ref(&file))? {
            return Ok(AgeVerdict::Newer);
        }
        let Some(commit) = self.last_commit(&["HEAD"], &[file])? else { return Ok(AgeVerdict::Newer) };
        if self.workspace.metadata.resolve.is_none() {
            return Ok(AgeVerdict::Unknown("the dependencies of the workspace could not be fetched".into()));
        }
        let Some(package) = self.package(&measured.pallet) else {
            return Ok(AgeVerdict::Unknown("the runtime has no dependency of that name".into()));
        };
        match package.source {
            None => self.judge_path_package(package, &commit),
            Some(_) => self.judge_registry_package(package, &commit),
        }
    }

    /// Returns the package that the runtime's source uses under this name.
    fn package(&self, pallet: &str) -> Option<&'a Package> {
        let name = pallet.split("::").next().unwrap_or(pallet);
        let metadata: &'a _ = &self.workspace.metadata;
        let node = metadata.resolve.as_ref()?.nodes.iter().find(|node| node.id == self.runtime.id)?;
        let id = &node.deps.iter().find(|dependency| dependency.name == name)?.pkg;
        metadata.packages.iter().find(|package| package.id == *id)
    }

    /// Looks for commits that changed the code after the commit of the weights.
    fn judge_path_package(&self, package: &Package, measured_at: &str) -> Result<AgeVerdict> {
        let Some(directory) = package.manifest_path.parent() else {
            return Ok(AgeVerdict::Unknown("its package has no directory".into()));
        };
        let Ok(directory) = self.relative(directory.as_std_path()) else {
            return Ok(AgeVerdict::Unknown(format!("{directory} is in another repository")));
        };
        let measured = MEASURED.iter().map(|part| pathspec(&directory.join(part), false));
        let not = NOT_MEASURED.iter().map(|part| pathspec(&directory.join(part), true));
        let code: Vec<String> = measured.chain(not).collect();
        let at = short(measured_at);
        if self.is_changed(&code)? {
            return Ok(AgeVerdict::Stale(format!(
                "measured at {at}, but {} has uncommitted changes",
                directory.display()
            )));
        }
        Ok(match self.last_commit(&[&format!("{measured_at}..HEAD")], &code)? {
            None => AgeVerdict::Newer,
            Some(commit) => AgeVerdict::Stale(format!(
                "measured at {at}, but {} was changed later at {} ({})",
                directory.display(),
                short(&commit),
                self.subject(&commit)?
            )),
        })
    }

    /// Compares the version in the lock file when the weights were committed with the current one.
    fn judge_registry_package(&mut self, package: &Package, measured_at: &str) -> Result<AgeVerdict> {
        if !self.locks.contains_key(measured_at) {
            let lock = self.relative(&self.workspace.metadata.workspace_root.as_std_path().join("Cargo.lock"))?;
            let text = revision::file(&self.root, measured_at, &lock)?;
            let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
            self.locks.insert(measured_at.to_owned(), text);
        }
        let Some(Some(lock)) = self.locks.get(measured_at) else {
            return Ok(AgeVerdict::Unknown(format!("{} has no lock file", short(measured_at))));
        };
        let before = locked_versions(lock, &package.name);
        let now = package.version.to_string();
        Ok(match before.contains(&now) {
            true => AgeVerdict::Newer,
            false => AgeVerdict::Stale(format!(
                "measured at {}, with {} {}; the lock file now has {now}",
                short(measured_at),
                package.name,
                if before.is_empty() { "missing from the lock file".into() } else { before.join(" and ") }
            )),
        })
    }

    /// Returns a path relative to the repository.
    fn relative(&self, path: &Path) -> Result<PathBuf> {
        let path = std::fs::canonicalize(path).map_err(|error| Failure::io("open", path, &error))?;
        path.strip_prefix(&self.root)
            .map(Path::to_path_buf)
            .map_err(|_| Failure::input(format!("{} is not in the repository {}", path.display(), self.root.display())))
    }

    /// Returns the last commit of a range that changed the paths.
    fn last_commit(&self, range: &[&str], paths: &[String]) -> Result<Option<String>> {
        let mut arguments = vec!["rev-list", "-1"];
        arguments.extend(range);
        arguments.push("--");
        arguments.extend(paths.iter().map(String::as_str));
        let found = git::ask(&self.root, &arguments)?;
        Ok(Some(found.trim().to_owned()).filter(|commit| !commit.is_empty()))
    }

    /// Returns whether the paths have uncommitted changes.
    fn is_changed(&self, paths: &[String]) -> Result<bool> {
        let mut arguments = vec!["status", "--porcelain", "--"];
        arguments.extend(paths.iter().map(String::as_str));
        Ok(!git::ask(&self.root, &arguments)?.trim().is_empty())
    }

    /// Returns the subject of a commit, shortened.
    fn subject(&self, commit: &str) -> Result<String> {
        let subject = git::ask(&self.root, &["log", "-1", "--format=%s", commit])?;
        Ok(subject.trim().chars().take(80).collect())
    }
}

/// Returns the pathspec of a literal path from the root of the repository.
fn pathspec(path: &Path, exclude: bool) -> String {
    format!(":(top,literal{}){}", if exclude { ",exclude" } else { "" }, path.display())
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// Returns the versions of a package in the text of a lock file.
fn locked_versions(lock: &str, package: &str) -> Vec<String> {
    let (name, mut of_package) = (format!("name = {package:?}"), false);
    let mut versions = Vec::new();
    for line in lock.lines() {
        match line.strip_prefix("version = ") {
            Some(version) if of_package => versions.push(version.trim_matches('"').to_owned()),
            _ => {}
        }
        of_package = line == name;
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_a_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"pallet-x\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"pallet-x\"\nversion = \"2.0.0\"\n\n[[package]]\nname = \"pallet-xy\"\nversion = \"3.0.0\"\n";
        assert_eq!(locked_versions(lock, "pallet-x"), ["1.0.0", "2.0.0"]);
        assert_eq!(locked_versions(lock, "pallet-y"), Vec::<String>::new());
    }

    #[test]
    fn a_pathspec_is_literal() {
        assert_eq!(pathspec(Path::new("a*/b"), false), ":(top,literal)a*/b");
        assert_eq!(pathspec(Path::new("src"), true), ":(top,literal,exclude)src");
    }
}
