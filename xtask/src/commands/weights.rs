// SPDX-License-Identifier: Apache-2.0
mod age;
pub mod check;
mod compare;
mod machine;
mod render;
pub mod run;
mod settings;

use crate::{
    cli::{self, WeightLimits, WeightsCommand},
    context::Context,
    workers::{self, Worker},
};
use protocol::weights::{
    Request,
    compare::{DatabasePrice, Limits},
};
use serde::{Serialize, de::DeserializeOwned};
use worker::{Failure, Outcome, Result};

pub fn run(context: &Context, options: &cli::Weights) -> Result<bool> {
    match &options.what {
        WeightsCommand::Run(options) => run::run(context, options),
        WeightsCommand::Compare(options) => compare::run(context, options),
        WeightsCommand::Check(options) => check::run(context, options),
        WeightsCommand::Render(options) => render::run(context, options),
        WeightsCommand::Machine(options) => machine::run(context, options),
    }
}

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

fn limits(limits: &WeightLimits) -> (DatabasePrice, Limits) {
    (
        DatabasePrice { read: limits.read_weight, write: limits.write_weight },
        Limits { ref_time: limits.block_ref_time, proof_size: limits.block_proof_size },
    )
}
