// SPDX-License-Identifier: Apache-2.0
//! Stands in for the node that authors blocks: slots, digests and inherent data as the chain's consensus wants them.

mod relay;
mod slots;

use crate::{
    block::{self, BuiltBlock, Plan},
    candidate::Candidate,
    chain::Chain,
    executor::{Code, Executor},
    layout::Layout,
};
use codec::Encode;
use slots::{Consensus, Slot};
use sp_inherents::InherentData;
use sp_runtime::{Digest, traits::Header as _};
use worker::{Failure, Result};

pub use cumulus_primitives_core::{AbridgedHostConfiguration, relay_chain::UpgradeGoAhead as Signal};
pub use relay::RelayView;

/// What may be wanted of the next block beside what every block has.
#[derive(Clone, Default)]
pub struct Wish {
    pub extrinsics: Vec<Vec<u8>>,
    /// What the relay chain tells the parachain of the new code that it scheduled.
    pub signal: Option<Signal>,
    /// Messages from the relay chain to the parachain: encoded `VersionedXcm`s.
    pub downward: Vec<Vec<u8>>,
    /// Slots that pass without a block before this one.
    pub slots_ahead: u64,
}

/// Builds blocks on a chain, one after another.
pub struct Author<'a> {
    executor: &'a Executor,
    /// The runtime of the next block with what is known of it; refreshed when the code changes.
    runtime: Option<(Code, Layout, Consensus)>,
    /// Relay chain blocks that pass between two blocks are derived from the slots.
    relay: RelayView,
}

impl<'a> Author<'a> {
    pub fn new(executor: &'a Executor) -> Self {
        Self { executor, runtime: None, relay: RelayView }
    }

    /// The metadata of the runtime that builds the next block of `chain`.
    pub fn layout(&mut self, chain: &Chain) -> Result<&Layout> {
        let code = chain.next_code()?;
        self.refresh(chain, &code)?;
        match &self.runtime {
            Some((_, layout, _)) => Ok(layout),
            None => Err(Failure::internal("the runtime was not read")),
        }
    }

    /// Builds the next block with the chain's own code and makes `chain` the chain after it.
    pub fn build(&mut self, chain: &mut Chain, wish: Wish) -> Result<BuiltBlock> {
        let code = chain.next_code()?;
        self.build_with(chain, &code, wish)
    }

    /// The same with another runtime than the chain's own: its try-runtime build.
    pub fn build_with(&mut self, chain: &mut Chain, code: &Code, wish: Wish) -> Result<BuiltBlock> {
        let plan = self.plan(chain, code, wish)?;
        let mut built = block::build(chain, self.executor, code, plan)?;
        let changes = std::mem::take(&mut built.changes);
        let kept = changes.main_storage_changes.clone();
        chain.advance(built.header.clone(), changes);
        built.changes.main_storage_changes = kept;
        Ok(built)
    }

    /// Builds the next block of a parachain and hands it over as its collator does. The chain is the one after it.
    pub fn candidate(&mut self, chain: &mut Chain, bundled: bool) -> Result<Candidate> {
        chain.stand_on_state();
        let parent = chain.clone();
        let built = self.build(chain, Wish::default())?;
        Candidate::of(&parent, chain, self.layout(&parent)?, &built, bundled)
    }

    pub fn plan(&mut self, chain: &Chain, code: &Code, wish: Wish) -> Result<Plan> {
        self.refresh(chain, code)?;
        let Some((_, layout, consensus)) = &self.runtime else {
            return Err(Failure::internal("the runtime was not read"));
        };
        let slot = consensus.next_slot(chain, layout, wish.slots_ahead)?;
        let mut inherents = InherentData::new();
        let refused =
            |error: sp_inherents::Error| Failure::internal("inherent data was refused").found(error.to_string());
        inherents.put_data(sp_timestamp::INHERENT_IDENTIFIER, &slot.timestamp).map_err(refused)?;
        if layout.parachain_system().is_some() {
            self.relay.put_inherents(&mut inherents, chain, layout, self.executor, code, &slot, &wish)?;
        }
        if layout.pallet_with(&["OnChainVotes"], None).is_some() {
            // A relay chain's block without backed candidates: no bitfields, no candidates, no disputes.
            let data = (Vec::<u8>::new(), Vec::<u8>::new(), Vec::<u8>::new(), chain.header());
            inherents.put_data(*b"parachn0", &data).map_err(refused)?;
        }
        Ok(Plan { digest: digest(&slot), inherents, extrinsics: wish.extrinsics })
    }

    fn refresh(&mut self, chain: &Chain, code: &Code) -> Result<()> {
        if self.runtime.as_ref().is_some_and(|(known, _, _)| known == code) {
            return Ok(());
        }
        let layout = Layout::of(chain, self.executor, code)?;
        let consensus = Consensus::of(chain, self.executor, code, &layout)?;
        self.runtime = Some((code.clone(), layout, consensus));
        Ok(())
    }
}

fn digest(slot: &Slot) -> Digest {
    Digest { logs: slot.digest_item().into_iter().collect() }
}

/// The relay chain's view of this chain: the encoded header of its last block.
pub(crate) fn head_data(chain: &Chain) -> Vec<u8> {
    debug_assert_eq!(*chain.header().number(), chain.number());
    chain.header().encode()
}
