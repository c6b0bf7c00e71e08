// SPDX-License-Identifier: Apache-2.0
//! The hashes of a blob that people compare and vote on. All are of the deployed bytes.

use crate::{
    cid,
    hashes::{Blake2b, blake2_256},
    metadata::Pallets,
};
use codec::{Compact, Encode};
use protocol::inspect::{CallIndicesFrom, IndicesFrom};
use sha2::{Digest, Sha256};

/// The pallet and call indices of the calls that change a chain's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemCalls {
    /// The indices of `system.set_code`.
    pub set_code: (u8, u8),
    /// The indices of `system.authorize_upgrade`.
    pub authorize_upgrade: (u8, u8),
    /// Where the indices come from.
    pub from: CallIndicesFrom,
}

/// The indices without metadata: on nearly every chain, `System` is the pallet with the index 0.
impl Default for SystemCalls {
    fn default() -> Self {
        let from = CallIndicesFrom { set_code: IndicesFrom::Default, authorize_upgrade: IndicesFrom::Default };
        Self { set_code: (0, 2), authorize_upgrade: (0, 9), from }
    }
}

impl SystemCalls {
    /// Returns the indices in the runtime's metadata, with the defaults for calls that it does not
    /// have.
    pub fn of(pallets: &Pallets) -> Self {
        let usual = Self::default();
        let system = pallets.get("System").and_then(|pallet| pallet.index);
        let find = |call: &str, (pallet, index): (u8, u8)| match pallets.call("System", call) {
            Some(indices) => (indices, IndicesFrom::Metadata),
            None => ((system.unwrap_or(pallet), index), IndicesFrom::Missing),
        };
        let (set_code, set_code_from) = find("set_code", usual.set_code);
        let (authorize_upgrade, authorize_from) = find("authorize_upgrade", usual.authorize_upgrade);
        let from = CallIndicesFrom { set_code: set_code_from, authorize_upgrade: authorize_from };
        Self { set_code, authorize_upgrade, from }
    }
}

/// The hashes of one blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// The BLAKE2-256 hash, which is the code hash on chain.
    pub blake2_256: [u8; 32],
    /// The SHA-256 hash.
    pub sha256: [u8; 32],
    /// The IPFS content identifier, version 0.
    pub ipfs_cid: String,
    /// The BLAKE2-256 hash of the encoded call `system.set_code(code)`.
    pub set_code: [u8; 32],
    /// The encoded call `system.authorize_upgrade(blake2_256)`.
    pub authorize_upgrade_call: Vec<u8>,
}

impl Hashes {
    /// Computes the hashes of a blob.
    pub fn of(deployed: &[u8], calls: &SystemCalls) -> Self {
        let code_hash = blake2_256(deployed);
        Self {
            blake2_256: code_hash,
            sha256: Sha256::digest(deployed).into(),
            ipfs_cid: cid::cid_v0(deployed),
            set_code: set_code_hash(deployed, calls.set_code),
            authorize_upgrade_call: authorize_upgrade_call(&code_hash, calls.authorize_upgrade),
        }
    }
}

/// Computes the BLAKE2-256 hash of the call `system.set_code(code)`, without a copy of the code.
pub fn set_code_hash(code: &[u8], (pallet, call): (u8, u8)) -> [u8; 32] {
    let mut hasher = Blake2b::<32>::new();
    hasher.update(&[pallet, call]);
    hasher.update(&compact_length(code));
    hasher.update(code);
    hasher.finish()
}

/// Encodes the call `system.authorize_upgrade(code_hash)`.
pub fn authorize_upgrade_call(code_hash: &[u8; 32], (pallet, call): (u8, u8)) -> Vec<u8> {
    let mut bytes = vec![pallet, call];
    bytes.extend_from_slice(code_hash);
    bytes
}

fn compact_length(code: &[u8]) -> Vec<u8> {
    Compact(code.len() as u64).encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_code_has_the_hash_other_tools_print() {
        let hash = hex::encode(set_code_hash(&[0x01, 0x02, 0x2a], (0, 2)));
        assert!(hash.starts_with("85233004e044626a"), "{hash}");
        assert!(hash.ends_with("48e429"), "{hash}");
    }

    #[test]
    fn the_hash_is_that_of_the_encoded_call() {
        for length in [0usize, 1, 63, 64, 16383, 16384, 70000] {
            let code = vec![0xab; length];
            let whole = ([5u8, 2u8], &code).encode();
            assert_eq!(set_code_hash(&code, (5, 2)), blake2_256(&whole), "{length}");
        }
    }

    #[test]
    fn authorize_upgrade_contains_the_hash_of_the_deployed_bytes() {
        let calls = SystemCalls { authorize_upgrade: (7, 9), ..Default::default() };
        let hashes = Hashes::of(b"code", &calls);
        assert_eq!(hashes.authorize_upgrade_call[..2], [7, 9]);
        assert_eq!(hashes.authorize_upgrade_call[2..], blake2_256(b"code"));
        assert_eq!(hashes.set_code, set_code_hash(b"code", (0, 2)));
    }
}
