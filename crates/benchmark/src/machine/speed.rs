// SPDX-License-Identifier: Apache-2.0
//! Measures how fast this machine hashes, verifies signatures, copies memory and writes to disk, in
//! MiB/s.
//!
//! The sizes are those of `sc-sysinfo` 51 (`src/sysinfo.rs`): the speed of hashing depends on the
//! size of the input, and the memory has to be larger than the caches.

use sp_core::{Pair, sr25519};
use sp_crypto_hashing::blake2_256 as hash;
use std::{
    fs::File,
    hint::black_box,
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};
use worker::{Failure, Result};

const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// The time that each measurement takes at least.
const MEASURING_TIME: Duration = Duration::from_secs(1);

/// Returns the mean speed of an operation on `bytes` bytes. It runs once to warm up, and then until
/// the measuring time is over.
fn rate(bytes: usize, mut once: impl FnMut() -> Result<()>) -> Result<f64> {
    once()?;
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < MEASURING_TIME || count == 0 {
        once()?;
        count += 1;
    }
    Ok(bytes as f64 * f64::from(count) / began.elapsed().as_secs_f64() / MEBIBYTE)
}

/// Returns the mean speed of an operation that cannot fail.
fn infallible_rate(bytes: usize, mut once: impl FnMut()) -> f64 {
    rate(bytes, || {
        once();
        Ok(())
    })
    .unwrap_or_default()
}

/// Measures the speed of BLAKE2-256.
pub fn blake2_256() -> f64 {
    let buffer = vec![0x66_u8; 32 << 10];
    infallible_rate(buffer.len(), || {
        black_box(hash(black_box(&buffer)));
    })
}

/// Measures the verification of sr25519 signatures. The bytes are those of the messages, 32 each.
/// `None` if the test key cannot be created.
pub fn sr25519_verify() -> Option<f64> {
    const MESSAGES: u32 = 2048;
    let pair = sr25519::Pair::from_string("//Alice", None).ok()?;
    let signed: Vec<_> = (0..MESSAGES)
        .map(|index| {
            let message = hash(&index.to_le_bytes());
            (pair.sign(&message), message)
        })
        .collect();
    let public = pair.public();
    Some(infallible_rate(signed.len() * 32, || {
        for (signature, message) in &signed {
            black_box(sr25519::Pair::verify(black_box(signature), message, &public));
        }
    }))
}

/// Measures the copying of memory.
pub fn memory_copy() -> f64 {
    const SIZE: usize = 64 << 20;
    // Both buffers are written once before, so that the kernel's allocation of pages is not
    // measured.
    let (source, mut target) = (vec![0x66_u8; SIZE], vec![0x77_u8; SIZE]);
    infallible_rate(SIZE, || {
        black_box(&mut target).copy_from_slice(black_box(&source));
    })
}

const FILE_SIZE: usize = 64 << 20;
const BLOCK_SIZE: usize = 4096;

/// Measures sequential writes to a file in this directory.
pub fn disk_sequential_write(directory: &Path) -> Result<f64> {
    let buffer = incompressible(FILE_SIZE);
    let mut file = temporary(directory)?;
    let io = |error: std::io::Error| Failure::io("write a test file in", directory, &error);
    rate(FILE_SIZE, || {
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        file.write_all(&buffer).map_err(io)?;
        file.sync_all().map_err(io)
    })
}

/// Measures random writes to a file in this directory. Only half of each block is written, so that
/// the writes cannot be merged into one large write.
pub fn disk_random_write(directory: &Path) -> Result<f64> {
    let buffer = incompressible(FILE_SIZE);
    let mut file = temporary(directory)?;
    let io = |error: std::io::Error| Failure::io("write a test file in", directory, &error);
    file.write_all(&buffer).and_then(|()| file.sync_all()).map_err(io)?;
    let blocks = FILE_SIZE / BLOCK_SIZE;
    rate(FILE_SIZE / 2, || {
        for index in 0..blocks {
            // An odd step modulo a power of two reaches every block once.
            let at = (index * 7919 % blocks) * BLOCK_SIZE;
            file.seek(SeekFrom::Start(at as u64)).map_err(io)?;
            file.write_all(&buffer[at..at + BLOCK_SIZE / 2]).map_err(io)?;
        }
        file.sync_all().map_err(io)
    })
}

/// Creates a file without a name, which the system removes in any case.
fn temporary(directory: &Path) -> Result<File> {
    tempfile::tempfile_in(directory).map_err(|error| Failure::io("create a test file in", directory, &error))
}

/// Returns bytes that a disk cannot compress (xorshift).
fn incompressible(size: usize) -> Vec<u8> {
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        bytes.extend(word.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incompressible_bytes_are_diverse() {
        let bytes = incompressible(10_000);
        assert_eq!(bytes.len(), 10_000);
        let different: std::collections::BTreeSet<_> = bytes.iter().collect();
        assert!(different.len() > 250);
    }

    #[test]
    fn every_block_is_written_once() {
        let blocks = FILE_SIZE / BLOCK_SIZE;
        let met: std::collections::BTreeSet<_> = (0..blocks).map(|index| index * 7919 % blocks).collect();
        assert_eq!(met.len(), blocks);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let failure = disk_sequential_write(Path::new("/nowhere/at/all")).expect_err("refused");
        assert!(failure.message.contains("/nowhere/at/all"), "{failure}");
    }
}
