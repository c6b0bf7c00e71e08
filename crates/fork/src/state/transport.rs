// SPDX-License-Identifier: Apache-2.0
//! What a lazy state needs of a node. Tests put a liar in its place.

pub use node::TransportError;

/// What went over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub requests: u64,
    pub bytes: u64,
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self { requests: self.requests + more.requests, bytes: self.bytes + more.bytes }
    }
}

/// A node that answers for the state of one block. Nothing it says is believed.
pub trait Transport: Send + Sync {
    /// What errors call it: its address, as it may be shown.
    fn name(&self) -> String;

    /// Trie nodes on the way to some keys and the values under them; `child` is a child trie's key without prefix.
    fn read_proof(&self, child: Option<&[u8]>, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, TransportError>;

    /// The next keys behind one, of those with a prefix.
    fn keys_after(
        &self,
        child: Option<&[u8]>,
        prefix: &[u8],
        after: &[u8],
        count: u32,
    ) -> Result<Vec<Vec<u8>>, TransportError>;

    fn traffic(&self) -> Traffic;
}
