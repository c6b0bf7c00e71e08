// SPDX-License-Identifier: Apache-2.0
//! The `fork` command: serves a fork of a chain.

use crate::{cli, sources};
use process::interrupt;
use protocol::fork::{Request, ServeRequest, ServedFork};
use worker::Result;
use workers::Worker;
use workspace::context::Context;

/// Serves the fork until it is interrupted. An interruption after the start is a success.
pub fn run(context: &Context, options: &cli::Fork) -> Result<bool> {
    let with = options.with.iter().map(|source| Ok(sources::source(context, source)?.source()));
    let request = Request::Serve(ServeRequest {
        state: sources::source_at(context, &options.source, options.at.as_deref())?.source(),
        at: options.at.clone(),
        code: options.code.clone(),
        with: with.collect::<Result<_>>()?,
        onboard: options.onboard,
        state_mode: options.state_mode.map(Into::into),
        port: options.port,
        manual: options.manual,
        allow_origin: options.allow_origin.clone(),
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
    });
    let task = context.printer.task("fork");
    let mut served = false;
    let mut ready = |fork: ServedFork| {
        served = true;
        context.printer.result(&fork, || human(&fork))?;
        task.say("serving until Ctrl-C");
        Ok(())
    };
    let outcome = workers::call_until_ended(context, Worker::Fork, &request, &task, &context.log("fork"), &mut ready);
    match outcome {
        Err(_) if served && interrupt::happened() => Ok(true),
        outcome => outcome.map(|outcome| outcome.passed),
    }
}

/// Returns the address and the block of each served chain as text.
fn human(fork: &ServedFork) -> String {
    let verified = if fork.verified { "verified" } else { "not verified" };
    let ServedFork { url, number, block_hash, state_root, mode, with, .. } = fork;
    let text = format!("{url}\nblock {number} {block_hash}\nstate root {state_root} ({}, {verified})", mode.name());
    std::iter::once(text).chain(with.iter().map(human)).collect::<Vec<_>>().join("\n\n")
}
