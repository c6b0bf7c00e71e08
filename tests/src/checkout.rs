// SPDX-License-Identifier: Apache-2.0
//! A copy of this repository's current files, with a separate history.

use crate::{Output, Xtask, repository};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A copy of this repository in a temporary directory.
pub struct Checkout(tempfile::TempDir);

impl Checkout {
    /// Copies all tracked and untracked files, except ignored ones, into a new repository without a
    /// commit. The runtimes are unchanged, so their blobs are in the cache.
    pub fn copy() -> Self {
        Self::of(|_| true)
    }

    /// Copies the chosen files.
    pub fn of(chosen: impl Fn(&str) -> bool) -> Self {
        let this = Self(tempfile::tempdir().expect("a directory"));
        let listed = Command::new("git")
            .arg("-C")
            .arg(repository())
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .expect("git");
        for name in String::from_utf8(listed.stdout).expect("UTF-8").split('\0').filter(|name| !name.is_empty()) {
            let from = repository().join(name);
            if chosen(name) && from.is_file() {
                let to = this.path(name);
                fs::create_dir_all(to.parent().expect("a parent")).expect("made");
                fs::copy(from, to).expect("copied");
            }
        }
        this.git(&["init", "--quiet", "--initial-branch", "main"]);
        this
    }

    /// Returns the directory of the copy.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Returns the path of a file in the copy.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs git and returns its output. Names and dates are fixed, so the commits are the same each
    /// time.
    pub fn git(&self, arguments: &[&str]) -> String {
        let fixed = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        command.arg("-C").arg(self.root()).args(fixed).args(arguments);
        command.env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z").env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
        let done = command.output().expect("git");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8").trim().to_owned()
    }

    /// Commits all files and returns the full hash of the commit.
    pub fn commit(&self, subject: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--no-verify", "--message", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Replaces the first occurrence of a text in a file.
    ///
    /// # Panics
    ///
    /// If the file does not contain it.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).expect("read");
        assert!(text.contains(from), "{name} lacks {from:?}");
        fs::write(self.path(name), text.replacen(from, to, 1)).expect("written");
    }

    /// Returns a `cargo xtask` command on this workspace.
    pub fn xtask(&self, arguments: &[&str]) -> Xtask {
        let root = self.root().to_str().expect("UTF-8");
        Xtask::new(arguments.iter().copied().chain(["--workspace", root]))
    }

    /// Runs a `cargo xtask` command on this workspace to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.xtask(arguments).run()
    }
}
