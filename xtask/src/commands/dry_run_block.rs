// SPDX-License-Identifier: Apache-2.0
//! The `dry-run block` command: executes a block again.

use super::{target, utf8};
use crate::{cli, sources};
use protocol::{
    block::{BlockReport, BlockRequest},
    dry_run::Request,
};
use worker::{Failure, Outcome, Result};
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::DryRunBlock) -> Result<bool> {
    let runtime = match &options.runtime {
        Some(name) => {
            target::check_path(name)?;
            Some(target::resolve(context, Some(name), false)?.blob)
        }
        None => None,
    };
    let request = Request::Block(BlockRequest {
        block: options.block.clone(),
        state: sources::source(context, &options.state)?.source(),
        runtime: runtime.as_deref().map(utf8).transpose()?.map(str::to_owned),
        migration_blocks: protocol::block::migration_blocks(),
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
    });
    let task = context.printer.task("dry-run");
    let outcome: Outcome<BlockReport> =
        workers::ask(context, Worker::DryRun, &request, &task, &context.log("dry-run"))?;
    drop(task);
    if let Some(out) = &options.out {
        let mut text = serde_json::to_vec_pretty(&outcome.value)
            .map_err(|error| Failure::internal("the evidence cannot be written").found(error.to_string()))?;
        text.push(b'\n');
        files::write_whole(out, &text)?;
    }
    context.printer.result(&outcome.value, || report::block::terminal(&outcome.value))?;
    Ok(outcome.passed)
}
