// SPDX-License-Identifier: Apache-2.0
//! `state_*`

use super::{
    Fork,
    rpc::{Bytes, Error, Parameters, Reply},
};
use crate::chain::Chain;
use codec::Decode;
use serde_json::{Value, json};
use sp_core::H256;
use sp_state_machine::{Backend, IterArgs};
use sp_storage::ChildInfo;
use sp_trie::recorder::Recorder;

pub const METHODS: &[&str] = &[
    "state_call",
    "state_getChildReadProof",
    "state_getKeysPaged",
    "state_getMetadata",
    "state_getReadProof",
    "state_getRuntimeVersion",
    "state_getStorage",
    "state_getStorageHash",
    "state_getStorageSize",
    "state_queryStorageAt",
];

/// Keys in one page, as nodes limit them.
pub const PAGE_LIMIT: u32 = 1_000;

pub fn call(fork: &mut Fork<'_>, method: &str, parameters: &Parameters) -> Option<Reply> {
    Some(match method {
        "state_getStorage" => storage(fork, parameters).map(|value| json!(value.map(Bytes))),
        "state_getStorageSize" => storage(fork, parameters).map(|value| json!(value.map(|value| value.len()))),
        "state_getStorageHash" => {
            storage(fork, parameters).map(|value| json!(value.map(|value| H256(artifact::hashes::blake2_256(&value)))))
        }
        "state_getKeysPaged" => keys_paged(fork, parameters),
        "state_queryStorageAt" => query(fork, parameters),
        "state_getReadProof" => read_proof(fork, parameters),
        "state_getChildReadProof" => child_read_proof(fork, parameters),
        "state_getMetadata" => metadata(fork, parameters),
        "state_getRuntimeVersion" => parameters.at(0).and_then(|at| runtime_version(fork, at)),
        "state_call" => state_call(fork, parameters),
        _ => return None,
    })
}

fn storage(fork: &Fork<'_>, parameters: &Parameters) -> Result<Option<Vec<u8>>, Error> {
    let key: Bytes = parameters.required(0, "key")?;
    Ok(fork.chain(parameters.at(1)?)?.storage(&key.0)?)
}

fn keys_paged(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let prefix: Option<Bytes> = parameters.optional(0, "prefix")?;
    let count: u32 = parameters.required(1, "count")?;
    let start: Option<Bytes> = parameters.optional(2, "start key")?;
    page(fork.chain(parameters.at(3)?)?, None, prefix, count, start)
}

/// The keys behind one, of the main trie or of a child trie.
pub fn page(chain: &Chain, child: Option<ChildInfo>, prefix: Option<Bytes>, count: u32, start: Option<Bytes>) -> Reply {
    if count > PAGE_LIMIT {
        return Err(Error::new(4002, format!("count exceeds maximum value. value: {count}, max: {PAGE_LIMIT}")));
    }
    let (prefix, start) = (prefix.map(|bytes| bytes.0), start.map(|bytes| bytes.0));
    let keys = chain.read(|backend| {
        let mut arguments = IterArgs::default();
        arguments.prefix = prefix.as_deref();
        arguments.start_at = start.as_deref().filter(|start| !start.is_empty());
        arguments.start_at_exclusive = true;
        arguments.child_info = child;
        backend.keys(arguments)?.take(count as usize).map(|key| key.map(Bytes)).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(json!(keys))
}

fn query(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let keys: Vec<Bytes> = parameters.required(0, "keys")?;
    let at = parameters.at(1)?.unwrap_or(fork.head());
    let chain = fork.chain(Some(at))?;
    chain.prefetch(keys.iter().map(|key| key.0.clone()))?;
    let changes = keys
        .into_iter()
        .map(|key| Ok((chain.storage(&key.0)?.map(Bytes), key)))
        .map(|found| found.map(|(value, key)| (key, value)))
        .collect::<Result<Vec<_>, Error>>()?;
    Ok(json!([{"block": at, "changes": changes}]))
}

fn read_proof(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let keys: Vec<Bytes> = parameters.required(0, "keys")?;
    prove(fork, None, &keys, parameters.at(1)?)
}

fn child_read_proof(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let child = super::child_state::child(parameters)?;
    let keys: Vec<Bytes> = parameters.required(1, "keys")?;
    prove(fork, Some(child), &keys, parameters.at(2)?)
}

fn prove(fork: &Fork<'_>, child: Option<ChildInfo>, keys: &[Bytes], at: Option<H256>) -> Reply {
    let at = at.unwrap_or(fork.head());
    let chain = fork.chain(Some(at))?;
    let recorder = Recorder::default();
    let backend = chain.recording_backend(recorder.clone());
    let read = keys.iter().try_for_each(|key| match &child {
        None => backend.storage(&key.0).map(|_| ()),
        Some(child) => backend.child_storage(child, &key.0).map(|_| ()),
    });
    chain.checked(read.map_err(crate::chain::unreadable))?;
    let proof: Vec<_> = recorder.drain_storage_proof().into_iter_nodes().map(Bytes).collect();
    Ok(json!({"at": at, "proof": proof}))
}

fn metadata(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let answer = fork.call(parameters.at(0)?, "Metadata_metadata", &[])?;
    let metadata = Vec::<u8>::decode(&mut &answer[..])
        .map_err(|error| Error::new(-32000, format!("the runtime's metadata cannot be decoded: {error}")))?;
    Ok(json!(Bytes(metadata)))
}

pub fn runtime_version(fork: &Fork<'_>, at: Option<H256>) -> Reply {
    let answer = fork.call(at, "Core_version", &[])?;
    let version = sp_version::RuntimeVersion::decode(&mut &answer[..])
        .map_err(|error| Error::new(-32000, format!("the runtime's version cannot be decoded: {error}")))?;
    Ok(serde_json::to_value(version).unwrap_or(Value::Null))
}

fn state_call(fork: &Fork<'_>, parameters: &Parameters) -> Reply {
    let method: String = parameters.required(0, "method")?;
    let arguments: Bytes = parameters.required(1, "arguments")?;
    fork.call(parameters.at(2)?, &method, &arguments.0).map(|answer| json!(Bytes(answer)))
}
