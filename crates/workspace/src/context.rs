// SPDX-License-Identifier: Apache-2.0
//! The context of a command: Cutover's own workspace, the workspace it works on, and the cache
//! directories.

use console::printer::Printer;
use std::path::{Path, PathBuf};
use worker::{Failure, Result};

/// The directories of two packages, as they were when they were compiled.
#[derive(Clone, Copy, Debug)]
pub struct Packages<'path> {
    /// The package of the command line, in Cutover's own workspace.
    pub own: &'path str,
    /// The package that was started.
    pub started: &'path str,
}

/// The printer and the directories that a command uses.
pub struct Context {
    /// The printer of the command's results, status and warnings.
    pub printer: Printer,
    /// Cutover's own workspace, from which the workers are built.
    pub home: PathBuf,
    /// Whether this program is a package of another workspace, which has Cutover as a dependency.
    pub adopted: bool,
    /// The workspace with the runtimes.
    pub workspace: PathBuf,
    /// The cache: toolchains and build results, which take long to make again.
    pub cache: PathBuf,
    /// The directory of cached trie nodes of live chains.
    pub nodes: PathBuf,
}

impl Context {
    /// Finds the directories from the packages and the environment. `workspace` is the workspace
    /// with the runtimes, if another one is meant.
    pub fn new(printer: Printer, workspace: Option<&Path>, packages: Packages<'_>) -> Result<Self> {
        let own = Path::new(packages.own);
        let adopted = packages.started != packages.own;
        let home = if adopted { parent(own) } else { home(own) };
        let workspace = match workspace {
            None if adopted => workspace_of(Path::new(packages.started)),
            None => home.clone(),
            Some(directory) => {
                let found = std::fs::canonicalize(directory).map_err(|error| {
                    Failure::io("open the workspace", directory, &error)
                        .hint("`--workspace` takes the directory of a Cargo workspace")
                })?;
                if !found.join("Cargo.toml").is_file() {
                    return Err(Failure::input(format!("{} is not a Cargo workspace", directory.display()))
                        .found("no Cargo.toml in it")
                        .expected("the directory of the workspace's Cargo.toml"));
                }
                found
            }
        };
        let cache = cache_directory()?;
        let nodes = std::env::var_os("CUTOVER_NODES").filter(|value| !value.is_empty());
        let nodes = nodes.map_or_else(|| cache.join("nodes"), PathBuf::from);
        let nodes = std::path::absolute(&nodes).map_err(|error| Failure::io("use the directory", &nodes, &error))?;
        Ok(Self { printer, home, adopted, workspace, cache, nodes })
    }

    /// Returns the log file of a command that has no bundle for its logs.
    pub fn log(&self, name: &str) -> PathBuf {
        self.cache.join("logs").join(format!("{name}.log"))
    }

    /// Returns whether the workspace is not Cutover's own.
    pub fn foreign(&self) -> bool {
        self.workspace != self.home
    }
}

/// Returns Cutover's own workspace. `cargo run` sets the package's current directory. A binary that
/// is started directly uses the directory it was built in.
fn home(own: &Path) -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.filter(|directory| directory.ends_with("xtask") && directory.join("Cargo.toml").is_file());
    parent(&package.unwrap_or_else(|| own.to_path_buf()))
}

fn parent(package: &Path) -> PathBuf {
    let root = package.parent().unwrap_or(package);
    std::fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf())
}

/// Returns the workspace of the package that was started, from its current directory, else from the
/// directory it was compiled in.
fn workspace_of(compiled: &Path) -> PathBuf {
    let now = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let now = now.filter(|now| now.file_name() == compiled.file_name() && now.join("Cargo.toml").is_file());
    let package = now.unwrap_or_else(|| compiled.to_path_buf());
    let names_members = |directory: &&Path| {
        let text = std::fs::read_to_string(directory.join("Cargo.toml")).unwrap_or_default();
        text.parse::<toml_edit::DocumentMut>().is_ok_and(|manifest| manifest.contains_key("workspace"))
    };
    match package.ancestors().find(names_members) {
        Some(root) => std::fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf()),
        None => parent(&package),
    }
}

fn cache_directory() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = set("CUTOVER_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|directory| directory.join("cutover")))
        .or_else(|| set("HOME").map(|directory| directory.join(".cache/cutover")))
        .ok_or_else(|| {
            Failure::environment("there is no cache directory")
                .found("none of CUTOVER_CACHE, XDG_CACHE_HOME and HOME is set")
                .hint("set CUTOVER_CACHE to a directory")
        })?;
    std::path::absolute(&directory).map_err(|error| Failure::io("use the cache directory", &directory, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_of_a_package_is_the_nearest_manifest_with_a_workspace_table() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = std::fs::canonicalize(directory.path()).expect("a path");
        let package = root.join("tools/tasks");
        std::fs::create_dir_all(&package).expect("made");
        std::fs::write(package.join("Cargo.toml"), "[package]\nworkspace = \"x\"\n").expect("written");
        assert_eq!(workspace_of(&package), root.join("tools"), "no manifest has a workspace table");
        std::fs::write(root.join("Cargo.toml"), "[workspace]\nmembers = [\"tools/*\"]\n").expect("written");
        assert_eq!(workspace_of(&package), root);
    }
}
