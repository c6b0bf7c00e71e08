// SPDX-License-Identifier: Apache-2.0
//! Messages between chains: those that a chain sends, and how another executes them.

pub mod answer;
mod counterpart;
pub mod outbound;
pub mod transfers;

pub use counterpart::{Counterpart, Execution, Present, Received, identity, newest};

use crate::{ask::parachain_id, input::Runtime};
use codec::{Compact, Encode};
use fork::{Chain, Executor};
use worker::Result;

/// The place of a chain among those of one relay chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    RelayChain,
    Parachain(u32),
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RelayChain => out.write_str("the relay chain"),
            Self::Parachain(id) => write!(out, "parachain {id}"),
        }
    }
}

impl Place {
    /// Returns the place of a chain; nothing where it exchanges no messages with others.
    pub fn of(runtime: &Runtime, chain: &Chain, executor: &Executor) -> Result<Option<Self>> {
        if runtime.layout.parachain_system().is_some() {
            return Ok(parachain_id(runtime, chain, executor)?.map(Self::Parachain));
        }
        Ok(runtime.layout.pallet_with(&["DownwardMessageQueueHeads"], None).map(|_| Self::RelayChain))
    }

    /// Returns the encoded `VersionedLocation` of this chain as the other one names it; nothing
    /// where it has no name there.
    pub fn seen_from(self, other: Self, version: u8) -> Option<Vec<u8>> {
        // `Junctions::X1` of `Junction::Parachain`, encoded so in versions 3 to 5.
        let parachain = |parents: u8, id: u32| [vec![version, parents, 1, 0], Compact(id).encode()].concat();
        match (self, other) {
            (one, same) if one == same => None,
            (Self::RelayChain, _) => Some(vec![version, 1, 0]),
            (Self::Parachain(id), Self::RelayChain) => Some(parachain(0, id)),
            (Self::Parachain(id), Self::Parachain(_)) => Some(parachain(1, id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_named_as_xcm_names_them() {
        let (relay, asset_hub, people) = (Place::RelayChain, Place::Parachain(1000), Place::Parachain(1004));
        assert_eq!(relay.seen_from(asset_hub, 5), Some(vec![5, 1, 0]));
        assert_eq!(asset_hub.seen_from(relay, 4), Some(vec![4, 0, 1, 0, 0xa1, 0x0f]));
        assert_eq!(people.seen_from(asset_hub, 3), Some(vec![3, 1, 1, 0, 0xb1, 0x0f]));
        assert_eq!(people.seen_from(people, 5), None);
    }
}
