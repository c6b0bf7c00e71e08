// SPDX-License-Identifier: Apache-2.0
//! The identifier under which IPFS's default `add` stores a file: version 0, the chunks of a balanced tree.
//!
//! Written here because it is a page of code, and the libraries for it bring a network stack along.

use sha2::{Digest, Sha256};

const CHUNK: usize = 256 * 1024;
const LINKS: usize = 174;

/// A stored block as its parent sees it.
struct Node {
    hash: [u8; 32],
    /// Bytes of the file below this block.
    file_size: u64,
    /// Bytes of this block and of all blocks below it.
    total_size: u64,
}

/// The identifier of a file with this content.
pub(crate) fn cid_v0(content: &[u8]) -> String {
    let mut layer: Vec<Node> =
        if content.is_empty() { vec![leaf(content)] } else { content.chunks(CHUNK).map(leaf).collect() };
    while layer.len() > 1 {
        layer = layer.chunks(LINKS).map(parent).collect();
    }
    let root = layer.first().map(|node| node.hash).unwrap_or_default();
    bs58::encode(multihash(&root)).into_string()
}

fn leaf(chunk: &[u8]) -> Node {
    // UnixFS: type 2 is a file. An empty one carries its size but no data.
    let mut unixfs = vec![0x08, 2];
    if !chunk.is_empty() {
        field(&mut unixfs, 0x12, chunk);
    }
    number(&mut unixfs, 0x18, chunk.len() as u64);
    let mut block = Vec::with_capacity(unixfs.len() + 8);
    field(&mut block, 0x0a, &unixfs);
    Node { hash: Sha256::digest(&block).into(), file_size: chunk.len() as u64, total_size: block.len() as u64 }
}

fn parent(children: &[Node]) -> Node {
    let file_size = children.iter().map(|child| child.file_size).sum();
    let mut block = Vec::new();
    for child in children {
        let mut link = Vec::new();
        field(&mut link, 0x0a, &multihash(&child.hash));
        field(&mut link, 0x12, b"");
        number(&mut link, 0x18, child.total_size);
        field(&mut block, 0x12, &link);
    }
    let mut unixfs = vec![0x08, 2];
    number(&mut unixfs, 0x18, file_size);
    for child in children {
        number(&mut unixfs, 0x20, child.file_size);
    }
    // The format puts the data, field 1, after the links, field 2.
    field(&mut block, 0x0a, &unixfs);
    let below: u64 = children.iter().map(|child| child.total_size).sum();
    Node { hash: Sha256::digest(&block).into(), file_size, total_size: block.len() as u64 + below }
}

fn multihash(hash: &[u8; 32]) -> [u8; 34] {
    let mut bytes = [0; 34];
    bytes[0] = 0x12;
    bytes[1] = 32;
    bytes[2..].copy_from_slice(hash);
    bytes
}

fn field(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn number(out: &mut Vec<u8>, tag: u8, value: u64) {
    out.push(tag);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same bytes the script beside these tests makes.
    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| ((index * 7 + index / 251) % 256) as u8).collect()
    }

    #[test]
    fn well_known_files_have_their_well_known_identifiers() {
        assert_eq!(cid_v0(b""), "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH");
        assert_eq!(cid_v0(b"hello world\n"), "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o");
    }

    #[test]
    fn trees_of_every_depth_agree_with_an_independent_script() {
        // From tests/cid.py, which shares no code with this module.
        for line in include_str!("../tests/cid.txt").lines() {
            let (length, expected) = line.split_once(' ').expect("two columns");
            assert_eq!(cid_v0(&content(length.parse().expect("a length"))), expected, "{length} bytes");
        }
    }
}
