// SPDX-License-Identifier: Apache-2.0
//! The requests of the worker: serving a fork, and snapshots of live chains and of genesis presets.

use crate::{
    Fork, Listener,
    assemble::assemble,
    dev_accounts::{Grant, grant},
    joint,
    pin::Pins,
};
use codec::Encode;
use fork::{
    Author, BlockRequest, Chain, Code, Executor, LiveBlock, LoadOptions, Store, executor, genesis, load, snapshot,
};
use protocol::{
    Source, StateMode,
    fork::{DevAccounts, Request, ServeRequest, ServedFork},
    snapshot::{GenesisRequest, GenesisSnapshot, PruneRequest, Pruned, SnapshotRequest},
};
use serde::Serialize;
use serde_json::Value;
use source::ReadSource;
use sp_core::H256;
use sp_wasm_interface::HostFunctions;
use state::{Block, State};
use std::process::ExitCode;
use worker::{Event, Failure, Outcome, Reporter, Result};

/// Runs the worker. `Own` are custom host functions beside those of nodes.
pub fn main<Own: HostFunctions>() -> ExitCode {
    executor::register_host_functions::<Own>();
    worker::serve(|request: Request, reporter| handle(&request, reporter))
}

fn handle(request: &Request, reporter: &Reporter) -> Result<Outcome<Value>> {
    let value = match request {
        Request::Genesis(request) => value(genesis_snapshot(request, reporter)?)?,
        Request::Snapshot(SnapshotRequest { nodes, at, store, out, format }) => {
            let options = snapshot::SnapshotOptions { nodes, at, store, out, format: *format };
            value(snapshot::create(&options, reporter)?)?
        }
        Request::Prune(PruneRequest { store }) => {
            let freed = snapshot::prune(store)?;
            value(Pruned { version: 1, store: store.clone(), freed })?
        }
        Request::Serve(request) => {
            serve(request, reporter)?;
            Value::Null
        }
    };
    Ok(Outcome::passed(value))
}

/// Encodes a result as JSON.
fn value(result: impl Serialize) -> Result<Value> {
    serde_json::to_value(result)
        .map_err(|error| Failure::internal("a result cannot be written as JSON").found(error.to_string()))
}

/// Builds blocks on the genesis state of a preset, and writes the state after them as a snapshot.
/// The recorded previous releases are such snapshots.
fn genesis_snapshot(request: &GenesisRequest, reporter: &Reporter) -> Result<GenesisSnapshot> {
    let blob = request.runtime.parse::<Source>()?.blob()?;
    let sections = artifact::sections::Sections::read(&request.runtime, &blob)?;
    let version = sections.version.ok_or_else(|| {
        Failure::input(format!("{} has no runtime version", request.runtime)).expected("a runtime_version section")
    })?;
    let executor = Executor::new(None);
    let code = Code::new(blob.deployed);
    let state_version = version.effective_state_version();

    reporter.status(format!("building the genesis state of the preset {}", request.preset));
    let genesis = genesis::of_preset(&executor, &code, state_version, &request.preset)?;
    let mut chain = Chain::from_state(genesis)?;
    let mut author = Author::new(&executor);
    for index in 0..request.blocks {
        author.build(&mut chain, BlockRequest::default())?;
        reporter.progress("blocks", u64::from(index) + 1, Some(u64::from(request.blocks)), "blocks");
    }

    let export = chain.export()?;
    let entries = export.top.len();
    let header = chain.header().encode();
    let state = State {
        chain: Some(format!("{} {} preset", version.spec_name, request.preset)),
        spec_name: Some(version.spec_name.clone()),
        spec_version: Some(version.spec_version),
        state_root: Some(chain.root().0),
        block: Some(Block { number: u64::from(chain.number()), hash: chain.header().hash().0 }),
        header: Some(header),
        ..State::of_entries(state_version, export.top, export.children.into_iter().collect())
    };
    state.write(&request.out)?;
    let size = std::fs::metadata(&request.out).map(|file| file.len()).unwrap_or(0);
    Ok(GenesisSnapshot {
        out: request.out.display().to_string(),
        spec_name: version.spec_name,
        spec_version: version.spec_version,
        number: chain.number(),
        block_hash: hex::encode_prefixed(chain.header().hash().as_bytes()),
        state_root: hex::encode_prefixed(chain.root().as_bytes()),
        entries,
        size,
    })
}

/// Serves forks until the process ends. The event `ready` reports their URLs.
fn serve(request: &ServeRequest, reporter: &Reporter) -> Result<()> {
    end_with_parent();
    let ports = (0..=request.with.len()).map(|place| port(request.port, place)).collect::<Result<Vec<_>>>()?;
    // The ports are bound first, so that a port in use is reported before a state is read.
    let bound = ports.into_iter().map(|port| Listener::bind(port, &request.allow_origin));
    let listeners = bound.collect::<Result<Vec<_>>>()?;
    // Each chain has its own executor. Beside the log and the placeholder of signatures, its compiled runtimes are
    // its own: an executor keeps four of them.
    let executors: Vec<_> = listeners.iter().map(|_| Executor::new(request.cache.as_deref())).collect();
    let store = Store::new(request.nodes.as_deref());
    let mut pins = Pins::open(request.pin.as_ref(), request.at.as_deref())?;
    let mut first = Original::load(request, &mut pins, &store, reporter)?;
    let (originals, seats) = match executors.split_first() {
        Some(executors) if !request.with.is_empty() => {
            let how = LoadOptions { at: None, mode: request.state_mode, unverified: false, store: Some(&store) };
            let (network, originals) = assemble(request, first, executors, how, &mut pins, reporter)?;
            (originals, joint::Joint::seats(network, reporter))
        }
        Some((executor, _)) if request.dev => {
            first.endow(executor, reporter)?;
            (vec![first], Vec::new())
        }
        _ => (vec![first], Vec::new()),
    };
    pins.keep()?;
    let mut ready: Vec<_> =
        originals.iter().zip(&listeners).map(|(original, listener)| original.served(listener.url())).collect();
    let mut seats = seats.into_iter();
    let mut forks = Vec::new();
    for ((original, listener), executor) in originals.into_iter().zip(listeners).zip(&executors) {
        let fork = original.fork(executor, request.manual, reporter);
        let fork = match seats.next() {
            Some(seat) => fork.seated(seat),
            None => fork,
        };
        forks.push((fork, listener));
    }
    let with = ready.split_off(1);
    if let Some(first) = ready.pop() {
        reporter.send(Event::Ready { value: value(ServedFork { with, ..first })? });
    }
    crate::serve(forks)
}

/// Returns the port of the chain at this place: the following ports, or any free one.
fn port(first: u16, place: usize) -> Result<u16> {
    let next = u16::try_from(place).ok().and_then(|place| first.checked_add(place));
    match first {
        0 => Ok(0),
        _ => next.ok_or_else(|| {
            Failure::usage(format!("there are too few ports from {first} on for all chains"))
                .hint("use a lower port, or 0 for free ones")
        }),
    }
}

/// A chain that is forked.
pub(crate) struct Original {
    /// Where the chain was read from.
    pub source: Source,
    /// The chain at its first block that is served.
    pub chain: Chain,
    /// The development accounts that were given something.
    pub dev: Option<DevAccounts>,
    mode: StateMode,
    verified: bool,
    /// The hash of the block of the source.
    forked: H256,
}

impl Original {
    /// Reads the state of the first chain.
    fn load(request: &ServeRequest, pins: &mut Pins<'_>, store: &Store, reporter: &Reporter) -> Result<Self> {
        let ServeRequest { state, at, state_mode, .. } = request;
        let options = LoadOptions { at: at.as_deref(), mode: *state_mode, unverified: false, store: Some(store) };
        let mut original = Self::read_pinned(state, options, pins, reporter)?;
        pins.note(&original.chain)?;
        if let Some(named) = &request.code {
            original.chain.put_code(&state.code(named)?)?;
        }
        Ok(original)
    }

    /// Reads the state of a chain, at its block in the file of `--pin` if it has one there.
    pub(crate) fn read_pinned(
        source: &Source,
        options: LoadOptions<'_>,
        pins: &Pins<'_>,
        reporter: &Reporter,
    ) -> Result<Self> {
        match pins.block(source) {
            Some(block) => Self::read(source, LoadOptions { at: Some(&block), ..options }, reporter)
                .map_err(|failure| pins.explain(failure)),
            None => Self::read(source, options, reporter),
        }
    }

    /// Reads the state of a chain.
    pub(crate) fn read(source: &Source, options: LoadOptions<'_>, reporter: &Reporter) -> Result<Self> {
        reporter.status(format!("reading the state of {source}"));
        let loaded = load(source, options, reporter)?;
        let mut chain = loaded.chain.clone();
        let name = source.to_string();
        let blob = artifact::Blob::from_deployed(&name, chain.next_code()?.bytes().to_vec())?;
        chain.set_state_version(artifact::version_of(&name, &blob)?.effective_state_version());
        let forked = chain.header().hash();
        let (mode, verified) = (loaded.mode, loaded.verified);
        Ok(Self { source: source.clone(), chain, dev: None, mode, verified, forked })
    }

    /// Gives development accounts funds and sudo on a chain that is served alone.
    fn endow(&mut self, executor: &Executor, reporter: &Reporter) -> Result<()> {
        let Grant { changes, accounts, .. } = grant(&self.chain, executor, &self.source, reporter)?;
        self.chain.set(changes)?;
        self.dev = Some(accounts);
        Ok(())
    }

    /// Returns the chain as it is reported when it is served.
    fn served(&self, url: String) -> ServedFork {
        ServedFork {
            url,
            source: self.source.to_string(),
            number: self.chain.number(),
            block_hash: hex::encode_prefixed(self.chain.header().hash().as_bytes()),
            state_root: hex::encode_prefixed(self.chain.root().as_bytes()),
            mode: self.mode,
            verified: self.verified,
            dev: self.dev.clone(),
            with: Vec::new(),
        }
    }

    /// Returns the fork. If the state is a node's, its block is served whole.
    fn fork<'a>(self, executor: &'a Executor, manual: bool, reporter: &Reporter) -> Fork<'a> {
        let hash = self.chain.header().hash();
        let name = format!("fork of {}", self.source);
        let mut fork = Fork::new(name, self.chain, executor, manual);
        let Source::Node(live) = &self.source else { return fork };
        if hash != self.forked {
            return fork;
        }
        // Without them the fork is served too; `chain_getBlock` then reports what is missing.
        match LiveBlock::fetch(live, &hex::encode_prefixed(hash.as_bytes())) {
            Ok(block) => {
                // The genesis block has no parent, and a request for an unknown block is repeated
                // for a while.
                let parent = (block.header.number > 0).then(|| block.fetch_parent(live));
                match parent.transpose() {
                    Ok(Some(parent)) => fork = fork.with_parent(parent),
                    Ok(None) => {}
                    Err(failure) => {
                        reporter.warning(format!("the header of the forked block's parent is not served: {failure}"))
                    }
                }
                fork.with_extrinsics(block.extrinsics)
            }
            Err(failure) => {
                reporter.warning(format!("the forked block's extrinsics are not served: {failure}"));
                fork
            }
        }
    }
}

/// Ends the process when its parent process has ended, so that no server is left behind.
fn end_with_parent() {
    #[cfg(unix)]
    std::thread::spawn(|| {
        let parent = std::os::unix::process::parent_id();
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        std::process::exit(i32::from(worker::Kind::Environment.exit_code()));
    });
}
