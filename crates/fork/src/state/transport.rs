// SPDX-License-Identifier: Apache-2.0
//! The interface of a lazy state to a node. Tests use a faulty implementation.

pub use node::TransportError;

/// Requests and received bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The number of requests.
    pub requests: u64,
    /// The size of the answers in bytes.
    pub bytes: u64,
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self { requests: self.requests + more.requests, bytes: self.bytes + more.bytes }
    }
}

/// A node that returns parts of the state of one block. Its answers are not trusted.
pub trait Transport: Send + Sync {
    /// Returns the node's name for error messages: its address without secrets.
    fn name(&self) -> String;

    /// Returns the trie nodes on the paths to some keys, with their values. `child` is a child
    /// trie's key without the prefix.
    fn read_proof(&self, child: Option<&[u8]>, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, TransportError>;

    /// Returns the next keys after `after` with a prefix.
    fn keys_after(
        &self,
        child: Option<&[u8]>,
        prefix: &[u8],
        after: &[u8],
        count: u32,
    ) -> Result<Vec<Vec<u8>>, TransportError>;

    /// Returns the requests so far, and the size of their answers.
    fn traffic(&self) -> Traffic;
}
