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
use serde_json::{Value, json};
use worker::{Outcome, Result};

pub fn run(context: &Context, options: &cli::Weights) -> Result<bool> {
    match &options.what {
        WeightsCommand::Run(options) => run::run(context, options),
        WeightsCommand::Compare(options) => compare::run(context, options),
        WeightsCommand::Check(options) => check::run(context, options),
        WeightsCommand::Render(options) => render::run(context, options),
        WeightsCommand::Machine(options) => machine::run(context, options),
    }
}

fn call(context: &Context, request: &Value) -> Result<Outcome<Value>> {
    let task = context.printer.task("weights");
    workers::call(context, Worker::Weights, request, &task, &context.log("weights"))
}

fn limits(limits: &WeightLimits) -> (Value, Value) {
    (
        json!({"read": limits.read_weight, "write": limits.write_weight}),
        json!({"ref_time": limits.block_ref_time, "proof_size": limits.block_proof_size}),
    )
}
