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
use worker::{Failure, Result};
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::ProposeKeys) -> Result<Verdict> {
    let given = proposal::read(&options.proposal)?;
    let inputs: Vec<_> = given.files.iter().cloned().chain([PathBuf::from(&options.state)]).collect();
    let reports: Vec<&Path> = options.out.iter().map(PathBuf::as_path).collect();
    dry_run::check_reports(&reports, &inputs)?;
    check_calls(options.calls.as_deref(), &given.files)?;
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

/// Checks that the calls of the signatories do not go where those of the proposal are: the files of earlier calls are
/// removed.
fn check_calls(calls: Option<&Path>, files: &[PathBuf]) -> Result<()> {
    let Some(calls) = calls.and_then(|calls| std::fs::canonicalize(calls).ok()) else { return Ok(()) };
    let mut files = files.iter().filter_map(|file| std::fs::canonicalize(file).ok());
    let is_own = |file: PathBuf| file.parent().is_some_and(|own| own == calls || own.join(proposal::CALLS) == calls);
    match files.any(is_own) {
        false => Ok(()),
        true => Err(Failure::usage("the calls of the signatories would take the place of those of the proposal")
            .found(calls.display().to_string())
            .expected("another directory for --calls")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_the_proposal_stay() {
        let directory = tempfile::tempdir().expect("a directory");
        let own = directory.path().join(proposal::CALLS);
        let other = directory.path().join("signed");
        for made in [&own, &other] {
            std::fs::create_dir(made).expect("made");
        }
        let [document, call] = [directory.path().join("proposal.json"), own.join("01-sudo.hex")];
        for file in [&document, &call] {
            std::fs::write(file, "{}").expect("written");
        }
        for file in [document, call] {
            let files = [file];
            let failure = check_calls(Some(&own), &files).expect_err("refused");
            assert_eq!(failure.kind, worker::Kind::Usage);
            assert_eq!(check_calls(Some(&other), &files), Ok(()));
            assert_eq!(check_calls(Some(&directory.path().join("not-there")), &files), Ok(()));
            assert_eq!(check_calls(None, &files), Ok(()));
        }
    }
}
