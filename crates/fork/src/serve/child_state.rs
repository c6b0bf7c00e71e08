// SPDX-License-Identifier: Apache-2.0
//! `childstate_*`: reading child tries.

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Params, Registered, at},
    state,
};
use sp_core::{H256, storage::well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX};
use sp_state_machine::Backend;
use sp_storage::ChildInfo;

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("childstate_getKeysPaged", keys_paged)?;
    methods.method("childstate_getStorage", |fork, params| Ok(value(fork, params)?.map(Bytes)))?;
    methods.method("childstate_getStorageEntries", entries)?;
    methods.method("childstate_getStorageHash", |fork, params| {
        Ok(value(fork, params)?.map(|value| H256(artifact::hashes::blake2_256(&value))))
    })?;
    methods.method("childstate_getStorageSize", |fork, params| Ok(value(fork, params)?.map(|value| value.len())))
}

/// Reads the next parameter, the key of a child trie with its prefix.
pub fn child(params: &mut Params<'_>) -> Result<ChildInfo, Error> {
    let key: Bytes = params.next()?;
    key.0.strip_prefix(DEFAULT_CHILD_STORAGE_KEY_PREFIX).map(ChildInfo::new_default).ok_or_else(|| {
        Error::parameters("parameter 0 (child storage key): it must begin with `:child_storage:default:`")
    })
}

fn keys_paged(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Vec<Bytes>, Error> {
    let child = child(&mut params)?;
    let prefix: Option<Bytes> = params.optional_next()?;
    let count: u32 = params.next()?;
    let start: Option<Bytes> = params.optional_next()?;
    state::page(fork.chain(at(&mut params)?)?, Some(child), prefix, count, start)
}

fn value(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Option<Vec<u8>>, Error> {
    let child = child(&mut params)?;
    let key: Bytes = params.next()?;
    Ok(fork.chain(at(&mut params)?)?.read(|backend| backend.child_storage(&child, &key.0))?)
}

fn entries(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Vec<Option<Bytes>>, Error> {
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
