// SPDX-License-Identifier: Apache-2.0
//! Runs the readers of files and responses on thousands of damaged inputs: a bounded run of the
//! fuzz targets in `crates/state/fuzz`. The inputs are the same in every run.

#![allow(clippy::expect_used, reason = "tests")]

mod readers;

use artifact::Blob;
use codec::{Compact, Encode};
use cutover_state::State;
use std::path::Path;

/// The number of damaged inputs for each seed.
const ROUNDS: usize = 1500;

/// A random number generator: xorshift64*.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Applies one to four random changes.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let length = self.below(24).min(bytes.len() - at);
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..at + length)),
                2 => bytes.splice(at..at, std::iter::repeat_n(0xff, length)).for_each(drop),
                3 => {
                    let part = bytes[at..at + length].to_vec();
                    bytes.splice(at..at, part).for_each(drop);
                }
                // A SCALE length prefix: very small, or larger than the input.
                4 => {
                    let large = [0, 1, 63, 64, 1 << 14, 1 << 30, u32::MAX][self.below(7)];
                    let written = Compact(large).encode();
                    let end = (at + written.len()).min(bytes.len());
                    bytes.splice(at..end, written).for_each(drop);
                }
                _ if bytes.is_empty() => bytes.push(self.next() as u8),
                5 => bytes[at] ^= 1 << self.below(8),
                6 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                _ => bytes[at] = self.next() as u8,
            }
        }
    }
}

fn run_damaged(reader: fn(&[u8]), seeds: &[Vec<u8>]) {
    let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
    for seed in seeds {
        reader(seed);
        for _ in 0..ROUNDS {
            let mut bytes = seed.clone();
            rng.damage(&mut bytes);
            reader(&bytes);
        }
    }
    assert!(peak_memory() < 1 << 30, "a damaged file took {} bytes of memory", peak_memory());
}

/// Returns the peak memory of this process in bytes. Under nextest each test has its own process.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) * 1024
}

/// Returns a minimal chain spec: a runtime with a version section, a few values, a child trie.
fn chain_spec() -> Vec<u8> {
    let version = ("tiny", "tiny", 1u32, 1u32, 1u32, Vec::<([u8; 8], u32)>::new(), 1u32, 1u8).encode();
    let mut code = b"\0asm\x01\0\0\0\0".to_vec();
    let section = [&b"\x0fruntime_version"[..], &version].concat();
    code.push(section.len() as u8);
    code.extend(section);
    let top = [("3a636f6465", hex::encode(code)), ("1234", "56".into()), ("123499", "00".into())];
    let top: Vec<_> = top.iter().map(|(key, value)| format!(r#""0x{key}":"0x{value}""#)).collect();
    let children = r#"{"0x6b6579":{"0xaa":"0x01","0xaabb":"0x02"}}"#;
    let raw = format!(r#"{{"top":{{{}}},"childrenDefault":{children}}}"#, top.join(","));
    format!(r#"{{"name":"Tiny","id":"tiny","chainType":"Live","genesis":{{"raw":{raw}}}}}"#).into_bytes()
}

fn tiny() -> State {
    State::from_reader("tiny", chain_spec().as_slice()).expect("a chain spec")
}

/// Returns the decompressed body of a snapshot.
fn body(snapshot: &[u8]) -> Vec<u8> {
    zstd::stream::decode_all(&snapshot[12..snapshot.len() - 32]).expect("a body")
}

/// Returns the recorded state in this repository. It has a realistic size.
fn real() -> State {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtimes/standalone/previous-release.snapshot");
    State::read(&path).expect("the recorded state")
}

/// Returns a snapshot of try-runtime with one leaf.
fn try_runtime() -> Vec<u8> {
    let node = [&[0x46][..], b"key", &b"value".to_vec().encode()].concat();
    let root = artifact::hashes::blake2_256(&node);
    let mut bytes = Compact(4u32).encode();
    bytes.push(1);
    vec![(root.to_vec(), (node, 1i32))].encode_to(&mut bytes);
    bytes.extend(root);
    bytes.extend(cutover_state::header::Header::genesis(root));
    bytes
}

#[test]
fn damaged_chain_specs_and_snapshots() {
    let seeds = [chain_spec(), tiny().to_snapshot().expect("a snapshot"), try_runtime()];
    for seed in &seeds {
        State::from_reader("seed", seed.as_slice()).expect("an undamaged one is read");
    }
    run_damaged(readers::state, &seeds);
}

#[test]
fn damaged_snapshots_with_a_correct_hash() {
    let seed = body(&tiny().to_snapshot().expect("a snapshot"));
    run_damaged(readers::snapshot, &[seed]);
}

#[test]
fn damaged_proofs() {
    // A branch with a value and two children, one of them inline; a leaf; the same node twice.
    let leaf = [&[0x46][..], b"key", &vec![7u8; 40].encode()].concat();
    let hash = artifact::hashes::blake2_256(&leaf);
    let small = [&[0x41, 0x05][..], &b"x".to_vec().encode()].concat();
    let mut branch = vec![0xc0, 0b0000_0110, 0];
    b"here".to_vec().encode_to(&mut branch);
    small.encode_to(&mut branch);
    hash.to_vec().encode_to(&mut branch);
    let framed = |nodes: &[&Vec<u8>]| {
        nodes.iter().flat_map(|node| [&(node.len() as u16).to_le_bytes()[..], node].concat()).collect::<Vec<u8>>()
    };
    let whole = framed(&[&branch, &leaf]);
    let mut nodes = cutover_state::trie::Nodes::default();
    nodes.insert(artifact::hashes::blake2_256(&branch), branch.clone());
    nodes.insert(hash, leaf.clone());
    let entries = nodes.entries("seed", artifact::hashes::blake2_256(&branch));
    assert!(entries.is_err(), "a key has an odd number of nibbles");
    run_damaged(readers::proof, &[whole, framed(&[&leaf]), framed(&[&branch, &branch])]);
}

#[test]
fn damaged_blobs() {
    let module = wat::parse_str(r#"(module (import "env" "ext_a" (func)) (memory 1) (export "memory" (memory 0)))"#);
    let bare = module.expect("a module");
    let packed = Blob::parse("seed", bare.clone()).expect("a blob").to_compressed().expect("packed").deployed;
    let written = format!("0x{}", hex::encode(&bare)).into_bytes();
    run_damaged(readers::blob, &[bare, packed, written]);
}

#[test]
fn damaged_metadata_and_headers() {
    let state = real();
    let header = state.header.clone().expect("a header");
    let blob = state.code("seed").expect("a runtime");
    let metadata = artifact::Metadata::read("seed", &blob).expect("metadata");
    run_damaged(readers::header, &[header]);
    let mut rng = Rng(1);
    for _ in 0..60 {
        let mut bytes = metadata.bytes.clone();
        rng.damage(&mut bytes);
        readers::metadata(&bytes);
    }
    // Only the first bytes: the metadata consists mostly of types, and a few of them are enough.
    run_damaged(readers::metadata, &[metadata.bytes[..600].to_vec()]);
}
