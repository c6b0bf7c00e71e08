// SPDX-License-Identifier: Apache-2.0
//! A parachain: its collator, and the validators that check its blocks.

use crate::{
    block::Block,
    receipt::backed_candidate,
    relay::{CollationContext, ContextSearch, Relay},
};
use artifact::{Blob, Version};
use codec::{Decode, DecodeAll, Encode};
use cumulus_primitives_core::{
    InboundDownwardMessage, InboundHrmpMessage, ParaId, RelayProofRequest,
    relay_chain::{BackedCandidate, ValidationCodeHash},
};
use cumulus_primitives_parachain_inherent::MessageQueueChain;
use fork::{Author, BlockRequest, Candidate, Chain, Code, candidate, candidate::ValidationResult};
use sp_core::H256;
use std::{collections::BTreeMap, path::PathBuf};
use validator::Validator;
use worker::{Failure, Result};

/// The most keys of the relay chain that a runtime may ask for.
const MOST_KEYS: usize = 1_000;

/// A parachain of the network.
pub struct Parachain<'a> {
    id: ParaId,
    author: Author<'a>,
    /// After the last block that the relay chain included.
    included: Chain,
    /// The blocks after it that the relay chain backed, the oldest first.
    pending: Vec<Pending>,
    /// Extrinsics for the next block.
    pool: Vec<Vec<u8>>,
    /// Extrinsics for the next block, if the runtime accepts them.
    offered: Vec<Vec<u8>>,
    /// Offered extrinsics with which no block could be built.
    spoiling: Vec<Vec<u8>>,
    /// The included blocks, if they are kept.
    kept: Option<Vec<Block>>,
    /// The code of the last block with its version.
    version: Option<(Code, Version)>,
    /// The code that the relay chain has, prepared by its validators.
    prepared: Option<(ValidationCodeHash, Validator)>,
    /// A directory for prepared code that is kept between runs.
    cache: Option<PathBuf>,
    /// The code that nodes execute in place of the state's.
    substitute: Option<Code>,
}

/// A block that the relay chain backed and has not included yet.
#[derive(Clone)]
struct Pending {
    block: Block,
    /// The extrinsics of [`Parachain::submit`] in it.
    submitted: Vec<Vec<u8>>,
}

/// A candidate that is offered to the relay chain.
pub(crate) struct Collation {
    /// The candidate with the votes of its group.
    pub backed: BackedCandidate,
    /// The number of the parachain's block.
    pub number: u32,
    /// The head that the relay chain would store.
    pub head: Vec<u8>,
    /// The parachain's block.
    block: Block,
}

/// What a parachain offers for the next relay block.
pub(crate) enum Offer {
    /// The fork of the relay chain has too few blocks for the parachain's relay parent offset.
    TooEarly,
    /// It has no claim on a core in that block.
    NoClaim,
    /// A block that the validators refuse.
    Invalid(Failure),
    /// A candidate.
    Candidate(Box<Collation>),
}

impl<'a> Parachain<'a> {
    /// Creates the parachain of a fork. `cache` is a directory for prepared code that is kept between
    /// runs.
    pub fn new(id: ParaId, author: Author<'a>, chain: Chain, cache: Option<PathBuf>) -> Self {
        Self {
            id,
            author,
            included: chain,
            pending: Vec::new(),
            pool: Vec::new(),
            offered: Vec::new(),
            spoiling: Vec::new(),
            kept: None,
            version: None,
            prepared: None,
            cache,
            substitute: None,
        }
    }

    /// Returns the same parachain in the same state.
    pub(crate) fn twin(&self) -> Self {
        Self {
            pending: self.pending.clone(),
            pool: self.pool.clone(),
            offered: self.offered.clone(),
            substitute: self.substitute.clone(),
            ..Self::new(self.id, self.author.fresh(), self.included.clone(), self.cache.clone())
        }
    }

    /// Returns the identifier on the relay chain.
    pub fn id(&self) -> ParaId {
        self.id
    }

    /// Returns the chain after the last candidate that the relay chain backed, as far as is known
    /// since [`Self::follow`].
    pub fn chain(&self) -> &Chain {
        self.pending.last().map_or(&self.included, |pending| &pending.block.after)
    }

    /// Notes which of the blocks that the relay chain backed it has included. It drops those that it has not
    /// when a session ends, or when they are not available in time. Collators then build on the last included
    /// block again.
    pub fn follow(&mut self, relay: &Relay<'_>) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (head, waiting) = (relay.head_of(self.id)?, relay.pending(self.id)?);
        let is_head =
            |pending: &Pending| head.as_ref().is_some_and(|head| *head == pending.block.after.header().encode());
        if let Some(place) = self.pending.iter().position(is_head) {
            for Pending { block, .. } in self.pending.drain(..=place) {
                self.included = block.after.clone();
                if let Some(kept) = &mut self.kept {
                    kept.push(block);
                }
            }
        }
        if waiting == 0 {
            let dropped = self.pending.drain(..).flat_map(|pending| pending.submitted);
            self.pool = dropped.chain(std::mem::take(&mut self.pool)).collect();
        }
        Ok(())
    }

    /// Returns the last block that the relay chain backed, if it is not included yet.
    pub fn backed(&self) -> Option<&Block> {
        self.pending.last().map(|pending| &pending.block)
    }

    /// Keeps the blocks that the relay chain includes from now on, for [`Self::take_included`].
    pub fn keep_included(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// Takes the kept blocks.
    pub fn take_included(&mut self) -> Vec<Block> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Makes collators build blocks with another code than that of the state, as nodes do with a code substitute of their
    /// chain spec. The state keeps its own.
    pub fn substitute(&mut self, code: Code) {
        self.substitute = Some(code);
    }

    /// Returns the code that builds the next block.
    fn executed_code(&self) -> Result<Code> {
        self.substitute.clone().map_or_else(|| self.chain().next_code(), Ok)
    }

    /// Returns the version that the code of the next block has in itself, with which it checks transactions.
    pub fn version(&self) -> Result<Version> {
        let answer = self.chain().call(self.author.executor(), &self.chain().next_code()?, "Core_version", &[])?;
        Version::decode("the parachain's runtime", &answer)
    }

    /// Returns the encoded header of the last block.
    pub fn head(&self) -> Vec<u8> {
        self.chain().header().encode()
    }

    /// Returns the head of the hash chain of messages from the relay chain after the messages that
    /// wait, as the parachain will have it. Nothing before the first message.
    pub fn last_downward_message(&mut self, waiting: &[InboundDownwardMessage]) -> Result<Option<H256>> {
        let chain = self.chain().clone();
        let pallet = self.author.layout(&chain)?.pallet_with(&["LastDmqMqcHead"], None);
        let stored = pallet.map(|pallet| chain.storage(&pallet.key("LastDmqMqcHead"))).transpose()?.flatten();
        let last = stored.and_then(|hash| H256::decode(&mut &hash[..]).ok()).unwrap_or_default();
        let mut chain = MessageQueueChain::new(last);
        for message in waiting {
            chain.extend_downward(message);
        }
        Ok(Some(chain.head()).filter(|head| !head.is_zero()))
    }

    /// Returns the heads of the hash chains of messages from other parachains after the messages that wait, as the parachain
    /// will have them. A sender of which it never received a message is left out, unless messages of it wait.
    pub fn last_sideways_messages(
        &mut self,
        waiting: &BTreeMap<ParaId, Vec<InboundHrmpMessage>>,
    ) -> Result<BTreeMap<ParaId, H256>> {
        let chain = self.chain().clone();
        let pallet = self.author.layout(&chain)?.pallet_with(&["LastHrmpMqcHeads"], None);
        let stored = pallet.map(|pallet| chain.storage(&pallet.key("LastHrmpMqcHeads"))).transpose()?.flatten();
        let stored = stored.unwrap_or_else(|| vec![0]);
        let mut heads: BTreeMap<ParaId, MessageQueueChain> =
            DecodeAll::decode_all(&mut &stored[..]).map_err(|error| {
                Failure::not_judged("the parachain's LastHrmpMqcHeads cannot be decoded").found(error.to_string())
            })?;
        for (sender, messages) in waiting {
            for message in messages {
                heads.entry(*sender).or_default().extend_hrmp(message);
            }
        }
        Ok(heads.into_iter().map(|(sender, chain)| (sender, chain.head())).collect())
    }

    /// Writes to the state between two blocks, and makes the relay chain take the result for the
    /// parachain's head. No block can do this.
    pub fn set(&mut self, relay: &mut Relay<'_>, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        self.follow(relay)?;
        if !self.pending.is_empty() {
            return Err(Failure::internal("a candidate is pending while the parachain's state is written"));
        }
        self.included.set(changes)?;
        self.included.adopt_state_root();
        relay.set_head(self.id, self.head())
    }

    /// Puts an extrinsic into the next block.
    pub fn submit(&mut self, extrinsic: Vec<u8>) {
        self.pool.push(extrinsic);
    }

    /// Replaces the extrinsics that each next block is to include if the runtime accepts them.
    pub fn offer(&mut self, extrinsics: Vec<Vec<u8>>) {
        self.offered = extrinsics;
    }

    /// Takes the offered extrinsics without which a block could be built, and with which none could. They are no
    /// longer offered.
    pub fn take_spoiling(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.spoiling)
    }

    /// Builds the next block as the chain's collators do, has it checked by the code that the relay
    /// chain has, and returns it as its group backs it.
    pub(crate) fn collate(&mut self, relay: &Relay<'_>) -> Result<Offer> {
        self.follow(relay)?;
        let offered: Vec<_> = self.offered.iter().filter(|it| !self.has_pending(it)).cloned().collect();
        match self.collate_with(relay, offered.clone()) {
            // Perhaps no block can be built now, with or without them.
            Err(failure) if failure.is_verdict() && !offered.is_empty() => self.collate_without(relay, offered),
            Ok(Offer::Invalid(_)) if !offered.is_empty() => self.collate_without(relay, offered),
            collated => collated,
        }
    }

    fn collate_without(&mut self, relay: &Relay<'_>, spoiling: Vec<Vec<u8>>) -> Result<Offer> {
        let without = self.collate_with(relay, Vec::new())?;
        if !matches!(without, Offer::Invalid(_)) {
            self.spoiling = spoiling;
        }
        Ok(without)
    }

    fn collate_with(&mut self, relay: &Relay<'_>, optional: Vec<Vec<u8>>) -> Result<Offer> {
        let code = self.executed_code()?;
        self.read_version(&code)?;
        let offset = self.ask::<u32>(&code, "RelayParentOffsetApi", "relay_parent_offset")?.unwrap_or(0);
        let request: RelayProofRequest =
            self.ask(&code, "KeyToIncludeInRelayProof", "keys_to_prove")?.unwrap_or_default();
        if request.keys.len() > MOST_KEYS {
            return Err(Failure::check("the runtime asks for too many keys of the relay chain")
                .found(request.keys.len().to_string())
                .expected(format!("at most {MOST_KEYS}")));
        }
        let context = match relay.context_of(self.id, offset, request)? {
            ContextSearch::TooEarly => return Ok(Offer::TooEarly),
            ContextSearch::NoClaim => return Ok(Offer::NoClaim),
            ContextSearch::BeyondClaims(length) => {
                return Err(Failure::check("the parachain builds too far behind the newest relay block to get a core")
                    .found(format!("a relay parent offset of {offset}, and {length} claims ahead on its core"))
                    .expected("an offset below the number of claims (scheduler_params.lookahead)"));
            }
            ContextSearch::Found(context) => context,
        };
        let mut after = self.chain().clone();
        self.author.prepare_state(&mut after, &code)?;
        if after.root() != self.chain().root() {
            return Err(Failure::not_judged("blocks of this chain need proofs that a fork cannot create")
                .found("values that are written into the state instead, which the relay chain would not accept"));
        }
        // Collators select the core by its place in the claim queue of the relay parent.
        let claim_queue_offset = u8::try_from(offset).ok().filter(|_| context.assignment.selected);
        let request = BlockRequest {
            extrinsics: self.pool.clone(),
            optional,
            relay_parent: Some(context.relay_parent.clone()),
            claim_queue_offset,
            ..BlockRequest::default()
        };
        let bundled = self.version.as_ref().is_some_and(|(_, version)| candidate::is_bundled(version));
        let (candidate, built) = {
            // The headers behind the relay parent carry the placeholder of their authors' seals.
            let _seal = self.author.executor().signatures().accept_seal();
            self.author.candidate(&mut after, &code, request, bundled)?
        };
        let result = match self.validate(relay, &context, &candidate) {
            Err(failure) if failure.is_verdict() => return Ok(Offer::Invalid(failure)),
            result => result?,
        };
        let CollationContext { hash, assignment, code, .. } = *context;
        let backed = backed_candidate(self.id, hash, code, &candidate, &result, &assignment)?;
        let (number, head) = (candidate.header.number, candidate.head);
        Ok(Offer::Candidate(Box::new(Collation { backed, number, head, block: Block::of(after, built) })))
    }

    /// Returns whether an extrinsic is in a block that is backed and not included yet.
    fn has_pending(&self, extrinsic: &[u8]) -> bool {
        self.pending.iter().flat_map(|pending| &pending.block.extrinsics).any(|other| other.encode() == extrinsic)
    }

    /// Continues after a candidate that the relay chain has backed.
    pub(crate) fn advance(&mut self, collation: Collation) {
        self.pending.push(Pending { block: collation.block, submitted: std::mem::take(&mut self.pool) });
    }

    fn read_version(&mut self, code: &Code) -> Result<()> {
        if self.version.as_ref().is_some_and(|(known, _)| known == code) {
            return Ok(());
        }
        let name = "the parachain's code";
        let blob = Blob::from_deployed(name, code.bytes().to_vec())?;
        self.version = Some((code.clone(), artifact::version_of(name, &blob)?));
        Ok(())
    }

    /// Calls a function without arguments. Returns nothing if the runtime does not have its API.
    fn ask<T: Decode>(&self, code: &Code, api: &str, function: &str) -> Result<Option<T>> {
        if self.version.as_ref().is_none_or(|(_, version)| version.api(api).is_none()) {
            return Ok(None);
        }
        let method = format!("{api}_{function}");
        let answer = self.chain().call(self.author.executor(), code, &method, &[])?;
        T::decode(&mut &answer[..]).map(Some).map_err(|error| {
            Failure::check(format!("the parachain's answer of {method} cannot be decoded")).found(error.to_string())
        })
    }

    /// Checks a block as the validators of the relay chain do, and returns what they commit to.
    fn validate(
        &mut self,
        relay: &Relay<'_>,
        at: &CollationContext,
        candidate: &Candidate,
    ) -> Result<ValidationResult> {
        if self.prepared.as_ref().is_none_or(|(known, _)| *known != at.code) {
            let code = relay.validation_code(at.code)?.ok_or_else(|| {
                Failure::not_judged("the relay chain does not have the code of the parachain")
                    .found(format!("{:?} without its code", at.code))
            })?;
            self.prepared = Some((at.code, Validator::prepare(&code, self.cache.as_deref())?));
        }
        let Some((_, validator)) = &self.prepared else { return Err(Failure::internal("no code was prepared")) };
        let executed = validator.execute(candidate)?;
        let answer = hex::decode(&executed.answer).map_err(|error| {
            Failure::internal("the answer of validate_block is not in hex").found(error.to_string())
        })?;
        ValidationResult::decode(&mut &answer[..]).map_err(|error| {
            Failure::check("validate_block returned an invalid ValidationResult").found(error.to_string())
        })
    }
}
