// SPDX-License-Identifier: Apache-2.0
//! The rehearsal of an upgrade on a fork of the chain, and the table of its checks.
//!
//! The state is loaded once. The blob that ships is applied as the chain itself applies it, and
//! blocks are built until its migrations have ended, and some more. The try-runtime build runs its
//! hooks from the same state, and what both wrote is compared. Each check has its own outcome.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod account;
mod allowance;
mod ask;
mod authorization;
mod block;
mod checks;
mod dispatch;
mod enactment;
mod events;
mod input;
mod journeys;
mod keys;
mod messages;
mod migration;
mod orders;
mod outcome;
mod parachains;
mod progress;
mod queues;
mod rehearsal;
mod relay_chain;
mod relay_move;
mod report;
mod run;
mod selection;
mod sites;
mod superuser;
mod support;
mod timed_block;
mod timeline;
mod transaction;
mod types;
mod weight;
mod xcm;

use protocol::dry_run::Request;
use sp_wasm_interface::HostFunctions;
use std::process::ExitCode;
use worker::{Failure, Outcome, Reporter, Result};

/// Runs the worker, which offers these host functions in addition to those of nodes.
pub fn main<Own: HostFunctions>() -> ExitCode {
    fork::executor::register_host_functions::<Own>();
    validator::serve_validator_jobs();
    worker::serve(|request: Request, reporter| handle(&request, reporter))
}

/// Returns a result as JSON.
fn value(result: impl serde::Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(result)
        .map_err(|error| Failure::internal("a result cannot be written as JSON").found(error.to_string()))
}

/// Handles one request and returns its result with the verdict. Fails if the request could not be
/// carried out.
pub fn handle(request: &Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    match request {
        Request::DryRun(request) => {
            let report = run::dry_run(request, reporter)?;
            let passed = report.verdict.passed();
            Ok(Outcome { passed, value: value(report)? })
        }
        Request::Rehearse(request) => {
            let report = dispatch::rehearse(request, reporter)?;
            let passed = report.verdict.passed();
            Ok(Outcome { passed, value: value(report)? })
        }
        Request::Keys(request) => {
            let report = keys::keys(request, reporter)?;
            let passed = report.verdict.passed();
            Ok(Outcome { passed, value: value(report)? })
        }
        Request::Support(request) => {
            let answer = support::support(request, reporter)?;
            let passed = answer.verdict().passed();
            let value = match answer {
                support::Answer::Diagnosis(diagnosis) => value(diagnosis)?,
                support::Answer::Repair(report) => value(report)?,
                support::Answer::Task(report) => value(report)?,
            };
            Ok(Outcome { passed, value })
        }
        Request::Explain(request) => {
            let explanation = xcm::explain(request, reporter)?;
            let passed = explanation.verdict.passed();
            Ok(Outcome { passed, value: value(explanation)? })
        }
        Request::ExplainCall(request) => Ok(Outcome::passed(value(dispatch::explain::explain(request, reporter)?)?)),
        Request::Block(request) => {
            let report = block::replay(request, reporter)?;
            let passed = report.verdict.passed();
            Ok(Outcome { passed, value: value(report)? })
        }
        Request::Prepare(request) => {
            let prepared = validator::prepare(&bytes(&request.code)?, &request.artifact)?;
            Ok(Outcome::passed(value(prepared)?))
        }
        Request::Validate(request) => {
            let executed = validator::execute(&request.artifact, &bytes(&request.parameters)?)?;
            Ok(Outcome::passed(value(executed)?))
        }
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    sp_core::bytes::from_hex(hex)
        .map_err(|error| Failure::usage("what the request gives as bytes is not in hex").found(error.to_string()))
}
