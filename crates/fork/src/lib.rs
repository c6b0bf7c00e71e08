// SPDX-License-Identifier: Apache-2.0
//! A chain's state at a block, and blocks built on it.
//!
//! State comes from a file or a node ([`load`]), becomes a trie whose root is held against the header's ([`Chain`]),
//! and grows by real blocks: an [`Author`] gives them slots, digests and inherents, [`block::build`] builds and imports
//! each with the node's own executor.

pub mod author;
pub mod block;
pub mod candidate;
pub mod chain;
pub mod executor;
pub mod genesis;
pub mod keys;
pub mod layout;
mod live_block;
mod load;
pub mod processor;
mod remote;
mod request;
pub mod runtime_log;
pub mod sample;
pub mod serve;
pub mod signatures;
pub mod snapshot;
pub mod state;
pub mod watchdog;

pub use author::{AbridgedHostConfiguration, Author, BlockRequest, Signal};
pub use block::{BuiltBlock, block_weight};
pub use candidate::Candidate;
pub use chain::{Chain, Entries, Header};
pub use executor::{Code, Executor};
pub use layout::Layout;
pub use live_block::LiveBlock;
pub use load::{LoadOptions, LoadedChain, load};
pub use request::main;
pub use state::Store;
pub use watchdog::CallTimeLimit;
