// SPDX-License-Identifier: Apache-2.0
//! The `rehearse` command: dispatches a proposal on forks.

pub(super) mod network;
pub(super) mod proposal;

use super::{dry_run, upgrade::bundle::pretty, utf8};
use crate::{cli, sources};
use proposal::Given;
use protocol::{
    Verdict,
    dry_run::{RelayRequest, Request},
    rehearse::{EarlierProposal, RehearsalReport, RehearseRequest},
};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::Rehearse) -> Result<Verdict> {
    let given = proposal::read(&options.proposal)?;
    expect_blobs(&options.code)?;
    let reports: Vec<&Path> = options.out.iter().map(PathBuf::as_path).collect();
    let codes = given.blob.iter().chain(&options.code).cloned().collect();
    let report = dispatch(
        context,
        &Rehearsal {
            given: &given,
            chains: &options.chains,
            codes,
            known_codes: Vec::new(),
            blocks: options.blocks.unwrap_or_default(),
            sessions: options.sessions,
        },
        &reports,
    )?;
    if let Some(out) = &options.out {
        files::write_whole(out, &pretty(&report)?)?;
    }
    context.printer.result(&report, || report::rehearsal::terminal(&report))?;
    Ok(dry_run::verdict(report.verdict))
}

/// A rehearsal, as a command line asks for it.
pub struct Rehearsal<'r> {
    pub given: &'r Given,
    pub chains: &'r cli::ProposalChains,
    /// The blobs that the proposal authorizes.
    pub codes: Vec<PathBuf>,
    /// The blobs that it may authorize.
    pub known_codes: Vec<PathBuf>,
    pub blocks: u32,
    pub sessions: u32,
}

/// Fails if one of the blobs is no file.
pub fn expect_blobs(blobs: &[PathBuf]) -> Result<()> {
    match blobs.iter().find(|blob| !blob.is_file()) {
        None => Ok(()),
        Some(blob) => Err(Failure::input(format!("there is no file {}", blob.display()))
            .expected("the blob of an upgrade that the proposal authorizes")),
    }
}

/// Dispatches a proposal on forks. `reports` are the files that will be written.
pub fn dispatch(context: &Context, rehearsal: &Rehearsal<'_>, reports: &[&Path]) -> Result<RehearsalReport> {
    let Rehearsal { given, chains: options, codes, known_codes, blocks, sessions } = rehearsal;
    let earlier = options.after.iter().map(|text| proposal::read(text)).collect::<Result<Vec<_>>>()?;
    let chains = network::chains(context, options)?;
    if chains.relay.is_none() && options.relay_at.is_some() {
        return Err(Failure::usage("--relay-at is given, and the proposal is dispatched by no parachain")
            .expected("the block of a parachain's relay chain")
            .hint("give the block of the chain that dispatches the proposal with --at"));
    }
    let states = std::iter::once(&chains.state).chain(&chains.relay).chain(&chains.with);
    let files = earlier.iter().chain([*given]).flat_map(|given| &given.files);
    let inputs = files.chain(codes).chain(known_codes).cloned().chain(states.map(PathBuf::from));
    dry_run::check_reports(reports, &inputs.collect::<Vec<_>>())?;
    for earlier in reports {
        dry_run::remove(earlier)?;
    }

    let state = sources::source_at(context, &chains.state, options.at.as_deref())?;
    let relay = chains.relay.map(|relay| sources::source_at(context, &relay, options.relay_at.as_deref()));
    let with = chains.with.iter().map(|source| Ok(sources::source(context, source)?.source()));
    let names = |blobs: &[PathBuf]| blobs.iter().map(|blob| Ok(utf8(blob)?.to_owned())).collect::<Result<Vec<_>>>();
    let request = Request::Rehearse(Box::new(RehearseRequest {
        proposal: given.proposed.clone(),
        source: given.source.clone(),
        state: state.source(),
        at: options.at.clone(),
        relay: relay.transpose()?.map(|relay| RelayRequest {
            state: relay.source(),
            at: options.relay_at.clone(),
            runtime: None,
        }),
        with: with.collect::<Result<_>>()?,
        onboard: chains.onboard,
        origin: options.origin.clone(),
        after: earlier
            .into_iter()
            .map(|given| EarlierProposal { proposal: given.proposed, source: given.source, origin: None })
            .collect(),
        codes: names(codes)?,
        known_codes: names(known_codes)?,
        blocks: *blocks,
        sessions: *sessions,
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
    }));
    let task = context.printer.task("rehearse");
    Ok(workers::ask(context, Worker::DryRun, &request, &task, &context.log("rehearse"))?.value)
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn the_chain_is_given_by_its_state_or_by_a_network() {
        let is_valid = |words: &[&str]| {
            let words = ["cargo xtask", "rehearse", "0x0000"].iter().chain(words);
            Cli::try_parse_from(words).is_ok()
        };
        for words in [
            &["--state", "a.json"][..],
            &["--state", "a.json", "--relay", "b.json", "--relay-at", "5", "--with", "c.json", "--onboard"],
            &["--network", "paseo", "--relay-at", "5", "--on", "people"],
        ] {
            assert!(is_valid(words), "{words:?}");
        }
        for words in [
            &["--network", "paseo", "--state", "a.json"][..],
            &["--network", "paseo", "--relay", "a.json"],
            &["--state", "a.json", "--on", "people"],
        ] {
            assert!(!is_valid(words), "{words:?}");
        }
    }
}
