// SPDX-License-Identifier: Apache-2.0
//! Networks by name: `paseo/asset-hub` stands for the nodes of that chain wherever a source is asked for.
//!
//! What is built in is data (`networks.json`); `[workspace.metadata.cutover.networks]` adds to it and overrules it. A node that is
//! of another chain than its network says is refused.

use crate::{context::Context, runtimes, workers, workers::Worker};
use protocol::{
    Endpoint, Live, Source,
    inspect::{Request, StatePin},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    time::Duration,
};
use worker::{Failure, Result};

const BUILT_IN: &str = include_str!("../networks.json");
/// A node that does not accept a connection within this is passed over.
const PATIENCE: Duration = Duration::from_secs(5);

/// One chain of a network. In the configuration every key may be left out; what is built in then holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "spec-name")]
    pub spec_name: Option<String>,
    /// The hash of its first block.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "genesis-hash")]
    pub genesis_hash: Option<String>,
    /// The package of its runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The network whose root governs it, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "para-id")]
    pub para_id: Option<u32>,
    /// In the order in which they are tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<Endpoint>>,
}

pub type Networks = BTreeMap<String, Network>;

/// Where a runtime or a state is: what a source on the command line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, or `-`.
    File(String),
    Live(Live),
}

/// A place and which state of which chain it has, resolved once for all that is done with it.
#[derive(Clone, Debug)]
pub struct Pinned {
    pub place: Place,
    pub pin: StatePin,
}

impl Place {
    /// As it is given on the command line, where it is no network's name.
    pub fn parse(text: &str) -> Result<Self> {
        match Live::is_meant_by(text) {
            true => Ok(Self::Live(text.parse()?)),
            false => Ok(Self::File(text.to_owned())),
        }
    }

    /// Returns it as a request names it.
    pub fn source(&self) -> Source {
        match self {
            Self::File(path) if path == "-" => Source::Stdin,
            Self::File(path) => Source::File(path.into()),
            Self::Live(live) => Source::Node(live.clone()),
        }
    }

    /// What evidence calls it: where a file lies and who was asked differs between two people who do the same.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Live(_) => "node".to_owned(),
        }
    }

    /// The same at a block, where it is a node's.
    pub fn at(self, at: Option<&str>) -> Self {
        match (self, at) {
            (Self::Live(live), Some(at)) => Self::Live(Live { at: Some(at.to_owned()), ..live }),
            (place, _) => place,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.write_str(path),
            Self::Live(live) => live.fmt(formatter),
        }
    }
}

/// Returns a failure where two pins are of different states, with what differs.
pub fn expect_same(pin: &StatePin, other: &StatePin, whose: &str) -> Result<()> {
    let facts = |pin: &StatePin| [&pin.genesis_hash, &pin.block_hash, &pin.state_root].map(Clone::clone);
    for (name, (found, expected)) in
        ["genesis hash", "block", "state root"].iter().zip(facts(pin).into_iter().zip(facts(other)))
    {
        if let (Some(found), Some(expected)) = (found, expected)
            && found != expected
        {
            return Err(Failure::check(format!("{whose} is another state than the one the bundle is about"))
                .found(format!("the {name} {found}"))
                .expected(expected)
                .hint("give the same state, and the same --at, to every part of an upgrade"));
        }
    }
    Ok(())
}

/// What a source stands for. A network's nodes are asked whether they are of its chain, and all that is done with the place is
/// about the block that they gave.
pub fn source(context: &Context, text: &str) -> Result<Place> {
    source_at(context, text, None)
}

/// The same at a block.
pub fn source_at(context: &Context, text: &str, at: Option<&str>) -> Result<Place> {
    let place = named(context, text)?;
    Ok(match place {
        (place, None) => place.at(at),
        (place, network) => pin(context, place, network.as_deref(), at)?.place,
    })
}

/// What a source stands for, and which state it has.
pub fn pinned(context: &Context, text: &str, at: Option<&str>) -> Result<Pinned> {
    let (place, network) = named(context, text)?;
    pin(context, place, network.as_deref(), at)
}

/// The nodes of a network, in the order in which they can be reached, and its name; else the place that the text is.
fn named(context: &Context, text: &str) -> Result<(Place, Option<String>)> {
    let network = match may_be_a_name(text) {
        true => all(context)?.remove(text),
        false => None,
    };
    match network {
        Some(network) => Ok((Place::Live(reached(context, text, &network)?), Some(text.to_owned()))),
        None => Ok((Place::parse(text)?, None)),
    }
}

fn pin(context: &Context, place: Place, network: Option<&str>, at: Option<&str>) -> Result<Pinned> {
    let place = place.at(at);
    let task = context.printer.task("state");
    let request = Request::Pin { source: place.source() };
    let pin: StatePin = workers::ask(context, Worker::Inspect, &request, &task, &context.log("state"))?.value;
    drop(task);
    if let Some(name) = network {
        check(name, &find(context, name)?, &place, &pin)?;
    }
    let place = place.at(pin.block_hash.as_deref());
    Ok(Pinned { place, pin })
}

/// A node of another chain than the one that is meant would have the wrong upgrade judged.
fn check(name: &str, network: &Network, place: &Place, pin: &StatePin) -> Result<()> {
    let facts = [
        ("genesis hash", pin.genesis_hash.as_ref(), network.genesis_hash.as_ref()),
        ("spec_name", Some(&pin.spec_name), network.spec_name.as_ref()),
    ];
    for (what, found, expected) in facts {
        let Some(expected) = expected.filter(|expected| found != Some(expected)) else { continue };
        return Err(Failure::check(format!("{place} is no node of {name}"))
            .found(found.map_or(format!("no {what}"), |found| format!("the {what} {found}")))
            .expected(expected)
            .hint(format!(
                "take a node of {name}; if the chain was started anew or renamed, say so in \
                 [workspace.metadata.cutover.networks.\"{name}\"]"
            )));
    }
    Ok(())
}

/// All nodes of a network; nothing where the text is no network's name.
pub fn nodes(context: &Context, text: &str) -> Result<Option<Vec<Endpoint>>> {
    if !may_be_a_name(text) {
        return Ok(None);
    }
    let nodes = find(context, text)?.nodes.unwrap_or_default();
    match nodes.is_empty() {
        true => Err(no_node(text)),
        false => Ok(Some(nodes)),
    }
}

/// The network of a name, which must be one.
pub fn find(context: &Context, name: &str) -> Result<Network> {
    let networks = all(context)?;
    networks.get(name).cloned().ok_or_else(|| {
        Failure::usage(format!("there is no network {name:?}"))
            .expected(networks.keys().cloned().collect::<Vec<_>>().join(", "))
            .hint("others are defined in [workspace.metadata.cutover.networks]")
    })
}

/// The nodes of the network, from the first one on that accepts a connection.
fn reached(context: &Context, name: &str, network: &Network) -> Result<Live> {
    let nodes = network.nodes.as_deref().unwrap_or_default();
    if nodes.is_empty() {
        return Err(no_node(name));
    }
    let mut refusals = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        crate::interrupt::check()?;
        match reach(node) {
            Ok(()) => {
                context.printer.status(&format!("{name} is asked at {node}"));
                let (before, from) = nodes.split_at(index);
                return Ok(Live { nodes: [from, before].concat(), at: None });
            }
            Err(reason) => refusals.push(format!("{node}: {reason}")),
        }
    }
    Err(Failure::environment(format!("no node of {name} can be reached"))
        .found(refusals.join("\n"))
        .expected("a Polkadot SDK node that answers JSON-RPC there")
        .hint(format!(
            "check the network, give another node's address, or set `nodes` in \
             [workspace.metadata.cutover.networks.\"{name}\"]"
        )))
}

fn no_node(name: &str) -> Failure {
    Failure::usage(format!("no node of {name} is known"))
        .hint(format!("give its address, or set `nodes` in [workspace.metadata.cutover.networks.\"{name}\"]"))
}

/// Names have no dots and are no files: a file of the same name is meant as a file.
fn may_be_a_name(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let parts: Vec<_> = text.split('/').collect();
    text != "-" && parts.len() <= 2 && parts.into_iter().all(part) && !Path::new(text).exists()
}

fn all(context: &Context) -> Result<Networks> {
    let mut networks = built_in()?;
    for (name, own) in runtimes::configured_networks(context)? {
        let network = networks.entry(name).or_default();
        *network = Network {
            spec_name: own.spec_name.or(network.spec_name.take()),
            genesis_hash: own.genesis_hash.or(network.genesis_hash.take()),
            package: own.package.or(network.package.take()),
            relay: own.relay.or(network.relay.take()),
            para_id: own.para_id.or(network.para_id),
            nodes: own.nodes.or(network.nodes.take()),
        };
    }
    Ok(networks)
}

/// The network whose runtime is this package, by its name.
pub fn of_package(package: &str) -> Result<Option<(String, Network)>> {
    Ok(built_in()?.into_iter().find(|(_, network)| network.package.as_deref() == Some(package)))
}

/// A public node of a chain that is known by its name or by its first block: the same one for everybody.
pub fn public_node(name: Option<&str>, genesis_hash: Option<&str>) -> Result<Option<String>> {
    let is_it = |(own, network): &(String, Network)| {
        name == Some(own) || genesis_hash.is_some() && network.genesis_hash.as_deref() == genesis_hash
    };
    let found = built_in()?.into_iter().find(is_it);
    Ok(found.and_then(|(_, network)| Some(network.nodes?.first()?.expose().to_owned())))
}

fn built_in() -> Result<Networks> {
    serde_json::from_str(BUILT_IN)
        .map_err(|error| Failure::internal("the built-in networks cannot be read").found(error.to_string()))
}

fn reach(node: &Endpoint) -> std::result::Result<(), String> {
    let mut last = "the name has no address".to_owned();
    for address in node.host_and_port().to_socket_addrs().map_err(|error| error.to_string())? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_makes_sense() {
        let networks = built_in().expect("read");
        for (name, network) in &networks {
            assert!(may_be_a_name(name), "{name}");
            assert!(network.spec_name.is_some() && network.package.is_some(), "{name}");
            assert_eq!(network.relay.is_some(), network.para_id.is_some(), "{name}");
            assert_eq!(network.relay.is_some(), name.contains('/'), "{name}");
            assert!(network.relay.as_ref().is_none_or(|relay| networks.contains_key(relay)), "{name}");
            for node in network.nodes.iter().flatten() {
                assert!(node.is_encrypted() && node.is_websocket(), "{node}");
            }
            let is_hash = |text: &String| {
                text.len() == 66
                    && text.starts_with("0x")
                    && text.bytes().skip(2).all(|byte| b"0123456789abcdef".contains(&byte))
            };
            assert!(network.genesis_hash.as_ref().is_none_or(is_hash), "{name}");
        }
    }

    #[test]
    fn names_are_told_from_files_and_addresses() {
        let file = tempfile::NamedTempFile::new_in(".").expect("a file");
        let own = file.path().file_name().expect("a name").to_string_lossy().into_owned();
        for text in ["-", "a.wasm", "dir/a.json", "ws://host", "/paseo", "paseo/", "a/b/c", "Paseo", &own] {
            assert!(!may_be_a_name(text), "{text}");
        }
        assert!(may_be_a_name("paseo") && may_be_a_name("paseo/asset-hub"));
    }

    #[test]
    fn a_public_node_is_known_by_the_chain_and_by_its_name() {
        let networks = built_in().expect("read");
        let polkadot = &networks["polkadot"];
        let node = public_node(None, polkadot.genesis_hash.as_deref()).expect("read");
        assert!(node.is_some());
        assert_eq!(public_node(Some("polkadot"), None), Ok(node));
        assert_eq!(public_node(None, None), Ok(None));
        assert_eq!(public_node(Some("a file"), Some("0x01")), Ok(None));
    }

    #[test]
    fn a_node_of_another_chain_is_refused_by_name() {
        let network = Network { spec_name: Some("a".into()), genesis_hash: Some("0x01".into()), ..Network::default() };
        let place = Place::parse("wss://host/0123456789abcdef").expect("a node");
        let pin = |genesis: Option<&str>, spec_name: &str| StatePin {
            genesis_hash: genesis.map(str::to_owned),
            spec_name: spec_name.into(),
            ..StatePin::default()
        };
        check("net", &network, &place, &pin(Some("0x01"), "a")).expect("the chain that is meant");
        check("net", &Network::default(), &place, &pin(Some("0x02"), "b")).expect("nothing is pinned");
        for (wrong, found) in [(pin(Some("0x02"), "a"), "0x02"), (pin(Some("0x01"), "b"), "b"), (pin(None, "a"), "no")]
        {
            let failure = check("net", &network, &place, &wrong).expect_err("another chain");
            assert_eq!(failure.kind, worker::Kind::Check);
            assert!(failure.message.contains("wss://host is no node of net"), "{failure}");
            assert!(failure.found.as_ref().is_some_and(|text| text.contains(found)), "{failure}");
            assert!(!format!("{failure:?}").contains("0123456789abcdef"));
        }
    }

    #[test]
    fn another_state_than_the_one_that_was_pinned_is_refused() {
        let pin = |block: &str, genesis: Option<&str>| StatePin {
            genesis_hash: genesis.map(str::to_owned),
            block_hash: Some(block.into()),
            ..StatePin::default()
        };
        let same = |one: &StatePin, other: &StatePin| expect_same(one, other, "node");
        same(&pin("0x01", Some("0x09")), &pin("0x01", None)).expect("what a file does not tell is not compared");
        let failure = same(&pin("0x01", None), &pin("0x02", None)).expect_err("another block");
        assert!(failure.message.starts_with("node is another state"), "{failure}");
        assert!(same(&pin("0x01", Some("0x09")), &pin("0x01", Some("0x08"))).is_err());
    }

    #[test]
    fn a_place_shows_no_key_and_evidence_does_not_say_who_was_asked() {
        let place = Place::parse("wss://host/0123456789abcdef,ws://other").expect("two nodes").at(Some("0x12"));
        assert_eq!((place.to_string().as_str(), place.name().as_str()), ("wss://host,ws://other", "node"));
        assert!(!format!("{place:?}").contains("0123456789abcdef"));
        let request = serde_json::json!(Request::Pin { source: place.source() });
        let whole = serde_json::json!({"nodes": ["wss://host/0123456789abcdef", "ws://other"], "at": "0x12"});
        assert_eq!(request["source"], whole);
        let file = Place::parse("a/b.json").expect("a file").at(Some("0x12"));
        assert_eq!((file.name().as_str(), file.source()), ("b.json", Source::File("a/b.json".into())));
        assert!(Place::parse("wss:/host").is_err());
    }
}
