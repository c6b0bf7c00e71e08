// SPDX-License-Identifier: Apache-2.0
use crate::Failure;
use serde::{Deserialize, Serialize};

/// An event that a worker sends to xtask, one JSON document per line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The current activity.
    Status {
        /// The activity as a phrase: `reading the runtime`.
        message: String,
    },
    /// The progress of a task.
    Progress(Progress),
    /// A warning to the user that does not change the verdict.
    Warning {
        /// The warning in words.
        message: String,
    },
    /// A line for the log file: the log of a runtime, the output of a command.
    Log {
        /// The line without its end.
        message: String,
    },
    /// A worker that runs until it is stopped is ready. The value has its address.
    Ready {
        /// The document of the service, such as the URL and the block of a served fork.
        value: serde_json::Value,
    },
    /// The last event of a worker that completed its work. `passed` is the verdict.
    Done {
        /// Whether the verdict is a pass. Otherwise the exit code is 1.
        passed: bool,
        /// The result of the request, whose type depends on the request.
        value: serde_json::Value,
    },
    /// The last event of a worker that failed.
    Failed(Failure),
}

/// The progress of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The name of the task.
    pub task: String,
    /// The number of units that are completed.
    pub done: u64,
    /// The number of units of the whole task. Null if it is unknown.
    pub total: Option<u64>,
    /// The unit: `keys`, `bytes`, `blocks`.
    pub unit: String,
}
