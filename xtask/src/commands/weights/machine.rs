// SPDX-License-Identifier: Apache-2.0
//! What this machine is, and whether it is good enough for a profile.

use super::super::utf8;
use crate::{
    cli,
    context::Context,
    workers::{self, Worker},
};
use serde_json::json;
use worker::Result;

pub fn run(context: &Context, options: &cli::WeightsMachine) -> Result<bool> {
    let request = json!({
        "command": "machine",
        "profile": options.profile.as_deref().map(utf8).transpose()?,
        "directory": utf8(options.directory.as_deref().unwrap_or(&context.cache))?,
    });
    let task = context.printer.task("machine");
    let outcome = workers::call(context, Worker::Benchmark, &request, &task, &context.log("weights"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::benchmarks::machine(&outcome.value))?;
    Ok(outcome.passed)
}
