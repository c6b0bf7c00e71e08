// SPDX-License-Identifier: Apache-2.0
//! `transaction_v1_*` and `transactionWatch_v1_*`

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Params, Queue, Registered, Subscriber},
    subscriptions::{Format, TransactionStatus},
};
use jsonrpsee::server::ConnectionId;
use std::collections::BTreeMap;

/// Transactions that one connection broadcasts at a time.
const BROADCAST_LIMIT: usize = 16;
/// Those of all connections. Nobody tells of the ones whose connection has ended: the oldest give way.
const ALL_BROADCASTS_LIMIT: usize = 4_096;

pub fn register(methods: &mut Methods) -> Registered {
    methods.connection_method("transaction_v1_broadcast", broadcast)?;
    methods.connection_method("transaction_v1_stop", stop)?;
    methods.subscription(
        ["transactionWatch_v1_submitAndWatch", "transactionWatch_v1_watchEvent", "transactionWatch_v1_unwatch"],
        submit_and_watch,
    )
}

/// The broadcasts that nobody stopped, by their numbers. A transaction is in the pool at once or refused for good, so that
/// there is nothing to do for them.
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
    // Who broadcasts is not told that the transaction is invalid.
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
        None => Err(Error::parameters(format!("parameter 0 (operation): no broadcast has the name {id:?}"))),
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
