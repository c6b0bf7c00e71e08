// SPDX-License-Identifier: Apache-2.0
//! Creates upgrade proposals: the calls that upgrade a chain, for its kind of governance.
//!
//! - [`Target`]: a chain, as its metadata describes it. Indices and types are never hard-coded.
//! - [`Value`]: a decoded call. [`encode`] and [`decode`] convert it to and from bytes. They share
//!   nothing but the metadata, and [`verified`] fails on a call for which they differ.
//! - [`protocol::proposal::Route`], [`Chains`]: the route through governance, and what it requires.
//! - [`upgrade`]: creates the proposal; [`network`]: one proposal for several chains; [`files`] writes
//!   it; [`request`] handles the worker's requests.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod calls;
pub mod decode;
pub mod encode;
pub mod files;
pub mod json;
pub mod metadata;
pub mod network;
pub mod propose;
mod registry;
pub mod request;
pub mod route;
mod value;
pub mod verified;
pub mod xcm;

#[cfg(test)]
mod tests;

/// The hash of calls, preimages and code.
pub use artifact::hashes::blake2_256;
pub use metadata::{Target, Version};
pub use propose::{Options, Release, upgrade};
pub use registry::{Pallet, Types};
pub use route::Chains;
pub use value::{Field, Value, named};
