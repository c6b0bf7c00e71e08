// SPDX-License-Identifier: Apache-2.0
//! A runtime's benchmarks, run on the node's executor over the node's benchmarking state, and the machine they ran on.
//!
//! The runtime brings the benchmarks itself (feature `runtime-benchmarks`); what is here calls them the way
//! `frame-benchmarking-cli` does, over the same parts: `sc_client_db::BenchmarkingState`, the host functions and types of
//! `frame-benchmarking`, `sc-executor`. It is not that crate's command because of what that loses: the keys of each
//! repetition are left out of its JSON, its repetitions are fixed beforehand, and a failed argument ends the process.

mod database;
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

/// The worker, which offers these host functions beside those that nodes offer and those that benchmarks use to wipe, commit
/// and count.
pub fn main<Own: HostFunctions>() -> ExitCode {
    fork::executor::register_host_functions::<(Own, frame_benchmarking::benchmarking::HostFunctions)>();
    fork::runtime_log::install();
    worker::serve(|request: Request, reporter| handle(&request, reporter))
}

/// Does what the request says.
pub fn handle(request: &Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    match request {
        Request::Run(request) => {
            let summary = run::run(request, reporter)?;
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
