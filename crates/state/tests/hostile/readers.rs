// SPDX-License-Identifier: Apache-2.0
//! Properties that hold for any input: no panic, and accepted input is consistent. The tests call
//! these functions in a bounded run, and `cargo fuzz` without a limit.

use artifact::{Blob, Metadata, hashes::blake2_256, sections::Sections};
use cutover_state::{State, StateExcerpt, StateFile, header::Header, trie};

/// Reads the input as a chain spec or a snapshot.
pub fn state(bytes: &[u8]) {
    let excerpt = StateExcerpt::from_reader("hostile", bytes);
    let nodes = streamed_root(bytes);
    if let Ok(state) = State::from_reader("hostile", bytes) {
        check_accepted(&state);
        // In a snapshot of trie nodes, the paths may be wrong. The excerpt then lacks these
        // entries.
        if let Ok(excerpt) = excerpt {
            for (key, value) in state.top.iter().filter(|(key, _)| key.len() <= 32) {
                assert_eq!(excerpt.get(key), Some(value.as_slice()));
            }
        }
        // A file with a wrong root is refused by the code that needs the root.
        assert!(nodes.is_none_or(|root| Some(root) == state.compute_root() || Some(root) == state.state_root));
    }
}

/// Returns the root of the nodes that a snapshot gives as a stream.
fn streamed_root(bytes: &[u8]) -> Option<[u8; 32]> {
    let path = std::env::temp_dir().join(format!("cutover-hostile-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("written");
    let root = StateFile::open(&path, 0).ok().flatten().and_then(|file| {
        let each = &mut |hash, node: &[u8]| {
            assert_eq!(hash, blake2_256(node), "every node has its own hash");
            Ok(())
        };
        file.nodes(each).ok()
    });
    std::fs::remove_file(&path).expect("removed");
    root
}

/// Reads the input as the body of a snapshot. It is compressed and gets a correct hash, so that the
/// reader does not stop at the hash.
pub fn snapshot(body: &[u8]) {
    let mut bytes = b"\x93CUTOVER".to_vec();
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(zstd::bulk::compress(body, 1).expect("compressed"));
    bytes.extend(blake2_256(&bytes));
    state(&bytes);
}

fn check_accepted(state: &State) {
    let _ = (state.complete(), state.summary(), state.code("hostile"));
    let root = state.compute_root();
    // Written as a snapshot and read again, the state is the same.
    if let Ok(bytes) = state.to_snapshot() {
        let again = State::from_reader("again", bytes.as_slice()).expect("a snapshot that was just made");
        assert_eq!((&again.top, again.compute_root()), (&state.top, root));
    }
}

/// Reads the input as trie nodes, each after its length in two bytes, with correct hashes. The
/// first one is the root.
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

/// Reads the input as a blob, compressed, plain or in hex, and reads its sections.
pub fn blob(bytes: &[u8]) {
    if let Ok(blob) = Blob::parse("hostile", bytes.to_vec()) {
        let _ = Sections::read("hostile", &blob);
    }
}

/// Reads the input as metadata.
pub fn metadata(bytes: &[u8]) {
    let _ = Metadata::from_bytes("hostile", bytes.to_vec());
}

/// Reads the input as a block header.
pub fn header(bytes: &[u8]) {
    let _ = Header::decode(bytes);
}
