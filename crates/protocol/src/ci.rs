// SPDX-License-Identifier: Apache-2.0
//! What the commands of `ci` print.

use crate::{Check, Status, Verdict, format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What `ci comment` prints: the comment of a pull request, or the file that it was written into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CommentReport {
    /// The comment itself, without `--out`.
    Printed(Comment),
    /// The file of the comment, with `--out`.
    Written(CommentFile),
}

/// The comment of a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    /// The format of the document: `cutover/comment/v1`.
    #[schemars(schema_with = "format::comment")]
    pub format: String,
    /// Markdown.
    pub body: String,
    /// In bytes.
    pub size: usize,
}

/// The comment of a pull request that was written into a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommentFile {
    /// The format of the document: `cutover/comment/v1`.
    #[schemars(schema_with = "format::comment")]
    pub format: String,
    /// The file.
    pub comment: PathBuf,
    /// In bytes.
    pub size: usize,
}

/// Checks of a workspace, by tools that others made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChecksReport {
    /// The format of the document: `cutover/checks/v1`.
    #[schemars(schema_with = "format::checks")]
    pub format: String,
    /// How many workflows were checked. Left out where those are not the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflows: Option<usize>,
    /// The checks, one for each tool or client that was run.
    pub checks: Vec<Check>,
    /// The verdict. It fails if one of the checks fails.
    pub verdict: Verdict,
}

impl ChecksReport {
    /// Returns the report, which fails where one of the checks does.
    pub fn new(checks: Vec<Check>) -> Self {
        let passed = checks.iter().all(|check| check.status != Status::Fail);
        Self { format: format::CHECKS.into(), workflows: None, checks, verdict: passed.into() }
    }
}

/// The runtimes that a change can affect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedReport {
    /// The format of the document: `cutover/changed/v1`.
    #[schemars(schema_with = "format::changed")]
    pub format: String,
    /// The revision that the source is compared with.
    pub base: String,
    /// How many files differ.
    pub files: usize,
    /// All runtimes of the workspace, whether the change affects them or not.
    pub runtimes: Vec<ChangedRuntime>,
}

/// A runtime of the workspace, and whether a change can affect it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedRuntime {
    /// Its name in the workspace.
    pub name: String,
    /// The cargo package of the runtime.
    pub package: String,
    /// Whether there is a reason why the change can affect the runtime.
    pub affected: bool,
    /// The reasons. Empty if the runtime is not affected.
    pub reasons: Vec<ChangeReason>,
}

/// Why a change can affect a runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeReason {
    /// The changed input: `package`, `lock_file`, `workspace`, `state` or `configuration`.
    pub kind: String,
    /// One sentence.
    pub what: String,
}

/// The jobs of upgrades, as GitHub takes them for `strategy.matrix`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// The jobs, one entry for each machine.
    pub include: Vec<MatrixJob>,
}

/// One machine's share of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixJob {
    /// The runtime's name in the workspace.
    pub runtime: String,
    /// The cargo package of the runtime.
    pub package: String,
    /// `build`, `check` or `join`.
    pub stage: String,
    /// The name of the group of jobs: `build`, `diff`, `dry-run`, `propose`, `weights` or `join`.
    pub job: String,
    /// What `upgrade --only` takes.
    pub only: String,
}

/// A comment that was put under a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PostReport {
    /// The format of the document: `cutover/post/v1`.
    #[schemars(schema_with = "format::post")]
    pub format: String,
    /// Null where no open pull request is at the commit.
    pub pull_request: Option<u64>,
    /// Whether the comment was posted, as a new one or in place of an earlier one.
    pub posted: bool,
    /// Whether the comment of an earlier run was replaced. Left out where nothing was posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<bool>,
    /// The comment's address. Left out where GitHub does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
