// SPDX-License-Identifier: Apache-2.0
//! Networks by name: `paseo/asset-hub` stands for a node of that chain wherever a source is asked for.
//!
//! What is built in is data (`networks.json`); `[workspace.metadata.cutover.networks]` adds to it and overrules it.

use crate::{context::Context, runtimes};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_name: Option<String>,
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
    pub nodes: Option<Vec<String>>,
}

pub type Networks = BTreeMap<String, Network>;

/// A source as the workers take it: the name of a network becomes the address of one of its nodes.
pub fn source(context: &Context, text: &str) -> Result<String> {
    if !may_be_a_name(text) {
        return Ok(text.to_owned());
    }
    match all(context)?.get(text) {
        Some(network) => node(context, text, network),
        None => Ok(text.to_owned()),
    }
}

/// All nodes of a network; nothing where the text is no network's name.
pub fn nodes(context: &Context, text: &str) -> Result<Option<Vec<String>>> {
    if !may_be_a_name(text) {
        return Ok(None);
    }
    let nodes = find(context, text)?.nodes.unwrap_or_default();
    match nodes.is_empty() {
        true => Err(no_node(text)),
        false => Ok(Some(nodes)),
    }
}

pub fn source_of(context: &Context, text: Option<&str>) -> Result<Option<String>> {
    text.map(|text| source(context, text)).transpose()
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

/// A node of the network that accepts a connection.
pub fn node(context: &Context, name: &str, network: &Network) -> Result<String> {
    let nodes = network.nodes.as_deref().unwrap_or_default();
    if nodes.is_empty() {
        return Err(no_node(name));
    }
    let mut refusals = Vec::new();
    for url in nodes {
        crate::interrupt::check()?;
        match reach(url) {
            Ok(()) => {
                context.printer.status(&format!("{name} is asked at {url}"));
                return Ok(url.clone());
            }
            Err(reason) => refusals.push(format!("{url}: {reason}")),
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

fn built_in() -> Result<Networks> {
    serde_json::from_str(BUILT_IN)
        .map_err(|error| Failure::internal("the built-in networks cannot be read").found(error.to_string()))
}

fn reach(url: &str) -> std::result::Result<(), String> {
    let (host, port) = host_and_port(url).ok_or("no address of a node (ws://, wss://, http:// or https://)")?;
    let mut last = "the name has no address".to_owned();
    for address in (host.as_str(), port).to_socket_addrs().map_err(|error| error.to_string())? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

fn host_and_port(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme {
        "ws" | "http" => 80,
        "wss" | "https" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some((host, after)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port = after.strip_prefix(':').map_or(Some(default), |port| port.parse().ok())?;
        return Some((host.to_owned(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default),
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
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
                assert!(node.starts_with("wss://") && host_and_port(node).is_some(), "{node}");
            }
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
    fn addresses_are_taken_apart() {
        for (url, expected) in [
            ("wss://rpc.ibp.network/paseo", Some(("rpc.ibp.network", 443))),
            ("ws://127.0.0.1:9944", Some(("127.0.0.1", 9944))),
            ("http://[::1]:80/x", Some(("::1", 80))),
            ("https://user:word@host?key=1", Some(("host", 443))),
            ("ftp://host", None),
            ("ws://", None),
            ("ws://host:port", None),
        ] {
            assert_eq!(host_and_port(url), expected.map(|(host, port)| (host.to_owned(), port)), "{url}");
        }
    }
}
