// SPDX-License-Identifier: Apache-2.0
//! The `inspect` command: the facts about a runtime.

use crate::{cli, sources};
use protocol::inspect::{Request, RuntimeFacts};
use worker::{Outcome, Result};
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::Inspect) -> Result<bool> {
    let task = context.printer.task("inspect");
    let source = sources::source(context, &options.source)?;
    let request =
        Request::Inspect { source: source.source(), metadata: !options.no_metadata, token: options.token.clone() };
    let outcome: Outcome<RuntimeFacts> =
        workers::ask(context, Worker::Inspect, &request, &task, &context.log("inspect"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::inspect(&outcome.value))?;
    Ok(outcome.passed)
}
