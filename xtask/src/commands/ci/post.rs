// SPDX-License-Identifier: Apache-2.0
//! Posts a comment to a pull request with `gh`, and replaces the comment of the previous run.
//!
//! The pull request is looked up on GitHub by commit and branch. A number stated in a bundle would
//! allow anyone to comment on other pull requests.

use crate::cli;
use process::tool;
use protocol::{ci::PostReport, format};
use report::comment::{LIMIT, MARKER};
use serde::{Deserialize, de::DeserializeOwned};
use std::time::Duration;
use worker::{Failure, Result};
use workspace::context::Context;

/// The timeout of a `gh` command.
const TIMEOUT: Duration = Duration::from_secs(120);

pub fn run(context: &Context, options: &cli::CiPost) -> Result<bool> {
    let text = files::read_bounded(&options.comment, LIMIT as u64)?;
    if !text.starts_with(MARKER.as_bytes()) {
        return Err(Failure::input(format!("{} is not a comment of Cutover", options.comment.display()))
            .expected(format!("a file that begins with {MARKER}, as `ci comment` writes it")));
    }
    let repository = &options.repository;
    check("--repository", repository, |text| {
        let parts: Vec<_> = text.split('/').collect();
        parts.len() == 2
            && parts.iter().all(|part| !part.is_empty() && part.chars().all(is_plain) && !part.starts_with('.'))
    })?;
    check("--commit", &options.commit, |text| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    check("--head", &options.head, |text| {
        text.split_once(':').is_some_and(|(owner, branch)| !owner.is_empty() && !branch.is_empty())
    })?;

    let head = format!("head={}", options.head);
    let path = format!("repos/{repository}/pulls");
    let pulls: Vec<Pull> = gh(&["--method", "GET", &path, "--raw-field", "state=open", "--raw-field", &head])?;
    let Some(pull) = pulls.into_iter().find(|pull| pull.head.sha == options.commit) else {
        // The pull request was closed or has a newer commit, whose own run posts the comment.
        context.printer.status(&format!("no open pull request of {} is at {}", options.head, options.commit));
        let format = format::POST.into();
        let document = PostReport { format, pull_request: None, posted: false, replaced: None, url: None };
        context.printer.result(&document, || "nothing posted\n".into())?;
        return Ok(true);
    };
    let number = pull.number;
    let comments = format!("repos/{repository}/issues/{number}/comments");
    let comments_by_page: Vec<Vec<PullComment>> =
        gh(&["--method", "GET", "--paginate", "--slurp", &comments, "--raw-field", "per_page=100"])?;
    // Anyone can write the marker, so only a bot's comment is replaced.
    let ours = |comment: &PullComment| {
        comment.body.as_ref().is_some_and(|body| body.starts_with(MARKER))
            && comment.user.as_ref().is_some_and(|user| user.kind == "Bot")
    };
    let previous = comments_by_page.into_iter().flatten().find(ours).map(|comment| comment.id);
    let body = format!("body=@{}", super::super::utf8(&options.comment)?);
    let response: Posted = match previous {
        Some(id) => gh(&["--method", "PATCH", &format!("repos/{repository}/issues/comments/{id}"), "--field", &body])?,
        None => gh(&["--method", "POST", &comments, "--field", &body])?,
    };
    let document = PostReport {
        format: format::POST.into(),
        pull_request: Some(number),
        posted: true,
        replaced: Some(previous.is_some()),
        url: response.html_url,
    };
    let done = if previous.is_some() { "replaced" } else { "posted" };
    context.printer.result(&document, || format!("comment of pull request {number} {done}\n"))?;
    Ok(true)
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._-".contains(character)
}

/// Checks the value of an option.
fn check(option: &str, text: &str, good: impl Fn(&str) -> bool) -> Result<()> {
    let fits = text.len() <= 512 && !text.chars().any(char::is_control) && good(text);
    let expected = match option {
        "--repository" => "OWNER/NAME",
        "--commit" => "40 hex digits",
        _ => "OWNER:BRANCH",
    };
    match fits {
        true => Ok(()),
        false => Err(Failure::usage(format!("the value of {option} is not valid"))
            .found(format!("{text:?}"))
            .expected(expected)),
    }
}

/// The fields read from GitHub's response about a pull request.
#[derive(Deserialize)]
struct Pull {
    number: u64,
    head: PullHead,
}

#[derive(Deserialize)]
struct PullHead {
    sha: String,
}

#[derive(Deserialize)]
struct PullComment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    user: Option<PullUser>,
}

#[derive(Deserialize)]
struct PullUser {
    #[serde(rename = "type", default)]
    kind: String,
}

#[derive(Deserialize)]
struct Posted {
    #[serde(default)]
    html_url: Option<String>,
}

/// Sends a request to GitHub's API with `gh api`.
fn gh<Response: DeserializeOwned>(arguments: &[&str]) -> Result<Response> {
    let tool = tool!("gh api {arguments...}")?.env("GH_PROMPT_DISABLED", "1").env("NO_COLOR", "1");
    let argv = tool.argv();
    let captured = tool.timeout(TIMEOUT).capture().map_err(|failure| {
        failure.hint("install GitHub's command line (https://cli.github.com); its runners have it")
    })?;
    if !captured.status.success() {
        return Err(Failure::environment("GitHub refused the request of `gh`")
            .found(format!("{} (running `{argv}`)", captured.stderr.trim()))
            .hint("GH_TOKEN must be set to a token with the permission pull-requests: write"));
    }
    serde_json::from_slice(&captured.stdout)
        .map_err(|error| Failure::environment("the output of `gh` cannot be read").found(error.to_string()))
}
