// SPDX-License-Identifier: Apache-2.0
//! GitHub, through its command line `gh`. `gh` checks the permissions; Cutover never sees a token.

use process::{CapturedOutput, Tool, quote};
use serde::Deserialize;
use std::{ffi::OsStr, path::Path, time::Duration};
use worker::{Failure, Result};

/// The timeout of a `gh` command. Uploads over slow connections take minutes.
const TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// The exit code of gh if nobody is logged in.
const NOT_LOGGED_IN: i32 = 4;

/// Runs `gh` for one repository.
pub struct Gh<'run> {
    /// The directory from which gh finds the repository, if `repo` is not set.
    pub workspace: &'run Path,
    pub repo: Option<&'run str>,
}

/// The output of `gh release view`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UploadedRelease {
    pub name: String,
    pub body: String,
    pub is_draft: bool,
    pub is_prerelease: bool,
    pub target_commitish: String,
    pub url: String,
    pub assets: Vec<UploadedAsset>,
}

/// An uploaded file of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UploadedAsset {
    pub name: String,
    pub size: u64,
    /// `uploaded`, or `starter` if the upload was interrupted.
    pub state: String,
    /// `sha256:` and hex digits. Older servers and older versions of gh do not report it.
    pub digest: Option<String>,
}

const FIELDS: &str = "name,body,isDraft,isPrerelease,targetCommitish,url,assets";

impl Gh<'_> {
    fn tool(&self, arguments: &[&str]) -> Tool {
        let tool = Tool::new("gh").args(arguments).directory(self.workspace).timeout(TIMEOUT);
        let tool = tool.env("GH_PROMPT_DISABLED", "1").env("GH_NO_UPDATE_NOTIFIER", "1").env("NO_COLOR", "1");
        match self.repo {
            Some(repo) => tool.env("GH_REPO", repo),
            None => tool,
        }
    }

    /// Returns a command as a person would type it in a shell.
    pub fn line(&self, arguments: &[&str]) -> String {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.repo.map(|repo| format!("GH_REPO={}", quote(OsStr::new(repo)))));
        words.push("gh".into());
        words.extend(arguments.iter().map(|word| quote(OsStr::new(word))));
        words.join(" ")
    }

    /// Checks that gh is installed.
    pub fn check(&self) -> Result<()> {
        let installed = self.tool(&["--version"]).capture().is_ok_and(|captured| captured.status.success());
        process::interrupt::check()?;
        match installed {
            true => Ok(()),
            false => Err(Failure::environment("gh is not installed")
                .expected("GitHub's command line, gh, in PATH")
                .hint("install it (https://cli.github.com), then: gh auth login")),
        }
    }

    /// Runs gh and returns its output, whether it succeeded or not.
    fn capture(&self, arguments: &[&str]) -> Result<CapturedOutput> {
        let captured = self.tool(arguments).capture()?;
        process::interrupt::check()?;
        Ok(captured)
    }

    /// Runs gh and returns its standard output.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let captured = self.capture(arguments)?;
        match captured.status.success() {
            true => Ok(String::from_utf8_lossy(&captured.stdout).into_owned()),
            false => Err(self.explain(arguments, &captured)),
        }
    }

    /// Returns the release of a tag, published or draft. `None` if there is none.
    pub fn view(&self, tag: &str) -> Result<Option<UploadedRelease>> {
        let arguments = ["release", "view", tag, "--json", FIELDS];
        let captured = self.capture(&arguments)?;
        if !captured.status.success() {
            return match captured.stderr.trim() == "release not found" {
                true => Ok(None),
                false => Err(self.explain(&arguments, &captured)),
            };
        }
        serde_json::from_slice(&captured.stdout).map(Some).map_err(|error| {
            Failure::environment("the output of gh cannot be read")
                .found(format!("{error} (running `{}`)", self.line(&arguments)))
                .hint("check `gh --version`: a version of the last two years is expected")
        })
    }

    /// Resolves a name to a commit on GitHub. `None` if there is none.
    pub fn commit(&self, name: &str) -> Result<Option<String>> {
        let address = format!("repos/{{owner}}/{{repo}}/commits/{name}");
        let arguments = ["api", &address, "--jq", ".sha"];
        let captured = self.capture(&arguments)?;
        if captured.status.success() {
            return Ok(Some(String::from_utf8_lossy(&captured.stdout).trim().to_owned()));
        }
        // 422: "No commit found for SHA". A missing or invisible repository gives 404.
        match captured.stderr.contains("HTTP 422") {
            true => Ok(None),
            false => Err(self.explain(&arguments, &captured)),
        }
    }

    /// Returns the error for a failed command, with what to do about it.
    fn explain(&self, arguments: &[&str], captured: &CapturedOutput) -> Failure {
        let stderr = captured.stderr.trim();
        let failure = Failure::environment(format!("`{}` failed", self.line(arguments)))
            .found(format!("{}: {stderr}", captured.status));
        let reports = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
        if captured.status.code() == Some(NOT_LOGGED_IN) || reports(&["HTTP 401", "gh auth login", "Bad credentials"]) {
            return failure
                .expected("a user who is logged in")
                .hint("gh auth login, or set GH_TOKEN in the environment");
        }
        if reports(&["HTTP 403", "HTTP 404", "Could not resolve to a Repository", "not accessible"]) {
            return failure
                .expected("write access to the repository's contents")
                .hint("gh auth refresh --scopes repo; in a workflow: permissions: contents: write");
        }
        failure.hint("run the command again: finished steps are not repeated")
    }
}
