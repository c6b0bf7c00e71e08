// SPDX-License-Identifier: Apache-2.0
//! What must hold for any bytes whatever: no panic, and what is accepted holds together. Called by the bounded run of
//! the tests and, without an end, by `cargo fuzz`.

use cutover_artifact::{Blob, Metadata, State, hashes::blake2_256, header::Header, sections::Sections, trie};

/// Chain specs, snapshots of ours and of try-runtime, as they are.
pub fn state(bytes: &[u8]) {
    if let Ok(state) = State::from_reader("hostile", bytes) {
        accepted(&state);
    }
}

/// The body of a snapshot of ours: compressed and sealed as the file has it, or no change of it would get past the
/// hash at its end.
pub fn snapshot(body: &[u8]) {
    let mut bytes = b"\x93CUTOVER".to_vec();
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(zstd::bulk::compress(body, 1).expect("compressed"));
    bytes.extend(blake2_256(&bytes));
    state(&bytes);
}

fn accepted(state: &State) {
    let _ = (state.complete(), state.summary(), state.code("hostile"));
    let root = state.compute_root();
    // Our own form of it says the same.
    if let Ok(bytes) = state.to_snapshot() {
        let again = State::from_reader("again", bytes.as_slice()).expect("a snapshot that was just made");
        assert_eq!((&again.top, again.compute_root()), (&state.top, root));
    }
}

/// Nodes of a proof, each behind its length in two bytes, under their true hashes; the first is the root.
pub fn proof(bytes: &[u8]) {
    let mut nodes = trie::Nodes::default();
    let (mut root, mut rest) = (None, bytes);
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let (node, tail) = tail.split_at(usize::from(u16::from_le_bytes(*length)).min(tail.len()));
        let _ = trie::Node::decode(node);
        let hash = blake2_256(node);
        root = root.or(Some(hash));
        nodes.insert(hash, node.to_vec());
        rest = tail;
    }
    if let Some(root) = root
        && let Ok(entries) = nodes.entries("hostile", root)
    {
        assert!(entries.is_sorted_by(|(one, _), (other, _)| one < other), "keys in order, each once");
    }
}

/// A blob, compressed, bare or in hex, and the facts of its sections.
pub fn blob(bytes: &[u8]) {
    if let Ok(blob) = Blob::parse("hostile", bytes.to_vec()) {
        let _ = Sections::read("hostile", &blob);
    }
}

pub fn metadata(bytes: &[u8]) {
    let _ = Metadata::from_bytes("hostile", bytes.to_vec());
}

pub fn header(bytes: &[u8]) {
    let _ = Header::decode(bytes);
}
