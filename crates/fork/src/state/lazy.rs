// SPDX-License-Identifier: Apache-2.0
//! A state whose trie nodes are fetched from a node when they are first read.
//!
//! The request is a read proof of a key below the missing trie node. Every part of the answer is
//! stored by its own hash, and only a part with the required hash is used. So the state root proves
//! each byte. A wrong answer can only lack the requested node.

use super::{
    Disk, Prefix, Traffic, Transport, TransportError,
    hint::{Hint, Purpose},
    locked,
    node_cache::NodeCache,
    walk::{End, walk},
};
use crate::{keys, watchdog::ClockPause};
use artifact::hashes::blake2_256;
use sp_core::H256;
use sp_state_machine::DBValue;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use worker::{Failure, Result};

/// The size in bytes of nodes in memory, with and without a disk.
const MEMORY_LIMIT: usize = 64 << 20;
const MEMORY_LIMIT_WITHOUT_DISK: usize = 512 << 20;
/// The size in bytes of new nodes that are written to the disk at once, because each commit waits
/// for it.
const DISK_PORTION: usize = 4 << 20;
/// Keys in one request for a proof.
const BATCH: usize = 256;
/// The number of next keys that an iteration fetches at once, at first and at most.
const FIRST_PAGE: u32 = 16;
const LARGEST_PAGE: u32 = 512;
/// The maximum length of a key in bytes. A longer key from a node is ignored.
const KEY_LIMIT: usize = 4096;
const CHILD_PREFIX: &[u8] = sp_core::storage::well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX;

/// A state that is fetched from a node as it is read.
pub struct LazyState {
    transport: Box<dyn Transport>,
    root: H256,
    memory: Mutex<NodeCache>,
    disk: Mutex<Option<BufferedDisk>>,
    failure: Mutex<Option<Failure>>,
    page_size: Mutex<PageSize>,
    warnings: Mutex<Vec<String>>,
}

struct BufferedDisk {
    disk: Arc<Disk>,
    waiting: HashMap<H256, Vec<u8>>,
    bytes: usize,
}

/// The number of next keys to fetch. It grows while an iteration continues, and shrinks if answers
/// are too large.
struct PageSize {
    child: Option<Vec<u8>>,
    last: Vec<u8>,
    count: u32,
    limit: u32,
}

impl LazyState {
    /// Creates a state with this root. Without a disk, nodes are kept in memory only.
    pub fn new(transport: Box<dyn Transport>, root: H256, disk: Option<Arc<Disk>>) -> Self {
        let limit = if disk.is_some() { MEMORY_LIMIT } else { MEMORY_LIMIT_WITHOUT_DISK };
        Self {
            transport,
            root,
            memory: Mutex::new(NodeCache::new(limit)),
            disk: Mutex::new(disk.map(|disk| BufferedDisk { disk, waiting: HashMap::new(), bytes: 0 })),
            failure: Mutex::default(),
            page_size: Mutex::new(PageSize { child: None, last: Vec::new(), count: FIRST_PAGE, limit: LARGEST_PAGE }),
            warnings: Mutex::default(),
        }
    }

    /// Returns the state root of the block.
    pub fn root(&self) -> H256 {
        self.root
    }

    /// Returns the requests and bytes so far.
    pub fn traffic(&self) -> Traffic {
        self.transport.traffic()
    }

    /// Returns the first failure to fetch a node.
    pub fn failure(&self) -> Option<Failure> {
        locked(&self.failure).clone()
    }

    /// Clears the failure, so that reading can be tried again.
    pub fn forget_failure(&self) {
        *locked(&self.failure) = None;
    }

    /// Returns the warnings since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.warnings))
    }

    /// Returns a node of the trie. After a failure every missing node fails, because no later
    /// result can be right.
    pub(super) fn get(&self, hash: &H256, prefix: Prefix<'_>, hint: &Hint) -> std::result::Result<DBValue, String> {
        if let Some(node) = self.local(hash) {
            return Ok(node);
        }
        if let Some(failure) = self.failure() {
            return Err(failure.to_string());
        }
        // The runtime's clock is paused while the call waits for the node.
        let _pause = ClockPause::begin();
        self.fetch(hash, prefix, hint).map_err(|failure| self.record_failure(failure))
    }

    fn record_failure(&self, failure: Failure) -> String {
        let text = failure.to_string();
        locked(&self.failure).get_or_insert(failure);
        text
    }

    fn local(&self, hash: &H256) -> Option<DBValue> {
        if hash.0 == keys::EMPTY_TRIE_ROOT {
            return Some(vec![0]);
        }
        if let Some(node) = locked(&self.memory).get(hash) {
            return Some(node);
        }
        let node = {
            let disk = locked(&self.disk);
            let buffered = disk.as_ref()?;
            // Nodes waiting for the disk may have left the memory already.
            match buffered.waiting.get(hash) {
                Some(node) => node.clone(),
                None => buffered.disk.get(hash)?,
            }
        };
        locked(&self.memory).insert(*hash, node.clone());
        Some(node)
    }

    /// Fetches the node with this hash, and the nodes that the reader will need next.
    fn fetch(&self, hash: &H256, prefix: Prefix<'_>, hint: &Hint) -> Result<DBValue> {
        let (path, child) = TriePath::new(prefix, hint.child.as_deref());
        match &hint.purpose {
            Purpose::Key(key) if path.leads_to(key) => self.fetch_proof(child, std::slice::from_ref(key))?,
            Purpose::Iterate { prefix, after } => {
                let keys = self.next_keys(child, prefix, after)?;
                self.fetch_proof(child, &keys)?;
            }
            _ => {}
        }
        if let Some(node) = self.local(hash) {
            return Ok(node);
        }
        // The path of any key below the node contains it; this is the lowest one.
        let key = path.lowest_key();
        self.fetch_proof(child, std::slice::from_ref(&key))?;
        self.local(hash).ok_or_else(|| {
            Failure::input(format!("the node {} does not prove its state", self.transport.name()))
                .found(format!(
                    "an answer to {} for the key {} without the trie node {}",
                    method(child),
                    hex::encode_prefixed(&key),
                    hex::encode_prefixed(hash.as_bytes())
                ))
                .expected(format!(
                    "every node on the way from the state root {}",
                    hex::encode_prefixed(self.root.as_bytes())
                ))
                .hint("the node's answer is wrong or its database is damaged: use another node")
        })
    }

    /// Fetches the paths to some keys with few requests. Known nodes are not requested again.
    pub fn prefetch(&self, child: Option<&[u8]>, keys: impl IntoIterator<Item = Vec<u8>>) -> Result<()> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        let root = match child {
            None => self.root,
            Some(name) => match walk(self.root, &[CHILD_PREFIX, name].concat(), |hash| self.local(hash)) {
                End::Known(Some(root)) if root.len() == 32 => H256::from_slice(&root),
                _ => return Ok(()),
            },
        };
        let missing: Vec<_> =
            keys.into_iter().filter(|key| walk(root, key, |hash| self.local(hash)) == End::Missing).collect();
        self.fetch_proof(child, &missing).inspect_err(|failure| {
            self.record_failure(failure.clone());
        })
    }

    fn fetch_proof(&self, child: Option<&[u8]>, keys: &[Vec<u8>]) -> Result<()> {
        let mut parts: Vec<&[Vec<u8>]> = keys.chunks(BATCH).rev().collect();
        while let Some(part) = parts.pop() {
            match self.transport.read_proof(child, part) {
                Ok(nodes) => self.store(nodes),
                // The answer was probably too large.
                Err(TransportError::Refused(_)) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    locked(&self.page_size).limit = (first.len() as u32).max(1);
                    parts.extend([second, first]);
                }
                Err(trouble) => return Err(trouble.into_failure()),
            }
        }
        Ok(())
    }

    fn store(&self, nodes: Vec<Vec<u8>>) {
        let mut new = Vec::new();
        for node in nodes {
            let hash = H256(blake2_256(&node));
            let mut memory = locked(&self.memory);
            if !memory.contains(&hash) {
                memory.insert(hash, node.clone());
                new.push((hash, node));
            }
        }
        let mut disk = locked(&self.disk);
        if let Some(buffered) = disk.as_mut() {
            buffered.bytes += new.iter().map(|(_, node)| node.len()).sum::<usize>();
            buffered.waiting.extend(new);
        }
        if disk.as_ref().is_some_and(|buffered| buffered.bytes > DISK_PORTION) {
            self.flush(&mut disk);
        }
    }

    /// Writes the waiting nodes to the disk. If it fails, the disk is not used any more.
    fn flush(&self, disk: &mut Option<BufferedDisk>) {
        let Some(buffered) = disk.as_mut().filter(|buffered| !buffered.waiting.is_empty()) else { return };
        let nodes = std::mem::take(&mut buffered.waiting);
        buffered.bytes = 0;
        if let Err(why) = buffered.disk.insert(&nodes) {
            locked(&self.warnings).push(format!("trie nodes are kept for this run only: {why}"));
            *disk = None;
        }
    }

    /// Returns the keys that will be read after `after`, according to the node. A wrong key costs
    /// bytes and nothing else.
    fn next_keys(&self, child: Option<&[u8]>, prefix: &[u8], after: &[u8]) -> Result<Vec<Vec<u8>>> {
        let count = locked(&self.page_size).next(child, after);
        let fetch_keys = |prefix: &[u8], after: &[u8], count: u32| {
            let wanted = |key: &Vec<u8>| key.as_slice() > after && key.starts_with(prefix) && key.len() <= KEY_LIMIT;
            match self.transport.keys_after(child, prefix, after, count) {
                Ok(keys) => Ok(keys.into_iter().filter(wanted).take(count as usize).collect()),
                Err(TransportError::Refused(_)) => Ok(Vec::new()),
                Err(TransportError::Failed(failure)) => Err(failure),
            }
        };
        let mut keys: Vec<Vec<u8>> = fetch_keys(prefix, after, count)?;
        let last = keys.last().map_or(after, Vec::as_slice).to_vec();
        if keys.len() < count as usize && !prefix.is_empty() {
            // The end of the prefix is certain only if the next key has another prefix.
            keys.extend(fetch_keys(&[], &last, 1)?);
        }
        locked(&self.page_size).last = last;
        keys.push(after.to_vec());
        Ok(keys)
    }
}

impl Drop for LazyState {
    fn drop(&mut self) {
        let mut disk = locked(&self.disk).take();
        self.flush(&mut disk);
    }
}

impl PageSize {
    fn next(&mut self, child: Option<&[u8]>, after: &[u8]) -> u32 {
        let continues = self.child.as_deref() == child && self.last == after;
        self.count = if continues { self.count.saturating_mul(2) } else { FIRST_PAGE };
        self.count = self.count.min(self.limit).max(1);
        self.child = child.map(<[u8]>::to_vec);
        self.count
    }
}

/// The place of a node in its trie.
struct TriePath<'a> {
    bytes: &'a [u8],
    nibble: Option<u8>,
}

impl<'a> TriePath<'a> {
    /// In a child trie the trie library puts the trie's key before the path. If it is missing, the
    /// node is the root of the child trie.
    fn new<'b>((bytes, nibble): Prefix<'a>, child: Option<&'b [u8]>) -> (Self, Option<&'b [u8]>) {
        let nibble = nibble.map(|nibble| nibble & 0xf0);
        match child.and_then(|child| bytes.strip_prefix(child)) {
            Some(below) => (Self { bytes: below, nibble }, child),
            None => (Self { bytes, nibble }, None),
        }
    }

    fn leads_to(&self, key: &[u8]) -> bool {
        match key.strip_prefix(self.bytes) {
            None => false,
            Some(rest) => self.nibble.is_none_or(|nibble| rest.first().is_some_and(|byte| byte & 0xf0 == nibble)),
        }
    }

    fn lowest_key(&self) -> Vec<u8> {
        self.bytes.iter().copied().chain(self.nibble).collect()
    }
}

pub(super) fn method(child: Option<&[u8]>) -> &'static str {
    match child {
        None => "state_getReadProof",
        Some(_) => "state_getChildReadProof",
    }
}
