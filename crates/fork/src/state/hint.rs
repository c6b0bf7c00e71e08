// SPDX-License-Identifier: Apache-2.0
//! Hints about the next read. The trie's code requests one node after the other. With the whole
//! key, all of its nodes and its value can be fetched in one request.

/// What the next read is for.
#[derive(Clone, Debug, Default)]
pub struct Hint {
    /// The key of the child trie that is read, without the prefix.
    pub child: Option<Vec<u8>>,
    /// The kind of the read.
    pub purpose: Purpose,
}

/// A kind of read.
#[derive(Clone, Debug, Default)]
pub enum Purpose {
    /// Only the node's place is known.
    #[default]
    Path,
    /// One value is read.
    Key(Vec<u8>),
    /// Keys are iterated in order, after this one.
    Iterate { prefix: Vec<u8>, after: Vec<u8> },
}

impl Hint {
    /// A hint with the node's place only.
    pub fn path(child: Option<&[u8]>) -> Self {
        Self { child: child.map(<[u8]>::to_vec), purpose: Purpose::Path }
    }

    /// A hint for reading one value.
    pub fn key(child: Option<&[u8]>, key: &[u8]) -> Self {
        Self { child: child.map(<[u8]>::to_vec), purpose: Purpose::Key(key.to_vec()) }
    }

    /// A hint for iterating over keys.
    pub fn iterate(child: Option<&[u8]>, prefix: &[u8], after: &[u8]) -> Self {
        let purpose = Purpose::Iterate { prefix: prefix.to_vec(), after: after.to_vec() };
        Self { child: child.map(<[u8]>::to_vec), purpose }
    }
}
