// SPDX-License-Identifier: Apache-2.0
//! Reads files of a revision from git's objects. The work tree is not changed.

use crate::git;
use process::tool;
use std::{
    path::{Component, Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use worker::{Failure, Result};

/// The maximum number of files. No directory of weights or of a runtime's source has more.
const FILE_LIMIT: usize = 5_000;
const TIMEOUT: Duration = Duration::from_secs(120);

/// Writes the files of a commit under `path`, which is relative to the repository's root, into a
/// temporary directory. Only files with one of the endings are written. Returns the directory and
/// the path in it.
pub fn extract(repository: &Path, commit: &str, path: &str, endings: &[&str]) -> Result<(TempDir, PathBuf)> {
    let path = path.trim_end_matches('/');
    let missing =
        || Failure::input(format!("the revision {commit} has no {path:?}")).expected("a file or directory in it");
    let arguments = ["ls-tree", "-r", "-z", "--full-tree", commit, "--"];
    let listing = objects(repository, &arguments, (!path.is_empty()).then_some(path))?;
    let directory = tempfile::tempdir()
        .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
    let mut files = 0;
    for entry in listing.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let Some((kind, hash, name)) = entry_of(entry) else { continue };
        // Links and submodules are not files of this revision.
        if kind != "blob" || !endings.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        files += 1;
        if files > FILE_LIMIT {
            return Err(Failure::input(format!("{path:?} holds too many files in {commit}"))
                .expected(format!("at most {FILE_LIMIT}")));
        }
        let inside = Path::new(&name);
        if !inside.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(Failure::input(format!("the revision {commit} has a file with the path {name:?}")));
        }
        let content = objects(repository, &["cat-file", "blob", &hash], None)?;
        files::write_whole(&directory.path().join(inside), &content)?;
    }
    let found = directory.path().join(path);
    if files == 0 { Err(missing()) } else { Ok((directory, found)) }
}

/// Parses an entry `100644 blob HASH\tPATH`. Links are told apart by their mode.
fn entry_of(entry: &[u8]) -> Option<(&str, String, String)> {
    let text = std::str::from_utf8(entry).ok()?;
    let (head, name) = text.split_once('\t')?;
    let mut words = head.split(' ');
    let (mode, kind, hash) = (words.next()?, words.next()?, words.next()?);
    Some((if mode == "120000" { "link" } else { kind }, hash.to_owned(), name.to_owned()))
}

/// Runs git on its objects and returns the output.
pub fn objects(repository: &Path, arguments: &[&str], path: Option<&str>) -> Result<Vec<u8>> {
    let tool = tool!("git -C {repository} --literal-pathspecs {arguments...} {path...}")?;
    let argv = tool.argv();
    let captured = tool.env("GIT_OPTIONAL_LOCKS", "0").timeout(TIMEOUT).capture()?;
    match captured.status.success() {
        true => Ok(captured.stdout),
        false => Err(Failure::input("git cannot read its objects")
            .found(format!("{} (running `{argv}`)", captured.stderr.trim()))),
    }
}

/// Returns a file of a commit; `None` if the commit has no such file.
pub fn file(repository: &Path, commit: &str, path: &Path) -> Result<Option<Vec<u8>>> {
    let name = path.to_string_lossy();
    let arguments = ["ls-tree", "-z", "--full-tree", commit, "--"];
    let listing = objects(repository, &arguments, Some(&name))?;
    let entry = listing.split(|byte| *byte == 0).find_map(entry_of).filter(|(kind, _, _)| *kind == "blob");
    entry.map(|(_, hash, _)| objects(repository, &["cat-file", "blob", &hash], None)).transpose()
}

/// Returns the full commit hash of a revision. Fails if it does not exist.
pub fn commit(repository: &Path, name: &str) -> Result<String> {
    git::commit(repository, name).ok_or_else(|| {
        Failure::input(format!("there is no revision {name:?}"))
            .expected(format!("a commit, tag or branch of the repository {}", repository.display()))
            .hint("run git fetch if it is on a remote")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let run = |arguments: &[&str]| {
            let tool = tool!("git -C {path} {arguments...}").expect("a command");
            assert!(tool.capture().expect("git").status.success(), "{arguments:?}");
        };
        std::fs::create_dir_all(path.join("a/b")).expect("made");
        std::fs::write(path.join("a/b/x.rs"), "one").expect("written");
        std::fs::write(path.join("a/y.txt"), "no").expect("written");
        std::os::unix::fs::symlink("/etc/passwd", path.join("a/link.rs")).expect("linked");
        run(&["init", "--quiet"]);
        run(&["add", "."]);
        run(&[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@localhost",
            "-c",
            "commit.gpgsign=false",
            "commit",
            "--quiet",
            "--no-verify",
            "-m",
            "first",
        ]);
        std::fs::write(path.join("a/b/x.rs"), "two").expect("written");
        directory
    }

    #[test]
    fn files_of_a_revision_are_read_without_the_work_tree() {
        let repository = repository();
        let commit = commit(repository.path(), "HEAD").expect("a commit");
        let (directory, found) = extract(repository.path(), &commit, "a", &[".rs"]).expect("extracted");
        assert_eq!(std::fs::read_to_string(found.join("b/x.rs")).expect("read"), "one");
        assert!(!directory.path().join("a/y.txt").exists() && !directory.path().join("a/link.rs").exists());
        let (_directory, found) = extract(repository.path(), &commit, "a/b/x.rs", &[".rs"]).expect("extracted");
        assert!(found.is_file());
        assert_eq!(std::fs::read_to_string(repository.path().join("a/b/x.rs")).expect("read"), "two");
    }

    #[test]
    fn one_file_of_a_revision_is_read_or_missing() {
        let repository = repository();
        let commit = commit(repository.path(), "HEAD").expect("a commit");
        let of = |name: &str| file(repository.path(), &commit, Path::new(name)).expect("read");
        assert_eq!(of("a/b/x.rs").as_deref(), Some(&b"one"[..]));
        assert_eq!((of("a/b"), of("a/link.rs"), of("none")), (None, None, None));
    }

    #[test]
    fn a_missing_path_or_revision_is_invalid_input() {
        let repository = repository();
        let head = commit(repository.path(), "HEAD").expect("a commit");
        for path in ["nothing", "a/y.txt", "../x", ":(glob)**"] {
            let failure = extract(repository.path(), &head, path, &[".rs"]).expect_err(path);
            assert_eq!(failure.kind, worker::Kind::Input, "{failure}");
        }
        for name in ["no-such-branch", "--help", ""] {
            assert_eq!(commit(repository.path(), name).expect_err(name).kind, worker::Kind::Input);
        }
    }
}
