// SPDX-License-Identifier: Apache-2.0
//! What every command starts from: where Cutover is, which workspace it works on, where it keeps what it made.

use crate::{cli::GlobalOptions, printer::Printer};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};

/// Where this library's package was when it was compiled.
const OWN_PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

pub struct Context {
    pub printer: Printer,
    /// Cutover's own workspace: the workers are built from it.
    pub home: PathBuf,
    /// Whether this program is a package of another workspace, which has Cutover as a dependency.
    pub adopted: bool,
    /// The workspace whose runtimes are meant.
    pub workspace: PathBuf,
    /// What can be made again but takes long: toolchains, results of builds.
    pub cache: PathBuf,
    /// Trie nodes of live chains.
    pub nodes: PathBuf,
}

impl Context {
    pub fn new(printer: Printer, options: &GlobalOptions, package: &str) -> Result<Self> {
        let adopted = package != OWN_PACKAGE;
        let home = if adopted { parent(Path::new(OWN_PACKAGE)) } else { home() };
        let workspace = match &options.workspace {
            None if adopted => workspace_of(Path::new(package)),
            None => home.clone(),
            Some(directory) => {
                let found = std::fs::canonicalize(directory).map_err(|error| {
                    Failure::io("open the workspace", directory, &error)
                        .hint("`--workspace` takes the directory of a Cargo workspace")
                })?;
                if !found.join("Cargo.toml").is_file() {
                    return Err(Failure::input(format!("{} is no Cargo workspace", directory.display()))
                        .found("no Cargo.toml in it")
                        .expected("the directory that holds the workspace's Cargo.toml"));
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

    /// The logs of a command that has no bundle to put them into.
    pub fn log(&self, name: &str) -> PathBuf {
        self.cache.join("logs").join(format!("{name}.log"))
    }

    /// Whether the workspace is another one than Cutover's own.
    pub fn foreign(&self) -> bool {
        self.workspace != self.home
    }
}

/// `cargo run` says where the package is now; a binary that is started by itself knows where it was built.
fn home() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.filter(|directory| directory.ends_with("xtask") && directory.join("Cargo.toml").is_file());
    parent(&package.unwrap_or_else(|| PathBuf::from(OWN_PACKAGE)))
}

fn parent(package: &Path) -> PathBuf {
    let root = package.parent().unwrap_or(package);
    std::fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf())
}

/// The workspace of the package that was started: where it is now, else where it was compiled.
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
            Failure::environment("there is no directory for what Cutover keeps")
                .found("none of CUTOVER_CACHE, XDG_CACHE_HOME and HOME is set")
                .hint("set CUTOVER_CACHE to a directory")
        })?;
    std::path::absolute(&directory).map_err(|error| Failure::io("use the cache directory", &directory, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_of_a_package_is_where_its_members_are_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = std::fs::canonicalize(directory.path()).expect("a path");
        let package = root.join("tools/tasks");
        std::fs::create_dir_all(&package).expect("made");
        std::fs::write(package.join("Cargo.toml"), "[package]\nworkspace = \"x\"\n").expect("written");
        assert_eq!(workspace_of(&package), root.join("tools"), "nobody names members");
        std::fs::write(root.join("Cargo.toml"), "[workspace]\nmembers = [\"tools/*\"]\n").expect("written");
        assert_eq!(workspace_of(&package), root);
    }
}
