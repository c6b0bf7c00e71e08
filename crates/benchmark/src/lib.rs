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
mod request;
mod run;
mod runtime;
mod select;
mod state;

pub use request::{Database, Machine, Overhead, Request, Run};

use sp_wasm_interface::HostFunctions;
use std::process::ExitCode;
use worker::{Outcome, Reporter, Result};

/// The worker, which offers these host functions beside those that nodes offer and those that benchmarks use to wipe, commit
/// and count.
pub fn main<Own: HostFunctions>() -> ExitCode {
    fork::executor::offer::<(Own, frame_benchmarking::benchmarking::HostFunctions)>();
    fork::runtime_log::install();
    worker::serve(|request: Request, reporter| handle(&request, reporter))
}

pub fn handle(request: &Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    let value = |value: serde_json::Result<serde_json::Value>| {
        value.map_err(|error| worker::Failure::internal("a result cannot be written as JSON").found(error.to_string()))
    };
    match request {
        Request::Run(request) => {
            let summary = run::run(request, reporter)?;
            Ok(Outcome { passed: summary.failed.is_empty(), value: value(serde_json::to_value(summary))? })
        }
        Request::List(request) => {
            let listed = run::list(request)?;
            Ok(Outcome::passed(value(serde_json::to_value(listed))?))
        }
        Request::Machine(request) => {
            let machine = machine::measure(request, reporter)?;
            let passed = machine.within_profile != Some(false);
            Ok(Outcome { passed, value: value(serde_json::to_value(machine))? })
        }
        Request::Overhead(request) => {
            let summary = overhead::overhead(request, reporter)?;
            Ok(Outcome { passed: summary.not_measured.is_none(), value: value(serde_json::to_value(summary))? })
        }
        Request::Database(request) => {
            let summary = database::database(request, reporter)?;
            Ok(Outcome::passed(value(serde_json::to_value(summary))?))
        }
    }
}
