// SPDX-License-Identifier: Apache-2.0
//! The `inspect` command: the facts about a runtime.

use crate::{cli, context::Context, networks, workers, workers::Worker};
use protocol::inspect::{Request, RuntimeFacts};
use worker::{Outcome, Result};

pub fn run(context: &Context, options: &cli::Inspect) -> Result<bool> {
    let task = context.printer.task("inspect");
    let source = networks::source(context, &options.source)?;
    let request =
        Request::Inspect { source: source.source(), metadata: !options.no_metadata, token: options.token.clone() };
    let outcome: Outcome<RuntimeFacts> =
        workers::ask(context, Worker::Inspect, &request, &task, &context.log("inspect"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::inspect(&outcome.value))?;
    Ok(outcome.passed)
}
