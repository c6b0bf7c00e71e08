// SPDX-License-Identifier: Apache-2.0
//! Downloads the whole state of a block from one or several nodes, trie node by trie node.
//!
//! The trie is walked from the header's state root. Nodes in the node store are not requested
//! again, so an interrupted download continues, and a later block costs only what changed. Missing
//! nodes are fetched by read proofs and verified by their hashes. A node that returns wrong data
//! fails to prove its state and is dropped with a warning. Only data in transit is held in memory.
//! At the end the entries are written in the order of their keys.

mod pool;
#[cfg(test)]
mod tests;
mod try_runtime;
mod write;

use crate::{
    header::Header,
    keys,
    state::{Disk, RemoteNode, Traffic, Transport, TransportError},
};
use artifact::hashes::blake2_256;
use node::{RetryPolicy, RpcBlock};
use pool::{Answer, Task, WorkerPool};
use protocol::{
    Endpoint,
    snapshot::{LiveSnapshot, SnapshotFormat},
};
use sp_core::H256;
use sp_runtime::traits::Header as _;
use state::trie::{CHILD_PREFIX, Child, Node, Value};
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use worker::{Failure, Reporter, Result};

/// Connections to each node, so that requests overlap.
const CONNECTIONS: usize = 8;
/// Keys in one request, at first and at least. A node may refuse a large request.
const BATCH: usize = 512;
const SMALLEST_BATCH: usize = 16;
/// The size in bytes of fetched trie nodes that are kept in memory for the walk.
const RECENT_LIMIT: usize = 32 << 20;
/// The maximum length of a key in nibbles. No chain has longer ones.
const MAX_NIBBLES: usize = 2 * 4096;

/// The options for creating a snapshot of a live chain.
pub struct SnapshotOptions<'a> {
    /// Nodes of one chain.
    pub nodes: &'a [Endpoint],
    /// A block: `finalized`, a number or a hash.
    pub at: &'a str,
    /// The directory of the node store.
    pub store: &'a Path,
    /// The file to write.
    pub out: &'a Path,
    /// The format of the file.
    pub format: SnapshotFormat,
}

/// A node or a hashed value of a trie, identified by its place and its hash.
#[derive(Clone, Debug)]
struct TrieItem {
    hash: H256,
    /// The nibbles of the path to it. For a value, the whole key.
    path: Vec<u8>,
    /// The key of the child trie that contains it, without the prefix.
    child: Option<Arc<Vec<u8>>>,
    is_value: bool,
    /// Its share of the trie if every branch divided its parent's share evenly. Used for progress.
    weight: f64,
}

impl TrieItem {
    fn root(hash: H256, child: Option<Arc<Vec<u8>>>, weight: f64) -> Self {
        Self { hash, path: Vec::new(), child, is_value: false, weight }
    }

    /// Returns the lowest key whose path contains it.
    fn lowest_key(&self) -> Vec<u8> {
        bytes_of(&self.path)
    }
}

/// Packs nibbles into bytes. A last single nibble becomes the upper half of a byte.
fn bytes_of(nibbles: &[u8]) -> Vec<u8> {
    nibbles.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

/// Creates a snapshot of a live chain.
pub fn create(options: &SnapshotOptions<'_>, reporter: &Reporter) -> Result<LiveSnapshot> {
    let began = Instant::now();
    let (first, block, mut dropped) = connect(options)?;
    for why in &dropped {
        reporter.warning(why.clone());
    }
    let disk = Disk::open(options.store).map_err(|why| {
        Failure::environment("the store of trie nodes cannot be used")
            .found(why)
            .hint("wait for the other process, or set CUTOVER_NODES to another directory")
    })?;
    reporter.status(format!("downloading the state of block {} from {}", block.number, first.name()));
    let hash = hex::encode_prefixed(block.hash);
    let pool = WorkerPool::start(first, &options.nodes[dropped.len()..], &hash, CONNECTIONS);
    let mut walk = TrieWalk::new(&disk, block.state_root.into());
    walk.run(&pool, reporter)?;
    dropped.extend(pool.dropped());
    let traffic = pool.finish();
    let counts = walk.counts;
    let fetched = walk.fetched;
    reporter.status(format!("writing {}", options.out.display()));
    let written = write::write(&disk, &block, &counts, options.format, options.out)?;
    Ok(LiveSnapshot {
        out: options.out.display().to_string(),
        spec_name: written.spec_name,
        spec_version: written.spec_version,
        number: block.number,
        block_hash: hash,
        state_root: hex::encode_prefixed(block.state_root),
        finalized: block.finalized,
        entries: counts.top,
        child_tries: counts.children.len(),
        child_entries: counts.children.values().sum(),
        fetched,
        requests: traffic.requests,
        bytes: traffic.bytes,
        dropped,
        size: written.size,
        seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    })
}

/// Downloads the whole state of a block into the node store.
pub fn fetch_all(nodes: &[Endpoint], header: &Header, disk: &Disk, reporter: &Reporter) -> Result<Traffic> {
    let hash = hex::encode_prefixed(header.hash().as_bytes());
    // The pool expects a connection to the first node.
    let first = nodes.get(..1).unwrap_or_default();
    let (node, _) = RemoteNode::connect(first, &hash)?;
    let pool = WorkerPool::start(node, nodes, &hash, CONNECTIONS);
    TrieWalk::new(disk, *header.state_root()).run(&pool, reporter)?;
    Ok(pool.finish())
}

/// Connects to the first node that knows the block. Also returns why earlier nodes were dropped.
///
/// With several nodes, one that does not know the block yet is waited for only if no other knows
/// it.
fn connect(options: &SnapshotOptions<'_>) -> Result<(RemoteNode, RpcBlock, Vec<String>)> {
    let patient = RetryPolicy::default();
    let impatient = RetryPolicy { block_timeout: Duration::ZERO, ..patient };
    let rounds = if options.nodes.len() > 1 { vec![impatient, patient] } else { vec![patient] };
    let mut last = None;
    for policy in rounds {
        let mut dropped = Vec::new();
        for node in options.nodes {
            match RemoteNode::connect_with(std::slice::from_ref(node), options.at, policy) {
                Ok((node, block)) => return Ok((node, block, dropped)),
                Err(failure) => {
                    dropped.push(format!("{node}: {}", one_line(&failure)));
                    last = Some(failure);
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| Failure::usage("no node to download the state from was given")))
}

fn one_line(failure: &Failure) -> String {
    match &failure.found {
        Some(found) => format!("{} ({})", failure.message, found.lines().next().unwrap_or_default()),
        None => failure.message.clone(),
    }
}

/// The numbers of entries, which a snapshot contains before the entries.
#[derive(Debug, Default)]
struct Counts {
    /// Entries of the main trie without the roots of child tries, which follow from the child
    /// tries.
    top: usize,
    /// Trie nodes and hashed values.
    nodes: u64,
    children: BTreeMap<Vec<u8>, usize>,
}

struct TrieWalk<'a> {
    disk: &'a Disk,
    recent: HashMap<H256, Vec<u8>>,
    recent_bytes: usize,
    /// The items to visit. The last one comes first, so that items are visited in the order of
    /// their keys.
    stack: Vec<TrieItem>,
    /// The items that are neither in the store nor requested.
    missing: Vec<TrieItem>,
    in_order: bool,
    counts: Counts,
    fetched: u64,
    done: f64,
    /// The number of keys in one request.
    batch: usize,
    /// The recent average of keys below a missing item. It gives the number of items in a request.
    keys_per_item: f64,
}

impl<'a> TrieWalk<'a> {
    fn new(disk: &'a Disk, root: H256) -> Self {
        Self {
            disk,
            recent: HashMap::new(),
            recent_bytes: 0,
            stack: vec![TrieItem::root(root, None, 1.0)],
            missing: Vec::new(),
            in_order: true,
            counts: Counts::default(),
            fetched: 0,
            done: 0.0,
            batch: BATCH,
            keys_per_item: 1.0,
        }
    }

    /// Downloads until every node and every value is in the store.
    fn run(&mut self, pool: &WorkerPool, reporter: &Reporter) -> Result<()> {
        let mut in_flight = 0;
        let mut reported = Instant::now();
        loop {
            let max_in_flight = pool.size() * 2;
            while self.missing.len() < max_in_flight * self.batch {
                let Some(item) = self.stack.pop() else { break };
                self.visit(item)?;
            }
            while in_flight < max_in_flight && !self.missing.is_empty() {
                let task = self.next_task();
                pool.submit(task);
                in_flight += 1;
            }
            if in_flight == 0 {
                return Ok(());
            }
            let answer = pool.answer()?;
            match answer {
                Answer::Disconnected => continue,
                Answer::Done { task, nodes, keys, from } => {
                    in_flight -= 1;
                    self.store(nodes)?;
                    if let Some(item) = task.items.iter().find(|item| self.local(&item.hash).is_none()) {
                        pool.drop_node(&from, &unproven(&from, item));
                    }
                    if let Some(keys) = keys {
                        let now = keys as f64 / task.items.len().max(1) as f64;
                        self.keys_per_item = (self.keys_per_item + now) / 2.0;
                    }
                    self.stack.extend(task.items.into_iter().rev());
                }
                Answer::Refused { task, failure, from } => {
                    in_flight -= 1;
                    if self.batch > SMALLEST_BATCH {
                        self.batch /= 2;
                    } else {
                        pool.drop_node(&from, &failure);
                    }
                    self.stack.extend(task.items.into_iter().rev());
                }
                Answer::Failed { task, failure, from } => {
                    in_flight -= 1;
                    pool.drop_node(&from, &failure);
                    self.stack.extend(task.items.into_iter().rev());
                }
            }
            for warning in pool.warnings() {
                reporter.warning(warning);
            }
            if reported.elapsed().as_millis() > 200 {
                reported = Instant::now();
                let entries = self.counts.top + self.counts.children.values().sum::<usize>();
                let share = (self.done * 10_000.0) as u64;
                reporter.progress(&format!("{entries} entries"), share.min(10_000), Some(10_000), "parts of the trie");
            }
        }
    }

    /// Returns the next missing items in the order of keys, as many as fill a request with their
    /// keys.
    fn next_task(&mut self) -> Task {
        if !self.in_order {
            self.missing.sort_by(|one, other| (&one.child, &one.path).cmp(&(&other.child, &other.path)));
            self.in_order = true;
        }
        // Before the root is known, nothing says how much below it changed.
        let bulk = self.is_mostly_missing() && self.missing.first().is_some_and(|item| !item.path.is_empty());
        let count = match bulk {
            true => (self.batch as f64 / self.keys_per_item.max(1.0)) as usize,
            false => self.batch,
        };
        // Only items of one trie, because a request is for one trie.
        let child = self.missing.first().and_then(|item| item.child.clone());
        let same = self.missing.iter().take(count.max(1)).take_while(|item| item.child == child).count();
        let items: Vec<_> = self.missing.drain(..same.max(1)).collect();
        Task { items, child, keys: self.batch, bulk }
    }

    /// Returns whether most of the visited items were missing. Keys are then requested in pages,
    /// and whole parts of the trie come with one proof. If only a part of the trie changed, only
    /// the missing places are requested.
    fn is_mostly_missing(&self) -> bool {
        let entries = self.counts.top as u64;
        entries == 0 || self.fetched * 4 > entries
    }

    /// Visits what is below an item that is here, or adds the item to the missing ones.
    fn visit(&mut self, item: TrieItem) -> Result<()> {
        if item.hash.0 == keys::EMPTY_TRIE_ROOT {
            self.done += item.weight;
            return Ok(());
        }
        match self.local(&item.hash) {
            None => {
                self.missing.push(item);
                self.in_order = false;
            }
            Some(_) if item.is_value => {
                self.counts.nodes += 1;
                self.done += item.weight;
            }
            Some(bytes) => {
                self.counts.nodes += 1;
                let TrieItem { path, child, weight, .. } = item;
                self.expand(&bytes, path, child, weight)?;
            }
        }
        Ok(())
    }

    fn expand(&mut self, bytes: &[u8], path: Vec<u8>, child: Option<Arc<Vec<u8>>>, weight: f64) -> Result<()> {
        let (path, node) = decode(bytes, path)?;
        let below = node.children.len() + usize::from(matches!(node.value, Some(Value::Hash(_))));
        let weight = weight / below.max(1) as f64;
        if below == 0 {
            self.done += weight;
        }
        // The stack is last in, first out.
        for (index, below) in node.children.iter().rev() {
            let path: Vec<u8> = path.iter().copied().chain([*index]).collect();
            match below {
                Child::Hash(hash) => {
                    let hash = H256(*hash);
                    self.stack.push(TrieItem { hash, path, child: child.clone(), is_value: false, weight });
                }
                Child::Inline(bytes) => self.expand(bytes, path, child.clone(), weight)?,
            }
        }
        match node.value {
            None => {}
            Some(value) => self.visit_value(value, path, child, weight)?,
        }
        Ok(())
    }

    fn visit_value(&mut self, value: Value<'_>, path: Vec<u8>, child: Option<Arc<Vec<u8>>>, weight: f64) -> Result<()> {
        match &child {
            Some(name) => *self.counts.children.entry(name.to_vec()).or_default() += 1,
            None => {
                let key = bytes_of(&path);
                if let (Some(name), Value::Inline(root)) = (key.strip_prefix(CHILD_PREFIX), &value) {
                    let root = <[u8; 32]>::try_from(*root).map_err(|_| invalid_child_root(&key))?;
                    self.counts.children.entry(name.to_vec()).or_default();
                    self.stack.push(TrieItem::root(H256(root), Some(Arc::new(name.to_vec())), 0.0));
                    return Ok(());
                }
                self.counts.top += 1;
            }
        }
        if let Value::Hash(hash) = value {
            self.stack.push(TrieItem { hash: H256(hash), path, child, is_value: true, weight });
        }
        Ok(())
    }

    fn local(&self, hash: &H256) -> Option<Vec<u8>> {
        self.recent.get(hash).cloned().or_else(|| self.disk.get(hash))
    }

    fn store(&mut self, nodes: Vec<Vec<u8>>) -> Result<()> {
        if self.recent_bytes > RECENT_LIMIT {
            self.recent.clear();
            self.recent_bytes = 0;
        }
        let mut new = Vec::with_capacity(nodes.len());
        for node in nodes {
            let hash = H256(blake2_256(&node));
            // Every proof contains the upper nodes again.
            if !self.recent.contains_key(&hash) {
                self.recent_bytes += node.len() + 64;
                self.recent.insert(hash, node);
                new.push(hash);
            }
        }
        self.fetched += new.len() as u64;
        let pairs = new.iter().filter_map(|hash| Some((hash, self.recent.get(hash)?)));
        self.disk.insert(pairs).map_err(|why| Failure::environment("trie nodes cannot be stored").found(why))
    }
}

/// Decodes a node and appends its partial key to the path.
fn decode(bytes: &[u8], mut path: Vec<u8>) -> Result<(Vec<u8>, Node<'_>)> {
    let node = Node::decode(bytes).ok_or_else(|| {
        Failure::input("the chain's state has an invalid trie node")
            .found(hex::encode_prefixed(&bytes[..bytes.len().min(64)]))
            .hint("its hash is correct: the chain uses another trie than the SDK's")
    })?;
    path.extend_from_slice(&node.partial);
    if path.len() > MAX_NIBBLES {
        return Err(Failure::input("the chain's state has a key that is too long")
            .found(format!("more than {} bytes", MAX_NIBBLES / 2))
            .expected("keys of the length that runtimes use"));
    }
    Ok((path, node))
}

fn invalid_child_root(key: &[u8]) -> Failure {
    Failure::input("the chain's state has a child trie whose root is not a hash").found(hex::encode_prefixed(key))
}

fn unproven(url: &Endpoint, item: &TrieItem) -> Failure {
    Failure::input(format!("the node {url} does not prove its state")).found(format!(
        "an answer for the key {} without {}",
        hex::encode_prefixed(item.lowest_key()),
        hex::encode_prefixed(item.hash.as_bytes())
    ))
}

/// Removes all trie nodes from the store and returns the freed bytes.
pub fn prune(store: &Path) -> Result<u64> {
    Disk::remove(store).map_err(|why| Failure::environment("the store of trie nodes cannot be removed").found(why))
}

/// Returns whether a smaller request may succeed, and the failure.
fn split_transport_error(trouble: TransportError) -> (bool, Failure) {
    match trouble {
        TransportError::Refused(failure) => (true, failure),
        TransportError::Failed(failure) => (false, failure),
    }
}
