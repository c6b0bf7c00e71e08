// SPDX-License-Identifier: Apache-2.0
//! `author_*`: submitting extrinsics.

use super::{
    Fork,
    rpc::{Bytes, Error, Methods, Params, Queue, Registered, Subscriber},
    subscriptions::{Format, TransactionStatus},
};
use sp_core::H256;

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("author_pendingExtrinsics", |fork, _| {
        Ok(fork.pool.iter().map(|extrinsic| Bytes(extrinsic.clone())).collect::<Vec<_>>())
    })?;
    methods.method("author_submitExtrinsic", submit)?;
    methods.subscription(
        ["author_submitAndWatchExtrinsic", "author_extrinsicUpdate", "author_unwatchExtrinsic"],
        submit_and_watch,
    )
}

fn submit(fork: &mut Fork<'_>, mut params: Params<'_>) -> Result<H256, Error> {
    let extrinsic: Bytes = params.next()?;
    fork.submit(extrinsic.0)
}

fn submit_and_watch(fork: &mut Fork<'_>, _: Subscriber, mut params: Params<'_>) -> Result<Queue, Error> {
    let extrinsic: Bytes = params.next()?;
    fork.submit(extrinsic.0.clone())?;
    let (notifications, queue) = Format::Author.channel();
    notifications.send(&TransactionStatus::Ready);
    fork.subscriptions.watch(notifications, extrinsic.0);
    Ok(queue)
}
