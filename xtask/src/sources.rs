// SPDX-License-Identifier: Apache-2.0
//! The sources of the command line: files, nodes, and networks by name. `paseo/asset-hub` stands for
//! the nodes of that chain. A node of another chain than its network's is refused.

use protocol::{
    Endpoint, Live, Source,
    inspect::{Request, StatePin},
};
use std::{
    fmt,
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    time::Duration,
};
use worker::{Failure, Result};
use workers::Worker;
use workspace::{
    context::Context,
    networks::{self, Network},
    runtimes,
};

/// The time limit for a connection. A node that takes longer is skipped.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The location of a runtime or a state, which a source on the command line refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceLocation {
    /// A file, or `-`.
    File(String),
    Live(Live),
}

/// A place and the chain state it contains, resolved once for a whole command.
#[derive(Clone, Debug)]
pub struct PinnedState {
    pub place: SourceLocation,
    pub pin: StatePin,
}

impl SourceLocation {
    /// Parses a place of the command line that is not the name of a network.
    pub fn parse(text: &str) -> Result<Self> {
        match Live::is_meant_by(text) {
            true => Ok(Self::Live(text.parse()?)),
            false => Ok(Self::File(text.to_owned())),
        }
    }

    /// Returns the source for a request.
    pub fn source(&self) -> Source {
        match self {
            Self::File(path) if path == "-" => Source::Stdin,
            Self::File(path) => Source::File(path.into()),
            Self::Live(live) => Source::Node(live.clone()),
        }
    }

    /// Returns the name for evidence. It contains no directory and no address, which differ between
    /// two people who do the same.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Live(_) => "node".to_owned(),
        }
    }

    /// Returns the place at a block, if it is a node.
    pub fn at(self, at: Option<&str>) -> Self {
        match (self, at) {
            (Self::Live(live), Some(at)) => Self::Live(Live { at: Some(at.to_owned()), ..live }),
            (place, _) => place,
        }
    }
}

impl fmt::Display for SourceLocation {
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
            return Err(Failure::check(format!("{whose} is not the state that the bundle is about"))
                .found(format!("the {name} {found}"))
                .expected(expected)
                .hint("give the same state, and the same --at, to every part of an upgrade"));
        }
    }
    Ok(())
}

/// Resolves a source. For a network, its nodes are checked to belong to its chain, and the place is
/// fixed to the block that they returned.
pub fn source(context: &Context, text: &str) -> Result<SourceLocation> {
    source_at(context, text, None)
}

/// Resolves a source at a block.
pub fn source_at(context: &Context, text: &str, at: Option<&str>) -> Result<SourceLocation> {
    let place = named(context, text)?;
    Ok(match place {
        (place, None) => place.at(at),
        (place, network) => pin(context, place, network.as_deref(), at)?.place,
    })
}

/// Resolves a source and the state it contains.
pub fn pinned(context: &Context, text: &str, at: Option<&str>) -> Result<PinnedState> {
    let (place, network) = named(context, text)?;
    pin(context, place, network.as_deref(), at)
}

/// Returns the name of a source as it is written into files: the name of a network, a file, or nodes without their
/// keys.
pub fn public_name(text: &str, place: &SourceLocation) -> String {
    match networks::may_be_a_name(text) {
        true => text.to_owned(),
        false => place.to_string(),
    }
}

/// Returns the failure for a text that is no source, from the one that says that it is no network.
pub fn no_source(text: &str, unknown: Failure) -> Failure {
    let networks = unknown.expected.unwrap_or_default();
    let failure = Failure::input(format!("{text} is neither a file nor a network"))
        .expected(format!("a file, the address of a node, or one of {networks}"));
    Failure { hint: unknown.hint, ..failure }
}

/// Returns the reachable nodes of a network and its name, or the place that the text refers to.
fn named(context: &Context, text: &str) -> Result<(SourceLocation, Option<String>)> {
    if !networks::may_be_a_name(text) {
        return Ok((SourceLocation::parse(text)?, None));
    }
    // A file of this name would have been taken first.
    let networks = runtimes::networks(context)?;
    let network = networks::find(&networks, text).map_err(|unknown| no_source(text, unknown))?;
    Ok((SourceLocation::Live(reached(context, text, network)?), Some(text.to_owned())))
}

fn pin(context: &Context, place: SourceLocation, network: Option<&str>, at: Option<&str>) -> Result<PinnedState> {
    let place = place.at(at);
    let task = context.printer.task("state");
    let request = Request::Pin { source: place.source() };
    let pin: StatePin = workers::ask(context, Worker::Inspect, &request, &task, &context.log("state"))?.value;
    drop(task);
    if let Some(name) = network {
        check(name, networks::find(&runtimes::networks(context)?, name)?, &place, &pin)?;
    }
    let place = place.at(pin.block_hash.as_deref());
    Ok(PinnedState { place, pin })
}

/// Checks that the node is of the network's chain. Otherwise the wrong upgrade would be judged.
fn check(name: &str, network: &Network, place: &SourceLocation, pin: &StatePin) -> Result<()> {
    let facts = [
        ("genesis hash", pin.genesis_hash.as_ref(), network.genesis_hash.as_ref()),
        ("spec_name", Some(&pin.spec_name), network.spec_name.as_ref()),
    ];
    for (what, found, expected) in facts {
        let Some(expected) = expected.filter(|expected| found != Some(expected)) else { continue };
        return Err(Failure::check(format!("{place} is not a node of {name}"))
            .found(found.map_or(format!("no {what}"), |found| format!("the {what} {found}")))
            .expected(expected)
            .hint(format!(
                "use a node of {name}; if the chain was restarted or renamed, change it in \
                 [workspace.metadata.cutover.networks.\"{name}\"]"
            )));
    }
    Ok(())
}

/// Returns the nodes of the network, starting with the first that accepts a connection.
fn reached(context: &Context, name: &str, network: &Network) -> Result<Live> {
    let nodes = network.nodes.as_deref().unwrap_or_default();
    if nodes.is_empty() {
        return Err(networks::no_node(name, network));
    }
    let mut refusals = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        process::interrupt::check()?;
        match reach(node) {
            Ok(()) => {
                context.printer.status(&format!("using the node {node} of {name}"));
                let (before, from) = nodes.split_at(index);
                return Ok(Live { nodes: [from, before].concat(), at: None });
            }
            Err(reason) => refusals.push(format!("{node}: {reason}")),
        }
    }
    Err(Failure::environment(format!("no node of {name} can be reached"))
        .found(refusals.join("\n"))
        .expected("a Polkadot SDK node that answers JSON-RPC at one of them")
        .hint(format!(
            "check the network, give another node's address, or set `nodes` in \
             [workspace.metadata.cutover.networks.\"{name}\"]"
        )))
}

fn reach(node: &Endpoint) -> std::result::Result<(), String> {
    let mut last = "the name has no address".to_owned();
    for address in node.host_and_port().to_socket_addrs().map_err(|error| error.to_string())? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
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
    fn a_node_of_another_chain_is_refused_by_name() {
        let network = Network { spec_name: Some("a".into()), genesis_hash: Some("0x01".into()), ..Network::default() };
        let place = SourceLocation::parse("wss://host/0123456789abcdef").expect("a node");
        let pin = |genesis: Option<&str>, spec_name: &str| StatePin {
            genesis_hash: genesis.map(str::to_owned),
            spec_name: spec_name.into(),
            ..StatePin::default()
        };
        check("net", &network, &place, &pin(Some("0x01"), "a")).expect("the right chain");
        check("net", &Network::default(), &place, &pin(Some("0x02"), "b")).expect("nothing is pinned");
        for (wrong, found) in [(pin(Some("0x02"), "a"), "0x02"), (pin(Some("0x01"), "b"), "b"), (pin(None, "a"), "no")]
        {
            let failure = check("net", &network, &place, &wrong).expect_err("another chain");
            assert_eq!(failure.kind, worker::Kind::Check);
            assert!(failure.message.contains("wss://host is not a node of net"), "{failure}");
            assert!(failure.found.as_ref().is_some_and(|text| text.contains(found)), "{failure}");
            assert!(!format!("{failure:?}").contains("0123456789abcdef"));
        }
    }

    #[test]
    fn another_state_than_the_pinned_one_is_refused() {
        let pin = |block: &str, genesis: Option<&str>| StatePin {
            genesis_hash: genesis.map(str::to_owned),
            block_hash: Some(block.into()),
            ..StatePin::default()
        };
        let same = |one: &StatePin, other: &StatePin| expect_same(one, other, "node");
        same(&pin("0x01", Some("0x09")), &pin("0x01", None)).expect("what a file does not contain is not compared");
        let failure = same(&pin("0x01", None), &pin("0x02", None)).expect_err("another block");
        assert!(failure.message.starts_with("node is not the state"), "{failure}");
        assert!(same(&pin("0x01", Some("0x09")), &pin("0x01", Some("0x08"))).is_err());
    }

    #[test]
    fn a_place_shows_no_key_and_evidence_contains_no_address() {
        let place =
            SourceLocation::parse("wss://host/0123456789abcdef,ws://other").expect("two nodes").at(Some("0x12"));
        assert_eq!((place.to_string().as_str(), place.name().as_str()), ("wss://host,ws://other", "node"));
        assert!(!format!("{place:?}").contains("0123456789abcdef"));
        let request = serde_json::json!(Request::Pin { source: place.source() });
        let whole = serde_json::json!({"nodes": ["wss://host/0123456789abcdef", "ws://other"], "at": "0x12"});
        assert_eq!(request["source"], whole);
        let file = SourceLocation::parse("a/b.json").expect("a file").at(Some("0x12"));
        assert_eq!((file.name().as_str(), file.source()), ("b.json", Source::File("a/b.json".into())));
        assert!(SourceLocation::parse("wss:/host").is_err());
    }
}
