// SPDX-License-Identifier: Apache-2.0
use crate::{cli, context::Context, workers, workers::Worker};
use serde_json::json;
use worker::Result;

pub fn run(context: &Context, options: &cli::Diff) -> Result<bool> {
    let task = context.printer.task("diff");
    let request = json!({"command": "diff_bytes", "old": options.old, "new": options.new});
    let outcome = workers::call(context, Worker::Artifact, &request, &task, &context.log("diff"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::bytes::difference(&outcome.value))?;
    Ok(outcome.passed)
}
