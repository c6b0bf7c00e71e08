// SPDX-License-Identifier: Apache-2.0
//! Copies the sources for a container: the files that git lists, or the whole workspace without
//! git. So the container sees no other files, and a build does not conflict with other builds or an
//! editor.

use files::DirEntry;
use process::tool;
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::{context::Context, git, runtimes::Workspace};

/// Fails if the sources differ from a commit, unless `allow_dirty` is set.
pub fn check_clean(context: &Context, allow_dirty: bool) -> Result<git::Source> {
    let source = git::source(&context.workspace);
    if allow_dirty || (source.commit.is_some() && source.dirty == Some(false)) {
        return Ok(source);
    }
    let failure = match source.commit {
        None => Failure::input(format!("{} is not in a git repository", context.workspace.display()))
            .expected("a commit, so that others can build the same source"),
        Some(_) => Failure::input(format!("{} differs from its last commit", context.workspace.display()))
            .expected("a clean work tree, so that others can build the same source"),
    };
    Err(failure.hint("commit the changes, or add --allow-dirty: the evidence will say so"))
}

/// Copies the sources into a directory that is removed when dropped, with an empty directory for
/// each of `mount_points`.
pub fn export(workspace: &Workspace, cache: &Path, mount_points: &[PathBuf]) -> Result<tempfile::TempDir> {
    let root = workspace.metadata.workspace_root.as_std_path();
    for package in workspace.metadata.packages.iter().filter(|package| package.source.is_none()) {
        if !package.manifest_path.as_std_path().starts_with(root) {
            return Err(Failure::input(format!("{} is outside the workspace", package.name))
                .found(package.manifest_path.to_string())
                .expected(format!(
                    "all packages without a registry in {}, the only directory that a container sees",
                    root.display()
                ))
                .hint("build it with --engine host"));
        }
    }
    let parent = cache.join("sources");
    let io = |error: std::io::Error| Failure::own_io("write into", &parent, &error);
    std::fs::create_dir_all(&parent).map_err(io)?;
    let directory = tempfile::Builder::new().prefix("build-").tempdir_in(&parent).map_err(io)?;
    for file in files(root, workspace.metadata.target_directory.as_std_path())? {
        copy(&root.join(&file), &directory.path().join(&file))?;
    }
    for place in mount_points {
        std::fs::create_dir_all(directory.path().join(place)).map_err(io)?;
    }
    readable(directory.path())?;
    Ok(directory)
}

/// Returns the relative paths of all source files.
fn files(root: &Path, target: &Path) -> Result<Vec<PathBuf>> {
    let listed = tool!("git -C {root} ls-files -z --cached --others --exclude-standard")?;
    let listed = listed.env("GIT_OPTIONAL_LOCKS", "0").capture();
    if let Ok(listed) = listed
        && listed.status.success()
    {
        use std::os::unix::ffi::OsStrExt;
        let names = listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let paths = names.map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name)));
        // A deleted file may still be listed.
        return Ok(paths.filter(|path| root.join(path).symlink_metadata().is_ok()).collect());
    }
    let is_source =
        |entry: &DirEntry| entry.path() != target && ![".git", "target"].iter().any(|name| entry.file_name() == *name);
    let mut found = Vec::new();
    for entry in files::below(root).into_iter().filter_entry(is_source) {
        let entry = files::listed(entry)?;
        if !entry.file_type().is_dir() {
            found.push(entry.path().strip_prefix(root).unwrap_or(entry.path()).to_path_buf());
        }
    }
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let io = |error: std::io::Error| Failure::io("copy", from, &error);
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    if from.is_symlink() {
        return std::os::unix::fs::symlink(std::fs::read_link(from).map_err(io)?, to).map_err(io);
    }
    // A submodule is listed as a directory.
    if from.is_dir() {
        return Ok(());
    }
    std::fs::copy(from, to).map(drop).map_err(io)
}

/// Makes the directory readable for all, because the container runs as another user.
fn readable(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let io = |error: std::io::Error| Failure::io("open to all", directory, &error);
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).map_err(io)
}
