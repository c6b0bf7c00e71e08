// SPDX-License-Identifier: Apache-2.0
//! Serves forks over JSON-RPC on loopback, as nodes serve their chains.
//!
//! One thread owns the chains and answers one request after the other. Each chain has a port, and another
//! thread that runs the `jsonrpsee` server for HTTP and WebSocket. Blocks are real: built by the author and
//! imported, with the state root that their changes give. A relay chain can be served with its parachains
//! ([`joint`]): then its runtime decides about their blocks.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod archive;
mod assemble;
mod blocks;
mod chain;
mod chain_head;
mod dev;
mod dev_accounts;
mod http;
mod joint;
mod origins;
mod payment;
mod pin;
mod request;
mod rpc;
mod state;
mod storage_query;
mod subscriptions;
mod system;
#[cfg(test)]
mod tests;
mod transaction;

pub use request::main;

use blocks::Fork;
use http::Listener;
use jsonrpsee::server::RpcModule;
use rpc::{ChainThread, Job, Methods, Registered};
use serde::Serialize;
use std::{
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};
use worker::{Failure, Result};

/// Serves forks, each on its port, until the servers have ended.
fn serve(forks: Vec<(Fork<'_>, Listener)>) -> Result<()> {
    let (jobs, received) = mpsc::channel();
    let mut served = Vec::new();
    for (place, (fork, listener)) in forks.into_iter().enumerate() {
        listener.start(module(ChainThread::new(place, jobs.clone()))?)?;
        served.push(fork);
    }
    drop(jobs);
    run(&mut served, &received);
    Ok(())
}

fn run(forks: &mut [Fork<'_>], received: &mpsc::Receiver<(usize, Job)>) {
    loop {
        let due = forks.iter().map(Fork::due_in).min().unwrap_or(Duration::MAX);
        match received.recv_timeout(due) {
            Ok((place, job)) => {
                if let Some(fork) = forks.get_mut(place) {
                    job(fork);
                }
                // The next attempt may reach the nodes again. A block of one chain reads the states of all.
                forks.iter().for_each(Fork::forget_failure);
                if let Some(fork) = forks.get_mut(place) {
                    fork.build_pending();
                }
                // A block of one chain may be the reason for blocks of others.
                forks.iter_mut().for_each(Fork::catch_up);
                forks.iter().for_each(Fork::forget_failure);
                forks.iter_mut().for_each(Fork::notify_due);
            }
            Err(RecvTimeoutError::Timeout) => forks.iter_mut().for_each(Fork::notify_due),
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
