// SPDX-License-Identifier: Apache-2.0
//! Authors blocks as a node does: slots, digests and inherent data as the chain's consensus
//! requires.
//!
//! If it cannot author blocks of a chain, it returns [`worker::Kind::NotJudged`]. A refused block
//! then says nothing about the chain. This includes chains whose present code refuses a plain
//! block, because such a chain builds blocks every day.

mod duties;
mod nimbus;
mod relay;
pub(crate) mod slots;
mod vrf;

use crate::{
    block::{self, BuiltBlock, Plan},
    candidate::Candidate,
    chain::Chain,
    executor::{Code, Executor},
    header::{self, Header},
    layout::Layout,
};
use codec::Encode;
use cumulus_primitives_core::{
    ClaimQueueOffset, CoreInfo, CoreSelector,
    relay_chain::{BackedCandidate, PARACHAINS_INHERENT_IDENTIFIER, UncheckedSignedAvailabilityBitfields},
};
use slots::{Consensus, Slot};
use sp_inherents::InherentData;
use sp_runtime::{DigestItem, traits::Header as _};
use std::{collections::BTreeSet, sync::Arc};
use worker::{Failure, Kind, Result};

pub use cumulus_primitives_core::{AbridgedHostConfiguration, relay_chain::UpgradeGoAhead as Signal};
pub use relay::{RelayParent, RelayView};

/// What the next block should contain besides the usual contents, and what it is built on.
#[derive(Clone, Default)]
pub struct BlockRequest {
    /// Encoded extrinsics to apply after the inherents.
    pub extrinsics: Vec<Vec<u8>>,
    /// Encoded extrinsics to apply after these. Those that the runtime refuses are left out.
    pub optional: Vec<Vec<u8>>,
    /// What the relay chain signals to the parachain about its scheduled code.
    pub signal: Option<Signal>,
    /// Messages from the relay chain to the parachain: encoded `VersionedXcm`s.
    pub downward: Vec<Vec<u8>>,
    /// Messages from sibling parachains, each with the sender: pages as `XcmpQueue` accepts them.
    pub horizontal: Vec<(u32, Vec<u8>)>,
    /// The number of slots to skip before this block.
    pub slots_ahead: u64,
    /// The last block of the parachain that the relay chain has included. By default the parent.
    pub included: Option<Header>,
    /// Whether the block has the same relay parent and the same slot as its parent block.
    pub again: bool,
    /// The claim queue offset of the block's core, if the collator puts it into the digest.
    pub claim_queue_offset: Option<u8>,
    /// How many blocks the relay parent is behind the newest relay block. By default the runtime's
    /// own offset.
    pub relay_parent_offset: Option<u32>,
    /// The relay block that a parachain's block is built on. It gives the block its slot too. By
    /// default a relay block is made for this block alone, by the requests above.
    pub relay_parent: Option<Arc<RelayParent>>,
    /// What a relay chain's block says about parachains. By default nothing.
    pub parachains: ParachainsInherent,
    /// Whether the block is not imported after it was built: nobody asks for its proof.
    pub unproven: bool,
}

/// What the author of a relay block collected from the relay chain's validators.
#[derive(Clone, Default)]
pub struct ParachainsInherent {
    /// Which candidates are available, by validator, in ascending order.
    pub bitfields: UncheckedSignedAvailabilityBitfields,
    /// The candidates to back. Those of one parachain are in the order of their heads.
    pub candidates: Vec<BackedCandidate>,
}

/// Builds blocks on a chain, one after another.
pub struct Author<'a> {
    executor: &'a Executor,
    /// The runtime of the next block with its layout and consensus. It is read again when the code
    /// changes.
    runtime: Option<(Code, Layout, Option<Consensus>)>,
    /// The view of the relay chain. The relay blocks between two blocks follow from the slots.
    relay: RelayView,
    /// Why blocks of this chain cannot be authored.
    cannot_author: Option<Failure>,
    /// What differs from the chain's own blocks: changes to the state that no author makes, and other
    /// hashes.
    notes: BTreeSet<String>,
}

/// The note about a chain with headers of its own.
const OWN_HEADERS: &str = "block hashes of the fork are not the chain's: its headers are of a type of its own, whose \
                           hash function the metadata does not tell. What its nodes demand of headers, such as a seal \
                           or a size, is not judged";

impl<'a> Author<'a> {
    /// Returns the executor that runs the author's blocks.
    pub fn executor(&self) -> &'a Executor {
        self.executor
    }

    /// Creates an author that runs blocks with `executor`.
    pub fn new(executor: &'a Executor) -> Self {
        Self { executor, runtime: None, relay: RelayView, cannot_author: None, notes: BTreeSet::new() }
    }

    /// Tries to build a plain block with the chain's present code.
    ///
    /// If the code refuses it, every later block is [`Kind::NotJudged`]: the chain's own authors
    /// know what is missing, so a refusal says nothing about another code either.
    pub fn probe(&mut self, chain: &Chain) -> Result<()> {
        let mut fork = chain.clone();
        // Some digests are required from the second block on.
        for _ in 0..if chain.number() == 0 { 2 } else { 1 } {
            match self.build(&mut fork, BlockRequest::default()) {
                Ok(_) => {}
                Err(failure) if failure.kind == Kind::Check => {
                    let carried = header::engines(chain.header());
                    let carried: Vec<_> = carried.iter().map(|engine| format!("{:?}", slots::name(engine))).collect();
                    let mut why = format!("its present code refuses a plain block: {failure}");
                    if !carried.is_empty() {
                        why.push_str(&format!("; its last block carries digests of {}", carried.join(", ")));
                    }
                    self.cannot_author = Some(slots::cannot_author(why));
                    return Ok(());
                }
                Err(failure) if failure.kind == Kind::NotJudged => {
                    self.cannot_author = Some(failure);
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Returns a new author of the same chain. It keeps only whether blocks can be authored.
    pub fn fresh(&self) -> Self {
        self.fresh_with(self.executor)
    }

    /// Returns a new author of the same chain, as [`Self::fresh`] does, that runs blocks with another
    /// executor.
    pub fn fresh_with<'b>(&self, executor: &'b Executor) -> Author<'b> {
        Author { cannot_author: self.cannot_author.clone(), ..Author::new(executor) }
    }

    /// Returns what differs from the chain's own blocks: changes that were made to the state and that
    /// no author makes, and other hashes.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(String::as_str)
    }

    /// Returns the layout of the runtime that builds the next block of `chain`.
    pub fn layout(&mut self, chain: &Chain) -> Result<&Layout> {
        let code = chain.next_code()?;
        self.refresh(chain, &code)?;
        match &self.runtime {
            Some((_, layout, _)) => Ok(layout),
            None => Err(runtime_not_read()),
        }
    }

    /// Builds the next block with the chain's own code. `chain` is then the chain after it.
    pub fn build(&mut self, chain: &mut Chain, request: BlockRequest) -> Result<BuiltBlock> {
        let code = chain.next_code()?;
        self.build_with(chain, &code, request)
    }

    /// Builds the next block with another runtime than the chain's own, for example its try-runtime
    /// build.
    pub fn build_with(&mut self, chain: &mut Chain, code: &Code, request: BlockRequest) -> Result<BuiltBlock> {
        self.prepare_state(chain, code)?;
        let schemes = self.consensus(chain, code)?.schemes.len();
        let mut refused = Vec::new();
        for scheme in 0..schemes {
            for plan in self.plans(chain, code, &request, scheme)? {
                match block::build(chain, self.executor, code, plan) {
                    Ok(mut built) => {
                        if let Some((_, _, Some(consensus))) = &mut self.runtime {
                            consensus.prefer(scheme);
                        }
                        let changes = std::mem::take(&mut built.changes);
                        let kept = changes.main_storage_changes.clone();
                        chain.advance(built.header.clone(), changes);
                        built.changes.main_storage_changes = kept;
                        return Ok(built);
                    }
                    Err(failure) if failure.kind == Kind::Check => refused.push(failure),
                    Err(failure) => return Err(failure),
                }
            }
        }
        Err(build_failure(code, refused)?)
    }

    /// Builds the next block of a parachain with this runtime and returns it, first as its collator submits it.
    /// `chain` is then the chain after it, with the sealed header, which the relay chain stores as its head.
    pub fn candidate(
        &mut self,
        chain: &mut Chain,
        code: &Code,
        request: BlockRequest,
        bundled: bool,
    ) -> Result<(Candidate, BuiltBlock)> {
        self.prepare_state(chain, code)?;
        chain.adopt_state_root();
        let parent = chain.clone();
        let built = self.build_with(chain, code, request)?;
        let Some((_, layout, _)) = &self.runtime else { return Err(runtime_not_read()) };
        let candidate = Candidate::of(&parent, chain, layout, &built, bundled)?;
        chain.seal();
        Ok((candidate, built))
    }

    /// Marks the proofs that a fork cannot create as done in the state. Each change is added to the
    /// notes.
    pub fn prepare_state(&mut self, chain: &mut Chain, code: &Code) -> Result<()> {
        self.refresh(chain, code)?;
        let Some((_, layout, _)) = &self.runtime else { return Err(runtime_not_read()) };
        let mut overrides = vrf::key_overrides(chain, layout)?;
        overrides.extend(duties::storage_proof(chain, layout)?);
        if overrides.is_empty() {
            return Ok(());
        }
        self.notes.extend(overrides.iter().map(|change| change.reason.clone()));
        chain.set(overrides.into_iter().map(|change| (change.key, Some(change.value))).collect())
    }

    /// Returns the most likely plan of the next block, for callers that build it themselves.
    pub fn plan(&mut self, chain: &Chain, code: &Code, request: BlockRequest) -> Result<Plan> {
        self.consensus(chain, code)?;
        let mut plans = self.plans(chain, code, &request, 0)?;
        if plans.is_empty() { Err(runtime_not_read()) } else { Ok(plans.swap_remove(0)) }
    }

    /// Returns the plans of the next block by one scheme of the consensus: one plan, or one for
    /// each possible author if the digest names the author.
    fn plans(&self, chain: &Chain, code: &Code, request: &BlockRequest, scheme: usize) -> Result<Vec<Plan>> {
        let Some((_, layout, Some(consensus))) = &self.runtime else { return Err(runtime_not_read()) };
        let scheme = consensus.schemes.get(scheme).ok_or_else(runtime_not_read)?;
        let slot = match &request.relay_parent {
            Some(parent) => scheme.slot_at(parent.timestamp()),
            None => scheme.next_slot(chain, layout, request.slots_ahead, request.again)?,
        };
        let authors: Vec<_> = match scheme.kind.has_author() {
            false => vec![None],
            true => {
                let relay_parent = match &request.relay_parent {
                    Some(parent) => Some(parent.number),
                    None => relay::parent_number(chain, layout, &slot, request.again)?,
                };
                // Nimbus counts slots in 32 bits.
                let beacons = [slot.number as u32, chain.number().saturating_add(1)];
                let beacons: Vec<_> = relay_parent.into_iter().chain(beacons).collect();
                let authors = nimbus::authors(chain, self.executor, code, layout, &beacons)?;
                authors.into_iter().map(Some).collect()
            }
        };
        authors
            .into_iter()
            .map(|author| {
                let mut digest = slot.digest(author.as_ref());
                if author.is_some() {
                    digest.logs.extend(vrf::digest_item(chain, layout)?);
                }
                digest.logs.extend(request.claim_queue_offset.map(core));
                let inherents = self.inherents(chain, code, layout, &slot, request)?;
                let (extrinsics, optional) = (request.extrinsics.clone(), request.optional.clone());
                let (header_format, unproven) = (consensus.header_format.clone(), request.unproven);
                Ok(Plan { digest, inherents, extrinsics, optional, header_format, unproven })
            })
            .collect()
    }

    fn inherents(
        &self,
        chain: &Chain,
        code: &Code,
        layout: &Layout,
        slot: &Slot,
        request: &BlockRequest,
    ) -> Result<InherentData> {
        let mut inherents = InherentData::new();
        let refused =
            |error: sp_inherents::Error| Failure::internal("inherent data was refused").found(error.to_string());
        inherents.put_data(sp_timestamp::INHERENT_IDENTIFIER, &slot.timestamp).map_err(refused)?;
        if layout.parachain_system().is_some() {
            let data = match &request.relay_parent {
                Some(parent) => parent.inherent_data(chain),
                None => self.relay.inherent_data(chain, layout, self.executor, code, slot, request)?,
            };
            relay::put_inherents(&mut inherents, &data)?;
        }
        if layout.pallet_with(&["OnChainVotes"], None).is_some() {
            let ParachainsInherent { bitfields, candidates } = &request.parachains;
            let no_disputes = Vec::<u8>::new();
            let data = (bitfields, candidates, no_disputes, chain.header());
            inherents.put_data(PARACHAINS_INHERENT_IDENTIFIER, &data).map_err(refused)?;
        }
        Ok(inherents)
    }

    fn refresh(&mut self, chain: &Chain, code: &Code) -> Result<()> {
        if self.runtime.as_ref().is_some_and(|(known, _, _)| known == code) {
            return Ok(());
        }
        let layout = Layout::of(chain, self.executor, code)?;
        self.runtime = Some((code.clone(), layout, None));
        Ok(())
    }

    /// Returns the consensus of the runtime, or the reason why no block can be authored.
    fn consensus(&mut self, chain: &Chain, code: &Code) -> Result<&Consensus> {
        if let Some(failure) = &self.cannot_author {
            return Err(failure.clone());
        }
        self.refresh(chain, code)?;
        let Some((_, layout, consensus)) = &mut self.runtime else { return Err(runtime_not_read()) };
        if consensus.is_none() {
            let read = Consensus::of(chain, self.executor, code, layout)?;
            if read.header_format.is_own() {
                self.notes.insert(OWN_HEADERS.into());
            }
            *consensus = Some(read);
        }
        consensus.as_ref().ok_or_else(runtime_not_read)
    }
}

fn runtime_not_read() -> Failure {
    Failure::internal("the runtime was not read")
}

/// Returns the failure of a block that no plan could build.
///
/// If the code imports host functions that only the chain's own node has, a trap says nothing about
/// the code, because calling a missing host function traps. A refused block or a panic has another
/// cause.
fn build_failure(code: &Code, refused: Vec<Failure>) -> Result<Failure> {
    let trapped = refused.iter().find(|failure| failure.is(worker::Code::Trap));
    let missing = if trapped.is_some() { missing_host_functions(code)? } else { BTreeSet::new() };
    let Some(failure) = trapped.filter(|_| !missing.is_empty()) else {
        // The failure of the most likely scheme.
        return refused.into_iter().next().ok_or_else(|| Failure::internal("no plan of a block was tried"));
    };
    Ok(Failure::not_judged(format!(
        "blocks of this chain cannot be authored here: its code imports {} host functions that only its own node has",
        missing.len()
    ))
    .code(worker::Code::HostFunctions)
    .found(format!("{}; {failure}", missing.into_iter().collect::<Vec<_>>().join(", ")))
    .expected("host functions of nodes of polkadot-sdk 2609")
    .hint("register them with `host-functions` in [workspace.metadata.cutover]"))
}

/// Returns the host functions that a code imports and nodes of this SDK do not have.
pub fn missing_host_functions(code: &Code) -> Result<BTreeSet<String>> {
    let name = "the runtime";
    let blob = artifact::Blob::from_deployed(name, code.bytes().to_vec())?;
    let imports = artifact::sections::Sections::read(name, &blob)?;
    let offered = Executor::host_functions();
    let imported = imports.host_functions().map(|import| import.name.clone());
    Ok(imported.filter(|name| !offered.contains_key(name)).collect())
}

/// Returns the digest item in which a collator with one core names the core.
fn core(offset: u8) -> DigestItem {
    let claim_queue_offset = ClaimQueueOffset(offset);
    CoreInfo { selector: CoreSelector(0), claim_queue_offset, number_of_cores: codec::Compact(1) }.to_digest_item()
}

/// Returns the head data of this chain on the relay chain: the encoded header of its last block.
pub(crate) fn head_data(chain: &Chain) -> Vec<u8> {
    debug_assert_eq!(*chain.header().number(), chain.number());
    chain.header().encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a module that imports functions of these names and exports nothing.
    fn code(imports: &[&str]) -> Code {
        let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        let types = [1, 0x60, 0, 0];
        let entries: Vec<u8> = imports.iter().flat_map(|name| [text("env"), text(name), vec![0, 0]].concat()).collect();
        let section = |id: u8, body: &[u8]| [&[id, body.len() as u8], body].concat();
        let imports = [&[imports.len() as u8], entries.as_slice()].concat();
        Code::new([b"\0asm\x01\0\0\0".to_vec(), section(1, &types), section(2, &imports)].concat())
    }

    #[test]
    fn a_block_that_needs_custom_host_functions_is_not_judged() {
        let failed = || Failure::check("Core_initialize_block failed in the runtime").code(worker::Code::Trap);
        let own = code(&["ext_misc_print_utf8_version_1", "ext_native_bridge_apply_version_1"]);
        let failure = build_failure(&own, vec![Failure::check("no such digest"), failed()]).expect("read");
        assert_eq!(failure.kind, Kind::NotJudged);
        assert!(failure.is(worker::Code::HostFunctions));
        let found = failure.found.unwrap_or_default();
        assert!(found.contains("ext_native_bridge_apply_version_1") && !found.contains("ext_misc_print"), "{found}");
        assert!(found.contains("Core_initialize_block"), "the failure of the block is included");

        let usual = code(&["ext_misc_print_utf8_version_1"]);
        let own_fault = |code, failure: Failure| {
            assert_eq!(build_failure(code, vec![failure.clone(), failed()]).expect("read"), failure);
        };
        own_fault(&usual, failed());
        own_fault(&usual, Failure::check("no such digest"));
        // Chains with tracing import host functions for it that no block calls.
        let panicked =
            || Failure::check("Core_initialize_block failed in the runtime").found("a panic at 'no space left'");
        assert_eq!(build_failure(&own, vec![panicked()]).expect("read"), panicked());
    }
}
