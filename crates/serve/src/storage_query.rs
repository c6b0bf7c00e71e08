// SPDX-License-Identifier: Apache-2.0
//! Reads storage for `chainHead_v1_storage` and `archive_v1_storage`, page by page.

use super::rpc::Bytes;
use fork::Chain;
use serde::{Deserialize, Serialize};
use sp_core::H256;
use sp_state_machine::{Backend, IterArgs};
use sp_storage::ChildInfo;
use sp_trie::MerkleValue;
use std::collections::VecDeque;
use worker::Result;

/// The maximum number of entries in one page.
const PAGE_ENTRIES: usize = 1_000;
/// The size in bytes of keys and values at which a page ends, if it has at least `LEAST_ENTRIES`.
/// `chainHead_v1_storage` may be interrupted while it iterates, but not while it reads single
/// values.
const PAGE_BYTES: usize = 1 << 20;
const LEAST_ENTRIES: usize = 16;

/// A query of one key or of the keys below it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageQuery {
    key: Bytes,
    r#type: StorageQueryType,
    /// The key after which an iteration continues.
    #[serde(default)]
    pagination_start_key: Option<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StorageQueryType {
    Value,
    Hash,
    ClosestDescendantMerkleValue,
    DescendantsValues,
    DescendantsHashes,
}

/// A result of a query.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageItem {
    key: Bytes,
    #[serde(flatten)]
    result: StorageResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    child_trie_key: Option<Bytes>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum StorageResult {
    Value(Bytes),
    Hash(H256),
    ClosestDescendantMerkleValue(Bytes),
}

/// Runs queries page by page.
pub struct StorageReader {
    queries: VecDeque<StorageQuery>,
    child: Option<ChildInfo>,
    /// Whether items contain their child trie, as for `archive_v1_storage`.
    names_child: bool,
}

/// A page of results.
pub struct Page {
    /// The items in the order of the queries.
    pub items: Vec<StorageItem>,
    /// Whether no page follows.
    pub is_last: bool,
}

impl StorageReader {
    /// Creates a reader of the main trie or of a child trie.
    pub fn new(queries: Vec<StorageQuery>, child: Option<Bytes>, names_child: bool) -> Self {
        let child = child.map(|name| ChildInfo::new_default(&name.0));
        Self { queries: queries.into(), child, names_child }
    }

    /// Returns the next items. Only the last page may be empty.
    pub fn page(&mut self, chain: &Chain) -> Result<Page> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        let is_full = |items: &[StorageItem], bytes| {
            items.len() >= PAGE_ENTRIES || (bytes >= PAGE_BYTES && items.len() >= LEAST_ENTRIES)
        };
        while let Some(query) = self.queries.front_mut() {
            if is_full(&items, bytes) {
                return Ok(Page { items, is_last: false });
            }
            let child = self.child.as_ref();
            let key = &query.key.0;
            let found = match query.r#type {
                StorageQueryType::Value => value(chain, child, key)?.map(|value| StorageResult::Value(Bytes(value))),
                StorageQueryType::Hash => value(chain, child, key)?.map(|value| hashed(&value)),
                StorageQueryType::ClosestDescendantMerkleValue => merkle_value(chain, child, key)?,
                StorageQueryType::DescendantsValues | StorageQueryType::DescendantsHashes => {
                    let mut arguments = IterArgs::default();
                    arguments.prefix = Some(key);
                    arguments.start_at =
                        query.pagination_start_key.as_ref().map(|key| key.0.as_slice()).filter(|key| !key.is_empty());
                    arguments.start_at_exclusive = true;
                    arguments.child_info = self.child.clone();
                    let name = self.child.as_ref().filter(|_| self.names_child).map(child_name);
                    let is_hash = query.r#type == StorageQueryType::DescendantsHashes;
                    let mut ended = true;
                    chain.read(|backend| {
                        for entry in backend.pairs(arguments)? {
                            let (key, value) = entry?;
                            bytes += key.len() + if is_hash { 32 } else { value.len() };
                            let result = if is_hash { hashed(&value) } else { StorageResult::Value(Bytes(value)) };
                            items.push(StorageItem { key: Bytes(key), result, child_trie_key: name.clone() });
                            if is_full(&items, bytes) {
                                ended = false;
                                break;
                            }
                        }
                        Ok::<_, <fork::state::StateBackend as Backend<_>>::Error>(())
                    })?;
                    if !ended {
                        query.pagination_start_key = items.last().map(|item| item.key.clone());
                        return Ok(Page { items, is_last: false });
                    }
                    None
                }
            };
            if let Some(result) = found {
                bytes += key.len() + result.len();
                let child_trie_key = self.child.as_ref().filter(|_| self.names_child).map(child_name);
                items.push(StorageItem { key: query.key.clone(), result, child_trie_key });
            }
            self.queries.pop_front();
        }
        Ok(Page { items, is_last: true })
    }
}

impl StorageResult {
    fn len(&self) -> usize {
        match self {
            Self::Value(bytes) | Self::ClosestDescendantMerkleValue(bytes) => bytes.0.len(),
            Self::Hash(hash) => hash.0.len(),
        }
    }
}

fn child_name(child: &ChildInfo) -> Bytes {
    Bytes(child.storage_key().to_vec())
}

fn hashed(value: &[u8]) -> StorageResult {
    StorageResult::Hash(H256(artifact::hashes::blake2_256(value)))
}

fn value(chain: &Chain, child: Option<&ChildInfo>, key: &[u8]) -> Result<Option<Vec<u8>>> {
    chain.read(|backend| match child {
        None => backend.storage(key),
        Some(child) => backend.child_storage(child, key),
    })
}

fn merkle_value(chain: &Chain, child: Option<&ChildInfo>, key: &[u8]) -> Result<Option<StorageResult>> {
    let found = chain.read(|backend| match child {
        None => backend.closest_merkle_value(key),
        Some(child) => backend.child_closest_merkle_value(child, key),
    })?;
    Ok(found.map(|found| {
        StorageResult::ClosestDescendantMerkleValue(Bytes(match found {
            MerkleValue::Node(node) => node,
            MerkleValue::Hash(hash) => hash.0.to_vec(),
        }))
    }))
}
