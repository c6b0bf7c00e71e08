// SPDX-License-Identifier: Apache-2.0
//! `childstate_*`

use super::{
    Fork,
    rpc::{Bytes, Error, Parameters, Reply},
    state,
};
use serde_json::json;
use sp_core::{H256, storage::well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX};
use sp_state_machine::Backend;
use sp_storage::ChildInfo;

pub const METHODS: &[&str] = &[
    "childstate_getKeysPaged",
    "childstate_getStorage",
    "childstate_getStorageEntries",
    "childstate_getStorageHash",
    "childstate_getStorageSize",
];

pub fn call(fork: &mut Fork<'_>, method: &str, parameters: &Parameters) -> Option<Reply> {
    Some(match method {
        "childstate_getKeysPaged" => keys_paged(fork, parameters),
        "childstate_getStorage" => value(fork, parameters).map(|value| json!(value.map(Bytes))),
        "childstate_getStorageSize" => value(fork, parameters).map(|value| json!(value.map(|value| value.len()))),
        "childstate_getStorageHash" => {
            value(fork, parameters).map(|value| json!(value.map(|value| H256(artifact::hashes::blake2_256(&value)))))
        }
        "childstate_getStorageEntries" => entries(fork, parameters),
        _ => return None,
    })
}

/// The child trie that the first parameter names, its prefix included.
pub fn child(parameters: &Parameters) -> Result<ChildInfo, Error> {
    let key: Bytes = parameters.required(0, "child storage key")?;
    key.0
        .strip_prefix(DEFAULT_CHILD_STORAGE_KEY_PREFIX)
        .map(ChildInfo::new_default)
        .ok_or_else(|| Error::parameters("parameter 0 (child storage key): it begins with `:child_storage:default:`"))
}

fn keys_paged(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let child = child(parameters)?;
    let prefix: Option<Bytes> = parameters.optional(1, "prefix")?;
    let count: u32 = parameters.required(2, "count")?;
    let start: Option<Bytes> = parameters.optional(3, "start key")?;
    state::page(fork.chain(parameters.at(4)?)?, Some(child), prefix, count, start)
}

fn value(fork: &Fork<'_>, parameters: &Parameters) -> Result<Option<Vec<u8>>, Error> {
    let child = child(parameters)?;
    let key: Bytes = parameters.required(1, "key")?;
    Ok(fork.chain(parameters.at(2)?)?.read(|backend| backend.child_storage(&child, &key.0))?)
}

fn entries(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let child = child(parameters)?;
    let keys: Vec<Bytes> = parameters.required(1, "keys")?;
    let chain = fork.chain(parameters.at(2)?)?;
    let values = chain.read(|backend| {
        keys.iter()
            .map(|key| backend.child_storage(&child, &key.0).map(|value| value.map(Bytes)))
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(json!(values))
}
