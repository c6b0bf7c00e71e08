// SPDX-License-Identifier: Apache-2.0
//! A block header, with the fields that link a state to its block.

use artifact::hashes::blake2_256;
use codec::{Compact, Decode, Encode};

/// The largest header in bytes. Real headers have some hundred bytes.
pub const SIZE_LIMIT: usize = 1024 * 1024;

/// A block header without its digest (`sp_runtime::generic::Header`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The hash of the parent block.
    pub parent_hash: [u8; 32],
    /// The block number.
    pub number: u64,
    /// The root of the state after the block.
    pub state_root: [u8; 32],
    /// The root of the trie of the block's extrinsics.
    pub extrinsics_root: [u8; 32],
}

impl Header {
    /// Decodes a header. Returns `None` if the bytes are not exactly one header.
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        if bytes.len() > SIZE_LIMIT {
            return None;
        }
        let input = &mut bytes;
        let header = Self {
            parent_hash: Decode::decode(input).ok()?,
            number: Compact::<u64>::decode(input).ok()?.0,
            state_root: Decode::decode(input).ok()?,
            extrinsics_root: Decode::decode(input).ok()?,
        };
        for _ in 0..Compact::<u32>::decode(input).ok()?.0 {
            match u8::decode(input).ok()? {
                0 => {
                    Vec::<u8>::decode(input).ok()?;
                }
                4..=6 => {
                    <([u8; 4], Vec<u8>)>::decode(input).ok()?;
                }
                8 => {}
                _ => return None,
            }
        }
        bytes.is_empty().then_some(header)
    }

    /// Returns the encoded header of the genesis block with this state root.
    pub fn genesis(state_root: [u8; 32]) -> Vec<u8> {
        // The parent hash is zero, the number is 0, the extrinsics root is that of an empty trie,
        // and the digest is empty.
        let mut bytes = vec![0; 32];
        bytes.push(0);
        bytes.extend(state_root);
        bytes.extend(blake2_256(&[0]));
        bytes.push(0);
        bytes
    }

    /// Returns the block hash: the BLAKE2-256 hash of the encoded header.
    pub fn hash(bytes: &[u8]) -> [u8; 32] {
        blake2_256(bytes)
    }

    /// Encodes the header with a SCALE-encoded digest.
    pub fn encode(&self, digest: &[u8]) -> Vec<u8> {
        let mut bytes = self.parent_hash.to_vec();
        Compact(self.number).encode_to(&mut bytes);
        bytes.extend(self.state_root);
        bytes.extend(self.extrinsics_root);
        bytes.extend(digest);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exactly_one_header_is_decoded() {
        let header = Header { parent_hash: [1; 32], number: 70_000, state_root: [2; 32], extrinsics_root: [3; 32] };
        // A pre-runtime digest, a seal, and `RuntimeEnvironmentUpdated`.
        let mut digest = vec![12, 6];
        digest.extend(b"aura");
        digest.extend(vec![7u8; 8].encode());
        digest.push(5);
        digest.extend(b"aura");
        digest.extend(vec![8u8; 64].encode());
        digest.push(8);
        let bytes = header.encode(&digest);
        assert_eq!(Header::decode(&bytes), Some(header));
        for length in 0..bytes.len() {
            assert_eq!(Header::decode(&bytes[..length]), None, "{length}");
        }
        assert_eq!(Header::decode(&[bytes.as_slice(), &[0]].concat()), None);
        let genesis = Header::decode(&Header::genesis([9; 32])).expect("read");
        assert_eq!((genesis.number, genesis.state_root), (0, [9; 32]));
    }
}
