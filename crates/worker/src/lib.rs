// SPDX-License-Identifier: Apache-2.0
//! The protocol between `xtask` and its worker binaries.
//!
//! A worker reads one JSON request from standard input and writes [`Event`]s to standard output,
//! one JSON document per line. It writes nothing else; xtask renders the events. Its exit code is
//! that of [`Kind`], so a worker that is started by hand has the exit code of its command.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

/// The environment variable with the path of the file that holds the standard input of xtask. The
/// worker's own standard input is the request.
pub const STANDARD_INPUT: &str = "CUTOVER_STANDARD_INPUT";

mod serve;

pub use protocol::{Code, Event, Failure, Kind, Progress, Result};
pub use serve::{Outcome, Reporter, serve, status};
