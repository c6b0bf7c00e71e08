// SPDX-License-Identifier: Apache-2.0
//! Forks of a chain: the state at a block, and real blocks built on it.
//!
//! The state comes from a file or a node ([`load`]). It becomes a trie whose root is compared with
//! the header's state root ([`Chain`]). An [`Author`] prepares slots, digests and inherents, and
//! [`block::build`] builds and imports each block with the executor that nodes use.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod author;
pub mod block;
pub mod candidate;
pub mod chain;
pub mod executor;
pub mod genesis;
mod header;
pub mod keys;
pub mod layout;
mod live_block;
mod load;
pub mod processor;
mod remote;
pub mod runtime_log;
pub mod sample;
pub mod signatures;
pub mod snapshot;
pub mod state;
pub mod watchdog;

pub use author::{AbridgedHostConfiguration, Author, BlockRequest, Signal};
pub use block::{BuiltBlock, block_weight};
pub use candidate::Candidate;
pub use chain::{Chain, Entries};
pub use executor::{Code, Executor};
pub use header::{Header, HeaderFormat};
pub use layout::Layout;
pub use live_block::LiveBlock;
pub use load::{LoadOptions, LoadedChain, load};
pub use state::Store;
pub use watchdog::CallTimeLimit;
