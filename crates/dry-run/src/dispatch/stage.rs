// SPDX-License-Identifier: Apache-2.0
//! The chains on which a proposal is dispatched: a relay chain with parachains, or one chain alone.

use crate::{
    input::Runtime,
    messages::{Place, Present, identity},
    outcome::kept,
    parachains::{excluded, join, settle},
    types::Interface,
};
use fork::{Author, BlockRequest, Chain, Executor, LoadOptions, Store};
use network::{Block, CollationOutcome, Network, ParaId, Parachain, Relay, control, schedule::Changes};
use proposal::Target;
use protocol::{
    Source,
    rehearse::{RehearseRequest, RehearsedChain},
};
use worker::{Failure, Reporter, Result};

/// A chain that takes part. Chains are told apart by their position: the first one dispatches the proposal.
pub struct Member {
    /// The chain in words: `parachain 2000 (people)`.
    pub name: String,
    pub place: Option<Place>,
    pub runtime: Runtime,
    pub target: Target,
    /// The block that its fork began on.
    pub identity: protocol::dry_run::Counterpart,
}

/// The chains as they stand.
pub enum Stage<'a> {
    Alone(Box<Alone<'a>>),
    Network(Box<Network<'a>>),
}

pub struct Alone<'a> {
    chain: Chain,
    author: Author<'a>,
    /// Extrinsics for the next block, if the runtime accepts them.
    offered: Vec<Vec<u8>>,
}

/// Everything that was read.
pub struct Chains<'a> {
    pub members: Vec<Member>,
    pub stage: Stage<'a>,
    /// The chains that take no part, with the reasons.
    pub absent: Vec<RehearsedChain>,
}

/// The blocks of a round, each with the position of its chain.
pub struct Round {
    pub blocks: Vec<(usize, Block)>,
    /// Why a parachain has no candidate in it, each with its position.
    pub obstacles: Vec<(usize, String)>,
}

impl Member {
    /// Returns the chain without its state.
    pub fn of(source: &Source, present: Present) -> Result<(Self, Chain)> {
        let name = name(&present);
        let Present { chain, runtime, place } = present;
        let untyped =
            || Failure::input(format!("the metadata of {source} describes no types")).expected("version 14, 15 or 16");
        runtime.interface().ok_or_else(untyped)?;
        let target = Target::of(runtime.layout.metadata.as_deref().ok_or_else(untyped)?)?;
        let identity = identity(name.clone(), &chain, &runtime);
        Ok((Self { name, place, runtime, target, identity }, chain))
    }

    /// Returns the types of its runtime.
    pub fn interface(&self) -> Result<Interface<'_>> {
        self.runtime.interface().ok_or_else(|| Failure::internal("a chain without types takes part in a rehearsal"))
    }
}

/// Returns a chain in words.
fn name(present: &Present) -> String {
    let spec_name = &present.runtime.version.spec_name;
    match present.place {
        Some(place) => format!("{place} ({spec_name})"),
        None => spec_name.clone(),
    }
}

impl<'a> Chains<'a> {
    /// Reads the chains of a request, and puts them together. What is pending on the relay chain is included first. Then a
    /// candidate of each parachain is, which shows that the forks go on.
    ///
    /// # Errors
    ///
    /// If the chain that dispatches the proposal cannot be read, or cannot go on here. Another chain that cannot take part
    /// is absent.
    pub fn read(
        request: &RehearseRequest,
        (executor, of_relay): (&'a Executor, &'a Executor),
        reporter: &Reporter,
    ) -> Result<Self> {
        let store = Store::new(request.nodes.as_deref());
        let how = LoadOptions { at: request.at.as_deref(), store: Some(&store), ..LoadOptions::default() };
        let load = |source, at, executor| Present::load(source, LoadOptions { at, ..how }, executor, reporter);
        let main = load(&request.state, request.at.as_deref(), executor)?;
        if request.sessions > 0 && request.relay.is_none() && main.place != Some(Place::RelayChain) {
            return Err(Failure::usage("sessions of a relay chain are to end, and there is none")
                .hint("name the relay chain with --relay, or leave --sessions out"));
        }
        match (main.place, &request.relay) {
            (Some(Place::RelayChain), None) => {
                let relay = (&request.state, main);
                Assembly::begin(relay, (executor, of_relay), request, (how, reporter))?.complete(None)
            }
            (Some(Place::Parachain(_)), Some(relay)) => {
                let relay = (&relay.state, load(&relay.state, relay.at.as_deref(), of_relay)?);
                Assembly::begin(relay, (executor, of_relay), request, (how, reporter))?.complete(Some(main))
            }
            (_, Some(_)) => {
                Err(Failure::usage(format!("{} is no parachain, and a relay chain is given", request.state))
                    .hint("leave --relay out"))
            }
            (_, None) if !request.with.is_empty() => {
                Err(Failure::usage(format!("{} is no relay chain, and other chains are given", request.state))
                    .hint("name its relay chain with --relay, or leave --with out"))
            }
            (_, None) => {
                let (member, chain) = Member::of(&request.state, main)?;
                let mut author = Author::new(executor);
                author.probe(&chain)?;
                let stage = Stage::Alone(Box::new(Alone { chain, author, offered: Vec::new() }));
                Ok(Self { members: vec![member], stage, absent: Vec::new() })
            }
        }
    }
}

/// A network that is put together.
struct Assembly<'a, 'r> {
    request: &'r RehearseRequest,
    how: LoadOptions<'r>,
    executor: &'a Executor,
    author: Author<'a>,
    network: Network<'a>,
    relay: Member,
    parachains: Vec<Member>,
    absent: Vec<RehearsedChain>,
    reporter: &'r Reporter,
}

impl<'a, 'r> Assembly<'a, 'r> {
    fn begin(
        (source, present): (&Source, Present),
        (executor, of_relay): (&'a Executor, &'a Executor),
        request: &'r RehearseRequest,
        (how, reporter): (LoadOptions<'r>, &'r Reporter),
    ) -> Result<Self> {
        if present.place != Some(Place::RelayChain) {
            return Err(Failure::input(format!("{source} is no relay chain"))
                .found(name(&present))
                .expected("the relay chain of the parachain"));
        }
        let (member, chain) = Member::of(source, present)?;
        let mut relay = Relay::new(Author::new(of_relay), chain);
        relay.accept_all_codes();
        // What it cannot do after the call and can do without it is the call's doing.
        relay.judge(member.runtime.code.clone());
        Ok(Self {
            request,
            how: LoadOptions { at: None, ..how },
            executor,
            author: Author::new(executor),
            network: Network { relay, parachains: Vec::new() },
            relay: member,
            parachains: Vec::new(),
            absent: Vec::new(),
            reporter,
        })
    }

    /// Adds the parachains: the one that dispatches the proposal, if it is one, and then the others.
    fn complete(mut self, main: Option<Present>) -> Result<Chains<'a>> {
        let dispatches = main.is_some();
        if let Some(main) = main {
            let source = &self.request.state;
            let present = self.at_head(source, main, self.request.at.is_none())?;
            let member = self.join(source, present)?;
            self.parachains.push(member);
        }
        for source in &self.request.with {
            let present = Present::load(source, self.how, self.executor, self.reporter)?;
            let named = name(&present);
            if self.parachains.iter().chain([&self.relay]).any(|other| other.place == present.place) {
                return Err(Failure::usage(format!("{named} is named twice")).found(source.to_string()));
            }
            let identity = identity(named, &present.chain, &present.runtime);
            let joined = self.at_head(source, present, true).and_then(|present| self.join(source, present));
            match kept(joined)? {
                Ok(member) => self.parachains.push(member),
                Err(failure) => {
                    let (ended, absent) = (identity.number, Some(failure.to_string()));
                    self.absent.push(RehearsedChain { identity, ended, absent });
                }
            }
        }
        let paras: Vec<_> = self.network.parachains.iter().map(Parachain::id).collect();
        for para in paras {
            self.network.relay.settle(para)?;
            self.network.follow(para)?;
        }
        let mut members = self.parachains;
        members.insert(usize::from(dispatches), self.relay);
        Ok(Chains { members, stage: Stage::Network(Box::new(self.network)), absent: self.absent })
    }

    /// Returns a parachain at the head that the relay chain has of it. One whose state comes from a node is read again
    /// there, if the request leaves its block `open`.
    fn at_head(&mut self, source: &Source, present: Present, open: bool) -> Result<Present> {
        let Some(Place::Parachain(id)) = present.place else {
            return Err(Failure::input(format!("{source} is no parachain"))
                .found(name(&present))
                .expected("a parachain of the relay chain"));
        };
        let relay = &mut self.network.relay;
        let Some((head, unable)) = settle(relay, id)? else { return Ok(present) };
        if let Some(failure) = unable {
            return Err(failure);
        }
        if head == present.chain.header().hash().0 {
            return Ok(present);
        }
        let hash = hex::encode_prefixed(head);
        if matches!(source, Source::Node(_)) && open {
            let how = LoadOptions { at: Some(&hash), ..self.how };
            return Present::load(source, how, self.executor, self.reporter);
        }
        let head = relay.head_of(ParaId::from(id))?.unwrap_or_default();
        Err(Relay::other_head(&head, &present.chain, source).hint(format!(
            "take the state of the parachain at that block, {hash}, or choose the block of the relay chain with --relay-at"
        )))
    }

    fn join(&mut self, source: &Source, present: Present) -> Result<Member> {
        let Some(Place::Parachain(id)) = present.place else {
            return Err(Failure::internal("only a parachain joins a relay chain"));
        };
        let (member, chain) = Member::of(source, present)?;
        let id = ParaId::from(id);
        let parachain = Parachain::new(id, self.author.fresh(), chain, self.request.cache.clone());
        let network = &mut self.network;
        let mut obstacle = excluded(join(&mut network.relay, &parachain, self.request.onboard, self.reporter))?;
        if obstacle.is_none() {
            network.parachains.push(parachain);
            obstacle = excluded(control(network, id, self.reporter))?;
        }
        match obstacle {
            None => Ok(member),
            Some(failure) => {
                network.parachains.retain(|parachain| parachain.id() != id);
                Err(failure)
            }
        }
    }
}

impl<'a> Stage<'a> {
    /// Returns the same chains in the same state. What is built on one is not on the other.
    pub fn twin(&self) -> Self {
        match self {
            Self::Alone(alone) => Self::Alone(Box::new(Alone {
                chain: alone.chain.clone(),
                author: alone.author.fresh(),
                offered: alone.offered.clone(),
            })),
            Self::Network(network) => Self::Network(Box::new(network.twin())),
        }
    }

    /// Returns a chain after its last block.
    pub fn chain(&self, member: &Member) -> Result<&Chain> {
        Ok(match (self, member.place) {
            (Self::Alone(alone), _) => &alone.chain,
            (Self::Network(network), Some(Place::Parachain(id))) => network.parachain(ParaId::from(id))?.chain(),
            (Self::Network(network), _) => network.relay.chain(),
        })
    }

    /// Returns an author of blocks of a chain as it stands.
    pub fn author(&self, executor: &'a Executor) -> Author<'a> {
        match self {
            Self::Alone(alone) => alone.author.fresh(),
            Self::Network(_) => Author::new(executor),
        }
    }

    /// Returns the version with which the code of a chain checks transactions.
    pub fn version(&self, member: &Member) -> Result<artifact::Version> {
        match (self, member.place) {
            (Self::Alone(_), _) => Ok(member.runtime.version.clone()),
            (Self::Network(network), Some(Place::Parachain(id))) => network.parachain(ParaId::from(id))?.version(),
            (Self::Network(network), _) => network.relay.version(),
        }
    }

    /// Writes to the state of a chain between two blocks. No candidate of it may be pending.
    pub fn set(&mut self, member: &Member, changes: Changes) -> Result<()> {
        match (self, member.place) {
            (Self::Alone(alone), _) => alone.chain.set(changes),
            (Self::Network(network), Some(Place::Parachain(id))) => {
                let (relay, parachain) = network.both(ParaId::from(id))?;
                parachain.set(relay, changes)
            }
            (Self::Network(network), _) => network.relay.set(changes),
        }
    }

    /// Replaces the extrinsics that each next block of a chain is to include if its runtime accepts them.
    pub fn offer(&mut self, member: &Member, extrinsics: Vec<Vec<u8>>) -> Result<()> {
        match (self, member.place) {
            (Self::Alone(alone), _) => alone.offered = extrinsics,
            (Self::Network(network), Some(Place::Parachain(id))) => network.both(ParaId::from(id))?.1.offer(extrinsics),
            (Self::Network(network), _) => network.relay.offer(extrinsics),
        }
        Ok(())
    }

    /// Keeps the blocks of parachains that are included from now on, so that rounds return them.
    pub fn begin(&mut self) {
        if let Self::Network(network) = self {
            network.parachains.iter_mut().for_each(Parachain::keep_included);
        }
    }

    /// Returns the session of the relay chain, and the slots to its end. Nothing of a chain that is alone.
    pub fn session(&self) -> Result<Option<(u32, u64)>> {
        match self {
            Self::Alone(_) => Ok(None),
            Self::Network(network) => Ok(Some((network.relay.session()?, network.relay.slots_left()?))),
        }
    }

    /// Builds the next block of the relay chain, or of the chain that is alone, after skipping slots. Returns it, and the
    /// blocks of parachains that it includes.
    pub fn round(&mut self, members: &[Member], slots_ahead: u64) -> Result<Round> {
        let network = match self {
            Self::Alone(alone) => {
                let optional = alone.offered.clone();
                let request = BlockRequest { optional, slots_ahead, ..BlockRequest::default() };
                let built = alone.author.build(&mut alone.chain, request)?;
                let keys = built.changes.main_storage_changes.into_iter().map(|(key, _)| key).collect();
                let (extrinsics, refused) = (built.extrinsics, built.refused);
                let block = Block { after: alone.chain.clone(), extrinsics, keys, refused };
                return Ok(Round { blocks: vec![(0, block)], obstacles: Vec::new() });
            }
            Self::Network(network) => network,
        };
        let position = |place: Place| members.iter().position(|member| member.place == Some(place));
        let of = |para: ParaId| position(Place::Parachain(para.into()));
        // What a code of the relay chain that the call put in place cannot do is the call's doing.
        network.relay.judge(network.relay.chain().next_code()?);
        let mut round = network.advance_after(slots_ahead, |_| true)?;
        let mut obstacles = Vec::new();
        let paras: Vec<_> = network.parachains.iter().map(Parachain::id).collect();
        for para in &paras {
            let outcome = round.take_outcome(*para);
            let claims_nothing = matches!(outcome, CollationOutcome::NoClaim);
            let why = if claims_nothing { vec!["no claim on a core".to_owned()] } else { outcome.reasons() };
            if let (Some(position), false) = (of(*para), why.is_empty()) {
                obstacles.push((position, why.join("; ")));
            }
        }
        let mut blocks = Vec::new();
        blocks.extend(position(Place::RelayChain).map(|position| (position, round.block.block)));
        for para in paras {
            network.follow(para)?;
            let (_, parachain) = network.both(para)?;
            let Some(position) = of(para) else { continue };
            blocks.extend(parachain.take_included().into_iter().map(|block| (position, block)));
        }
        Ok(Round { blocks, obstacles })
    }
}
