// SPDX-License-Identifier: Apache-2.0
//! A relay chain and its parachains on forks, in one process.
//!
//! The runtime of the relay chain does everything itself: it backs candidates, includes them, and
//! takes, delays, enacts or refuses new code. Only signatures are replaced: on a fork,
//! [`fork::signatures::SEAL`] stands for the signatures of the chain's validators and authors.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod block;
pub mod boundaries;
mod course;
pub mod diary;
pub mod onboard;
pub mod orders;
mod parachain;
mod proof;
mod receipt;
mod relay;
pub mod relay_upgrade;
pub mod schedule;
pub mod upgrade;

pub use block::{Block, ParachainEvent, RelayBlock};
pub use course::{Course, Obstructed, control, include, include_first, include_one};
pub use cumulus_primitives_core::{
    ParaId,
    relay_chain::{UpgradeGoAhead, ValidationCodeHash},
};
pub use parachain::Parachain;
pub use relay::{PENDING, Relay, Waiting};

use artifact::hashes::blake2_256;
use parachain::Offer;
use sp_core::H256;
use worker::{Failure, Result};

/// A relay chain with parachains, which advance in relay blocks.
pub struct Network<'a> {
    /// The relay chain.
    pub relay: Relay<'a>,
    /// The parachains.
    pub parachains: Vec<Parachain<'a>>,
}

/// A relay block, and what came of each parachain's candidate for it.
pub struct Round {
    /// The relay block.
    pub block: RelayBlock,
    outcomes: Vec<(ParaId, CollationOutcome)>,
}

/// What came of a parachain's candidate for a relay block.
#[derive(Debug)]
pub enum CollationOutcome {
    /// It was not asked for a candidate, or the fork has too few relay blocks for its relay parent
    /// offset.
    NotAsked,
    /// It has no claim on a core in this relay block.
    NoClaim,
    /// Its collator could not build a block.
    NotBuilt(Failure),
    /// Its validators refused its block.
    Invalid(Failure),
    /// The relay chain backed the candidate.
    Backed {
        /// The number of the parachain's block.
        number: u32,
        /// The code that the candidate asks the relay chain to take.
        code: Option<ValidationCodeHash>,
    },
    /// The relay chain did not back the candidate, for these reasons as far as it says.
    LeftOut(Vec<String>),
}

impl CollationOutcome {
    /// Returns why the relay chain backed no candidate although one was asked for; nothing if it backed one,
    /// or if the parachain has no claim on a core.
    pub fn reasons(self) -> Vec<String> {
        match self {
            Self::NotAsked | Self::NoClaim | Self::Backed { .. } => Vec::new(),
            Self::NotBuilt(failure) | Self::Invalid(failure) => vec![failure.to_string()],
            Self::LeftOut(reasons) if reasons.is_empty() => {
                vec!["the relay chain left the candidate out and gives no reason: its runtime logs none".to_owned()]
            }
            Self::LeftOut(reasons) => reasons,
        }
    }

    /// Returns whether the parachain had a claim on a core, whatever it made of it.
    pub(crate) fn had_core(&self) -> bool {
        !matches!(self, Self::NotAsked | Self::NoClaim)
    }
}

impl Round {
    /// Takes what came of the candidate of a parachain.
    pub fn take_outcome(&mut self, para: ParaId) -> CollationOutcome {
        let place = self.outcomes.iter().position(|(id, _)| *id == para);
        place.map_or(CollationOutcome::NotAsked, |place| self.outcomes.swap_remove(place).1)
    }
}

impl<'a> Network<'a> {
    /// Returns a parachain of the network.
    pub fn parachain(&self, para: ParaId) -> Result<&Parachain<'a>> {
        self.parachains.iter().find(|parachain| parachain.id() == para).ok_or_else(|| unknown(para))
    }

    /// Returns the same network in the same state. What is built on one is not on the other.
    pub fn twin(&self) -> Self {
        Self { relay: self.relay.twin(), parachains: self.parachains.iter().map(Parachain::twin).collect() }
    }

    /// Returns the same network with these parachains alone.
    pub fn among(&self, paras: &[ParaId]) -> Self {
        let mut twin = self.twin();
        twin.parachains.retain(|parachain| paras.contains(&parachain.id()));
        twin
    }

    /// Writes to the state of a parachain between two blocks, and submits an extrinsic for its next
    /// block. No candidate may be pending.
    pub fn prepare(
        &mut self,
        para: ParaId,
        changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
        extrinsic: Vec<u8>,
    ) -> Result<()> {
        let (relay, parachain) = self.both(para)?;
        parachain.set(relay, changes)?;
        parachain.submit(extrinsic);
        Ok(())
    }

    /// Notes which of a parachain's blocks the relay chain has included. What it has dropped is built again.
    pub fn follow(&mut self, para: ParaId) -> Result<()> {
        let (relay, parachain) = self.both(para)?;
        parachain.follow(relay)
    }

    /// Returns the relay chain with a parachain.
    pub fn both(&mut self, para: ParaId) -> Result<(&mut Relay<'a>, &mut Parachain<'a>)> {
        let parachain = self.parachains.iter_mut().find(|parachain| parachain.id() == para);
        Ok((&mut self.relay, parachain.ok_or_else(|| unknown(para))?))
    }

    /// Builds the next relay block. Each parachain that `collates` offers a candidate on the last
    /// relay block.
    pub fn advance(&mut self, collates: impl Fn(ParaId) -> bool) -> Result<Round> {
        self.advance_after(0, collates)
    }

    /// Builds the next relay block, as [`Self::advance`] does, after skipping slots of the relay chain.
    pub fn advance_after(&mut self, slots: u64, collates: impl Fn(ParaId) -> bool) -> Result<Round> {
        let (mut outcomes, mut offered) = (Vec::new(), Vec::new());
        for (place, parachain) in self.parachains.iter_mut().enumerate() {
            let id = parachain.id();
            let offer = match collates(id) {
                true => parachain.collate(&self.relay),
                false => Ok(Offer::TooEarly),
            };
            match offer {
                Ok(Offer::TooEarly) => outcomes.push((id, CollationOutcome::NotAsked)),
                Ok(Offer::NoClaim) => outcomes.push((id, CollationOutcome::NoClaim)),
                Ok(Offer::Invalid(failure)) => outcomes.push((id, CollationOutcome::Invalid(failure))),
                Ok(Offer::Candidate(collation)) => offered.push((place, *collation)),
                Err(failure) if failure.is_verdict() => {
                    outcomes.push((id, CollationOutcome::NotBuilt(failure)));
                }
                Err(failure) => return Err(failure),
            }
        }
        let candidates = offered.iter().map(|(_, collation)| collation.backed.clone()).collect();
        let block = self.relay.build(candidates, slots)?;
        for (place, collation) in offered {
            let parachain = &mut self.parachains[place];
            let outcome = if block.backs(parachain.id(), &collation.head) {
                let code = collation.backed.candidate().commitments.new_validation_code.as_ref();
                let backed = CollationOutcome::Backed { number: collation.number, code: code.map(|code| code.hash()) };
                parachain.advance(collation);
                backed
            } else {
                CollationOutcome::LeftOut(block.reasons())
            };
            outcomes.push((parachain.id(), outcome));
        }
        Ok(Round { block, outcomes })
    }

    /// Compares what the relay chain and a parachain know of each other, once no candidate is pending:
    /// the head, the code, and the last message from the relay chain.
    pub fn compare(&mut self, para: ParaId) -> Result<Agreement> {
        self.relay.settle(para)?;
        self.follow(para)?;
        let parachain = self.parachain(para)?;
        let mut agreement = Agreement::default();
        let mut note = |what: &str, relay: Option<H256>, own: Option<H256>| {
            let named = |hash: Option<H256>| hash.map_or("none".to_owned(), |hash| format!("{hash:?}"));
            match relay == own {
                true => agreement.same.push(what.to_owned()),
                false => agreement.different.push(format!(
                    "{what}: {} on the relay chain, {} on the parachain",
                    named(relay),
                    named(own)
                )),
            }
        };
        let head = self.relay.head_of(para)?.map(|head| blake2_256(&head).into());
        note("the head", head, Some(parachain.chain().header().hash()));
        let code = self.relay.current_code(para)?.map(|code| H256::from_slice(code.as_ref()));
        note("the code", code, Some(H256::from_slice(parachain.chain().next_code()?.hash())));
        let (relay, parachain) = self.both(para)?;
        let received = parachain.last_downward_message(&relay.downward_messages(para)?)?;
        note("the messages from the relay chain", relay.last_downward_message(para)?, received);
        Ok(agreement)
    }
}

fn unknown(para: ParaId) -> Failure {
    Failure::internal(format!("parachain {} is not in the network", u32::from(para)))
}

/// What a relay chain and a parachain both know.
#[derive(Debug, Default)]
pub struct Agreement {
    /// What is the same on both.
    pub same: Vec<String>,
    /// What differs, with both values.
    pub different: Vec<String>,
}
