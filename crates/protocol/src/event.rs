// SPDX-License-Identifier: Apache-2.0
use crate::Failure;
use serde::{Deserialize, Serialize};

/// An event that a worker sends to xtask, one JSON document per line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The current activity.
    Status { message: String },
    /// The progress of a task.
    Progress(Progress),
    /// A warning to the user that does not change the verdict.
    Warning { message: String },
    /// A line for the log file: the log of a runtime, the output of a command.
    Log { message: String },
    /// A worker that runs until it is stopped is ready. The value has its address.
    Ready { value: serde_json::Value },
    /// The last event of a worker that completed its work. `passed` is the verdict.
    Done { passed: bool, value: serde_json::Value },
    /// The last event of a worker that failed.
    Failed(Failure),
}

/// The progress of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub task: String,
    pub done: u64,
    pub total: Option<u64>,
    /// The unit: `keys`, `bytes`, `blocks`.
    pub unit: String,
}
