// SPDX-License-Identifier: Apache-2.0
//! The facts of a runtime blob.
//!
//! This crate does not use the node's crates. Most facts of a runtime (version, hashes, pallets) do
//! not need them, and without them a command answers in a tenth of a second.
//!
//! - [`blob`], [`sections`], [`version`]: facts in the bytes, read without executing the runtime
//! - [`hashes`]: the hash functions that chains use
//! - [`metadata`]: facts that the runtime returns when a bounded interpreter executes it
//! - [`code_hashes`]: the hashes of a blob that people compare and vote on
//! - [`metadata_hash`]: the metadata hash that wallets sign: the one in the blob, and the expected
//!   one
//! - [`pace`]: the durations of slots, epochs and other periods
//! - [`diff_bytes`]: the causes of differences between two builds of one runtime

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod blob;
mod cid;
pub mod code_hashes;
pub mod diff_bytes;
mod execute;
pub mod hashes;
pub mod metadata;
pub mod metadata_hash;
pub mod pace;
pub mod sections;
pub mod version;

pub use blob::Blob;
pub use metadata::{Metadata, Pallets, version_of};
pub use version::Version;
