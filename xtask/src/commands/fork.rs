// SPDX-License-Identifier: Apache-2.0
use super::utf8;
use crate::{cli, context::Context, interrupt, networks, workers, workers::Worker};
use serde_json::{Value, json};
use worker::Result;

/// Serves until it is interrupted, which is how it is meant to end.
pub fn run(context: &Context, options: &cli::Fork) -> Result<bool> {
    let request = json!({
        "command": "serve",
        "state": networks::source_at(context, &options.source, options.at.as_deref())?.handed(),
        "at": options.at,
        "code": options.code,
        "state_mode": options.state_mode.map(cli::StateMode::name),
        "port": options.port,
        "manual": options.manual,
        "allow_origin": options.allow_origin,
        "cache": utf8(&context.cache.join("executor"))?,
        "nodes": utf8(&context.nodes)?,
    });
    let task = context.printer.task("fork");
    let mut served = false;
    let mut ready = |value: &Value| {
        served = true;
        context.printer.result(value, || human(value))?;
        task.say("serving until Ctrl-C");
        Ok(())
    };
    let outcome = workers::call_until_ended(context, Worker::DryRun, &request, &task, &context.log("fork"), &mut ready);
    match outcome {
        Err(_) if served && interrupt::happened() => Ok(true),
        outcome => outcome.map(|outcome| outcome.passed),
    }
}

fn human(value: &Value) -> String {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let verified = if value["verified"] == true { "verified" } else { "not verified" };
    format!(
        "{}\nblock {} {}\nstate root {} ({}, {verified})",
        text("url"),
        value["number"],
        text("block_hash"),
        text("state_root"),
        text("mode"),
    )
}
