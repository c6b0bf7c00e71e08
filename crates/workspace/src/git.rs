// SPDX-License-Identifier: Apache-2.0
//! Reads the state of a workspace from git. A workspace outside a repository or a machine without
//! git is not an error: the evidence then records that the source has no commit.

use process::{Tool, tool};
use std::{path::Path, time::Duration};
use worker::{Failure, Result};

const TIMEOUT: Duration = Duration::from_secs(60);

/// The commit of a source tree, and whether the tree differs from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The full hash of the commit; `None` without a repository, a commit or git.
    pub commit: Option<String>,
    /// Whether the work tree differs from the commit; `None` without a commit.
    pub dirty: Option<bool>,
    /// The name of the branch; `None` if HEAD is detached.
    pub branch: Option<String>,
    /// The tag that points to the commit, if there is one.
    pub tag: Option<String>,
    /// The time of the commit, in UTC: `2026-11-22T10:00:00Z`.
    pub time: Option<String>,
}

/// Returns the state of a workspace; empty without a repository or git.
pub fn source(workspace: &Path) -> Source {
    let Some(head) = git(workspace, &["log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%H %cd"]) else {
        return Source::default();
    };
    let Some((commit, time)) = head.trim().split_once(' ') else { return Source::default() };
    let line = |arguments: &[&str]| {
        git(workspace, arguments).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    Source {
        commit: Some(commit.to_owned()),
        dirty: git(workspace, &["status", "--porcelain"]).map(|text| !text.trim().is_empty()),
        branch: line(&["symbolic-ref", "--quiet", "--short", "HEAD"]),
        tag: line(&["describe", "--tags", "--exact-match"]),
        time: Some(time.to_owned()),
    }
}

/// Returns the full commit hash of a revision.
pub fn commit(workspace: &Path, name: &str) -> Option<String> {
    // The name is not read as an option, even if it starts with a dash.
    let found =
        git(workspace, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])?;
    Some(found.trim().to_owned()).filter(|hash| !hash.is_empty())
}

/// Returns the root of the repository that contains a path.
pub fn root(path: &Path) -> Option<std::path::PathBuf> {
    let directory = if path.is_dir() { path } else { path.parent()? };
    let root = git(directory, &["rev-parse", "--show-toplevel"])?;
    std::fs::canonicalize(root.trim_end_matches('\n')).ok()
}

fn git(workspace: &Path, arguments: &[&str]) -> Option<String> {
    let captured = command(workspace, arguments).ok()?.capture().ok()?;
    captured.status.success().then(|| String::from_utf8_lossy(&captured.stdout).into_owned())
}

fn command(workspace: &Path, arguments: &[&str]) -> Result<Tool> {
    let tool = tool!("git -C {workspace} {arguments...}")?;
    Ok(tool.env("GIT_OPTIONAL_LOCKS", "0").env("TZ", "UTC").timeout(TIMEOUT))
}

/// Runs git and returns its output. Fails if git fails, for example because the history is incomplete.
pub fn ask(workspace: &Path, arguments: &[&str]) -> Result<String> {
    let tool = command(workspace, arguments)?;
    let argv = tool.argv();
    let captured = tool.capture()?;
    match captured.status.success() {
        true => Ok(String::from_utf8_lossy(&captured.stdout).into_owned()),
        false => Err(Failure::input(format!("git failed in {}", workspace.display()))
            .found(format!("{} (running `{argv}`)", captured.stderr.trim()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_outside_any_repository_has_no_commit() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(source(directory.path()), Source::default());
    }

    #[test]
    fn a_commit_and_a_change_after_it_are_seen() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let run = |arguments: &[&str]| git(path, arguments).expect("git works");
        run(&["init", "--quiet"]);
        std::fs::write(path.join("file"), "one").expect("written");
        run(&["add", "file"]);
        let who = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
        let commit = [&who[..], &["commit", "--quiet", "--no-verify", "-m", "first"]].concat();
        let commit = command(path, &commit).expect("a command");
        commit.env("GIT_COMMITTER_DATE", "@1767225599 +0200").output().expect("git works");
        let clean = source(path);
        assert_eq!(clean.commit.as_ref().map(String::len), Some(40));
        assert_eq!(clean.dirty, Some(false));
        assert_eq!(clean.time.as_deref(), Some("2025-12-31T23:59:59Z"));
        std::fs::write(path.join("other"), "two").expect("written");
        assert_eq!(source(path).dirty, Some(true));
    }
}
