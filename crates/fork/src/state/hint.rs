// SPDX-License-Identifier: Apache-2.0
//! What a reader is about to do. The trie's code asks for one node after the other; who knows the whole key gets all
//! of them, and the value, in one answer.

#[derive(Clone, Debug, Default)]
pub struct Hint {
    /// The child trie that is read, by its key without the prefix.
    pub child: Option<Vec<u8>>,
    pub purpose: Purpose,
}

#[derive(Clone, Debug, Default)]
pub enum Purpose {
    /// Nothing is known but the node's place.
    #[default]
    Path,
    /// One value is read.
    Key(Vec<u8>),
    /// Keys are gone through in order, from behind this one.
    Iterate { prefix: Vec<u8>, after: Vec<u8> },
}

impl Hint {
    pub fn path(child: Option<&[u8]>) -> Self {
        Self { child: child.map(<[u8]>::to_vec), purpose: Purpose::Path }
    }

    pub fn key(child: Option<&[u8]>, key: &[u8]) -> Self {
        Self { child: child.map(<[u8]>::to_vec), purpose: Purpose::Key(key.to_vec()) }
    }

    pub fn iterate(child: Option<&[u8]>, prefix: &[u8], after: &[u8]) -> Self {
        let purpose = Purpose::Iterate { prefix: prefix.to_vec(), after: after.to_vec() };
        Self { child: child.map(<[u8]>::to_vec), purpose }
    }
}
