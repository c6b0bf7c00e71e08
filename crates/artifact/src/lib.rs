// SPDX-License-Identifier: Apache-2.0
//! A runtime blob and chain state at rest.
//!
//! Everything here is read without the node's crates, because most questions about a runtime (which version, which
//! hash, which pallets) need none of them, and a tool that answers in a tenth of a second is asked more often.
//!
//! - [`blob`], [`hashes`], [`sections`]: facts that are in the bytes, read without executing them
//! - [`metadata`]: facts that only the runtime itself can tell, asked in a bounded interpreter
//! - [`metadata_hash`]: the hash of it that wallets sign: the one in the blob, and the one that belongs there
//! - [`state`]: chain specs and snapshots read to plain entries, proven against their root where they carry one
//! - [`source`]: all the places a runtime or a state may come from, given the same way to every command
//! - [`inspect`], [`digest`], [`diff_bytes`]: the documents made of these facts

pub mod blob;
mod cid;
pub mod diff_bytes;
pub mod digest;
mod execute;
pub mod hashes;
pub mod header;
pub mod inspect;
pub mod metadata;
pub mod metadata_hash;
pub mod pace;
pub mod request;
pub mod sections;
pub mod source;
pub mod state;
#[cfg(test)]
mod test_runtime;
pub mod trie;
pub mod version;

pub use blob::Blob;
pub use metadata::{Metadata, Pallets};
pub use source::ReadSource;
pub use state::{State, StateFile};
pub use version::Version;
