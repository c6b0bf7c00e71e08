// SPDX-License-Identifier: Apache-2.0
//! Measures this machine and compares it with a profile.

use super::print;
use crate::{
    cli,
    context::Context,
    workers::{self, Worker},
};
use protocol::{
    benchmark::{MachineRequest, Request},
    weights::raw::Machine,
};
use worker::Result;

pub fn run(context: &Context, options: &cli::WeightsMachine) -> Result<bool> {
    let request = Request::Machine(MachineRequest {
        profile: options.profile.clone(),
        directory: options.directory.clone().unwrap_or_else(|| context.cache.clone()),
    });
    let task = context.printer.task("machine");
    let outcome = workers::ask::<Machine>(context, Worker::Benchmark, &request, &task, &context.log("weights"))?;
    drop(task);
    print(context, &outcome.value, || report::benchmarks::machine(&outcome.value))?;
    Ok(outcome.passed)
}
