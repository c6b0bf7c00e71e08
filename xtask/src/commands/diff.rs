// SPDX-License-Identifier: Apache-2.0
use crate::{cli, context::Context, networks, runtimes, workers, workers::Worker};
use serde_json::{Map, Value, json};
use worker::{Failure, Outcome, Result};

pub fn run(context: &Context, options: &cli::Diff) -> Result<bool> {
    if options.old == "-" && options.new == "-" {
        return Err(Failure::usage("both runtimes are to be read from standard input").expected("at most one -"));
    }
    let task = context.printer.task("diff");
    let ask = |worker: Worker, request: Value| -> Result<Outcome<Value>> {
        workers::call(context, worker, &request, &task, &context.log("diff"))
    };
    let source = |text: &str| networks::source(context, text).map(|place| place.handed());
    let (old, new) = (source(&options.old)?, source(&options.new)?);
    let (outcome, show): (_, fn(&Value) -> String) = if options.bytes {
        let request = json!({"command": "diff_bytes", "old": old, "new": new});
        (ask(Worker::Artifact, request)?, report::bytes::difference)
    } else if options.parameters {
        let request = json!({
            "command": "parameters",
            "old": old,
            "new": new,
            "decimals": options.decimals,
            "symbol": options.symbol,
            "block_time": options.block_time,
        });
        (ask(Worker::Compat, request)?, report::diff::parameters)
    } else {
        let allow = allowances(context, &options.allow)?;
        let request = json!({"command": "diff", "old": old, "new": new, "allow": allow});
        (ask(Worker::Compat, request)?, report::diff::difference)
    };
    drop(task);
    context.printer.result(&outcome.value, || show(&outcome.value))?;
    Ok(outcome.passed)
}

/// Rules that may be broken: those of the workspace's configuration, then those of the command line, each `KIND` or
/// `KIND=REASON`.
pub fn allowances(context: &Context, named: &[String]) -> Result<Value> {
    let mut allow = Map::new();
    for (kind, reason) in runtimes::configured_allowances(context)? {
        allow.insert(kind, json!(reason));
    }
    for text in named {
        let (kind, reason) = match text.split_once('=') {
            Some((kind, reason)) => (kind, Some(reason)),
            None => (text.as_str(), None),
        };
        // Without a reason here, the configured one still holds.
        if reason.is_some() || !allow.contains_key(kind) {
            allow.insert(kind.to_owned(), json!(reason));
        }
    }
    Ok(Value::Object(allow))
}
