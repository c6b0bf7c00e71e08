// SPDX-License-Identifier: Apache-2.0
//! The `support` commands: what is wrong with a parachain, and the calls that repair it.

use super::{dry_run, upgrade::bundle::pretty, utf8};
use crate::{cli, sources};
use protocol::{
    Verdict,
    dry_run::Request,
    support::{Diagnosis, RepairOptions, RepairReport, SupportRequest},
};
use serde::{Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workers::Worker;
use workspace::{
    context::Context,
    networks::{self, Networks},
    runtimes,
};

pub fn run(context: &Context, command: &cli::Support) -> Result<Verdict> {
    match command {
        cli::Support::Diagnose(options) => {
            let diagnosis: Diagnosis = ask(context, &options.case, None, "diagnose")?;
            written(options.case.out.as_deref(), &diagnosis)?;
            context.printer.result(&diagnosis, || report::support::diagnosis(&diagnosis))?;
            Ok(dry_run::verdict(diagnosis.verdict))
        }
        cli::Support::Repair(options) => {
            if let Some(blob) = options.code.as_deref().filter(|blob| !blob.is_file()) {
                return Err(Failure::input(format!("there is no file {}", blob.display()))
                    .expected("the blob that mends the runtime of the parachain"));
            }
            let repair = RepairOptions {
                code: options.code.as_deref().map(utf8).transpose()?.map(str::to_owned),
                heads: options.heads,
                out: options.calls.clone(),
            };
            let repaired: RepairReport = ask(context, &options.case, Some(repair), "repair")?;
            written(options.case.out.as_deref(), &repaired)?;
            context.printer.result(&repaired, || report::support::repair(&repaired, options.calls.as_deref()))?;
            Ok(dry_run::verdict(repaired.verdict))
        }
    }
}

/// Sends the request to the worker, and returns its document.
fn ask<T: DeserializeOwned>(
    context: &Context,
    case: &cli::Case,
    repair: Option<RepairOptions>,
    job: &str,
) -> Result<T> {
    let (relay, state) = chains(context, case)?;
    let code = repair.as_ref().and_then(|repair| repair.code.as_ref());
    let inputs: Vec<_> = [Some(&relay), state.as_ref(), code].into_iter().flatten().map(PathBuf::from).collect();
    let reports: Vec<&Path> = case.out.iter().map(PathBuf::as_path).collect();
    dry_run::check_reports(&reports, &inputs)?;
    for earlier in &reports {
        dry_run::remove(earlier)?;
    }
    let state = state.map(|state| sources::source_at(context, &state, case.at.as_deref())).transpose()?;
    let request = Request::Support(Box::new(SupportRequest {
        relay: sources::source_at(context, &relay, case.relay_at.as_deref())?.source(),
        relay_at: case.relay_at.clone(),
        para: case.para,
        state: state.map(|state| state.source()),
        at: case.at.clone(),
        repair,
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
    }));
    let task = context.printer.task(job);
    Ok(workers::ask(context, Worker::DryRun, &request, &task, &context.log(job))?.value)
}

fn written(out: Option<&Path>, document: &impl Serialize) -> Result<()> {
    match out {
        Some(out) => files::write_whole(out, &pretty(document)?),
        None => Ok(()),
    }
}

/// Returns the sources of the relay chain and of the parachain.
fn chains(context: &Context, case: &cli::Case) -> Result<(String, Option<String>)> {
    match (&case.network, &case.relay) {
        (Some(name), _) => {
            let networks = runtimes::networks(context)?;
            networks::find(&networks, name)?;
            let known = of_network(&networks, name, case.para);
            if case.state.is_none() && known.is_none() {
                let para = case.para;
                context
                    .printer
                    .warning(&format!("no node of parachain {para} of {name} is known: give one with --state"));
            }
            Ok((name.clone(), case.state.clone().or(known)))
        }
        (None, Some(relay)) => Ok((relay.clone(), case.state.clone())),
        (None, None) => {
            Err(Failure::usage("no relay chain is given").hint("name it with --relay, or with --network such as paseo"))
        }
    }
}

/// Returns the name of the parachain with this number of a relay chain, if a node of it is known.
fn of_network(networks: &Networks, relay: &str, para: u32) -> Option<String> {
    let within = format!("{relay}/");
    let is_it = |(name, network): &(&String, &networks::Network)| {
        let belongs = name.starts_with(&within) || network.relay.as_deref() == Some(relay);
        belongs && network.para_id == Some(para) && network.nodes.as_ref().is_some_and(|nodes| !nodes.is_empty())
    };
    networks.iter().find(is_it).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn a_parachain_of_a_known_network_is_found_by_its_number() {
        let networks = networks::with_built_in(Networks::new()).expect("read");
        assert_eq!(of_network(&networks, "paseo", 1004).as_deref(), Some("paseo/people"));
        // One without nodes, one that nobody knows, and one of another relay chain.
        assert_eq!(of_network(&networks, "paseo", 1010), None);
        assert_eq!(of_network(&networks, "paseo", 4321), None);
        assert_ne!(of_network(&networks, "kusama", 1004).as_deref(), Some("paseo/people"));
    }

    #[test]
    fn the_parachain_is_named_by_its_number_and_the_chains_in_one_way() {
        let is_valid = |words: &[&str]| Cli::try_parse_from(["cargo xtask", "support"].iter().chain(words)).is_ok();
        assert!(is_valid(&["diagnose", "--para", "2000", "--relay", "a.json", "--state", "b.json", "--at", "5"]));
        assert!(is_valid(&["repair", "--para", "2000", "--network", "paseo", "--code", "c.wasm", "--heads", "3"]));
        for words in [
            &["diagnose", "--relay", "a.json"][..],
            &["diagnose", "--para", "2000", "--relay", "a.json", "--network", "paseo"],
            &["diagnose", "--para", "x", "--relay", "a.json"],
            &["repair", "--para", "2000", "--relay", "a.json", "--heads", "0"],
        ] {
            assert!(!is_valid(words), "{words:?}");
        }
    }
}
