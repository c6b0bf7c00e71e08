// SPDX-License-Identifier: Apache-2.0
//! The chains of a network with their runtimes, and the network as it would be without the upgrade.

use crate::{input::Runtime, messages::Place, types::Interface};
use fork::Chain;
use network::{Network, ParaId, Parachain, relay_upgrade, upgrade::not_of_the_parachain};
use worker::{Failure, Reporter, Result};

/// A chain of the network, and the runtime of its blocks.
#[derive(Clone, Copy)]
pub struct Site<'r> {
    pub place: Place,
    pub runtime: &'r Runtime,
    /// The present runtime.
    pub present: &'r Runtime,
}

impl<'r> Site<'r> {
    /// Returns the types of the runtime. Without them nothing is judged.
    pub fn interface(self) -> Result<Interface<'r>> {
        let untyped = || Failure::not_judged(format!("the metadata of {} describes no types", self.place));
        self.runtime.interface().ok_or_else(untyped)
    }

    /// Returns the chain after its last block.
    pub fn chain<'n>(self, network: &'n Network<'_>) -> Result<&'n Chain> {
        Ok(match self.place {
            Place::RelayChain => network.relay.chain(),
            Place::Parachain(id) => network.parachain(ParaId::from(id))?.chain(),
        })
    }
}

/// A network before an upgrade, and its chains.
#[derive(Clone, Copy)]
pub struct Earlier<'e, 'a> {
    pub network: &'e Network<'a>,
    pub sites: &'e [Site<'e>],
    /// The parachains that built blocks on the way from there. Others stood still.
    pub going: &'e [ParaId],
}

impl<'e, 'a> Earlier<'e, 'a> {
    /// Returns the network with the parachains of another one, at its session and its relay block, under the present
    /// code. What comes to pass with time alone is the same then.
    ///
    /// # Errors
    ///
    /// Whatever stands in the way is not judged: it is no fault of the upgrade.
    pub fn at(self, now: &Network<'_>, reporter: &Reporter) -> Result<(Network<'a>, Vec<Site<'e>>)> {
        let paras: Vec<_> = now.parachains.iter().map(Parachain::id).collect();
        let mut control = self.network.among(&paras);
        if !relay_upgrade::catch_up(&mut control, now, self.going, reporter).map_err(not_of_the_parachain)? {
            return Err(Failure::not_judged("no session ends under the present code either"));
        }
        let sites = self.sites.iter().copied().filter(|site| site.chain(&control).is_ok()).collect();
        Ok((control, sites))
    }
}
