// SPDX-License-Identifier: Apache-2.0
//! The `weights` commands.

mod age;
pub mod check;
mod compare;
mod render;
pub mod run;
mod settings;

use crate::cli::{self, WeightLimits, WeightsCommand};
use protocol::{
    Verdict,
    benchmark::{self, MachineRequest},
    weights::{
        Request,
        compare::{DatabasePrice, Limits},
        raw::Machine,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use worker::{Failure, Outcome, Result};
use workers::Worker;
use workspace::context::Context;

/// Runs `weights` and returns its verdict. Most commands only return whether every check passed.
pub fn run(context: &Context, options: &cli::Weights) -> Result<Verdict> {
    let passed = match &options.what {
        WeightsCommand::Compare(options) => return compare::run(context, options),
        WeightsCommand::Run(options) => run::run(context, options),
        WeightsCommand::Check(options) => check::run(context, options),
        WeightsCommand::Render(options) => render::run(context, options),
        WeightsCommand::Machine(options) => machine(context, options),
    };
    passed.map(Verdict::from)
}

/// Measures this machine and compares it with a profile.
fn machine(context: &Context, options: &cli::WeightsMachine) -> Result<bool> {
    let request = benchmark::Request::Machine(MachineRequest {
        profile: options.profile.clone(),
        directory: options.directory.clone().unwrap_or_else(|| context.cache.clone()),
    });
    let task = context.printer.task("machine");
    let outcome = workers::ask::<Machine>(context, Worker::Benchmark, &request, &task, &context.log("weights"))?;
    drop(task);
    print(context, &outcome.value, || report::benchmarks::machine(&outcome.value))?;
    Ok(outcome.passed)
}

/// Sends a request to the worker for weights.
fn call<T: DeserializeOwned>(context: &Context, request: &Request) -> Result<Outcome<T>> {
    let task = context.printer.task("weights");
    workers::ask(context, Worker::Weights, request, &task, &context.log("weights"))
}

/// Prints a result as JSON, or as the text of `human`.
fn print(context: &Context, result: &impl Serialize, human: impl FnOnce() -> String) -> Result<()> {
    let value = serde_json::to_value(result)
        .map_err(|error| Failure::internal("the result cannot be written as JSON").found(error.to_string()))?;
    context.printer.result(&value, human)
}

/// Returns the price of the database and the limits of a block that the options give.
fn limits(limits: &WeightLimits) -> (DatabasePrice, Limits) {
    (
        DatabasePrice { read: limits.read_weight, write: limits.write_weight },
        Limits { ref_time: limits.block_ref_time, proof_size: limits.block_proof_size },
    )
}
