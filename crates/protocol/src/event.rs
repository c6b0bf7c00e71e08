// SPDX-License-Identifier: Apache-2.0
use crate::Failure;
use serde::{Deserialize, Serialize};

/// What a worker tells xtask, one JSON document a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// What is being done now, in a few words.
    Status { message: String },
    /// How far it is.
    Progress(Progress),
    /// Something the user should know that does not change the verdict.
    Warning { message: String },
    /// A line for the log file only: a runtime's own log, a command's output.
    Log { message: String },
    /// A worker that goes on until it is ended is ready: where it can be reached.
    Ready { value: serde_json::Value },
    /// The last event of a worker that did its work. `passed` is the verdict.
    Done { passed: bool, value: serde_json::Value },
    /// The last event of a worker that could not.
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub task: String,
    pub done: u64,
    pub total: Option<u64>,
    /// What is counted: `keys`, `bytes`, `blocks`.
    pub unit: String,
}
