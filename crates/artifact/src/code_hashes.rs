// SPDX-License-Identifier: Apache-2.0
//! The hashes people compare and vote on, all of the deployed bytes.

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
    pub set_code: (u8, u8),
    pub authorize_upgrade: (u8, u8),
    pub from: CallIndicesFrom,
}

/// Without metadata: nearly every chain gives the `System` pallet the first place.
impl Default for SystemCalls {
    fn default() -> Self {
        let from = CallIndicesFrom { set_code: IndicesFrom::Default, authorize_upgrade: IndicesFrom::Default };
        Self { set_code: (0, 2), authorize_upgrade: (0, 9), from }
    }
}

impl SystemCalls {
    /// As the runtime itself has them, as far as it does.
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

/// Every hash of one blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    pub blake2_256: [u8; 32],
    pub sha256: [u8; 32],
    pub ipfs_cid: String,
    /// blake2-256 of the bytes of `system.set_code(code)`.
    pub set_code: [u8; 32],
    /// The bytes of `system.authorize_upgrade(blake2_256)`.
    pub authorize_upgrade_call: Vec<u8>,
}

impl Hashes {
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

/// The hash of `system.set_code(code)`, fed piece by piece: the call is as large as the code.
pub fn set_code_hash(code: &[u8], (pallet, call): (u8, u8)) -> [u8; 32] {
    let mut hasher = Blake2b::<32>::new();
    hasher.update(&[pallet, call]);
    hasher.update(&compact_length(code));
    hasher.update(code);
    hasher.finish()
}

/// The bytes of `system.authorize_upgrade(code_hash)`.
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
    fn the_call_hashed_in_pieces_is_the_call_hashed_whole() {
        for length in [0usize, 1, 63, 64, 16383, 16384, 70000] {
            let code = vec![0xab; length];
            let whole = ([5u8, 2u8], &code).encode();
            assert_eq!(set_code_hash(&code, (5, 2)), blake2_256(&whole), "{length}");
        }
    }

    #[test]
    fn authorizing_names_the_deployed_bytes() {
        let calls = SystemCalls { authorize_upgrade: (7, 9), ..Default::default() };
        let hashes = Hashes::of(b"code", &calls);
        assert_eq!(hashes.authorize_upgrade_call[..2], [7, 9]);
        assert_eq!(hashes.authorize_upgrade_call[2..], blake2_256(b"code"));
        assert_eq!(hashes.set_code, set_code_hash(b"code", (0, 2)));
    }
}
