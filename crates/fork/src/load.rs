// SPDX-License-Identifier: Apache-2.0
//! Loads a chain from a file or a node.

use crate::{
    chain::Chain,
    keys, remote, snapshot,
    state::{Disk, LazyState, RemoteNode, Store, StoredState, Traffic},
};
use protocol::{Endpoint, Live, Source, StateMode};
use source::ReadSource;
use sp_core::{H256, storage::well_known_keys};
use state::StateFile;
use std::sync::Arc;
use worker::{Failure, Reporter, Result};

/// The size in bytes from which a snapshot is read through the node store instead of memory.
/// Cutover's snapshots are compressed to about fifty bytes an account; an account in memory takes
/// more than a kilobyte.
const LARGE_FILE: u64 = 16 << 20;

/// The options for loading a chain.
#[derive(Clone, Copy, Default)]
pub struct LoadOptions<'a> {
    /// A block of a node: a number, a hash or `finalized`.
    pub at: Option<&'a str>,
    /// How the state is loaded. By default nodes are read lazily, large files through the node
    /// store, and other files whole.
    pub mode: Option<StateMode>,
    /// Whether to accept the state that a node returns even if its root is not the header's.
    pub unverified: bool,
    /// The store that keeps trie nodes between runs.
    pub store: Option<&'a Store>,
}

/// A chain that was loaded, and what is known about its state.
pub struct LoadedChain {
    /// The chain at the loaded block.
    pub chain: Chain,
    /// Whether the state that is read is compared with a state root from a header.
    pub verified: bool,
    /// Whether the block is final. `None` for a file, which does not record it.
    pub finalized: Option<bool>,
    /// How the state was loaded.
    pub mode: StateMode,
    /// The number of entries of the state. `None` for a lazy state, of which only parts are here.
    pub entries: Option<usize>,
    /// The requests and bytes that loading took. A lazy chain counts its later requests itself.
    pub loading: Traffic,
    /// Where the remaining nodes of a lazy state can be fetched from and stored.
    download: Option<StateDownload>,
}

/// The source and the store for fetching a whole lazy state at once.
struct StateDownload {
    nodes: Vec<Endpoint>,
    disk: Arc<Disk>,
}

impl LoadedChain {
    /// Fetches all trie nodes of a lazy state that are still missing.
    ///
    /// Use it before every entry is read: many nodes are fetched at a time instead of one after the
    /// other. If it fails, it reports a warning, and the nodes are fetched when they are read.
    pub fn fetch_all(&mut self, reporter: &Reporter) {
        if !self.chain.is_lazy() {
            return;
        }
        let one_by_one = "the whole state is fetched from the node a proof at a time";
        let Some(download) = &self.download else {
            reporter.warning(format!("{one_by_one}: there is no store of trie nodes"));
            return;
        };
        let from = download.nodes.first().map(Endpoint::to_string).unwrap_or_default();
        reporter.status(format!("downloading the whole state from {from}"));
        match snapshot::fetch_all(&download.nodes, self.chain.header(), &download.disk, reporter) {
            Ok(more) => self.loading = self.loading + more,
            Err(failure) => reporter.warning(format!("{one_by_one}: {failure}")),
        }
    }

    /// Returns the requests and bytes sent and received so far.
    pub fn traffic(&self) -> Traffic {
        self.loading + self.chain.traffic()
    }
}

/// Loads a chain from `source`.
pub fn load(source: &Source, options: LoadOptions<'_>, reporter: &Reporter) -> Result<LoadedChain> {
    match source {
        Source::Node(live) if options.mode != Some(StateMode::Full) && !options.unverified => {
            lazy(live, options, reporter)
        }
        Source::Node(live) => full(live, options, reporter),
        _ if options.mode == Some(StateMode::Lazy) => {
            Err(Failure::usage(format!("{source} is a file: it is read whole")).hint("leave --state-mode out"))
        }
        file => from_file(file, options, reporter),
    }
}

fn lazy(live: &Live, options: LoadOptions<'_>, reporter: &Reporter) -> Result<LoadedChain> {
    let (node, block) = RemoteNode::connect(&live.nodes, options.at.unwrap_or(live.block()))?;
    reporter.status(format!("reading the state of block {} from {live} as needed", block.number));
    let disk = options.store.and_then(|store| store.disk(reporter));
    let download = disk.clone().map(|disk| StateDownload { nodes: live.nodes.clone(), disk });
    let lazy = Arc::new(LazyState::new(Box::new(node), block.state_root.into(), disk));
    let mut chain = Chain::from_lazy(lazy, &block.header)?;
    chain.prefetch(keys_of_every_block())?;
    let code = chain.next_code()?;
    let blob = artifact::Blob::from_deployed(&format!("the runtime of {live}"), code.bytes().to_vec())?;
    let version = artifact::sections::Sections::read(&live.to_string(), &blob)?.version;
    chain.set_state_version(version.map_or(0, |version| version.effective_state_version()));
    let (finalized, loading) = (Some(block.finalized), Traffic::default());
    Ok(LoadedChain { chain, verified: true, finalized, mode: StateMode::Lazy, entries: None, loading, download })
}

/// Returns the keys that every block reads. Keys that a chain does not have cost almost nothing.
fn keys_of_every_block() -> Vec<Vec<u8>> {
    let well_known: [&[u8]; 5] = [
        well_known_keys::CODE,
        well_known_keys::HEAP_PAGES,
        well_known_keys::EXTRINSIC_INDEX,
        well_known_keys::PENDING_CODE,
        well_known_keys::INTRABLOCK_ENTROPY,
    ];
    let system = [
        "Account",
        "AuthorizedUpgrade",
        "BlockHash",
        "BlockWeight",
        "Digest",
        "EventCount",
        "Events",
        "ExecutionPhase",
        "ExtrinsicCount",
        "ExtrinsicData",
        "InherentsApplied",
        "LastRuntimeUpgrade",
        "Number",
        "ParentHash",
        "UpgradedToTripleRefCount",
        "UpgradedToU32RefCount",
    ];
    let items = system.map(|item| ("System", item)).into_iter().chain([
        ("Timestamp", "Now"),
        ("Timestamp", "DidUpdate"),
        ("Aura", "CurrentSlot"),
        ("Babe", "CurrentSlot"),
    ]);
    well_known.into_iter().map(<[u8]>::to_vec).chain(items.map(|(pallet, item)| keys::item(pallet, item))).collect()
}

fn full(live: &Live, options: LoadOptions<'_>, reporter: &Reporter) -> Result<LoadedChain> {
    let mut full = remote::state(live, options.at.unwrap_or(live.block()), reporter)?;
    let claimed = full.state.state_root;
    if options.unverified {
        // The root of the entries is used. Whether it is the header's is reported below.
        full.state.state_root = None;
    } else {
        check_complete(&live.to_string(), &full.state)?;
    }
    let entries = count(&full.state);
    let chain = Chain::from_state(full.state).map_err(|mut failure| {
        failure.message = format!("the node {live} returned a wrong or incomplete state: {}", failure.message);
        failure
    })?;
    let verified = claimed == Some(chain.root().0);
    if !verified {
        reporter.warning(format!("the state from {live} does not have the root of its block's header"));
    }
    let loading = Traffic { requests: full.requests, bytes: full.bytes };
    Ok(LoadedChain {
        chain,
        verified,
        finalized: Some(full.finalized),
        mode: StateMode::Full,
        entries: Some(entries),
        loading,
        download: None,
    })
}

fn from_file(source: &Source, options: LoadOptions<'_>, reporter: &Reporter) -> Result<LoadedChain> {
    let large = match (source, options.mode) {
        (Source::File(path), None) => StateFile::open(path, LARGE_FILE)?,
        _ => None,
    };
    let (chain, entries, verified) = match large {
        Some(file) => {
            let (entries, verified) = (file.entries(), check_file(source, options.at, file.facts())?);
            (from_node_store(source, file, options, reporter)?, entries, verified)
        }
        None => {
            let state = source.state()?;
            let (entries, verified) = (Some(count(&state)), check_file(source, options.at, &state)?);
            (Chain::from_state(state)?, entries, verified)
        }
    };
    let (finalized, loading) = (None, Traffic::default());
    Ok(LoadedChain { chain, verified, finalized, mode: StateMode::Full, entries, loading, download: None })
}

/// Reads a large file through the node store if there is one and the file records its state root.
fn from_node_store(source: &Source, file: StateFile, options: LoadOptions<'_>, reporter: &Reporter) -> Result<Chain> {
    let disk = options.store.and_then(|store| store.disk(reporter));
    let (Some(root), Some(disk)) = (file.facts().state_root, disk) else { return Chain::from_state(source.state()?) };
    let facts = file.facts().clone();
    let stored = StoredState::open(file, source.to_string(), H256(root), disk, reporter)?;
    Chain::from_stored(Arc::new(stored), &facts)
}

/// Checks that a file is of the requested block and complete. Returns whether its state root comes
/// from a header.
fn check_file(source: &Source, at: Option<&str>, state: &state::State) -> Result<bool> {
    if let Some(at) = at {
        check_block(source, state, at)?;
    }
    check_complete(&source.to_string(), state)?;
    Ok(state.header.is_some() && state.state_root.is_some())
}

fn count(state: &state::State) -> usize {
    state.top.len() + state.children.iter().map(|(_, child)| child.len()).sum::<usize>()
}

fn check_complete(source: &str, state: &state::State) -> Result<()> {
    if state.complete() != Some(false) {
        return Ok(());
    }
    let root = state.state_root.map(hex::encode_prefixed).unwrap_or_default();
    Err(Failure::input(format!("{source} contains only a part of the state of its block"))
        .found(format!("a state root {root}"))
        .expected("the one in the block's header")
        .hint("blocks cannot be built on a part of a state: download the whole state"))
}

/// Checks that a file is of the requested block. A file holds one block.
fn check_block(source: &Source, state: &state::State, at: &str) -> Result<()> {
    let Some(block) = state.block else {
        return Err(Failure::usage(format!("{source} does not record its block"))
            .hint("leave --at out: it selects a block of a node"));
    };
    if at == block.number.to_string() || at.eq_ignore_ascii_case(&hex::encode_prefixed(block.hash)) {
        return Ok(());
    }
    Err(Failure::usage(format!("{source} is not of block {at}"))
        .found(format!("block {}, {}", block.number, hex::encode_prefixed(block.hash)))
        .hint("leave --at out, or load the state of that block from a node"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use state::State;
    use std::path::Path;

    /// Writes a snapshot just above the limit, of bytes that do not compress.
    fn snapshot(directory: &Path) -> Source {
        let noise = |seed: u32| {
            let block = |part: u32| artifact::hashes::blake2_256(&[seed.to_le_bytes(), part.to_le_bytes()].concat());
            (0..2048).flat_map(block).collect::<Vec<u8>>()
        };
        let count = LARGE_FILE as u32 / 65_536 + 1;
        let top = (0..count).map(|key| (key.to_be_bytes().to_vec(), noise(key))).collect();
        let mut state = State::of_entries(1, top, Vec::new());
        state.state_root = state.compute_root();
        let path = directory.join("large");
        state.write(&path).expect("written");
        Source::File(path)
    }

    #[test]
    fn a_large_snapshot_is_read_from_the_store_or_from_memory() {
        let directory = tempfile::tempdir().expect("a directory");
        let source = snapshot(directory.path());
        let store = Store::new(Some(&directory.path().join("store")));
        let silent = Reporter::silent();
        let stored =
            load(&source, LoadOptions { store: Some(&store), ..LoadOptions::default() }, &silent).expect("loaded");
        let nodes = std::fs::read_dir(directory.path().join("store/nodes")).expect("the store was made").count();
        assert!(nodes > 0);
        // The store is locked: another run works without it.
        let in_use = Store::new(Some(&directory.path().join("store")));
        for (options, why) in [
            (LoadOptions { store: Some(&in_use), ..LoadOptions::default() }, "another process uses the store"),
            (LoadOptions::default(), "there is no store"),
            (
                LoadOptions { store: Some(&store), mode: Some(StateMode::Full), ..LoadOptions::default() },
                "it was requested",
            ),
        ] {
            let whole = load(&source, options, &silent).expect("loaded");
            assert_eq!(whole.chain.root(), stored.chain.root(), "{why}");
            assert_eq!((whole.entries, whole.mode, whole.verified), (stored.entries, stored.mode, stored.verified));
            assert_eq!(whole.chain.header(), stored.chain.header());
            assert_eq!(whole.chain.entries(&[]).expect("all"), stored.chain.entries(&[]).expect("all"));
        }
        assert_eq!(stored.entries, Some(LARGE_FILE as usize / 65_536 + 1));
        let elsewhere = LoadOptions { at: Some("7"), store: Some(&store), ..LoadOptions::default() };
        assert!(load(&source, elsewhere, &silent).is_err(), "it records no block");
    }

    #[test]
    fn a_small_snapshot_does_not_use_the_store() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("small");
        let mut state = State::of_entries(1, vec![(b"a".to_vec(), vec![1])], Vec::new());
        state.state_root = state.compute_root();
        state.write(&path).expect("written");
        let store = Store::new(Some(&directory.path().join("store")));
        load(&Source::File(path), LoadOptions { store: Some(&store), ..LoadOptions::default() }, &Reporter::silent())
            .expect("loaded");
        assert!(!directory.path().join("store").exists());
    }
}
