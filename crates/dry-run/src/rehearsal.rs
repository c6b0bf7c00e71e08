// SPDX-License-Identifier: Apache-2.0
//! An upgrade under rehearsal: both runtimes, the chain at each stage of the upgrade, and the author of its blocks.
//!
//! [`Rehearsal::begin`] reads the state and the runtimes. Each later stage is built when a check first reads it, and kept.

use crate::{
    ask::parachain_id,
    enactment::{self, Enacted},
    input::{self, Runtime},
    messages::{Counterpart, Place, outbound},
    migration::{self, Migration, Routine},
    orders::Orders,
    parachains::{Continuation, Fate, Parachains},
    progress::Progress,
    relay_chain::{Decision, RelayChain, Subject},
    selection::LeftOut,
    timed_block::TimedBlock,
    types::Interface,
};
use fork::{Author, Chain, Executor, LoadOptions, LoadedChain, Store};
use protocol::{
    CheckOutcome, RpcUsage, RuntimeIdentity, Source, StateIdentity,
    checks::Need,
    dry_run::{CallWeight, DryRunRequest, Timeline},
};
use source::ReadSource;
use std::cell::{Cell, OnceCell, RefCell, RefMut};
use validator::{Preparation, Validator};
use worker::{Failure, Kind, Reporter, Result};

pub struct Rehearsal<'a> {
    pub request: &'a DryRunRequest,
    pub reporter: &'a Reporter,
    pub executor: &'a Executor,
    /// The chain's present runtime.
    pub from: Runtime,
    /// The runtime that ships.
    pub to: Runtime,
    /// The try-runtime build of the runtime that ships.
    pub tested: Option<Runtime>,
    /// The chain before the upgrade.
    pub chain: Chain,
    /// Other chains that this one exchanges messages with.
    pub counterparts: Vec<Counterpart>,
    /// The relay chain that decides about a parachain's upgrade, for the report.
    pub relay: Option<protocol::dry_run::Counterpart>,
    /// The relay chain's own new runtime, for the report.
    pub relay_to: Option<RuntimeIdentity>,
    /// Why the new code cannot even give its metadata. No check that runs the code can be made then.
    pub unusable: Option<Failure>,
    /// The calls whose weight changed, once `weights` has compared them.
    pub call_weights: OnceCell<Vec<CallWeight>>,
    pub progress: Progress,
    /// The checks that this run does not make.
    pub left_out: LeftOut,
    loaded: RefCell<LoadedChain>,
    author: RefCell<Author<'a>>,
    author_proven: Cell<bool>,
    preparation: Cell<Option<Preparation>>,
    enactment: OnceCell<Enacted>,
    migration: OnceCell<Migration>,
    routine: OnceCell<Routine>,
    life: OnceCell<Life>,
    trial: OnceCell<Migration>,
    validator: OnceCell<Option<Result<Validator>>>,
    relay_chain: Cell<Option<RelayChain<'a>>>,
    decision: OnceCell<Decision<'a>>,
    orders: OnceCell<Option<Orders>>,
    /// Whether parachains of this relay chain were named.
    joined: bool,
    parachains: Cell<Option<Parachains<'a>>>,
    continuation: OnceCell<Continuation>,
}

/// The chain after its migrations have ended and healthy blocks have followed.
pub struct Life {
    pub chain: Chain,
    /// The healthy blocks.
    pub blocks: Vec<TimedBlock>,
    /// Why no further block could be built.
    pub failure: Option<Failure>,
    /// The messages to other chains that left since the first block of the new code.
    pub sent: outbound::Queues,
}

impl<'a> Rehearsal<'a> {
    /// Reads the state, both runtimes and the chains beside.
    ///
    /// # Errors
    ///
    /// An input that cannot be read. New code that is refused when it is run is not an error: see [`Self::unusable`].
    pub fn begin(
        request: &'a DryRunRequest,
        left_out: LeftOut,
        (executor, of_relay): (&'a Executor, &'a Executor),
        reporter: &'a Reporter,
    ) -> Result<Self> {
        let name = request.state.to_string();
        reporter.status(format!("reading the state of {name}"));
        let store = Store::new(request.nodes.as_deref());
        let how = LoadOptions {
            at: request.at.as_deref(),
            mode: request.state_mode,
            unverified: request.unverified,
            store: Some(&store),
        };
        let read = |at| Present::read(request, LoadOptions { at, ..how }, executor, reporter);
        let mut present = read(request.at.as_deref())?;
        let relay_chain = match &request.relay {
            Some(relay) => {
                let id = parachain_id(&present.runtime, &present.chain, executor)?.ok_or_else(|| {
                    Failure::usage(format!("{name} is no parachain, and a relay chain is given"))
                        .hint("leave --relay out")
                })?;
                Some(RelayChain::load(relay, (id, request.onboard), how, of_relay, reporter)?)
            }
            None => None,
        };
        if let Some(relay) = &relay_chain {
            // A live parachain is ahead of what its relay chain has included.
            if let (Source::Node(_), None, Some(head)) = (&request.state, &request.at, relay.head()?) {
                present = read(Some(&hex::encode_prefixed(head)))?;
            }
            relay.expect_head(&present.chain, &request.state)?;
        }
        let Present { loaded, chain, runtime: from } = present;
        let new_blob = request.runtime.parse::<Source>()?.blob()?;
        // It takes as long as everything else, and runs beside it in a process of its own.
        let prepares = from.layout.parachain_system().is_some()
            && ["validator-preparation", "validator-execution"].iter().any(|check| !left_out.contains(check));
        let preparation = prepares.then(|| Preparation::begin(new_blob.deployed.clone(), request.cache.clone()));
        let (to, unusable) = match Runtime::read(&request.runtime, new_blob.clone(), &chain, executor) {
            Ok(to) => (to, None),
            Err(failure) if failure.kind == Kind::Check => match Runtime::unrun(&request.runtime, new_blob)? {
                Some(to) => (to, Some(failure)),
                None => return Err(failure),
            },
            Err(failure) => return Err(failure),
        };
        let mut rehearsal = Self {
            request,
            reporter,
            executor,
            from,
            to,
            tested: None,
            chain,
            counterparts: Vec::new(),
            relay: relay_chain.as_ref().map(RelayChain::identity),
            relay_to: relay_chain.as_ref().and_then(RelayChain::new_runtime),
            unusable,
            call_weights: OnceCell::new(),
            progress: Progress::default(),
            left_out,
            loaded: RefCell::new(loaded),
            author: RefCell::new(Author::new(executor)),
            author_proven: Cell::new(false),
            preparation: Cell::new(preparation),
            enactment: OnceCell::new(),
            migration: OnceCell::new(),
            routine: OnceCell::new(),
            life: OnceCell::new(),
            trial: OnceCell::new(),
            validator: OnceCell::new(),
            relay_chain: Cell::new(relay_chain),
            decision: OnceCell::new(),
            orders: OnceCell::new(),
            joined: false,
            parachains: Cell::new(None),
            continuation: OnceCell::new(),
        };
        if rehearsal.unusable.is_none() {
            rehearsal.read_companions(LoadOptions { at: None, ..how }, of_relay)?;
        }
        Ok(rehearsal)
    }

    /// Reads the try-runtime build and the other chains, each at the block that `how` names.
    fn read_companions(&mut self, how: LoadOptions<'_>, beside: &'a Executor) -> Result<()> {
        if let Some(name) = &self.request.try_runtime {
            let tested = Runtime::read(name, name.parse::<Source>()?.blob()?, &self.chain, self.executor)?;
            tested.expect_try_runtime_of(&self.to)?;
            self.tested = Some(tested);
        }
        self.chain.prefetch(input::known_keys(&[&self.from, &self.to]))?;
        let is_relay = Place::of(&self.from, &self.chain, self.executor)? == Some(Place::RelayChain);
        let mut parachains = is_relay.then(|| Parachains::of(&self.chain, beside));
        let mut relay_chain = self.relay_chain.take();
        for source in &self.request.with {
            let mut counterpart = Counterpart::load(source, how, self.executor, self.reporter)?;
            // A live parachain is ahead of what its relay chain has included.
            let head = match (counterpart.place, &mut parachains, &mut relay_chain) {
                (Place::Parachain(id), Some(parachains), _) => parachains.settle(id)?,
                (Place::Parachain(id), None, Some(relay_chain)) => relay_chain.settle(id)?,
                _ => None,
            };
            if let Some(head) = head
                && matches!(source, Source::Node(_))
            {
                let head = hex::encode_prefixed(head);
                let how = LoadOptions { at: Some(&head), ..how };
                counterpart = Counterpart::load(source, how, self.executor, self.reporter)?;
            }
            self.counterparts.push(counterpart);
        }
        self.relay_chain.set(relay_chain);
        let has_parachains = self.counterparts.iter().any(|other| matches!(other.place, Place::Parachain(_)));
        self.parachains.set(parachains.filter(|_| has_parachains));
        self.joined = has_parachains && is_relay;
        if self.request.onboard && self.relay.is_none() && !self.joined {
            return Err(Failure::usage("there is no parachain to onboard")
                .found("neither the relay chain of a parachain, nor a parachain of a relay chain")
                .hint("name the relay chain with --relay, or the parachain with --with; or leave --onboard out"));
        }
        Ok(())
    }

    /// Returns whether the chain is a relay chain, of which parachains were named.
    pub fn is_relay_chain(&self) -> bool {
        self.joined
    }

    /// Returns what became of the named parachains of a relay chain, for checks that need it.
    pub fn fates(&self) -> Result<&Vec<Fate>> {
        Ok(&self.continuation()?.fates)
    }

    /// Returns how the named parachains of a relay chain went on, for checks that need it.
    pub fn continuation(&self) -> Result<&Continuation> {
        self.stage(&self.continuation, "ten-heads", || {
            let parachains = self.parachains.take().ok_or_else(|| unneeded(Need::Network))?;
            let author = self.author()?.fresh();
            parachains.rehearse(&self.counterparts, self.request.onboard, author, self.subject())
        })
    }

    /// Returns the outcome of a check of all chains of the network. It is not judged of those that take no part.
    pub fn of_all_chains(&self, outcome: CheckOutcome) -> Result<CheckOutcome> {
        match self.joined {
            // What stands in their way is judged with each parachain.
            true => Ok(outcome),
            false => Ok(self.decision()?.with_absent(outcome)),
        }
    }

    /// Returns what is rehearsed on several chains, and how.
    fn subject(&self) -> Subject<'_> {
        Subject {
            chain: &self.chain,
            from: &self.from,
            to: &self.to,
            cache: self.request.cache.as_deref(),
            ends_sessions: !self.left_out.contains("boundaries"),
            sends_messages: !self.left_out.contains("messages-before-and-after"),
            measures_queues: !self.left_out.contains("queues"),
            tries_orders: !self.left_out.contains("upgrade-orders"),
            tries_move: !self.left_out.contains("relay-move"),
            reporter: self.reporter,
        }
    }

    /// Returns whether the rehearsal has what a check needs.
    pub fn has(&self, need: Need) -> Result<bool> {
        Ok(match need {
            Need::FirstBlock => !self.migration()?.blocks.is_empty(),
            Need::MigrationsEnded => self.migration()?.failure.is_none(),
            Need::TypedMetadata => self.from.interface().is_some() && self.to.interface().is_some(),
            Need::TryRuntimeBuild => self.tested.is_some(),
            Need::Parachain => self.from.layout.parachain_system().is_some(),
            Need::PreparedCode => match self.validator() {
                Some(Ok(_)) => true,
                Some(Err(failure)) if failure.kind != Kind::Check => return Err(failure.clone()),
                Some(Err(_)) | None => false,
            },
            Need::Messages => [&self.from, &self.to].into_iter().any(Runtime::exchanges_messages),
            Need::OtherChains => !self.counterparts.is_empty(),
            Need::RelayChain => self.relay.is_some(),
            Need::RelayRuntime => self.request.relay.as_ref().is_some_and(|relay| relay.runtime.is_some()),
            Need::Network => self.relay.is_some() || self.joined,
        })
    }

    /// Returns the types of both runtimes, for checks that need typed metadata.
    pub fn interfaces(&self) -> Result<[Interface<'_>; 2]> {
        match (self.from.interface(), self.to.interface()) {
            (Some(old), Some(new)) => Ok([old, new]),
            _ => Err(unneeded(Need::TypedMetadata)),
        }
    }

    /// Returns the try-runtime build, for checks that need it.
    pub fn tested(&self) -> Result<&Runtime> {
        self.tested.as_ref().ok_or_else(|| unneeded(Need::TryRuntimeBuild))
    }

    /// Returns the author of blocks. The first time it builds a plain block with the chain's present code: where that is
    /// refused, no block is judged (see [`Author::probe`]).
    ///
    /// A caller reads the stages of the rehearsal before it takes the author, because they are built by the same one.
    pub fn author(&self) -> Result<RefMut<'_, Author<'a>>> {
        let mut author = self
            .author
            .try_borrow_mut()
            .map_err(|_| Failure::internal("a stage of the rehearsal was first read while a check held the author"))?;
        if !self.author_proven.replace(true) {
            author.probe(&self.chain)?;
        }
        Ok(author)
    }

    /// Returns the enactment: how the new code came into place.
    pub fn enactment(&self) -> Result<&Enacted> {
        self.stage(&self.enactment, "enactment", || {
            let mut enacted = enactment::enact(&self.chain, &mut *self.author()?, &self.to.code, self.reporter)?;
            enacted.chain.set_state_version(self.to.version.effective_state_version());
            Ok(enacted)
        })
    }

    /// Returns the chain whose next block is the first of the new code.
    pub fn enacted(&self) -> Result<&Chain> {
        Ok(&self.enactment()?.chain)
    }

    /// Returns the blocks from the first of the new code to the end of its migrations.
    pub fn migration(&self) -> Result<&Migration> {
        let enacted = self.enacted()?;
        self.stage(&self.migration, "migrations", || {
            self.reporter.status("building blocks with the new code");
            let limit = self.request.migration_blocks;
            let Runtime { code, layout, .. } = &self.to;
            migration::migrate(enacted, &mut *self.author()?, code, layout, limit, "migration blocks", self.reporter)
        })
    }

    /// Returns the chain after the migrations, if they ended.
    pub fn migrated(&self) -> Result<Option<&Chain>> {
        let migration = self.migration()?;
        Ok(migration.failure.is_none().then_some(&migration.chain))
    }

    /// Returns the chain after the last block that the migrations reached, if there was one. Where they did not end, what
    /// they did until then may say why.
    pub fn reached(&self) -> Result<Option<&Chain>> {
        let migration = self.migration()?;
        Ok((!migration.blocks.is_empty()).then_some(&migration.chain))
    }

    /// Returns what every block writes, whatever an upgrade does, as two blocks of the present code show it.
    pub fn routine(&self) -> Result<&Routine> {
        let enacted = self.enacted()?;
        self.stage(&self.routine, "migrations", || Routine::of(&self.from, enacted, &mut self.author()?.fresh()))
    }

    /// Returns the chain after the migrations and the healthy blocks that followed.
    pub fn life(&self) -> Result<&Life> {
        let migration = self.migration()?;
        self.stage(&self.life, "healthy-blocks", || {
            let (mut chain, mut sent) = (migration.chain.clone(), migration.sent.clone());
            let (blocks, failure) = match migration.failure {
                None => {
                    let (count, layout) = (self.request.blocks, &self.to.layout);
                    migration::live_on(&mut chain, &mut *self.author()?, layout, count, &mut sent, self.reporter)?
                }
                Some(_) => (Vec::new(), None),
            };
            Ok(Life { chain, blocks, failure, sent })
        })
    }

    /// Returns the blocks of the try-runtime build from the same state as [`Self::migration`], in a chain of their own.
    pub fn trial(&self) -> Result<&Migration> {
        let (enacted, tested) = (self.enacted()?, self.tested()?);
        self.stage(&self.trial, "pre-post-hooks", || {
            let mut author = self.author()?.fresh();
            self.reporter.status("building the same blocks with the try-runtime build");
            let (limit, task) = (self.request.migration_blocks, "blocks of the try-runtime build");
            migration::migrate(enacted, &mut author, &tested.code, &tested.layout, limit, task, self.reporter)
        })
    }

    /// Returns the validator that prepared a parachain's new code, or why none could. Waits for it.
    pub fn validator(&self) -> Option<&Result<Validator>> {
        self.validator.get_or_init(|| self.preparation.take().map(Preparation::finish)).as_ref()
    }

    /// Returns how the relay chain decided about the upgrade, for checks that need it.
    pub fn decision(&self) -> Result<&Decision<'a>> {
        self.stage(&self.decision, "code-backed", || {
            let relay = self.relay_chain.take().ok_or_else(|| unneeded(Need::RelayChain))?;
            relay.decide(&self.counterparts, self.author()?.fresh(), self.subject())
        })
    }

    /// Returns both upgrades in each order; nothing if the parachain's alone does not go through.
    pub fn orders(&self) -> Result<Option<&Orders>> {
        let both = &self.decision()?.both;
        let orders = self.stage(&self.orders, "upgrade-orders", || {
            both.as_ref().map(|both| both.rehearse(&self.to.code, self.reporter)).transpose()
        });
        Ok(orders?.as_ref())
    }

    /// Returns the relay blocks of the upgrade, if a check asked for them.
    pub fn timeline(&self) -> Option<&Timeline> {
        let decided = self.decision.get().and_then(|decision| decision.timeline.as_ref());
        decided.or_else(|| self.continuation.get()?.timeline.as_ref())
    }

    /// Takes the whole state of a chain that is read as needed, for checks that read every entry.
    pub fn take_whole_state(&self) {
        self.loaded.borrow_mut().fetch_all(self.reporter);
    }

    /// Returns the blocks that were built, in their order.
    pub fn blocks(&self) -> Vec<TimedBlock> {
        let of = |blocks: Option<&Vec<TimedBlock>>| blocks.cloned().unwrap_or_default();
        [
            of(self.enactment.get().map(|enacted| &enacted.blocks)),
            of(self.migration.get().map(|migration| &migration.blocks)),
            of(self.life.get().map(|life| &life.blocks)),
        ]
        .concat()
    }

    /// Returns the migration if a check has read it.
    pub fn migration_if_built(&self) -> Option<&Migration> {
        self.migration.get()
    }

    /// Returns the identity of the state that the rehearsal began with.
    pub fn state(&self) -> Result<StateIdentity> {
        let loaded = self.loaded.borrow();
        Ok(StateIdentity {
            source: self.request.state.to_string(),
            genesis_hash: self.chain.genesis_hash()?.map(|hash| hex::encode_prefixed(hash.as_bytes())),
            block_hash: hex::encode_prefixed(self.chain.header().hash().as_bytes()),
            number: self.chain.number(),
            // As its source has it, whatever code takes the place of its own.
            state_root: hex::encode_prefixed(loaded.chain.root().as_bytes()),
            code: self.request.code.clone(),
            verified: loaded.verified,
            finalized: loaded.finalized,
            mode: loaded.mode,
            entries: loaded.entries,
        })
    }

    /// Returns what was asked of the chain's nodes so far.
    pub fn rpc(&self) -> RpcUsage {
        let traffic = self.loaded.borrow().traffic();
        RpcUsage { requests: traffic.requests, bytes: traffic.bytes }
    }

    /// Returns a stage, which is built the first time. Until it is built, a call that does not end counts for its check.
    fn stage<'s, T>(
        &self,
        cell: &'s OnceCell<T>,
        check: &'static str,
        build: impl FnOnce() -> Result<T>,
    ) -> Result<&'s T> {
        if let Some(stage) = cell.get() {
            return Ok(stage);
        }
        let before = self.progress.begin(Some(check));
        let stage = build()?;
        self.progress.begin(before);
        Ok(cell.get_or_init(|| stage))
    }
}

/// The chain before the upgrade, and its runtime.
struct Present {
    loaded: LoadedChain,
    chain: Chain,
    runtime: Runtime,
}

impl Present {
    fn read(request: &DryRunRequest, how: LoadOptions<'_>, executor: &Executor, reporter: &Reporter) -> Result<Self> {
        let name = request.state.to_string();
        let loaded = fork::load(&request.state, how, reporter)?;
        let mut chain = loaded.chain.clone();
        if let Some(named) = &request.code {
            chain.put_code(&request.state.code(named)?)?;
        }
        reporter.status("reading the runtimes");
        let code = chain.next_code()?;
        let blob = artifact::blob::Blob::from_deployed(&name, code.bytes().to_vec())?;
        let runtime = Runtime::read(&name, blob, &chain, executor)?;
        chain.set_state_version(runtime.version.effective_state_version());
        Ok(Self { loaded, chain, runtime })
    }
}

fn unneeded(need: Need) -> Failure {
    Failure::internal("a check reads what its row in the table of checks does not name among its needs")
        .expected(format!("the need {need:?}"))
}
