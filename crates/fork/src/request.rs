// SPDX-License-Identifier: Apache-2.0
//! The requests of the worker: serving a fork, and snapshots of live chains and of genesis presets.

use crate::{
    Author, BlockRequest, Chain, Code, Executor, LiveBlock, LoadOptions, Store, executor, genesis, load,
    serve::{self, Fork, Listener},
    snapshot,
};
use codec::Encode;
use protocol::{
    Source,
    fork::{Request, ServeRequest, ServedFork},
    snapshot::{GenesisRequest, GenesisSnapshot, PruneRequest, Pruned, SnapshotRequest},
};
use serde::Serialize;
use serde_json::Value;
use source::ReadSource;
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

/// Serves a fork until the process ends. The event `ready` reports its URL.
fn serve(request: &ServeRequest, reporter: &Reporter) -> Result<()> {
    end_with_parent();
    let executor = Executor::new(request.cache.as_deref());
    // The port is bound first, so that a port in use is reported before the state is read.
    let listener = Listener::bind(request.port, &request.allow_origin)?;
    reporter.status(format!("reading the state of {}", request.state));
    let store = Store::new(request.nodes.as_deref());
    let options =
        LoadOptions { at: request.at.as_deref(), mode: request.state_mode, unverified: false, store: Some(&store) };
    let loaded = load(&request.state, options, reporter)?;
    let mut chain = loaded.chain.clone();
    if let Some(named) = &request.code {
        chain.put_code(&request.state.code(named)?)?;
    }
    let ready = ServedFork {
        url: listener.url(),
        source: request.state.to_string(),
        number: chain.number(),
        block_hash: hex::encode_prefixed(chain.header().hash().as_bytes()),
        state_root: hex::encode_prefixed(chain.root().as_bytes()),
        mode: loaded.mode,
        verified: loaded.verified,
    };
    let hash = chain.header().hash();
    let mut fork = Fork::new(format!("fork of {}", request.state), chain, &executor, request.manual);
    if let Source::Node(live) = &request.state {
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
                fork = fork.with_extrinsics(block.extrinsics);
            }
            Err(failure) => reporter.warning(format!("the forked block's extrinsics are not served: {failure}")),
        }
    }
    reporter.send(Event::Ready { value: value(ready)? });
    serve::serve(fork, listener)
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
