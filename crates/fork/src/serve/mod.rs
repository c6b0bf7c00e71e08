// SPDX-License-Identifier: Apache-2.0
//! A fork served over JSON-RPC on loopback, as a node would serve its chain.
//!
//! One thread has the chain and answers one request after the other; another runs `jsonrpsee`'s server, which speaks
//! HTTP and WebSocket. Blocks are real: built by the author, imported, with the state root that their changes lead to.

mod archive;
mod author;
mod chain;
mod chain_head;
mod chain_spec;
mod child_state;
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

/// Answers until nobody can ask any more.
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
                // Another try may find the node again that the state is taken from.
                fork.forget_failure();
                fork.build_pending();
            }
            Err(RecvTimeoutError::Timeout) => fork.notify_due(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Returns every method and subscription there is.
fn module(chain: ChainThread) -> Result<RpcModule<ChainThread>> {
    let mut methods = Methods::new(chain);
    register(&mut methods)
        .map_err(|error| Failure::internal("the methods of a fork cannot be registered").found(error.to_string()))?;
    Ok(methods.into_module())
}

/// What `rpc_methods` answers.
#[derive(Clone, Serialize)]
struct MethodNames {
    methods: Vec<&'static str>,
}

fn register(methods: &mut Methods) -> Registered {
    archive::register(methods)?;
    author::register(methods)?;
    chain::register(methods)?;
    chain_head::register(methods)?;
    chain_spec::register(methods)?;
    child_state::register(methods)?;
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
