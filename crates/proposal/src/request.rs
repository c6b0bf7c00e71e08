// SPDX-License-Identifier: Apache-2.0
//! Handles the requests of the worker.

use crate::{
    Chains, Options, Release, Target, decode, files, json,
    network::{Upgraded, network},
    propose::links,
    route::is_parachain,
    upgrade,
};
use artifact::{Blob, Metadata, version_of};
use protocol::{
    Source,
    network_proposal::{NetworkProposal, NetworkRequest},
    proposal::{CallProposal, CallRequest, GivenCall, Proposal, ProposalRequest, ProposeRequest},
};
use source::{Content, ReadSource};
use worker::{Failure, Outcome, Reporter, Result};

/// The storage key of `ParachainInfo.ParachainId`: twox_128 of both names.
const PARA_ID_KEY: &str = "0d715f2646c8f85767b5d2764bb2782604a74d81251e398fd8a0a4d55023bb3f";

/// Handles a request.
pub fn handle(request: ProposalRequest, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    match request {
        ProposalRequest::Propose(request) => document(propose(&request, reporter)?),
        ProposalRequest::Call(request) => document(call(&request, reporter)?),
        ProposalRequest::Network(request) => document(of_network(&request, reporter)?),
    }
}

fn document(result: impl serde::Serialize) -> Result<Outcome<serde_json::Value>> {
    serde_json::to_value(result)
        .map(Outcome::passed)
        .map_err(|error| Failure::internal("a proposal cannot be written as JSON").found(error.to_string()))
}

/// The chains of a request.
struct Governed {
    target: Chain,
    relay: Option<Chain>,
    para_id: Option<u32>,
}

impl Governed {
    fn read(target: &Source, relay: Option<&Source>, para_id: Option<u32>, reporter: &Reporter) -> Result<Self> {
        let (of_target, of_relay) = (target, relay);
        let target = Chain::read(of_target, reporter)?;
        let relay = of_relay.map(|source| Chain::read(source, reporter)).transpose()?;
        let para_id = target.para_id(of_target, para_id)?;
        if let (Some(relay), Some(source)) = (&relay, of_relay)
            && (relay.chain.name(), relay.own_para_id) == (target.chain.name(), target.own_para_id)
        {
            return Err(Failure::usage("the relay is the upgraded chain itself")
                .found(format!("{source} is {}", relay.chain.name()))
                .expected("the chain whose root governs it")
                .hint("omit --relay if the chain governs itself"));
        }
        Ok(Self { target, relay, para_id })
    }

    fn chains(&self) -> Chains<'_> {
        let relay = self.relay.as_ref().map(|relay| &relay.chain);
        Chains { target: &self.target.chain, relay, para_id: self.para_id }
    }
}

fn call(request: &CallRequest, reporter: &Reporter) -> Result<CallProposal> {
    let governed = Governed::read(&request.target, request.relay.as_ref(), request.para_id, reporter)?;
    let chains = governed.chains();
    let intention = match &request.call {
        GivenCall::Encoded(text) => {
            let bytes = hex::decode(text).map_err(|error| {
                Failure::usage("the call is not in hex").found(error.to_string()).expected("0x and hex digits")
            })?;
            decode::call(chains.target.types(), &bytes)?
        }
        GivenCall::Named { name, arguments } => json::call(chains.target, name, arguments)?,
    };
    let options = Options {
        route: request.route,
        enactment: request.enactment,
        note_preimage: request.note_preimage,
        referendum_index: request.referendum_index,
        ..Options::default()
    };
    let mut proposal = crate::propose::call(chains, intention, request.origin.as_deref(), &options)?;
    if let Some(node) = request.browser.of(proposal.route) {
        proposal.links = links(&proposal.calls, Some(node));
    }
    if let Some(directory) = &request.out {
        files::write(&mut proposal.calls, None, directory)?;
    }
    Ok(proposal)
}

fn propose(request: &ProposeRequest, reporter: &Reporter) -> Result<Proposal> {
    let name = request.runtime.to_string();
    reporter.status(format!("reading the new runtime {name}"));
    let blob = request.runtime.blob()?;
    let version = version_of(&name, &blob)?;

    let governed = Governed::read(&request.target, request.relay.as_ref(), request.para_id, reporter)?;
    let chains = governed.chains();
    let release = Release { code: &blob.deployed, spec_name: version.spec_name, spec_version: version.spec_version };
    let options = Options {
        route: request.route,
        enactment: request.enactment,
        without_checks: request.without_checks,
        note_preimage: request.note_preimage,
        referendum_index: request.referendum_index,
    };
    let mut proposal = upgrade(chains, &release, &options)?;
    if let Some(note) = chains.governing_parachain(proposal.route) {
        reporter.warning(note);
    }
    if let Some(node) = request.browser.of(proposal.route) {
        proposal.links = links(&proposal.calls, Some(node));
    }
    if let Some(directory) = &request.out {
        files::write(&mut proposal.calls, proposal.apply.as_mut(), directory)?;
    }
    Ok(proposal)
}

fn of_network(request: &NetworkRequest, reporter: &Reporter) -> Result<NetworkProposal> {
    let governing = Chain::read(&request.governing, reporter)?;
    let governing_id = governing.para_id(&request.governing, request.para_id)?;
    let mut read = Vec::new();
    for upgrade in &request.upgrades {
        let name = upgrade.runtime.to_string();
        reporter.status(format!("reading the new runtime {name}"));
        let blob = upgrade.runtime.blob()?;
        let version = version_of(&name, &blob)?;
        let chain = match upgrade.target == request.governing {
            true => None,
            false => Some(Chain::read(&upgrade.target, reporter)?),
        };
        read.push((upgrade, blob, version, chain));
    }
    let mut upgrades = Vec::new();
    for (upgrade, blob, version, chain) in &read {
        let (source, chain) = (&upgrade.target, chain.as_ref().unwrap_or(&governing));
        let para_id = chain.para_id(source, upgrade.para_id)?;
        let is_governing =
            *source == request.governing || is_same((&governing.chain, governing_id), (&chain.chain, para_id), source)?;
        if is_governing {
            expect_one_version(governing.chain.version().spec_version, chain.chain.version().spec_version, source)?;
        }
        upgrades.push(Upgraded {
            target: if is_governing { &governing.chain } else { &chain.chain },
            para_id: if is_governing { governing_id.or(para_id) } else { para_id },
            is_governing,
            release: Release {
                code: &blob.deployed,
                spec_name: version.spec_name.clone(),
                spec_version: version.spec_version,
            },
        });
    }
    let options = Options {
        route: request.route,
        enactment: request.enactment,
        without_checks: request.without_checks,
        note_preimage: request.note_preimage,
        referendum_index: request.referendum_index,
    };
    let mut proposal = network(&governing.chain, &upgrades, request.atomic, &options)?;
    if let Some(node) = &request.browser {
        proposal.links = links(&proposal.calls, Some(node));
    }
    if let Some(directory) = &request.out {
        files::write(&mut proposal.calls, &mut proposal.applies, directory)?;
    }
    Ok(proposal)
}

/// Returns whether a chain is the governing one, which may come from another source.
fn is_same(governing: (&Target, Option<u32>), other: (&Target, Option<u32>), source: &Source) -> Result<bool> {
    let ((governing, governing_id), (other, id)) = (governing, other);
    if governing.name() != other.name() {
        let is_sibling = is_parachain(governing) && is_parachain(other);
        return match (governing_id, id) {
            (Some(governing_id), Some(id)) if is_sibling && governing_id == id => {
                Err(Failure::usage(format!("{source} has the para id of the governing chain"))
                    .found(format!("para id {id} of {} and of {}", governing.name(), other.name()))
                    .expected("the para id of each")
                    .hint("its message would go to the governing chain itself"))
            }
            _ => Ok(false),
        };
    }
    match (is_parachain(other), governing_id, id) {
        (false, ..) => Ok(true),
        (true, Some(governing_id), Some(id)) => Ok(governing_id == id),
        (true, ..) => Err(Failure::usage(format!("{source} may be the governing chain or another one"))
            .found(format!("two chains named {}, and not the para id of both", other.name()))
            .expected("the para id of each")
            .hint("give it with --para-id SOURCE=ID, also that of --on")),
    }
}

/// Checks that two sources of the governing chain have the same runtime: its calls are encoded by that of one of them, and
/// the version of the release is compared with it.
fn expect_one_version(governing: u32, other: u32, source: &Source) -> Result<()> {
    if governing == other {
        return Ok(());
    }
    Err(Failure::usage(format!("{source} is the governing chain with another runtime"))
        .found(format!("spec_version {other}, and {governing} in the source of --on"))
        .expected("one state of each chain"))
}

/// A chain with its parachain id, if its state has one.
struct Chain {
    chain: Target,
    own_para_id: Option<u32>,
}

impl Chain {
    fn read(source: &Source, reporter: &Reporter) -> Result<Self> {
        let name = source.to_string();
        reporter.status(format!("reading the calls of {name} from its metadata"));
        source::check_root(source, reporter)?;
        let (blob, own_para_id) = match source.open()? {
            Content::Blob(blob) => (blob, None),
            Content::Node(node) => (node.blob, None),
            Content::State(state) => {
                let key = hex::decode(PARA_ID_KEY).unwrap_or_default();
                let id = state.get(&key).and_then(|value| <[u8; 4]>::try_from(value).ok()).map(u32::from_le_bytes);
                (state.code(&name)?, id)
            }
        };
        Ok(Self { chain: read_metadata(&name, &blob)?, own_para_id })
    }

    /// Returns the parachain id that is given, or else that of the state. Fails if they differ.
    fn para_id(&self, source: &Source, given: Option<u32>) -> Result<Option<u32>> {
        match (given, self.own_para_id) {
            (Some(given), Some(own)) if given != own => {
                Err(Failure::usage(format!("{source} is not the parachain of --para-id"))
                    .found(format!("para id {own}"))
                    .expected(given.to_string()))
            }
            (given, own) => Ok(given.or(own)),
        }
    }
}

fn read_metadata(name: &str, blob: &Blob) -> Result<Target> {
    let metadata = Metadata::read(name, blob)?;
    Target::from_metadata(&metadata.bytes)
        .map_err(|failure| Failure { message: format!("{name}: {}", failure.message), ..failure })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::proposal::{Enactment, Route};
    use worker::Kind;

    fn parse(text: &str) -> std::result::Result<ProposeRequest, serde_json::Error> {
        serde_json::from_str(text).map(|request| match request {
            ProposalRequest::Propose(request) => request,
            ProposalRequest::Call(_) | ProposalRequest::Network(_) => panic!("a request for an upgrade"),
        })
    }

    #[test]
    fn a_request_requires_only_two_sources() {
        let request = parse(r#"{"command":"propose","runtime":"new.wasm","target":"ws://node:9944"}"#);
        let request = request.expect("enough");
        assert_eq!(request.target, Source::Node("ws://node:9944".parse().expect("an address")));
        assert_eq!((request.enactment, request.route), (Enactment::After(0), None));
        let request = parse(
            r#"{"command":"propose","runtime":"new.wasm","target":"para.json","relay":"relay.json","para_id":1000,
                "route":"relay-superuser-sudo","enactment":{"at":12},"without_checks":true,"out":"bundle"}"#,
        );
        let request = request.expect("everything");
        assert_eq!(request.enactment, Enactment::At(12));
        assert_eq!(request.route, Some(Route::RelaySuperuserSudo));
        assert!(parse(r#"{"command":"propose","runtime":"a","target":"b","paraid":7}"#).is_err());
        assert!(parse(r#"{"command":"propose","runtime":"a","target":"b","route":"magic"}"#).is_err());
    }

    #[test]
    fn a_missing_file_is_named() {
        let request = parse(r#"{"command":"propose","runtime":"/nowhere/new.wasm","target":"x"}"#).expect("a request");
        let failure = handle(ProposalRequest::Propose(request), &Reporter::silent()).err().expect("missing");
        assert_eq!(failure.kind, Kind::Input);
        assert!(failure.message.contains("/nowhere/new.wasm"), "{failure}");
    }

    #[test]
    fn chains_of_the_same_name_are_told_apart_by_their_para_ids() {
        use crate::tests::chain;
        let source = Source::File("para.json".into());
        let (para, relay) = (chain::para(), chain::relay());
        let same = |one, other| is_same(one, other, &source);
        assert_eq!(same((&relay, None), (&relay, None)), Ok(true));
        assert_eq!(same((&relay, None), (&para, Some(1000))), Ok(false));
        assert_eq!(same((&para, Some(1000)), (&para, Some(1000))), Ok(true));
        assert_eq!(same((&para, Some(1000)), (&para, Some(2000))), Ok(false));
        for (one, other) in [(None, Some(1000)), (Some(1000), None), (None, None)] {
            assert_eq!(same((&para, one), (&para, other)).expect_err("unknown").kind, Kind::Usage);
        }
        // A message to another chain does not go to the sender itself.
        let hub = chain::target("hub", 15, vec![chain::system(), chain::parachain_system(), chain::xcm_part()]);
        assert_eq!(same((&hub, Some(1000)), (&para, Some(1001))), Ok(false));
        assert_eq!(same((&hub, None), (&para, Some(1000))), Ok(false));
        let failure = same((&hub, Some(1000)), (&para, Some(1000))).expect_err("the same id");
        assert_eq!(failure.found.as_deref(), Some("para id 1000 of hub and of para"));
    }

    #[test]
    fn a_chain_of_two_sources_has_one_runtime() {
        let source = Source::File("relay.json".into());
        assert_eq!(expect_one_version(100, 100, &source), Ok(()));
        let failure = expect_one_version(100, 101, &source).expect_err("an older state");
        assert_eq!((failure.kind, failure.message.contains("relay.json")), (Kind::Usage, true));
    }
}
