// SPDX-License-Identifier: Apache-2.0
//! Networks by name, such as `paseo/asset-hub`.
//!
//! The built-in networks are data (`networks.json`), which `[workspace.metadata.cutover.networks]`
//! extends and overrides.

use crate::runtimes::nearest;
use protocol::Endpoint;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};
use worker::{Failure, Result};

const BUILT_IN: &str = include_str!("../networks.json");

/// One chain of a network, or several runtimes that are upgraded together. In the configuration a missing key has its built-in value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The `spec_name` of its runtime.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "spec-name")]
    pub spec_name: Option<String>,
    /// The genesis hash.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "genesis-hash")]
    pub genesis_hash: Option<String>,
    /// The package of its runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The name of the network whose root governs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// The parachain's id on its relay chain; `None` for relay chains and solo chains.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "para-id")]
    pub para_id: Option<u32>,
    /// The runtimes of the workspace that `upgrade --network` upgrades together, instead of one package. Each has its own
    /// configured state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtimes: Option<Vec<String>>,
    /// The nodes, in the order in which they are tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<Endpoint>>,
}

/// Networks by name: `paseo`, `paseo/asset-hub`.
pub type Networks = BTreeMap<String, Network>;

/// Returns all nodes of a network; `None` if the text is not the name of a network.
pub fn nodes(networks: &Networks, text: &str) -> Result<Option<Vec<Endpoint>>> {
    if !may_be_a_name(text) {
        return Ok(None);
    }
    let network = find(networks, text)?;
    let nodes = network.nodes.clone().unwrap_or_default();
    match nodes.is_empty() {
        true => Err(no_node(text, network)),
        false => Ok(Some(nodes)),
    }
}

/// Returns the network with a name. Fails if there is none.
pub fn find<'networks>(networks: &'networks Networks, name: &str) -> Result<&'networks Network> {
    networks.get(name).ok_or_else(|| {
        Failure::usage(format!("there is no network {name:?}"))
            .expected(networks.keys().cloned().collect::<Vec<_>>().join(", "))
            .hint(hint(networks, name))
    })
}

/// Returns a hint for an unknown name: the chains of the network that it begins with, or the name
/// that is most similar.
fn hint(networks: &Networks, name: &str) -> String {
    let others = "define others in [workspace.metadata.cutover.networks]";
    let first = |name: &str| name.split('/').next().map(str::to_owned);
    let chains: Vec<_> = networks.keys().filter(|known| first(known) == first(name)).cloned().collect();
    if !chains.is_empty() {
        return format!("known chains of that network: {}; {others}", chains.join(", "));
    }
    match nearest(name, networks.keys()) {
        Some(near) => format!("did you mean {near}?"),
        None => others.into(),
    }
}

/// Returns the failure of a network without nodes.
pub fn no_node(name: &str, network: &Network) -> Failure {
    if network.runtimes.is_some() {
        return Failure::usage(format!("{name} names several runtimes, and no chain"))
            .expected("a chain with nodes")
            .hint(format!("upgrade them together with `upgrade --network {name}`"));
    }
    Failure::usage(format!("no node of {name} is known"))
        .hint(format!("give its address, or set `nodes` in [workspace.metadata.cutover.networks.\"{name}\"]"))
}

/// Returns whether a text may be the name of a network. Names have no dots. A file of the same name
/// takes precedence.
pub fn may_be_a_name(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let parts: Vec<_> = text.split('/').collect();
    text != "-" && parts.len() <= 2 && parts.into_iter().all(part) && !Path::new(text).exists()
}

/// Returns the built-in networks, extended and overridden by configured ones.
pub fn with_built_in(configured: Networks) -> Result<Networks> {
    let mut networks = built_in()?;
    for (name, own) in configured {
        let network = networks.entry(name).or_default();
        *network = Network {
            spec_name: own.spec_name.or(network.spec_name.take()),
            genesis_hash: own.genesis_hash.or(network.genesis_hash.take()),
            package: own.package.or(network.package.take()),
            relay: own.relay.or(network.relay.take()),
            para_id: own.para_id.or(network.para_id),
            runtimes: own.runtimes.or(network.runtimes.take()),
            nodes: own.nodes.or(network.nodes.take()),
        };
    }
    Ok(networks)
}

/// Returns the network with nodes whose runtime is this package, with its name.
pub fn of_package<'networks>(
    networks: &'networks Networks,
    package: &str,
) -> Option<(&'networks str, &'networks Network)> {
    let is_it = |network: &Network| {
        network.package.as_deref() == Some(package) && network.nodes.as_ref().is_some_and(|nodes| !nodes.is_empty())
    };
    networks.iter().find(|(_, network)| is_it(network)).map(|(name, network)| (name.as_str(), network))
}

/// Returns a public node of a chain by the chain's name or genesis hash. The result is the same for
/// everyone.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_networks_are_consistent() {
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
    fn an_unknown_name_has_a_hint() {
        let networks = built_in().expect("read");
        let hint = |name: &str| find(&networks, name).expect_err("unknown").hint.expect("a hint");
        let chains = hint("paseo/nope");
        assert!(chains.contains("paseo/people") && !chains.contains("polkadot"), "{chains}");
        assert_eq!(hint("polkadto"), "did you mean polkadot?");
        assert!(hint("qqqqqq").starts_with("define others"));
    }

    #[test]
    fn names_differ_from_files_and_addresses() {
        let file = tempfile::NamedTempFile::new_in(".").expect("a file");
        let own = file.path().file_name().expect("a name").to_string_lossy().into_owned();
        for text in ["-", "a.wasm", "dir/a.json", "ws://host", "/paseo", "paseo/", "a/b/c", "Paseo", &own] {
            assert!(!may_be_a_name(text), "{text}");
        }
        assert!(may_be_a_name("paseo") && may_be_a_name("paseo/asset-hub"));
    }

    #[test]
    fn a_package_has_the_first_network_with_nodes() {
        let configured = Network { package: Some("own-runtime".into()), ..Network::default() };
        let networks = with_built_in(Networks::from([("own".into(), configured)])).expect("read");
        let found = |package: &str| of_package(&networks, package).map(|(name, _)| name);
        assert_eq!(found("people-paseo-runtime"), Some("paseo/people"));
        assert_eq!(found("bulletin-paseo-runtime"), None, "it has no node");
        assert_eq!(found("own-runtime"), None, "it has no node");
        assert_eq!(found("another-runtime"), None);
    }

    #[test]
    fn a_public_node_is_found_by_genesis_hash_and_by_name() {
        let networks = built_in().expect("read");
        let polkadot = &networks["polkadot"];
        let node = public_node(None, polkadot.genesis_hash.as_deref()).expect("read");
        assert!(node.is_some());
        assert_eq!(public_node(Some("polkadot"), None), Ok(node));
        assert_eq!(public_node(None, None), Ok(None));
        assert_eq!(public_node(Some("a file"), Some("0x01")), Ok(None));
    }
}
