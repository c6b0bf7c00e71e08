// SPDX-License-Identifier: Apache-2.0
//! The upgrades of a relay chain and of one of its parachains, in each order.

use crate::{
    Network, relay_upgrade,
    upgrade::{self, Journey, not_of_the_parachain},
};
use worker::{Failure, Reporter, Result};

/// The order in which a relay chain and a parachain are upgraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The relay chain, then the parachain.
    RelayChainFirst,
    /// The parachain, then the relay chain.
    ParachainFirst,
    /// The relay chain while the parachain waits for the go-ahead.
    RelayChainBetween,
}

impl Order {
    /// All orders. What fails in the first one is no fault of the last one.
    pub const ALL: [Self; 3] = [Self::RelayChainFirst, Self::ParachainFirst, Self::RelayChainBetween];
}

impl std::fmt::Display for Order {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::RelayChainFirst => "the relay chain first",
            Self::ParachainFirst => "the parachain first",
            Self::RelayChainBetween => "the relay chain while the parachain waits for the go-ahead",
        })
    }
}

/// Both upgrades.
pub struct Upgrades<'u> {
    /// That of the relay chain.
    pub relay: relay_upgrade::Plan<'u>,
    /// That of the parachain. The order says whether it has [`upgrade::Plan::relay`].
    pub parachain: upgrade::Plan<'u>,
    /// What is written into the parachain's state, so that its code is authorized.
    pub authorization: (Vec<u8>, Option<Vec<u8>>),
    /// The extrinsic that applies the parachain's authorized upgrade.
    pub extrinsic: Vec<u8>,
}

/// Both upgrades as they went through. Numbers are those of relay blocks.
#[derive(Debug)]
pub struct Outcome {
    /// The block that put the relay chain's new code into the state.
    pub relay_applied: u32,
    /// The upgrade of the parachain.
    pub journey: Journey,
    /// The last block.
    pub ended: u32,
}

/// Upgrades both chains in an order. No candidate may be pending.
///
/// # Errors
///
/// What prevents one of the upgrades, or stops the parachain.
pub fn rehearse(
    network: &mut Network<'_>,
    order: Order,
    upgrades: &Upgrades<'_>,
    reporter: &Reporter,
) -> Result<Outcome> {
    let (relay_applied, journey) = match order {
        Order::RelayChainFirst => {
            let applied = upgrade_relay_chain(network, upgrades, reporter)?;
            network.relay.settle(upgrades.parachain.para)?;
            (applied, upgrade_parachain(network, upgrades, None, reporter)?)
        }
        Order::ParachainFirst => {
            let journey = upgrade_parachain(network, upgrades, None, reporter)?;
            network.relay.settle(upgrades.parachain.para).map_err(not_of_the_parachain)?;
            (upgrade_relay_chain(network, upgrades, reporter)?, journey)
        }
        Order::RelayChainBetween => {
            let journey = upgrade_parachain(network, upgrades, Some(&upgrades.relay), reporter)?;
            let applied = journey.relay_applied.ok_or_else(|| {
                Failure::not_judged("the relay chain gives the go-ahead in the block that accepts the code")
                    .expected("a block between them")
            })?;
            (applied, journey)
        }
    };
    Ok(Outcome { relay_applied, journey, ended: network.relay.chain().number() })
}

/// Upgrades the relay chain while the parachain goes on, and returns the block that applied it.
fn upgrade_relay_chain(network: &mut Network<'_>, upgrades: &Upgrades<'_>, reporter: &Reporter) -> Result<u32> {
    let before = network.twin();
    let outcome = relay_upgrade::rehearse(network, &before, &upgrades.relay, reporter)?;
    match outcome.courses.into_iter().find_map(|course| course.obstacle) {
        Some(obstacle) => Err(obstacle),
        None => Ok(outcome.applied),
    }
}

/// Upgrades the parachain, and the relay chain meanwhile if `between` says so.
fn upgrade_parachain(
    network: &mut Network<'_>,
    upgrades: &Upgrades<'_>,
    between: Option<&relay_upgrade::Plan<'_>>,
    reporter: &Reporter,
) -> Result<Journey> {
    let Upgrades { parachain, authorization, extrinsic, .. } = upgrades;
    network.prepare(parachain.para, vec![authorization.clone()], extrinsic.clone())?;
    let plan = upgrade::Plan { relay: between, ..*parachain };
    let mut journey = upgrade::rehearse(network, &plan, reporter)?;
    match journey.obstacle.take() {
        Some(obstacle) => Err(obstacle),
        None => Ok(journey),
    }
}
