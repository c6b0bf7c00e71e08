// SPDX-License-Identifier: Apache-2.0
//! `state_*` and `childstate_*`: reading the state and its child tries, and calling the runtime.

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Notifications, Params, Queue, Registered, Subscriber, at},
};
use codec::Decode;
use fork::Chain;
use serde::Serialize;
use sp_core::{H256, storage::well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX};
use sp_state_machine::{Backend, IterArgs};
use sp_storage::ChildInfo;
use sp_version::RuntimeVersion;

/// The maximum number of keys in one page, the limit of nodes.
const PAGE_LIMIT: u32 = 1_000;

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("childstate_getKeysPaged", child_keys_paged)?;
    methods.method("childstate_getStorage", |fork, params| Ok(child_storage(fork, params)?.map(Bytes)))?;
    methods.method("childstate_getStorageEntries", child_entries)?;
    methods.method("childstate_getStorageHash", |fork, params| {
        Ok(child_storage(fork, params)?.map(|value| H256(artifact::hashes::blake2_256(&value))))
    })?;
    methods.method("childstate_getStorageSize", |fork, params| {
        Ok(child_storage(fork, params)?.map(|value| value.len()))
    })?;
    methods.method("state_call", state_call)?;
    methods.method("state_getChildReadProof", child_read_proof)?;
    methods.method("state_getKeysPaged", keys_paged)?;
    methods.method("state_getMetadata", metadata)?;
    methods.method("state_getReadProof", read_proof)?;
    methods.method("state_getRuntimeVersion", |fork, mut params| runtime_version(fork, at(&mut params)?))?;
    methods.method("state_getStorage", |fork, params| Ok(storage(fork, params)?.map(Bytes)))?;
    methods.method("state_getStorageHash", |fork, params| {
        Ok(storage(fork, params)?.map(|value| H256(artifact::hashes::blake2_256(&value))))
    })?;
    methods.method("state_getStorageSize", |fork, params| Ok(storage(fork, params)?.map(|value| value.len())))?;
    methods.method("state_queryStorageAt", query)?;
    methods.subscription(
        ["state_subscribeRuntimeVersion", "state_runtimeVersion", "state_unsubscribeRuntimeVersion"],
        subscribe_runtime_version,
    )?;
    methods.subscription(["state_subscribeStorage", "state_storage", "state_unsubscribeStorage"], subscribe_storage)
}

fn storage(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Option<Vec<u8>>, Error> {
    let key: Bytes = params.next()?;
    Ok(fork.chain(at(&mut params)?)?.storage(&key.0)?)
}

fn keys_paged(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Vec<Bytes>, Error> {
    let prefix: Option<Bytes> = params.optional_next()?;
    let count: u32 = params.next()?;
    let start: Option<Bytes> = params.optional_next()?;
    page(fork.chain(at(&mut params)?)?, None, prefix, count, start)
}

/// Reads the next parameter, the key of a child trie with its prefix.
fn child(params: &mut Params<'_>) -> Result<ChildInfo, Error> {
    let key: Bytes = params.next()?;
    key.0.strip_prefix(DEFAULT_CHILD_STORAGE_KEY_PREFIX).map(ChildInfo::new_default).ok_or_else(|| {
        Error::parameters("parameter 0 (child storage key): it must begin with `:child_storage:default:`")
    })
}

fn child_storage(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Option<Vec<u8>>, Error> {
    let child = child(&mut params)?;
    let key: Bytes = params.next()?;
    Ok(fork.chain(at(&mut params)?)?.read(|backend| backend.child_storage(&child, &key.0))?)
}

fn child_keys_paged(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Vec<Bytes>, Error> {
    let child = child(&mut params)?;
    let prefix: Option<Bytes> = params.optional_next()?;
    let count: u32 = params.next()?;
    let start: Option<Bytes> = params.optional_next()?;
    page(fork.chain(at(&mut params)?)?, Some(child), prefix, count, start)
}

fn child_entries(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Vec<Option<Bytes>>, Error> {
    let child = child(&mut params)?;
    let keys: Vec<Bytes> = params.next()?;
    let chain = fork.chain(at(&mut params)?)?;
    let values = chain.read(|backend| {
        keys.iter()
            .map(|key| backend.child_storage(&child, &key.0).map(|value| value.map(Bytes)))
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(values)
}

/// Returns the keys after `start` of the main trie or of a child trie.
fn page(
    chain: &Chain,
    child: Option<ChildInfo>,
    prefix: Option<Bytes>,
    count: u32,
    start: Option<Bytes>,
) -> Result<Vec<Bytes>, Error> {
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
    Ok(keys)
}

/// The values of some keys at a block, the answer of `state_queryStorageAt` and of storage
/// subscriptions.
#[derive(Clone, Serialize)]
pub struct StorageChangeSet {
    /// The hash of the block.
    pub block: H256,
    /// The keys with their values.
    pub changes: Vec<(Bytes, Option<Bytes>)>,
}

/// Reads the values of keys at a block, or at the head.
fn values(fork: &Fork<'_>, keys: Vec<Bytes>, at: Option<H256>) -> Result<StorageChangeSet, Error> {
    let block = at.unwrap_or(fork.head());
    let chain = fork.chain(Some(block))?;
    chain.prefetch(keys.iter().map(|key| key.0.clone()))?;
    let changes = keys
        .into_iter()
        .map(|key| chain.storage(&key.0).map(|value| (key, value.map(Bytes))))
        .collect::<worker::Result<_>>()?;
    Ok(StorageChangeSet { block, changes })
}

fn query(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<[StorageChangeSet; 1], Error> {
    let keys: Vec<Bytes> = params.next()?;
    Ok([values(fork, keys, at(&mut params)?)?])
}

fn subscribe_storage(fork: &mut Fork<'_>, _: Subscriber, mut params: Params<'_>) -> Result<Queue, Error> {
    let keys: Vec<Bytes> = params.next()?;
    let watched = keys.iter().map(|key| key.0.clone()).collect();
    let (notifications, queue) = Notifications::channel();
    notifications.send(&values(fork, keys, None)?);
    fork.subscriptions.storage(notifications, watched);
    Ok(queue)
}

fn subscribe_runtime_version(fork: &mut Fork<'_>, _: Subscriber, _: Params<'_>) -> Result<Queue, Error> {
    let (notifications, queue) = Notifications::channel();
    notifications.send(&runtime_version(fork, None)?);
    fork.subscriptions.runtime_version(notifications);
    Ok(queue)
}

#[derive(Clone, Serialize)]
struct ReadProof {
    at: H256,
    proof: Vec<Bytes>,
}

fn read_proof(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<ReadProof, Error> {
    let keys: Vec<Bytes> = params.next()?;
    prove(fork, None, &keys, at(&mut params)?)
}

fn child_read_proof(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<ReadProof, Error> {
    let child = child(&mut params)?;
    let keys: Vec<Bytes> = params.next()?;
    prove(fork, Some(child), &keys, at(&mut params)?)
}

fn prove(fork: &Fork<'_>, child: Option<ChildInfo>, keys: &[Bytes], at: Option<H256>) -> Result<ReadProof, Error> {
    let at = at.unwrap_or(fork.head());
    let chain = fork.chain(Some(at))?;
    let proof = chain.prove(child.as_ref(), keys.iter().map(|key| &key.0[..]))?;
    Ok(ReadProof { at, proof: proof.into_iter_nodes().map(Bytes).collect() })
}

fn metadata(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Bytes, Error> {
    let answer = fork.call(at(&mut params)?, "Metadata_metadata", &[])?;
    let metadata = Vec::<u8>::decode(&mut &answer[..])
        .map_err(|error| Error::new(-32000, format!("the runtime's metadata cannot be decoded: {error}")))?;
    Ok(Bytes(metadata))
}

/// Returns the runtime's version at a block, or at the head.
pub fn runtime_version(fork: &Fork<'_>, at: Option<H256>) -> Result<RuntimeVersion, Error> {
    let answer = fork.call(at, "Core_version", &[])?;
    RuntimeVersion::decode(&mut &answer[..])
        .map_err(|error| Error::new(-32000, format!("the runtime's version cannot be decoded: {error}")))
}

fn state_call(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Bytes, Error> {
    let method: String = params.next()?;
    let arguments: Bytes = params.next()?;
    fork.call(at(&mut params)?, &method, &arguments.0).map(Bytes)
}
