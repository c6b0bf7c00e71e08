// SPDX-License-Identifier: Apache-2.0
//! Storage keys of every FRAME runtime: twox-128 of the pallet's prefix, then twox-128 of the
//! item's name.

use artifact::hashes::{twox_64, twox_128};

/// The root of the empty trie: blake2-256 of the byte 0.
pub const EMPTY_TRIE_ROOT: [u8; 32] = [
    0x03, 0x17, 0x0a, 0x2e, 0x75, 0x97, 0xb7, 0xb7, 0xe3, 0xd8, 0x4c, 0x05, 0x39, 0x1d, 0x13, 0x9a, 0x62, 0xb1, 0x57,
    0xe7, 0x87, 0x86, 0xd8, 0xc0, 0x82, 0xf2, 0x9d, 0xcf, 0x4c, 0x11, 0x13, 0x14,
];

/// Returns the key of a storage value, or the prefix of a map.
pub fn item(pallet: &str, item: &str) -> Vec<u8> {
    [twox_128(pallet.as_bytes()), twox_128(item.as_bytes())].concat()
}

/// Encodes a block number as in the state. `width` is the size of the chain's block numbers in
/// bytes.
pub fn number(number: u64, width: usize) -> Vec<u8> {
    let mut encoded = number.to_le_bytes().to_vec();
    encoded.truncate(width);
    encoded
}

/// Returns the key of `System.BlockHash` for a block. `width` is the size of the chain's block
/// numbers in bytes.
pub fn block_hash(number: u32, width: usize) -> Vec<u8> {
    let encoded = self::number(number.into(), width);
    [item("System", "BlockHash"), twox_64(&encoded).to_vec(), encoded].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_numbers_of_64_bits_have_other_keys() {
        let (narrow, wide) = (block_hash(7, 4), block_hash(7, 8));
        assert_eq!(narrow[40..], [7, 0, 0, 0]);
        assert_eq!(wide[40..], [7, 0, 0, 0, 0, 0, 0, 0]);
        assert_ne!(narrow[32..40], wide[32..40]);
    }

    #[test]
    fn the_key_of_the_block_number_is_the_known_one() {
        let key = item("System", "Number");
        assert_eq!(hex::encode_prefixed(&key), "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac");
    }

    #[test]
    fn the_empty_trie_root_is_the_hash_of_a_zero_byte() {
        assert_eq!(artifact::hashes::blake2_256(&[0]), EMPTY_TRIE_ROOT);
    }
}
