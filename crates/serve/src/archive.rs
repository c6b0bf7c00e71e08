// SPDX-License-Identifier: Apache-2.0
//! `archive_v1_*`: blocks by their hashes, without a subscription to the chain.
//!
//! A fork has the forked block and the blocks built on it. Of earlier blocks it knows only the
//! hashes that the chain's state contains.

use super::{
    Fork,
    rpc::{Bytes, ChainThread, Error, Methods, Params, Registered},
    storage_query::{Page, StorageItem, StorageQuery, StorageReader},
};
use codec::Encode;
use jsonrpsee::server::{PendingSubscriptionSink, SubscriptionSink};
use serde::Serialize;
use sp_core::H256;
use std::sync::Arc;

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("archive_v1_body", body)?;
    methods.method("archive_v1_call", call)?;
    methods.method("archive_v1_finalizedHeight", |fork, _| Ok(fork.chain(None)?.number()))?;
    methods.method("archive_v1_genesisHash", |fork, _| fork.genesis_hash())?;
    methods.method("archive_v1_hashByHeight", hash_by_height)?;
    methods.method("archive_v1_header", header)?;
    methods.module().register_subscription(
        "archive_v1_storage",
        "archive_v1_storageEvent",
        "archive_v1_stopStorage",
        |params, pending, chain, _| async move {
            match parse_storage(params.sequence()) {
                Ok(request) => read_storage(request, pending, chain).await,
                Err(error) => pending.reject(error).await,
            }
        },
    )?;
    Ok(())
}

fn body(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Option<Vec<Bytes>>, Error> {
    let Ok(entry) = fork.entry(Some(params.next()?)) else { return Ok(None) };
    Ok(Some(entry.body()?.iter().map(|extrinsic| Bytes(extrinsic.encode())).collect()))
}

fn header(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Option<Bytes>, Error> {
    Ok(fork.header(Some(params.next()?)).map(|header| Bytes(header.encode())))
}

fn hash_by_height(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Vec<H256>, Error> {
    let height: u64 = params.next()?;
    // The fork has no blocks with numbers above 32 bits.
    let hash = u32::try_from(height).ok().map(|number| fork.hash_of(number)).transpose()?.flatten();
    Ok(hash.into_iter().collect())
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum CallResult {
    Success { success: bool, value: Bytes },
    Failure { success: bool, error: String },
}

fn call(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<Option<CallResult>, Error> {
    let block: H256 = params.next()?;
    let (function, arguments): (String, Bytes) = (params.next()?, params.next()?);
    if fork.entry(Some(block)).is_err() {
        return Ok(None);
    }
    Ok(Some(match fork.call_runtime(block, &function, &arguments.0) {
        Ok(value) => CallResult::Success { success: true, value: Bytes(value) },
        Err(failure) => CallResult::Failure { success: false, error: failure.to_string() },
    }))
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
enum StorageEvent {
    Storage(StorageItem),
    StorageDone,
    StorageError { error: String },
}

struct StorageRequest {
    block: H256,
    reader: StorageReader,
}

fn parse_storage(mut params: Params<'_>) -> Result<StorageRequest, Error> {
    let block: H256 = params.next()?;
    let queries: Vec<StorageQuery> = params.next()?;
    let child: Option<Bytes> = params.optional_next()?;
    Ok(StorageRequest { block, reader: StorageReader::new(queries, child, true) })
}

/// Sends the items page by page. The next page is read after the last one was sent.
async fn read_storage(mut request: StorageRequest, pending: PendingSubscriptionSink, chain: Arc<ChainThread>) {
    let Ok(sink) = pending.accept().await else { return };
    loop {
        let read = chain.run(move |fork| {
            let page = fork.block(request.block).and_then(|entry| request.reader.page(&entry.chain));
            (page, request)
        });
        let (page, rest) = match read.await {
            Ok(read) => read,
            Err(_) => return,
        };
        request = rest;
        let (items, end) = match page {
            Ok(Page { items, is_last }) => (items, is_last.then_some(StorageEvent::StorageDone)),
            Err(failure) => (Vec::new(), Some(StorageEvent::StorageError { error: failure.to_string() })),
        };
        let is_last = end.is_some();
        for event in items.into_iter().map(StorageEvent::Storage).chain(end) {
            if !send(&sink, &event).await {
                return;
            }
        }
        if is_last {
            return;
        }
    }
}

/// Waits until there is room, sends, and returns whether the client is still connected.
async fn send(sink: &SubscriptionSink, event: &StorageEvent) -> bool {
    match serde_json::value::to_raw_value(event) {
        Ok(text) => sink.send(text).await.is_ok(),
        Err(_) => false,
    }
}
