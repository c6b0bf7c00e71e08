// SPDX-License-Identifier: Apache-2.0
//! The chains of a rehearsal: those that the command line names, or those of a network.

use super::super::upgrade::is_relay_of;
use crate::cli;
use worker::{Failure, Result};
use workspace::{
    context::Context,
    networks::{self, Networks},
    runtimes::{self, Runtime, Workspace},
};

/// The chains of a rehearsal, in the form in which the command line names them.
#[derive(Debug, PartialEq, Eq)]
pub struct Chains {
    /// The chain that dispatches the proposal.
    pub state: String,
    /// Its relay chain, if it is a parachain.
    pub relay: Option<String>,
    /// The other parachains.
    pub with: Vec<String>,
    /// Whether parachains are onboarded that the relay chain does not know.
    pub onboard: bool,
}

/// Returns the chains of the command line. Those that `--with` names join those of a network.
pub fn chains(context: &Context, options: &cli::ProposalChains) -> Result<Chains> {
    let mut chains = match (&options.network, &options.state) {
        (Some(name), _) => of_network(context, name, options.on.as_deref())?,
        (None, Some(state)) => {
            Chains { state: state.clone(), relay: options.relay.clone(), with: Vec::new(), onboard: false }
        }
        (None, None) => {
            return Err(Failure::usage("no chain is given to dispatch the proposal on")
                .hint("name it with --state or --network"));
        }
    };
    chains.with.extend(options.with.iter().cloned());
    chains.onboard |= options.onboard;
    Ok(chains)
}

fn of_network(context: &Context, name: &str, on: Option<&str>) -> Result<Chains> {
    let networks = runtimes::networks(context)?;
    let members = match &networks::find(&networks, name)?.runtimes {
        Some(names) => Members::of_runtimes(&Workspace::load(context)?, name, names)?,
        None => Members::of_chains(&networks, name)?,
    };
    let mut chains = members.dispatched_on(on)?;
    chains.with.retain(|chain| {
        let known = !is_without_nodes(&networks, chain);
        if !known {
            context.printer.warning(&format!("{chain} takes no part in the rehearsal: no node of it is known"));
        }
        known
    });
    Ok(chains)
}

/// Returns the runtimes that a network names, each with the source of its state, the relay chain first.
pub fn runtimes_of(context: &Context, name: &str) -> Result<Vec<(String, String)>> {
    let networks = runtimes::networks(context)?;
    let names = networks::find(&networks, name)?.runtimes.as_ref().ok_or_else(|| {
        Failure::usage(format!("{name} names a chain, and no runtimes"))
            .expected("a network whose `runtimes` are configured in [workspace.metadata.cutover.networks]")
            .hint("name its chains with --on and --upgrade")
    })?;
    let Members { relay, parachains, .. } = Members::of_runtimes(&Workspace::load(context)?, name, names)?;
    Ok(std::iter::once(relay).chain(parachains).map(|member| (member.name, member.source)).collect())
}

fn is_without_nodes(networks: &Networks, chain: &str) -> bool {
    networks.get(chain).is_some_and(|network| network.nodes.as_ref().is_none_or(Vec::is_empty))
}

/// A chain of a network.
#[derive(Debug)]
struct Member {
    name: String,
    /// The source of its state.
    source: String,
}

/// The chains of a network.
#[derive(Debug)]
struct Members {
    /// The name of the network.
    network: String,
    relay: Member,
    parachains: Vec<Member>,
    onboard: bool,
}

impl Members {
    /// Returns the relay chain of this name, and its parachains.
    fn of_chains(networks: &Networks, name: &str) -> Result<Self> {
        if let Some(relay) = &networks::find(networks, name)?.relay {
            return Err(Failure::usage(format!("{name} is a parachain"))
                .expected("the network of a relay chain")
                .hint(format!("name them with --network {relay} --on {name}")));
        }
        let member = |name: &str| Member { name: name.to_owned(), source: name.to_owned() };
        let within = format!("{name}/");
        let parachains =
            networks.iter().filter(|(key, chain)| key.starts_with(&within) || chain.relay.as_deref() == Some(name));
        Ok(Self {
            network: name.to_owned(),
            relay: member(name),
            parachains: parachains.map(|(key, _)| member(key)).collect(),
            onboard: false,
        })
    }

    /// Returns the chains of runtimes of the workspace. Each has its configured state.
    fn of_runtimes(workspace: &Workspace, network: &str, names: &[String]) -> Result<Self> {
        let selected = names.iter().map(|name| workspace.find(name)).collect::<Result<Vec<&Runtime>>>()?;
        let is_relay = |runtime: &&Runtime| selected.iter().any(|other| is_relay_of(runtime, other));
        let relay = match selected.as_slice() {
            [alone] => Some(*alone),
            several => several.iter().copied().find(is_relay),
        };
        let relay = relay.ok_or_else(|| {
            Failure::usage(format!("no runtime of the network {network} is that of a relay chain"))
                .found(if names.is_empty() { "none".to_owned() } else { names.join(", ") })
                .expected("a runtime whose `state` is the `relay` in [package.metadata.cutover.dry-run] of the others")
                .hint("name the chains with --state, --relay and --with")
        })?;
        let parachains: Vec<_> = selected.iter().copied().filter(|other| is_relay_of(relay, other)).collect();
        Ok(Self {
            network: network.to_owned(),
            relay: configured(relay)?,
            onboard: parachains.iter().any(|runtime| runtime.config.dry_run.onboard),
            parachains: parachains.into_iter().map(configured).collect::<Result<_>>()?,
        })
    }

    /// Returns the chains for a proposal that the chain `on` dispatches, by default the relay chain.
    fn dispatched_on(self, on: Option<&str>) -> Result<Chains> {
        let Self { network, relay, mut parachains, onboard } = self;
        let sources = |chains: Vec<Member>| chains.into_iter().map(|chain| chain.source).collect();
        let Some(on) = on.filter(|on| *on != relay.name) else {
            return Ok(Chains { state: relay.source, relay: None, with: sources(parachains), onboard });
        };
        let long = format!("{network}/{on}");
        let position = parachains.iter().position(|chain| chain.name == on || chain.name == long).ok_or_else(|| {
            let names: Vec<_> = std::iter::once(&relay).chain(&parachains).map(|chain| chain.name.as_str()).collect();
            Failure::usage(format!("the network {network} has no chain {on:?}"))
                .expected(format!("one of {}", names.join(", ")))
        })?;
        let state = parachains.remove(position).source;
        Ok(Chains { state, relay: Some(relay.source), with: sources(parachains), onboard })
    }
}

fn configured(runtime: &Runtime) -> Result<Member> {
    let state = runtime.state().ok_or_else(|| {
        Failure::usage(format!("no state of {} is known", runtime.name))
            .expected("a raw chain spec, a snapshot, a node or a network")
            .hint("set `state` in the runtime's [package.metadata.cutover]")
    })?;
    Ok(Member { name: runtime.name.clone(), source: runtime.configured_source(&state) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use workspace::networks::Network;

    fn paseo(on: Option<&str>) -> Result<Chains> {
        let own = Network { relay: Some("paseo".into()), para_id: Some(2000), ..Network::default() };
        let networks = networks::with_built_in(Networks::from([("own-chain".into(), own)])).expect("read");
        Members::of_chains(&networks, "paseo").expect("a relay chain").dispatched_on(on)
    }

    #[test]
    fn the_relay_chain_dispatches_by_default() {
        let chains = paseo(None).expect("chains");
        assert_eq!((chains.state.as_str(), chains.relay.as_deref(), chains.onboard), ("paseo", None, false));
        for chain in ["own-chain", "paseo/people", "paseo/asset-hub"] {
            assert!(chains.with.iter().any(|with| with == chain), "{chain}: {chains:?}");
        }
        assert!(!chains.with.iter().any(|with| with == "paseo" || with.starts_with("kusama")), "{chains:?}");
        assert_eq!(paseo(Some("paseo")), Ok(chains));
    }

    #[test]
    fn a_parachain_dispatches_beside_the_others() {
        let chains = paseo(Some("people")).expect("chains");
        assert_eq!((chains.state.as_str(), chains.relay.as_deref()), ("paseo/people", Some("paseo")));
        assert!(!chains.with.contains(&chains.state) && chains.with.contains(&"own-chain".into()), "{chains:?}");
        assert_eq!(paseo(Some("paseo/people")), Ok(chains));
        assert_eq!(paseo(Some("own-chain")).expect("chains").state, "own-chain");
        let failure = paseo(Some("nope")).expect_err("no chain");
        assert_eq!((failure.kind, &*failure.message), (worker::Kind::Usage, "the network paseo has no chain \"nope\""));
        assert!(failure.expected.is_some_and(|names| names.starts_with("one of paseo, ")));
    }

    #[test]
    fn a_parachain_is_no_network_and_a_chain_may_have_no_node() {
        let networks = networks::with_built_in(Networks::new()).expect("read");
        let failure = Members::of_chains(&networks, "paseo/people").expect_err("a parachain");
        assert_eq!(failure.hint.as_deref(), Some("name them with --network paseo --on paseo/people"));
        assert!(Members::of_chains(&networks, "nope").is_err());
        assert!(is_without_nodes(&networks, "paseo/bulletin"));
        assert!(!is_without_nodes(&networks, "paseo/people") && !is_without_nodes(&networks, "a.json"));
    }

    #[test]
    fn runtimes_have_their_own_states() {
        let member = |name: &str| Member { name: name.into(), source: format!("{name}.snapshot") };
        let members = || Members {
            network: "embedded".into(),
            relay: member("relay"),
            parachains: vec![member("one"), member("two")],
            onboard: true,
        };
        let expected = Chains {
            state: "one.snapshot".into(),
            relay: Some("relay.snapshot".into()),
            with: vec!["two.snapshot".into()],
            onboard: true,
        };
        assert_eq!(members().dispatched_on(Some("one")), Ok(expected));
        let alone = members().dispatched_on(Some("relay")).expect("chains");
        assert_eq!((alone.relay, alone.with.len()), (None, 2));
    }
}
