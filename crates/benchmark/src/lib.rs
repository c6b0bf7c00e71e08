// SPDX-License-Identifier: Apache-2.0
//! Runs the benchmarks of a runtime with the node's executor over the node's benchmarking state,
//! and measures the machine.
//!
//! The runtime contains the benchmarks itself (feature `runtime-benchmarks`). This crate calls them
//! as `frame-benchmarking-cli` does, with the same parts: `sc_client_db::BenchmarkingState`, the
//! host functions and types of `frame-benchmarking`, and `sc-executor`. The command of that crate
//! is not used for three reasons: its JSON omits the keys of each repetition, its number of
//! repetitions is fixed in advance, and an invalid argument ends the process. Teams that must use it
//! can: [`library`] runs it in a process of its own.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod database;
mod library;
pub mod machine;
mod overhead;
mod run;
mod runtime;
mod select;
mod state;

use protocol::benchmark::Request;
use serde::Serialize;
use sp_wasm_interface::HostFunctions;
use std::process::ExitCode;
use worker::{Failure, Outcome, Reporter, Result};

/// Runs the worker. It provides these host functions in addition to those of nodes and those of
/// benchmarks, which wipe and commit the state and count accesses.
pub fn main<Own: HostFunctions>() -> ExitCode {
    fork::executor::register_host_functions::<(Own, frame_benchmarking::benchmarking::HostFunctions)>();
    worker::serve(|request: Request, reporter| handle(&request, reporter))
}

/// Handles one request and returns its result with the verdict.
pub fn handle(request: &Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    match request {
        Request::Run(request) => {
            let summary = run::run(request, reporter)?;
            outcome(summary.failed.is_empty(), &summary)
        }
        Request::RunLibrary(request) => {
            let summary = library::run(request, reporter)?;
            outcome(summary.failed.is_empty(), &summary)
        }
        Request::List(request) => outcome(true, &run::list(request)?),
        Request::Machine(request) => {
            let machine = machine::measure(request, reporter)?;
            outcome(machine.within_profile != Some(false), &machine)
        }
        Request::Overhead(request) => {
            let summary = overhead::overhead(request, reporter)?;
            outcome(summary.not_measured.is_none(), &summary)
        }
        Request::Database(request) => outcome(true, &database::database(request, reporter)?),
    }
}

fn outcome(passed: bool, result: &impl Serialize) -> Result<Outcome<serde_json::Value>> {
    let value = serde_json::to_value(result)
        .map_err(|error| Failure::internal("a result cannot be written as JSON").found(error.to_string()))?;
    Ok(Outcome { passed, value })
}
