// SPDX-License-Identifier: Apache-2.0
//! The JSON-RPC client of a chain's nodes.
//!
//! - [`Session`]: sends requests to several nodes of one chain, with failover and retries
//! - [`NodeRuntime`]: the runtime at a block, fetched from a node

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

mod client;
mod runtime;
mod session;
#[cfg(test)]
mod session_tests;

pub use client::invalid_response;
pub use runtime::{NodeRuntime, RpcVersion, block_and_version, properties};
pub use session::{RetryPolicy, RpcBlock, Session, TransportError, with_session};
