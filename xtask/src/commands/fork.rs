// SPDX-License-Identifier: Apache-2.0
//! The `fork` command: serves a fork of a chain.

use crate::{
    cli,
    sources::{self, SourceLocation},
};
use process::interrupt;
use protocol::fork::{PinRequest, Request, ServeRequest, ServedFork};
use std::path::Path;
use worker::{Failure, Result};
use workers::Worker;
use workspace::context::Context;

/// Serves the fork until it is interrupted. An interruption after the start is a success.
pub fn run(context: &Context, options: &cli::Fork) -> Result<bool> {
    let first = sources::source_at(context, &options.source, options.at.as_deref())?;
    let with = options.with.iter().map(|source| sources::source(context, source)).collect::<Result<Vec<_>>>()?;
    let request = Request::Serve(ServeRequest {
        state: first.source(),
        at: options.at.clone(),
        code: options.code.clone(),
        with: with.iter().map(SourceLocation::source).collect(),
        onboard: options.onboard,
        dev: options.dev,
        pin: options.pin.as_ref().map(|file| pin(file, options, &first, &with)).transpose()?,
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

/// Returns the file of `--pin` with the names of the chains.
fn pin(file: &Path, options: &cli::Fork, first: &SourceLocation, with: &[SourceLocation]) -> Result<PinRequest> {
    let texts = std::iter::once(&options.source).chain(&options.with);
    let places = std::iter::once(first).chain(with);
    Ok(PinRequest {
        file: std::path::absolute(file).map_err(|error| Failure::io("use", file, &error))?,
        names: texts.zip(places).map(|(text, place)| sources::public_name(text, place)).collect(),
    })
}

/// Returns the address, the block and the development accounts of each served chain as text.
fn human(fork: &ServedFork) -> String {
    let verified = if fork.verified { "verified" } else { "not verified" };
    let ServedFork { url, number, block_hash, state_root, mode, dev, with, .. } = fork;
    let mut text = format!("{url}\nblock {number} {block_hash}\nstate root {state_root} ({}, {verified})", mode.name());
    if let Some(dev) = dev {
        text.extend(dev.accounts.iter().map(|it| format!("\n{} {} has {}", it.name, it.address, it.free)));
        text.extend(dev.sudo.iter().map(|address| format!("\n{address} has sudo")));
    }
    std::iter::once(text).chain(with.iter().map(human)).collect::<Vec<_>>().join("\n\n")
}
