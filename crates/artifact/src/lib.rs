// SPDX-License-Identifier: Apache-2.0
//! The facts of a runtime blob.
//!
//! Everything here is read without the node's crates, because most questions about a runtime (which version, which
//! hash, which pallets) need none of them, and a tool that answers in a tenth of a second is asked more often.
//!
//! - [`blob`], [`sections`], [`version`]: facts that are in the bytes, read without executing them
//! - [`hashes`]: the hash functions that chains use
//! - [`metadata`]: facts that only the runtime itself can tell, asked in a bounded interpreter
//! - [`code_hashes`]: the hashes of a blob that people compare and vote on
//! - [`metadata_hash`]: the hash of the metadata that wallets sign: the one in the blob, and the one that belongs there
//! - [`pace`]: how long slots, epochs and the like are
//! - [`diff_bytes`]: why two blobs that should be one differ

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
