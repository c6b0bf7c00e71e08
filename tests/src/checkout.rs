// SPDX-License-Identifier: Apache-2.0
//! A copy of this repository as it is now, with a history of the test's own.

use crate::{Output, Xtask, repository};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub struct Checkout(tempfile::TempDir);

impl Checkout {
    /// All files that git knows or would take, in a new repository without a commit. The runtimes are those of the
    /// repository, so their blobs are in the cache.
    pub fn copy() -> Self {
        Self::of(|_| true)
    }

    /// The same, of files that are chosen.
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

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same commits each time: names and dates are fixed.
    pub fn git(&self, arguments: &[&str]) -> String {
        let fixed = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        command.arg("-C").arg(self.root()).args(fixed).args(arguments);
        command.env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z").env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
        let done = command.output().expect("git");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8").trim().to_owned()
    }

    pub fn commit(&self, subject: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--no-verify", "--message", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Replaces a part of a file, which must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).expect("read");
        assert!(text.contains(from), "{name} lacks {from:?}");
        fs::write(self.path(name), text.replacen(from, to, 1)).expect("written");
    }

    /// `cargo xtask` on this workspace.
    pub fn xtask(&self, arguments: &[&str]) -> Xtask {
        let root = self.root().to_str().expect("UTF-8");
        Xtask::new(arguments.iter().copied().chain(["--workspace", root]))
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.xtask(arguments).run()
    }
}
