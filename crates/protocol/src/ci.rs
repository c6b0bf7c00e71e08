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
    Printed(Comment),
    Written(CommentFile),
}

/// The comment of a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
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
    #[schemars(schema_with = "format::checks")]
    pub format: String,
    /// How many workflows were checked. Left out where those are not the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflows: Option<usize>,
    pub checks: Vec<Check>,
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
    #[schemars(schema_with = "format::changed")]
    pub format: String,
    /// The revision that the source is compared with.
    pub base: String,
    /// How many files differ.
    pub files: usize,
    pub runtimes: Vec<ChangedRuntime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedRuntime {
    /// Its name in the workspace.
    pub name: String,
    pub package: String,
    pub affected: bool,
    pub reasons: Vec<ChangeReason>,
}

/// Why a change can affect a runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeReason {
    pub kind: String,
    /// One sentence.
    pub what: String,
}

/// The jobs of upgrades, as GitHub takes them for `strategy.matrix`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    pub include: Vec<MatrixJob>,
}

/// One machine's share of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixJob {
    pub runtime: String,
    pub package: String,
    /// `build`, `check` or `join`.
    pub stage: String,
    pub job: String,
    /// What `upgrade --only` takes.
    pub only: String,
}

/// A comment that was put under a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PostReport {
    #[schemars(schema_with = "format::post")]
    pub format: String,
    /// Null where no open pull request is at the commit.
    pub pull_request: Option<u64>,
    pub posted: bool,
    /// Whether the comment of an earlier run was replaced. Left out where nothing was posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<bool>,
    /// The comment's address. Left out where GitHub does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
