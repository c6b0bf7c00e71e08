// SPDX-License-Identifier: Apache-2.0
//! The command `propose network`: one proposal that authorizes the upgrades of several chains.

use super::super::{expect_source, rehearse, target, upgrade::bundle::pretty};
use super::{DOCUMENT, ask_worker, browser_node, enactment, named_route};
use crate::{
    cli::{self, RouteOptions},
    sources::{self, SourceLocation},
};
use protocol::{
    Source,
    network_proposal::{ChainUpgradeRequest, NetworkProposal, NetworkRequest},
    proposal::ProposalRequest,
};
use std::collections::{BTreeMap, btree_map::Entry};
use worker::{Failure, Outcome, Result};
use workspace::{context::Context, networks, runtimes};

/// A chain, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chain {
    name: String,
    source: String,
}

/// A chain to upgrade.
#[derive(Debug, PartialEq, Eq)]
struct Upgrade {
    chain: Chain,
    /// The name of its new runtime, or a blob.
    runtime: String,
}

pub fn run(context: &Context, options: &cli::ProposeNetwork) -> Result<bool> {
    // All that can be checked without the blobs is checked before they are built.
    let (on, upgrades) = chains(context, options)?;
    let given = given_para_ids(&options.para_id, &on, &upgrades)?;
    let route = named_route(options.route.as_deref(), &options.referendum)?;
    expect_source(context, &on.source)?;
    for upgrade in &upgrades {
        target::check_path(&upgrade.runtime)?;
        expect_source(context, &upgrade.chain.source)?;
    }
    let own_runtime = upgrades.iter().find(|upgrade| upgrade.chain == on).map(|upgrade| upgrade.runtime.as_str());
    let para_id = para_id(context, &given, &on, own_runtime)?;
    let ids = upgrades.iter().map(|it| self::para_id(context, &given, &it.chain, Some(it.runtime.as_str())));
    let ids = ids.collect::<Result<Vec<_>>>()?;

    // A node is pinned to a block once, also where it is named twice.
    let mut places: BTreeMap<&str, SourceLocation> = BTreeMap::new();
    for chain in std::iter::once(&on).chain(upgrades.iter().map(|upgrade| &upgrade.chain)) {
        if let Entry::Vacant(place) = places.entry(&chain.source) {
            place.insert(sources::source(context, &chain.source)?);
        }
    }
    let place = |chain: &Chain| {
        places.get(chain.source.as_str()).ok_or_else(|| Failure::internal("a chain of the proposal was not resolved"))
    };
    let mut requests = Vec::new();
    for (upgrade, para_id) in upgrades.iter().zip(ids) {
        let runtime = Source::File(target::resolve(context, Some(&upgrade.runtime), false)?.blob);
        requests.push(ChainUpgradeRequest { target: place(&upgrade.chain)?.source(), runtime, para_id });
    }
    let governing = place(&on)?;
    let request = ProposalRequest::Network(NetworkRequest {
        governing: governing.source(),
        para_id,
        upgrades: requests,
        route,
        atomic: options.atomic,
        enactment: enactment(&options.referendum),
        without_checks: options.without_checks,
        note_preimage: options.referendum.note_preimage,
        referendum_index: options.referendum.referendum_index,
        out: options.out.clone(),
        browser: browser_node(governing),
    });
    let outcome: Outcome<NetworkProposal> = ask_worker(context, &request)?;
    if let Some(out) = &options.out {
        files::write_whole(&out.join(DOCUMENT), &pretty(&outcome.value)?)?;
    }
    context.printer.result(&outcome.value, || report::network_proposal::terminal(&outcome.value))?;
    Ok(outcome.passed)
}

/// Returns the governing chain and the upgrades.
fn chains(context: &Context, options: &cli::ProposeNetwork) -> Result<(Chain, Vec<Upgrade>)> {
    match &options.network {
        Some(name) => of_runtimes(name, rehearse::network::runtimes_of(context, name)?, options.on.as_deref()),
        None => of_command_line(options.on.as_deref(), &options.upgrade),
    }
}

fn of_command_line(on: Option<&str>, upgrades: &[String]) -> Result<(Chain, Vec<Upgrade>)> {
    let chain = |source: &str| Chain { name: source.to_owned(), source: source.to_owned() };
    let on = on.ok_or_else(|| Failure::usage("no governing chain is given").hint("name it with --on"))?;
    let upgrade = |text: &String| {
        let (source, runtime) = pair("--upgrade", text, "SOURCE=NAME or SOURCE=BLOB")?;
        Ok(Upgrade { chain: chain(source), runtime: runtime.to_owned() })
    };
    Ok((chain(on), upgrades.iter().map(upgrade).collect::<Result<_>>()?))
}

/// Returns the runtimes of a network, each with its own state. The first of them is the relay chain's.
fn of_runtimes(network: &str, runtimes: Vec<(String, String)>, on: Option<&str>) -> Result<(Chain, Vec<Upgrade>)> {
    let upgrade = |(name, source): (String, String)| Upgrade { runtime: name.clone(), chain: Chain { name, source } };
    let upgrades: Vec<_> = runtimes.into_iter().map(upgrade).collect();
    let governing = match on {
        None => upgrades.first(),
        Some(on) => upgrades.iter().find(|upgrade| upgrade.chain.name == on),
    };
    let governing = governing.map(|upgrade| upgrade.chain.clone()).ok_or_else(|| {
        let names: Vec<_> = upgrades.iter().map(|upgrade| upgrade.chain.name.as_str()).collect();
        Failure::usage(format!("the network {network} has no runtime {:?}", on.unwrap_or_default()))
            .expected(format!("one of {}", names.join(", ")))
    })?;
    Ok((governing, upgrades))
}

/// Splits an option at its last `=`. The address of a node may have others.
fn pair<'text>(option: &str, text: &'text str, form: &str) -> Result<(&'text str, &'text str)> {
    text.rsplit_once('=').filter(|(chain, value)| !chain.is_empty() && !value.is_empty()).ok_or_else(|| {
        Failure::usage(format!("{option} is not valid")).found(protocol::hide_addresses(text)).expected(form)
    })
}

/// Returns the para ids of the command line by the names of the chains.
fn given_para_ids(given: &[String], on: &Chain, upgrades: &[Upgrade]) -> Result<BTreeMap<String, u32>> {
    let mut ids = BTreeMap::new();
    for text in given {
        let (name, id) = pair("--para-id", text, "SOURCE=ID")?;
        let id = id.parse().map_err(|error: std::num::ParseIntError| {
            Failure::usage("--para-id has no valid number").found(format!("{id:?}: {error}")).expected("SOURCE=ID")
        })?;
        if on.name != name && upgrades.iter().all(|upgrade| upgrade.chain.name != name) {
            let names: Vec<_> = std::iter::once(on)
                .chain(upgrades.iter().map(|upgrade| &upgrade.chain))
                .map(|chain| protocol::hide_addresses(&chain.name))
                .collect();
            return Err(Failure::usage("--para-id names no chain of the proposal")
                .found(protocol::hide_addresses(name))
                .expected(format!("one of {}", names.join(", "))));
        }
        ids.insert(name.to_owned(), id);
    }
    Ok(ids)
}

/// Returns the para id that is given, or that the configuration has for the network or for the runtime. That of a state is
/// read later.
fn para_id(
    context: &Context,
    given: &BTreeMap<String, u32>,
    chain: &Chain,
    runtime: Option<&str>,
) -> Result<Option<u32>> {
    if let Some(id) = given.get(&chain.name) {
        return Ok(Some(*id));
    }
    if networks::may_be_a_name(&chain.source) {
        return Ok(runtimes::networks(context)?.get(&chain.source).and_then(|network| network.para_id));
    }
    match runtime {
        Some(runtime) => Ok(target::with_configured_route(context, runtime, &RouteOptions::default())?.para_id),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use worker::Kind;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_last_equals_sign_separates_a_chain_from_its_runtime() {
        let given = texts(&["wss://node/?key=a=new.wasm", "relay.snapshot=relay"]);
        let (on, upgrades) = of_command_line(Some("relay.snapshot"), &given).expect("chains");
        assert_eq!((on.source.as_str(), upgrades.len()), ("relay.snapshot", 2));
        assert_eq!((upgrades[0].chain.source.as_str(), &*upgrades[0].runtime), ("wss://node/?key=a", "new.wasm"));
        assert_eq!(upgrades[1].chain, on);
        for wrong in ["relay", "=relay", "relay="] {
            assert_eq!(of_command_line(Some("a"), &texts(&[wrong])).expect_err("no pair").kind, Kind::Usage);
        }
        assert_eq!(of_command_line(None, &given).expect_err("no chain").kind, Kind::Usage);
    }

    #[test]
    fn the_relay_chain_of_a_network_governs_by_default() {
        let runtimes = || vec![("relay".into(), "r.snapshot".into()), ("para".into(), "p.snapshot".into())];
        let (on, upgrades) = of_runtimes("own", runtimes(), None).expect("chains");
        assert_eq!((on.name.as_str(), upgrades.len()), ("relay", 2));
        assert_eq!(of_runtimes("own", runtimes(), Some("para")).expect("chains").0.source, "p.snapshot");
        let failure = of_runtimes("own", runtimes(), Some("nope")).expect_err("no such runtime");
        assert_eq!(failure.expected.as_deref(), Some("one of relay, para"));
    }

    #[test]
    fn a_para_id_is_that_of_a_chain_of_the_proposal() {
        let (on, upgrades) = of_command_line(Some("hub"), &texts(&["para.json=new.wasm"])).expect("chains");
        let ids = given_para_ids(&texts(&["hub=1000", "para.json=2000"]), &on, &upgrades).expect("ids");
        assert_eq!(ids, BTreeMap::from([("hub".to_owned(), 1000), ("para.json".to_owned(), 2000)]));
        for wrong in ["other=1", "hub=x", "hub", "hub=-1"] {
            let failure = given_para_ids(&texts(&[wrong]), &on, &upgrades).expect_err("refused");
            assert_eq!(failure.kind, Kind::Usage, "{wrong}");
        }
    }
}
