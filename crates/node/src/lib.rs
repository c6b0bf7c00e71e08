// SPDX-License-Identifier: Apache-2.0
//! The nodes of a chain, asked over JSON-RPC.
//!
//! - [`Session`]: nodes of one chain, asked one after the other, again after a pause where they refuse for now
//! - [`Node`]: what they say of their chain's runtime at a block

mod client;
mod runtime;
mod session;
#[cfg(test)]
mod session_tests;

pub use client::invalid_response;
pub use runtime::{NodeRuntime, RpcVersion, block_and_version, properties};
pub use session::{RetryPolicy, RpcBlock, Session, TransportError, with_session};
