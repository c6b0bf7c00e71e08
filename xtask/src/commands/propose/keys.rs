// SPDX-License-Identifier: Apache-2.0
//! The command `propose keys`: who can sign a call of Sudo, and what each signatory of a multisig submits.

use super::super::{dry_run, rehearse::proposal, upgrade::bundle::pretty};
use crate::{cli, sources};
use protocol::{
    Verdict,
    dry_run::Request,
    keys::{KeysReport, KeysRequest, MultisigRequest},
};
use std::path::{Path, PathBuf};
use worker::Result;
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::ProposeKeys) -> Result<Verdict> {
    let given = proposal::read(&options.proposal)?;
    let inputs: Vec<_> = given.files.iter().cloned().chain([PathBuf::from(&options.state)]).collect();
    let reports: Vec<&Path> = options.out.iter().map(PathBuf::as_path).collect();
    dry_run::check_reports(&reports, &inputs)?;
    for earlier in &reports {
        dry_run::remove(earlier)?;
    }
    let multisig =
        options.threshold.map(|threshold| MultisigRequest { threshold, signatories: options.signatory.clone() });
    let request = Request::Keys(Box::new(KeysRequest {
        proposal: given.proposed,
        state: sources::source_at(context, &options.state, options.at.as_deref())?.source(),
        at: options.at.clone(),
        multisig,
        out: options.calls.clone(),
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
    }));
    let task = context.printer.task("keys");
    let report: KeysReport = workers::ask(context, Worker::DryRun, &request, &task, &context.log("keys"))?.value;
    drop(task);
    if let Some(out) = &options.out {
        files::write_whole(out, &pretty(&report)?)?;
    }
    context.printer.result(&report, || report::keys::terminal(&report))?;
    Ok(dry_run::verdict(report.verdict))
}
