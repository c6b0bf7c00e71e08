// SPDX-License-Identifier: Apache-2.0
//! The `diff` command: compares two runtimes.

use crate::{cli, sources};
use protocol::{
    diff::{AllowedRules, Request},
    inspect,
};
use serde::Serialize;
use worker::{Failure, Outcome, Result};
use workers::Worker;
use workspace::{context::Context, runtimes};

pub fn run(context: &Context, options: &cli::Diff) -> Result<bool> {
    if options.old == "-" && options.new == "-" {
        return Err(Failure::usage("both runtimes cannot be read from standard input").expected("at most one -"));
    }
    let task = context.printer.task("diff");
    let log = context.log("diff");
    let source = |text: &str| sources::source(context, text).map(|place| place.source());
    let (old, new) = (source(&options.old)?, source(&options.new)?);
    if options.bytes {
        let (old_build, new_build) = (Box::default(), Box::default());
        let request = inspect::Request::DiffBytes { old, new, old_build, new_build, features: Vec::new() };
        let outcome = workers::ask(context, Worker::Inspect, &request, &task, &log)?;
        drop(task);
        return print(context, outcome, report::bytes::difference);
    }
    if options.parameters {
        let (decimals, symbol, block_time) = (options.decimals, options.symbol.clone(), options.block_time);
        let request = Request::Parameters { old, new, decimals, symbol, block_time };
        let outcome = workers::ask(context, Worker::Compat, &request, &task, &log)?;
        drop(task);
        return print(context, outcome, report::diff::parameters);
    }
    let allow = allowances(context, &options.allow)?;
    let request = Request::Diff { old, new, allow, parameters: false };
    let outcome = workers::ask(context, Worker::Compat, &request, &task, &log)?;
    drop(task);
    print(context, outcome, report::diff::difference)
}

/// Prints the result of a worker and returns whether it passed.
fn print<T: Serialize>(context: &Context, outcome: Outcome<T>, show: fn(&T) -> String) -> Result<bool> {
    context.printer.result(&outcome.value, || show(&outcome.value))?;
    Ok(outcome.passed)
}

/// Returns the rules that may be broken: those of the workspace's configuration and of the command
/// line, each `KIND` or `KIND=REASON`.
pub fn allowances(context: &Context, named: &[String]) -> Result<AllowedRules> {
    let mut allow: AllowedRules =
        runtimes::configured_allowances(context)?.into_iter().map(|(kind, reason)| (kind, Some(reason))).collect();
    for text in named {
        let (kind, reason) = match text.split_once('=') {
            Some((kind, reason)) => (kind, Some(reason)),
            None => (text.as_str(), None),
        };
        // Without a reason here, the configured reason applies.
        if reason.is_some() || !allow.contains_key(kind) {
            allow.insert(kind.to_owned(), reason.map(str::to_owned));
        }
    }
    Ok(allow)
}

/// Returns the rules that may be broken as text, for a digest of a job's inputs.
pub fn text(allow: &AllowedRules) -> String {
    allow.iter().map(|(kind, reason)| format!("{kind}={}\n", reason.as_deref().unwrap_or_default())).collect()
}
