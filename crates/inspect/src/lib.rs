// SPDX-License-Identifier: Apache-2.0
//! The facts of a runtime as documents: the result of `inspect`, and the digest of a build.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod digest;
mod facts;
pub mod request;

pub use facts::{inspect, metadata_hash_status};
