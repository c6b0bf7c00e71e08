// SPDX-License-Identifier: Apache-2.0
//! Writes the snapshot format of try-runtime, version 4: every trie node and hashed value under the
//! key of try-runtime's database. This key is the child trie's key, the path to the node and its
//! hash.

use super::{Counts, TrieItem, decode, invalid_child_root, write::missing_node};
use crate::{keys, state::Disk};
use codec::{Compact, Encode};
use files::WholeFile;
use node::RpcBlock;
use sp_core::H256;
use state::trie::{CHILD_PREFIX, Child, Value};
use std::{io::Write, path::Path, sync::Arc};
use worker::{Failure, Result};

const VERSION: u32 = 4;

pub(super) fn write(disk: &Disk, block: &RpcBlock, counts: &Counts, state_version: u8, out: &Path) -> Result<u64> {
    let mut file = WholeFile::create(out)?;
    let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(|error| Failure::io("write", out, &error));
    put(&Compact(VERSION).encode())?;
    put(&[state_version])?;
    put(&Compact(counts.nodes).encode())?;
    let mut stack = vec![TrieItem::root(H256(block.state_root), None, 0.0)];
    while let Some(item) = stack.pop() {
        if item.hash.0 == keys::EMPTY_TRIE_ROOT {
            continue;
        }
        let bytes = disk.get(&item.hash).ok_or_else(|| missing_node(disk, &item.hash))?;
        put(&(place(&item), &bytes, 1i32).encode())?;
        if !item.is_value {
            push_children(&bytes, item.path, item.child, &mut stack)?;
        }
    }
    put(&block.state_root)?;
    put(&block.header)?;
    file.commit()
}

/// Returns the database key of an item. A last single nibble becomes the upper half of a byte.
fn place(item: &TrieItem) -> Vec<u8> {
    let trie = item.child.as_ref().map(|name| name.as_slice()).unwrap_or_default();
    [trie, &item.lowest_key(), item.hash.as_bytes()].concat()
}

/// Pushes the items that a node references by hash.
fn push_children(bytes: &[u8], path: Vec<u8>, child: Option<Arc<Vec<u8>>>, stack: &mut Vec<TrieItem>) -> Result<()> {
    let (path, node) = decode(bytes, path)?;
    for (index, below) in &node.children {
        let path: Vec<u8> = path.iter().copied().chain([*index]).collect();
        match below {
            Child::Inline(bytes) => self::push_children(bytes, path, child.clone(), stack)?,
            Child::Hash(hash) => {
                stack.push(TrieItem { hash: H256(*hash), path, child: child.clone(), is_value: false, weight: 0.0 });
            }
        }
    }
    match node.value {
        None => {}
        Some(Value::Hash(hash)) => stack.push(TrieItem { hash: H256(hash), path, child, is_value: true, weight: 0.0 }),
        Some(Value::Inline(root)) if child.is_none() => {
            let key = super::bytes_of(&path);
            if let Some(name) = key.strip_prefix(CHILD_PREFIX) {
                let root = <[u8; 32]>::try_from(root).map_err(|_| invalid_child_root(&key))?;
                stack.push(TrieItem::root(H256(root), Some(Arc::new(name.to_vec())), 0.0));
            }
        }
        Some(Value::Inline(_)) => {}
    }
    Ok(())
}
