// SPDX-License-Identifier: Apache-2.0
//! The command `propose explain`: reads a proposal of others back.

use super::super::{dry_run, rehearse::proposal, upgrade::bundle::pretty};
use crate::{cli, sources};
use protocol::{
    Verdict,
    dry_run::Request,
    explanation::{CallExplanation, ExplainCallRequest},
};
use std::path::{Path, PathBuf};
use worker::Result;
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::ProposeExplain) -> Result<Verdict> {
    let given = proposal::read(&options.proposal)?;
    let states = std::iter::once(&options.target).chain(&options.with).map(PathBuf::from);
    let inputs: Vec<_> = given.files.iter().cloned().chain(states).collect();
    let reports: Vec<&Path> = options.out.iter().map(PathBuf::as_path).collect();
    dry_run::check_reports(&reports, &inputs)?;
    for earlier in &reports {
        dry_run::remove(earlier)?;
    }
    let with = options.with.iter().map(|source| Ok(sources::source(context, source)?.source()));
    let request = Request::ExplainCall(Box::new(ExplainCallRequest {
        proposal: given.proposed,
        source: given.source,
        target: sources::source_at(context, &options.target, options.at.as_deref())?.source(),
        at: options.at.clone(),
        with: with.collect::<Result<_>>()?,
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
    }));
    let task = context.printer.task("explain");
    let log = context.log("explain");
    let explanation: CallExplanation = workers::ask(context, Worker::DryRun, &request, &task, &log)?.value;
    drop(task);
    if let Some(out) = &options.out {
        files::write_whole(out, &pretty(&explanation)?)?;
    }
    context.printer.result(&explanation, || report::explanation::terminal(&explanation))?;
    Ok(Verdict::Pass)
}
