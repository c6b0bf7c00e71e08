// SPDX-License-Identifier: Apache-2.0
//! How `xtask` and its worker binaries talk.
//!
//! A worker reads one JSON request from standard input and writes [`Event`]s, one JSON document a line, to standard
//! output. It prints nothing else and decides nothing about looks: xtask's printer renders the events. Its exit code
//! is the one of [`Kind`], so a worker that is run by hand behaves like the command it serves.

/// Names the environment variable by which a worker is told where its caller's standard input is kept: its own carries the
/// request.
pub const STANDARD_INPUT: &str = "CUTOVER_STANDARD_INPUT";

mod parent;
mod serve;

pub use protocol::{Code, Event, Failure, Kind, Progress, Result};
pub use serve::{Outcome, Reporter, serve};
