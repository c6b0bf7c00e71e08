// SPDX-License-Identifier: Apache-2.0
//! The `dry-run` command: rehearses an upgrade on a chain's state.

use super::{target, utf8};
use crate::{
    cli,
    sources::{self, SourceLocation},
};
use protocol::{
    Verdict,
    dry_run::{DryRunReport, DryRunRequest, RelayRequest, Request},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::DryRun) -> Result<Verdict> {
    if let Some(cli::DryRunCommand::Block(options)) = &options.command {
        return super::dry_run_block::run(context, options).map(Verdict::from);
    }
    if options.out.is_some() && options.out == options.junit {
        return Err(Failure::usage("--out and --junit name the same file").expected("two files"));
    }
    if let Some(name) = &options.runtime {
        target::check_path(name)?;
    }
    if let Some(blob) = options.relay_runtime.as_ref().filter(|blob| !blob.is_file()) {
        return Err(Failure::input(format!("there is no file {}", blob.display()))
            .expected("the blob of the relay chain's own new runtime"));
    }
    let reports: Vec<&Path> = options.out.iter().chain(&options.junit).map(PathBuf::as_path).collect();
    check_reports(&reports, &inputs(context, options, &reports)?)?;
    for earlier in &reports {
        remove(earlier)?;
    }
    let target = target::resolve(context, options.runtime.as_deref(), options.try_runtime.is_none())?;
    check_reports(&reports, std::slice::from_ref(&target.blob))?;
    if let Some(note) = target.note.as_ref().filter(|_| options.state.is_none()) {
        context.printer.status(note);
    }
    let state = options.state.clone().or(target.state).ok_or_else(|| {
        Failure::usage("no state is given to rehearse the upgrade on")
            .expected("a raw chain spec, a snapshot, a node or a network")
            .hint("name it with --state, or set `state` in the runtime's [package.metadata.cutover]")
    })?;
    let state = sources::source_at(context, &state, options.at.as_deref())?;
    let try_runtime = options.try_runtime.as_ref().or(target.try_runtime.as_ref());
    let mut request = request(
        context,
        &target.blob,
        try_runtime.map(|path| path.as_path()),
        &state,
        options.at.as_deref(),
        options.blocks,
    )?;
    let with = target.with.iter().chain(&options.with).map(|source| Ok(sources::source(context, source)?.source()));
    request.with = with.collect::<Result<_>>()?;
    let relay = options.relay.as_ref().or(target.relay.as_ref());
    let relay = relay.map(|relay| sources::source_at(context, relay, options.relay_at.as_deref())).transpose()?;
    let relay_runtime = options.relay_runtime.as_deref();
    if relay.is_none() && relay_runtime.is_some() {
        return Err(Failure::usage("--relay-runtime is given, and no relay chain is")
            .expected("the relay chain that is upgraded too")
            .hint("name it with --relay"));
    }
    let relay_runtime = relay_runtime.map(utf8).transpose()?.map(str::to_owned);
    request.relay =
        relay.map(|relay| RelayRequest { state: relay.source(), at: options.relay_at.clone(), runtime: relay_runtime });
    request.onboard = options.onboard || target.onboard;
    request.allow = allowed(target.allow, &options.allow)?;
    request.deny = [target.deny, options.deny.clone()].concat();
    request.strict = options.strict || target.strict;
    request.only.clone_from(&options.only);
    request.skip.clone_from(&options.skip);
    request.code.clone_from(&options.code);
    request.state_mode = options.state_mode.map(Into::into);
    request.unverified = options.unverified;
    let request = Request::DryRun(Box::new(request));
    let task = context.printer.task("dry-run");
    let report: DryRunReport = workers::ask(context, Worker::DryRun, &request, &task, &context.log("dry-run"))?.value;
    drop(task);
    if let Some(out) = &options.out {
        let mut text = serde_json::to_vec_pretty(&report)
            .map_err(|error| Failure::internal("the evidence cannot be written").found(error.to_string()))?;
        text.push(b'\n');
        files::write_whole(out, &text)?;
    }
    if let Some(junit) = &options.junit {
        files::write_whole(junit, report::junit::dry_run(&report).as_bytes())?;
    }
    context.printer.result(&report, || report::terminal::dry_run(&report))?;
    Ok(verdict(report.verdict))
}

/// Returns the sources that the command line and the configuration name, as paths. A source that is
/// no file, such as a node, is a path that does not exist. Without an earlier report there are none.
fn inputs(context: &Context, options: &cli::DryRun, reports: &[&Path]) -> Result<Vec<PathBuf>> {
    if !reports.iter().any(|report| report.is_file()) {
        return Ok(Vec::new());
    }
    let named =
        options.runtime.iter().chain(&options.state).chain(&options.code).chain(&options.with).chain(&options.relay);
    let mut inputs: Vec<PathBuf> = named.map(PathBuf::from).collect();
    inputs.extend(options.try_runtime.iter().chain(&options.relay_runtime).cloned());
    let configured = target::configured_sources(context, options.runtime.as_deref())?;
    inputs.extend(configured.into_iter().map(PathBuf::from));
    Ok(inputs)
}

/// Fails if a report would replace a file that the run reads.
pub fn check_reports(reports: &[&Path], inputs: &[PathBuf]) -> Result<()> {
    for report in reports.iter().filter(|report| report.is_file()) {
        let Ok(path) = std::fs::canonicalize(report) else { continue };
        let same = |input: &&PathBuf| std::fs::canonicalize(input).is_ok_and(|input| input == path);
        if let Some(input) = inputs.iter().find(same) {
            return Err(Failure::usage(format!("{} is an input of the run", report.display()))
                .found(format!("{} is the same file", input.display()))
                .expected("another file for the report"));
        }
    }
    Ok(())
}

/// Removes the report of an earlier run, so that it is not taken for that of a run that ends without
/// a report.
pub fn remove(report: &Path) -> Result<()> {
    match std::fs::symlink_metadata(report) {
        Ok(seen) if seen.is_file() => {
            std::fs::remove_file(report).map_err(|error| Failure::io("replace", report, &error))
        }
        _ => Ok(()),
    }
}

/// Returns the verdict of the step for that of a report. Hazards do not fail the step.
pub fn verdict(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Pass | Verdict::PassWithHazards => Verdict::Pass,
        Verdict::NotJudged => Verdict::NotJudged,
        Verdict::Fail | Verdict::Skip => Verdict::Fail,
    }
}

/// Returns the allowed checks: those of the configuration, overridden by those of the command line.
fn allowed(configured: BTreeMap<String, String>, named: &[String]) -> Result<BTreeMap<String, String>> {
    let mut allowed = configured;
    for text in named {
        let (check, reason) = text.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--allow {text} does not say why"))
                .expected("CHECK=REASON: why the failure is acceptable")
        })?;
        allowed.insert(check.to_owned(), reason.to_owned());
    }
    Ok(allowed)
}

/// Returns the request for a dry run with default options.
pub fn request(
    context: &Context,
    runtime: &Path,
    try_runtime: Option<&Path>,
    state: &SourceLocation,
    at: Option<&str>,
    blocks: u32,
) -> Result<DryRunRequest> {
    Ok(DryRunRequest {
        try_runtime: try_runtime.map(utf8).transpose()?.map(str::to_owned),
        at: at.map(str::to_owned),
        blocks,
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
        ..DryRunRequest::new(utf8(runtime)?, state.source())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_does_not_replace_an_input() {
        let directory = tempfile::tempdir().expect("a directory");
        let [state, report] = ["state.json", "dry-run.json"].map(|name| directory.path().join(name));
        let inside = directory.path().join("inside");
        std::fs::create_dir(&inside).expect("made");
        std::fs::write(&state, "{}").expect("written");
        std::fs::write(&report, "{}").expect("written");
        let inputs = [PathBuf::from("ws://127.0.0.1:9944"), state.clone()];
        for same in [state.clone(), inside.join("../state.json")] {
            let failure = check_reports(&[&report, &same], &inputs).expect_err("the state");
            assert_eq!(failure.kind, worker::Kind::Usage);
        }
        // The twins: another file, and one that does not exist yet.
        check_reports(&[&report, &directory.path().join("new.json")], &inputs).expect("other files");
        assert!(state.exists());
    }

    #[test]
    fn only_the_file_of_an_earlier_report_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let report = directory.path().join("dry-run.json");
        remove(&report).expect("nothing to remove");
        std::fs::write(&report, "{}").expect("written");
        remove(&report).expect("removed");
        assert!(!report.exists());
        remove(directory.path()).expect("a directory stays");
        remove(Path::new("/dev/null")).expect("a device stays");
        assert!(directory.path().exists() && Path::new("/dev/null").exists());
    }
}
