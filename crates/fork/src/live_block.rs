// SPDX-License-Identifier: Apache-2.0
//! A block of a live chain. Its hash proves the header, and the header proves the extrinsics.

use crate::{
    header::Header,
    state::{RemoteNode, Traffic, Transport},
};
use codec::{Decode, Encode};
use node::RpcBlock;
use protocol::Live;
use sp_core::H256;
use sp_runtime::{
    DigestItem, OpaqueExtrinsic, StateVersion,
    traits::{BlakeTwo256, Hash as _},
};
use worker::{Failure, Result};

/// More than any block has: busy chains have a few thousand.
const MAX_EXTRINSICS: usize = 100_000;

/// A block of a live chain.
#[derive(Clone, Debug)]
pub struct LiveBlock {
    /// The hash of the sealed header.
    pub hash: H256,
    /// The header with its seal.
    pub header: Header,
    /// All extrinsics, inherents included.
    pub extrinsics: Vec<OpaqueExtrinsic>,
    /// Whether the node reports the block as final.
    pub finalized: bool,
    /// The requests and bytes that fetching the block took.
    pub traffic: Traffic,
}

impl LiveBlock {
    /// Fetches a block from a node by its number, its hash, or as `finalized`.
    pub fn fetch(live: &Live, at: &str) -> Result<Self> {
        let (node, found) = RemoteNode::connect(&live.nodes, at)?;
        let header = decode_header(&found)?;
        let body = node.block()?.ok_or_else(|| {
            Failure::input(format!("{live} has the header of block {} but not its extrinsics", found.number))
                .expected("the whole block from chain_getBlock")
                .hint(
                    "the node drops the bodies of old blocks: use a node with --blocks-pruning archive, or a later block",
                )
        })?;
        let hash = H256(found.hash);
        if body.header.hash() != hash {
            return Err(Failure::input(format!("the node {live} returned another block than requested"))
                .found(format!("chain_getBlock: a header with the hash {:?}", body.header.hash()))
                .expected(format!("{hash:?}")));
        }
        let extrinsics = check_extrinsics(&live.to_string(), &found, &header, body.extrinsics)?;
        Ok(Self { hash, header, extrinsics, finalized: found.finalized, traffic: node.traffic() })
    }

    /// Fetches the header of the parent block by its hash.
    pub fn fetch_parent(&self, live: &Live) -> Result<Header> {
        let (_, found) = RemoteNode::connect(&live.nodes, &hex::encode_prefixed(self.header.parent_hash.as_bytes()))?;
        decode_header(&found)
    }

    /// Returns the header as the runtime executes it. The seal is the author's signature of the
    /// header, so nodes verify it and remove it before execution.
    pub fn unsealed(&self) -> Header {
        unsealed(&self.header)
    }
}

fn decode_header(found: &RpcBlock) -> Result<Header> {
    Header::decode(&mut &found.header[..]).map_err(|error| {
        Failure::input(format!("the header of block {} cannot be decoded", found.number))
            .found(error.to_string())
            .expected("a header with blake2-256 hashes and a block number below 2^32, in 32 or 64 bits")
    })
}

fn unsealed(header: &Header) -> Header {
    let mut header = header.clone();
    while let Some(DigestItem::Seal(..)) = header.digest.logs.last() {
        header.digest.logs.pop();
    }
    header
}

/// Checks the root of the extrinsics and decodes them. Chains with system version 0 and 1 compute
/// the root without hashing long values.
fn check_extrinsics(
    url: &str,
    block: &RpcBlock,
    header: &Header,
    encoded: Vec<Vec<u8>>,
) -> Result<Vec<OpaqueExtrinsic>> {
    let wrong = |found: String| {
        Failure::input(format!("the node {url} returned extrinsics that are not those of block {}", block.number))
            .found(found)
            .expected(format!("the extrinsics root {:?} of its header", header.extrinsics_root))
            .hint("the node's answer is wrong or its database is damaged: use another node")
    };
    if encoded.len() > MAX_EXTRINSICS {
        return Err(wrong(format!("{} extrinsics", encoded.len())));
    }
    let roots = [StateVersion::V1, StateVersion::V0].map(|version| root(encoded.clone(), version));
    if !roots.contains(&header.extrinsics_root) {
        return Err(wrong(format!("{} extrinsics with the root {:?}", encoded.len(), roots[0])));
    }
    encoded
        .iter()
        .enumerate()
        .map(|(index, bytes)| match OpaqueExtrinsic::decode(&mut &bytes[..]) {
            Ok(extrinsic) if extrinsic.encode() == *bytes => Ok(extrinsic),
            _ => Err(Failure::input(format!("extrinsic {index} of block {} cannot be decoded", block.number))
                .found(hex::encode_prefixed(&bytes[..bytes.len().min(32)]))
                .expected("bytes with a length prefix")),
        })
        .collect()
}

/// Returns the root of a block's extrinsics, each encoded with its length.
fn root(encoded: Vec<Vec<u8>>, version: StateVersion) -> H256 {
    BlakeTwo256::ordered_trie_root(encoded, version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_runtime::traits::Header as _;

    fn block(encoded: &[Vec<u8>], version: StateVersion) -> (RpcBlock, Header) {
        let header = Header::new(7, root(encoded.to_vec(), version), H256::zero(), H256::zero(), Default::default());
        let bytes = header.encode();
        let block = RpcBlock {
            number: 7,
            hash: header.hash().0,
            state_root: [0; 32],
            header: bytes,
            finalized: true,
            genesis: None,
            requests: 0,
        };
        (block, header)
    }

    fn extrinsics() -> Vec<Vec<u8>> {
        vec![crate::block::bare_extrinsic(&[1, 2]), crate::block::bare_extrinsic(&[3; 100])]
    }

    #[test]
    fn extrinsics_are_accepted_by_the_root_of_either_layout() {
        for version in [StateVersion::V0, StateVersion::V1] {
            let (block, header) = block(&extrinsics(), version);
            let checked = check_extrinsics("ws://node", &block, &header, extrinsics()).expect("proven");
            assert_eq!(checked.encode()[1..], extrinsics().concat());
        }
    }

    #[test]
    fn extrinsics_of_another_block_are_refused() {
        let (block, header) = block(&extrinsics(), StateVersion::V1);
        let mut altered = extrinsics();
        altered[1][5] ^= 1;
        let swapped = extrinsics().into_iter().rev().collect();
        for other in [altered, swapped, Vec::new(), vec![extrinsics().remove(0)]] {
            let failure = check_extrinsics("ws://node", &block, &header, other).expect_err("refused");
            assert!(failure.message.contains("ws://node") && failure.message.contains("block 7"), "{failure}");
        }
    }

    #[test]
    fn invalid_extrinsics_are_refused_even_if_the_root_matches() {
        let bytes = vec![vec![12, 4, 7, 8], vec![255]];
        let (block, header) = block(&bytes, StateVersion::V1);
        let failure = check_extrinsics("ws://node", &block, &header, bytes).expect_err("none");
        assert!(failure.message.contains("extrinsic 1 of block 7"), "{failure}");
    }

    #[test]
    fn only_the_seal_is_removed() {
        let slot = DigestItem::PreRuntime(*b"aura", vec![1]);
        let log = DigestItem::Consensus(*b"BABE", vec![2]);
        let mut header = block(&[], StateVersion::V1).1;
        header.digest.logs = vec![slot.clone(), log.clone(), DigestItem::Seal(*b"aura", vec![3; 64])];
        assert_eq!(unsealed(&header).digest.logs, [slot, log]);
        let as_it_is = unsealed(&header);
        assert_eq!(unsealed(&as_it_is), as_it_is);
    }
}
