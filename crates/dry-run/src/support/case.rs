// SPDX-License-Identifier: Apache-2.0
//! The chains of a case: a relay chain, and the parachain that needs support.

use crate::{
    dispatch::stage::Member,
    messages::{Place, Present},
    outcome::kept,
};
use fork::{Author, Executor, LoadOptions, Store};
use network::{Network, ParaId, Parachain, Relay};
use protocol::{Source, support::SupportRequest};
use std::{path::PathBuf, sync::Arc};
use worker::{Code, Failure, Kind, Reporter, Result};

/// A parachain that needs support, with its relay chain.
pub struct Case<'a> {
    pub para: ParaId,
    pub relay: Member,
    /// Nothing if the state of the parachain was not given.
    pub parachain: Option<Member>,
    /// The relay chain, with the parachain if its state was given. What was pending is included, unless it is `unread`.
    pub network: Network<'a>,
    /// Whether the state of the parachain is at the head that the relay chain has of it.
    pub is_at_head: bool,
    /// Whether the parachain's node was asked for that head and does not know the block.
    pub lacks_head: bool,
    /// The candidates that were pending before.
    pub pending: usize,
    /// The hash of the block that is pending, if the state after it is not known here. The parachain's state is that before
    /// it.
    pub unread: Option<String>,
    /// What the state of the parachain is read with.
    source: Option<Source>,
    store: Arc<Store>,
    executor: &'a Executor,
    cache: Option<PathBuf>,
}

impl<'a> Case<'a> {
    /// Reads both chains. A parachain of a node is read at the relay chain's head of it, or, where the node does not have
    /// that block, at the node's last finalized one.
    ///
    /// # Errors
    ///
    /// If a state cannot be read, or if the chains are no relay chain and the parachain of this number.
    pub fn read(
        request: &SupportRequest,
        (executor, of_relay): (&'a Executor, &'a Executor),
        reporter: &Reporter,
    ) -> Result<Self> {
        let store = Arc::new(Store::new(request.nodes.as_deref()));
        let how = |at| LoadOptions { at, store: Some(&store), ..LoadOptions::default() };
        let present = Present::load(&request.relay, how(request.relay_at.as_deref()), of_relay, reporter)?;
        if present.place != Some(Place::RelayChain) {
            return Err(Failure::input(format!("{} is no relay chain", request.relay))
                .found(present.runtime.version.spec_name)
                .expected("the relay chain of the parachain"));
        }
        let (member, chain) = Member::of(&request.relay, present)?;
        let mut relay = Relay::new(Author::new(of_relay), chain);
        relay.accept_all_codes();
        let para = ParaId::from(request.para);
        let pending = relay.pending(para)?;
        let mut network = Network { relay, parachains: Vec::new() };
        let before = network.twin();
        if pending > 0 {
            // What the relay chain cannot include is found by the check of the next block.
            drop(kept(network.relay.settle(para))?);
        }
        let head = network.relay.head_of(para)?;
        let mut case = Self {
            para,
            relay: member,
            parachain: None,
            network,
            is_at_head: false,
            lacks_head: false,
            pending,
            unread: None,
            source: request.state.clone(),
            store: Arc::clone(&store),
            executor,
            cache: request.cache.clone(),
        };
        let Some(source) = &request.state else { return Ok(case) };

        let hash = head.as_deref().map(|head| hex::encode_prefixed(artifact::hashes::blake2_256(head)));
        let is_open = matches!(source, Source::Node(_)) && request.at.is_none();
        let present = match hash.as_deref().filter(|_| is_open) {
            Some(hash) => match Present::load(source, how(Some(hash)), executor, reporter) {
                // What the check of the head reports.
                Err(failure) if failure.is(Code::UnknownBlock) => {
                    case.lacks_head = true;
                    Present::load(source, how(None), executor, reporter)?
                }
                present => present?,
            },
            None => Present::load(source, how(request.at.as_deref()), executor, reporter)?,
        };
        if present.place != Some(Place::Parachain(request.para)) {
            let found = present.place.map_or_else(|| "a chain that is neither".to_owned(), |place| place.to_string());
            return Err(Failure::input(format!("{source} is not parachain {}", request.para))
                .found(format!("{found}, {}", present.runtime.version.spec_name))
                .expected(format!("the state of parachain {}", request.para)));
        }
        let (member, chain) = Member::of(source, present)?;
        let parachain = Parachain::new(para, Author::new(executor), chain, request.cache.clone());
        let own = Some(parachain.head());
        case.is_at_head = head == own;
        if !case.is_at_head && before.relay.head_of(para)? == own {
            // Nobody can take the state of a file further. Both chains are compared before what is pending.
            (case.network, case.is_at_head, case.unread) = (before, true, hash);
        }
        case.network.parachains.push(parachain);
        case.parachain = Some(member);
        Ok(case)
    }

    /// Does something with a fork in the place of both chains.
    pub fn on<T>(&mut self, fork: &mut Network<'a>, act: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.is_at_head;
        std::mem::swap(&mut self.network, fork);
        let result = self.at_head().and_then(|is_at_head| {
            self.is_at_head = is_at_head;
            act(self)
        });
        std::mem::swap(&mut self.network, fork);
        self.is_at_head = before;
        result
    }

    fn at_head(&self) -> Result<bool> {
        Ok(self.network.relay.head_of(self.para)? == Some(self.network.parachain(self.para)?.head()))
    }

    /// Includes what is pending on a fork of the relay chain. Where that is another block than the one of the parachain's
    /// state, the state after it is read from the node.
    ///
    /// # Errors
    ///
    /// A block whose state cannot be read is not judged.
    pub fn settle(&self, network: &mut Network<'a>, reporter: &Reporter) -> Result<()> {
        network.relay.settle(self.para)?;
        network.follow(self.para)?;
        let head = network.relay.head_of(self.para)?.unwrap_or_default();
        if network.parachain(self.para)?.head() == head {
            return Ok(());
        }
        let hash = hex::encode_prefixed(artifact::hashes::blake2_256(&head));
        let unknown = |found: String| {
            Failure::not_judged("the relay chain's head is a block whose state is not known here").found(found)
        };
        let Some(source) = self.source.as_ref().filter(|source| matches!(source, Source::Node(_))) else {
            return Err(unknown(format!("{hash}, and a state that is not a node's")));
        };
        let how = LoadOptions { at: Some(&hash), store: Some(&self.store), ..LoadOptions::default() };
        let present = Present::load(source, how, self.executor, reporter).map_err(|failure| match failure.kind {
            Kind::Input => unknown(failure.to_string()),
            _ => failure,
        })?;
        let parachain = Parachain::new(self.para, Author::new(self.executor), present.chain, self.cache.clone());
        network.parachains = vec![parachain];
        Ok(())
    }
}
