// SPDX-License-Identifier: Apache-2.0
//! Serves a fork over JSON-RPC on loopback, as a node serves its chain.
//!
//! One thread owns the chain and answers one request after the other. Another runs the `jsonrpsee`
//! server for HTTP and WebSocket. Blocks are real: built by the author and imported, with the state
//! root that their changes give.

mod archive;
mod chain;
mod chain_head;
mod dev;
mod fork;
mod http;
mod origins;
mod payment;
mod rpc;
mod state;
mod storage_query;
mod subscriptions;
mod system;
#[cfg(test)]
mod tests;
mod transaction;

pub use fork::Fork;
pub use http::Listener;

use jsonrpsee::server::RpcModule;
use rpc::{ChainThread, Job, Methods, Registered};
use serde::Serialize;
use std::sync::mpsc::{self, RecvTimeoutError};
use worker::{Failure, Result};

/// Serves the fork until the server has ended.
pub fn serve(mut fork: Fork<'_>, listener: Listener) -> Result<()> {
    let (jobs, received) = mpsc::channel();
    listener.start(module(ChainThread::new(jobs))?)?;
    run(&mut fork, &received);
    Ok(())
}

fn run(fork: &mut Fork<'_>, received: &mpsc::Receiver<Job>) {
    loop {
        match received.recv_timeout(fork.due_in()) {
            Ok(job) => {
                job(fork);
                // The next attempt may reach the node again.
                fork.forget_failure();
                fork.build_pending();
            }
            Err(RecvTimeoutError::Timeout) => fork.notify_due(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Returns all methods and subscriptions.
fn module(chain: ChainThread) -> Result<RpcModule<ChainThread>> {
    let mut methods = Methods::new(chain);
    register(&mut methods)
        .map_err(|error| Failure::internal("the methods of a fork cannot be registered").found(error.to_string()))?;
    Ok(methods.into_module())
}

/// The answer of `rpc_methods`.
#[derive(Clone, Serialize)]
struct MethodNames {
    methods: Vec<&'static str>,
}

fn register(methods: &mut Methods) -> Registered {
    archive::register(methods)?;
    chain::register(methods)?;
    chain_head::register(methods)?;
    dev::register(methods)?;
    payment::register(methods)?;
    state::register(methods)?;
    system::register(methods)?;
    transaction::register(methods)?;
    let mut names = methods.names();
    names.push("rpc_methods");
    methods
        .module()
        .register_method("rpc_methods", move |_, _, _| Ok::<_, rpc::Error>(MethodNames { methods: names.clone() }))?;
    Ok(())
}
