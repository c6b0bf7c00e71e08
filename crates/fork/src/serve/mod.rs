// SPDX-License-Identifier: Apache-2.0
//! A fork served over JSON-RPC on loopback, as a node would serve its chain.
//!
//! One thread has the chain and answers one message after the other; another speaks HTTP and WebSocket. Blocks are
//! real: built by the author, imported, with the state root that their changes lead to.
//!
//! It stands on hyper and soketto, of which jsonrpsee's own server is made: that server's features would change those
//! of half the executor's dependencies, which would then be compiled twice.

mod author;
mod chain;
mod child_state;
mod dev;
mod fork;
mod http;
mod origins;
mod payment;
mod rpc;
mod state;
mod subscriptions;
mod system;
#[cfg(test)]
mod tests;

pub use fork::Fork;
pub use http::Listener;

use std::sync::mpsc::{self, RecvTimeoutError};
use worker::Result;

/// What the speaking side hands to the one that knows the chain.
pub(crate) enum Job {
    /// A message of a client: a call, a notification or a batch.
    Message { text: String, from: rpc::Client },
    /// A client that went away, and its subscriptions with it.
    Closed(u64),
}

/// Answers until nobody can ask any more.
pub fn serve(mut fork: Fork<'_>, listener: Listener) -> Result<()> {
    let (jobs, asked) = mpsc::channel();
    listener.start(jobs)?;
    loop {
        match asked.recv_timeout(fork.subscriptions.due_in()) {
            Ok(Job::Message { text, from }) => {
                rpc::answer(&mut fork, &text, &from);
                fork.settle();
            }
            Ok(Job::Closed(client)) => fork.subscriptions.forget(client),
            Err(RecvTimeoutError::Timeout) => fork.subscriptions.flush(),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
