// SPDX-License-Identifier: Apache-2.0
//! `author_*`, `transaction_v1_*` and `transactionWatch_v1_*`: submitting extrinsics.

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Params, Queue, Registered, Subscriber},
    subscriptions::{Format, TransactionStatus},
};
use jsonrpsee::server::ConnectionId;
use sp_core::H256;
use std::collections::BTreeMap;

/// The maximum number of running broadcasts of one connection.
const BROADCAST_LIMIT: usize = 16;
/// The maximum number of broadcasts of all connections. The end of a connection is not reported, so
/// the oldest broadcasts are removed.
const ALL_BROADCASTS_LIMIT: usize = 4_096;

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("author_pendingExtrinsics", |fork, _| {
        Ok(fork.pool.iter().map(|extrinsic| Bytes(extrinsic.clone())).collect::<Vec<_>>())
    })?;
    methods.method("author_submitExtrinsic", author_submit)?;
    methods.subscription(
        ["author_submitAndWatchExtrinsic", "author_extrinsicUpdate", "author_unwatchExtrinsic"],
        author_submit_and_watch,
    )?;
    methods.connection_method("transaction_v1_broadcast", broadcast)?;
    methods.connection_method("transaction_v1_stop", stop)?;
    methods.subscription(
        ["transactionWatch_v1_submitAndWatch", "transactionWatch_v1_watchEvent", "transactionWatch_v1_unwatch"],
        submit_and_watch,
    )
}

fn author_submit(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<H256, Error> {
    let extrinsic: Bytes = params.next()?;
    fork.submit(extrinsic.0)
}

fn author_submit_and_watch(fork: &mut Fork<'_>, _: Subscriber, mut params: Params<'_>) -> Result<Queue, Error> {
    let extrinsic: Bytes = params.next()?;
    fork.submit(extrinsic.0.clone())?;
    let (notifications, queue) = Format::Author.channel();
    notifications.send(&TransactionStatus::Ready);
    fork.subscriptions.watch(notifications, extrinsic.0);
    Ok(queue)
}

/// The broadcasts that were not stopped, by their ids. A transaction is added to the pool or
/// refused at once, so a broadcast has no other work.
#[derive(Default)]
pub struct Broadcasts {
    active: BTreeMap<u64, ConnectionId>,
    next: u64,
}

fn broadcast(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<Option<String>, Error> {
    let transaction: Bytes = params.next()?;
    let broadcasts = &mut fork.broadcasts;
    if broadcasts.active.values().filter(|other| **other == connection).count() >= BROADCAST_LIMIT {
        return Ok(None);
    }
    while broadcasts.active.len() >= ALL_BROADCASTS_LIMIT {
        broadcasts.active.pop_first();
    }
    broadcasts.next += 1;
    let id = broadcasts.next;
    broadcasts.active.insert(id, connection);
    // Broadcasting does not report that a transaction is invalid.
    let _ = fork.submit(transaction.0);
    Ok(Some(id.to_string()))
}

fn stop(fork: &mut Fork<'_>, connection: ConnectionId, mut params: Params<'_>) -> Result<(), Error> {
    let id: String = params.next()?;
    let own = id.parse().ok().filter(|id| fork.broadcasts.active.get(id) == Some(&connection));
    match own {
        Some(id) => {
            fork.broadcasts.active.remove(&id);
            Ok(())
        }
        None => Err(Error::parameters(format!("parameter 0 (operation): unknown broadcast {id:?}"))),
    }
}

fn submit_and_watch(fork: &mut Fork<'_>, _: Subscriber, mut params: Params<'_>) -> Result<Queue, Error> {
    let transaction: Bytes = params.next()?;
    let (watcher, queue) = Format::TransactionWatch.channel();
    match fork.submit(transaction.0.clone()) {
        Ok(_) => {
            watcher.send(&TransactionStatus::Ready);
            fork.subscriptions.watch(watcher, transaction.0);
        }
        Err(error) => watcher.send(&TransactionStatus::Invalid(error.to_string())),
    }
    Ok(queue)
}
