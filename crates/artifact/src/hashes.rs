// SPDX-License-Identifier: Apache-2.0
//! The hash functions of chains: BLAKE2b and xxHash, in the lengths that storage keys and calls
//! use.

/// An incremental BLAKE2b hasher with an output of `LENGTH` bytes.
pub struct Blake2b<const LENGTH: usize>(blake2b_simd::State);

impl<const LENGTH: usize> Blake2b<LENGTH> {
    #[allow(clippy::new_without_default, reason = "a hasher has no default value")]
    /// Creates a hasher.
    pub fn new() -> Self {
        Self(blake2b_simd::Params::new().hash_length(LENGTH).to_state())
    }

    /// Adds bytes to the input.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the hash of the input so far.
    pub fn finish(&self) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        out.copy_from_slice(self.0.finalize().as_bytes());
        out
    }
}

fn blake2b<const LENGTH: usize>(bytes: &[u8]) -> [u8; LENGTH] {
    let mut hasher = Blake2b::new();
    hasher.update(bytes);
    hasher.finish()
}

/// Returns the BLAKE2b hash of 32 bytes.
pub fn blake2_256(bytes: &[u8]) -> [u8; 32] {
    blake2b(bytes)
}

/// Returns the BLAKE2b hash of 16 bytes.
pub fn blake2_128(bytes: &[u8]) -> [u8; 16] {
    blake2b(bytes)
}

/// Returns the BLAKE2b hash of 8 bytes. The identifier of a runtime API is this hash of its name.
pub fn blake2_64(bytes: &[u8]) -> [u8; 8] {
    blake2b(bytes)
}

/// Returns the xxHash of 8 bytes.
pub fn twox_64(bytes: &[u8]) -> [u8; 8] {
    twox(bytes, 0)
}

/// Returns the xxHash of 16 bytes. Storage keys begin with this hash of the pallet's and the item's
/// name.
pub fn twox_128(bytes: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    for (seed, half) in out.chunks_mut(8).enumerate() {
        half.copy_from_slice(&twox(bytes, seed as u64));
    }
    out
}

/// Returns the xxHash of 32 bytes.
pub fn twox_256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (seed, part) in out.chunks_mut(8).enumerate() {
        part.copy_from_slice(&twox(bytes, seed as u64));
    }
    out
}

fn twox(bytes: &[u8], seed: u64) -> [u8; 8] {
    use std::hash::Hasher;
    let mut hasher = twox_hash::XxHash64::with_seed(seed);
    hasher.write(bytes);
    hasher.finish().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_agree_with_what_chains_use() {
        // The prefixes of System.Account and the identifier of the Core API, the same on every
        // chain.
        assert_eq!(hex::encode(twox_128(b"System")), "26aa394eea5630e07c48ae0c9558cef7");
        assert_eq!(hex::encode(twox_128(b"Account")), "b99d880ec681799c0cf30e8886371da9");
        assert_eq!(hex::encode(blake2_64(b"Core")), "df6acb689907609b");
        assert_eq!(hex::encode(blake2_256(b"")), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
        assert_eq!(twox_256(b"x")[..16], twox_128(b"x"));
        assert_eq!(twox_128(b"x")[..8], twox_64(b"x"));
    }
}
