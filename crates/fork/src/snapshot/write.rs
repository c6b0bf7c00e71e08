// SPDX-License-Identifier: Apache-2.0
//! Writes a snapshot from a complete store, one list of entries after the other, without holding
//! them in memory.

use super::{Counts, TrieItem, bytes_of, decode, invalid_child_root, try_runtime};
use crate::{
    keys,
    state::{Disk, End, walk},
};
use artifact::{Blob, sections::Sections};
use files::WholeFile;
use node::RpcBlock;
use protocol::snapshot::SnapshotFormat;
use sp_core::H256;
use state::{
    Block, CODE, SnapshotFacts, SnapshotWriter,
    trie::{CHILD_PREFIX, Child, Value},
};
use std::path::Path;
use worker::{Failure, Result};

pub(super) struct Written {
    pub spec_name: Option<String>,
    pub spec_version: Option<u32>,
    pub size: u64,
}

pub(super) fn write(
    disk: &Disk,
    block: &RpcBlock,
    counts: &Counts,
    format: SnapshotFormat,
    out: &Path,
) -> Result<Written> {
    let root = H256(block.state_root);
    let node = |hash: &H256| match hash.0 == keys::EMPTY_TRIE_ROOT {
        true => Some(vec![0]),
        false => disk.get(hash),
    };
    let value = |key: &[u8]| match walk(root, key, node) {
        End::Known(value) => Ok(value),
        End::Missing => Err(missing_node(disk, &root)),
    };
    let version = match value(CODE)? {
        None => None,
        Some(code) => {
            Sections::read("the chain's runtime", &Blob::from_deployed("the chain's runtime", code)?)?.version
        }
    };
    let state_version = version.as_ref().map_or(0, |version| version.effective_state_version());
    let named = |size| Written {
        spec_name: version.as_ref().map(|version| version.spec_name.clone()),
        spec_version: version.as_ref().map(|version| version.spec_version),
        size,
    };
    if format == SnapshotFormat::TryRuntime {
        return Ok(named(try_runtime::write(disk, block, counts, state_version, out)?));
    }
    let facts = SnapshotFacts {
        chain: None,
        spec_name: version.as_ref().map(|version| version.spec_name.as_str()),
        spec_version: version.as_ref().map(|version| version.spec_version),
        block: Some(Block { number: block.number, hash: block.hash }),
        header: Some(&block.header),
        state_root: Some(block.state_root),
        state_version,
    };
    let mut writer = SnapshotWriter::begin(WholeFile::create(out)?, &facts)?;
    writer.list(counts.top)?;
    visit_entries(disk, root, &mut |key, value| match key.starts_with(CHILD_PREFIX) {
        true => Ok(()),
        false => writer.entry(key, value),
    })?;
    let children: Vec<_> = counts.children.iter().filter(|(_, count)| **count > 0).collect();
    writer.children(children.len())?;
    for (name, count) in children {
        let key = [CHILD_PREFIX, name].concat();
        let root =
            value(&key)?.and_then(|root| <[u8; 32]>::try_from(root).ok()).ok_or_else(|| invalid_child_root(&key))?;
        writer.child(name)?;
        writer.list(*count)?;
        visit_entries(disk, H256(root), &mut |key, value| writer.entry(key, value))?;
    }
    Ok(named(writer.finish()?.commit()?))
}

/// Receives each key with its value.
type EntryVisitor<'a> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'a;

/// Visits all entries of a trie in the order of their keys.
fn visit_entries(disk: &Disk, root: H256, found: &mut EntryVisitor<'_>) -> Result<()> {
    let mut stack = vec![TrieItem::root(root, None, 0.0)];
    while let Some(item) = stack.pop() {
        if item.hash.0 == keys::EMPTY_TRIE_ROOT {
            continue;
        }
        let bytes = disk.get(&item.hash).ok_or_else(|| missing_node(disk, &item.hash))?;
        expand(disk, &bytes, item.path, &mut stack, found)?;
    }
    Ok(())
}

/// Visits the entries of a node. A value comes before the children, and inline children are visited
/// directly.
fn expand(
    disk: &Disk,
    bytes: &[u8],
    path: Vec<u8>,
    stack: &mut Vec<TrieItem>,
    found: &mut EntryVisitor<'_>,
) -> Result<()> {
    let (path, node) = decode(bytes, path)?;
    if path.len() % 2 == 1 && node.value.is_some() {
        return Err(Failure::input("the chain's state has a key with an odd number of nibbles")
            .found(hex::encode_prefixed(bytes_of(&path))));
    }
    match node.value {
        None => {}
        Some(Value::Inline(value)) => found(&bytes_of(&path), value)?,
        Some(Value::Hash(hash)) => {
            let hash = H256(hash);
            found(&bytes_of(&path), &disk.get(&hash).ok_or_else(|| missing_node(disk, &hash))?)?;
        }
    }
    let below = |index: u8| path.iter().copied().chain([index]).collect::<Vec<u8>>();
    // Children by hash go onto the stack, the last one lowest. An inline child has to wait for
    // those before it.
    let first_hash = node.children.iter().position(|(_, child)| matches!(child, Child::Hash(_)));
    let (now, later) = node.children.split_at(first_hash.unwrap_or(node.children.len()));
    for (index, child) in now {
        if let Child::Inline(bytes) = child {
            expand(disk, bytes, below(*index), stack, found)?;
        }
    }
    let waiting = stack.len();
    for (index, child) in later.iter() {
        let hash = match child {
            Child::Hash(hash) => H256(*hash),
            Child::Inline(bytes) => {
                // Everything before an inline child is visited first.
                drain(disk, stack, waiting, found)?;
                expand(disk, bytes, below(*index), stack, found)?;
                continue;
            }
        };
        stack.insert(waiting, TrieItem { hash, path: below(*index), child: None, is_value: false, weight: 0.0 });
    }
    Ok(())
}

/// Visits the items on the stack above a height.
fn drain(disk: &Disk, stack: &mut Vec<TrieItem>, height: usize, found: &mut EntryVisitor<'_>) -> Result<()> {
    while stack.len() > height {
        let Some(item) = stack.pop() else { break };
        let bytes = disk.get(&item.hash).ok_or_else(|| missing_node(disk, &item.hash))?;
        expand(disk, &bytes, item.path, stack, found)?;
    }
    Ok(())
}

pub(super) fn missing_node(disk: &Disk, hash: &H256) -> Failure {
    Failure::environment("a node is missing from the store of trie nodes")
        .found(disk.open_error().unwrap_or_else(|| hex::encode_prefixed(hash.as_bytes())))
        .hint("run the command again: missing nodes are fetched")
}
